//! Playback tokens: who may start playing a private channel, and from where.
//!
//! The rules are those of "Generate and Sign IVS Playback Tokens" in the Amazon IVS user guide.
//! [`verify`] is one plain function of the token, the keys and the time; [`key`] holds the public
//! keys, [`origin`] matches browser origins, [`resolution`] caps what is seen, [`revocation`]
//! remembers what was taken back.

pub mod key;
pub mod origin;
pub mod resolution;
pub mod revocation;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;
use uuid::Uuid;

use key::PlaybackKey;
use origin::Origins;
use resolution::MaximumResolution;

/// Longest viewer id, in characters (service model, `ViewerId`).
pub const VIEWER_ID_CHARS: usize = 40;
/// Most origins of a token that enforces them on every request.
const STRICT_ORIGINS: usize = 5;
/// Longest life, in seconds, of a token that names a viewer or is for a single use: what is taken
/// back must be remembered only that long.
const TRACKED_SECONDS: i64 = 600;

/// A viewer's session, as a token names it and a revocation ends it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Viewer {
    /// Whoever signed the token knows who this is; never logged.
    pub id: String,
    /// Rises when the viewer is let in again after a revocation.
    pub session_version: i64,
}

impl std::fmt::Debug for Viewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Viewer(version {})", self.session_version)
    }
}

/// What a valid token grants.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// The viewer, when the token names one.
    pub viewer: Option<Viewer>,
    /// Origins that every request must come from, when the token asks for that.
    pub strict_origins: Option<Origins>,
    /// The token may start one playback only, known by this id.
    pub single_use: Option<Uuid>,
    /// The viewer gets no rendition above this.
    pub maximum_resolution: Option<MaximumResolution>,
    /// When the token stops starting playbacks.
    pub expires_at: Timestamp,
}

/// Why a request is refused. The text is for the client and names no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A private channel was asked for without a token.
    #[error("a playback token is required")]
    Missing,
    /// Not a token, or one with claims of the wrong kind.
    #[error("the playback token is malformed")]
    Malformed,
    /// Signed with anything but ES384.
    #[error("the playback token must be signed with ES384")]
    WrongAlgorithm,
    /// No imported key made the signature.
    #[error("the playback token was not signed with an imported key")]
    UnknownKey,
    /// Too old.
    #[error("the playback token has expired")]
    Expired,
    /// Not good yet.
    #[error("the playback token is not valid yet")]
    NotYet,
    /// It lives longer than one may that names a viewer or is for a single use.
    #[error("a playback token with a viewer id or a single-use id must expire within ten minutes")]
    TooLong,
    /// For another channel.
    #[error("the playback token is for another channel")]
    OtherChannel,
    /// Sent from a page that it does not allow.
    #[error("the playback token does not allow this origin")]
    Origin,
    /// Sent from a page that the channel's policy does not allow.
    #[error("the channel's playback restriction policy does not allow this origin")]
    Policy,
    /// There is nothing to play within its cap.
    #[error("no rendition is within the playback token's maximum resolution")]
    Resolution,
    /// Taken back.
    #[error("the viewer's session was revoked")]
    Revoked,
    /// A single-use token that has been used.
    #[error("the playback token has been used")]
    Used,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(rename = "aws:channel-arn")]
    channel_arn: String,
    exp: i64,
    nbf: Option<i64>,
    #[serde(rename = "aws:access-control-allow-origin")]
    allow_origin: Option<String>,
    #[serde(rename = "aws:strict-origin-enforcement", default)]
    strict_origin: bool,
    #[serde(rename = "aws:single-use-uuid")]
    single_use: Option<Uuid>,
    #[serde(rename = "aws:viewer-id")]
    viewer_id: Option<String>,
    #[serde(rename = "aws:viewer-session-version", default)]
    session_version: i64,
    #[serde(rename = "aws:maximum-resolution")]
    maximum_resolution: Option<MaximumResolution>,
}

/// Decides whether `token` starts a playback of `channel_arn` at `now` from `origin`, the request's
/// `Origin` header. `keys` are those imported in the channel's region.
///
/// # Errors
/// The first reason to refuse, signature before claims.
pub fn verify<'a>(
    token: &str,
    channel_arn: &str,
    keys: impl IntoIterator<Item = &'a PlaybackKey>,
    now: Timestamp,
    origin: Option<&str>,
) -> Result<Grant, Refusal> {
    let claims = signed_claims(token, keys)?;
    check_times(&claims, now)?;
    if claims.channel_arn != channel_arn {
        return Err(Refusal::OtherChannel);
    }
    let origins = claims.allow_origin.as_deref().map(Origins::parse);
    let strict_origins = match (claims.strict_origin, origins.clone()) {
        (false, _) => None,
        (true, Some(origins)) if origins.len() <= STRICT_ORIGINS => Some(origins),
        (true, _) => return Err(Refusal::Malformed),
    };
    if origins.is_some_and(|origins| !origins.admit(origin, claims.strict_origin)) {
        return Err(Refusal::Origin);
    }
    Ok(Grant {
        viewer: claims
            .viewer_id
            .map(|id| viewer(id, claims.session_version))
            .transpose()?,
        strict_origins,
        single_use: claims.single_use,
        maximum_resolution: claims.maximum_resolution,
        // IVS's own example counts in milliseconds, which is far beyond any calendar.
        expires_at: Timestamp::from_second(claims.exp).unwrap_or(Timestamp::MAX),
    })
}

/// A token is good from its `nbf` on, until the second of its `exp` begins.
fn check_times(claims: &Claims, now: Timestamp) -> Result<(), Refusal> {
    let now = now.as_second();
    if now >= claims.exp {
        return Err(Refusal::Expired);
    }
    if claims.nbf.is_some_and(|from| now < from) {
        return Err(Refusal::NotYet);
    }
    let tracked = claims.viewer_id.is_some() || claims.single_use.is_some();
    if tracked && claims.exp.saturating_sub(now) > TRACKED_SECONDS {
        return Err(Refusal::TooLong);
    }
    Ok(())
}

fn viewer(id: String, session_version: i64) -> Result<Viewer, Refusal> {
    if id.is_empty() || id.chars().count() > VIEWER_ID_CHARS {
        return Err(Refusal::Malformed);
    }
    Ok(Viewer {
        id,
        session_version,
    })
}

fn signed_claims<'a>(
    token: &str,
    keys: impl IntoIterator<Item = &'a PlaybackKey>,
) -> Result<Claims, Refusal> {
    // A header whose algorithm is unknown to the crate, `none` among them, is no header at all.
    let header = decode_header(token).map_err(|_| Refusal::Malformed)?;
    if header.alg != Algorithm::ES384 {
        return Err(Refusal::WrongAlgorithm);
    }
    let mut validation = Validation::new(Algorithm::ES384);
    // Times are checked by the caller's clock; audiences mean nothing to IVS.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims = HashSet::new();
    for key in keys {
        match decode::<serde_json::Value>(token, key.decoding_key(), &validation) {
            Ok(data) => return serde_json::from_value(data.claims).map_err(|_| Refusal::Malformed),
            Err(error) => match error.kind() {
                jsonwebtoken::errors::ErrorKind::InvalidSignature => {}
                _ => return Err(Refusal::Malformed),
            },
        }
    }
    Err(Refusal::UnknownKey)
}
