//! The live tally: each answer counted once, however often and in whatever batches the stream
//! delivers it.
//!
//! A stream shard delivers the answers of one partition in the order of their sequence numbers, at
//! least once: a batch may come again, whole or split otherwise, but nothing is left out. So it is
//! enough to remember, with the counts and in the same item, the highest number that was counted:
//! what is at or below it was counted before. Counts and mark are written by one conditional
//! update, which is why no transaction is needed.

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{keys::Partition, window::OPTIONS};

/// How many digits a sequence number is padded to.
const DIGITS: usize = 40;
/// The most options of a question, and so of counts.
pub const MAX_OPTIONS: usize = *OPTIONS.end() as usize;

/// A place in a stream shard. Sequence numbers are decimal and of no fixed width: padded with
/// zeros on the left, their order as text is that as numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sequence(String);

/// Text that is not a sequence number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a sequence number of at most {DIGITS} digits: {0:?}")]
pub struct NotASequence(String);

/// An answer as the stream tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its place in the stream shard.
    pub sequence: Sequence,
    /// The index of the option; below [`MAX_OPTIONS`].
    pub choice: u32,
}

/// What a batch adds to the live counts of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// Answers by option.
    pub counts: [u64; MAX_OPTIONS],
    /// The new mark.
    pub last: Sequence,
}

impl FromStr for Sequence {
    type Err = NotASequence;

    fn from_str(text: &str) -> Result<Self, NotASequence> {
        let digits = text.trim_start_matches('0');
        let valid = !text.is_empty()
            && digits.len() <= DIGITS
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        match valid {
            true => Ok(Self(format!("{digits:0>DIGITS$}"))),
            false => Err(NotASequence(text.to_owned())),
        }
    }
}

impl Sequence {
    /// The number, padded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sequence {
    type Error = NotASequence;

    fn try_from(text: String) -> Result<Self, NotASequence> {
        text.parse()
    }
}

impl From<Sequence> for String {
    fn from(sequence: Sequence) -> String {
        sequence.0
    }
}

/// The answers of a batch by partition, each partition's in the order of the stream.
pub fn by_partition(
    answers: impl IntoIterator<Item = (Partition, Recorded)>,
) -> BTreeMap<Partition, Vec<Recorded>> {
    let mut partitions: BTreeMap<_, Vec<Recorded>> = BTreeMap::new();
    for (partition, answer) in answers {
        partitions.entry(partition).or_default().push(answer);
    }
    for answers in partitions.values_mut() {
        answers.sort_by(|a, b| a.sequence.cmp(&b.sequence));
        answers.dedup_by(|a, b| a.sequence == b.sequence);
    }
    partitions
}

/// What of a partition's answers was not counted yet.
pub fn fresh(mut answers: Vec<Recorded>, mark: Option<&Sequence>) -> Vec<Recorded> {
    answers.retain(|answer| mark.is_none_or(|mark| answer.sequence > *mark));
    answers
}

/// What fresh answers, in order, add to the counts; nothing when there are none.
pub fn addition(fresh: &[Recorded]) -> Option<Addition> {
    let last = fresh.last()?.sequence.clone();
    let mut counts = [0; MAX_OPTIONS];
    for answer in fresh {
        counts[answer.choice as usize] += 1;
    }
    Some(Addition { counts, last })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sequence_numbers_are_ordered_as_numbers() {
        let sequence = |text: &str| text.parse::<Sequence>().unwrap();
        assert!(sequence("9") < sequence("10"));
        assert!(sequence("99999999999999999999") < sequence("100000000000000000000"));
        assert_eq!(sequence("007"), sequence("7"));
        assert_eq!(sequence(&"9".repeat(40)).as_str().len(), 40);
        for wrong in ["", "x", "-1", "1.5", &"9".repeat(41)] {
            assert!(wrong.parse::<Sequence>().is_err(), "{wrong}");
        }
    }

    fn stream(choices: &[(u32, u32)]) -> Vec<(Partition, Recorded)> {
        let numbered = choices.iter().zip(1_u64..);
        numbered
            .map(|(&(shard, choice), n)| {
                let partition = format!("quiz#run#q1#{shard}").parse().unwrap();
                let answer = Recorded {
                    sequence: (n * 7).to_string().parse().unwrap(),
                    choice,
                };
                (partition, answer)
            })
            .collect()
    }

    type Tallies = BTreeMap<Partition, ([u64; MAX_OPTIONS], Sequence)>;

    /// What a function does with a batch; `dies_after` partitions it is killed.
    fn process(tallies: &mut Tallies, batch: &[(Partition, Recorded)], dies_after: usize) {
        let partitions = by_partition(batch.to_vec());
        for (partition, answers) in partitions.into_iter().take(dies_after) {
            let mark = tallies.get(&partition).map(|(_, mark)| mark);
            let Some(added) = addition(&fresh(answers, mark)) else {
                continue;
            };
            let zero = ([0; MAX_OPTIONS], added.last.clone());
            let (counts, mark) = tallies.entry(partition).or_insert(zero);
            for (count, add) in counts.iter_mut().zip(added.counts) {
                *count += add;
            }
            *mark = added.last;
        }
    }

    proptest! {
        /// Each delivery starts anywhere before or at the first record that was not done, and has
        /// any length; any of them may die half way. In the end all is counted once.
        #[test]
        fn redelivered_and_resplit_batches_idempotent(
            choices in prop::collection::vec((0..3_u32, 0..4_u32), 1..60),
            deliveries in prop::collection::vec((any::<u8>(), 1..20_usize, 0..5_usize), 0..40),
        ) {
            let stream = stream(&choices);
            let mut tallies = Tallies::new();
            let mut done = 0;
            for (start, length, dies_after) in deliveries {
                let start = usize::from(start) % (done + 1);
                let end = (start + length).min(stream.len());
                let batch = &stream[start..end];
                process(&mut tallies, batch, dies_after);
                if dies_after >= by_partition(batch.to_vec()).len() {
                    done = done.max(end);
                }
            }
            process(&mut tallies, &stream[done..], usize::MAX);

            let mut expected: BTreeMap<Partition, [u64; MAX_OPTIONS]> = BTreeMap::new();
            for (partition, answer) in &stream {
                let counts = expected.entry(partition.clone()).or_insert([0; MAX_OPTIONS]);
                counts[answer.choice as usize] += 1;
            }
            let counted: BTreeMap<_, _> =
                tallies.into_iter().map(|(partition, (counts, _))| (partition, counts)).collect();
            prop_assert_eq!(counted, expected);
        }
    }
}
