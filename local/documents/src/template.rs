//! A CloudFormation template as JSON. Its short forms (`!Ref X`) become their long ones
//! (`{"Ref": "X"}`).

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// The template of this text; none when it is not YAML.
pub fn parse(text: &str) -> Option<Value> {
    let documents = Yaml::load_from_str(text).ok()?;
    to_json(documents.first()?)
}

/// What a value names: `X.Arn` for an attribute, `X` for a reference, the pattern for a
/// substitution, a string itself, and JSON for anything else.
pub fn name(value: &Value) -> String {
    let reference = ["Ref", "Fn::GetAtt", "Fn::Sub"]
        .iter()
        .find_map(|key| value.get(key)?.as_str());
    match reference.or(value.as_str()) {
        Some(name) => name.to_owned(),
        None => value.to_string(),
    }
}

fn to_json(yaml: &Yaml<'_>) -> Option<Value> {
    Some(match yaml {
        Yaml::Value(scalar) => match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(value) => json!(value),
            Scalar::Integer(value) => json!(value),
            Scalar::FloatingPoint(value) => json!(value.into_inner()),
            Scalar::String(value) => json!(value),
        },
        Yaml::Sequence(items) => items.iter().map(to_json).collect::<Option<_>>()?,
        Yaml::Mapping(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| Some((name(&to_json(key)?), to_json(value)?)));
            Value::Object(entries.collect::<Option<_>>()?)
        }
        Yaml::Tagged(tag, value) => {
            let key = match tag.suffix.as_str() {
                plain @ ("Ref" | "Condition") => plain.to_owned(),
                function => format!("Fn::{function}"),
            };
            Value::Object(Map::from_iter([(key, to_json(value)?)]))
        }
        // Aliases and what was not understood have no place in a template.
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_become_long_ones() {
        let template = parse("a: !Ref X\nb: [!GetAtt Y.Arn, 3, on]\nc: !Sub 'z-${X}'\n").unwrap();
        let expected = json!({
            "a": {"Ref": "X"}, "b": [{"Fn::GetAtt": "Y.Arn"}, 3, "on"], "c": {"Fn::Sub": "z-${X}"}
        });
        assert_eq!(template, expected);
        assert_eq!(name(&template["b"][0]), "Y.Arn");
        assert!(parse("a: [").is_none());
    }
}
