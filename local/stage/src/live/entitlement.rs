//! `stage entitle` and `stage revoke`: what a shop says on the bus about one of its customers.

use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde_json::Value;
use stage::{CallError, People, Stack, entitlements, upstream};
use uuid::Uuid;

/// How long an event may take to the table.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub(crate) struct Change {
    /// A word that `up` printed, or the name the user signs in with.
    #[arg(required_unless_present = "user_id", conflicts_with = "user_id")]
    user: Option<String>,
    /// The `sub` of the user's tokens instead.
    #[arg(long)]
    user_id: Option<String>,
    /// The channel's id; else the channel of the show.
    #[arg(long)]
    channel: Option<String>,
}

pub(crate) async fn entitle(options: Change) -> anyhow::Result<()> {
    put(options, "user-entitled", |event_id, user_id, channel_id| {
        upstream::user_entitled(event_id, Timestamp::now(), user_id, channel_id)
    })
    .await
}

pub(crate) async fn revoke(options: Change) -> anyhow::Result<()> {
    let detail = |event_id: &str, user_id: &str, channel_id: &str| {
        let (now, reason) = (Timestamp::now(), "revoked by hand");
        upstream::user_entitlement_revoked(event_id, now, user_id, channel_id, reason)
    };
    put(options, "user-entitlement-revoked", detail).await
}

/// Puts the event on the bus and waits until the entitlement service has applied it.
async fn put(
    options: Change,
    detail_type: &str,
    detail: impl FnOnce(&str, &str, &str) -> Value,
) -> anyhow::Result<()> {
    let stack = Stack::load()?;
    let user_id = match (options.user_id, options.user) {
        (Some(user_id), _) => user_id,
        (None, Some(user)) => known(&stack, &user).await?,
        (None, None) => bail!("name a user"),
    };
    let channel_id = options
        .channel
        .unwrap_or_else(|| stack.channel.channel_id.clone());
    let event_id = format!("by-hand-{}", Uuid::new_v4());
    let detail = detail(&event_id, &user_id, &channel_id);
    let bus = &stack.outputs.event_bus_name;
    let config = stack.sdk_config().await;
    let events = aws_sdk_eventbridge::Client::new(&config);
    upstream::put(&events, bus, detail_type, &detail).await?;
    println!(
        "{detail_type} is on the bus {bus}, from {}:",
        upstream::SOURCE
    );
    println!("{}", serde_json::to_string_pretty(&detail)?);
    let table = aws_sdk_dynamodb::Client::new(&config);
    let version = entitlements::applied(
        &table,
        &stack.outputs.entitlements_table,
        (&user_id, &channel_id),
        &event_id,
        PATIENCE,
    )
    .await?;
    let now = match detail_type {
        "user-entitled" => "a playback token is signed on request",
        _ => "no playback token is signed, and who is watching is cut off",
    };
    println!("Applied: {now} (viewer session version {version}).");
    Ok(())
}

/// The id of a user by a word that `up` printed, or by the name they sign in with.
async fn known(stack: &Stack, user: &str) -> anyhow::Result<String> {
    let users = super::users()?.unwrap_or_default();
    if let Some(user_id) = users[user]["userId"].as_str() {
        return Ok(user_id.to_owned());
    }
    match People::new(stack)?.user_id(user).await {
        Err(CallError::Refused { code, .. }) if code == "UserNotFoundException" => {
            bail!("nobody signs in as {user}: give viewer, stranger, producer, or an e-mail name")
        }
        found => found.context("cannot look the user up"),
    }
}
