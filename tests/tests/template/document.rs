//! Reads what the checks compare: the SAM template, the saga's definition, the contracts and the
//! binaries. CloudFormation's short forms (`!Ref X`) become their long ones (`{"Ref": "X"}`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

pub(crate) use documents::template::name;
use serde_json::Value;

/// All that is compared. The checks only read it; tests of the checks break it first.
pub(crate) struct House {
    /// `infra/app.yaml`.
    pub(crate) template: Value,
    /// The definition of every state machine in the template, by the name of its resource.
    pub(crate) machines: BTreeMap<String, Value>,
    /// Detail type of every contract in `events/`, and its source as its example has it.
    pub(crate) contracts: BTreeMap<String, String>,
    /// The functions that the services have a binary for.
    pub(crate) binaries: BTreeSet<String>,
}

/// One action on one resource that a role allows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Grant {
    /// E.g. `sqs:SendMessage`.
    pub(crate) action: String,
    /// As [`name`] has it.
    pub(crate) resource: String,
    /// The event sources it is limited to, when it is limited to any.
    pub(crate) sources: Vec<String>,
}

impl House {
    /// The house as it stands.
    pub(crate) fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let template = template(&text(&root.join("infra/app.yaml")));
        Self {
            machines: machines(&template, &root.join("infra")),
            template,
            contracts: contracts(&root.join("events")),
            binaries: binaries(&root.join("services")),
        }
    }

    /// Name and properties of every resource of a type, in the order of their names.
    pub(crate) fn resources(&self, kind: &str) -> Vec<(&str, &Value)> {
        let resources = self.template["Resources"]
            .as_object()
            .expect("a template has resources");
        resources
            .iter()
            .filter(|(_, resource)| resource["Type"] == kind)
            .map(|(name, resource)| (name.as_str(), &resource["Properties"]))
            .collect()
    }

    /// The properties of a resource; null when there is none of that name.
    pub(crate) fn properties(&self, name: &str) -> &Value {
        &self.template["Resources"][name]["Properties"]
    }

    /// The functions: name of the resource, name of the binary, properties.
    pub(crate) fn functions(&self) -> Vec<(&str, String, &Value)> {
        self.resources("AWS::Serverless::Function")
            .into_iter()
            .map(|(resource, properties)| {
                let uri = properties["CodeUri"].as_str().unwrap_or_default();
                let binary = uri
                    .trim_end_matches('/')
                    .rsplit('/')
                    .next()
                    .unwrap_or_default();
                (resource, binary.to_owned(), properties)
            })
            .collect()
    }

    /// Every state of every machine: names of machine and state, and its definition.
    pub(crate) fn states(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.machines.iter().flat_map(|(machine, definition)| {
            let states = definition["States"].as_object();
            let states = states.expect("a machine has states").iter();
            states.map(move |(state, definition)| (machine.as_str(), state.as_str(), definition))
        })
    }

    /// What the role of a resource allows.
    pub(crate) fn grants_of(&self, properties: &Value, key: &str) -> BTreeSet<Grant> {
        let role = name(&properties[key]);
        grants(self.properties(role.trim_end_matches(".Arn")))
    }
}

/// What a role's policies allow, one action and resource at a time. `NotAction` and the like have
/// no place here and show up as a grant of an empty action.
pub(crate) fn grants(role: &Value) -> BTreeSet<Grant> {
    let mut grants = BTreeSet::new();
    for policy in list(&role["Policies"]) {
        for statement in list(&policy["PolicyDocument"]["Statement"]) {
            let condition = &statement["Condition"]["ForAllValues:StringEquals"]["events:source"];
            let sources: Vec<_> = list(condition).into_iter().map(name).collect();
            for action in list(&statement["Action"]).into_iter().map(name) {
                for resource in list(&statement["Resource"]).into_iter().map(name) {
                    let (action, sources) = (action.clone(), sources.clone());
                    grants.insert(Grant {
                        action,
                        resource,
                        sources,
                    });
                }
            }
        }
    }
    grants
}

/// A list as it is, nothing as none, anything else as one.
pub(crate) fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

fn template(text: &str) -> Value {
    documents::template::parse(text).expect("the template is YAML that CloudFormation takes")
}

fn machines(template: &Value, infra: &Path) -> BTreeMap<String, Value> {
    let resources = template["Resources"].as_object();
    let resources = resources.expect("a template has resources").iter();
    resources
        .filter(|(_, resource)| resource["Type"] == "AWS::Serverless::StateMachine")
        .map(|(machine, resource)| {
            let file = name(&resource["Properties"]["DefinitionUri"]);
            (machine.clone(), read_json(&infra.join(file)))
        })
        .collect()
}

fn contracts(folder: &Path) -> BTreeMap<String, String> {
    let mut contracts = BTreeMap::new();
    for path in entries(folder) {
        let file = path
            .file_name()
            .and_then(|file| file.to_str())
            .expect("a readable file name");
        if let Some(detail_type) = file.strip_suffix(".schema.json") {
            let example = read_json(&folder.join(format!("{detail_type}.example.json")));
            contracts.insert(detail_type.to_owned(), name(&example["source"]));
        }
    }
    contracts
}

fn binaries(services: &Path) -> BTreeSet<String> {
    let folders = entries(services)
        .into_iter()
        .map(|service| service.join("src/bin"));
    folders
        .filter(|folder| folder.is_dir())
        .flat_map(|folder| entries(&folder))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries
        .map(|entry| entry.expect("a readable folder").path())
        .collect()
}

fn read_json(path: &Path) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
