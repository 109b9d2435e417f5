//! The life of a run, by cases and over all orders of what may happen to it.

use proptest::prelude::*;

use super::*;

fn now() -> Timestamp {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

fn quiz() -> Quiz {
    let draft = r#"{"title": "t", "questions": [
        {"question": "?", "answers": ["a", "b"], "correct": 0, "seconds": 10}]}"#;
    let draft = serde_json::from_str(draft).unwrap();
    Quiz::new("quiz".parse().unwrap(), draft, now()).unwrap()
}

fn scheduled() -> Run {
    let timing = AnswerTiming {
        latency_allowance: SignedDuration::from_secs(5),
        drain: SignedDuration::from_secs(3),
    };
    let draft = serde_json::from_str(r#"{"channelId": "AbC", "pauseSeconds": 0}"#).unwrap();
    Run::schedule(&quiz(), "run".parse().unwrap(), draft, &timing, now()).unwrap()
}

/// An execution that found the run at its first time.
fn asks(id: &str) -> Option<Asker<'_>> {
    Some(Asker {
        id,
        starts_at: Some(now()),
    })
}

fn run(status: RunStatus) -> Run {
    Run {
        status,
        ..scheduled()
    }
}

#[test]
fn a_run_waits_for_its_start_and_knows_its_planned_end() {
    let run = scheduled();
    assert_eq!(run.status, RunStatus::Scheduled);
    assert_eq!(run.starts_at, now());
    assert_eq!(
        run.ends_at,
        now() + SignedDuration::from_secs(10 + 5 + 3 + 3 + 3)
    );
    let slot = run.slot();
    assert_eq!((slot.starts_at, slot.ends_at), (run.starts_at, run.ends_at));
}

#[test]
fn a_run_is_moved_while_it_waits_and_its_execution_loses_it() {
    let hour = SignedDuration::from_hours(1);
    let Claim::Take(claimed) = scheduled().claim("first", now()) else {
        panic!()
    };
    let moved = claimed.moved(now() + hour, now()).unwrap().unwrap();
    assert_eq!(moved.starts_at, now() + hour);
    assert_eq!(moved.ends_at, claimed.ends_at + hour);
    assert_eq!(moved.moved(now() + hour, now()), Ok(None), "a repeat");
    assert_eq!(moved.start("first", now()), Err(NoStart::Replaced));
    let said = announcement(Some(&claimed), &moved);
    assert_eq!(said, Some(Announcement::Scheduled));
    let Claim::Take(second) = moved.claim("second", now()) else {
        panic!()
    };
    assert_eq!(second.start("first", now()), Err(NoStart::Replaced));
    let late = now() + hour + LATEST_START;
    let started = second.start("second", late).unwrap().unwrap();
    assert_eq!(
        started.ends_at.duration_since(late),
        claimed.ends_at.duration_since(claimed.starts_at),
        "from when it started"
    );
    assert_eq!(started.start("second", late), Ok(None), "a repeat");
    let refused = started.moved(now(), now());
    assert_eq!(refused, Err(Refusal::Status(RunStatus::Running)));
}

#[test]
fn a_run_does_not_start_long_after_its_time() {
    let held = Run {
        execution_id: Some("e".into()),
        ..scheduled()
    };
    let latest = held.starts_at + LATEST_START;
    assert!(held.start("e", latest).unwrap().is_some());
    let too_late = latest + SignedDuration::from_millis(1);
    let refused = held.start("e", too_late);
    assert_eq!(refused, Err(NoStart::TooLate(held.starts_at)));
    let started = held.start("e", latest).unwrap().unwrap();
    assert_eq!(started.start("e", too_late), Ok(None), "a repeat");
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
    let again = cancelling.cancel(now()).unwrap().unwrap();
    assert_eq!(
        announcement(Some(&cancelling), &again),
        Some(Announcement::CancelRequested),
        "asked again while it is not undone, it is announced again"
    );
    assert_eq!(
        run(RunStatus::Cancelled).cancel(now()),
        Ok(None),
        "a repeat"
    );
    assert_eq!(cancelling.on_air(), Err(Refusal::Cancelled));
    let held = Run {
        execution_id: Some("e".into()),
        ..cancelling.clone()
    };
    assert_eq!(held.start("e", now()), Err(Refusal::Cancelled.into()));
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
    let theirs = held.abort(asks("theirs"), "ClaimRun", "", now());
    assert_eq!(theirs, None);
    let aborted = held
        .abort(asks("ours"), "Tally", &"x".repeat(3000), now())
        .unwrap();
    assert_eq!(aborted.status, RunStatus::Aborted);
    assert_eq!(aborted.failed_step.unwrap().as_str(), "Tally");
    assert_eq!(aborted.reason.unwrap().as_str().len(), 2048);
    let unclaimed = run(RunStatus::Scheduled);
    assert!(
        unclaimed
            .abort(asks("any"), "ClaimRun", "", now())
            .is_some()
    );
    let moved = unclaimed
        .moved(now() + SignedDuration::from_hours(1), now())
        .unwrap()
        .unwrap();
    assert_eq!(
        moved.abort(asks("any"), "ClaimRun", "", now()),
        None,
        "it is for the execution of its new time"
    );
    assert!(moved.abort(None, "QuizShow", "by hand", now()).is_some());
}

proptest! {
    /// Whatever happens in whatever order, each status is announced at most once, but for a run that
    /// is moved and a cancel that is asked for again; the run ends once and stays as it ended.
    #[test]
    fn a_run_is_announced_once_per_status(steps in prop::collection::vec(0..6_u8, 0..20)) {
        let mut run = run(RunStatus::Scheduled);
        let mut said = vec![announcement(None, &run).unwrap()];
        let mut moves = 0;
        for step in steps {
            let next = match step {
                0 => match run.claim("e", now()) { Claim::Take(run) => Some(*run), _ => None },
                1 => run.start("e", now()).unwrap_or(None),
                2 => run.complete(now()).unwrap_or(None),
                3 => run.cancel(now()).unwrap_or(None),
                4 => run.moved(run.starts_at + SignedDuration::from_secs(1), now()).unwrap_or(None),
                _ => run.abort(Some(Asker { id: "e", starts_at: Some(run.starts_at) }), "step", "reason", now()),
            };
            let Some(next) = next else { continue };
            prop_assert!(!run.status.has_ended(), "an ended run changed: {:?}", next);
            prop_assert_eq!(next.revision, run.revision + 1);
            moves += usize::from(step == 4);
            said.extend(announcement(Some(&run), &next));
            run = next;
        }
        use Announcement::{CancelRequested, Scheduled, Started};
        let goes_on = [Scheduled, Started, CancelRequested];
        let ends = said.iter().filter(|said| !goes_on.contains(said));
        prop_assert_eq!(ends.count(), usize::from(run.status.has_ended()));
        let scheduled = said.iter().filter(|said| **said == Scheduled).count();
        prop_assert_eq!(scheduled, 1 + moves);
        let again = [Scheduled, CancelRequested];
        for (index, one) in said.iter().enumerate().filter(|(_, said)| !again.contains(said)) {
            prop_assert!(!said[..index].contains(one));
        }
    }
}
