//! From a request to its answer, without the calls to AWS in between.
//!
//! [`TokenDesk::receive`] says who asks for which channel; with what is known of their entitlement,
//! [`TokenDesk::issue`] makes the answer and its announcement.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use cuepoint_shared::{
    channels::Channels,
    event_bus::{Outgoing, PublishError},
    events::{Event, Metadata, PlaybackTokenIssued},
    http::{self, Caller, Problem, Request},
    ids::{ChannelId, InvalidId, UserId},
};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    playback_key::{PlaybackKey, SigningError},
    rules::{self, Entitlement, Refusal},
    viewer_limit::ViewerLimit,
};

/// Why a request gets no token.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The caller's own doing.
    #[error("{}", .0.name())]
    Problem(Problem),
    /// The caller may not watch.
    #[error("not entitled: {0:?}")]
    Refused(#[from] Refusal),
    /// The key could not sign.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The announcement is more than the bus takes.
    #[error("the token cannot be announced: {0}")]
    Announcement(#[from] PublishError),
    /// Without a usable id the announcement has no name.
    #[error("the invocation has no id to name its event by: {0}")]
    Invocation(#[from] InvalidId),
}

impl From<Problem> for DeskError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl DeskError {
    /// What the caller is told.
    pub fn problem(self) -> Problem {
        match self {
            Self::Problem(problem) => problem,
            Self::Refused(refusal) => Problem::new(
                403,
                "not-entitled",
                "Not entitled to watch this channel",
                refusal.to_string(),
            ),
            Self::Signing(_) | Self::Announcement(_) | Self::Invocation(_) => {
                Problem::unavailable()
            }
        }
    }
}

/// Who asks for a token of which channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The caller, by their verified identity and nothing else of the request.
    pub user_id: UserId,
    /// The channel. It may not exist.
    pub channel_id: ChannelId,
}

/// A token, ready to be handed out once its announcement is on the bus.
pub struct Issued {
    /// The answer, with the token in it.
    pub response: ApiGatewayV2httpResponse,
    /// The event that tells of it, without the token.
    pub announcement: Outgoing,
}

/// The answer that lets a player play.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IssuedToken<'a> {
    token: &'a str,
    playback_url: &'a str,
    expires_at: Timestamp,
    single_use: bool,
}

/// Decides on requests and signs tokens.
#[derive(Debug)]
pub struct TokenDesk {
    key: PlaybackKey,
    channels: Channels,
    limit: ViewerLimit,
    new_id: fn() -> Uuid,
}

impl TokenDesk {
    /// A desk that signs with `key` for `channels`. `new_id` makes random UUIDs.
    pub fn new(
        key: PlaybackKey,
        channels: Channels,
        limit: ViewerLimit,
        new_id: fn() -> Uuid,
    ) -> Self {
        Self {
            key,
            channels,
            limit,
            new_id,
        }
    }

    /// Reads a request, before anything is looked up for it.
    ///
    /// # Errors
    /// 401 without a verified identity, 429 when the caller asks too often, 413 or 400 for a body
    /// that is no JSON object. A channel id that cannot exist is refused like one that does not.
    pub fn receive(&self, request: &Request) -> Result<Ask, DeskError> {
        let Caller { user_id, .. } = request.caller()?;
        self.limit
            .admit(&user_id)
            .map_err(Problem::too_many_requests)?;
        request.no_body()?;
        let channel_id = request
            .path("channelId")
            .map_err(|_| Refusal::NotEntitled)?;
        Ok(Ask {
            user_id,
            channel_id,
        })
    }

    /// Answers at the time `now`, by what is known of the caller's entitlement for the channel.
    /// `request_id` is the invocation's: the announcement is named by it.
    ///
    /// # Errors
    /// [`DeskError`] says why there is no token.
    pub fn issue(
        &self,
        ask: Ask,
        entitlement: Option<&Entitlement>,
        now: Timestamp,
        request_id: &str,
    ) -> Result<Issued, DeskError> {
        let Ask {
            user_id,
            channel_id,
        } = ask;
        let (grant, channel) = rules::decide(entitlement, now, self.channels.get(&channel_id))?;
        let claims = rules::claims(&grant, channel, &user_id, self.new_id);
        let token = self.key.sign(&claims)?;
        let response = http::ok(
            200,
            &IssuedToken {
                token: &token,
                playback_url: &channel.playback_url,
                expires_at: grant.expires_at,
                single_use: channel.single_use,
            },
        );
        let event = Event {
            metadata: Metadata::new(
                format!("playback-token/{request_id}").parse()?,
                now,
                request_id.parse()?,
            ),
            data: PlaybackTokenIssued {
                user_id,
                channel_id,
                expires_at: grant.expires_at,
                viewer_session_version: grant.viewer_session_version,
                key_fingerprint: self.key.fingerprint().to_owned(),
            },
        };
        Ok(Issued {
            response,
            announcement: Outgoing::new(&event)?,
        })
    }
}

#[cfg(test)]
mod tests;
