//! The viewers' page: built from `web/`, and served beside the API and the sign-in that it calls.
//!
//! A browser lets a page call another origin only if that one agrees, which the local HTTP API does
//! not say. So the page's server hands such calls on, and all have one origin.

use std::{path::Path, process::Command};

use anyhow::Context;
use serde_json::{Value, json};

use crate::{
    cloud,
    instance::Instance,
    network::{self, Reserved},
    process::{self, Process},
    progress::Progress,
    tools::{Tool, Tools},
    workspace::Workspace,
};

/// The path below which the page's server hands on to the HTTP API.
const API: &str = "api";

/// The path below which it hands on to the sign-in.
const IDENTITY: &str = "identity/";

/// Where the page's server hands calls on to.
#[derive(Debug)]
pub(crate) struct Targets {
    /// The HTTP API.
    api: String,
    /// The sign-in.
    identity: String,
}

/// The page's sources, and what is made of them.
#[derive(Clone, Copy)]
pub(crate) struct Page<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) instance: &'a Instance,
    pub(crate) progress: &'a Progress,
}

impl Page<'_> {
    /// Runs a script of the page's package as a step.
    fn run(&self, title: &str, log: &str, next: &str, command: Command) -> anyhow::Result<()> {
        process::run_as_step(command, title, &self.instance.log(log), next, self.progress)
    }

    /// Builds it for this command alone: another one may be serving its own.
    pub(crate) fn build(&self) -> anyhow::Result<()> {
        let mut command = script(self.workspace, "build");
        command
            .args(["--", "--emptyOutDir", "--outDir"])
            .arg(self.instance.page());
        let next = "fix what the compiler says";
        self.run("Build the page", "page-build", next, command)
    }

    /// Checks its types, its code and its formatting.
    pub(crate) fn lint(&self) -> anyhow::Result<()> {
        let command = script(self.workspace, "lint");
        let next = "fix what it says; `npm run format` in web/ formats";
        self.run("Check the page", "page-lint", next, command)
    }

    /// Runs the tests that need no browser.
    pub(crate) fn unit_tests(&self) -> anyhow::Result<()> {
        let command = script(self.workspace, "test");
        let next = "`npm test` in web/ runs them again";
        self.run("Test the parts of the page", "page-tests", next, command)
    }

    /// Serves what was built for the stack that is deployed.
    pub(crate) fn serve_stack(&self, port: Reserved) -> anyhow::Result<Process> {
        let stack = std::fs::read(self.instance.stack())
            .context("cannot read the description of the stack")?;
        let stack: Value =
            serde_json::from_slice(&stack).context("the stack's description is no JSON")?;
        let targets = Targets {
            api: path_form(&stack).context("the address of the HTTP API has another form")?,
            identity: cloud::text(&stack["endpointUrl"], "the address of AWS")?,
        };
        self.serve(port, &configuration(&stack)?, Some(&targets))
    }

    /// Serves what was built, with this configuration.
    pub(crate) fn serve(
        &self,
        port: Reserved,
        configuration: &Value,
        targets: Option<&Targets>,
    ) -> anyhow::Result<Process> {
        let file = self.instance.page().join("config.json");
        std::fs::write(&file, configuration.to_string())
            .with_context(|| format!("cannot write {}", file.display()))?;
        let mut command = script(self.workspace, "serve");
        if let Some(Targets { api, identity }) = targets {
            command
                .env("CUEPOINT_API_TARGET", api)
                .env("CUEPOINT_IDENTITY_TARGET", identity);
        }
        let port = port.release();
        command
            .env("CUEPOINT_PAGE_PORT", port.to_string())
            .env("CUEPOINT_PAGE_FOLDER", self.instance.page());
        let log = self.instance.log("page");
        let mut process = Process::start(command, "the server of the page", &log)?;
        cloud::await_start(&mut process, || {
            Ok(network::answers(port, "/config.json").then_some(()))
        })?;
        Ok(process)
    }

    /// A script that works in a real browser, and leaves screenshots and figures in a folder.
    pub(crate) fn in_browser(&self, name: &str) -> anyhow::Result<Command> {
        let artifacts = self.instance.artifacts();
        clear(&artifacts)?;
        let tools = Tools::of(self.workspace);
        let mut command = script(self.workspace, name);
        command
            .env(
                "CUEPOINT_CHROMIUM",
                tools.program(Tool::Chromium, "chromium"),
            )
            .env("CUEPOINT_FFMPEG", tools.ffmpeg())
            .env("CUEPOINT_ARTIFACTS", artifacts)
            .env("TMPDIR", self.instance.temporary());
        Ok(command)
    }
}

