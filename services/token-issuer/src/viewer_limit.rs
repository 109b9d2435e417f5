//! How often one viewer may ask, in one running function.
//!
//! Each running function counts by itself, so a viewer whose requests reach several of them may ask
//! as often at each. What all viewers together may do is limited by the HTTP API's stage.

use std::{fmt, num::NonZeroU32, time::Duration};

use cuepoint_shared::{
    config::{self, ConfigError},
    ids::UserId,
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};

/// A page asks once per playback and a few times more when the video stalls.
const PER_MINUTE: NonZeroU32 = NonZeroU32::new(30).expect("it is not 0");
/// An app may ask every half second until a ticket that was just bought has arrived.
const BURST: NonZeroU32 = NonZeroU32::new(20).expect("it is not 0");
/// How many viewers are remembered at most: some megabytes. More than one function can serve in the
/// time that it takes to forget them.
const MOST_VIEWERS: usize = 10_000;

/// How often a viewer may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// In the long run.
    pub per_minute: NonZeroU32,
    /// At once, after a while without any request.
    pub burst: NonZeroU32,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            per_minute: PER_MINUTE,
            burst: BURST,
        }
    }
}

impl Allowance {
    /// Reads `TOKEN_REQUESTS_PER_MINUTE` and `TOKEN_REQUEST_BURST`; where one is not set, the default
    /// counts.
    ///
    /// # Errors
    /// When one is not a whole number from 1 on.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self {
            per_minute: config::count_or("TOKEN_REQUESTS_PER_MINUTE", PER_MINUTE)?,
            burst: config::count_or("TOKEN_REQUEST_BURST", BURST)?,
        })
    }
}

type Viewers<C> =
    RateLimiter<UserId, HashMapStateStore<UserId>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Counts the requests of every viewer.
pub struct ViewerLimit<C: Clock = DefaultClock> {
    viewers: Viewers<C>,
    clock: C,
}

impl<C: Clock> fmt::Debug for ViewerLimit<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not who they are.
        f.debug_struct("ViewerLimit")
            .field("viewers", &self.viewers.len())
            .finish_non_exhaustive()
    }
}

impl ViewerLimit {
    /// Counts by the system's monotonic clock.
    pub fn new(allowance: Allowance) -> Self {
        Self::with_clock(allowance, DefaultClock::default())
    }
}

impl<C: Clock + Clone> ViewerLimit<C> {
    /// Counts by a given clock.
    pub fn with_clock(allowance: Allowance, clock: C) -> Self {
        let quota = Quota::per_minute(allowance.per_minute).allow_burst(allowance.burst);
        Self {
            viewers: RateLimiter::hashmap_with_clock(quota, clock.clone()),
            clock,
        }
    }

    /// Counts a request of this viewer.
    ///
    /// # Errors
    /// When it is one too many: how long until the next one may come.
    pub fn admit(&self, viewer: &UserId) -> Result<(), Duration> {
        if self.viewers.len() >= MOST_VIEWERS {
            self.viewers.retain_recent();
            // A function that cannot remember everyone limits no one rather than refusing some.
            if self.viewers.len() >= MOST_VIEWERS {
                return Ok(());
            }
        }
        self.viewers
            .check_key(viewer)
            .map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;
    use proptest::prelude::*;

    use super::*;

    fn limit(per_minute: u32, burst: u32) -> (ViewerLimit<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let allowance = Allowance {
            per_minute: NonZeroU32::new(per_minute).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        };
        (ViewerLimit::with_clock(allowance, clock.clone()), clock)
    }

    fn viewer(name: &str) -> UserId {
        name.parse().unwrap()
    }

    #[test]
    fn after_a_burst_the_viewer_waits_as_long_as_they_are_told() {
        let (limit, clock) = limit(30, 3);
        let ada = viewer("ada");
        for _ in 0..3 {
            assert_eq!(limit.admit(&ada), Ok(()));
        }
        let wait = limit.admit(&ada).unwrap_err();
        assert_eq!(wait, Duration::from_secs(2));
        clock.advance(wait - Duration::from_nanos(1));
        assert_eq!(limit.admit(&ada), Err(Duration::from_nanos(1)));
        clock.advance(Duration::from_nanos(1));
        assert_eq!(limit.admit(&ada), Ok(()));
        assert!(limit.admit(&ada).is_err(), "one every two seconds");
        clock.advance(Duration::from_secs(6));
        for _ in 0..3 {
            assert_eq!(limit.admit(&ada), Ok(()));
        }
        assert!(
            limit.admit(&ada).is_err(),
            "a pause saves up one burst only"
        );
    }

    #[test]
    fn viewers_do_not_share_a_limit() {
        let (limit, _) = limit(30, 1);
        assert_eq!(limit.admit(&viewer("ada")), Ok(()));
        assert!(limit.admit(&viewer("ada")).is_err());
        assert_eq!(limit.admit(&viewer("bob")), Ok(()));
    }

    #[test]
    fn it_does_not_show_who_asked() {
        let (limit, _) = limit(30, 1);
        assert_eq!(limit.admit(&viewer("ada")), Ok(()));
        assert_eq!(format!("{limit:?}"), "ViewerLimit { viewers: 1, .. }");
    }

    #[test]
    fn viewers_who_have_not_asked_lately_are_forgotten() {
        let (limit, clock) = limit(30, 2);
        let crowd = |name: &str| {
            for n in 0..MOST_VIEWERS {
                assert_eq!(limit.admit(&viewer(&format!("{name}-{n}"))), Ok(()));
            }
        };
        crowd("first");
        assert_eq!(limit.viewers.len(), MOST_VIEWERS);
        assert_eq!(limit.admit(&viewer("late")), Ok(()));
        assert_eq!(limit.viewers.len(), MOST_VIEWERS, "no one is forgotten yet");
        clock.advance(Duration::from_secs(10));
        crowd("second");
        assert_eq!(limit.viewers.len(), MOST_VIEWERS);
    }

    proptest! {
        #[test]
        fn no_pattern_of_requests_gets_more_than_burst_and_rate(
            per_minute in 1_u32..200,
            burst in 1_u32..30,
            pauses in prop::collection::vec(0_u64..5_000, 1..200),
        ) {
            let (limit, clock) = limit(per_minute, burst);
            let (mut admitted, mut millis) = (0_u64, 0_u64);
            for pause in pauses {
                clock.advance(Duration::from_millis(pause));
                millis += pause;
                admitted += u64::from(limit.admit(&viewer("ada")).is_ok());
            }
            let most = u64::from(burst) + millis * u64::from(per_minute) / 60_000 + 1;
            prop_assert!(admitted <= most, "{admitted} of at most {most}");
        }
    }
}
