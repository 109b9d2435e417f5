//! People in Cognito: make a user, put them into a group, sign them in; and make a pool of others.
//!
//! The adapter for Amazon Cognito user pools.

use serde_json::{Value, json};

use crate::{
    json_service::{CallError, JsonService},
    stack::{Stack, StackError},
};

/// How often a user is made who could not be because others were made at the same time.
const ATTEMPTS: u32 = 5;

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

/// What a sign-in gives.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Says who the user is: what the HTTP API takes.
    pub id: String,
    /// Lets the user call Cognito itself.
    pub access: String,
}

/// The user pool of a deployed stack, or another one. Cheap to clone; calls may run at the same time.
#[derive(Debug, Clone)]
pub struct People {
    cognito: JsonService,
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
            cognito: JsonService::new(stack, "cognito-idp", "AWSCognitoIdentityProviderService")?,
            user_pool_id: stack.outputs.user_pool_id.clone(),
            client_id: stack.outputs.user_pool_client_id.clone(),
        })
    }

    /// A new pool that no stack knows, in the same account.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn strangers(&self) -> Result<Self, CallError> {
        let made = |made: &Value, action, kind: &str, field| {
            let id = made[kind][field].as_str().map(str::to_owned);
            id.ok_or(CallError::Malformed { action, field })
        };
        let action = "CreateUserPool";
        let pool = self
            .cognito
            .signed(action, json!({"PoolName": "strangers"}));
        let user_pool_id = made(&pool.await?, action, "UserPool", "Id")?;
        let action = "CreateUserPoolClient";
        let client = self.cognito.signed(
            action,
            json!({
                "UserPoolId": user_pool_id,
                "ClientName": "strangers",
                "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            }),
        );
        let client_id = made(&client.await?, action, "UserPoolClient", "ClientId")?;
        Ok(Self {
            cognito: self.cognito.clone(),
            user_pool_id,
            client_id,
        })
    }

    /// Makes a user who can sign in at once. `name` is what others see of them.
    ///
    /// # Errors
    /// [`CallError::Refused`] with `UsernameExistsException` when the name is taken, with
    /// `InvalidPasswordException` when the pool's policy wants a better password; the others.
    pub async fn create(
        &self,
        username: &str,
        name: &str,
        password: &str,
    ) -> Result<Person, CallError> {
        let created = self.created(username, name).await?;
        let user_id = sub(&created).ok_or(CallError::Malformed {
            action: "AdminCreateUser",
            field: "attribute sub",
        })?;
        self.cognito
            .signed(
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

    /// Makes a user. The local cloud looks through all users before it makes one, and fails by itself
    /// when another one is made meanwhile: then it is asked again.
    async fn created(&self, username: &str, name: &str) -> Result<Value, CallError> {
        let user = json!({
            "UserPoolId": self.user_pool_id,
            "Username": username,
            "MessageAction": "SUPPRESS",
            "UserAttributes": [{"Name": "name", "Value": name}],
        });
        for _ in 1..ATTEMPTS {
            match self.cognito.signed("AdminCreateUser", user.clone()).await {
                Err(CallError::Refused { code, .. }) if code == "InternalError" => {}
                answer => return answer,
            }
        }
        self.cognito.signed("AdminCreateUser", user).await
    }

    /// The id of the user who signs in with this name.
    ///
    /// # Errors
    /// [`CallError::Refused`] with `UserNotFoundException` when there is none; the others.
    pub async fn user_id(&self, username: &str) -> Result<String, CallError> {
        const ACTION: &str = "AdminGetUser";
        let body = json!({"UserPoolId": self.user_pool_id, "Username": username});
        let user = self.cognito.signed(ACTION, body).await?;
        attribute(&user["UserAttributes"], "sub")
            .map(str::to_owned)
            .ok_or(CallError::Malformed {
                action: ACTION,
                field: "attribute sub",
            })
    }

    /// Puts a user into a group, e.g. `producers`. Tokens issued before do not know it.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn add_to_group(&self, username: &str, group: &str) -> Result<(), CallError> {
        self.cognito
            .signed(
                "AdminAddUserToGroup",
                json!({"UserPoolId": self.user_pool_id, "Username": username, "GroupName": group}),
            )
            .await?;
        Ok(())
    }

    /// Signs in with a password, as the app would, and returns the ID token for the HTTP API.
    ///
    /// # Errors
    /// As [`People::tokens`].
    pub async fn sign_in(&self, username: &str, password: &str) -> Result<String, CallError> {
        Ok(self.tokens(username, password).await?.id)
    }

    /// Signs in with a password, as the app would.
    ///
    /// # Errors
    /// [`CallError::Refused`] with `NotAuthorizedException` for a wrong name or password; the
    /// others.
    pub async fn tokens(&self, username: &str, password: &str) -> Result<Tokens, CallError> {
        const ACTION: &str = "InitiateAuth";
        let body = json!({
            "ClientId": self.client_id,
            "AuthFlow": "USER_PASSWORD_AUTH",
            "AuthParameters": {"USERNAME": username, "PASSWORD": password},
        });
        let answer = self.cognito.unsigned(ACTION, body).await?;
        let token = |name: &str| {
            answer["AuthenticationResult"][name]
                .as_str()
                .map(str::to_owned)
        };
        token("IdToken")
            .zip(token("AccessToken"))
            .map(|(id, access)| Tokens { id, access })
            .ok_or(CallError::Malformed {
                action: ACTION,
                field: "ID token or access token",
            })
    }
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
}
