//! The table `windows`: by run, the window of each question.
//!
//! A window is written only over the status that was read, so each step of its life happens once.

use aws_sdk_dynamodb::{
    Client, operation::put_item::PutItemError, types::ReturnValuesOnConditionCheckFailure,
};
use cuepoint_shared::{
    aws::AwsError,
    ids::{QuizId, RunId},
};

use super::{Item, StoreError, leaderboards::LEADERBOARD, read, text};
use crate::{
    keys::{QuestionKey, run_key},
    window::{Window, WindowStatus},
};

/// What became of opening a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It is open now.
    New,
    /// There is one already.
    Before(Window),
}

/// The table.
#[derive(Debug, Clone)]
pub struct WindowStore {
    client: Client,
    table: String,
}

impl WindowStore {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Keeps a window if its question has none.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn open(
        &self,
        question: &QuestionKey,
        window: &Window,
    ) -> Result<Opened, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(window_item(question, window)))
            .condition_expression("attribute_not_exists(questionId)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = put else {
            return Ok(Opened::New);
        };
        let failed = AwsError::new("PutItem", &error);
        match error.into_service_error() {
            PutItemError::ConditionalCheckFailedException(refused) => {
                let before = refused.item.unwrap_or_default();
                Ok(Opened::Before(read(&question.run_key(), before)?))
            }
            _ => Err(failed.into()),
        }
    }

    /// A question's window as it is now.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get(&self, question: &QuestionKey) -> Result<Option<Window>, StoreError> {
        self.read(question, true).await
    }

    /// A question's window: as it is now, or `consistently` is false and it may be as it was a moment
    /// ago, or not be there yet.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) async fn read(
        &self,
        question: &QuestionKey,
        consistently: bool,
    ) -> Result<Option<Window>, StoreError> {
        let run = question.run_key();
        let sort = question.question_id.as_str();
        match self.item(&run, sort, consistently).await? {
            Some(item) => read(&run, item).map(Some),
            None => Ok(None),
        }
    }

    /// Every window of a run as it is now.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn of_run(
        &self,
        quiz_id: &QuizId,
        run_id: &RunId,
    ) -> Result<Vec<Window>, StoreError> {
        let run = run_key(quiz_id, run_id);
        let items: Vec<Item> = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#run = :run")
            .expression_attribute_names("#run", "run")
            .expression_attribute_values(":run", text(&run))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
            .map_err(|error| AwsError::new("Query", &error))?;
        let is_window = |item: &Item| item.get("questionId") != Some(&text(LEADERBOARD));
        items
            .into_iter()
            .filter(is_window)
            .map(|item| read(&run, item))
            .collect()
    }

    /// Writes a changed window over one of this status; false when it has another by now.
    ///
    /// # Errors
    /// [`StoreError::Aws`]
    pub async fn replace(
        &self,
        question: &QuestionKey,
        before: WindowStatus,
        window: &Window,
    ) -> Result<bool, StoreError> {
        let before = serde_dynamo::to_attribute_value(before).expect("a status is a word");
        self.put_if(window_item(question, window), "#status = :before", |put| {
            put.expression_attribute_names("#status", "status")
                .expression_attribute_values(":before", before)
        })
        .await
    }

    pub(super) async fn item(
        &self,
        run: &str,
        sort: &str,
        consistently: bool,
    ) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("run", text(run))
            .key("questionId", text(sort))
            .consistent_read(consistently)
            .send()
            .await
            .map_err(|error| AwsError::new("GetItem", &error))?;
        Ok(answer.item)
    }

    pub(super) async fn put_if(
        &self,
        item: Item,
        condition: &str,
        values: impl FnOnce(Put) -> Put,
    ) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition);
        match values(put).send().await {
            Ok(_) => Ok(true),
            Err(error) => {
                let failed = AwsError::new("PutItem", &error);
                match error
                    .into_service_error()
                    .is_conditional_check_failed_exception()
                {
                    true => Ok(false),
                    false => Err(failed.into()),
                }
            }
        }
    }
}

pub(super) type Put = aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;

fn window_item(question: &QuestionKey, window: &Window) -> Item {
    let mut item: Item =
        serde_dynamo::to_item(window).expect("a window is made of what a table keeps");
    item.insert("run".to_owned(), text(question.run_key()));
    item
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::window::Rules;

    #[test]
    fn a_window_reads_back_as_it_was_written() {
        let question = QuestionKey {
            quiz_id: "quiz".parse().unwrap(),
            run_id: "run".parse().unwrap(),
            question_id: "q1".parse().unwrap(),
        };
        for correct in [None, Some(3)] {
            let window = Window::open(
                question.question_id.clone(),
                Rules {
                    options: 4,
                    correct,
                    seconds: 15,
                    shards: 2,
                },
                SignedDuration::from_secs(5),
                SignedDuration::from_secs(2),
                Timestamp::from_millisecond(1_795_334_400_123).unwrap(),
            );
            let tallied = window.with_counts(vec![1, 0, 2, 3]);
            for window in [window, tallied] {
                let item = window_item(&question, &window);
                assert_eq!(item["questionId"], text("q1"));
                assert_eq!(read::<Window>("quiz#run", item).unwrap(), window);
            }
        }
    }
}
