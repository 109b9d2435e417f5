//! A service that speaks AWS's JSON protocol, without its generated client.
//!
//! Of some services so few calls are needed that compiling their whole client would take longer than
//! everything else here. Their calls are made by hand and signed by the SDK's own signer.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use serde_json::Value;

use crate::stack::{Stack, StackError};

/// The content type of the protocol's version 1.1.
const JSON: &str = "application/x-amz-json-1.1";

/// The service did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The service was not reached or its answer not received.
    #[error("{action}: no answer: {source}")]
    Unreachable {
        /// The API operation.
        action: &'static str,
        /// Why.
        source: reqwest::Error,
    },
    /// The service refused.
    #[error("{action}: {code}: {message}")]
    Refused {
        /// The API operation.
        action: &'static str,
        /// The error's name, e.g. `UsernameExistsException`.
        code: String,
        /// Its message.
        message: String,
    },
    /// The answer has not the form that is documented.
    #[error("{action}: the answer has no {field}")]
    Malformed {
        /// The API operation.
        action: &'static str,
        /// What is missing.
        field: &'static str,
    },
    /// The request could not be signed.
    #[error("{action}: cannot be signed: {reason}")]
    Unsigned {
        /// The API operation.
        action: &'static str,
        /// Why.
        reason: String,
    },
}

/// A service of a stack's account. Cheap to clone; calls may run at the same time.
#[derive(Debug, Clone)]
pub struct JsonService {
    http: reqwest::Client,
    endpoint_url: String,
    region: String,
    credentials: Credentials,
    /// How signatures name it.
    name: &'static str,
    /// How its operations are named before the dot.
    operations: &'static str,
}

impl JsonService {
    /// The service that signatures call `name`, and whose operations are `operations.Action`.
    ///
    /// # Errors
    /// [`StackError`] when there is no HTTP client for the stack.
    pub fn new(
        stack: &Stack,
        name: &'static str,
        operations: &'static str,
    ) -> Result<Self, StackError> {
        Ok(Self {
            http: stack.http_client()?,
            endpoint_url: format!("{}/", stack.endpoint_url.trim_end_matches('/')),
            region: stack.region.clone(),
            credentials: Credentials::new(
                &stack.access_key_id,
                &stack.secret_access_key,
                None,
                None,
                "local-cloud",
            ),
            name,
            operations,
        })
    }

    /// A call that only the account's administrator may make.
    ///
    /// # Errors
    /// [`CallError`] when it is refused or not answered.
    pub async fn signed(&self, action: &'static str, body: Value) -> Result<Value, CallError> {
        let body = body.to_string();
        let mut request = self.request(action);
        for (name, value) in self.signature(action, &body)? {
            request = request.header(name, value);
        }
        send(action, request, body).await
    }

    /// A call that anyone may make.
    pub(crate) async fn unsigned(
        &self,
        action: &'static str,
        body: Value,
    ) -> Result<Value, CallError> {
        send(action, self.request(action), body.to_string()).await
    }

    /// The header that names the operation.
    fn target(&self, action: &str) -> String {
        format!("{}.{action}", self.operations)
    }

    fn request(&self, action: &str) -> reqwest::RequestBuilder {
        self.http
            .post(&self.endpoint_url)
            .header("content-type", JSON)
            .header("x-amz-target", self.target(action))
    }

    /// The headers that sign a call by Signature Version 4.
    fn signature(
        &self,
        action: &'static str,
        body: &str,
    ) -> Result<Vec<(String, String)>, CallError> {
        let unsigned = |reason: String| CallError::Unsigned { action, reason };
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.name)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| unsigned(error.to_string()))?
            .into();
        let target = self.target(action);
        let headers = [("content-type", JSON), ("x-amz-target", target.as_str())];
        let request = SignableRequest::new(
            "POST",
            &self.endpoint_url,
            headers.into_iter(),
            SignableBody::Bytes(body.as_bytes()),
        )
        .map_err(|error| unsigned(error.to_string()))?;
        let (instructions, _) = sign(request, &parameters)
            .map_err(|error| unsigned(error.to_string()))?
            .into_parts();
        Ok(instructions
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

async fn send(
    action: &'static str,
    request: reqwest::RequestBuilder,
    body: String,
) -> Result<Value, CallError> {
    let unreachable = |source| CallError::Unreachable { action, source };
    let response = request.body(body).send().await.map_err(unreachable)?;
    let succeeded = response.status().is_success();
    let text = response.text().await.map_err(unreachable)?;
    if !succeeded {
        return Err(refusal(action, &text));
    }
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).map_err(|_| CallError::Malformed {
        action,
        field: "JSON body",
    })
}

/// Reads an error of the JSON protocol: `__type` may carry a namespace before a `#`.
fn refusal(action: &'static str, body: &str) -> CallError {
    let error: Value = serde_json::from_str(body).unwrap_or_default();
    let code = error["__type"].as_str().unwrap_or("unknown error");
    CallError::Refused {
        action,
        code: code.rsplit('#').next().unwrap_or(code).to_owned(),
        message: error["message"].as_str().unwrap_or(body).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_the_name_and_the_message() {
        let text = |body| refusal("InitiateAuth", body).to_string();
        assert_eq!(
            text(r#"{"__type":"com.amazonaws#NotAuthorizedException","message":"Wrong."}"#),
            "InitiateAuth: NotAuthorizedException: Wrong."
        );
        assert_eq!(text("<html>"), "InitiateAuth: unknown error: <html>");
    }
}
