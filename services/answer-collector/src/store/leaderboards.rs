//! The leaderboard of a run, in the table `windows` under a sort key that no question id can be.
//!
//! Its item has the windows of the questions that were played for, the best, and the histogram of
//! points in its compact form: at most 300 KB of that for 50 questions, of the 400 KB that an item
//! may have.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use cuepoint_shared::ids::{QuizId, RunId};
use serde::{Deserialize, Serialize};

use super::{
    Item, StoreError, read, text,
    windows::{Put, WindowStore},
};
use crate::{
    histogram::{Histogram, NotAHistogram},
    keys::run_key,
    leaderboard::{Leaderboard, Place},
    window::Window,
};

/// The sort key of a leaderboard.
pub(super) const LEADERBOARD: &str = "#leaderboard";
/// The attribute with the histogram.
const HISTOGRAM: &str = "histogram";

/// The other attributes.
#[derive(Serialize, Deserialize)]
struct Attributes {
    /// How many: a leaderboard never replaces one over more.
    questions: usize,
    windows: Vec<Window>,
    players: u64,
    top: Vec<Place>,
}

impl WindowStore {
    /// Keeps a leaderboard, unless there is one over more questions.
    ///
    /// # Errors
    /// [`StoreError::Aws`]
    pub async fn put_leaderboard(
        &self,
        quiz_id: &QuizId,
        run_id: &RunId,
        leaderboard: &Leaderboard,
    ) -> Result<(), StoreError> {
        let mut item = item(leaderboard);
        item.insert("run".to_owned(), text(run_key(quiz_id, run_id)));
        item.insert("questionId".to_owned(), text(LEADERBOARD));
        let questions = AttributeValue::N(leaderboard.questions.len().to_string());
        let condition = "attribute_not_exists(questions) OR questions <= :questions";
        let put = |put: Put| put.expression_attribute_values(":questions", questions);
        self.put_if(item, condition, put).await.map(|_| ())
    }

    /// The leaderboard of a run, once there is one; if `consistently` is false, it may be as it was a
    /// moment ago, or not be there yet.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn leaderboard(
        &self,
        quiz_id: &QuizId,
        run_id: &RunId,
        consistently: bool,
    ) -> Result<Option<Leaderboard>, StoreError> {
        let run = run_key(quiz_id, run_id);
        match self.item(&run, LEADERBOARD, consistently).await? {
            Some(item) => from_item(&run, item).map(Some),
            None => Ok(None),
        }
    }
}

fn item(leaderboard: &Leaderboard) -> Item {
    let attributes = Attributes {
        questions: leaderboard.questions.len(),
        windows: leaderboard.questions.clone(),
        players: leaderboard.players,
        top: leaderboard.top.clone(),
    };
    let mut item: Item =
        serde_dynamo::to_item(attributes).expect("a leaderboard is made of what a table keeps");
    let histogram = AttributeValue::B(Blob::new(leaderboard.histogram.to_bytes()));
    item.insert(HISTOGRAM.to_owned(), histogram);
    item
}

fn from_item(run: &str, mut item: Item) -> Result<Leaderboard, StoreError> {
    let unreadable = |error: NotAHistogram| StoreError::Unreadable {
        key: run.to_owned(),
        source: serde::de::Error::custom(error),
    };
    let histogram = item.remove(HISTOGRAM);
    let histogram = match &histogram {
        Some(AttributeValue::B(bytes)) => bytes.as_ref(),
        _ => &[],
    };
    let histogram = Histogram::from_bytes(histogram).map_err(unreadable)?;
    let Attributes {
        windows,
        players,
        top,
        ..
    } = read(run, item)?;
    Ok(Leaderboard {
        questions: windows,
        players,
        top,
        histogram,
    })
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::window::Rules;

    fn leaderboard(histogram: Histogram) -> Leaderboard {
        let rules = Rules {
            options: 10,
            correct: Some(3),
            seconds: 120,
            shards: 1_000,
        };
        let second = SignedDuration::from_secs(1);
        let window = |n: u32| {
            let now = Timestamp::from_millisecond(1_795_334_400_123).unwrap();
            let id = format!("q{n}-3-{}", "x".repeat(9)).parse().unwrap();
            let window = Window::open(id, rules, second * 30, second * 30, now);
            window.with_counts(vec![u64::from(u32::MAX); 10])
        };
        let place = Place {
            rank: 9_999_999_999,
            name: "𝔸".repeat(24),
            points: 50_000,
        };
        Leaderboard {
            questions: (0..50).map(window).collect(),
            players: u64::MAX,
            top: vec![place; 10],
            histogram,
        }
    }

    #[test]
    fn a_leaderboard_reads_back_as_it_was_written() {
        let mut histogram = Histogram::default();
        for points in [900, 900, 12] {
            histogram.add(points);
        }
        for board in [leaderboard(histogram), Leaderboard::default()] {
            assert_eq!(from_item("quiz#run", item(&board)).unwrap(), board);
        }
        let mut broken = item(&Leaderboard::default());
        broken.remove(HISTOGRAM);
        let error = from_item("quiz#run", broken).unwrap_err().to_string();
        assert!(error.starts_with("an item of quiz#run"), "{error}");
    }

    /// What surrounds the histogram, which has a test of its own: a bound from above, since JSON
    /// spells out what an item of DynamoDB counts more shortly.
    #[test]
    fn the_rest_of_the_item_is_small() {
        let mut item = item(&leaderboard(Histogram::default()));
        item.remove(HISTOGRAM);
        let json: serde_json::Value = serde_dynamo::from_item(item).unwrap();
        assert!(
            json.to_string().len() < 50_000,
            "{}",
            json.to_string().len()
        );
    }
}
