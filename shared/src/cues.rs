//! Cues: what goes into the live video as timed metadata, and from there to every viewer.

use serde::{Deserialize, Serialize};

use crate::ids::{QuestionId, QuizId, RunId};

/// The most that one PutMetadata call takes, in bytes of UTF-8
/// (Amazon IVS API reference, `PutMetadata`, 1 KB).
pub const MAX_CUE_BYTES: usize = 1024;

/// A message to the audience, carried by the video itself.
///
/// The question keeps the fields `question` and `answers` that the web page of the IVS tutorials shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Cue {
    /// A question opens.
    Question {
        /// The quiz it belongs to.
        quiz_id: QuizId,
        /// The run of that quiz.
        run_id: RunId,
        /// The question.
        question_id: QuestionId,
        /// Its place in the quiz, from 1.
        n: u32,
        /// How many questions the quiz has.
        of: u32,
        /// The text of the question.
        question: String,
        /// The options to choose from; an answer names one by its index from 0.
        answers: Vec<String>,
        /// How long viewers have, in seconds.
        seconds: u32,
    },
    /// A question's final tally.
    Results {
        /// The question.
        question_id: QuestionId,
        /// How many chose each option.
        counts: Vec<u64>,
        /// The index of the correct option; none in a poll.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        correct: Option<u32>,
    },
    /// The best of the run.
    Leaderboard {
        /// Name and points, best first.
        top: Vec<(String, u64)>,
    },
    /// The quiz ends early; an open question does not count.
    Cancelled {
        /// The quiz.
        quiz_id: QuizId,
        /// The run that ends.
        run_id: RunId,
    },
}

/// A cue that does not fit into one PutMetadata call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cue has {bytes} bytes, at most {MAX_CUE_BYTES} fit into the video")]
pub struct CueTooLarge {
    /// Its size in bytes of UTF-8.
    pub bytes: usize,
}

impl Cue {
    /// The cue as it is pushed: compact JSON in UTF-8.
    ///
    /// # Errors
    /// [`CueTooLarge`] when it has more than [`MAX_CUE_BYTES`] bytes.
    pub fn encode(&self) -> Result<String, CueTooLarge> {
        let text = serde_json::to_string(self).expect("a cue has only string keys");
        match text.len() {
            bytes if bytes > MAX_CUE_BYTES => Err(CueTooLarge { bytes }),
            _ => Ok(text),
        }
    }

    /// A leaderboard cue with as many of the best as fit.
    pub fn leaderboard(mut top: Vec<(String, u64)>) -> Self {
        loop {
            let cue = Self::Leaderboard { top: top.clone() };
            if cue.encode().is_ok() || top.pop().is_none() {
                return cue;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(text: String) -> Cue {
        Cue::Question {
            quiz_id: "quiz".parse().unwrap(),
            run_id: "run".parse().unwrap(),
            question_id: "q1".parse().unwrap(),
            n: 1,
            of: 5,
            question: text,
            answers: vec!["True".into(), "False".into()],
            seconds: 15,
        }
    }

    #[test]
    fn a_question_reads_as_the_contract_says() {
        assert_eq!(
            question("Up?".into()).encode().unwrap(),
            r#"{"type":"question","quizId":"quiz","runId":"run","questionId":"q1","n":1,"of":5,"question":"Up?","answers":["True","False"],"seconds":15}"#
        );
    }

    #[test]
    fn the_limit_counts_bytes_of_utf8_not_characters() {
        let empty = question(String::new()).encode().unwrap().len();
        let room = MAX_CUE_BYTES - empty;
        assert_eq!(
            question("x".repeat(room)).encode().unwrap().len(),
            MAX_CUE_BYTES
        );
        assert_eq!(
            question("x".repeat(room + 1)).encode(),
            Err(CueTooLarge { bytes: 1025 })
        );
        assert!(question("é".repeat(room / 2 + 1)).encode().is_err());
    }

    #[test]
    fn a_leaderboard_keeps_the_best_that_fit() {
        let all: Vec<_> = (0..100)
            .map(|n| (format!("a rather long name {n}"), 1000 - n))
            .collect();
        let Cue::Leaderboard { top } = Cue::leaderboard(all.clone()) else {
            panic!()
        };
        assert!(top.len() > 10 && top.len() < 100);
        assert_eq!(top[..], all[..top.len()]);
    }
}
