//! Reads all answers to a question or of a run, in memory that does not grow with the audience.
//!
//! Shards are read at the same time, on all processors. Only closed windows are counted, so no
//! answer is written meanwhile.

use std::{panic, sync::Arc};

use cuepoint_shared::ids::{QuizId, RunId, UserId};
use tokio::task::{JoinError, JoinSet};

use crate::{
    keys::{Partition, QuestionKey},
    leaderboard::Standings,
    merging::{Merge, Step},
    store::{
        StoreError,
        answer_pages::Page,
        answers::{Answer, AnswerStore},
    },
    window::Window,
};

/// How many shards are counted at the same time, by pages of at most 1 MB (DynamoDB's limit of a
/// query), of which the choices are 200 KB.
pub const COUNTED_AT_ONCE: usize = 40;

/// How many answers a page has at most of which names and times are read, too.
const PAGE: usize = 1_000;
/// How many answers may be in all pages together that are being merged; as many more are on their
/// way. So the largest need 64 MB, and usual ones a third of that, whatever the audience.
const MERGED_AT_ONCE: usize = 40_000;

/// How the shards of a run are merged: so many at once, by pages of so many answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How many shards, each by a page of every question.
    pub shards: usize,
    /// How many answers a page has at most.
    pub page: usize,
}

impl Plan {
    /// For so many questions: a shard needs a page of every one at once.
    pub fn of(questions: usize) -> Self {
        let questions = questions.max(1);
        let shards = (MERGED_AT_ONCE / PAGE / questions).max(1);
        let page = (MERGED_AT_ONCE / (shards * questions)).clamp(1, PAGE);
        Self { shards, page }
    }
}

/// How many chose each option of a question.
///
/// # Errors
/// [`StoreError`]
pub async fn tally(
    answers: &AnswerStore,
    question: &QuestionKey,
    shards: u32,
    options: u32,
) -> Result<Vec<u64>, StoreError> {
    let count = (0..shards).map(|shard| {
        let (answers, partition) = (answers.clone(), question.partition(shard));
        async move { answers.count(&partition, options).await }
    });
    let mut sum = vec![0; options as usize];
    at_once(COUNTED_AT_ONCE, count, |counts| {
        sum.iter_mut()
            .zip(counts)
            .for_each(|(sum, count)| *sum += count);
    })
    .await?;
    Ok(sum)
}

/// How all viewers stand who answered one of these questions of a run, which have as many shards
/// each.
///
/// # Errors
/// [`StoreError`]
pub async fn standings(
    answers: &AnswerStore,
    quiz_id: &QuizId,
    run_id: &RunId,
    windows: &[Window],
    shards: u32,
) -> Result<Standings, StoreError> {
    let plan = Plan::of(windows.len());
    let run = Arc::new(Run {
        answers: answers.clone(),
        quiz_id: quiz_id.clone(),
        run_id: run_id.clone(),
        windows: windows.to_vec(),
        limit: i32::try_from(plan.page).expect("at most a thousand"),
    });
    let shards = (0..shards).map(|shard| {
        let run = Arc::clone(&run);
        async move { run.shard(shard).await }
    });
    let mut standings = Standings::default();
    at_once(plan.shards, shards, |shard| standings.merge(shard)).await?;
    Ok(standings)
}

/// What is read for a leaderboard.
struct Run {
    answers: AnswerStore,
    quiz_id: QuizId,
    run_id: RunId,
    windows: Vec<Window>,
    /// How many answers a page has.
    limit: i32,
}

impl Run {
    /// How the viewers of one shard stand.
    async fn shard(&self, shard: u32) -> Result<Standings, StoreError> {
        let pages = self.windows.iter().map(|window| {
            let question = QuestionKey {
                quiz_id: self.quiz_id.clone(),
                run_id: self.run_id.clone(),
                question_id: window.question_id.clone(),
            };
            Pages::start(&self.answers, question.partition(shard), self.limit)
        });
        let mut pages: Vec<_> = pages.collect();
        let mut merge = Merge::new(&self.windows);
        while let Step::Needs(question) = merge.advance() {
            let (answers, ended) = pages[question].next().await?;
            merge.take(question, answers, ended);
        }
        Ok(merge.finish())
    }
}

/// The pages of a partition, of which the next one is always on its way.
struct Pages {
    answers: AnswerStore,
    partition: Partition,
    limit: i32,
    /// One task, so that pages are read on all processors; it ends with this.
    coming: JoinSet<Result<Page, StoreError>>,
}

impl Pages {
    fn start(answers: &AnswerStore, partition: Partition, limit: i32) -> Self {
        let mut pages = Self {
            answers: answers.clone(),
            partition,
            limit,
            coming: JoinSet::new(),
        };
        pages.ask(None);
        pages
    }

