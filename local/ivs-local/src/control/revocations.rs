//! Ending viewers' sessions, one or many at a time.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::arn::Kind;
use crate::tokens::VIEWER_ID_CHARS;

use super::batch::error_entry;
use super::{ApiError, Caller, Reply, validate};

/// Viewer sessions a request at most (service model).
const SESSIONS: usize = 20;

/// The sessions of one viewer of one channel.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ViewerSession {
    channel_arn: String,
    viewer_id: String,
    #[serde(default)]
    viewer_session_versions_less_than_or_equal_to: u32,
}

impl ViewerSession {
    fn check(&self) -> Result<(), ApiError> {
        validate::arn(Kind::Channel, &self.channel_arn)?;
        if (1..=VIEWER_ID_CHARS).contains(&self.viewer_id.chars().count()) {
            return Ok(());
        }
        Err(ApiError::Validation(format!(
            "viewerId must have from 1 to {VIEWER_ID_CHARS} characters"
        )))
    }

    fn revoke(&self, app: &App) -> Result<(), ApiError> {
        app.catalog().channel(&self.channel_arn)?;
        let version = self.viewer_session_versions_less_than_or_equal_to;
        app.revocations()
            .revoke(&self.channel_arn, &self.viewer_id, version)?;
        Ok(())
    }
}

pub(super) fn start(app: &App, _: &Caller, session: ViewerSession) -> Result<Reply, ApiError> {
    session.check()?;
    session.revoke(app)?;
    Ok(Reply::Json(json!({})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Batch {
    viewer_sessions: Vec<ViewerSession>,
}

pub(super) fn batch_start(app: &App, _: &Caller, input: Batch) -> Result<Reply, ApiError> {
    validate::count("viewerSessions", input.viewer_sessions.len(), SESSIONS)?;
    for session in &input.viewer_sessions {
        session.check()?;
    }
    let refused = |session: &ViewerSession| -> Option<Value> {
        let mut entry = error_entry(&session.revoke(app).err()?);
        entry["channelArn"] = json!(session.channel_arn);
        entry["viewerId"] = json!(session.viewer_id);
        Some(entry)
    };
    let errors: Vec<Value> = input.viewer_sessions.iter().filter_map(refused).collect();
    Ok(Reply::Json(json!({ "errors": errors })))
}
