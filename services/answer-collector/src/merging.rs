//! The answers of one shard to all questions, merged viewer by viewer.
//!
//! A viewer has the same shard in every question of a run, and each question's answers come in the
//! order of the viewers' ids. So the answers of a viewer to all questions are found side by side,
//! and no more is held than a page of each question, however many viewers there are.

use std::vec;

use cuepoint_shared::ids::UserId;

use crate::{
    leaderboard::{Score, Standings},
    store::answers::Answer,
    window::Window,
};

/// Adds up a shard, page by page.
#[derive(Debug)]
pub struct Merge<'a> {
    questions: Vec<Question<'a>>,
    standings: Standings,
}

/// Where one question's answers are.
#[derive(Debug)]
struct Question<'a> {
    window: &'a Window,
    /// What is here and was not added up yet.
    page: vec::IntoIter<Answer>,
    ended: bool,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Step {
    /// The next page of the question at this index is needed.
    Needs(usize),
    /// All is added up.
    Done,
}

impl<'a> Merge<'a> {
    /// For these questions, in the order they were asked.
    pub fn new(windows: &'a [Window]) -> Self {
        let questions = windows.iter().map(|window| Question {
            window,
            page: Vec::new().into_iter(),
            ended: false,
        });
        Self {
            questions: questions.collect(),
            standings: Standings::default(),
        }
    }

    /// Takes the next page of a question that needed one. Within a question viewers come in the
    /// order of their ids, each once: [`crate::store::answer_pages`] refuses what does not.
    pub fn take(&mut self, question: usize, page: Vec<Answer>, ended: bool) {
        let question = &mut self.questions[question];
        question.page = page.into_iter();
        question.ended = ended;
    }

    /// Adds up all viewers whose answers are here for certain: as long as there is an answer of
    /// every question that goes on.
    pub fn advance(&mut self) -> Step {
        loop {
            if let Some(dry) = self.questions.iter().position(Question::is_dry) {
                return Step::Needs(dry);
            }
            let heads = self.questions.iter().enumerate();
            let heads = heads.filter_map(|(index, question)| Some((question.head()?, index)));
            // Of questions with the same viewer the one that was asked first.
            let Some((_, first)) = heads.min() else {
                return Step::Done;
            };
            self.add_viewer(first);
        }
    }

    /// How all viewers stand that were added up.
    pub fn finish(self) -> Standings {
        self.standings
    }

    /// Adds up the viewer whose first answer is at the head of this question.
    fn add_viewer(&mut self, first: usize) {
        let mut questions = self.questions[first..].iter_mut();
        let mut score = Score::default();
        let viewer_id = questions
            .next()
            .and_then(|question| question.add(&mut score));
        let Some(viewer_id) = viewer_id else { return };
        for question in questions {
            if question.head() == Some(&viewer_id) {
                question.add(&mut score);
            }
        }
        self.standings.add(viewer_id, score);
    }
}

impl Question<'_> {
    /// Whether nothing can be said before its next page.
    fn is_dry(&self) -> bool {
        self.page.len() == 0 && !self.ended
    }

    fn head(&self) -> Option<&UserId> {
        self.page.as_slice().first().map(|answer| &answer.viewer_id)
    }

    /// Moves the answer at its head into the score of its viewer.
    fn add(&mut self, score: &mut Score) -> Option<UserId> {
        let answer = self.page.next()?;
        score.add(self.window, answer.name, answer.choice, answer.received_at);
        Some(answer.viewer_id)
    }
}

