//! Where everything in the local cloud is: the file `stack.json`, and the clients made from it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use serde::{Deserialize, Serialize};

/// The variable that names the file to read instead of the default one.
pub const STACK_VARIABLE: &str = "CUEPOINT_STACK";

/// The longest that a client waits for the answer to one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The stack description could not be read, written or used.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The file is missing or cannot be accessed.
    #[error("cannot access {path} (is the local cloud up? `cargo xtask up` starts it): {source}")]
    Access {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is not a stack description, or an output of the template is missing.
    #[error("{what} does not describe a stack: {source}")]
    Malformed {
        /// The file or the list that was read.
        what: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// An address in it is not a URL.
    #[error("not a URL with a host and a port: {0}")]
    Address(String),
    /// The HTTP client could not be set up.
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// A deployed local cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stack {
    /// The AWS region it plays.
    pub region: String,
    /// Where every AWS service but IVS answers.
    pub endpoint_url: String,
    /// Where IVS answers.
    pub ivs_endpoint_url: String,
    /// The access key of the account's root user.
    pub access_key_id: String,
    /// Its secret. A fixed word: nothing outside this machine knows it.
    pub secret_access_key: String,
    /// What the template says about what it made.
    pub outputs: Outputs,
    /// The channel of the show.
    pub channel: Channel,
    /// Another private channel, which nobody broadcasts on.
    pub offline_channel: Channel,
    /// More private channels, for tests that bring a stream of their own.
    #[serde(default)]
    pub spare_channels: Vec<Channel>,
    /// Where the viewers' page is served, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_url: Option<String>,
    /// What stands between the functions and the cloud, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault_proxy: Option<FaultProxy>,
}

/// Where the fault proxy is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultProxy {
    /// Where faults are made; see [`crate::faults`].
    pub control_url: String,
    /// Where the functions find every AWS service but IVS.
    pub endpoint_url: String,
    /// Where the functions find IVS.
    pub ivs_endpoint_url: String,
}

/// The outputs of `infra/app.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(
    missing_docs,
    reason = "each is described where it is made, in the template"
)]
pub struct Outputs {
    pub api_url: String,
    pub event_bus_name: String,
    pub user_pool_id: String,
    pub user_pool_client_id: String,
    pub entitlements_table: String,
    pub quizzes_table: String,
    pub windows_table: String,
    pub answers_table: String,
    pub tallies_table: String,
    pub quiz_show_arn: String,
    pub quiz_show_compensation_arn: String,
    pub playback_key_secret_arn: String,
    pub token_api_function_name: String,
    pub entitlement_outbox_function_name: String,
    pub quiz_outbox_function_name: String,
    pub live_tally_function_name: String,
    pub entitlement_intake_queue_url: String,
    pub answer_recording_queue_url: String,
    pub entitlement_intake_dlq_url: String,
    pub entitlement_outbox_dlq_url: String,
    pub quiz_outbox_dlq_url: String,
    pub quiz_show_start_dlq_url: String,
    pub quiz_show_compensation_start_dlq_url: String,
    pub answer_recording_dlq_url: String,
    pub live_tally_dlq_url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysts_queue_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysts_dlq_url: Option<String>,
}

/// One entry of the list that `sam list stack-outputs --output json` prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OutputEntry {
    output_key: String,
    output_value: String,
}

impl Outputs {
    /// Reads the list that `sam list stack-outputs --output json` prints.
    ///
    /// # Errors
    /// [`StackError::Malformed`] when it is no such list or an output is missing.
    pub fn from_sam_list(json: &str) -> Result<Self, StackError> {
        let malformed = |source| StackError::Malformed {
            what: "the list of the template's outputs".to_owned(),
            source,
        };
        let entries: Vec<OutputEntry> = serde_json::from_str(json).map_err(malformed)?;
        let object = entries
            .into_iter()
            .map(|entry| (entry.output_key, entry.output_value.into()))
            .collect();
        serde_json::from_value(serde_json::Value::Object(object)).map_err(malformed)
    }

