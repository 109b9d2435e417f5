//! The steps that put the stack of `infra/app.yaml` into a running cloud.

use std::{path::PathBuf, process::Command};

use anyhow::Context;
use serde_json::Value;

use crate::{
    cloud::{Media, REGION, for_local_cloud, sam, stage},
    failure,
    instance::Instance,
    process,
    progress::{Progress, Step},
    tools::Tools,
    workspace::Workspace,
};

/// The name of the stack, and of its bus.
pub(crate) const STACK: &str = "cuepoint";

/// The steps that put the stack into the running cloud.
pub(crate) struct Deployment<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) instance: &'a Instance,
    pub(crate) tools: &'a Tools,
    pub(crate) endpoint_url: String,
    /// The origin of the viewers' page, if it is served.
    pub(crate) page_origin: Option<String>,
    /// The file that says where the fault proxy is, if the functions call the cloud by it.
    pub(crate) fault_proxy: Option<PathBuf>,
}

impl Deployment<'_> {
    fn file(&self, name: &str) -> PathBuf {
        self.instance.folder.join("state").join(name)
    }

    fn stage(&self) -> Command {
        stage(self.workspace)
    }

    fn sam(&self) -> Command {
        let mut command = sam(self.tools);
        for_local_cloud(&mut command, &self.endpoint_url);
        command.current_dir(&self.workspace.root);
        command
    }

    /// Makes the channel and the playback key. Returns what the deployment needs to know of them.
    pub(crate) fn prepare(
        &self,
        ivs_endpoint_url: &str,
        media: &Media,
        step: &Step,
    ) -> anyhow::Result<Value> {
        let file = self.file("prepared.json");
        let mut command = self.stage();
        command
            .args([
                "prepare",
                "--region",
                REGION,
                "--endpoint-url",
                &self.endpoint_url,
            ])
            .args(["--ivs-endpoint-url", ivs_endpoint_url, "--out"])
            .arg(&file);
        if let Some(origin) = &self.page_origin {
            command.args(["--origin", origin]);
        }
        if let Some(file) = &self.fault_proxy {
            command.arg("--fault-proxy").arg(file);
        }
        if let Some(seconds) = media.token_seconds {
            command.args(["--token-seconds", &seconds.to_string()]);
        }
        if media.analysts_queue {
            command.arg("--analysts-queue");
        }
        if let Some(key) = &media.playback_key {
            command.arg("--playback-key").arg(key);
        }
        let log = self.instance.log("prepare");
        process::run(command, "the preparation of the channel", &log, step)?;
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("not JSON: {}", file.display()))
    }

    /// Puts the stack up and writes `stack.json`.
    pub(crate) fn put_up(&self, parameters: &Value, progress: &Progress) -> anyhow::Result<()> {
        let step = progress.step("Deploy the stack");
        self.deploy(parameters, &step)?;
        self.describe(&step)?;
        step.done("");
        Ok(())
    }

    fn deploy(&self, parameters: &Value, step: &Step) -> anyhow::Result<()> {
        // JSON is YAML too, which is the form of parameter file that the SAM CLI takes. A value in
        // a file needs none of the quoting that the command line would.
        let parameter_file = self.file("parameters.yaml");
        std::fs::write(&parameter_file, parameters.to_string())
            .with_context(|| format!("cannot write {}", parameter_file.display()))?;
        // The settings beside the template are for AWS.
        let settings = self.file("samconfig.toml");
        std::fs::write(&settings, "version = 0.1\n")
            .with_context(|| format!("cannot write {}", settings.display()))?;
        let mut command = self.sam();
        command
            .args([
                "deploy",
                "--template-file",
                "infra/app.yaml",
                "--stack-name",
                STACK,
            ])
            .args(["--resolve-s3", "--region", REGION, "--no-confirm-changeset"])
            .args(["--no-fail-on-empty-changeset", "--no-progressbar"])
            .args(["--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"])
            .arg("--config-file")
            .arg(&settings)
            .arg("--parameter-overrides")
            .arg(format!("file://{}", parameter_file.display()));
        let log = self.instance.log("deploy");
        process::run(command, "the deployment", &log, step).map_err(|error| {
            let ministack = self.instance.log("ministack");
            let next = format!(
                "look also at what the emulator said: {}",
                ministack.display()
            );
            failure::advise(error, next)
        })
    }

    /// Writes `stack.json`.
    fn describe(&self, step: &Step) -> anyhow::Result<()> {
        let outputs = self.file("outputs.json");
        let mut command = self.sam();
        command
            .args([
                "list",
                "stack-outputs",
                "--stack-name",
                STACK,
                "--region",
                REGION,
            ])
            .args(["--output", "json"]);
        let what = "the list of the stack's outputs";
        process::run_into(command, what, &outputs, &self.instance.log("outputs"), step)?;
        let mut command = self.stage();
        command
            .arg("describe")
            .arg("--prepared")
            .arg(self.file("prepared.json"));
        command
            .arg("--outputs")
            .arg(&outputs)
            .arg("--out")
            .arg(self.instance.stack());
        if let Some(origin) = &self.page_origin {
            command.args(["--page-url", &format!("{origin}/")]);
        }
        process::run(
            command,
            "the description of the stack",
            &self.instance.log("describe"),
            step,
        )
    }
}
