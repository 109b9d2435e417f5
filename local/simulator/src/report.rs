//! What was found out about an audience, as tables for a terminal.

use documents::tables;
use serde_json::{Value, json};

use crate::{
    advice::{Moment, Need, Outcome, Run},
    house::House,
    limits::{Id, LIMITS, Raising},
    page::RESULTS_WITHIN_MS,
};

/// All of it, for a terminal.
pub fn terminal(house: &House, outcome: &Outcome) -> String {
    let mut parts = vec![
        "Limits that are met as they are, in the order in which that happens:".to_owned(),
        tables::plain(&met(&outcome.as_is)),
        "What has to be raised beforehand:".to_owned(),
        tables::plain(&needs(outcome)),
        "What becomes of a question:".to_owned(),
        tables::plain(&question(outcome)),
    ];
    let remarks = remarks(house, outcome);
    if !remarks.is_empty() {
        parts.push(format!("- {}", remarks.join("\n- ")));
    }
    parts.join("\n")
}

/// The limits that a run has met, the first one first.
pub fn met(run: &Run) -> Vec<Vec<String>> {
    let mut met: Vec<_> = LIMITS
        .iter()
        .filter_map(|limit| {
            let meter = run.played.meters.get(limit.id);
            Some((meter.met_at?, limit, meter))
        })
        .collect();
    met.sort_by_key(|(at, ..)| *at);
    let mut rows = row([
        "limit",
        "is",
        "asked at most",
        "times",
        "first met at",
        "refused",
    ]);
    rows.extend(met.into_iter().map(|(at, limit, meter)| {
        let is = run.limits.get(limit.id);
        // Of partitions and environments it is not the sum that counts.
        let (asked, times) = match limit.id {
            Id::Concurrency => (number(meter.most), String::new()),
            Id::PartitionWrites | Id::PartitionReads | Id::ScalingRate => Default::default(),
            Id::RequestsPerEnvironment => Default::default(),
            _ => {
                let asked = meter.asked.busiest_second();
                (
                    number(asked),
                    format!("{:.1}", asked as f64 / is.max(1) as f64),
                )
            }
        };
        vec![
            limit.name.to_owned(),
            format!("{} {}", number(is), limit.unit),
            asked,
            times,
            seconds(at),
            number(meter.refused),
        ]
    }));
    rows
}

/// What has to be raised.
fn needs(outcome: &Outcome) -> Vec<Vec<String>> {
    let mut rows = row([
        "limit",
        "is",
        "asked",
        "when",
        "raise to",
        "how",
        "lost if not",
    ]);
    rows.extend(outcome.needs.iter().map(|need| {
        let limit = need.id.limit();
        let how = match limit.raising {
            Raising::Asked(how) | Raising::Set(how) => how.to_owned(),
            Raising::Never(instead) => format!("cannot be: {instead}"),
        };
        let lost = outcome.alone.iter().find(|(id, _)| *id == need.id);
        vec![
            limit.name.to_owned(),
            number(need.is),
            number(need.asked),
            when(need).to_owned(),
            need.raise_to.map_or_else(String::new, number),
            how,
            lost.map_or_else(String::new, |(_, lost)| number(*lost)),
        ]
    }));
    rows
}

/// When most of it is asked for.
pub fn when(need: &Need) -> &'static str {
    match need.moment {
        Moment::Joining => "joining",
        Moment::Question => "question",
        Moment::End => "end of the show",
    }
}

fn question(outcome: &Outcome) -> Vec<Vec<String>> {
    let runs = [&outcome.as_is, &outcome.raised];
    let line = |what: &str, of: &dyn Fn(&Run) -> String| {
        let mut cells = vec![what.to_owned()];
        cells.extend(runs.iter().map(|run| of(run)));
        cells
    };
    let mut rows = row(["", "as it is", "all raised"]);
    rows.extend([
        line("answers accepted", &|run| {
            number(run.played.accepted.total())
        }),
        line("viewers turned away", &|run| {
            number(run.played.turned_away.total())
        }),
        line("viewers too late", &|run| number(run.played.late.total())),
        line("window closes", &|run| seconds(run.closes_at())),
        line("live tally complete", &|run| seconds(run.played.live_at)),
        line("final tally", &|run| seconds(run.after.final_at)),
        line("results pushed", &|run| seconds(run.after.results_at)),
        line("answers published", &|run| seconds(run.after.recorded_at)),
        line("leaderboard takes", &|run| {
            seconds(run.after.leaderboard_ms)
        }),
    ]);
    rows
}

