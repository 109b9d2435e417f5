//! The table `answers`, as DynamoDB limits its writes.
//!
//! A shard is one partition key, and lies in one of the table's partitions. How many of these there
//! are follows from what the table is prepared for; which one a key lies in is DynamoDB's own hash,
//! which is drawn here. Capacity that a partition has saved up, and its splitting when it stays hot,
//! are left out: AWS promises neither within seconds.

use fastrand::Rng;

use crate::{
    bucket::Bucket,
    limits::{Id, Limits},
    meter::Series,
};

/// The table.
#[derive(Debug)]
pub struct Table {
    quota: Bucket,
    partitions: Vec<Bucket>,
    busy: Vec<Series>,
    shards: Vec<Shard>,
}

#[derive(Debug, Clone)]
struct Shard {
    /// A key takes no more than the partition that it might have for itself.
    own: Bucket,
    partition: u32,
}

impl Table {
    /// So many shards over the partitions that the limits make.
    pub fn new(limits: &Limits, shards: u32, random: &mut Rng) -> Self {
        let each = limits.get(Id::PartitionWrites);
        let count = limits.get(Id::WarmWrites).div_ceil(each).max(1);
        let partition = Bucket::new(each, each);
        let quota = limits.get(Id::TableWrites);
        let shards = (0..shards.max(1)).map(|_| Shard {
            own: partition.clone(),
            partition: u32::try_from(random.u64(0..count)).unwrap_or(0),
        });
        Self {
            quota: Bucket::new(quota, quota),
            partitions: vec![partition.clone(); count as usize],
            busy: vec![Series::default(); count as usize],
            shards: shards.collect(),
        }
    }

    /// Writes an item of one unit, and says into which partition.
    ///
    /// # Errors
    /// The limit that is in the way: of the shard by itself, of the partition that it shares with
    /// others, which a better prepared table would have more of, or of the whole table.
    pub fn write(&mut self, shard: u32, now: u32) -> Result<u32, Id> {
        let Shard { own, partition } = &mut self.shards[shard as usize];
        let index = *partition as usize;
        self.busy[index].add(now, 1);
        if !own.take(now) {
            return Err(Id::PartitionWrites);
        }
        if !self.partitions[index].take(now) {
            return Err(Id::WarmWrites);
        }
        if !self.quota.take(now) {
            return Err(Id::TableWrites);
        }
        Ok(*partition)
    }

    /// How many partitions it has.
    pub fn partitions(&self) -> usize {
        self.partitions.len()
    }

    /// The writes that were asked of the busiest partition in its busiest second.
    pub fn hottest(&self) -> u64 {
        let busiest = self.busy.iter().map(Series::busiest_second);
        busiest.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(table: &mut Table, shard: u32, now: u32, times: usize) -> (usize, Option<Id>) {
        let results: Vec<_> = (0..times).map(|_| table.write(shard, now)).collect();
        let refused = results.iter().find_map(|result| result.err());
        (
            results.iter().filter(|result| result.is_ok()).count(),
            refused,
        )
    }

    #[test]
    fn one_hot_shard_takes_a_thousand_a_second_however_well_the_table_is_prepared() {
        let limits = Limits::default().with(Id::WarmWrites, 40_000);
        let mut table = Table::new(&limits, 20, &mut Rng::with_seed(1));
        assert_eq!(table.partitions(), 40);
        // A second's worth at once; half a second later half as many more.
        assert_eq!(
            write(&mut table, 3, 0, 1_500),
            (1_000, Some(Id::PartitionWrites))
        );
        assert_eq!(
            write(&mut table, 3, 500, 800),
            (500, Some(Id::PartitionWrites))
        );
        assert_eq!(table.hottest(), 2_300);
    }

    #[test]
    fn shards_that_share_a_partition_share_its_writes() {
        let limits = Limits::default().with(Id::WarmWrites, 1_000);
        let mut table = Table::new(&limits, 2, &mut Rng::with_seed(1));
        assert_eq!(write(&mut table, 0, 0, 700), (700, None));
        assert_eq!(write(&mut table, 1, 0, 700), (300, Some(Id::WarmWrites)));
    }

    #[test]
    fn the_table_has_a_quota_of_its_own() {
        let limits = Limits::default()
            .with(Id::WarmWrites, 100_000)
            .with(Id::TableWrites, 1_200);
        let mut table = Table::new(&limits, 50, &mut Rng::with_seed(1));
        let written = (0..50)
            .map(|shard| write(&mut table, shard, 0, 100).0)
            .sum::<usize>();
        assert_eq!(written, 1_200);
    }
}
