//! What a show costs.
//!
//! - [`prices`]: what AWS charges for a unit; [`bill`]: what a [`Usage`] comes to;
//! - [`units`]: the calls and sizes that a test has measured; [`model`]: what a question and a show
//!   use by them;
//! - [`choices`]: what other designs would cost; [`page`]: `docs/cost.md`.

pub mod choices;
pub mod model;
pub mod page;
pub mod prices;
pub mod units;

use crate::usage::{FunctionUsage, TableUsage, Usage};
use prices::{
    DATA_OUT, DURATION, EVENTS, HTTP_API, INVOCATIONS, LOGS, PROVISIONED, Price, QUEUES, READS,
    RECOVERY, STORAGE, TRANSITIONS, USERS, VIDEO_HD, VIDEO_IN, WARMING, WRITES,
};
use units::Units;

const GB: f64 = 1_073_741_824.0;
/// What an item weighs beside itself when it is stored (DynamoDB developer guide, "DynamoDB item
/// sizes and formats").
const STORED_WITH_ITEM: u64 = 100;

/// What a line of a bill is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What this repository deploys.
    Services,
    /// That viewers sign in.
    SignIn,
    /// The video.
    Video,
}

/// A line of a bill.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it is for.
    pub part: Part,
    /// What is charged.
    pub price: Price,
    /// How many units.
    pub units: f64,
}

impl Line {
    /// What it comes to, in dollars.
    pub fn dollars(&self) -> f64 {
        self.price.of(self.units)
    }
}

/// A bill.
#[derive(Debug, Clone, PartialEq)]
pub struct Bill {
    /// Its lines, in the order in which an answer meets what they are for.
    pub lines: Vec<Line>,
}

impl Bill {
    /// The dollars of a part.
    pub fn of(&self, part: Part) -> f64 {
        let lines = self.lines.iter().filter(|line| line.part == part);
        lines.map(Line::dollars).sum()
    }

    /// The dollars that are charged for something.
    pub fn line(&self, price: &Price) -> f64 {
        let lines = self
            .lines
            .iter()
            .filter(|line| line.price.name == price.name);
        lines.map(Line::dollars).sum()
    }
}

/// What something costs, its answers kept for a month.
pub fn bill(usage: &Usage, units: &Units) -> Bill {
    let functions =
        |of: fn(&FunctionUsage) -> u64| usage.functions.values().map(of).sum::<u64>() as f64;
    let tables = |of: fn(&TableUsage) -> u64| usage.tables.values().map(of).sum::<u64>() as f64;
    let stored = tables(|table| table.stored_bytes) + (usage.answers * STORED_WITH_ITEM) as f64;
    let hours = usage.view_seconds as f64 / 3_600.0;
    let on_air = hours / usage.viewers.max(1) as f64;
    let services = [
        (HTTP_API, usage.api_requests as f64),
        (INVOCATIONS, functions(|function| function.invocations)),
        (
            DURATION,
            functions(|function| function.mb_ms) / 1_024.0 / 1_000.0,
        ),
        (
            PROVISIONED,
            functions(|function| function.provisioned_mb_seconds) / 1_024.0,
        ),
        (WRITES, tables(|table| table.write_units)),
        (READS, tables(|table| table.read_units)),
        (STORAGE, stored / GB),
        (RECOVERY, stored / GB),
        (WARMING, tables(|table| table.warm_write_units)),
        (EVENTS, usage.event_units as f64),
        (QUEUES, usage.queue_requests as f64),
        (TRANSITIONS, usage.transitions as f64),
        (LOGS, usage.log_bytes as f64 / GB),
        (
            DATA_OUT,
            usage.api_requests as f64 * units.reply_bytes() / GB,
        ),
    ];
    let others = [
        (Part::SignIn, USERS, usage.viewers as f64),
        (Part::Video, VIDEO_IN, on_air),
        (Part::Video, VIDEO_HD, hours),
    ];
    let services = services.map(|(price, units)| (Part::Services, price, units));
    let lines = services.into_iter().chain(others);
    Bill {
        lines: lines
            .filter(|(.., units)| *units > 0.0)
            .map(|(part, price, units)| Line { part, price, units })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_is_as_computed_by_hand() {
        let units = Units::read();
        let mut usage = Usage {
            viewers: 1_000,
            view_seconds: 1_000 * 1_800,
            answers: 2_000_000,
            api_requests: 3_000_000,
            event_units: 500_000,
            queue_requests: 10_000,
            transitions: 4_000,
            log_bytes: 3 << 30,
            ..Usage::default()
        };
        // A million times 8 ms with 256 MB: 2,000 GB-seconds.
        usage.function("answer-api").ran(1_000_000, 8_000_000, 256);
        usage.function("live-tally").provisioned_mb_seconds = 1_024 * 1_000_000;
        let table = usage.table("answers");
        (table.write_units, table.read_units) = (2_000_000, 4_000_000);
        table.stored_bytes = 1 << 30;
        usage.table("tallies").write_units = 2_000_000;
        let bill = bill(&usage, &units);
        let stored = 1.0 + 2_000_000.0 * 100.0 / GB;
        for (price, dollars) in [
            (HTTP_API, 3.0),
            (INVOCATIONS, 0.2),
            (DURATION, 2_000.0 * 0.00001667),
            (PROVISIONED, 4.1667),
            (WRITES, 2.5),
            (READS, 0.5),
            (STORAGE, 0.25 * stored),
            (RECOVERY, 0.2 * stored),
            (WARMING, 0.0),
            (EVENTS, 0.5),
            (QUEUES, 0.004),
            (TRANSITIONS, 0.1),
            (LOGS, 1.5),
            (USERS, 15.0),
            (VIDEO_IN, 1.0),
            (VIDEO_HD, 37.5),
        ] {
            let is = bill.line(&price);
            assert!(
                (is - dollars).abs() < 1e-9,
                "{}: {is}, not {dollars}",
                price.name
            );
        }
        assert!((bill.of(Part::Video) - 38.5).abs() < 1e-9);
        assert!((bill.of(Part::SignIn) - 15.0).abs() < 1e-9);
        let all: f64 = bill.lines.iter().map(Line::dollars).sum();
        assert!((all - 53.5 - bill.of(Part::Services)).abs() < 1e-9);
        assert!(bill.line(&DATA_OUT) > 0.0);
    }
}
