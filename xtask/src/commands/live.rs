//! The commands that do something to a system that is up: each hands its arguments to `stage`, which
//! knows how to talk to AWS.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, builder::NonEmptyStringValueParser};

use super::exit_code;
use crate::{cloud, failure::Failure, instance, process::Process, workspace::Workspace};

/// The variable that names the description of another system than the newest that is up.
pub(super) const STACK: &str = "CUEPOINT_STACK";

/// The quiz that is scheduled when no other is named.
const EXAMPLE_QUIZ: &str = "docs/example-quiz.json";

/// The question, and how often.
#[derive(Debug, Clone, Args)]
pub(crate) struct Cue {
    /// The question that pops up in the video.
    question: String,
    /// An option; give it once for each. Without any: True and False.
    #[arg(long = "answer", value_name = "TEXT")]
    answers: Vec<String>,
    /// The channel, by its id or its ARN, instead of the one that `up` broadcasts on.
    #[arg(long, value_name = "ID")]
    channel: Option<String>,
    /// Push it again and again, with this many seconds in between. A push that fails is told and the
    /// next one tried all the same.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    every: Option<u32>,
    /// How often in all; without it until Ctrl-C.
    #[arg(long, value_name = "N", requires = "every", value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
}

/// The quiz, and when.
#[derive(Debug, Clone, Args)]
pub(crate) struct Quiz {
    /// A quiz as `POST /quizzes` takes it, instead of docs/example-quiz.json.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// In how many seconds it starts.
    #[arg(long = "in", value_name = "SECONDS", default_value_t = 5)]
    seconds: u32,
    /// When it starts, e.g. 2026-11-22T20:15:00Z, instead.
    #[arg(long, value_name = "TIME", conflicts_with = "seconds")]
    at: Option<String>,
    /// How long it pauses after the results of a question.
    #[arg(long, value_name = "SECONDS")]
    pause: Option<u32>,
    /// How long it is at least from one question to the next, e.g. 60: one a minute.
    #[arg(long, value_name = "SECONDS")]
    every: Option<u32>,
    /// What becomes of a question in the middle of which the stream breaks off: wait for the stream
    /// and then show the results, repeat the question, or abort the quiz. Without it: wait.
    #[arg(long, value_name = "WHAT", value_parser = ["wait", "repeat", "abort"])]
    on_stream_loss: Option<String>,
    /// The channel, by its id, instead of the one that `up` broadcasts on.
    #[arg(long, value_name = "ID")]
    channel: Option<String>,
    /// Show how it goes and what comes out, until it has ended.
    #[arg(long)]
    watch: bool,
}

/// Whose entitlement, and to what.
#[derive(Debug, Clone, Args)]
pub(crate) struct Entitlement {
    /// `viewer`, `stranger` or `producer`, or the name that the user signs in with.
    #[arg(
        value_name = "USER",
        required_unless_present = "user_id",
        conflicts_with = "user_id"
    )]
    user: Option<String>,
    /// The user's id instead: the `sub` of their tokens.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    user_id: Option<String>,
    /// The channel, by its id, instead of the one that `up` broadcasts on.
    #[arg(long, value_name = "ID")]
    channel: Option<String>,
}

/// `cue`
pub(crate) fn cue(workspace: &Workspace, options: &Cue) -> anyhow::Result<ExitCode> {
    let mut arguments = Arguments::new("cue");
    for answer in &options.answers {
        arguments.add("--answer", Some(answer));
    }
    arguments.add("--channel", options.channel.as_ref());
    arguments.add("--every", options.every.map(|n| n.to_string()).as_ref());
    arguments.add("--count", options.count.map(|n| n.to_string()).as_ref());
    run(workspace, arguments.ending_with(Some(&options.question)))
}

/// `quiz`
pub(crate) fn quiz(workspace: &Workspace, options: &Quiz) -> anyhow::Result<ExitCode> {
    let file = match &options.file {
        Some(file) => std::path::absolute(file).context("the quiz's file has no path")?,
        None => workspace.root.join(EXAMPLE_QUIZ),
    };
    let mut arguments = Arguments::new("quiz");
    arguments.add("--in", Some(&options.seconds.to_string()));
    arguments.add("--at", options.at.as_ref());
    arguments.add("--pause", options.pause.map(|n| n.to_string()).as_ref());
    arguments.add("--every", options.every.map(|n| n.to_string()).as_ref());
    arguments.add("--on-stream-loss", options.on_stream_loss.as_ref());
    arguments.add("--channel", options.channel.as_ref());
    arguments.flag("--watch", options.watch);
    run(workspace, arguments.ending_with(Some(&file)))
}

/// `entitle`
pub(crate) fn entitle(workspace: &Workspace, options: &Entitlement) -> anyhow::Result<ExitCode> {
    run(workspace, options.arguments("entitle"))
}

/// `revoke`
pub(crate) fn revoke(workspace: &Workspace, options: &Entitlement) -> anyhow::Result<ExitCode> {
    run(workspace, options.arguments("revoke"))
}

impl Entitlement {
    fn arguments(&self, command: &str) -> Vec<OsString> {
        let mut arguments = Arguments::new(command);
        arguments.add("--user-id", self.user_id.as_ref());
        arguments.add("--channel", self.channel.as_ref());
        arguments.ending_with(self.user.as_ref())
    }
}

/// What a program of ours is called with. A value is in one word with its option, and what the user wrote
/// comes behind `--`: so that none of it passes for an option.
pub(super) struct Arguments(Vec<OsString>);

impl Arguments {
    pub(super) fn new(command: &str) -> Self {
        Self(vec![command.into()])
    }

    pub(super) fn add(&mut self, option: &str, value: Option<&String>) {
        self.0
            .extend(value.map(|value| format!("{option}={value}").into()));
    }

    pub(super) fn path(&mut self, option: &str, path: &Path) {
        let mut word = OsString::from(format!("{option}="));
        word.push(path);
        self.0.push(word);
    }

    pub(super) fn flag(&mut self, option: &str, is_set: bool) {
        self.0.extend(is_set.then(|| option.into()));
    }

    pub(super) fn ending_with(
        mut self,
        last: Option<impl AsRef<std::ffi::OsStr>>,
    ) -> Vec<OsString> {
        if let Some(last) = last {
            self.0.extend(["--".into(), last.as_ref().to_owned()]);
        }
        self.0
    }
}

/// Runs `stage` on the system that is up, in the user's view.
fn run(workspace: &Workspace, arguments: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let stack = stack(workspace)?;
    let mut command = cloud::stage(workspace);
    command.args(arguments).env(STACK, stack);
    let status = Process::start_in_view(command, "stage")?.wait(|| Ok(()))?;
    Ok(exit_code(status))
}

/// The description of the system that `CUEPOINT_STACK` names, or else of the newest that is up.
pub(super) fn stack(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os(STACK) {
        return Ok(Path::new(&named).to_owned());
    }
    instance::newest_stack(&workspace.root.join("target"))?.ok_or_else(|| {
        Failure::new("nothing is up in this checkout")
            .next("run `cargo xtask up` in another terminal, and wait until it says that everything is running")
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_wrote_passes_for_no_option() {
        let mut arguments = Arguments::new("cue");
        arguments.add("--answer", Some(&"--every".to_owned()));
        arguments.add("--channel", None);
        assert_eq!(
            arguments.ending_with(Some("--help")),
            ["cue", "--answer=--every", "--", "--help"]
        );
        let nobody: Option<&str> = None;
        assert_eq!(Arguments::new("entitle").ending_with(nobody), ["entitle"]);
    }
}