/// Makes a folder empty.
fn clear(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)
            .with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
}

/// A script of the page's package.
fn script(workspace: &Workspace, name: &str) -> Command {
    let mut command = Command::new("npm");
    cloud::on_this_machine(&mut command);
    command
        .current_dir(workspace.page())
        .env("NO_UPDATE_NOTIFIER", "1")
        // Most of it goes to logs.
        .env("NO_COLOR", "1")
        .args(["run", "--silent", name]);
    command
}

/// What the page reads at its start.
fn configuration(stack: &Value) -> anyhow::Result<Value> {
    let channel = &stack["channel"];
    let client = &stack["outputs"]["UserPoolClientId"];
    Ok(json!({
        "apiUrl": API,
        "identityUrl": IDENTITY,
        "userPoolClientId": cloud::text(client, "the id of the user pool's client")?,
        "channels": [{
            "channelId": cloud::text(&channel["channelId"], "the channel's id")?,
            "name": "The show",
            "playbackUrl": cloud::text(&channel["playbackUrl"], "the channel's playback URL")?,
        }],
    }))
}

/// The HTTP API's address for clients that cannot resolve its name: every client can this one.
pub(crate) fn path_form(stack: &Value) -> Option<String> {
    let name = stack["outputs"]["ApiUrl"]
        .as_str()?
        .strip_prefix("http://")?;
    let id = name.split('.').next()?;
    Some(format!(
        "{}/_aws/execute-api/{id}/$default",
        stack["endpointUrl"].as_str()?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack() -> Value {
        json!({
            "endpointUrl": "http://127.0.0.1:4566",
            "outputs": {
                "ApiUrl": "http://0a1b2c3d.execute-api.localhost:4566",
                "UserPoolClientId": "client",
            },
            "channel": {
                "channelId": "AbC",
                "playbackUrl": "http://127.0.0.1:1/AbC.m3u8",
                "rtmpUrl": "rtmp://127.0.0.1:2/app/sk_secret",
            },
        })
    }

    #[test]
    fn the_api_has_an_address_that_every_client_can_resolve() {
        assert_eq!(
            path_form(&stack()).as_deref(),
            Some("http://127.0.0.1:4566/_aws/execute-api/0a1b2c3d/$default")
        );
    }

    #[test]
    fn the_page_is_told_what_everyone_may_know() {
        let configuration = configuration(&stack()).unwrap();
        assert_eq!(
            configuration,
            json!({
                "apiUrl": "api",
                "identityUrl": "identity/",
                "userPoolClientId": "client",
                "channels": [{
                    "channelId": "AbC",
                    "name": "The show",
                    "playbackUrl": "http://127.0.0.1:1/AbC.m3u8",
                }],
            })
        );
    }

    #[test]
    fn a_stack_without_a_user_pool_has_no_page() {
        let mut stack = stack();
        stack["outputs"]["UserPoolClientId"] = Value::Null;
        assert!(configuration(&stack).is_err());
    }

    #[test]
    fn what_an_earlier_test_has_left_goes() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = folder.path().join("artifacts");
        clear(&artifacts).unwrap();
        std::fs::write(artifacts.join("1.png"), "").unwrap();
        clear(&artifacts).unwrap();
        assert_eq!(std::fs::read_dir(&artifacts).unwrap().count(), 0);
    }
}
