//! The stream of `answers` and `live-tally`: a stream shard for each partition of the table, from
//! which Lambda takes batches.

use std::collections::VecDeque;

use answer_collector::{
    keys::{Partition, QuestionKey},
    live::{self, Recorded},
    live_tally::PARALLEL,
};

use super::{Event, Stage};
use crate::{
    bucket::Bucket,
    limits::{Id, Limits},
    meter::Series,
    timing::{POLL_MS, READ_MS, STREAM_MS, WRITE_MS, live_ms},
};

/// A stream shard. Its records come in the order in which they were written.
#[derive(Debug, Default)]
struct StreamShard {
    /// When a record can be read, and which shard of the answers it is of.
    waiting: VecDeque<(u32, u32)>,
    batch: Batch,
    polling: bool,
    /// What is counted so far, by its number.
    numbers: u64,
}

/// What `live-tally` has of a stream shard.
#[derive(Debug, Default)]
struct Batch {
    answers: u64,
    /// Parts of the tally that it changes.
    parts: u64,
    /// Those that are not changed yet.
    left: u64,
    attempts: u32,
    since: u32,
}

/// The stream and what counts it.
pub(super) struct Counting {
    partitions: Vec<Partition>,
    /// For each partition of the table as many as it has batches at the same time.
    shards: Vec<StreamShard>,
    lanes: usize,
    batch_size: usize,
    /// All parts of a question lie in one partition of the table `tallies`.
    reads: Bucket,
    writes: Bucket,
    pub(super) tallied: Series,
    pub(super) last_at: u32,
}

impl Counting {
    pub(super) fn new(
        question: QuestionKey,
        stream_shards: usize,
        limits: &Limits,
        stage: &mut Stage<'_>,
    ) -> Self {
        let bucket = |id| Bucket::new(limits.get(id), limits.get(id));
        let partitions = (0..stage.plan.shards).map(|shard| question.partition(shard));
        let lanes = usize::try_from(limits.get(Id::StreamBatches))
            .unwrap_or(1)
            .max(1);
        let mut shards = Vec::new();
        shards.resize_with(stream_shards * lanes, StreamShard::default);
        Self {
            partitions: partitions.collect(),
            shards,
            lanes,
            batch_size: usize::try_from(stage.house.batch_size).unwrap_or(1),
            reads: bucket(Id::PartitionReads),
            writes: bucket(Id::PartitionWrites),
            tallied: Series::default(),
            last_at: 0,
        }
    }

    /// An answer is in the table: soon the stream has it.
    pub(super) fn written(&mut self, partition: u32, shard: u32, now: u32, stage: &mut Stage<'_>) {
        // Batches at the same time are of different partition keys.
        let index = partition as usize * self.lanes + shard as usize % self.lanes;
        let stream = &mut self.shards[index];
        stream
            .waiting
            .push_back((now + WRITE_MS + STREAM_MS, shard));
        if !stream.polling {
            stream.polling = true;
            let first = now + WRITE_MS + STREAM_MS + stage.random.u32(0..POLL_MS);
            stage.wheel.push(first, Event::Polls(index as u32));
        }
    }

    /// Lambda looks for records, and invokes the function if there are any.
    pub(super) fn polls(&mut self, index: u32, now: u32, stage: &mut Stage<'_>) {
        let stream = &mut self.shards[index as usize];
        let there = stream.waiting.iter().take(self.batch_size);
        let count = there.take_while(|(at, _)| *at <= now).count();
        if count == 0 {
            stream.polling = !stream.waiting.is_empty();
            if stream.polling {
                stage.wheel.push(now + POLL_MS, Event::Polls(index));
            }
            return;
        }
        let invoked = stage.pool.take_other();
        stage
            .meter(Id::Concurrency)
            .count(now, 1, u64::from(invoked));
        if !invoked {
            return stage.wheel.push(now + POLL_MS, Event::Polls(index));
        }
        let numbers = stream.numbers;
        stream.numbers += count as u64;
        let batch = stream.waiting.drain(..count).zip(numbers + 1..);
        let recorded = batch.map(|((_, shard), number)| {
            let sequence = number.to_string().parse().expect("a number is one");
            let answer = Recorded {
                sequence,
                choice: 0,
            };
            (self.partitions[shard as usize].clone(), answer)
        });
        let by_partition = live::by_partition(recorded);
        let parts = by_partition.len() as u64;
        let added = by_partition
            .into_values()
            .filter_map(|answers| live::addition(&live::fresh(answers, None)))
            .map(|addition| addition.counts.iter().sum::<u64>());
        stream.batch = Batch {
            answers: added.sum(),
            parts,
            left: parts,
            attempts: 0,
            since: now,
        };
        stage.work.batches += 1;
        let own = live_ms(count as u64, stage.house.live_tally);
        stage.wheel.push(now + own, Event::Counts(index));
    }

    /// The function reads each part's mark and changes its counts.
    pub(super) fn counts(&mut self, index: u32, now: u32, stage: &mut Stage<'_>) {
        let batch = &mut self.shards[index as usize].batch;
        batch.attempts += 1;
        let read = self.reads.take_up_to(now, batch.left);
        stage.meter(Id::PartitionReads).count(now, batch.left, read);
        let written = self.writes.take_up_to(now, read);
        stage.meter(Id::PartitionWrites).count(now, read, written);
        stage.work.tally_writes += written;
        batch.left -= written;
        if batch.left == 0 {
            let rounds = u32::try_from(batch.parts.div_ceil(PARALLEL as u64)).unwrap_or(1);
            let done = now + rounds * (READ_MS + WRITE_MS);
            return stage.wheel.push(done, Event::Counted(index));
        }
        let again = match stage.retries.pause(batch.attempts, &mut stage.random) {
            Some(pause) => pause,
            // The batch comes again: what is counted already is not counted twice.
            None => {
                batch.attempts = 0;
                stage.work.batches += 1;
                POLL_MS
            }
        };
        stage.wheel.push(now + again.max(1), Event::Counts(index));
    }

    /// The batch is done.
    pub(super) fn counted(&mut self, index: u32, now: u32, stage: &mut Stage<'_>) {
        let batch = &self.shards[index as usize].batch;
        self.tallied.add(now, batch.answers);
        self.last_at = self.last_at.max(now);
        stage.work.live_ms += u64::from(now - batch.since);
        stage.pool.give_back_other();
        stage.wheel.push(now, Event::Polls(index));
    }
}
