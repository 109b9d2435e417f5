//! The stack that is worked on: the outputs of its template, and how to reach AWS for it.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::Context;
use aws_config::{BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use serde::Deserialize;

use crate::failure::Advised;

/// How long one call may take, its retries included. Longer than any function runs that is called from
/// here.
const CALL: Duration = Duration::from_secs(90);

/// A deployed stack.
#[derive(Debug, Clone)]
pub struct Target {
    outputs: BTreeMap<String, String>,
    /// For every service but IVS.
    pub aws: SdkConfig,
    /// For IVS.
    pub ivs: SdkConfig,
    /// Whether it is on this machine, where nothing has to spread.
    pub local: bool,
}

/// What this program reads of the file `stack.json` that describes a stack on this machine.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Local {
    region: String,
    endpoint_url: String,
    ivs_endpoint_url: String,
    access_key_id: String,
    secret_access_key: String,
    outputs: BTreeMap<String, String>,
}

/// One entry of the list that `sam list stack-outputs --output json` prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OutputEntry {
    output_key: String,
    output_value: String,
}

impl Target {
    /// The stack on this machine that a file describes. Nothing of the environment counts: it never
    /// leads to a real account.
    ///
    /// # Errors
    /// When the file cannot be read or is no such description.
    pub fn on_this_machine(file: &Path) -> anyhow::Result<Self> {
        let local: Local = read(file)?;
        let config = |endpoint_url: &str| {
            let (id, secret) = (&local.access_key_id, &local.secret_access_key);
            let credentials = Credentials::new(id, secret, None, None, "local-cloud");
            SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(local.region.clone()))
                .endpoint_url(endpoint_url)
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                .timeout_config(timeouts())
                .build()
        };
        Ok(Self {
            aws: config(&local.endpoint_url),
            ivs: config(&local.ivs_endpoint_url),
            outputs: local.outputs,
            local: true,
        })
    }

    /// The stack on AWS whose outputs are in a file, by the usual chain of credentials.
    ///
    /// # Errors
    /// When the file cannot be read or is no list of outputs.
    pub async fn on_aws(file: &Path, region: Option<String>) -> anyhow::Result<Self> {
        let entries: Vec<OutputEntry> = read(file)?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts());
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        let config = loader.load().await;
        if config.region().is_none() {
            return Err(Advised::new("no region is set", "name it with --region").into());
        }
        Ok(Self {
            outputs: entries
                .into_iter()
                .map(|entry| (entry.output_key, entry.output_value))
                .collect(),
            ivs: config.clone(),
            aws: config,
            local: false,
        })
    }

    /// An output of the template.
    ///
    /// # Errors
    /// When the stack has none of this name: it was deployed from an older template.
    pub fn output(&self, name: &str) -> anyhow::Result<&str> {
        let value = self.outputs.get(name).map(String::as_str);
        value.ok_or_else(|| {
            let what = format!("the stack has no output {name}");
            Advised::new(what, "deploy the present infra/app.yaml first").into()
        })
    }
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> anyhow::Result<T> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} does not describe a stack", file.display()))
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_timeout(CALL)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        file
    }

    #[test]
    fn a_stack_on_this_machine_is_reached_by_what_its_description_says() {
        let text = r#"{"region": "eu-west-1", "endpointUrl": "http://127.0.0.1:1",
            "ivsEndpointUrl": "http://127.0.0.1:2", "accessKeyId": "test",
            "secretAccessKey": "test", "outputs": {"A": "the A"}, "another": {}}"#;
        let target = Target::on_this_machine(file(text).path()).unwrap();
        assert_eq!(target.output("A").unwrap(), "the A");
        assert_eq!(target.aws.endpoint_url(), Some("http://127.0.0.1:1"));
        assert_eq!(target.ivs.endpoint_url(), Some("http://127.0.0.1:2"));
        let missing = target.output("B").unwrap_err().to_string();
        assert!(missing.contains("no output B; deploy"), "{missing}");
    }

    #[tokio::test]
    async fn a_stack_on_aws_is_known_by_the_list_of_its_outputs() {
        let text = r#"[{"OutputKey": "A", "OutputValue": "the A", "Description": ""}]"#;
        let list = file(text);
        let target = Target::on_aws(list.path(), Some("eu-west-1".into()))
            .await
            .unwrap();
        assert_eq!(target.output("A").unwrap(), "the A");
        assert!(!target.local);
        let error = Target::on_aws(file("{}").path(), None).await;
        assert!(error.unwrap_err().to_string().contains("describe a stack"));
    }
}
