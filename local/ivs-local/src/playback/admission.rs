//! Who may play: the token of a private channel, the channel's playback restriction policy, and
//! what was taken back since.

use axum::http::{HeaderMap, header};

use super::PlaybackError;
use super::sessions::Session;
use crate::app::App;
use crate::arn;
use crate::tokens::origin::Origins;
use crate::tokens::{self, Grant, Refusal};

/// Which of a playback's requests asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Request {
    /// For the multivariant playlist.
    First,
    /// For a media playlist or a segment.
    Further,
}

/// Admits a request for a channel's multivariant playlist. A channel without authorization needs no
/// token, and grants none.
pub(super) fn to_channel(
    app: &App,
    channel_arn: &str,
    token: Option<&str>,
    headers: &HeaderMap,
) -> Result<Option<Grant>, PlaybackError> {
    let keys = {
        let catalog = app.catalog();
        let channel = catalog
            .channel(channel_arn)
            .map_err(|_| PlaybackError::NoChannel)?;
        let pairs = catalog.key_pairs(arn::region(channel_arn));
        let keys = pairs.map(|pair| pair.key.clone()).collect::<Vec<_>>();
        channel.authorized.then_some(keys)
    };
    check_policy(app, channel_arn, headers, Request::First)?;
    let Some(keys) = keys else {
        return Ok(None);
    };
    let token = token
        .filter(|token| !token.is_empty())
        .ok_or(Refusal::Missing)?;
    let now = app.context.now();
    let grant = tokens::verify(token, channel_arn, &keys, now, origin(headers))?;
    if grant
        .viewer
        .as_ref()
        .is_some_and(|viewer| app.revocations().is_revoked(channel_arn, viewer))
    {
        return Err(Refusal::Revoked.into());
    }
    Ok(Some(grant))
}

/// Admits a request of a playback that has begun.
pub(super) fn to_session(
    app: &App,
    id: &str,
    headers: &HeaderMap,
) -> Result<Session, PlaybackError> {
    let now = app.context.now();
    let session = app
        .sessions()
        .touch(id, now)
        .ok_or(PlaybackError::NoSession)?;
    if let Some(origins) = &session.strict_origins
        && !origins.admit(origin(headers), true)
    {
        return Err(Refusal::Origin.into());
    }
    check_policy(
        app,
        &session.broadcast.channel_arn,
        headers,
        Request::Further,
    )?;
    check_revoked(app, &session)?;
    Ok(session)
}

/// Checks that the viewer's session has not been revoked.
pub(super) fn check_revoked(app: &App, session: &Session) -> Result<(), Refusal> {
    let channel_arn = &session.broadcast.channel_arn;
    let revoked = session
        .viewer
        .as_ref()
        .is_some_and(|viewer| app.revocations().is_revoked(channel_arn, viewer));
    if revoked {
        return Err(Refusal::Revoked);
    }
    Ok(())
}

/// Checks the channel's policy as it is now, since it may change while the channel is played. It
/// holds for public channels too. One that is not strict is about the first request only.
fn check_policy(
    app: &App,
    channel_arn: &str,
    headers: &HeaderMap,
    request: Request,
) -> Result<(), Refusal> {
    let catalog = app.catalog();
    let Some(policy) = catalog.policy_of(channel_arn) else {
        return Ok(());
    };
    let strict = policy.enable_strict_origin_enforcement;
    if policy.allowed_origins.is_empty() || (request == Request::Further && !strict) {
        return Ok(());
    }
    let origins: Origins = policy.allowed_origins.iter().map(String::as_str).collect();
    if origins.admit(origin(headers), strict) {
        Ok(())
    } else {
        Err(Refusal::Policy)
    }
}

fn origin(headers: &HeaderMap) -> Option<&str> {
    // An origin that is not text matches no list, so it must not look absent.
    headers
        .get(header::ORIGIN)
        .map(|value| value.to_str().unwrap_or("null"))
}
