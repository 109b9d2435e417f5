//! The way of a request to an environment of `answer-api`: past the limits of the API, and Lambda's.

use crate::{
    bucket::Bucket,
    limits::{Id, Limits},
    meter::Meters,
    pool::{Pool, Taken},
};

/// The API's limits, in the order in which a request meets them.
#[derive(Debug)]
pub struct Front([(Id, Bucket); 2]);

impl Front {
    /// With these limits.
    pub fn new(limits: &Limits) -> Self {
        let bucket = |rate, burst| Bucket::new(limits.get(rate), limits.get(burst));
        Self([
            (Id::StageRate, bucket(Id::StageRate, Id::StageBurst)),
            (Id::ApiRate, bucket(Id::ApiRate, Id::ApiBurst)),
        ])
    }

    /// An environment for a request; none when a limit is in the way.
    pub fn take(&mut self, now: u32, pool: &mut Pool, meters: &mut Meters) -> Option<Taken> {
        for (id, limit) in &mut self.0 {
            let given = limit.take_up_to(now, 1);
            meters.of(*id).count(now, 1, given);
            if given == 0 {
                return None;
            }
        }
        let taken = pool.take(now);
        for id in [Id::RequestsPerEnvironment, Id::ScalingRate, Id::Concurrency] {
            meters.of(id).count(now, 1, u64::from(taken != Err(id)));
        }
        meters.of(Id::Concurrency).at_once(pool.at_once());
        taken.ok()
    }
}
