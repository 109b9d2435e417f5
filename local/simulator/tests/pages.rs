//! What is told elsewhere in this repository is as it is played here.

use std::{fs, path::Path};

use documents::sections;
use simulator::{
    advice, after, capacity,
    house::House,
    limits::Limits,
    page::{ASKING_A_SECOND, FOR_A_READ, FOR_AN_ANSWER, Patience, RESULTS_WITHIN_MS, SPREAD_MS},
    play,
    timing::MEASURED,
};

fn text(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_page_waits_as_long_as_is_played() {
    let grouped = |number: u32| match number {
        1_000.. => format!("{}_{:03}", number / 1_000, number % 1_000),
        _ => number.to_string(),
    };
    let said = |file: &str, line: String| assert!(text(file).contains(&line), "{file}: {line}");
    let patience = |name: &str, patience: Patience| {
        let [first, most] = [patience.first_ms, patience.most_ms].map(grouped);
        let tries = patience.tries;
        let numbers = format!("{{ firstMs: {first}, mostMs: {most}, tries: {tries} }}");
        said(
            "web/src/patience.ts",
            format!("{name}: Patience = {numbers};"),
        );
    };
    patience("FOR_AN_ANSWER", FOR_AN_ANSWER);
    patience("FOR_A_READ", FOR_A_READ);
    let spread = grouped(SPREAD_MS);
    said("web/src/patience.ts", format!("SPREAD_MS = {spread};"));
    let rate = grouped(ASKING_A_SECOND);
    said("web/src/patience.ts", format!("ASKING_A_SECOND = {rate};"));
    let within = grouped(RESULTS_WITHIN_MS);
    said(
        "web/src/useQuiz.ts",
        format!("RESULTS_WITHIN_MS = {within};"),
    );
}

/// `docs/architecture.md` has what counting and recording a million answers was measured to take.
#[test]
fn what_was_measured_is_what_is_played() {
    let page = text("docs/architecture.md").replace("\n  ", " ");
    let said = |line: String| assert!(page.contains(&line), "{line}");
    let millions = |nanos: u64| format!("{:.1}", nanos as f64 / 1_000.0);
    said(format!(
        "million answers to one question take {} s of processor time for the tally and {} s for the leaderboard",
        millions(MEASURED.count),
        millions(MEASURED.rank),
    ));
    said(format!(
        "and {} s of work for the one processor of `answer-recorder`",
        millions(MEASURED.record),
    ));
    said(format!(
        "an answer takes `answer-api` {:.2} ms",
        MEASURED.take as f64 / 1e6
    ));
    // A small audience, as it is: what it leaves behind is the same for all.
    let (house, plan) = (House::read(), capacity::plan(1_000));
    let limits = Limits::as_they_are(&house);
    let after = after::after(&plan, &house, &limits, &play::play(&plan, &house, &limits));
    // 186 bytes are told as 190.
    said(format!(
        "({} bytes an answer",
        after.answer_bytes.div_ceil(10) * 10
    ));
    assert_eq!(after.answers_per_event, 633);
    said("1,580 events of 633 answers".to_owned());
}

/// All audiences but the largest, which takes as long as all others together.
#[test]
fn the_document_says_what_is_played() {
    let house = House::read();
    let page = text(capacity::PAGE);
    let audiences = &capacity::AUDIENCES[..capacity::AUDIENCES.len() - 1];
    let outcomes: Vec<_> = audiences
        .iter()
        .map(|&audience| advice::outcome(&capacity::plan(audience), &house, &mut |_| {}))
        .collect();
    for (name, expected) in capacity::sections(&house, &outcomes) {
        let said = sections::read(&page, name).unwrap_or_else(|| panic!("no section {name}"));
        for (line, expected) in expected.lines().enumerate() {
            // A table of limits has another column for the largest audience.
            let known = said
                .lines()
                .any(|said| said.starts_with(expected.trim_end_matches('|')));
            assert!(
                known,
                "{name}, line {line}: the page does not say\n{expected}\nwrite it anew with \
                 `cargo xtask simulate --document`"
            );
        }
    }
}
