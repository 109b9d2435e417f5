//! What comes when a question's window has closed: the final tally, the recording, and at the end
//! of the show the leaderboard. And what all of it will have on its bill.

use answer_collector::{
    answer_recorder::PUBLISHED_AT_ONCE,
    counting::{self, COUNTED_AT_ONCE},
    keys::QuestionKey,
    packing::Packer,
    recording::AFTER_TALLY,
};
use cuepoint_shared::events::RecordedAnswer;
use fastrand::Rng;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    advice::Run,
    audience::viewer_id,
    cost::{model::log_bytes, units::Units},
    house::{Function, House},
    limits::{Id, Limits},
    plan::Plan,
    play::{Played, WINDOW_READ_HALVES},
    timing::{MEASURED, PAGE_MS, PUT_EVENTS_MS, READ_MS, STEP_MS, WHOLE_CPU_MB, WRITE_MS},
    usage::Usage,
};

/// What a query gives at a time (DynamoDB's limit).
const PAGE_BYTES: u64 = 1_024 * 1_024;
/// What a read unit reads.
const READ_UNIT_BYTES: u64 = 4_096;
/// How many answers are packed to see how many fit.
const SAMPLE: u32 = 20_000;

/// What comes afterwards, in milliseconds after the window was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct After {
    /// When the final tally is counted.
    pub final_at: u32,
    /// How long `answer-saga` takes for that.
    pub tally_ms: u32,
    /// When the results are in the video's stream.
    pub results_at: u32,
    /// When the answers are published.
    pub recorded_at: u32,
    /// How long `answer-recorder` takes for that.
    pub recording_ms: u32,
    /// How long `answer-saga` takes for the leaderboard over all questions.
    pub leaderboard_ms: u32,
    /// Answers in an event.
    pub answers_per_event: u64,
    /// Bytes of an answer in the table.
    pub answer_bytes: u64,
}

/// What there is to read: so many answers of a question, in so many shards and partitions.
#[derive(Debug, Clone, Copy)]
struct Answers {
    count: u64,
    bytes: u64,
    shards: u64,
    partitions: u64,
}

/// How answers are read.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// Pages at the same time.
    parallel: u64,
    /// The most bytes of a page.
    page_bytes: u64,
    /// What an answer takes of a whole CPU, in nanoseconds.
    nanos: u64,
    /// The function that reads.
    function: Function,
}

impl Answers {
    fn read_units(self) -> u64 {
        let units = (self.count * self.bytes).div_ceil(READ_UNIT_BYTES);
        units.max(self.shards)
    }

    /// How long it takes to read all: as long as the slowest of pages, CPU, partitions and table.
    fn millis(self, reading: Reading, limits: &Limits) -> u32 {
        let each = (self.count * self.bytes).div_ceil(self.shards.max(1));
        let pages = self.shards * each.div_ceil(reading.page_bytes).max(1);
        let full = each.min(reading.page_bytes);
        let page = u64::from(READ_MS) + u64::from(PAGE_MS) * full / PAGE_BYTES;
        let waiting = pages.div_ceil(reading.parallel) * page;
        let memory = u64::from(reading.function.memory_mb);
        let cpu = self.count * reading.nanos * WHOLE_CPU_MB / memory / 1_000_000;
        let used = self.partitions.min(self.shards).max(1);
        let partitions = used * limits.get(Id::PartitionReads);
        let table = limits.get(Id::TableReads).min(limits.get(Id::WarmReads));
        let reads = self.read_units() * 1_000 / table.min(partitions).max(1);
        u32::try_from(waiting.max(cpu).max(reads)).unwrap_or(u32::MAX)
    }
}

