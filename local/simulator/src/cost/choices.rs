//! What other designs would cost for a million answers.

use super::{
    bill,
    model::{events, live_batches, question},
    prices::{DURATION, EVENTS, HTTP_API, INVOCATIONS, LOGS, READS, REST_API, WRITES},
    units::{ACCESS_LOG_BYTES, PLATFORM_LOG_BYTES, Units},
};
use crate::{
    house::House,
    report::number,
    timing::{READ_MS, WRITE_MS, live_ms},
};

const MILLION: u64 = 1_000_000;
/// What a function needs at its share of a CPU to verify an ID token, which the HTTP API does
/// otherwise, in milliseconds. Assumed.
const VERIFYING_MS: f64 = 1.0;

/// A way to do something, and what it costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// What is done.
    pub what: &'static str,
    /// How.
    pub way: String,
    /// Whether it is done so here.
    pub ours: bool,
    /// The dollars for a million answers.
    pub dollars: f64,
}

/// What could be done otherwise, each beside how it is done.
pub fn choices(house: &House, units: &Units) -> Vec<Choice> {
    let million = MILLION as f64;
    let ran =
        |millis: f64, memory: u32| DURATION.of(millis * f64::from(memory) / 1_024.0 / 1_000.0);
    let api_memory = house.answer_api.memory_mb;
    let choice = |what, way: String, ours, dollars| Choice {
        what,
        way,
        ours,
        dollars,
    };
    let front = "who takes requests";
    let published = "how answers are published";
    let counted = "how answers are counted live";
    let logged = "what is logged of an answer";
    let batches = live_batches(MILLION) as f64;
    let stream = INVOCATIONS.of(batches)
        + ran(
            batches * f64::from(READ_MS + WRITE_MS) + f64::from(live_ms(MILLION, house.live_tally)),
            house.live_tally.memory_mb,
        )
        + WRITES.of(batches)
        + READS.of(batches);
    let counter = WRITES.of(million) + ran(million * f64::from(WRITE_MS), api_memory);
    let line = units.request_log_bytes() - (PLATFORM_LOG_BYTES + ACCESS_LOG_BYTES) as f64;
    let logs = |bytes: f64| LOGS.of(million * bytes / super::GB);
    let packed = events(MILLION);
    let verifying = ran(million * VERIFYING_MS, api_memory);
    let url = "a function URL, whose function verifies tokens itself".to_owned();
    vec![
        choice(front, "an HTTP API".to_owned(), true, HTTP_API.of(million)),
        choice(front, url, false, verifying),
        choice(front, "a REST API".to_owned(), false, REST_API.of(million)),
        choice(
            published,
            format!("packed into {} events of 64 KB", number(packed)),
            true,
            EVENTS.of(packed as f64),
        ),
        choice(
            published,
            "an event for each".to_owned(),
            false,
            EVENTS.of(million),
        ),
        choice(
            counted,
            "by the stream, in batches".to_owned(),
            true,
            stream,
        ),
        choice(
            counted,
            "a counter, written with each".to_owned(),
            false,
            counter,
        ),
        choice(
            logged,
            "a line of the API, one of the function, three of Lambda".to_owned(),
            true,
            logs(units.request_log_bytes()),
        ),
        choice(
            logged,
            "no line of the function".to_owned(),
            false,
            logs(units.request_log_bytes() - line),
        ),
        choice(logged, "failures only".to_owned(), false, 0.0),
    ]
}

/// What a million answers cost as it is done here.
pub fn as_it_is(house: &House, units: &Units) -> f64 {
    let usage = question(house, units, MILLION);
    bill(&usage, units).of(super::Part::Services)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_cost_what_is_computed_by_hand() {
        let (house, units) = (House::read(), Units::read());
        let choices = choices(&house, &units);
        let of = |way: &str| {
            let found = choices.iter().find(|choice| choice.way.contains(way));
            found.unwrap().dollars
        };
        let near = |is: f64, expected: f64| (is - expected).abs() < 1e-9;
        assert!(near(of("an HTTP API"), 1.0) && near(of("a REST API"), 3.5));
        // A thousand seconds with a quarter of a GB.
        assert!(near(of("function URL"), 250.0 * 16.67e-6));
        assert!(near(of("an event for each"), 1.0));
        let counter = 0.625 + 1_000.0 * f64::from(WRITE_MS) / 4.0 * 16.67e-6;
        assert!(near(of("a counter"), counter));
        assert!(of("by the stream") < of("a counter") / 20.0);
        assert!(of("packed into") < 0.01);
    }
}
