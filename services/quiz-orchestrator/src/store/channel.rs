//! Which run has a channel. A run takes its channel when it goes on air and gives it back when it
//! ends, each in the same transaction as its own change. A run that ended with the channel does not
//! keep it from others.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use cuepoint_shared::ids::{ChannelId, QuizId, RunId};
use serde::Deserialize;

use super::{QuizStore, StoreError, text};
use crate::run::{Run, RunStatus};

/// What happens to the channel when a run changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelUse {
    /// Nothing.
    Leave,
    /// The run takes it.
    Take {
        /// The run that the table still says has it: this one, or one that has ended.
        from: Option<RunId>,
    },
    /// The run gives it back.
    Release,
}

/// The item that says which run has a channel.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Active {
    quiz_id: Option<QuizId>,
    run_id: Option<RunId>,
}

impl QuizStore {
    /// The run that has a channel now.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn holder(&self, channel_id: &ChannelId) -> Result<Option<RunId>, StoreError> {
        let active = self.active(channel_id).await?;
        Ok(active.map(|(_, run_id)| run_id))
    }

    /// What a changed run is to do with its channel.
    pub(super) async fn channel_use(&self, changed: &Run) -> Result<ChannelUse, StoreError> {
        match changed.status {
            RunStatus::Scheduled | RunStatus::Cancelling => Ok(ChannelUse::Leave),
            RunStatus::Running => {
                let holder = self.active(&changed.channel_id).await?;
                if let Some((quiz_id, run_id)) = &holder
                    && *run_id != changed.run_id
                    && let Some(other) = self.run(quiz_id, run_id).await?
                    && !other.status.has_ended()
                {
                    return Err(StoreError::ChannelTaken {
                        channel_id: other.channel_id,
                        holder: other.run_id,
                    });
                }
                let from = holder.map(|(_, run_id)| run_id);
                Ok(ChannelUse::Take { from })
            }
            RunStatus::Completed | RunStatus::Aborted | RunStatus::Cancelled => {
                let holder = self.holder(&changed.channel_id).await?;
                match holder.as_ref() == Some(&changed.run_id) {
                    true => Ok(ChannelUse::Release),
                    false => Ok(ChannelUse::Leave),
                }
            }
        }
    }

    /// The write that belongs to a change of a run, if any.
    pub(super) fn channel_write(
        &self,
        run: &Run,
        channel: &ChannelUse,
    ) -> Option<TransactWriteItem> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", text(channel_key(&run.channel_id)))
            .key("sk", text("ACTIVE"))
            .expression_attribute_values(":at", text(run.changed_at.to_string()));
        let update = match channel {
            ChannelUse::Leave => return None,
            ChannelUse::Take { from } => {
                let update = update
                    .update_expression("SET runId = :run, quizId = :quiz, changedAt = :at")
                    .expression_attribute_values(":run", text(run.run_id.as_str()))
                    .expression_attribute_values(":quiz", text(run.quiz_id.as_str()));
                match from {
                    None => update.condition_expression("attribute_not_exists(runId)"),
                    Some(holder) => update
                        .condition_expression("runId = :holder")
                        .expression_attribute_values(":holder", text(holder.as_str())),
                }
            }
            ChannelUse::Release => update
                .condition_expression("runId = :run")
                .expression_attribute_values(":run", text(run.run_id.as_str()))
                .update_expression("SET changedAt = :at REMOVE runId, quizId"),
        };
        let update = update.build().expect("table, key and expression are set");
        Some(TransactWriteItem::builder().update(update).build())
    }

    async fn active(&self, channel_id: &ChannelId) -> Result<Option<(QuizId, RunId)>, StoreError> {
        let active: Option<Active> = self
            .read(channel_key(channel_id), "ACTIVE".to_owned())
            .await?;
        Ok(active.and_then(|active| active.quiz_id.zip(active.run_id)))
    }
}

fn channel_key(channel_id: &ChannelId) -> String {
    format!("CHANNEL#{channel_id}")
}
