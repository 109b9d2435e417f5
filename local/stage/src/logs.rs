//! What the functions log, as CloudWatch Logs keeps it.
//!
//! The adapter for Amazon CloudWatch Logs.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    json_service::{CallError, JsonService},
    stack::{Stack, StackError},
};

/// The logs of a stack's account. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Logs {
    cloudwatch: JsonService,
}

impl Logs {
    /// The logs of this stack's account.
    ///
    /// # Errors
    /// As [`Stack::http_client`].
    pub fn new(stack: &Stack) -> Result<Self, StackError> {
        let cloudwatch = JsonService::new(stack, "logs", "Logs_20140328")?;
        Ok(Self { cloudwatch })
    }

    /// The names of all log groups that begin like this, e.g. `/aws/lambda/`.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn groups(&self, prefix: &str) -> Result<Vec<String>, CallError> {
        let mut names = Vec::new();
        let body = json!({"logGroupNamePrefix": prefix});
        for group in self.all("DescribeLogGroups", body, "logGroups").await? {
            names.extend(group["logGroupName"].as_str().map(str::to_owned));
        }
        Ok(names)
    }

    /// What has been logged to a group since a time, line by line.
    ///
    /// # Errors
    /// [`CallError::Refused`] with `ResourceNotFoundException` when there is no such group; the
    /// others.
    pub async fn lines(&self, group: &str, since: Timestamp) -> Result<Vec<String>, CallError> {
        let body = json!({"logGroupName": group, "startTime": since.as_millisecond()});
        let events = self.all("FilterLogEvents", body, "events").await?;
        let messages = events.iter().filter_map(|event| event["message"].as_str());
        Ok(messages.map(str::to_owned).collect())
    }

    /// Every page of a listing.
    async fn all(
        &self,
        action: &'static str,
        mut body: Value,
        field: &'static str,
    ) -> Result<Vec<Value>, CallError> {
        let mut found = Vec::new();
        loop {
            let mut page = self.cloudwatch.signed(action, body.clone()).await?;
            match page[field].take() {
                Value::Array(entries) => found.extend(entries),
                _ => return Err(CallError::Malformed { action, field }),
            }
            match page["nextToken"].take() {
                Value::Null => return Ok(found),
                token => body["nextToken"] = token,
            }
        }
    }
}
