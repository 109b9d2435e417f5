//! What a quiz is, what a producer may write, and the cues it becomes.
//!
//! Everything that could fail on air is checked when the quiz is saved: above all, that each
//! question fits into one cue.

use std::ops::RangeInclusive;

use cuepoint_shared::{
    cues::{Cue, MAX_CUE_BYTES},
    ids::{QuestionId, QuizId, RunId},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many characters a title has.
pub const TITLE: RangeInclusive<usize> = 1..=200;
/// How many questions a quiz has.
pub const QUESTIONS: RangeInclusive<usize> = 1..=50;
/// How many characters the text of a question has. What fits into a cue is less for most scripts.
pub const QUESTION: RangeInclusive<usize> = 1..=500;
/// How many options a question has.
pub const ANSWERS: RangeInclusive<usize> = 2..=10;
/// How many characters an option has.
pub const ANSWER: RangeInclusive<usize> = 1..=200;
/// How many seconds viewers may have for a question.
pub const SECONDS: RangeInclusive<u32> = 5..=120;

/// How often a question is asked at most, also where its cue did not get into the video. The state
/// machine has the same number.
pub const ATTEMPTS: u32 = 9;

/// A quiz as a producer sends it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuizDraft {
    /// Its name, for producers.
    pub title: String,
    /// What it asks, in order.
    pub questions: Vec<QuestionDraft>,
}

/// A question as a producer sends it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuestionDraft {
    /// The question.
    pub question: String,
    /// The options.
    pub answers: Vec<String>,
    /// The index of the correct option; none in a poll.
    #[serde(default)]
    pub correct: Option<u32>,
    /// How long viewers have, in seconds.
    pub seconds: u32,
}

/// A quiz as it is kept: every cue of it fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quiz {
    /// Its id.
    pub quiz_id: QuizId,
    /// Its name, for producers.
    pub title: String,
    /// What it asks, in order.
    pub questions: Vec<Question>,
    /// When it was saved.
    pub created_at: Timestamp,
}

/// A question of a saved quiz.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// `q1`, `q2`, … by its place in the quiz.
    pub question_id: QuestionId,
    /// The question.
    pub question: String,
    /// The options.
    pub answers: Vec<String>,
    /// The index of the correct option; none in a poll.
    #[serde(default)]
    pub correct: Option<u32>,
    /// How long viewers have, in seconds.
    pub seconds: u32,
}

/// Why a quiz cannot be saved. `n` is the place of the question, from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuiz {
    /// The title is blank or too long.
    #[error("the title has {length} characters, it must have {} to {}", TITLE.start(), TITLE.end())]
    Title {
        /// Its length without surrounding space.
        length: usize,
    },
    /// Too few or too many questions.
    #[error("there are {count} questions, there must be {} to {}", QUESTIONS.start(), QUESTIONS.end())]
    Questions {
        /// How many there are.
        count: usize,
    },
    /// The text of a question is blank or too long.
    #[error("question {n} has {length} characters, it must have {} to {}", QUESTION.start(), QUESTION.end())]
    Question {
        /// Which question.
        n: u32,
        /// Its length without surrounding space.
        length: usize,
    },
    /// Too few or too many options.
    #[error("question {n} has {count} answers, it must have {} to {}", ANSWERS.start(), ANSWERS.end())]
    Answers {
        /// Which question.
        n: u32,
        /// How many there are.
        count: usize,
    },
    /// An option is blank or too long.
    #[error("an answer of question {n} has {length} characters, it must have {} to {}", ANSWER.start(), ANSWER.end())]
    Answer {
        /// Which question.
        n: u32,
        /// Its length without surrounding space.
        length: usize,
    },
    /// The correct option is none of the options.
    #[error("question {n} names answer {correct} as correct, counted from 0 it has {count}")]
    Correct {
        /// Which question.
        n: u32,
        /// The index that is named.
        correct: u32,
        /// How many options there are.
        count: usize,
    },
    /// Too little or too much time.
    #[error("question {n} gives {seconds} seconds, it must give {} to {}", SECONDS.start(), SECONDS.end())]
    Seconds {
        /// Which question.
        n: u32,
        /// How many it gives.
        seconds: u32,
    },
    /// The question does not fit into a cue.
    #[error(
        "question {n} makes a cue of {bytes} bytes, at most {MAX_CUE_BYTES} fit into the video"
    )]
    CueTooLarge {
        /// Which question.
        n: u32,
        /// The size of its cue, with a run id of the greatest length, asked for the last time.
        bytes: usize,
    },
}

