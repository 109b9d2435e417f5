//! The contracts in `events/`: schemas, examples and Rust types say the same.
//!
//! The schemas are generated. After a change to a type, write them anew with
//! `UPDATE_CONTRACTS=1 cargo test --profile lambda -p cuepoint-shared --test contracts`
//! and read the difference: it is what other teams will see.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use std::{fs, path::PathBuf};

use cuepoint_shared::events::{Contract, contracts};
use jsonschema::Validator;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events")
}

fn example(contract: &Contract) -> Value {
    let path = folder().join(format!("{}.example.json", contract.detail_type));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn validator(contract: &Contract) -> Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(contract.schema.as_value())
        .expect("a generated schema is a schema")
}

#[test]
fn the_schemas_are_those_of_the_types() {
    let update = std::env::var_os("UPDATE_CONTRACTS").is_some();
    for contract in contracts() {
        let path = folder().join(format!("{}.schema.json", contract.detail_type));
        let schema = serde_json::to_string_pretty(&contract.schema).unwrap() + "\n";
        if update {
            fs::write(&path, &schema).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            committed,
            schema,
            "{} differs from its type",
            path.display()
        );
    }
}

#[test]
fn every_file_belongs_to_a_contract() {
    let names: Vec<_> = contracts()
        .iter()
        .map(|contract| contract.detail_type)
        .collect();
    for file in fs::read_dir(folder()).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        let name = file
            .trim_end_matches(".schema.json")
            .trim_end_matches(".example.json");
        assert!(
            names.contains(&name) || file.ends_with(".md"),
            "{file} belongs to no contract"
        );
    }
}

#[test]
fn an_example_is_what_eventbridge_delivers() {
    for contract in contracts() {
        let example = example(&contract);
        assert_eq!(example["detail-type"], contract.detail_type);
        assert_eq!(
            example["source"], contract.source,
            "{}",
            contract.detail_type
        );
        let detail = &example["detail"];
        if let Err(error) = validator(&contract).validate(detail) {
            panic!("{}: {error}", contract.detail_type);
        }
        assert_eq!(
            &(contract.round_trip)(detail.clone()).unwrap(),
            detail,
            "{}: nothing is lost or added on the way through the type",
            contract.detail_type
        );
    }
}

/// Breaks every field of every example in every way, and asks both for their verdict.
#[test]
fn schema_and_type_agree_on_what_is_refused() {
    let mut refused = 0;
    for contract in contracts() {
        let validator = validator(&contract);
        let detail = example(&contract)["detail"].clone();
        for (what, mutant) in mutants(&detail) {
            let by_schema = !validator.is_valid(&mutant);
            let by_type = (contract.round_trip)(mutant.clone()).is_err();
            assert_eq!(
                by_schema, by_type,
                "{}: {what}: {mutant}",
                contract.detail_type
            );
            refused += usize::from(by_type);
        }
    }
    assert!(
        refused > 500,
        "only {refused} mutants were refused: the check has lost its teeth"
    );
}

fn mutants(detail: &Value) -> Vec<(String, Value)> {
    let mut pointers = Vec::new();
    collect_pointers(detail, String::new(), &mut pointers);
    let mut mutants = Vec::new();
    for pointer in pointers {
        for value in [
            json!(null),
            json!(-1),
            json!(1.5),
            json!(""),
            json!("not a date, not an id"),
            json!("x".repeat(5000)),
            json!([]),
            json!({}),
        ] {
            let mut mutant = detail.clone();
            *mutant.pointer_mut(&pointer).unwrap() = value.clone();
            mutants.push((format!("{pointer} = {value:.20}"), mutant));
        }
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let mut mutant = detail.clone();
        if let Some(object) = mutant.pointer_mut(parent).unwrap().as_object_mut() {
            object.remove(key);
            mutants.push((format!("without {pointer}"), mutant));
        }
    }
    mutants
}

fn collect_pointers(value: &Value, at: String, into: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                collect_pointers(value, format!("{at}/{key}"), into);
            }
        }
        Value::Array(array) => {
            for (index, value) in array.iter().enumerate() {
                collect_pointers(value, format!("{at}/{index}"), into);
            }
        }
        _ => {}
    }
    if !at.is_empty() {
        into.push(at);
    }
}
