//! Identities by the thousands: ID tokens signed with the emulator's own key, where signing up that
//! many people would take longer than everything else.

use anyhow::Context;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use stage::{People, Stack};
use uuid::Uuid;

/// Makes ID tokens that the HTTP API takes.
pub struct Mint {
    header: Header,
    claims: Value,
    key: EncodingKey,
}

impl Mint {
    /// Signs one person up, whose token is the pattern of all others.
    ///
    /// # Errors
    /// When Cognito refuses, or the emulator keeps its keys elsewhere.
    pub async fn of(stack: &Stack) -> anyhow::Result<Self> {
        let people = People::new(stack)?;
        let username = format!("pattern-{}@example.com", Uuid::new_v4().simple());
        let password = format!("Cue7-{}", Uuid::new_v4().simple());
        people.create(&username, "Pattern", &password).await?;
        let token = people.sign_in(&username, &password).await?;
        let mut header = Header::new(Algorithm::RS256);
        header.kid = part(&token, 0)?["kid"].as_str().map(str::to_owned);
        let file = format!("{}-id.pem", stack.outputs.user_pool_id);
        let keys = Stack::path().with_file_name("state/ministack/cognito-pool-keys");
        let pem = std::fs::read(keys.join(file)).context("cannot read the pool's key")?;
        Ok(Self {
            header,
            claims: part(&token, 1)?,
            key: EncodingKey::from_rsa_pem(&pem).context("cannot use the pool's key")?,
        })
    }

    /// The token of someone with this id and name. It is valid as long as the pattern is.
    ///
    /// # Errors
    /// Only when the key cannot sign.
    pub fn token(&self, viewer_id: &str, name: &str) -> anyhow::Result<String> {
        let mut claims = self.claims.clone();
        claims["sub"] = json!(viewer_id);
        claims["cognito:username"] = json!(viewer_id);
        claims["name"] = json!(name);
        Ok(encode(&self.header, &claims, &self.key)?)
    }
}

/// The header or the claims of a token.
fn part(token: &str, number: usize) -> anyhow::Result<Value> {
    let part = token.split('.').nth(number).context("not a token")?;
    Ok(serde_json::from_slice(
        &BASE64_URL_SAFE_NO_PAD.decode(part)?,
    )?)
}