/// What no raise helps, in whole sentences.
pub fn remarks(house: &House, outcome: &Outcome) -> Vec<String> {
    let (raised, plan) = (&outcome.raised, &outcome.plan);
    let mut remarks = Vec::new();
    for (what, takes, function) in [
        ("the final tally", raised.after.tally_ms, house.answer_saga),
        (
            "the recording",
            raised.after.recording_ms,
            house.answer_recorder,
        ),
        (
            "the leaderboard",
            raised.after.leaderboard_ms,
            house.answer_saga,
        ),
    ] {
        let given = function.timeout_seconds * 1_000;
        if takes > given {
            remarks.push(format!(
                "{what} takes {}, and its function is ended after {}: it is never there",
                seconds(takes),
                seconds(given),
            ));
        }
    }
    let seen_at = raised.after.results_at + plan.video_to_ms;
    let asked_at = raised.closes_at() + RESULTS_WITHIN_MS;
    if seen_at > asked_at {
        remarks.push(format!(
            "the results are on the screens at {}: from {} on every page asks the API for them",
            seconds(seen_at),
            seconds(asked_at),
        ));
    }
    for id in [Id::PartitionReads, Id::PartitionWrites] {
        let meter = raised.played.meters.get(id);
        if meter.refused > 0 {
            let limit = id.limit();
            let instead = match limit.raising {
                Raising::Never(instead) | Raising::Asked(instead) | Raising::Set(instead) => {
                    instead
                }
            };
            remarks.push(format!(
                "{} ({} {}) refuses {} calls with everything raised; only {instead} would help",
                limit.name,
                number(limit.value),
                limit.unit,
                number(meter.refused),
            ));
        }
    }
    let sign_ins = Id::SignIns.limit().value;
    let signing_in = u64::from(plan.audience) / sign_ins;
    if signing_in > u64::from(plan.joining_seconds) {
        remarks.push(format!(
            "at {sign_ins} sign-ins a second the audience takes {} minutes to come in",
            number(signing_in.div_ceil(60)),
        ));
    }
    remarks
}

/// All of it, for a program.
pub fn json(house: &House, outcome: &Outcome) -> Value {
    let run = |run: &Run| {
        let meters = LIMITS.iter().map(|limit| {
            let meter = run.played.meters.get(limit.id);
            json!({
                "limit": limit.id, "is": run.limits.get(limit.id), "refused": meter.refused,
                "firstMetAtMs": meter.met_at, "busiestSecond": meter.asked.busiest_second(),
            })
        });
        json!({
            "accepted": run.played.accepted.total(),
            "turnedAway": run.played.turned_away.total(),
            "late": run.played.late.total(),
            "liveTallyAtMs": run.played.live_at,
            "after": run.after,
            "limits": meters.collect::<Vec<_>>(),
        })
    };
    json!({
        "plan": outcome.plan,
        "asIs": run(&outcome.as_is),
        "raised": run(&outcome.raised),
        "needs": outcome.needs,
        "lostIfOnlyThisIsNotRaised": outcome.alone,
        "remarks": remarks(house, outcome),
        "usage": outcome.usage,
    })
}

fn row<const N: usize>(titles: [&str; N]) -> Vec<Vec<String>> {
    vec![titles.map(str::to_owned).to_vec()]
}

/// With thousands apart.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Milliseconds as seconds.
pub fn seconds(millis: u32) -> String {
    format!("{:.1} s", f64::from(millis) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_in_thousands() {
        let told = [0, 12, 999, 1_000, 10_000_000].map(number);
        assert_eq!(told, ["0", "12", "999", "1,000", "10,000,000"]);
        assert_eq!(seconds(15_249), "15.2 s");
    }
}
