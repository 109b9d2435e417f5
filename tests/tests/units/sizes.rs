//! The size of items, as DynamoDB counts it (developer guide, "DynamoDB item sizes and formats").

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use cuepoint_e2e::chaos::question::Question;
use stage::Stack;

/// The mean size of a question's answers, in bytes.
pub(crate) async fn of_items(stack: &Stack, question: &Question, shards: u32) -> f64 {
    let client = Client::new(&stack.sdk_config().await);
    let mut sizes = Vec::new();
    for shard in 0..shards {
        let (run, id) = (&question.run, &question.id);
        let partition = format!("{}#{}#{id}#{shard}", run.quiz_id, run.run_id);
        let found = client
            .query()
            .table_name(&stack.outputs.answers_table)
            .key_condition_expression("#partition = :partition")
            .expression_attribute_names("#partition", "partition")
            .expression_attribute_values(":partition", AttributeValue::S(partition))
            .send()
            .await
            .unwrap();
        for item in found.items() {
            // A refusal has no choice.
            if item.contains_key("choice") {
                sizes.push(
                    item.iter()
                        .map(|(name, value)| name.len() + of(value))
                        .sum::<usize>(),
                );
            }
        }
    }
    sizes.iter().sum::<usize>() as f64 / sizes.len() as f64
}

/// A text has its UTF-8; a number a byte for two digits, and one more.
fn of(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.len().div_ceil(2) + 1,
        other => panic!("no answer has this: {other:?}"),
    }
}