    /// Every dead-letter queue, by name, with its URL.
    pub fn dead_letter_queues(&self) -> Vec<(&'static str, &str)> {
        let mut queues: Vec<(_, &str)> = vec![
            ("entitlement-intake-dlq", &self.entitlement_intake_dlq_url),
            ("entitlement-outbox-dlq", &self.entitlement_outbox_dlq_url),
            ("quiz-outbox-dlq", &self.quiz_outbox_dlq_url),
            ("quiz-show-start-dlq", &self.quiz_show_start_dlq_url),
            (
                "quiz-show-compensation-start-dlq",
                &self.quiz_show_compensation_start_dlq_url,
            ),
            ("answer-recording-dlq", &self.answer_recording_dlq_url),
            ("live-tally-dlq", &self.live_tally_dlq_url),
        ];
        let analysts = self.analysts_dlq_url.as_deref();
        queues.extend(analysts.map(|url| ("analysts-dlq", url)));
        queues
    }
}

/// A private IVS channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// The last part of its ARN.
    pub channel_id: String,
    /// Its ARN.
    pub arn: String,
    /// The multivariant playlist; a playback token is appended as `?token=`.
    pub playback_url: String,
    /// Where to publish, stream key included.
    pub rtmp_url: String,
    /// The page origin that its playback tokens allow.
    pub origin: String,
}

impl Stack {
    /// Reads the file that `CUEPOINT_STACK` names, or else `target/local/stack.json`.
    ///
    /// # Errors
    /// [`StackError::Access`] or [`StackError::Malformed`].
    pub fn load() -> Result<Self, StackError> {
        Self::load_from(&Self::path())
    }

