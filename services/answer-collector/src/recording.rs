//! The order to record a question's answers: what it says, when it is due, and the queue it is
//! sent to.
//!
//! The order is sent before the window is there, so that no window is without one. One that is
//! sent twice, or for a window that never came to be, does no harm: see
//! [`crate::answer_recorder`].

use aws_sdk_sqs::Client;
use cuepoint_shared::{
    aws::AwsError,
    ids::{QuestionId, QuizId, RunId},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{keys::QuestionKey, window::Window};

/// How long after a window is tallied its answers are recorded: they are settled by then, whatever
/// the clocks say that differ by less than [`crate::window::CLOCK_TOLERANCE`].
pub const AFTER_TALLY: SignedDuration = SignedDuration::from_secs(2);
/// The longest that a queue keeps a message back (SQS quotas), in seconds.
const LONGEST_DELAY: i32 = 900;

/// Which question's answers are to be recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordingOrder {
    quiz_id: QuizId,
    run_id: RunId,
    question_id: QuestionId,
}

impl From<QuestionKey> for RecordingOrder {
    fn from(question: QuestionKey) -> Self {
        let QuestionKey {
            quiz_id,
            run_id,
            question_id,
        } = question;
        Self {
            quiz_id,
            run_id,
            question_id,
        }
    }
}

impl From<RecordingOrder> for QuestionKey {
    fn from(order: RecordingOrder) -> Self {
        let RecordingOrder {
            quiz_id,
            run_id,
            question_id,
        } = order;
        Self {
            quiz_id,
            run_id,
            question_id,
        }
    }
}

/// The queue that `answer-recorder` reads.
#[derive(Debug, Clone)]
pub struct RecordingQueue {
    client: Client,
    url: String,
}

impl RecordingQueue {
    /// The queue at this URL.
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Has the answers to a question recorded once its window, which opens now, is settled.
    ///
    /// # Errors
    /// [`AwsError`]: the order may not have been taken.
    pub async fn order(&self, question: &QuestionKey, window: &Window) -> Result<(), AwsError> {
        let order = RecordingOrder::from(question.clone());
        let body = serde_json::to_string(&order).expect("ids are text");
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .delay_seconds(delay(window.opened_at, window.tally_at))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::new("SendMessage", &error))
    }
}

/// How long the queue keeps an order back, in whole seconds: never too short.
fn delay(now: Timestamp, tally_at: Timestamp) -> i32 {
    let millis = (tally_at.duration_since(now) + AFTER_TALLY).as_millis();
    let seconds = i32::try_from((millis.max(0) + 999) / 1_000).unwrap_or(LONGEST_DELAY);
    seconds.min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_comes_two_seconds_after_the_tally_and_never_earlier() {
        let open = Timestamp::UNIX_EPOCH;
        let after = |millis| delay(open, open + SignedDuration::from_millis(millis));
        assert_eq!((after(23_000), after(22_001), after(22_000)), (25, 25, 24));
        assert_eq!(after(-60_000), 0);
        assert_eq!(after(3_600_000), 900, "what a queue takes");
    }

    #[test]
    fn an_order_names_the_question_as_everything_else_does() {
        let json = r#"{"quizId":"a","runId":"b","questionId":"q1"}"#;
        let order: RecordingOrder = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&order).unwrap(), json);
        assert_eq!(QuestionKey::from(order).to_string(), "a#b#q1");
    }
}
