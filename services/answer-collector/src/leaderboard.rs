//! Points, ranks, and who has the most.
//!
//! A correct answer gives 1,000 points at once, falling linearly to 500 at the end of the window; a
//! wrong one gives none. Only tallied questions with a correct option are played for: polls and
//! voided questions give nobody anything.
//!
//! Who has the same points has the same rank, and the next rank counts them all (1, 2, 2, 4). What
//! is kept of a run is its best and a [`Histogram`] of points, so that everyone can be told their
//! rank, however low, from their own answers, without a write for each viewer.

use std::{cmp::Reverse, collections::BinaryHeap};

use cuepoint_shared::ids::{QuestionId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    histogram::Histogram,
    window::{Window, WindowStatus},
};

/// How many the leaderboard shows at most.
pub const PLACES: usize = 10;
/// Points for a correct answer at once.
const MOST: u64 = 1_000;
/// Points for a correct answer at the end of the window.
const LEAST: u64 = 500;

/// One of the best.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// From 1 on.
    pub rank: u64,
    /// The name they appear under.
    pub name: String,
    /// More than none.
    pub points: u32,
}

/// How the players of a run stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leaderboard {
    /// The questions that were played for, in the order they were asked.
    pub questions: Vec<Window>,
    /// How many viewers answered at least one of them.
    pub players: u64,
    /// The best, at most [`PLACES`]; who has no points is not among them.
    pub top: Vec<Place>,
    /// The points of all.
    pub histogram: Histogram,
}

/// How one viewer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct You {
    /// From 1 on.
    pub rank: u64,
    /// May be none.
    pub points: u32,
}

/// A viewer's result over the questions of a run. The order of standings is that of the
/// leaderboard: more points, then less time taken, then the name, then the id, so that it is the
/// same whenever it is computed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    points: Reverse<u32>,
    /// Milliseconds taken for the answers that gave points.
    taken: u64,
    name: String,
    viewer_id: UserId,
}

/// One viewer's result, as it comes together from their answers to the questions, in the order the
/// questions were asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Score {
    points: u32,
    taken: u64,
    name: String,
}

/// The leaderboard as it comes together from the results of ever more viewers, in memory bounded
/// by the number of questions.
#[derive(Debug, Clone, Default)]
pub struct Standings {
    players: u64,
    histogram: Histogram,
    /// The best so far, the last of them on top.
    best: BinaryHeap<Standing>,
}

/// What of a run's questions is played for, in the order they were asked.
pub fn played_for(mut windows: Vec<Window>) -> Vec<Window> {
    windows
        .retain(|window| window.status == WindowStatus::Tallied && window.rules.correct.is_some());
    windows.sort_by_key(|window| window.opened_at);
    windows
}

/// The points of an answer to a question.
pub fn points(window: &Window, choice: u32, received_at: Timestamp) -> u32 {
    if window.rules.correct != Some(choice) {
        return 0;
    }
    let length = millis(window.opened_at, window.closes_at).max(1);
    let taken = millis(window.opened_at, received_at).min(length);
    let points = MOST - (MOST - LEAST) * taken / length;
    u32::try_from(points).expect("at most a thousand")
}

fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}

impl Score {
    /// Adds the viewer's answer to the next question. The name they gave last is the one that stays.
    pub fn add(&mut self, window: &Window, name: String, choice: u32, received_at: Timestamp) {
        self.name = name;
        let points = points(window, choice, received_at);
        if points > 0 {
            self.points += points;
            self.taken += millis(window.opened_at, received_at);
        }
    }
}

impl Standings {
    /// Takes the result of a viewer into account who was not in it yet.
    pub fn add(&mut self, viewer_id: UserId, score: Score) {
        self.players += 1;
        self.histogram.add(score.points);
        if score.points > 0 {
            self.show(Standing {
                points: Reverse(score.points),
                taken: score.taken,
                name: score.name,
                viewer_id,
            });
        }
    }

    /// Takes the results of other viewers into account, of whom none was in it yet.
    pub fn merge(&mut self, others: Self) {
        self.players += others.players;
        self.histogram.merge(&others.histogram);
        others.best.into_iter().for_each(|other| self.show(other));
    }