    /// The file that [`Stack::load`] reads.
    pub fn path() -> PathBuf {
        std::env::var_os(STACK_VARIABLE).map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/local/stack.json"),
            PathBuf::from,
        )
    }

    /// Reads a given file.
    ///
    /// # Errors
    /// [`StackError::Access`] or [`StackError::Malformed`].
    pub fn load_from(path: &Path) -> Result<Self, StackError> {
        let text = std::fs::read_to_string(path).map_err(|source| StackError::Access {
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_str(&text).map_err(|source| StackError::Malformed {
            what: path.display().to_string(),
            source,
        })
    }

    /// Writes it so that a reader never sees half of it.
    ///
    /// # Errors
    /// [`StackError::Access`].
    pub fn save(&self, path: &Path) -> Result<(), StackError> {
        let access = |source| StackError::Access {
            path: path.to_owned(),
            source,
        };
        let text = serde_json::to_string_pretty(self).map_err(|source| StackError::Malformed {
            what: path.display().to_string(),
            source,
        })?;
        let unfinished = path.with_extension("json.unfinished");
        std::fs::write(&unfinished, text).map_err(access)?;
        std::fs::rename(&unfinished, path).map_err(access)
    }

    /// The SDK's configuration for this cloud, whatever the environment says.
    pub async fn sdk_config(&self) -> SdkConfig {
        sdk_config(
            &self.region,
            &self.endpoint_url,
            &self.access_key_id,
            &self.secret_access_key,
        )
    }

    /// A client of the local IVS.
    pub async fn ivs_client(&self) -> aws_sdk_ivs::Client {
        let config = sdk_config(
            &self.region,
            &self.ivs_endpoint_url,
            &self.access_key_id,
            &self.secret_access_key,
        );
        aws_sdk_ivs::Client::new(&config)
    }

    /// An HTTP client that reaches the HTTP API under its own name, which the system's resolver
    /// does not know, and that no proxy of this machine comes between.
    ///
    /// Requests take at most 30 seconds. Clone it rather than making another: it pools connections.
    ///
    /// # Errors
    /// [`StackError::Address`] when `ApiUrl` is not a URL, [`StackError::Client`].
    pub fn http_client(&self) -> Result<reqwest::Client, StackError> {
        let address = || StackError::Address(self.outputs.api_url.clone());
        let url = reqwest::Url::parse(&self.outputs.api_url).map_err(|_| address())?;
        let host = url.host_str().ok_or_else(address)?;
        let port = url.port_or_known_default().ok_or_else(address)?;
        Ok(reqwest::Client::builder()
            .no_proxy()
            .timeout(REQUEST_TIMEOUT)
            .resolve(host, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .build()?)
    }
}

/// The SDK's configuration for one endpoint. It is built from nothing but its arguments, not loaded
/// from the environment or from profiles: a program of the local cloud must never reach a real
/// account.
pub fn sdk_config(
    region: &str,
    endpoint_url: &str,
    access_key_id: &str,
    secret_access_key: &str,
) -> SdkConfig {
    let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "local-cloud");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .endpoint_url(endpoint_url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 25] = [
        "ApiUrl",
        "EventBusName",
        "UserPoolId",
        "UserPoolClientId",
        "EntitlementsTable",
        "QuizzesTable",
        "WindowsTable",
        "AnswersTable",
        "TalliesTable",
        "QuizShowArn",
        "QuizShowCompensationArn",
        "PlaybackKeySecretArn",
        "TokenApiFunctionName",
        "EntitlementOutboxFunctionName",
        "QuizOutboxFunctionName",
        "LiveTallyFunctionName",
        "EntitlementIntakeQueueUrl",
        "AnswerRecordingQueueUrl",
        "EntitlementIntakeDlqUrl",
        "EntitlementOutboxDlqUrl",
        "QuizOutboxDlqUrl",
        "QuizShowStartDlqUrl",
        "QuizShowCompensationStartDlqUrl",
        "AnswerRecordingDlqUrl",
        "LiveTallyDlqUrl",
    ];

    fn listing(keys: &[&str]) -> String {
        let entries: Vec<_> = keys
            .iter()
            .map(|key| {
                serde_json::json!({"OutputKey": key, "OutputValue": format!("the {key}"), "Description": ""})
            })
            .collect();
        serde_json::Value::from(entries).to_string()
    }

    #[test]
    fn outputs_are_read_from_the_list_that_sam_prints() {
        let outputs = Outputs::from_sam_list(&listing(&KEYS)).unwrap();
        assert_eq!(outputs.api_url, "the ApiUrl");
        assert_eq!(outputs.quiz_show_arn, "the QuizShowArn");
        assert_eq!(
            outputs.dead_letter_queues()[6],
            ("live-tally-dlq", "the LiveTallyDlqUrl")
        );
    }

    #[test]
    fn the_analysts_queue_is_there_only_if_it_was_asked_for() {
        let without = Outputs::from_sam_list(&listing(&KEYS)).unwrap();
        assert_eq!(without.analysts_queue_url, None);
        let mut keys = KEYS.to_vec();
        keys.extend(["AnalystsQueueUrl", "AnalystsDlqUrl"]);
        let outputs = Outputs::from_sam_list(&listing(&keys)).unwrap();
        let url = outputs.analysts_queue_url.as_deref();
        assert_eq!(url, Some("the AnalystsQueueUrl"));
        let last = outputs.dead_letter_queues().pop();
        assert_eq!(last, Some(("analysts-dlq", "the AnalystsDlqUrl")));
    }

    #[test]
    fn a_missing_output_is_named() {
        for missing in KEYS {
            let others: Vec<_> = KEYS.into_iter().filter(|key| *key != missing).collect();
            let error = Outputs::from_sam_list(&listing(&others)).unwrap_err();
            assert!(error.to_string().contains(missing), "{error}");
        }
    }

    #[test]
    fn an_extra_output_does_no_harm() {
        let mut keys = KEYS.to_vec();
        keys.push("Another");
        assert!(Outputs::from_sam_list(&listing(&keys)).is_ok());
    }
}
