//! How often PutMetadata may be called.
//!
//! "At most 5 requests per second per channel" and "at most 155 requests per second per account"
//! ("PutMetadata", IVS API reference); quotas hold for each region ("IVS service quotas"). Here
//! that is: never more in any second, whenever it begins. A refused call does not count.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::arn;

/// Calls a second for one channel.
pub const A_CHANNEL: usize = 5;
/// Calls a second for one account in a region.
pub const AN_ACCOUNT: usize = 155;

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// A call that comes too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    /// The channel has had its calls.
    #[error("more than {A_CHANNEL} calls a second for the channel")]
    ForChannel,
    /// The account has had its calls.
    #[error("more than {AN_ACCOUNT} calls a second for the account")]
    ForAccount,
}

/// The calls of the last second, by region. Bounded: at most [`AN_ACCOUNT`] for each region that
/// has had a live channel.
#[derive(Debug, Default)]
pub struct MetadataRate {
    recent: HashMap<String, Vec<Call>>,
}

#[derive(Debug)]
struct Call {
    at: Timestamp,
    channel_arn: String,
}

impl MetadataRate {
    /// Counts a call at `now` for a channel that exists.
    ///
    /// # Errors
    /// It is one too many for this second.
    pub fn admit(&mut self, channel_arn: &str, now: Timestamp) -> Result<(), TooMany> {
        let region = arn::region(channel_arn);
        if !self.recent.contains_key(region) {
            self.recent.insert(region.to_owned(), Vec::new());
        }
        let Some(recent) = self.recent.get_mut(region) else {
            return Ok(());
        };
        // The distance, not the order: a clock that was put back must not block calls for long.
        recent.retain(|call| now.duration_since(call.at).abs() < SECOND);
        let of_channel = recent
            .iter()
            .filter(|call| call.channel_arn == channel_arn)
            .count();
        if of_channel >= A_CHANNEL {
            return Err(TooMany::ForChannel);
        }
        if recent.len() >= AN_ACCOUNT {
            return Err(TooMany::ForAccount);
        }
        recent.push(Call {
            at: now,
            channel_arn: channel_arn.to_owned(),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arn::Kind;
    use proptest::prelude::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + millis).unwrap()
    }

    fn channel(index: usize) -> String {
        Kind::Channel.arn("us-east-1", &format!("c{index}"))
    }

    #[test]
    fn the_sixth_call_in_a_second_waits_for_the_first_to_age() {
        let mut rate = MetadataRate::default();
        for millis in 0..5 {
            assert_eq!(rate.admit(&channel(0), at(millis)), Ok(()));
        }
        assert_eq!(rate.admit(&channel(0), at(999)), Err(TooMany::ForChannel));
        assert_eq!(rate.admit(&channel(1), at(999)), Ok(()));
        assert_eq!(rate.admit(&channel(0), at(1_000)), Ok(()));
        assert_eq!(rate.admit(&channel(0), at(1_000)), Err(TooMany::ForChannel));
    }

    #[test]
    fn an_account_has_its_own_limit_in_each_region() {
        let mut rate = MetadataRate::default();
        for call in 0..AN_ACCOUNT {
            assert_eq!(rate.admit(&channel(call / A_CHANNEL), at(0)), Ok(()));
        }
        assert_eq!(rate.admit(&channel(99), at(500)), Err(TooMany::ForAccount));
        let elsewhere = Kind::Channel.arn("eu-west-1", "c");
        assert_eq!(rate.admit(&elsewhere, at(500)), Ok(()));
        assert_eq!(rate.admit(&channel(99), at(1_000)), Ok(()));
    }

    #[test]
    fn a_clock_that_is_put_back_blocks_nobody() {
        let mut rate = MetadataRate::default();
        for _ in 0..A_CHANNEL {
            rate.admit(&channel(0), at(3_600_000)).unwrap();
        }
        assert_eq!(rate.admit(&channel(0), at(0)), Ok(()));
    }

    proptest! {
        /// No second holds more than allowed, and none is refused that would have fitted.
        #[test]
        fn exactly_what_fits_into_a_second_is_admitted(
            calls in prop::collection::vec((0i64..30, 0usize..40), 1..600),
        ) {
            let mut rate = MetadataRate::default();
            let mut admitted: Vec<(i64, usize)> = Vec::new();
            let mut now = 0;
            for (step, index) in calls {
                now += step;
                let last_second = admitted.iter().filter(|(then, _)| now - then < 1_000);
                let of_account = last_second.clone().count();
                let of_channel = last_second.filter(|(_, other)| *other == index).count();
                let fits = of_channel < A_CHANNEL && of_account < AN_ACCOUNT;
                prop_assert_eq!(rate.admit(&channel(index), at(now)).is_ok(), fits);
                if fits {
                    admitted.push((now, index));
                }
            }
        }
    }
}
