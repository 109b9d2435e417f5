//! The page `docs/capacity.md`: its tables, written by the command.

use std::path::Path;

use documents::{sections, tables};

use crate::{
    advice::Outcome,
    house::House,
    limits::{Id, LIMITS, READ_ON, Raising, Source},
    plan::Plan,
    report::{met, number, remarks, seconds},
    timing::{self, Origin},
};

/// The audiences of the page.
pub const AUDIENCES: [u32; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
/// How long they have to answer, in seconds.
pub const WINDOW_SECONDS: u32 = 10;
/// The page, from the root of the repository.
pub const PAGE: &str = "docs/capacity.md";
/// What the page begins with when there is none yet.
const HEADER: &str = "# Capacity\n";

/// Writes all sections.
///
/// # Errors
/// When the page cannot be read or written.
pub fn write(page: &Path, house: &House, outcomes: &[Outcome]) -> anyhow::Result<()> {
    for (name, text) in sections(house, outcomes) {
        sections::write(page, HEADER, name, &text)?;
    }
    Ok(())
}

/// Each section by its name.
pub fn sections(house: &House, outcomes: &[Outcome]) -> Vec<(&'static str, String)> {
    vec![
        ("sizes", sizes(outcomes)),
        ("raises", raises(outcomes)),
        ("places", places(outcomes)),
        ("first", first(house, outcomes)),
        ("limits", limits()),
        ("timings", timings(house)),
    ]
}

/// The plan of an audience of the page.
pub fn plan(audience: u32) -> Plan {
    Plan::of(audience, WINDOW_SECONDS)
}

fn sizes(outcomes: &[Outcome]) -> String {
    let titles = [
        "viewers",
        "shards",
        "taps in the busiest second",
        "lost, as it is",
        "lost, all raised",
        "live tally",
        "final tally",
        "published",
        "leaderboard takes",
    ];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(outcomes.iter().map(|outcome| {
        let (plan, raised) = (&outcome.plan, &outcome.raised);
        vec![
            number(plan.audience.into()),
            number(plan.shards.into()),
            number(raised.played.arrived.busiest_second()),
            lost(outcome.as_is.lost(), plan),
            lost(raised.lost(), plan),
            seconds(raised.played.live_at),
            seconds(raised.after.final_at),
            seconds(raised.after.recorded_at),
            seconds(raised.after.leaderboard_ms),
        ]
    }));
    tables::markdown(&rows)
}

/// How everyone is told their own place.
fn places(outcomes: &[Outcome]) -> String {
    let titles = [
        "viewers",
        "requests in the busiest second",
        "reads of answers in it",
        "a leaderboard's read units",
        "without a place, as it is",
        "all raised",
        "the last one is told after",
    ];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(outcomes.iter().map(|outcome| {
        let (plan, ended) = (&outcome.plan, &outcome.raised.ended);
        let busiest = |id| number(ended.meters.get(id).asked.busiest_second());
        vec![
            number(plan.audience.into()),
            busiest(Id::StageRate),
            busiest(Id::TableReads),
            number(ended.units_of_a_leaderboard),
            lost(outcome.as_is.ended.unplaced, plan),
            lost(ended.unplaced, plan),
            seconds(ended.last_at),
        ]
    }));
    tables::markdown(&rows)
}

fn lost(lost: u64, plan: &Plan) -> String {
    let share = lost as f64 * 100.0 / f64::from(plan.audience);
    format!("{} ({share:.1} %)", number(lost))
}

fn raises(outcomes: &[Outcome]) -> String {
    let mut titles = vec!["limit".to_owned(), "is".to_owned()];
    titles.extend(outcomes.iter().map(|o| number(o.plan.audience.into())));
    let mut rows = vec![titles];
    for limit in &LIMITS {
        let cells: Vec<_> = outcomes
            .iter()
            .map(|outcome| {
                let need = outcome.needs.iter().find(|need| need.id == limit.id);
                need.map_or_else(String::new, |need| match need.raise_to {
                    Some(value) => number(value),
                    None => format!("{} asked", number(need.asked)),
                })
            })
            .collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            let mut row = vec![limit.name.to_owned(), number(limit.value)];
            row.extend(cells);
            rows.push(row);
        }
    }
    tables::markdown(&rows)
}

fn first(house: &House, outcomes: &[Outcome]) -> String {
    let each = outcomes.iter().map(|outcome| {
        let audience = number(outcome.plan.audience.into());
        let mut text = format!("### {audience} viewers\n\n");
        let rows = met(&outcome.as_is);
        match rows.len() {
            1 => text.push_str("No limit is met.\n"),
            _ => text.push_str(&tables::markdown(&rows)),
        }
        let alone: Vec<_> = outcome
            .alone
            .iter()
            .map(|(id, lost)| format!("{}: {}", id.limit().name, number(*lost)))
            .collect();
        if !alone.is_empty() {
            let alone = alone.join("; ");
            text.push_str(&format!("\n\nLost if all is raised but this. {alone}."));
        }
        let remarks = remarks(house, outcome);
        if !remarks.is_empty() {
            text.push_str("\n\nWhat raising does not settle:\n");
            for remark in remarks {
                text.push_str(&format!("\n- {remark}"));
            }
        }
        text
    });
    each.collect::<Vec<_>>().join("\n\n")
}

fn limits() -> String {
    let titles = ["limit", "value", "unit", "raised by", "source"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(LIMITS.iter().map(|limit| {
        let raising = match limit.raising {
            Raising::Asked(how) => format!("AWS: {how}"),
            Raising::Set(how) => format!("us: {how}"),
            Raising::Never(instead) => format!("nobody; instead: {instead}"),
        };
        let source = match limit.source {
            Source::Page(url) => format!("[AWS]({url}), read {READ_ON}"),
            Source::Quoted(url, by) if by.starts_with("https") => {
                format!("[AWS]({url}), as [quoted]({by}), read {READ_ON}; not verified at AWS")
            }
            Source::Quoted(url, by) => {
                format!("[AWS]({url}), as quoted by {by}, read {READ_ON}; not verified at AWS")
            }
            Source::Here(file) => format!("`{file}`"),
        };
        vec![
            limit.name.to_owned(),
            number(limit.value),
            limit.unit.to_owned(),
            raising,
            source,
        ]
    }));
    tables::markdown(&rows)
}

fn timings(house: &House) -> String {
    let titles = ["what", "takes", "known from"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(timing::timings(house).iter().map(|timing| {
        let origin = match timing.origin {
            Origin::Published(by) => format!("published: {by}"),
            Origin::Measured(by) => format!("measured: {by}"),
            Origin::Assumed(why) => format!("assumed: {why}"),
        };
        let (value, unit) = timing.value;
        vec![timing.what.to_owned(), format!("{value} {unit}"), origin]
    }));
    tables::markdown(&rows)
}
