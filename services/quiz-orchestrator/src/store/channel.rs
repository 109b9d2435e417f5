//! The schedule of a channel in the table: one item, changed in the same transaction as the run that
//! books, moves, goes on air or ends.

use aws_sdk_dynamodb::types::TransactWriteItem;
use cuepoint_shared::ids::{ChannelId, RunId};

use super::{QuizStore, StoreError, item};
use crate::{
    channel_schedule::{ChannelSchedule, Unavailable},
    run::{Run, RunStatus},
};

const SORT_KEY: &str = "SCHEDULE";

impl QuizStore {
    /// The run that has a channel now.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn holder(&self, channel_id: &ChannelId) -> Result<Option<RunId>, StoreError> {
        let on_air = self.schedule(channel_id).await?.on_air;
        Ok(on_air.map(|slot| slot.run_id))
    }

    /// The schedule of a channel; an empty one if it never had any.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn schedule(&self, channel_id: &ChannelId) -> Result<ChannelSchedule, StoreError> {
        let schedule = self
            .read(channel_key(channel_id), SORT_KEY.to_owned())
            .await?;
        Ok(schedule.unwrap_or_default())
    }

    /// The schedule with a run's time booked in it; `None` when it is already.
    pub(super) async fn booked(&self, run: &Run) -> Result<Option<ChannelSchedule>, StoreError> {
        let schedule = self.schedule(&run.channel_id).await?;
        let booked = schedule.book(&run.slot(), run.changed_at);
        booked.map_err(|unavailable| match unavailable {
            Unavailable::Booked(slot) => StoreError::ChannelBooked {
                channel_id: run.channel_id.clone(),
                slot,
            },
            Unavailable::Full => StoreError::ChannelFull(run.channel_id.clone()),
        })
    }

    /// The schedule as it has to be when a run has changed so; `None` when it stays.
    pub(super) async fn schedule_after(
        &self,
        before: &Run,
        changed: &Run,
    ) -> Result<Option<ChannelSchedule>, StoreError> {
        match changed.status {
            RunStatus::Scheduled if before.slot() != changed.slot() => self.booked(changed).await,
            RunStatus::Scheduled | RunStatus::Cancelling => Ok(None),
            RunStatus::Running => self.taken(changed).await,
            RunStatus::Completed | RunStatus::Aborted | RunStatus::Cancelled => {
                let schedule = self.schedule(&changed.channel_id).await?;
                Ok(schedule.release(&changed.run_id))
            }
        }
    }

    async fn taken(&self, run: &Run) -> Result<Option<ChannelSchedule>, StoreError> {
        let schedule = self.schedule(&run.channel_id).await?;
        let taken = schedule.take(&run.slot());
        taken.map_err(|holder| StoreError::ChannelTaken {
            channel_id: run.channel_id.clone(),
            holder: holder.run_id,
        })
    }

    /// The write of a schedule over the revision before it.
    pub(super) fn schedule_write(
        &self,
        channel_id: &ChannelId,
        schedule: &ChannelSchedule,
    ) -> TransactWriteItem {
        let before = schedule
            .revision
            .checked_sub(1)
            .filter(|&before| before > 0);
        self.revised(item(schedule, channel_key(channel_id), SORT_KEY), before)
    }
}

fn channel_key(channel_id: &ChannelId) -> String {
    format!("CHANNEL#{channel_id}")
}
