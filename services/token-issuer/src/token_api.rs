//! The function `token-api`: `POST /channels/{channelId}/playback-token`.
//!
//! Every token is announced before it is handed out; one that cannot be announced is not. Each
//! request makes a new token, so a repeat is answered with another one, announced by its own
//! event, whose id is the invocation's.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use cuepoint_shared::{
    channels::{Channel, Channels},
    clock::Clock,
    event_bus::{EventBus, Outgoing, PublishError},
    events::{Event, Metadata, PlaybackTokenIssued},
    http::{self, Caller, Problem},
    ids::{ChannelId, InvalidId, UserId},
};
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::Serialize;

use crate::{
    playback_key::{PlaybackKey, SigningError},
    rules::{self, Grant, Refusal},
    store::{Entitlements, StoreError},
};

/// The answer that lets a player play.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct IssuedToken<'a> {
    token: String,
    playback_url: &'a str,
    expires_at: Timestamp,
}

/// Why a request got no token.
#[derive(Debug, thiserror::Error)]
enum TokenError {
    /// The caller's own doing.
    #[error("{}", .0.name())]
    Problem(Problem),
    #[error("not entitled: {0:?}")]
    Refused(Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Signing(#[from] SigningError),
    #[error("the token was not announced: {0}")]
    Publish(#[from] PublishError),
    #[error("the invocation has no id to name its event by: {0}")]
    Invocation(#[from] InvalidId),
}

impl TokenError {
    fn problem(self) -> Problem {
        match self {
            Self::Problem(problem) => problem,
            Self::Refused(refusal) => Problem::new(
                403,
                "not-entitled",
                "Not entitled to watch this channel",
                refusal.to_string(),
            ),
            _ => Problem::unavailable(),
        }
    }
}

/// Handles requests for playback tokens.
#[derive(Debug)]
pub struct TokenHandler {
    entitlements: Entitlements,
    key: PlaybackKey,
    bus: EventBus,
    channels: Channels,
    now: Clock,
}

impl TokenHandler {
    /// A handler that reads `entitlements`, signs with `key` and announces on `bus`.
    pub fn new(
        entitlements: Entitlements,
        key: PlaybackKey,
        bus: EventBus,
        channels: Channels,
        now: Clock,
    ) -> Self {
        Self {
            entitlements,
            key,
            bus,
            channels,
            now,
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// None: every failure is an answer.
    pub async fn handle(
        &self,
        event: LambdaEvent<ApiGatewayV2httpRequest>,
    ) -> Result<ApiGatewayV2httpResponse, Diagnostic> {
        let request_id = &event.context.request_id;
        match self.issue(&event.payload, request_id).await {
            Ok(response) => {
                tracing::info!(request_id, status = 200, "token issued");
                Ok(response)
            }
            Err(error) => {
                let cause = error.to_string();
                let problem = error.problem();
                let status = problem.status();
                match status {
                    500.. => tracing::error!(request_id, status, cause, "no token issued"),
                    _ => tracing::info!(request_id, status, cause, "no token issued"),
                }
                Ok(problem.response())
            }
        }
    }

    async fn issue(
        &self,
        request: &ApiGatewayV2httpRequest,
        request_id: &str,
    ) -> Result<ApiGatewayV2httpResponse, TokenError> {
        let caller = Caller::of(request).map_err(TokenError::Problem)?;
        // A channel id that cannot exist is answered like one that does not.
        let channel_id: ChannelId = http::path(request, "channelId")
            .map_err(|_| TokenError::Refused(Refusal::NotEntitled))?;
        let entitlement = self.entitlements.get(&caller.user_id, &channel_id).await?;
        let channel = self.channels.get(&channel_id);
        let now = (self.now)();
        let (grant, channel) =
            rules::decide(entitlement.as_ref(), now, channel).map_err(TokenError::Refused)?;
        let token = self
            .key
            .sign(&rules::claims(&grant, channel, &caller.user_id))?;
        self.announce(caller.user_id, channel_id, &grant, now, request_id)
            .await?;
        Ok(answer(token, channel, &grant))
    }

    async fn announce(
        &self,
        user_id: UserId,
        channel_id: ChannelId,
        grant: &Grant,
        now: Timestamp,
        request_id: &str,
    ) -> Result<(), TokenError> {
        let metadata = Metadata::new(
            format!("playback-token/{request_id}").parse()?,
            now,
            request_id.parse()?,
        );
        let event = Event {
            metadata,
            data: PlaybackTokenIssued {
                user_id,
                channel_id,
                expires_at: grant.expires_at,
                viewer_session_version: grant.viewer_session_version,
                key_fingerprint: self.key.fingerprint().to_owned(),
            },
        };
        Ok(self.bus.publish(&[Outgoing::new(&event)?]).await?)
    }
}

fn answer(token: String, channel: &Channel, grant: &Grant) -> ApiGatewayV2httpResponse {
    let body = IssuedToken {
        token,
        playback_url: &channel.playback_url,
        expires_at: grant.expires_at,
    };
    http::ok(200, &body)
}