/// What comes after a question that was played so.
pub fn after(plan: &Plan, house: &House, limits: &Limits, played: &Played) -> After {
    let question = question();
    let answer_bytes = Units::read().answer_bytes().ceil() as u64;
    let answers = Answers {
        count: played.accepted.total(),
        bytes: answer_bytes,
        shards: u64::from(plan.shards),
        partitions: played.work.partitions,
    };
    let tally_at = millis(played, played.window.tally_at);
    let steps = |from: &str, to: &str| {
        let states = house.states(1);
        let between = states.iter().skip_while(|state| **state != from).skip(1);
        let before = between.take_while(|state| **state != to);
        let tasks = before.filter(|state| house.is_task(state)).count();
        STEP_MS * u32::try_from(tasks).unwrap_or(0)
    };
    let [counting, ranking, recording] = readings(plan, house, answer_bytes);
    let tally_ms = answers.millis(counting, limits);
    let final_at = tally_at + steps("WaitForAnswers", "Tally") + tally_ms;
    let results_at = final_at + steps("Tally", "MoreQuestions?");
    let answers_per_event = answers_per_event(question);
    let events = answers.count.div_ceil(answers_per_event);
    // Four events fill a call.
    let calls = events.div_ceil(4);
    let publishing = calls.div_ceil(PUBLISHED_AT_ONCE as u64) * u64::from(PUT_EVENTS_MS);
    let publishing = u32::try_from(publishing).unwrap_or(u32::MAX);
    let recording_ms = answers.millis(recording, limits).max(publishing);
    let due = u32::try_from(AFTER_TALLY.as_millis()).unwrap_or(0);
    After {
        final_at,
        tally_ms,
        results_at,
        recorded_at: tally_at + due + recording_ms,
        recording_ms,
        leaderboard_ms: answers
            .millis(ranking, limits)
            .saturating_mul(plan.questions),
        answers_per_event,
        answer_bytes,
    }
}

/// How answers are read for the final tally, the leaderboard and the recording.
fn readings(plan: &Plan, house: &House, answer_bytes: u64) -> [Reading; 3] {
    let merging = counting::Plan::of(plan.questions as usize);
    let counting = Reading {
        parallel: COUNTED_AT_ONCE as u64,
        page_bytes: PAGE_BYTES,
        nanos: MEASURED.count,
        function: house.answer_saga,
    };
    let ranking = Reading {
        parallel: (merging.shards as u64) * u64::from(plan.questions),
        page_bytes: merging.page as u64 * answer_bytes,
        nanos: MEASURED.rank,
        ..counting
    };
    let recording = Reading {
        parallel: 1,
        nanos: MEASURED.record,
        function: house.answer_recorder,
        ..counting
    };
    [counting, ranking, recording]
}

fn millis(played: &Played, time: Timestamp) -> u32 {
    let since = time.duration_since(played.window.opened_at).as_millis();
    u32::try_from(since).unwrap_or(0)
}

/// What the whole show does, if every question is like this one.
pub fn usage(plan: &Plan, house: &House, run: &Run) -> Usage {
    let Run {
        played,
        after,
        ended,
        ..
    } = run;
    let questions = u64::from(plan.questions);
    let (work, viewers) = (&played.work, u64::from(plan.audience));
    let answers = played.accepted.total();
    let refused = |id| played.meters.get(id).refused;
    let requests = work.requests - refused(Id::StageRate) - refused(Id::ApiRate);
    let mut usage = Usage {
        viewers,
        view_seconds: viewers * u64::from(plan.show_seconds),
        answers: answers * questions,
        // Each viewer also gets a token, and asks for their place in the end.
        api_requests: requests * questions + viewers + ended.invocations,
        transitions: house.states(plan.questions).len() as u64,
        cues: 2 * questions + 1,
        ..Usage::default()
    };
    functions(plan, house, run, &mut usage);
    tables(plan, run, &mut usage);
    let events = answers.div_ceil(after.answers_per_event) * questions;
    usage.event_units = events + 2 * questions + 3 + viewers;
    usage.put_events_calls = events.div_ceil(4) + 2 * questions + 3 + viewers;
    // Sent, received and deleted.
    usage.queue_requests = 3 * questions;
    usage.stream_reads = work.batches * questions;
    usage.log_bytes = log_bytes(&Units::read(), &usage);
    usage
}

