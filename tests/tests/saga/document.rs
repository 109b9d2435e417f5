//! `docs/saga.md` keeps to what there is: it names every state of both machines and every way that a
//! state of its kind can fail, and the tests that it names are all the tests here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// The machines, as sections of the page and files of `statemachines/` are called.
const MACHINES: [&str; 2] = ["quiz-show", "quiz-show-compensation"];

/// Every way to fail that the page knows.
const KINDS: [&str; 14] = [
    "task error",
    "throttling",
    "timeout",
    "crash",
    "malformed answer",
    "passing failure",
    "stopped",
    "out of time",
    "off air",
    "too late",
    "channel taken",
    "started twice",
    "replaced",
    "cancelled",
];

/// What the page must say of each state of a type.
fn needed(of_type: &str, name: &str) -> Vec<&'static str> {
    let mut needed = match of_type {
        "Task" => vec![
            "task error",
            "throttling",
            "timeout",
            "crash",
            "malformed answer",
            "stopped",
        ],
        "Wait" => vec!["stopped", "out of time"],
        // They take no time and call nothing; what they decide by is looked at before.
        _ => vec!["malformed answer"],
    };
    if name.starts_with("Push") {
        needed.push("off air");
    }
    if of_type == "Wait" {
        needed.push("cancelled");
    }
    needed
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A row of a table of failures.
#[derive(Debug, Default)]
struct Row {
    line: usize,
    states: BTreeSet<String>,
    kinds: Vec<String>,
    follows: String,
    tests: Vec<String>,
}

/// What the page says about one machine.
#[derive(Debug, Default)]
struct Section {
    groups: BTreeMap<String, BTreeSet<String>>,
    rows: Vec<Row>,
}

fn between<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = String> + 'a {
    text.split(mark).skip(1).step_by(2).map(str::to_owned)
}

fn read() -> BTreeMap<String, Section> {
    let text = fs::read_to_string(root().join("docs/saga.md")).unwrap();
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut machine = String::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(heading) = line.strip_prefix("## ") {
            machine = between(heading, "`").next().unwrap_or_default();
        }
        let cells: Vec<_> = line
            .trim()
            .trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        let is_row = line.starts_with('|') && !cells[0].starts_with('-');
        if !is_row || !MACHINES.contains(&machine.as_str()) {
            continue;
        }
        let section = sections.entry(machine.clone()).or_default();
        match cells[..] {
            ["group", "states"] | ["where", "fails by", "what follows", "shown by"] => {}
            [group, states] => {
                let name = between(group, "**").next().unwrap();
                section.groups.insert(name, between(states, "`").collect());
            }
            [place, kinds, follows, tests] => {
                let mut states: BTreeSet<_> = between(place, "`").collect();
                for group in between(place, "**") {
                    let group = section.groups.get(&group);
                    let group =
                        group.unwrap_or_else(|| panic!("line {}: no such group", number + 1));
                    states.extend(group.iter().cloned());
                }
                section.rows.push(Row {
                    line: number + 1,
                    states,
                    kinds: kinds.split(", ").map(str::to_owned).collect(),
                    follows: follows.to_owned(),
                    tests: between(tests, "`").collect(),
                });
            }
            _ => panic!("line {}: a table of {} columns", number + 1, cells.len()),
        }
    }
    sections
}

/// The states of a machine, by name, with their types.
fn states(machine: &str) -> BTreeMap<String, String> {
    let file = root().join(format!("statemachines/{machine}.asl.json"));
    let machine: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let states = machine["States"].as_object().unwrap().iter();
    states
        .map(|(name, state)| (name.clone(), state["Type"].as_str().unwrap().to_owned()))
        .collect()
}

/// Every test of this program, as `module::name`.
fn tests() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/saga");
    let mut tests = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let module = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let mut is_test = false;
        for line in text.lines() {
            if let Some((_, function)) = line.split_once("fn ").filter(|_| is_test) {
                let name = function.split('(').next().unwrap();
                tests.insert(format!("{module}::{name}"));
                is_test = false;
            }
            is_test |= ["#[test]", "#[tokio::test]"].contains(&line);
        }
    }
    tests
}

#[test]
fn every_state_and_every_way_to_fail_is_in_the_page() {
    let sections = read();
    let mut problems = Vec::new();
    for machine in MACHINES {
        let section = sections
            .get(machine)
            .unwrap_or_else(|| panic!("no section on {machine}"));
        let states = states(machine);
        let named = section.groups.values().flatten();
        let named = named.chain(section.rows.iter().flat_map(|row| &row.states));
        for name in named.filter(|name| !states.contains_key(*name)) {
            problems.push(format!("{machine} has no state {name}"));
        }
        for (name, of_type) in &states {
            for kind in needed(of_type, name) {
                let said = section.rows.iter().any(|row| {
                    row.states.contains(name) && row.kinds.iter().any(|said| said == kind)
                });
                if !said {
                    problems.push(format!(
                        "{machine}: what follows when {name} fails by {kind}?"
                    ));
                }
            }
        }
        for row in &section.rows {
            for kind in row
                .kinds
                .iter()
                .filter(|kind| !KINDS.contains(&kind.as_str()))
            {
                problems.push(format!("line {}: what is {kind:?}?", row.line));
            }
            if row.tests.is_empty() || row.states.is_empty() || row.follows.is_empty() {
                problems.push(format!("line {}: something is empty", row.line));
            }
        }
    }
    assert!(
        problems.is_empty(),
        "docs/saga.md:\n{}",
        problems.join("\n")
    );
}

#[test]
fn the_tests_that_the_page_names_are_the_tests_there_are() {
    let text = fs::read_to_string(root().join("docs/saga.md")).unwrap();
    let named: BTreeSet<_> = between(&text, "`")
        .filter(|word| word.contains("::"))
        .collect();
    let there = tests();
    let missing: Vec<_> = named.difference(&there).collect();
    assert!(
        missing.is_empty(),
        "docs/saga.md names tests that are not there: {missing:#?}"
    );
    let unnamed: Vec<_> = there.difference(&named).collect();
    assert!(
        unnamed.is_empty(),
        "docs/saga.md does not name these tests: {unnamed:#?}"
    );
}
