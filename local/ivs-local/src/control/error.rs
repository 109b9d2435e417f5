//! Errors of the control plane, as the IVS service model names them.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::broadcast::TagError;
use crate::catalog::CatalogError;
use crate::metadata_rate::TooMany;
use crate::tokens::revocation::Full;

/// An error answer: the SDKs tell its kind from the `x-amzn-errortype` header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The request cannot be understood or breaks a constraint.
    #[error("{0}")]
    Validation(String),
    /// The request is not signed, or for another service.
    #[error("{0}")]
    AccessDenied(String),
    /// Nothing has the ARN that was asked for.
    #[error("{0}")]
    NotFound(String),
    /// The channel has no live stream.
    #[error("channel {0} is not broadcasting")]
    NotBroadcasting(String),
    /// The resource is in a state that forbids this.
    #[error("{0}")]
    Conflict(String),
    /// One more would be too many.
    #[error("{0}")]
    Quota(String),
    /// Too many calls at once.
    #[error("{0}")]
    Throttling(String),
    /// This server failed.
    #[error("{0}")]
    Internal(String),
    /// Amazon IVS has it, this server does not.
    #[error("ivs-local does not implement {0}")]
    NotImplemented(String),
}

impl ApiError {
    /// What the service model calls it.
    pub fn name(&self) -> &'static str {
        self.name_and_status().0
    }

    fn name_and_status(&self) -> (&'static str, StatusCode) {
        match self {
            Self::Validation(_) => ("ValidationException", StatusCode::BAD_REQUEST),
            Self::AccessDenied(_) => ("AccessDeniedException", StatusCode::FORBIDDEN),
            Self::NotFound(_) => ("ResourceNotFoundException", StatusCode::NOT_FOUND),
            Self::NotBroadcasting(_) => ("ChannelNotBroadcasting", StatusCode::NOT_FOUND),
            Self::Conflict(_) => ("ConflictException", StatusCode::CONFLICT),
            Self::Quota(_) => (
                "ServiceQuotaExceededException",
                StatusCode::PAYMENT_REQUIRED,
            ),
            Self::Throttling(_) => ("ThrottlingException", StatusCode::TOO_MANY_REQUESTS),
            Self::Internal(_) => ("InternalServerException", StatusCode::INTERNAL_SERVER_ERROR),
            // Not in the model. 501 because the SDKs do not repeat it.
            Self::NotImplemented(_) => ("NotImplementedException", StatusCode::NOT_IMPLEMENTED),
        }
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        let text = error.to_string();
        match error {
            CatalogError::NotFound(_) => Self::NotFound(text),
            CatalogError::Quota(_) => Self::Quota(text),
            CatalogError::DuplicateKey(_) | CatalogError::InUse(_) => Self::Conflict(text),
        }
    }
}

impl From<Full> for ApiError {
    fn from(_: Full) -> Self {
        Self::Throttling("too many viewers have been revoked".into())
    }
}

impl From<TooMany> for ApiError {
    fn from(error: TooMany) -> Self {
        Self::Throttling(error.to_string())
    }
}

impl ApiError {
    /// The answer to a tag that the stream of `channel_arn` did not take.
    pub fn for_tag(error: TagError, channel_arn: &str) -> Self {
        match error {
            TagError::Ended => Self::NotBroadcasting(channel_arn.to_owned()),
            TagError::TooMany => Self::Throttling(error.to_string()),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (name, status) = self.name_and_status();
        let text = self.to_string();
        // The model's member, and the one that boto3 and the AWS CLI show.
        let body = json!({ "exceptionMessage": text, "message": text });
        let mut response = (status, Json(body)).into_response();
        response
            .headers_mut()
            .insert("x-amzn-errortype", HeaderValue::from_static(name));
        response
    }
}
