//! Holds what everyone saw against what they should have seen.

use std::{cmp::Reverse, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

use crate::{
    api::{Api, RunPath},
    audience,
    backstage::Saga,
    points::Window,
    questions,
    report::{self, Leaderboard},
    viewer::{Experience, Place},
};

/// How many places the leaderboard has.
const PLACES: usize = 10;
/// How long the stream behind the live tally may take to drain.
pub const DRAINED_WITHIN: Duration = Duration::from_secs(30);

/// Each question's counts, by every way of knowing.
///
/// # Errors
/// When the API does not answer.
pub async fn tallies(
    api: &Api,
    run: &RunPath,
    scripts: &[Vec<(u32, Duration)>],
    watched: &[Experience],
) -> anyhow::Result<Vec<report::Question>> {
    let mut questions = Vec::new();
    for index in 0..scripts[0].len() {
        let question_id = format!("q{}", index + 1);
        let body = drained(api, run, &question_id).await?;
        let counts = |name: &str| -> Vec<u64> {
            serde_json::from_value(body[name].clone()).unwrap_or_default()
        };
        let mut sent = vec![0; questions::OPTIONS as usize];
        for answer in watched.iter().flat_map(|one| &one.answers) {
            if answer.index == index {
                sent[answer.choice as usize] += 1;
            }
        }
        let seen = watched.iter().find_map(|one| one.results.get(&question_id));
        questions.push(report::Question {
            sent,
            live: counts("live"),
            tallied: counts("final"),
            in_video: seen.cloned().unwrap_or_default(),
            expected: audience::expected_tally(scripts, index),
            question_id,
        });
    }
    Ok(questions)
}

/// A question's results once the live tally has caught up with the final one.
async fn drained(api: &Api, run: &RunPath, question_id: &str) -> anyhow::Result<Value> {
    let give_up = Instant::now() + DRAINED_WITHIN;
    loop {
        let body = api.results(run, question_id).await?.body;
        if body["live"] == body["final"] || Instant::now() > give_up {
            return Ok(body);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Whatever one viewer saw and another did not.
pub fn disagreements(watched: &[Experience]) -> Vec<String> {
    let mut problems = Vec::new();
    let texts = |one: &Experience| {
        one.cues
            .iter()
            .map(|cue| cue.text.clone())
            .collect::<Vec<_>>()
    };
    for one in watched {
        if one.missed > 0 {
            problems.push(format!("{} missed {} segments", one.name, one.missed));
        }
        if texts(one) != texts(&watched[0]) {
            problems.push(format!(
                "{} saw other cues than {}",
                one.name, watched[0].name
            ));
        }
    }
    problems
}

/// Points and time taken as they follow from a viewer's accepted answers.
fn score(one: &Experience, windows: &[Window]) -> (u64, u64) {
    let (mut points, mut taken) = (0, 0);
    for answer in &one.answers {
        let correct = answer.choice == questions::correct(answer.index);
        if let Some(window) = windows.get(answer.index).filter(|_| correct) {
            points += window.points(answer.received_at);
            taken += window.taken(answer.received_at);
        }
    }
    (points, taken)
}

/// Who is told another place of their own than the one that follows from the accepted answers of all.
pub fn misplaced(watched: &[Experience], saga: &Saga) -> Vec<String> {
    let windows = saga.windows();
    let points: Vec<_> = watched.iter().map(|one| score(one, &windows).0).collect();
    let count = |more_than: u64| points.iter().filter(|points| **points > more_than).count();
    let place = |points: u64| Place {
        rank: 1 + count(points) as u64,
        points,
        players: watched.iter().filter(|one| !one.answers.is_empty()).count() as u64,
    };
    watched
        .iter()
        .zip(&points)
        .filter(|(one, points)| one.own != Some(place(**points)))
        .map(|(one, points)| {
            let (name, told) = (&one.name, one.own);
            format!("{name} is told {told:?} instead of {:?}", place(*points))
        })
        .collect()
}

/// The leaderboard as it follows from the accepted answers, beside the one in the video: more
/// points first, then less time taken, then the name.
pub fn leaderboard(watched: &[Experience], saga: &Saga) -> Leaderboard {
    let windows = saga.windows();
    let mut standings: Vec<_> = watched
        .iter()
        .map(|one| {
            let (points, taken) = score(one, &windows);
            (Reverse(points), taken, one.name.clone())
        })
        .collect();
    standings.sort();
    let in_video = watched
        .iter()
        .find_map(|one| one.leaderboard.clone())
        .unwrap_or_default();
    let best = standings
        .into_iter()
        .filter(|(points, ..)| points.0 > 0)
        .take(PLACES);
    let computed = best.map(|(points, _, name)| (name, points.0)).collect();
    Leaderboard { computed, in_video }
}

/// From push to viewer, in milliseconds, for every viewer and cue. Adds to `problems` whoever did not
/// see every cue.
pub fn latencies(watched: &[Experience], saga: &Saga, problems: &mut Vec<String>) -> Vec<i64> {
    let pushed = saga.pushed_at();
    for one in watched {
        if one.cues.len() != pushed.len() {
            let seen = one.cues.len();
            problems.push(format!("{} saw {seen} of {} cues", one.name, pushed.len()));
        }
    }
    let of = |one: &Experience| -> Vec<i64> {
        one.cues
            .iter()
            .zip(&pushed)
            .map(|(cue, pushed)| cue.at - pushed)
            .collect()
    };
    watched.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viewer::Answered;

    /// Windows of ten seconds, and who gave the right answer after so many milliseconds.
    fn watched(after: &[Option<i64>]) -> (Vec<Experience>, Saga) {
        let window = serde_json::json!({
            "openedAt": "1970-01-01T00:00:00Z", "closesAt": "1970-01-01T00:00:10Z",
        });
        let saga = Saga {
            results: vec![("OpenWindow".to_owned(), window)],
            ..Saga::default()
        };
        let experience = |after: &Option<i64>| Experience {
            answers: vec![Answered {
                question_id: "q1".to_owned(),
                index: 0,
                choice: questions::correct(0) + u32::from(after.is_none()),
                received_at: jiff::Timestamp::from_millisecond(after.unwrap_or(0)).unwrap(),
            }],
            ..Experience::default()
        };
        (after.iter().map(experience).collect(), saga)
    }

    #[test]
    fn who_has_the_same_points_has_the_same_place() {
        let (mut watched, saga) = watched(&[Some(0), Some(1_000), Some(1_001), None, None]);
        assert_eq!(
            misplaced(&watched, &saga).len(),
            5,
            "nobody is told anything"
        );
        let places = [(1, 1_000), (2, 950), (3, 950), (4, 0), (4, 0)];
        for (one, (rank, points)) in watched.iter_mut().zip(places) {
            let players = 5;
            one.own = Some(Place {
                rank,
                points,
                players,
            });
        }
        let wrong = misplaced(&watched, &saga);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].ends_with("instead of Place { rank: 2, points: 950, players: 5 }"));
    }
}
