//! Who is on air on a channel, and which times of it are booked.
//!
//! A run books its time when it is scheduled, so that two are never planned for the same time: the
//! second is refused then and not on air. It takes the channel when it goes on air, for as long as
//! it is on air, whatever was planned, and gives everything back when it ends.

use cuepoint_shared::ids::{QuizId, RunId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How many runs may wait for a channel. So many are under 40 KB in its item, of DynamoDB's 400.
pub const MAX_SLOTS: usize = 200;

/// How much later than booked a run may go on air although it then runs into the next one's time:
/// as long as the next one waits for its channel.
pub const MAY_DELAY: SignedDuration = SignedDuration::from_secs(120);

/// The time of a run on a channel: from its start up to, not including, its planned end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// The quiz.
    pub quiz_id: QuizId,
    /// The run of it.
    pub run_id: RunId,
    /// From when on.
    pub starts_at: Timestamp,
    /// Until when, as planned.
    pub ends_at: Timestamp,
}

/// The schedule of one channel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelSchedule {
    /// Counts its changes, so that no change is made to an outdated one. 0: never written.
    pub revision: u64,
    /// The run that is on air.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_air: Option<Slot>,
    /// What is booked by the runs that wait, by time; no two overlap.
    pub slots: Vec<Slot>,
}

/// Why a run does not get the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unavailable {
    /// The time is another run's.
    Booked(Slot),
    /// Too many runs wait.
    Full,
}

impl Slot {
    fn overlaps(&self, other: &Self) -> bool {
        self.starts_at < other.ends_at && other.starts_at < self.ends_at
    }
}

impl ChannelSchedule {
    /// A run books a time, and gives back the one that it had booked before. Times that have passed
    /// are forgotten. `None`: it has booked just that already.
    ///
    /// # Errors
    /// [`Unavailable`] when the time is another run's: one that waits, or the one that is on air,
    /// which has it for as long as it stays.
    pub fn book(&self, slot: &Slot, now: Timestamp) -> Result<Option<Self>, Unavailable> {
        if self.slots.contains(slot) {
            return Ok(None);
        }
        let others = self
            .slots
            .iter()
            .filter(|other| other.run_id != slot.run_id);
        let mut slots: Vec<_> = others
            .filter(|other| other.ends_at > now)
            .cloned()
            .collect();
        let on_air = self
            .on_air
            .iter()
            .filter(|other| other.run_id != slot.run_id);
        let in_the_way = on_air
            .filter(|other| slot.overlaps(other) || slot.starts_at <= now)
            .chain(slots.iter().filter(|other| slot.overlaps(other)))
            .next();
        if let Some(other) = in_the_way {
            return Err(Unavailable::Booked(other.clone()));
        }
        if slots.len() >= MAX_SLOTS {
            return Err(Unavailable::Full);
        }
        slots.push(slot.clone());
        slots.sort_by_key(|slot| slot.starts_at);
        Ok(Some(self.changed(self.on_air.clone(), slots)))
    }

    /// A run goes on air. `None`: it is on air already.
    ///
    /// # Errors
    /// The time of the run that is on air, or of one that waits, if this one is so late that it
    /// would keep it waiting for too long.
    pub fn take(&self, slot: &Slot) -> Result<Option<Self>, Slot> {
        match &self.on_air {
            Some(ours) if ours.run_id == slot.run_id => Ok(None),
            Some(other) => Err(other.clone()),
            None => {
                let others = self.without(&slot.run_id);
                let delayed = others.iter().find(|other| {
                    other.starts_at + MAY_DELAY < slot.ends_at && slot.starts_at < other.ends_at
                });
                match delayed {
                    Some(other) => Err(other.clone()),
                    None => Ok(Some(self.changed(Some(slot.clone()), others))),
                }
            }
        }
    }

    /// A run gives back all that it has of the channel. `None`: it has nothing.
    pub fn release(&self, run_id: &RunId) -> Option<Self> {
        let mut has = self.slots.iter().chain(&self.on_air);
        if !has.any(|slot| slot.run_id == *run_id) {
            return None;
        }
        let on_air = self.on_air.clone().filter(|slot| slot.run_id != *run_id);
        Some(self.changed(on_air, self.without(run_id)))
    }

    fn without(&self, run_id: &RunId) -> Vec<Slot> {
        let others = self.slots.iter().filter(|slot| slot.run_id != *run_id);
        others.cloned().collect()
    }

    fn changed(&self, on_air: Option<Slot>, slots: Vec<Slot>) -> Self {
        Self {
            revision: self.revision + 1,
            on_air,
            slots,
        }
    }
}

#[cfg(test)]
#[path = "channel_schedule_tests.rs"]
mod tests;