impl Quiz {
    /// Checks a draft and gives its questions their ids.
    ///
    /// # Errors
    /// [`InvalidQuiz`]: the first thing that is wrong with it.
    pub fn new(
        quiz_id: QuizId,
        draft: QuizDraft,
        created_at: Timestamp,
    ) -> Result<Self, InvalidQuiz> {
        within(&draft.title, TITLE).map_err(|length| InvalidQuiz::Title { length })?;
        let count = draft.questions.len();
        if !QUESTIONS.contains(&count) {
            return Err(InvalidQuiz::Questions { count });
        }
        let questions = (1..)
            .zip(draft.questions)
            .map(|(n, question)| Question::new(n, question))
            .collect::<Result<_, _>>()?;
        let quiz = Self {
            quiz_id,
            title: draft.title,
            questions,
            created_at,
        };
        quiz.check_cues()?;
        Ok(quiz)
    }

    /// The question that is asked under this id, and its place in the quiz from 1. Asked again, `q1`
    /// is `q1-2`, then `q1-3`: every attempt has its own answers.
    pub fn question(&self, id: &QuestionId) -> Option<(u32, Question)> {
        let (first, attempt) = match id.as_str().split_once('-') {
            Some((first, attempt)) => (first, attempt.parse().ok()?),
            None => (id.as_str(), 1),
        };
        let (n, question) = (1..)
            .zip(&self.questions)
            .find(|(_, question)| question.question_id.as_str() == first)?;
        let asked = question.attempt(attempt)?;
        (asked.question_id == *id).then_some((n, asked))
    }

    /// Whether any of its questions gives points: polls give none.
    pub fn has_points(&self) -> bool {
        self.questions
            .iter()
            .any(|question| question.correct.is_some())
    }

    /// What a question puts into the video; `n` is its place from 1.
    pub fn question_cue(&self, run_id: RunId, n: u32, question: &Question) -> Cue {
        Cue::Question {
            quiz_id: self.quiz_id.clone(),
            run_id,
            question_id: question.question_id.clone(),
            n,
            of: u32::try_from(self.questions.len()).expect("a quiz has at most 50 questions"),
            question: question.question.clone(),
            answers: question.answers.clone(),
            seconds: question.seconds,
        }
    }

    /// The cues of results, leaderboard and cancellation need no check: within these bounds they
    /// always fit (see the tests), or are cut to fit.
    fn check_cues(&self) -> Result<(), InvalidQuiz> {
        let longest: RunId = "r"
            .repeat(RunId::MAX)
            .parse()
            .expect("a run id of the greatest length");
        for (n, question) in (1..).zip(&self.questions) {
            let question = question
                .attempt(ATTEMPTS)
                .expect("a question has so many attempts");
            self.question_cue(longest.clone(), n, &question)
                .encode()
                .map_err(|error| InvalidQuiz::CueTooLarge {
                    n,
                    bytes: error.bytes,
                })?;
        }
        Ok(())
    }
}

impl Question {
    fn new(n: u32, draft: QuestionDraft) -> Result<Self, InvalidQuiz> {
        within(&draft.question, QUESTION).map_err(|length| InvalidQuiz::Question { n, length })?;
        let count = draft.answers.len();
        if !ANSWERS.contains(&count) {
            return Err(InvalidQuiz::Answers { n, count });
        }
        for answer in &draft.answers {
            within(answer, ANSWER).map_err(|length| InvalidQuiz::Answer { n, length })?;
        }
        if let Some(correct) = draft.correct.filter(|&index| index as usize >= count) {
            return Err(InvalidQuiz::Correct { n, correct, count });
        }
        if !SECONDS.contains(&draft.seconds) {
            return Err(InvalidQuiz::Seconds {
                n,
                seconds: draft.seconds,
            });
        }
        Ok(Self {
            question_id: format!("q{n}")
                .parse()
                .expect("a letter and a number make an id"),
            question: draft.question,
            answers: draft.answers,
            correct: draft.correct,
            seconds: draft.seconds,
        })
    }

    /// The question as it is asked for this time, from 1, at most [`ATTEMPTS`].
    fn attempt(&self, attempt: u32) -> Option<Self> {
        let question_id = match attempt {
            1 => self.question_id.clone(),
            2..=ATTEMPTS => format!("{}-{attempt}", self.question_id)
                .parse()
                .expect("a question id, a hyphen and a digit make an id"),
            _ => return None,
        };
        Some(Self {
            question_id,
            ..self.clone()
        })
    }

    /// What its final tally puts into the video.
    pub fn results_cue(&self, counts: Vec<u64>) -> Cue {
        Cue::Results {
            question_id: self.question_id.clone(),
            counts,
            correct: self.correct,
        }
    }
}

/// Whether a text has so many characters, surrounding space not counted; else how many it has.
fn within(text: &str, bounds: RangeInclusive<usize>) -> Result<(), usize> {
    let length = text.trim().chars().count();
    match bounds.contains(&length) && text.chars().count() <= *bounds.end() {
        true => Ok(()),
        false => Err(length),
    }
}

#[cfg(test)]
#[path = "quiz_tests.rs"]
mod tests;