#[cfg(test)]
mod tests {
    use std::{cmp::Reverse, collections::BTreeMap};

    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        leaderboard::{Leaderboard, PLACES, Place, points},
        sharding::shard_of,
        window::Rules,
    };

    /// An answer: option, milliseconds taken, name.
    type Given = (u32, i64, String);
    /// By viewer, by question.
    type Show = BTreeMap<UserId, Vec<Option<Given>>>;

    fn window(n: usize) -> Window {
        let rules = Rules {
            options: 3,
            correct: Some(1),
            seconds: 15,
            shards: 1,
        };
        let opened_at = Timestamp::from_second(1_000 + 60 * i64::try_from(n).unwrap()).unwrap();
        let (allowance, drain) = (SignedDuration::from_secs(5), SignedDuration::from_secs(3));
        let id = format!("q{n}").parse().unwrap();
        Window::open(id, rules, allowance, drain, opened_at).with_counts(vec![0; 3])
    }

    fn at(window: &Window, millis: i64) -> Timestamp {
        window.opened_at + SignedDuration::from_millis(millis)
    }

    /// The answers of a shard to a question, as they come.
    fn answers(show: &Show, window: &Window, question: usize, shard: (u32, u32)) -> Vec<Answer> {
        let here = show
            .iter()
            .filter(|(viewer, _)| shard_of(viewer, shard.1) == shard.0);
        let given = here.filter_map(|(viewer_id, given)| {
            let (choice, millis, name) = given[question].clone()?;
            Some(Answer {
                viewer_id: viewer_id.clone(),
                choice,
                received_at: at(window, millis),
                name,
            })
        });
        given.collect()
    }

    /// Merges all shards, by pages of these sizes in turn; the last of a question may be empty.
    fn merged(
        show: &Show,
        windows: &[Window],
        shards: u32,
        sizes: &[usize],
        late: bool,
    ) -> Leaderboard {
        let mut sizes = sizes.iter().copied().cycle();
        let mut standings = Standings::default();
        for shard in 0..shards {
            let left = windows.iter().enumerate();
            let left = left.map(|(n, window)| answers(show, window, n, (shard, shards)));
            let mut left: Vec<_> = left.collect();
            let mut merge = Merge::new(windows);
            while let Step::Needs(question) = merge.advance() {
                let left = &mut left[question];
                let was_empty = left.is_empty();
                let size = sizes.next().unwrap().min(left.len());
                let page: Vec<_> = left.drain(..size).collect();
                merge.take(question, page, left.is_empty() && (was_empty || !late));
            }
            standings.merge(merge.finish());
        }
        standings.finish(windows.to_vec())
    }

    /// The same by keeping everything and sorting it.
    fn plain(show: &Show, windows: &[Window]) -> (u64, Vec<Place>, Vec<u32>) {
        let mut all = Vec::new();
        for (viewer_id, given) in show {
            let given: Vec<_> = given
                .iter()
                .zip(windows)
                .filter_map(|(g, w)| Some((g.as_ref()?, w)))
                .collect();
            let Some(((_, _, name), _)) = given.last() else {
                continue;
            };
            let (mut sum, mut taken) = (0, 0);
            for ((choice, millis, _), window) in &given {
                let points = points(window, *choice, at(window, *millis));
                sum += points;
                taken += if points > 0 { *millis } else { 0 };
            }
            all.push((Reverse(sum), taken, name.clone(), viewer_id));
        }
        all.sort();
        let sums: Vec<u32> = all.iter().map(|standing| standing.0.0).collect();
        let rank =
            |mine: u32| 1 + u64::try_from(sums.iter().filter(|&&sum| sum > mine).count()).unwrap();
        let best = all.iter().filter(|standing| standing.0.0 > 0).take(PLACES);
        let best = best.map(|(points, _, name, _)| Place {
            rank: rank(points.0),
            name: name.clone(),
            points: points.0,
        });
        (u64::try_from(all.len()).unwrap(), best.collect(), sums)
    }

    fn shows() -> impl Strategy<Value = (usize, Show)> {
        (0..4_usize).prop_flat_map(|questions| {
            // Few times and names, so that many have the same points, and some all of it.
            let given = (0..3_u32, 0..3_i64, "[ab]");
            let given = given.prop_map(|(choice, time, name)| (choice, time * 4_000, name));
            let given = prop::option::weighted(0.8, given);
            let viewer = "[-_.:A-Za-z0-9]{1,3}".prop_map(|id| id.parse().unwrap());
            let show =
                prop::collection::btree_map(viewer, prop::collection::vec(given, questions), 0..60);
            (Just(questions), show)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// However the audience is spread over shards and pages, the leaderboard is the one that
        /// keeping and sorting everything gives.
        #[test]
        fn merged_pages_make_the_plain_leaderboard(
            (questions, show) in shows(),
            shards in 1..5_u32,
            sizes in prop::collection::vec(0..4_usize, 1..6),
            late: bool,
        ) {
            prop_assume!(sizes.iter().any(|&size| size > 0));
            let windows: Vec<_> = (0..questions).map(window).collect();
            let board = merged(&show, &windows, shards, &sizes, late);
            let (players, top, sums) = plain(&show, &windows);
            prop_assert_eq!(board.players, players);
            prop_assert_eq!(&board.top, &top);
            for &points in &sums {
                let ahead = sums.iter().filter(|&&sum| sum > points).count();
                prop_assert_eq!(board.histogram.rank(points), 1 + u64::try_from(ahead).unwrap());
            }
        }
    }
}