    fn ask(&mut self, after: Option<UserId>) {
        let (answers, partition) = (self.answers.clone(), self.partition.clone());
        let limit = self.limit;
        self.coming
            .spawn(async move { answers.page(&partition, after, limit).await });
    }

    /// The next page, and whether it is the last one. None come after that.
    async fn next(&mut self) -> Result<(Vec<Answer>, bool), StoreError> {
        let Some(page) = self.coming.join_next().await else {
            return Ok((Vec::new(), true));
        };
        let Page { answers, next } = joined(page)?;
        let ended = next.is_none();
        if !ended {
            self.ask(next);
        }
        Ok((answers, ended))
    }
}

/// Does all this, at most so much of it at the same time, on all processors. What is still being
/// done when something fails is given up.
async fn at_once<T, E>(
    most: usize,
    work: impl Iterator<Item = impl Future<Output = Result<T, E>> + Send + 'static>,
    mut take: impl FnMut(T),
) -> Result<(), E>
where
    T: Send + 'static,
    E: Send + 'static,
{
    let mut work = work.fuse();
    let mut running = JoinSet::new();
    loop {
        let free = most.saturating_sub(running.len());
        for one in work.by_ref().take(free) {
            running.spawn(one);
        }
        match running.join_next().await {
            Some(done) => take(joined(done)?),
            None => return Ok(()),
        }
    }
}

/// What a task came to; its panic is this one's.
fn joined<T>(done: Result<T, JoinError>) -> T {
    done.unwrap_or_else(|error| panic::resume_unwind(error.into_panic()))
}

#[cfg(test)]
mod tests {
    use std::{
        mem::size_of,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use proptest::prelude::*;

    use super::*;

    /// What the largest answer may need while it is read and until it is added up, in bytes.
    fn largest_answer() -> usize {
        // As DynamoDB writes it; a name of 96 bytes may have six characters for every two of them.
        let row = format!(
            r#"{{"viewerId":{{"S":"{}"}},"choice":{{"N":"9"}},"receivedAt":{{"S":"2026-11-22T20:00:00.123456789Z"}},"name":{{"S":"{}"}}}},"#,
            "v".repeat(40),
            "x".repeat(96 * 3),
        );
        // Id and name with what an allocator adds.
        let texts = (40 + 16) + (96 + 16);
        // A body comes in pieces, which are joined; the list grows by half as much again and more.
        let coming = 2 * row.len() + texts + 3 * size_of::<Answer>();
        let here = texts + size_of::<Answer>();
        coming + here
    }

    #[test]
    fn the_pages_of_a_leaderboard_need_at_most_64_mb() {
        let bound = 64 * 1024 * 1024;
        for questions in 0..=200 {
            let plan = Plan::of(questions);
            let answers = plan.shards * questions * plan.page;
            assert!(answers * largest_answer() <= bound, "{questions}: {plan:?}");
            assert!(plan.shards > 0 && (1..=PAGE).contains(&plan.page));
        }
        assert!(
            (MERGED_AT_ONCE + PAGE) * largest_answer() < bound,
            "and is not far below"
        );
        assert_eq!(
            Plan::of(1),
            Plan {
                shards: 40,
                page: 1_000
            }
        );
        assert_eq!(
            Plan::of(10),
            Plan {
                shards: 4,
                page: 1_000
            }
        );
        assert_eq!(
            Plan::of(50),
            Plan {
                shards: 1,
                page: 800
            }
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Everything is done once, never more at the same time than allowed.
        #[test]
        fn all_is_done_and_not_too_much_at_once(most in 1..5_usize, count in 0..20_usize) {
            let running = Arc::new(AtomicUsize::new(0));
            let work = (0..count).map(|n| {
                let running = Arc::clone(&running);
                async move {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    tokio::task::yield_now().await;
                    running.fetch_sub(1, Ordering::SeqCst);
                    Ok::<_, ()>((n, now))
                }
            });
            let mut done = Vec::new();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let all = at_once(most, work, |(n, now)| {
                assert!(now <= most);
                done.push(n);
            });
            prop_assert_eq!(runtime.block_on(all), Ok(()));
            done.sort_unstable();
            prop_assert_eq!(done, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_failure_ends_it() {
        let work = (0..10).map(|n| async move { if n == 3 { Err(n) } else { Ok(n) } });
        let mut done = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let failed = runtime.block_on(at_once(2, work, |n| done.push(n)));
        assert_eq!(failed, Err(3));
        assert!(done.len() < 5, "{done:?}");
    }
}