fn functions(plan: &Plan, house: &House, run: &Run, usage: &mut Usage) {
    let Run {
        limits,
        played,
        after,
        ended,
    } = run;
    let questions = u64::from(plan.questions);
    let (work, viewers) = (&played.work, u64::from(plan.audience));
    let millis = u64::from;
    let api = usage.function("answer-api");
    let memory = house.answer_api.memory_mb;
    api.ran(
        work.invocations * questions,
        work.busy_ms * questions,
        memory,
    );
    api.ran(ended.invocations, ended.busy_ms, memory);
    let ready = limits.get(Id::Provisioned) * u64::from(plan.show_seconds);
    api.provisioned_mb_seconds = ready * u64::from(memory);
    let memory = house.live_tally.memory_mb;
    let live = usage.function("live-tally");
    live.ran(work.batches * questions, work.live_ms * questions, memory);
    let saga = usage.function("answer-saga");
    let memory = house.answer_saga.memory_mb;
    let others = 2 * millis(READ_MS + WRITE_MS);
    saga.ran(
        3 * questions,
        (millis(after.tally_ms) + others) * questions,
        memory,
    );
    saga.ran(1, millis(after.leaderboard_ms), memory);
    let memory = house.answer_recorder.memory_mb;
    let recorder = usage.function("answer-recorder");
    recorder.ran(questions, millis(after.recording_ms) * questions, memory);
    let steps = house.states(plan.questions);
    let pushes = steps.iter().filter(|state| house.is_task(state)).count() as u64;
    let others = pushes.saturating_sub(4 * questions);
    usage
        .function("quiz-saga")
        .ran(others, others * 50, house.quiz_saga.memory_mb);
    usage.function("token-api").ran(
        viewers,
        viewers * millis(READ_MS + PUT_EVENTS_MS),
        house.token_api.memory_mb,
    );
}

fn tables(plan: &Plan, run: &Run, usage: &mut Usage) {
    let Run {
        limits,
        played,
        after,
        ended,
    } = run;
    let questions = u64::from(plan.questions);
    let work = &played.work;
    let answers = Answers {
        count: played.accepted.total(),
        bytes: after.answer_bytes,
        shards: u64::from(plan.shards),
        partitions: work.partitions,
    };
    let kept = usage.table("answers");
    kept.write_units = work.writes * after.answer_bytes.div_ceil(1_024) * questions;
    // Tallied, recorded, ranked; and everyone's own answers for their place.
    kept.read_units = 3 * answers.read_units() * questions + ended.answer_units;
    kept.stored_bytes = answers.count * answers.bytes * questions;
    let usual = Id::WarmWrites.limit().value;
    kept.warm_write_units = limits.get(Id::WarmWrites).saturating_sub(usual);
    let tallies = usage.table("tallies");
    tallies.write_units = work.tally_writes * questions;
    tallies.read_units = work.tally_writes * questions;
    let windows = usage.table("windows");
    windows.write_units = 3 * questions;
    windows.read_units = (work.window_reads * WINDOW_READ_HALVES).div_ceil(2) * questions;
    windows.read_units += ended.leaderboard_units;
    usage.table("entitlements").read_units = u64::from(plan.audience);
}

/// How many answers fit into an event, by packing some.
pub(crate) fn answers_per_event(question: QuestionKey) -> u64 {
    let mut random = Rng::with_seed(1);
    let answers = (0..SAMPLE).map(|n| RecordedAnswer {
        viewer_id: viewer_id(&mut random),
        choice: n % 3,
        received_at: received_at(n),
    });
    let mut packer = Packer::new(question, Timestamp::UNIX_EPOCH);
    let full = packer.extend(answers.collect::<Vec<_>>());
    let packed: usize = full.iter().map(|event| event.data.answers.len()).sum();
    (packed / full.len().max(1)).max(1) as u64
}

fn received_at(n: u32) -> Timestamp {
    let start = 1_795_334_400_123;
    Timestamp::from_millisecond(start + i64::from(n)).expect("a time of our days")
}

/// Any question, with ids as they are.
pub(crate) fn question() -> QuestionKey {
    let id = "3f0b8a52-6a63-4c5e-9d0b-2f4f4f1f9b61";
    QuestionKey {
        quiz_id: id.parse().expect("a UUID is an id by its characters"),
        run_id: id.parse().expect("a UUID is an id by its characters"),
        question_id: "q1".parse().expect("so are these"),
    }
}
