//! Points, and who has the most.
//!
//! A correct answer gives 1,000 points at once, falling linearly to 500 at the end of the window;
//! a wrong one gives none, and so does any answer in a poll.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use cuepoint_shared::ids::UserId;
use jiff::Timestamp;

use crate::window::Window;

/// How many the leaderboard shows at most.
pub const PLACES: usize = 10;
/// Points for a correct answer at once.
const MOST: u64 = 1_000;
/// Points for a correct answer at the end of the window.
const LEAST: u64 = 500;

/// A viewer's result over the questions of a run. The order of standings is that of the
/// leaderboard: more points, then less time taken, then the name, then the id, so that it is the
/// same whenever it is computed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing {
    points: Reverse<u64>,
    /// Milliseconds taken for the answers that gave points.
    taken: u64,
    name: String,
    viewer_id: UserId,
}

/// The results of some viewers, by viewer.
#[derive(Debug, Clone, Default)]
pub struct Scores(HashMap<UserId, Score>);

#[derive(Debug, Clone, Default)]
struct Score {
    points: u64,
    taken: u64,
    name: String,
}

/// The best so far, in bounded memory.
#[derive(Debug, Clone)]
pub struct Top {
    places: usize,
    /// The last of them on top.
    best: BinaryHeap<Standing>,
}

/// The points of an answer to a question.
pub fn points(window: &Window, choice: u32, received_at: Timestamp) -> u64 {
    if window.rules.correct != Some(choice) {
        return 0;
    }
    let length = millis(window.opened_at, window.closes_at).max(1);
    let taken = millis(window.opened_at, received_at).min(length);
    MOST - (MOST - LEAST) * taken / length
}

fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}

impl Scores {
    /// Adds a viewer's answer to a question. The name they gave last is the one that stays.
    pub fn add(
        &mut self,
        window: &Window,
        viewer_id: UserId,
        name: String,
        choice: u32,
        received_at: Timestamp,
    ) {
        let score = self.0.entry(viewer_id).or_default();
        score.name = name;
        let points = points(window, choice, received_at);
        if points > 0 {
            score.points += points;
            score.taken += millis(window.opened_at, received_at);
        }
    }

    /// Everyone who has points.
    pub fn standings(self) -> impl Iterator<Item = Standing> {
        self.0
            .into_iter()
            .filter(|(_, score)| score.points > 0)
            .map(|(viewer_id, score)| Standing {
                points: Reverse(score.points),
                taken: score.taken,
                name: score.name,
                viewer_id,
            })
    }
}

impl Top {
    /// The best `places`.
    pub fn new(places: usize) -> Self {
        Self {
            places,
            best: BinaryHeap::with_capacity(places + 1),
        }
    }

    /// Takes more standings into account.
    pub fn extend(&mut self, standings: impl IntoIterator<Item = Standing>) {
        for standing in standings {
            self.best.push(standing);
            if self.best.len() > self.places {
                self.best.pop();
            }
        }
    }

    /// Name and points, best first.
    pub fn named(self) -> Vec<(String, u64)> {
        let standings = self.best.into_sorted_vec();
        standings
            .into_iter()
            .map(|standing| (standing.name, standing.points.0))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::window::Rules;

    fn window(correct: Option<u32>) -> Window {
        Window::open(
            "q1".parse().unwrap(),
            Rules {
                options: 4,
                correct,
                seconds: 15,
                shards: 1,
            },
            SignedDuration::from_secs(5),
            SignedDuration::from_secs(2),
            Timestamp::from_second(1_000).unwrap(),
        )
    }

    #[test]
    fn points_fall_linearly_from_1000_to_500() {
        let window = window(Some(2));
        let after = |ms| {
            points(
                &window,
                2,
                window.opened_at + SignedDuration::from_millis(ms),
            )
        };
        assert_eq!(
            (after(0), after(5_000), after(10_000), after(20_000)),
            (1_000, 875, 750, 500)
        );
        assert_eq!(after(1), 1_000, "a fraction of a point is rounded up");
        assert_eq!(
            after(99_000),
            500,
            "the clock of another function may be a little ahead"
        );
        assert_eq!(after(-5), 1_000);
        assert_eq!(points(&window, 1, window.opened_at), 0, "wrong");
        assert_eq!(
            points(&self::window(None), 2, window.opened_at),
            0,
            "a poll"
        );
    }

    fn standing(points: u64, taken: u64, name: &str, viewer: &str) -> Standing {
        Standing {
            points: Reverse(points),
            taken,
            name: name.into(),
            viewer_id: viewer.parse().unwrap(),
        }
    }

    #[test]
    fn ties_go_to_the_faster_then_by_name_then_by_id() {
        let mut top = Top::new(PLACES);
        top.extend([
            standing(900, 10, "b", "1"),
            standing(900, 10, "a", "3"),
            standing(900, 9, "z", "2"),
            standing(1_900, 99, "y", "4"),
        ]);
        let names: Vec<_> = top.named().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["y", "z", "a", "b"]);
        assert!(standing(1, 1, "a", "1") < standing(1, 1, "a", "2"));
    }

    #[test]
    fn scores_add_up_over_questions_and_leave_out_who_has_none() {
        let first = window(Some(0));
        let second = window(Some(1));
        let mut scores = Scores::default();
        let mut add = |window: &Window, viewer: &str, name: &str, choice, ms| {
            let at = window.opened_at + SignedDuration::from_millis(ms);
            scores.add(window, viewer.parse().unwrap(), name.into(), choice, at);
        };
        add(&first, "ada", "Ada", 0, 0);
        add(&second, "ada", "Ada L", 1, 10_000);
        add(&first, "bob", "Bob", 0, 10_000);
        add(&second, "bob", "Bob", 0, 0);
        add(&first, "eve", "Eve", 3, 0);
        let mut top = Top::new(PLACES);
        top.extend(scores.standings());
        assert_eq!(
            top.named(),
            [("Ada L".to_owned(), 1_750), ("Bob".to_owned(), 750)]
        );
    }

    proptest! {
        /// However the standings come, in whatever order and parts, the top is that of all.
        #[test]
        fn the_top_does_not_depend_on_the_order(
            mut all in prop::collection::vec((0..5_u64, 0..3_u64, "[ab]"), 0..40),
            places in 0..12_usize,
            seed in any::<u64>(),
        ) {
            let standings = |all: &[(u64, u64, String)]| -> Vec<Standing> {
                let numbered = all.iter().enumerate();
                numbered.map(|(n, (p, t, name))| standing(*p, *t, name, &format!("v{n}"))).collect()
            };
            all.truncate(40);
            let mut sorted = standings(&all);
            let mut shuffled = sorted.clone();
            sorted.sort();
            sorted.truncate(places);
            let expected: Vec<_> = sorted.into_iter().map(|s| (s.name, s.points.0)).collect();
            if !shuffled.is_empty() {
                let turn = usize::try_from(seed % 40).unwrap() % shuffled.len();
                shuffled.rotate_left(turn);
            }
            let (one, other) = shuffled.split_at(shuffled.len() / 2);
            let mut top = Top::new(places);
            top.extend(other.to_vec());
            top.extend(one.to_vec());
            prop_assert_eq!(top.named(), expected);
        }
    }
}
