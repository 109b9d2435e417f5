//! What a soak has shown.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Plan, PutCue,
    audience::Seen,
    cue_text,
    growth::{Figures, Growth},
};

/// Problems that are listed one by one.
const LISTED: usize = 20;

/// How long cues took from the call to a player, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delays {
    /// Half of them were faster.
    pub median: i64,
    /// 99 of 100 were faster.
    pub p99: i64,
    /// The slowest.
    pub largest: i64,
}

/// The figures of a soak; it went well when there are no problems.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How long cues were put.
    pub seconds: u64,
    /// How many players there were.
    pub players: usize,
    /// How many cues were put.
    pub cues: usize,
    /// How many cues the players saw, all together.
    pub seen: usize,
    /// Of players that follow announced segments.
    pub low_latency_delays: Option<Delays>,
    /// Of the others.
    pub plain_delays: Option<Delays>,
    /// The server's memory in KiB.
    pub memory_kib: Option<Figures>,
    /// The server's file descriptors.
    pub descriptors: Option<Figures>,
    /// What went wrong.
    pub problems: Vec<String>,
}

impl Report {
    /// Judges what was seen.
    pub fn new(plan: &Plan, put: &[PutCue], seen: &[Seen], growth: &Growth) -> Self {
        let mut problems = Vec::new();
        for (number, one) in seen.iter().enumerate() {
            problems
                .extend(wrong_with(one, put.len()).map(|what| format!("player {number}: {what}")));
        }
        if problems.len() > LISTED {
            let more = problems.len() - LISTED;
            problems.truncate(LISTED);
            problems.push(format!("{more} more players"));
        }
        problems.extend(growth.problems());
        Self {
            seconds: plan.seconds,
            players: seen.len(),
            cues: put.len(),
            seen: seen.iter().map(|one| one.cues.len()).sum(),
            low_latency_delays: delays(put, seen.iter().filter(|one| one.low_latency)),
            plain_delays: delays(put, seen.iter().filter(|one| !one.low_latency)),
            memory_kib: growth.memory(),
            descriptors: growth.descriptors(),
            problems,
        }
    }

    /// The figures as lines.
    pub fn lines(&self) -> Vec<String> {
        let delays = |delays: &Option<Delays>| match delays {
            Some(one) => format!(
                "median {} ms, 99 of 100 within {} ms, at most {} ms",
                one.median, one.p99, one.largest
            ),
            None => "none".to_owned(),
        };
        let figures = |figures: Option<Figures>| match figures {
            Some(one) => format!(
                "{} after the warm-up, {} at the end, at most {}",
                one.warm, one.end, one.largest
            ),
            None => "none".to_owned(),
        };
        vec![
            format!(
                "{} cues in {} s to {} players: {} of {} seen",
                self.cues,
                self.seconds,
                self.players,
                self.seen,
                self.cues * self.players
            ),
            format!("delay, low latency: {}", delays(&self.low_latency_delays)),
            format!("delay, plain HLS:   {}", delays(&self.plain_delays)),
            format!("memory in KiB:      {}", figures(self.memory_kib)),
            format!("file descriptors:   {}", figures(self.descriptors)),
        ]
    }
}

/// The first thing that is wrong with what a player saw.
fn wrong_with(seen: &Seen, cues: usize) -> Option<String> {
    if let Some(failure) = &seen.failure {
        return Some(failure.clone());
    }
    for (number, cue) in seen.cues.iter().enumerate() {
        if number >= cues || cue.text != cue_text(number) {
            return Some(format!("{:?} came as number {number}", cue.text));
        }
    }
    if seen.cues.len() < cues {
        return Some(format!("only {} of {cues} cues came", seen.cues.len()));
    }
    let rising = seen.cues.windows(2).all(|pair| {
        let (before, after) = (pair[0].pts, pair[1].pts);
        before.is_some() && before < after
    });
    (!rising).then(|| "the cues' places in the video do not rise".to_owned())
}

fn delays<'a>(put: &[PutCue], seen: impl Iterator<Item = &'a Seen>) -> Option<Delays> {
    let put: BTreeMap<String, i64> = put
        .iter()
        .enumerate()
        .map(|(number, cue)| (cue_text(number), cue.at))
        .collect();
    let mut all: Vec<i64> = seen
        .flat_map(|one| &one.cues)
        .filter_map(|cue| Some(cue.at - put.get(&cue.text)?))
        .collect();
    all.sort_unstable();
    Some(Delays {
        median: *all.get(all.len() / 2)?,
        p99: *all.get(all.len() * 99 / 100)?,
        largest: *all.last()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::player::SeenCue;

    fn seen(numbers: &[usize]) -> Seen {
        let cue = |(place, number): (usize, &usize)| SeenCue {
            text: cue_text(*number),
            pts: Some(90 * place as u64),
            at: 0,
        };
        Seen {
            low_latency: false,
            cues: numbers.iter().enumerate().map(cue).collect(),
            failure: None,
        }
    }

    #[test]
    fn every_cue_must_come_once_and_in_order() {
        assert_eq!(wrong_with(&seen(&[0, 1, 2]), 3), None);
        for numbers in [
            &[0, 1][..],
            &[0, 2, 1],
            &[0, 1, 1, 2],
            &[0, 1, 2, 2],
            &[1, 2],
            &[],
        ] {
            assert!(wrong_with(&seen(numbers), 3).is_some(), "{numbers:?}");
        }
    }

    #[test]
    fn places_must_rise() {
        let mut still = seen(&[0, 1]);
        still.cues[1].pts = still.cues[0].pts;
        assert!(wrong_with(&still, 2).is_some());
        still.cues[1].pts = None;
        assert!(wrong_with(&still, 2).is_some());
    }

    #[test]
    fn a_player_that_failed_is_wrong_whatever_it_saw() {
        let mut failed = seen(&[0]);
        failed.failure = Some("no video".into());
        assert_eq!(wrong_with(&failed, 1).as_deref(), Some("no video"));
    }

    #[test]
    fn delays_are_told_by_their_rank() {
        let put = [PutCue { at: 0 }, PutCue { at: -50 }];
        let found = delays(&put, [seen(&[0, 1])].iter()).unwrap();
        assert_eq!((found.median, found.largest), (50, 50));
        assert_eq!(delays(&put, [].iter()), None);
    }
}
