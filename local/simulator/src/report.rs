//! What a run says, as tables.

use std::fmt::Write;

use documents::tables;

use crate::{
    after::After,
    limits::{Id, LIMITS, Limits},
    plan::Plan,
    play::Played,
};

/// One run, for a terminal.
pub fn run(plan: &Plan, limits: &Limits, played: &Played, after: &After) -> String {
    let mut text = String::new();
    let audience = u64::from(plan.audience);
    let _ = writeln!(
        text,
        "{} of {} answers accepted; {} viewers turned away, {} too late",
        number(played.accepted.total()),
        number(audience),
        number(played.turned_away.total()),
        number(played.late.total()),
    );
    let _ = writeln!(text, "{}", tables::plain(&limit_rows(limits, played)));
    let _ = writeln!(
        text,
        "live tally complete at {}, final tally at {}, results in the video at {}, recorded at {}; leaderboard in {}",
        seconds(played.live_at),
        seconds(after.final_at),
        seconds(after.results_at),
        seconds(after.recorded_at),
        seconds(after.leaderboard_ms),
    );
    text
}

fn limit_rows(limits: &Limits, played: &Played) -> Vec<Vec<String>> {
    let titles = ["limit", "value", "busiest second", "refused", "first at"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(LIMITS.iter().filter_map(|limit| {
        let meter = played.meters.get(&limit.id)?;
        let busiest = match limit.id {
            Id::Concurrency => meter.most,
            _ => meter.asked.busiest_second(),
        };
        Some(vec![
            limit.name.to_owned(),
            number(limits.get(limit.id)),
            number(busiest),
            number(meter.refused),
            meter.met_at.map_or_else(String::new, seconds),
        ])
    }));
    rows
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
