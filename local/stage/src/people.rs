//! People in Cognito: make a user, put them into a group, sign them in.
//!
//! The adapter for Amazon Cognito user pools. Five calls are needed, so it speaks the service's
//! JSON protocol itself, signed by the SDK's own signer; the generated client for all of Cognito
//! would take longer to compile than everything else here.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use serde_json::{Value, json};

use crate::stack::{Stack, StackError};

/// Cognito did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
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

/// A user who can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The `sub` of their tokens: what the services call userId and viewerId.
    pub user_id: String,
    /// The name they sign in with.
    pub username: String,
    /// The password they sign in with.
    pub password: String,
}

/// The user pool of a deployed stack. Cheap to clone; calls may run at the same time.
#[derive(Debug, Clone)]
pub struct People {
    http: reqwest::Client,
    endpoint_url: String,
    region: String,
    credentials: Credentials,
    user_pool_id: String,
    client_id: String,
}

impl People {
    /// The people of this stack.
    ///
    /// # Errors
    /// As [`Stack::http_client`].
    pub fn new(stack: &Stack) -> Result<Self, StackError> {
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
            user_pool_id: stack.outputs.user_pool_id.clone(),
            client_id: stack.outputs.user_pool_client_id.clone(),
        })
    }

    /// Makes a user who can sign in at once. `name` is what others see of them.
    ///
    /// # Errors
    /// [`PeopleError::Refused`] with `UsernameExistsException` when the name is taken, with
    /// `InvalidPasswordException` when the pool's policy wants a better password; the others.
    pub async fn create(
        &self,
        username: &str,
        name: &str,
        password: &str,
    ) -> Result<Person, PeopleError> {
        let created = self
            .signed(
                "AdminCreateUser",
                json!({
                    "UserPoolId": self.user_pool_id,
                    "Username": username,
                    "MessageAction": "SUPPRESS",
                    "UserAttributes": [{"Name": "name", "Value": name}],
                }),
            )
            .await?;
        let user_id = sub(&created).ok_or(PeopleError::Malformed {
            action: "AdminCreateUser",
            field: "attribute sub",
        })?;
        self.signed(
            "AdminSetUserPassword",
            json!({
                "UserPoolId": self.user_pool_id,
                "Username": username,
                "Password": password,
                "Permanent": true,
            }),
        )
        .await?;
        Ok(Person {
            user_id: user_id.to_owned(),
            username: username.to_owned(),
            password: password.to_owned(),
        })
    }

    /// The id of the user who signs in with this name.
    ///
    /// # Errors
    /// [`PeopleError::Refused`] with `UserNotFoundException` when there is none; the others.
    pub async fn user_id(&self, username: &str) -> Result<String, PeopleError> {
        const ACTION: &str = "AdminGetUser";
        let body = json!({"UserPoolId": self.user_pool_id, "Username": username});
        let user = self.signed(ACTION, body).await?;
        attribute(&user["UserAttributes"], "sub")
            .map(str::to_owned)
            .ok_or(PeopleError::Malformed {
                action: ACTION,
                field: "attribute sub",
            })
    }

    /// Puts a user into a group, e.g. `producers`. Tokens issued before do not know it.
    ///
    /// # Errors
    /// [`PeopleError`]
    pub async fn add_to_group(&self, username: &str, group: &str) -> Result<(), PeopleError> {
        self.signed(
            "AdminAddUserToGroup",
            json!({"UserPoolId": self.user_pool_id, "Username": username, "GroupName": group}),
        )
        .await?;
        Ok(())
    }

    /// Signs in with a password, as the app would, and returns the ID token for the HTTP API.
    ///
    /// # Errors
    /// [`PeopleError::Refused`] with `NotAuthorizedException` for a wrong name or password; the
    /// others.
    pub async fn sign_in(&self, username: &str, password: &str) -> Result<String, PeopleError> {
        const ACTION: &str = "InitiateAuth";
        let body = json!({
            "ClientId": self.client_id,
            "AuthFlow": "USER_PASSWORD_AUTH",
            "AuthParameters": {"USERNAME": username, "PASSWORD": password},
        });
        let answer = self
            .send(ACTION, self.request(ACTION), body.to_string())
            .await?;
        answer["AuthenticationResult"]["IdToken"]
            .as_str()
            .map(str::to_owned)
            .ok_or(PeopleError::Malformed {
                action: ACTION,
                field: "ID token",
            })
    }

    /// A call that only the account's administrator may make.
    async fn signed(&self, action: &'static str, body: Value) -> Result<Value, PeopleError> {
        let body = body.to_string();
        let mut request = self.request(action);
        for (name, value) in self.signature(action, &body)? {
            request = request.header(name, value);
        }
        self.send(action, request, body).await
    }

    fn request(&self, action: &str) -> reqwest::RequestBuilder {
        self.http
            .post(&self.endpoint_url)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target(action))
    }

    /// The headers that sign a call by Signature Version 4.
    fn signature(
        &self,
        action: &'static str,
        body: &str,
    ) -> Result<Vec<(String, String)>, PeopleError> {
        let unsigned = |reason: String| PeopleError::Unsigned { action, reason };
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("cognito-idp")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| unsigned(error.to_string()))?
            .into();
        let target = target(action);
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target.as_str()),
        ];
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

    async fn send(
        &self,
        action: &'static str,
        request: reqwest::RequestBuilder,
        body: String,
    ) -> Result<Value, PeopleError> {
        let unreachable = |source| PeopleError::Unreachable { action, source };
        let response = request.body(body).send().await.map_err(unreachable)?;
        let succeeded = response.status().is_success();
        let text = response.text().await.map_err(unreachable)?;
        if !succeeded {
            return Err(refusal(action, &text));
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).map_err(|_| PeopleError::Malformed {
            action,
            field: "JSON body",
        })
    }
}

/// The header that names the operation.
fn target(action: &str) -> String {
    format!("AWSCognitoIdentityProviderService.{action}")
}

/// The user's id in an answer of AdminCreateUser.
fn sub(created: &Value) -> Option<&str> {
    attribute(&created["User"]["Attributes"], "sub")
}

/// The value of one attribute of a user.
fn attribute<'a>(attributes: &'a Value, name: &str) -> Option<&'a str> {
    attributes
        .as_array()?
        .iter()
        .find(|attribute| attribute["Name"] == name)?["Value"]
        .as_str()
}

/// Reads an error of the JSON protocol: `__type` may carry a namespace before a `#`.
fn refusal(action: &'static str, body: &str) -> PeopleError {
    let error: Value = serde_json::from_str(body).unwrap_or_default();
    let code = error["__type"].as_str().unwrap_or("unknown error");
    PeopleError::Refused {
        action,
        code: code.rsplit('#').next().unwrap_or(code).to_owned(),
        message: error["message"].as_str().unwrap_or(body).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_id_is_the_sub_attribute() {
        let created = json!({"User": {"Username": "ada", "Attributes": [
            {"Name": "email", "Value": "ada@example.org"},
            {"Name": "sub", "Value": "7d3e"},
        ]}});
        assert_eq!(sub(&created), Some("7d3e"));
        assert_eq!(sub(&json!({"User": {"Attributes": []}})), None);
        assert_eq!(sub(&json!({})), None);
    }

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
