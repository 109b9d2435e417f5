//! The life of a run, by cases and over all orders of what may happen to it.

use proptest::prelude::*;

use super::*;

fn now() -> Timestamp {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

fn draft() -> RunDraft {
    RunDraft {
        channel_id: "AbC".parse().unwrap(),
        starts_at: None,
        expected_audience: None,
        pause_seconds: None,
    }
}

fn scheduled(draft: RunDraft) -> Result<Run, InvalidRun> {
    Run::schedule(
        "quiz".parse().unwrap(),
        "run".parse().unwrap(),
        draft,
        now(),
    )
}

fn run(status: RunStatus) -> Run {
    Run {
        status,
        ..scheduled(draft()).unwrap()
    }
}

#[test]
fn what_a_producer_leaves_out_has_a_default() {
    let run = scheduled(draft()).unwrap();
    assert_eq!(run.starts_at, now());
    assert_eq!(
        (run.expected_audience, run.shards, run.pause_seconds),
        (1000, 1, 5)
    );
    assert_eq!(run.status, RunStatus::Scheduled);
}

#[test]
fn a_start_is_not_in_the_past_and_not_beyond_the_sagas_life() {
    let at = |offset| {
        scheduled(RunDraft {
            starts_at: Some(now() + offset),
            ..draft()
        })
        .map(|run| run.starts_at)
    };
    assert_eq!(at(-LATENESS), Ok(now() - LATENESS));
    let a_bit = SignedDuration::from_millis(1);
    assert_eq!(at(-LATENESS - a_bit), Err(InvalidRun::Past));
    assert_eq!(at(HORIZON), Ok(now() + HORIZON));
    assert_eq!(at(HORIZON + a_bit), Err(InvalidRun::TooFarAhead));
}

#[test]
fn audience_and_pause_are_bounded() {
    let with = |audience, pause| {
        scheduled(RunDraft {
            expected_audience: Some(audience),
            pause_seconds: Some(pause),
            ..draft()
        })
    };
    assert_eq!(with(0, 0), Err(InvalidRun::Audience));
    assert_eq!(with(1_000_001, 0), Err(InvalidRun::Audience));
    assert_eq!(with(1, 61), Err(InvalidRun::Pause));
    assert_eq!(with(20_000, 60).unwrap().shards, 4);
}

#[test]
fn one_execution_gets_a_run() {
    let run = run(RunStatus::Scheduled);
    let Claim::Take(taken) = run.claim("first", now()) else {
        panic!()
    };
    assert_eq!(taken.execution_id.as_deref(), Some("first"));
    assert_eq!(taken.revision, run.revision + 1);
    assert_eq!(
        taken.claim("first", now()),
        Claim::Ours,
        "a repeat is answered alike"
    );
    assert!(matches!(taken.claim("second", now()), Claim::Refused(_)));
    let cancelled = taken.cancel(now()).unwrap().unwrap();
    assert!(matches!(cancelled.claim("first", now()), Claim::Refused(_)));
}

#[test]
fn a_cancelled_run_goes_no_further_and_ends_as_cancelled() {
    let cancelling = run(RunStatus::Running).cancel(now()).unwrap().unwrap();
    assert_eq!(cancelling.status, RunStatus::Cancelling);
    assert_eq!(cancelling.cancel(now()), Ok(None));
    assert_eq!(cancelling.on_air(), Err(Refusal::Cancelled));
    assert_eq!(cancelling.start(now()), Err(Refusal::Cancelled));
    assert_eq!(cancelling.complete(now()), Err(Refusal::Cancelled));
    let ended = cancelling
        .abort(None, "PushQuestion", "RunCancelled", now())
        .unwrap();
    assert_eq!(ended.status, RunStatus::Cancelled);
    assert_eq!(
        ended.abort(None, "PushQuestion", "RunCancelled", now()),
        None
    );
}

#[test]
fn the_end_is_shown_only_while_the_run_has_its_channel() {
    use RunStatus::{Aborted, Cancelled, Cancelling, Completed, Running, Scheduled};
    for status in [Running, Cancelling] {
        assert_eq!(run(status).has_channel(), Ok(()));
    }
    for status in [Scheduled, Completed, Aborted, Cancelled] {
        assert!(run(status).has_channel().is_err(), "{status:?}");
    }
}

#[test]
fn an_execution_aborts_its_own_run_only() {
    let held = Run {
        execution_id: Some("ours".into()),
        ..run(RunStatus::Running)
    };
    assert_eq!(held.abort(Some("theirs"), "ClaimRun", "", now()), None);
    let aborted = held
        .abort(Some("ours"), "Tally", &"x".repeat(3000), now())
        .unwrap();
    assert_eq!(aborted.status, RunStatus::Aborted);
    assert_eq!(aborted.failed_step.unwrap().as_str(), "Tally");
    assert_eq!(aborted.reason.unwrap().as_str().len(), 2048);
    let unclaimed = run(RunStatus::Scheduled);
    assert!(
        unclaimed
            .abort(Some("any"), "ClaimRun", "", now())
            .is_some()
    );
}

proptest! {
    /// Whatever happens in whatever order, each status is announced at most once, the run ends
    /// once and stays as it ended.
    #[test]
    fn a_run_is_announced_once_per_status(steps in prop::collection::vec(0..5_u8, 0..20)) {
        let mut run = run(RunStatus::Scheduled);
        let mut said = vec![announcement(None, run.status).unwrap()];
        for step in steps {
            let next = match step {
                0 => match run.claim("e", now()) { Claim::Take(run) => Some(*run), _ => None },
                1 => run.start(now()).unwrap_or(None),
                2 => run.complete(now()).unwrap_or(None),
                3 => run.cancel(now()).unwrap_or(None),
                _ => run.abort(Some("e"), "step", "reason", now()),
            };
            let Some(next) = next else { continue };
            prop_assert!(!run.status.has_ended(), "an ended run changed: {:?}", next);
            prop_assert_eq!(next.revision, run.revision + 1);
            said.extend(announcement(Some(run.status), next.status));
            run = next;
        }
        let ends = |a: &&Announcement| !matches!(a, Announcement::Scheduled | Announcement::Started);
        prop_assert_eq!(said.iter().filter(ends).count(), usize::from(run.status.has_ended()));
        for (index, one) in said.iter().enumerate() {
            prop_assert!(!said[..index].contains(one));
        }
    }
}
