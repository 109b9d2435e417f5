//! The commands that an operator needs on a deployed stack, here or on AWS: each hands its arguments
//! to `operator`, which knows how to talk to AWS.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use clap::Args;

use super::{
    Setting, exit_code,
    live::{self, Arguments},
};
use crate::{
    build::Scope,
    cloud, failure,
    process::{self, Process},
    tools::{Tool, Tools},
    workspace::Workspace,
};

/// Which stack.
#[derive(Debug, Clone, Args)]
struct Stack {
    /// The stack of this name on AWS, by the usual chain of credentials, instead of a running `up`.
    #[arg(long, value_name = "NAME")]
    stack_name: Option<String>,
    /// Its region, instead of the usual one.
    #[arg(long, value_name = "REGION", requires = "stack_name")]
    region: Option<String>,
}

/// Which messages.
#[derive(Debug, Clone, Args)]
pub(crate) struct Redrive {
    #[command(flatten)]
    stack: Stack,
    /// Only this dead-letter queue, e.g. entitlement-intake-dlq.
    #[arg(long, value_name = "NAME")]
    queue: Option<String>,
    /// List the messages and what would be done with each, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// With how much patience.
#[derive(Debug, Clone, Args)]
pub(crate) struct RotatePlaybackKey {
    #[command(flatten)]
    stack: Stack,
    /// Say what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// How long IVS gets to know the new key everywhere before it is used; 30 on AWS and 0 on this
    /// machine unless it is said.
    #[arg(long, value_name = "SECONDS")]
    settle_seconds: Option<u32>,
    /// How far the clocks of whoever signs and whoever checks may differ, instead of 60.
    #[arg(long, value_name = "SECONDS")]
    skew_seconds: Option<u32>,
}

/// Where to, and until when.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExportEvents {
    #[command(flatten)]
    stack: Stack,
    /// The folder that the files are in; it is made if it is not there.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Never end: wait for more events, until Ctrl-C.
    #[arg(long)]
    follow: bool,
}

/// `redrive`
pub(crate) fn redrive(workspace: &Workspace, options: &Redrive) -> anyhow::Result<ExitCode> {
    let mut arguments = Arguments::new("redrive");
    arguments.add("--queue", options.queue.as_ref());
    arguments.flag("--dry-run", options.dry_run);
    run(workspace, &options.stack, arguments)
}

/// `rotate-playback-key`
pub(crate) fn rotate_playback_key(
    workspace: &Workspace,
    options: &RotatePlaybackKey,
) -> anyhow::Result<ExitCode> {
    let seconds = |seconds: Option<u32>| seconds.map(|seconds| seconds.to_string());
    let mut arguments = Arguments::new("rotate-playback-key");
    arguments.flag("--dry-run", options.dry_run);
    arguments.add("--settle-seconds", seconds(options.settle_seconds).as_ref());
    arguments.add("--skew-seconds", seconds(options.skew_seconds).as_ref());
    run(workspace, &options.stack, arguments)
}

/// `export-events`
pub(crate) fn export_events(
    workspace: &Workspace,
    options: &ExportEvents,
) -> anyhow::Result<ExitCode> {
    let mut arguments = Arguments::new("export-events");
    arguments.path("--out", &options.out);
    arguments.flag("--follow", options.follow);
    run(workspace, &options.stack, arguments)
}

fn run(workspace: &Workspace, stack: &Stack, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let nothing: Option<&OsString> = None;
    let arguments = arguments.ending_with(nothing);
    match &stack.stack_name {
        Some(name) => on_aws(workspace, name, stack.region.as_deref(), arguments),
        None => on_this_machine(workspace, arguments),
    }
}

fn on_this_machine(workspace: &Workspace, arguments: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let stack = live::stack(workspace)?;
    let mut command = Command::new(workspace.program("operator"));
    cloud::on_this_machine(&mut command);
    command.args(arguments).env(live::STACK, stack);
    let status = Process::start_in_view(command, "operator")?.wait(|| Ok(()))?;
    Ok(exit_code(status))
}

/// Whatever the user has set up for AWS counts here.
fn on_aws(
    workspace: &Workspace,
    name: &str,
    region: Option<&str>,
    arguments: Vec<OsString>,
) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    setting.make(Scope::Programs, &[Tool::Sam], || Ok(()))?;
    let outputs = setting.instance.state("outputs.json");
    let log = setting.instance.log("outputs");
    let step = setting.progress.step("Look at the stack");
    let command = list_outputs(&Tools::of(workspace), name, region);
    process::run_into(
        command,
        "the list of the stack's outputs",
        &outputs,
        &log,
        &step,
    )
    .map_err(|error| {
        failure::advise(
            error,
            "check the stack's name, the region and who you are to AWS",
        )
    })?;
    step.done(name);
    let command = operator(&workspace.program("operator"), &outputs, region, arguments);
    let status = Process::start_in_view(command, "operator")?.wait(|| Ok(()))?;
    Ok(exit_code(status))
}

fn list_outputs(tools: &Tools, name: &str, region: Option<&str>) -> Command {
    let mut command = cloud::sam(tools);
    command
        .args(["list", "stack-outputs", "--output", "json"])
        .args(["--stack-name", name]);
    if let Some(region) = region {
        command.args(["--region", region]);
    }
    command
}

fn operator(
    program: &Path,
    outputs: &Path,
    region: Option<&str>,
    arguments: Vec<OsString>,
) -> Command {
    let mut command = Command::new(program);
    // A description of a stack on this machine would be another stack.
    command
        .env_remove(live::STACK)
        .arg("--outputs")
        .arg(outputs);
    if let Some(region) = region {
        command.args(["--region", region]);
    }
    command.args(arguments);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> Vec<String> {
        let words = command.get_args();
        words
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn a_stack_on_aws_is_named_by_its_outputs_and_its_region() {
        let (program, outputs) = (Path::new("operator"), Path::new("outputs.json"));
        let command = operator(program, outputs, Some("eu-west-1"), vec!["redrive".into()]);
        let expected = [
            "--outputs",
            "outputs.json",
            "--region",
            "eu-west-1",
            "redrive",
        ];
        assert_eq!(words(&command), expected);
        let removed = command
            .get_envs()
            .any(|env| env == (live::STACK.as_ref(), None));
        assert!(removed, "a stack on this machine is not meant");
    }
}
