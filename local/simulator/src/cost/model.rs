//! What a question and a show use when everyone is served: every viewer answers every question in
//! time, and no limit is in the way. The simulator tells what is used when limits are.

use answer_collector::{answer_recorder::PUBLISHED_AT_ONCE, counting::COUNTED_AT_ONCE};
use quiz_orchestrator::capacity::shards;

use super::units::Units;
use crate::{
    after,
    house::House,
    plan::Plan,
    timing::{
        MEASURED, POLL_MS, PUT_EVENTS_MS, READ_MS, STEP_MS, WHOLE_CPU_MB, WRITE_MS, handler_ms,
        live_ms,
    },
    usage::Usage,
};

/// How long an audience answers, in milliseconds.
const ANSWERING_MS: u64 = 10_000;
/// A query's pages are a megabyte.
const PAGE_BYTES: u64 = 1_024 * 1_024;
/// PutEvents calls of `answer-recorder` take four full events.
const EVENTS_PER_CALL: u64 = 4;
/// What a function that is no API logs of an invocation itself, in bytes. Assumed.
const LINE_BYTES: u64 = 200;

/// One question of an audience, and its share of the leaderboard.
pub fn question(house: &House, units: &Units, audience: u64) -> Usage {
    let answers = audience;
    let shards = shards_of(audience);
    let mut usage = Usage {
        answers,
        api_requests: answers,
        // Into the video and out of the bus: asked, and tallied.
        cues: 2,
        event_units: events(answers) + 2,
        put_events_calls: events(answers).div_ceil(EVENTS_PER_CALL) + 2,
        transitions: (house.states(13).len() - house.states(12).len()) as u64,
        // Sent, received and deleted.
        queue_requests: 3 * units.calls("opening a window", "answer-saga SendMessage"),
        ..Usage::default()
    };
    let millis = u64::from(handler_ms(house.answer_api) + WRITE_MS);
    let api = usage.function("answer-api");
    api.ran(answers, answers * millis, house.answer_api.memory_mb);
    let batches = live_batches(audience);
    let own = u64::from(live_ms(answers, house.live_tally));
    let millis = own + batches * u64::from(READ_MS + WRITE_MS);
    usage
        .function("live-tally")
        .ran(batches, millis, house.live_tally.memory_mb);
    settle(house, units, audience, &mut usage);
    let bytes = units.answer_bytes();
    let kept = usage.table("answers");
    kept.write_units = answers * units.answer_writes();
    kept.read_units = answers * units.answer_reads() + units.question_reads(answers);
    kept.stored_bytes = (answers as f64 * bytes) as u64;
    let tallies = usage.table("tallies");
    (tallies.write_units, tallies.read_units) = (batches, batches + shards);
    let windows = usage.table("windows");
    (windows.write_units, windows.read_units) = (3, 3);
    usage.stream_reads = shards * ANSWERING_MS / u64::from(POLL_MS);
    usage.log_bytes = log_bytes(units, &usage);
    usage
}

/// What the saga and the recorder do about a question.
fn settle(house: &House, units: &Units, audience: u64, usage: &mut Usage) {
    let step = u64::from(READ_MS + WRITE_MS);
    let cpu = |nanos: u64| audience * nanos / 1_000_000;
    let pages = (audience as f64 * units.answer_bytes()) as u64 / PAGE_BYTES + 1;
    let reading = |at_once: u64| pages.div_ceil(at_once) * u64::from(crate::timing::PAGE_MS);
    let counting = cpu(MEASURED.count).max(reading(COUNTED_AT_ONCE as u64));
    // Smaller pages, but as much of them.
    let saga = counting + 3 * step + cpu(MEASURED.rank).max(reading(COUNTED_AT_ONCE as u64));
    let memory = house.answer_saga.memory_mb;
    // Opened, closed and tallied; the leaderboard is one invocation for all.
    usage.function("answer-saga").ran(3, saga, memory);
    let memory = house.answer_recorder.memory_mb;
    let share = cpu(MEASURED.record) * WHOLE_CPU_MB / u64::from(memory);
    let calls = usage.put_events_calls * u64::from(PUT_EVENTS_MS);
    let recorder = share + reading(1).max(calls / PUBLISHED_AT_ONCE as u64);
    usage.function("answer-recorder").ran(1, recorder, memory);
    let pushes = 2 * u64::from(STEP_MS);
    usage
        .function("quiz-saga")
        .ran(2, pushes, house.quiz_saga.memory_mb);
}

