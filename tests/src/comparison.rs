//! Holds what everyone saw against what they should have seen.

use std::{cmp::Reverse, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

use crate::{
    api::{Api, RunPath},
    audience,
    backstage::Saga,
    questions,
    report::{self, Leaderboard},
    viewer::Experience,
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

/// The leaderboard as it follows from the accepted answers, beside the one in the video: more
/// points first, then less time taken, then the name.
pub fn leaderboard(watched: &[Experience], saga: &Saga) -> Leaderboard {
    let windows = saga.windows();
    let mut standings: Vec<(Reverse<u64>, u64, String)> = Vec::new();
    for one in watched {
        let (mut points, mut taken) = (0, 0);
        for answer in &one.answers {
            let correct = answer.choice == questions::correct(answer.index);
            if let Some(window) = windows.get(answer.index).filter(|_| correct) {
                points += window.points(answer.received_at);
                taken += window.taken(answer.received_at);
            }
        }
        standings.push((Reverse(points), taken, one.name.clone()));
    }
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