    /// Shows one among the best, if they are.
    fn show(&mut self, standing: Standing) {
        if self.best.len() < PLACES {
            self.best.push(standing);
        } else if let Some(mut last) = self.best.peek_mut()
            && standing < *last
        {
            *last = standing;
        }
    }

    /// The leaderboard over these questions.
    pub fn finish(self, questions: Vec<Window>) -> Leaderboard {
        let best = self.best.into_sorted_vec().into_iter();
        let top = best.map(|standing| Place {
            rank: self.histogram.rank(standing.points.0),
            name: standing.name,
            points: standing.points.0,
        });
        Leaderboard {
            questions,
            players: self.players,
            top: top.collect(),
            histogram: self.histogram,
        }
    }
}

impl Leaderboard {
    /// How the viewer stands who gave these answers: question, option and time. None if they
    /// answered none of the questions.
    pub fn you<'a>(
        &self,
        answers: impl IntoIterator<Item = (&'a QuestionId, u32, Timestamp)>,
    ) -> Option<You> {
        let mut you = None;
        for (question_id, choice, received_at) in answers {
            let mut questions = self.questions.iter();
            if let Some(window) = questions.find(|window| window.question_id == *question_id) {
                *you.get_or_insert(0) += points(window, choice, received_at);
            }
        }
        you.map(|points| You {
            rank: self.histogram.rank(points),
            points,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::window::Rules;

    fn question(n: u32, correct: Option<u32>) -> Window {
        let opened_at = Timestamp::from_second(1_000 + 60 * i64::from(n)).unwrap();
        let rules = Rules {
            options: 4,
            correct,
            seconds: 15,
            shards: 1,
        };
        let (allowance, drain) = (SignedDuration::from_secs(5), SignedDuration::from_secs(3));
        let id = format!("q{n}").parse().unwrap();
        Window::open(id, rules, allowance, drain, opened_at).with_counts(vec![0; 4])
    }

    fn after(window: &Window, millis: i64) -> Timestamp {
        window.opened_at + SignedDuration::from_millis(millis)
    }

    #[test]
    fn points_fall_linearly_from_1000_to_500() {
        let window = question(1, Some(2));
        let after = |ms| points(&window, 2, after(&window, ms));
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
        let poll = question(1, None);
        assert_eq!(points(&poll, 2, poll.opened_at), 0);
    }

    #[test]
    fn what_is_voided_or_has_no_correct_option_is_not_played_for() {
        let open = Window {
            status: WindowStatus::Closed,
            counts: None,
            ..question(4, Some(0))
        };
        let voided = open.void().unwrap();
        let (first, second) = (question(1, Some(0)), question(2, Some(1)));
        let all = vec![
            second.clone(),
            voided,
            question(3, None),
            open,
            first.clone(),
        ];
        assert_eq!(played_for(all), [first, second]);
    }

    /// Answers as viewer, name, question, option and milliseconds taken.
    fn leaderboard(questions: &[Window], answers: &[(&str, &str, usize, u32, i64)]) -> Leaderboard {
        let mut scores: BTreeMap<UserId, Score> = BTreeMap::new();
        for &(viewer, name, question, choice, millis) in answers {
            let window = &questions[question];
            let score = scores.entry(viewer.parse().unwrap()).or_default();
            score.add(window, name.into(), choice, after(window, millis));
        }
        let mut standings = Standings::default();
        scores
            .into_iter()
            .for_each(|(viewer, score)| standings.add(viewer, score));
        standings.finish(questions.to_vec())
    }

    fn place(rank: u64, name: &str, points: u32) -> Place {
        let name = name.to_owned();
        Place { rank, name, points }
    }

    #[test]
    fn scores_add_up_over_questions_and_who_has_none_is_a_player_too() {
        let questions = [question(1, Some(0)), question(2, Some(1))];
        let board = leaderboard(
            &questions,
            &[
                ("ada", "Ada", 0, 0, 0),
                ("ada", "Ada L", 1, 1, 10_000),
                ("bob", "Bob", 0, 0, 10_000),
                ("bob", "Bob", 1, 0, 0),
                ("eve", "Eve", 0, 3, 0),
            ],
        );
        assert_eq!(board.top, [place(1, "Ada L", 1_750), place(2, "Bob", 750)]);
        assert_eq!(board.players, 3);
        let (q1, q2) = (&questions[0].question_id, &questions[1].question_id);
        let you = |answers: &[(&QuestionId, u32, Timestamp)]| board.you(answers.to_vec());
        let at = |n: usize, millis| after(&questions[n], millis);
        let stands = |rank, points| Some(You { rank, points });
        assert_eq!(
            you(&[(q1, 0, at(0, 0)), (q2, 1, at(1, 10_000))]),
            stands(1, 1_750)
        );
        assert_eq!(you(&[(q1, 3, at(0, 0))]), stands(3, 0));
        assert_eq!(you(&[]), None);
        let unknown = "q3".parse().unwrap();
        assert_eq!(you(&[(&unknown, 0, at(0, 0))]), None, "not played for");
    }

    #[test]
    fn the_same_points_share_a_rank_in_the_order_of_time_then_name_then_id() {
        let questions = [question(1, Some(0)), question(2, Some(0))];
        // A fraction of a point is rounded up: the same points for one and two milliseconds.
        let board = leaderboard(
            &questions,
            &[
                ("1", "b", 0, 0, 2),
                ("2", "a", 0, 0, 2),
                ("3", "z", 0, 0, 1),
                ("4", "y", 1, 0, 10_000),
                ("5", "x", 0, 0, 0),
                ("5", "x", 1, 0, 0),
                ("6", "a", 0, 0, 2),
            ],
        );
        let expected = [
            place(1, "x", 2_000),
            place(2, "z", 1_000),
            place(2, "a", 1_000),
            place(2, "a", 1_000),
            place(2, "b", 1_000),
            place(6, "y", 750),
        ];
        assert_eq!(board.top, expected);
    }

    proptest! {
        /// However the viewers come together, in whatever order and parts, the leaderboard is the
        /// same; and each viewer is told the rank that counting gives.
        #[test]
        fn the_leaderboard_does_not_depend_on_the_order(
            all in prop::collection::vec((0..3_i64, 0..3_u32, "[ab]"), 0..40),
            parts in 1..6_usize,
        ) {
            let questions = vec![question(1, Some(0))];
            let window = &questions[0];
            let answer = |n: usize| {
                let (time, choice, name) = &all[n];
                (format!("v{n}").parse::<UserId>().unwrap(), name.clone(), *choice, after(window, time * 2_000))
            };
            let board = |orders: Vec<Vec<usize>>| {
                let mut standings = Standings::default();
                for order in orders {
                    let mut part = Standings::default();
                    for n in order {
                        let (viewer, name, choice, at) = answer(n);
                        let mut score = Score::default();
                        score.add(window, name, choice, at);
                        part.add(viewer, score);
                    }
                    standings.merge(part);
                }
                standings.finish(questions.clone())
            };
            let whole = board(vec![(0..all.len()).collect()]);
            let part = |part: usize| (0..all.len()).rev().filter(move |n| n % parts == part);
            let split = (0..parts).map(|n| part(n).collect()).collect();
            prop_assert_eq!(&board(split), &whole);

            prop_assert_eq!(whole.players, u64::try_from(all.len()).unwrap());
            let all_points: Vec<u32> = (0..all.len())
                .map(|n| { let (_, _, choice, at) = answer(n); points(window, choice, at) })
                .collect();
            for n in 0..all.len() {
                let (_, _, choice, at) = answer(n);
                let ahead = all_points.iter().filter(|&&points| points > all_points[n]).count();
                let you = whole.you([(&window.question_id, choice, at)]).unwrap();
                prop_assert_eq!(you.points, all_points[n]);
                prop_assert_eq!(you.rank, 1 + u64::try_from(ahead).unwrap());
            }
        }
    }
}
