//! Questions and answers: what the saga says of a question, and what analysts consume.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EventData;
use crate::ids::{ChannelId, QuestionId, QuizId, RunId, UserId};

/// A question is on air.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuestionOpened {
    /// The quiz.
    pub quiz_id: QuizId,
    /// The run of it.
    pub run_id: RunId,
    /// Where it runs.
    pub channel_id: ChannelId,
    /// The question.
    pub question_id: QuestionId,
    /// When its answer window opened.
    pub opened_at: Timestamp,
    /// When its answer window closes.
    pub closes_at: Timestamp,
}

/// A question's final tally.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuestionTallied {
    /// The quiz.
    pub quiz_id: QuizId,
    /// The run of it.
    pub run_id: RunId,
    /// Where it runs.
    pub channel_id: ChannelId,
    /// The question.
    pub question_id: QuestionId,
    /// How many chose each option.
    pub counts: Vec<u64>,
    /// The index of the correct option; null in a poll.
    #[serde(default)]
    pub correct: Option<u32>,
    /// How many answers were accepted: the sum of the counts.
    pub accepted: u64,
}

/// A question does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuestionVoided {
    /// The quiz.
    pub quiz_id: QuizId,
    /// The run of it.
    pub run_id: RunId,
    /// Where it runs.
    pub channel_id: ChannelId,
    /// The question.
    pub question_id: QuestionId,
}

/// Accepted answers to a question, published once they are settled, which is about when it is
/// tallied: so that each event but a question's last is as full as the 64 KB that EventBridge bills
/// as one, and the same answers are always in the same event. Answers to a question that was voided
/// are published too; `question-tallied` and `question-voided` say which count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnswersRecorded {
    /// The quiz.
    pub quiz_id: QuizId,
    /// The run of it.
    pub run_id: RunId,
    /// The question.
    pub question_id: QuestionId,
    /// In an order that is always the same, a viewer at most once in all events of a question.
    pub answers: Vec<RecordedAnswer>,
}

/// One viewer's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedAnswer {
    /// Who answered.
    pub viewer_id: UserId,
    /// The index of the option they chose.
    pub choice: u32,
    /// When the answer was received.
    pub received_at: Timestamp,
}

macro_rules! contract {
    ($name:ident, $detail_type:literal, $source:literal) => {
        impl EventData for $name {
            const DETAIL_TYPE: &'static str = $detail_type;
            const SOURCE: &'static str = $source;
        }
    };
}

contract!(QuestionOpened, "question-opened", "cuepoint.quiz-show");
contract!(QuestionTallied, "question-tallied", "cuepoint.quiz-show");
contract!(QuestionVoided, "question-voided", "cuepoint.quiz-show");
contract!(
    AnswersRecorded,
    "answers-recorded",
    "cuepoint.answer-collector"
);