/// A whole show: everyone also signs in, gets a playback token, and asks for their place once.
pub fn show(house: &House, units: &Units, audience: u64, questions: u64) -> Usage {
    let mut usage = question(house, units, audience).times(questions);
    let around = house.states(questions as u32).len() as u64;
    usage.transitions = around;
    usage.viewers = audience;
    usage.view_seconds = audience * u64::from(Plan::of(1, 10).show_seconds);
    usage.cues += 1;
    let token = "a playback token";
    let events = units.calls(token, "token-api PutEvents");
    usage.event_units += audience * events + 3;
    usage.put_events_calls += audience * events + 3;
    usage.api_requests += 2 * audience;
    let millis = u64::from(READ_MS + PUT_EVENTS_SMALL_MS + handler_ms(house.token_api));
    let tokens = usage.function("token-api");
    tokens.ran(audience, audience * millis, house.token_api.memory_mb);
    let millis = u64::from(READ_MS + handler_ms(house.answer_api));
    let api = usage.function("answer-api");
    api.ran(audience, audience * millis, house.answer_api.memory_mb);
    let reads = units.calls(token, "token-api GetItem entitlements");
    usage.table("entitlements").read_units = audience * reads;
    // Each of a viewer's answers is an item by itself (DynamoDB, BatchGetItem).
    usage.table("answers").read_units +=
        audience * questions * units.calls("asking for a place", "answer-api BatchGetItem answers");
    usage.log_bytes += (2.0 * audience as f64 * units.request_log_bytes()) as u64;
    usage
}

/// A PutEvents call with one small event, in milliseconds. Assumed.
pub const PUT_EVENTS_SMALL_MS: u32 = 15;

fn shards_of(audience: u64) -> u64 {
    let audience = u32::try_from(audience).unwrap_or(u32::MAX);
    shards(audience).into()
}

/// How many batches of the stream a question makes at most: Lambda looks at each shard of it so
/// often, and there is one for each shard of the answers.
pub fn live_batches(audience: u64) -> u64 {
    let looks = shards_of(audience) * ANSWERING_MS / u64::from(POLL_MS);
    looks.min(audience)
}

/// How many events the answers are packed into.
pub fn events(answers: u64) -> u64 {
    answers.div_ceil(after::answers_per_event(after::question()))
}

pub(crate) fn log_bytes(units: &Units, usage: &Usage) -> u64 {
    let requests = usage.api_requests as f64 * units.request_log_bytes();
    let functions = usage.functions.values();
    let invocations: u64 = functions.map(|function| function.invocations).sum();
    let others = invocations.saturating_sub(usage.api_requests);
    requests as u64 + others * (LINE_BYTES + super::units::PLATFORM_LOG_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_of_a_million_is_as_computed_by_hand() {
        let (house, units) = (House::read(), Units::read());
        let usage = question(&house, &units, 1_000_000);
        assert_eq!(usage.api_requests, 1_000_000);
        assert_eq!(usage.functions["answer-api"].invocations, 1_000_000);
        let millis = u64::from(handler_ms(house.answer_api) + WRITE_MS);
        assert_eq!(
            usage.functions["answer-api"].mb_ms,
            1_000_000 * millis * 256
        );
        assert_eq!(usage.tables["answers"].write_units, 1_000_000);
        // 400 shards, looked at four times a second for ten seconds.
        assert_eq!(usage.tables["tallies"].write_units, 16_000);
        assert_eq!(usage.functions["live-tally"].invocations, 16_000);
        let per_event = after::answers_per_event(after::question());
        assert_eq!(usage.event_units, 1_000_000_u64.div_ceil(per_event) + 2);
        assert_eq!(usage.queue_requests, 3);
    }

    #[test]
    fn a_show_has_its_questions_and_what_each_viewer_does_once() {
        let (house, units) = (House::read(), Units::read());
        let usage = show(&house, &units, 10_000, 12);
        assert_eq!(usage.answers, 120_000);
        assert_eq!(usage.api_requests, 120_000 + 20_000);
        assert_eq!(usage.functions["answer-api"].invocations, 120_000 + 10_000);
        assert_eq!(usage.functions["token-api"].invocations, 10_000);
        assert_eq!(usage.tables["entitlements"].read_units, 10_000);
        let settling = 12 * units.question_reads(10_000);
        assert_eq!(usage.tables["answers"].read_units, settling + 120_000);
        assert_eq!(usage.transitions, house.states(12).len() as u64);
        assert_eq!(usage.view_seconds, 10_000 * 900);
    }
}
