//! The function `token-api`: `POST /channels/{channelId}/playback-token`.
//!
//! Every token is announced before it is handed out; one that cannot be announced is not. Each
//! request makes a new token, so a repeat is answered with another one, announced by its own
//! event, whose id is the invocation's.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use cuepoint_shared::{
    clock::Clock,
    event_bus::{EventBus, PublishError},
    http::{Problem, Request},
};
use lambda_runtime::{Diagnostic, LambdaEvent};

use crate::{
    desk::{DeskError, TokenDesk},
    store::{Entitlements, StoreError},
};

/// Why a request got no token.
#[derive(Debug, thiserror::Error)]
enum TokenError {
    #[error(transparent)]
    Desk(#[from] DeskError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the token was not announced: {0}")]
    Publish(#[from] PublishError),
}

impl TokenError {
    fn problem(self) -> Problem {
        match self {
            Self::Desk(error) => error.problem(),
            Self::Store(_) | Self::Publish(_) => Problem::unavailable(),
        }
    }
}

/// Handles requests for playback tokens.
#[derive(Debug)]
pub struct TokenHandler {
    desk: TokenDesk,
    entitlements: Entitlements,
    bus: EventBus,
    now: Clock,
}

impl TokenHandler {
    /// A handler that reads `entitlements`, issues at `desk` and announces on `bus`.
    pub fn new(desk: TokenDesk, entitlements: Entitlements, bus: EventBus, now: Clock) -> Self {
        Self {
            desk,
            entitlements,
            bus,
            now,
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// None: every failure is an answer.
    pub async fn handle(
        &self,
        event: LambdaEvent<Request>,
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
        request: &Request,
        request_id: &str,
    ) -> Result<ApiGatewayV2httpResponse, TokenError> {
        let ask = self.desk.receive(request)?;
        let entitlement = self.entitlements.get(&ask.user_id, &ask.channel_id).await?;
        let now = (self.now)();
        let issued = self
            .desk
            .issue(ask, entitlement.as_ref(), now, request_id)?;
        self.bus.publish(&[issued.announcement]).await?;
        Ok(issued.response)
    }
}
