//! Which question, and which part of its answers: the keys of this service's tables.

use std::{fmt, str::FromStr};

use cuepoint_shared::ids::{QuestionId, QuizId, RunId};

/// A question of a run: `<quizId>#<runId>#<questionId>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionKey {
    /// The quiz.
    pub quiz_id: QuizId,
    /// The run of it.
    pub run_id: RunId,
    /// The question.
    pub question_id: QuestionId,
}

/// The answers of one shard to a question: `<quizId>#<runId>#<questionId>#<shard>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The question.
    pub question: QuestionKey,
    /// The shard, from 0.
    pub shard: u32,
}

/// Text that is no partition of the table `answers`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a partition of answers: {0:?}")]
pub struct NotAPartition(String);

/// A run: `<quizId>#<runId>`.
pub fn run_key(quiz_id: &QuizId, run_id: &RunId) -> String {
    format!("{quiz_id}#{run_id}")
}

impl QuestionKey {
    /// The run it belongs to.
    pub fn run_key(&self) -> String {
        run_key(&self.quiz_id, &self.run_id)
    }

    /// One shard of its answers.
    pub fn partition(&self, shard: u32) -> Partition {
        Partition {
            question: self.clone(),
            shard,
        }
    }
}

impl fmt::Display for QuestionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}#{}", self.quiz_id, self.run_id, self.question_id)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.question, self.shard)
    }
}

impl FromStr for Partition {
    type Err = NotAPartition;

    fn from_str(text: &str) -> Result<Self, NotAPartition> {
        let read = || {
            let mut parts = text.split('#');
            let question = QuestionKey {
                quiz_id: parts.next()?.parse().ok()?,
                run_id: parts.next()?.parse().ok()?,
                question_id: parts.next()?.parse().ok()?,
            };
            let shard = parts.next()?.parse().ok()?;
            parts.next().is_none().then_some(Self { question, shard })
        };
        read().ok_or_else(|| NotAPartition(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_reads_back_as_it_was_written() {
        let partition: Partition = "quiz#run#q1#7".parse().unwrap();
        assert_eq!(partition.shard, 7);
        assert_eq!(partition.question.run_key(), "quiz#run");
        assert_eq!(partition.to_string(), "quiz#run#q1#7");
        for wrong in [
            "",
            "quiz#run#q1",
            "quiz#run#q1#x",
            "quiz#run#q1#1#2",
            "quiz##q1#1",
        ] {
            assert!(wrong.parse::<Partition>().is_err(), "{wrong}");
        }
    }
}
