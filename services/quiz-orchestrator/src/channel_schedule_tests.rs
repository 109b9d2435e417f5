//! The schedule of a channel, by cases and over all orders of what runs may do with it.

use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn slot(run: usize, from: i64, to: i64) -> Slot {
    Slot {
        quiz_id: "quiz".parse().unwrap(),
        run_id: format!("run-{run}").parse().unwrap(),
        starts_at: at(from),
        ends_at: at(to),
    }
}

fn booked(slots: &[Slot]) -> ChannelSchedule {
    let empty = ChannelSchedule::default();
    slots.iter().fold(empty, |schedule, slot| {
        schedule.book(slot, at(0)).unwrap().unwrap()
    })
}

#[test]
fn a_time_is_booked_once_and_slots_may_touch() {
    let schedule = booked(&[slot(1, 100, 200), slot(2, 50, 100), slot(3, 200, 201)]);
    assert_eq!(schedule.revision, 3);
    for (from, to) in [(100, 200), (60, 70), (0, 51), (0, 500), (200, 300)] {
        let refused = schedule.book(&slot(4, from, to), at(0));
        assert!(
            matches!(refused, Err(Unavailable::Booked(_))),
            "{from}..{to}"
        );
    }
    let refused = schedule.book(&slot(4, 199, 300), at(0)).unwrap_err();
    assert_eq!(
        refused,
        Unavailable::Booked(slot(1, 100, 200)),
        "the first in the way"
    );
    assert_eq!(
        schedule.book(&slot(1, 100, 200), at(0)),
        Ok(None),
        "a repeat"
    );
}

#[test]
fn a_run_that_moves_gives_its_old_time_back() {
    let schedule = booked(&[slot(1, 100, 200), slot(2, 300, 400)]);
    let moved = schedule.book(&slot(1, 150, 250), at(0)).unwrap().unwrap();
    assert_eq!(moved.slots, [slot(1, 150, 250), slot(2, 300, 400)]);
    assert!(moved.book(&slot(3, 100, 150), at(0)).is_ok());
    assert!(moved.book(&slot(1, 250, 350), at(0)).is_err());
}

#[test]
fn a_run_on_air_keeps_the_channel_also_beyond_its_plan() {
    let schedule = booked(&[slot(1, 100, 200), slot(2, 200, 300)]);
    let on_air = schedule.take(&slot(1, 100, 200)).unwrap().unwrap();
    assert_eq!(on_air.slots, [slot(2, 200, 300)]);
    assert_eq!(on_air.take(&slot(1, 100, 200)), Ok(None));
    assert_eq!(on_air.take(&slot(2, 200, 300)), Err(slot(1, 100, 200)));
    // Its time is over, it is still there: nobody gets the channel at once.
    let late = at(350);
    let refused = on_air.book(&slot(3, 350, 400), late);
    assert_eq!(refused, Err(Unavailable::Booked(slot(1, 100, 200))));
    assert!(on_air.book(&slot(3, 351, 400), late).is_ok());
    let free = on_air.release(&slot(1, 0, 1).run_id).unwrap();
    assert_eq!(free.on_air, None);
    assert_eq!(free.release(&slot(1, 0, 1).run_id), None);
    assert!(free.take(&slot(2, 200, 300)).is_ok());
}

#[test]
fn a_late_run_does_not_keep_the_next_one_waiting_for_long() {
    let schedule = booked(&[slot(1, 100, 200), slot(2, 300, 400)]);
    let ends_at = |end| Slot {
        ends_at: at(end),
        ..slot(1, 100, 200)
    };
    let latest = 300 + MAY_DELAY.as_secs();
    assert!(schedule.take(&ends_at(latest)).unwrap().is_some());
    assert_eq!(schedule.take(&ends_at(latest + 1)), Err(slot(2, 300, 400)));
    let passed = booked(&[slot(3, 10, 20), slot(1, 100, 200)]);
    assert!(
        passed.take(&ends_at(500)).unwrap().is_some(),
        "a time before its own"
    );
}

#[test]
fn what_has_passed_is_forgotten_and_the_rest_is_bounded() {
    let many: Vec<_> = (0..MAX_SLOTS)
        .map(|n| slot(n, 10 * n as i64, 10 * n as i64 + 10))
        .collect();
    let schedule = booked(&many);
    let one_more = slot(MAX_SLOTS, 100_000, 100_001);
    assert_eq!(schedule.book(&one_more, at(9)), Err(Unavailable::Full));
    let later = schedule.book(&one_more, at(10)).unwrap().unwrap();
    assert_eq!(later.slots.len(), MAX_SLOTS);
    assert!(serde_json::to_string(&later).unwrap().len() < 40_000);
}

#[derive(Debug, Clone)]
enum Step {
    Book { run: usize, from: i64, length: i64 },
    Take { run: usize },
    Release { run: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let run = 0..6_usize;
    prop_oneof![
        3 => (run.clone(), 0..200_i64, 1..40_i64)
            .prop_map(|(run, from, length)| Step::Book { run, from, length }),
        1 => run.clone().prop_map(|run| Step::Take { run }),
        1 => run.prop_map(|run| Step::Release { run }),
    ]
}

proptest! {
    /// Runs book, move, start, overrun and end in whatever order while time goes on: no two that
    /// wait have the same time, a run has one slot or is on air, and whoever books gets a time that
    /// the one on air does not have.
    #[test]
    fn no_two_booked_slots_overlap(steps in prop::collection::vec((step(), 0..5_i64), 0..60)) {
        let (mut schedule, mut now) = (ChannelSchedule::default(), 0);
        for (step, passed) in steps {
            now += passed;
            let next = match step {
                Step::Book { run, from, length } => {
                    let slot = slot(run, now + from, now + from + length);
                    let on_air = schedule.on_air.as_ref();
                    if on_air.is_some_and(|other| other.run_id == slot.run_id) {
                        continue; // A run on air is not moved.
                    }
                    let next = schedule.book(&slot, at(now)).unwrap_or(None);
                    if let (Some(_), Some(other)) = (&next, on_air) {
                        prop_assert!(!slot.overlaps(other) && slot.starts_at > at(now));
                    }
                    next
                }
                Step::Take { run } => {
                    let waiting = schedule.slots.iter().find(|s| s.run_id == slot(run, 0, 1).run_id);
                    waiting.cloned().and_then(|slot| schedule.take(&slot).unwrap_or(None))
                }
                Step::Release { run } => schedule.release(&slot(run, 0, 1).run_id),
            };
            let Some(next) = next else { continue };
            prop_assert_eq!(next.revision, schedule.revision + 1);
            schedule = next;
            for (index, one) in schedule.slots.iter().enumerate() {
                prop_assert!(one.starts_at < one.ends_at);
                for other in &schedule.slots[index + 1..] {
                    prop_assert!(!one.overlaps(other), "{one:?} and {other:?}");
                    prop_assert_ne!(&one.run_id, &other.run_id);
                }
                prop_assert!(schedule.on_air.as_ref().is_none_or(|on_air| on_air.run_id != one.run_id));
            }
        }
    }
}
