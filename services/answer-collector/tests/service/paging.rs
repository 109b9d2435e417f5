//! Partitions of more than a page: what is read of them is whole, and in order.

use std::collections::BTreeMap;

use answer_collector::store::answers::Answer;
use cuepoint_shared::ids::UserId;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cloud::Cloud;

/// More than one page of 1 MB, and than the thousand that the leaderboard reads at once.
const VIEWERS: u32 = 1_300;

fn opened_at(opened: &Value) -> Timestamp {
    opened["openedAt"].as_str().unwrap().parse().unwrap()
}

/// Answers of these viewers, who take a millisecond longer one after the other: viewer, choice and
/// time.
fn given(
    viewers: &[String],
    choice: impl Fn(u32) -> u32,
    opened_at: Timestamp,
) -> Vec<(String, u32, Timestamp)> {
    let given = (0_u32..).zip(viewers).map(|(n, viewer)| {
        let at = opened_at + SignedDuration::from_millis(i64::from(n));
        (viewer.clone(), choice(n), at)
    });
    given.collect()
}

#[tokio::test]
async fn tally_and_leaderboard_of_more_than_a_page_are_of_all_answers() {
    let cloud = Cloud::new().await;
    let viewers: Vec<_> = (0..VIEWERS).map(|_| Uuid::new_v4().to_string()).collect();
    // The second option is the correct one. By choice of both questions: four times four kinds.
    let choices: [fn(u32) -> u32; 2] = [|n| n % 4, |n| n / 4 % 4];
    for (question, choice) in ["q1", "q2"].into_iter().zip(choices) {
        let opened = cloud.open(question, 1).await;
        let key = cloud.question(question);
        cloud
            .give(&key, 1, &given(&viewers, choice, opened_at(&opened)))
            .await;
        for n in 0..5_u32 {
            let refused = format!("{n}-was-refused").parse().unwrap();
            let at = opened_at(&opened);
            let refused = cloud
                .answers()
                .refuse(&key.partition(0), &refused, at)
                .await;
            assert_eq!(refused.unwrap(), None);
        }
        let told = cloud.tally(question).await;
        let count = |option| (0..VIEWERS).filter(|&n| choice(n) == option).count();
        let counts: Vec<_> = (0..4).map(count).collect();
        assert_eq!(
            (&told["counts"], &told["accepted"]),
            (&json!(counts), &json!(VIEWERS))
        );
    }

    cloud.task("leaderboard", json!({})).await.unwrap();
    // From 1,000 to 500 in the 20 seconds of the window, for each correct answer.
    let points = |n: u32| {
        let right = choices.iter().filter(|choice| choice(n) == 1).count();
        u64::try_from(right).unwrap() * u64::from(1_000 - 500 * n / 20_000)
    };
    for n in [0, 1, 2, 5, 400, 1_013, VIEWERS - 1] {
        let (_, told) = cloud.leaderboard_of(&viewers[n as usize]).await;
        assert_eq!(told["players"], json!(VIEWERS));
        assert_eq!(told["top"].as_array().unwrap().len(), 10);
        let ahead = (0..VIEWERS)
            .filter(|&other| points(other) > points(n))
            .count();
        let you = json!({"rank": ahead + 1, "points": points(n)});
        assert_eq!(told["you"], you, "{n}");
    }
}

/// The order that merging relies on: that of `str`, over all pages.
#[tokio::test]
async fn pages_come_in_the_order_of_bytes() {
    let cloud = Cloud::new().await;
    let partition = cloud.question("q1").partition(0);
    let mut viewers = [
        "b", "a", "aa", "a-", "B", "_", "9", "10", ".", ":", "-", "Z9", "z",
    ];
    let now = Timestamp::now();
    let given: Vec<_> = viewers
        .iter()
        .map(|viewer| ((*viewer).to_owned(), 1, now))
        .collect();
    cloud.give(&partition.question, 1, &given).await;
    viewers.sort_unstable();
    for limit in [1, 2, 5, 13, 14] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = cloud
                .answers()
                .page(&partition, after, limit)
                .await
                .unwrap();
            assert!(page.answers.len() <= usize::try_from(limit).unwrap());
            found.extend(
                page.answers
                    .into_iter()
                    .map(|answer| answer.viewer_id.to_string()),
            );
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, viewers, "by {limit}");
    }
}

/// DynamoDB looks at no more than a hundred keys at once.
#[tokio::test]
async fn a_viewers_answers_are_found_in_any_number_of_partitions() {
    let cloud = Cloud::new().await;
    let ada: UserId = "ada".parse().unwrap();
    let questions: Vec<_> = (0..250).map(|n| cloud.question(&format!("q{n}"))).collect();
    let mut expected = BTreeMap::new();
    for n in [0, 99, 100, 249] {
        let now = Timestamp::now();
        cloud
            .give(&questions[n], 1, &[("ada".to_owned(), 1, now)])
            .await;
        expected.insert(questions[n].clone(), now);
    }
    let partitions: Vec<_> = questions
        .iter()
        .map(|question| question.partition(0))
        .collect();
    let found = cloud.answers().of_viewer(&partitions, &ada).await.unwrap();
    let found = found
        .into_iter()
        .map(|(question, Answer { received_at, .. })| (question, received_at));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
}
