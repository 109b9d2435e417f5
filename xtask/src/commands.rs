//! The commands, as sequences of steps.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus},
};

use anyhow::Context;
use serde_json::{Value, json};

use crate::{
    build,
    cli::{Demo, Lint, Test, Up},
    cloud::{self, Cloud, Plan},
    failure::Failure,
    instance::Instance,
    interrupt, lint,
    process::{self, Process},
    progress::Progress,
    workspace::Workspace,
};

/// What every command works with.
struct Setting<'a> {
    workspace: &'a Workspace,
    instance: Instance,
    progress: Progress,
}

impl<'a> Setting<'a> {
    fn new(workspace: &'a Workspace) -> anyhow::Result<Self> {
        Ok(Self {
            workspace,
            instance: Instance::take(workspace)?,
            progress: Progress::new(),
        })
    }

    fn bring_up(&self, scope: build::Scope, up: &Up) -> anyhow::Result<Cloud> {
        let video = up.video.as_ref().map(|file| {
            file.canonicalize()
                .with_context(|| format!("cannot read {}", file.display()))
        });
        let video = video.transpose()?;
        let Self {
            workspace,
            instance,
            progress,
        } = self;
        cloud::bring_up(&Plan {
            workspace,
            instance,
            progress,
            scope,
            video,
        })
    }

    /// Lets a program find the deployed stack, and nothing else of AWS.
    fn with_stack(&self, mut command: Command) -> Command {
        cloud::on_this_machine(&mut command);
        command.env("CUEPOINT_STACK", self.instance.stack());
        command
    }

    /// Runs a program of ours in the user's view, as long as the cloud runs.
    fn show(&self, command: Command, name: &str, cloud: &mut Cloud) -> anyhow::Result<ExitStatus> {
        let mut process = Process::start_in_view(self.with_stack(command), name)?;
        process.wait(|| cloud.must_run())
    }
}

/// `demo`
pub(crate) fn demo(workspace: &Workspace, options: &Demo) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    let report = options.report.as_deref().map(no_report_yet).transpose()?;
    let mut cloud = setting.bring_up(build::Scope::Programs, &options.up)?;
    let mut command = Command::new(workspace.program("show"));
    command
        .args(["--viewers", &options.viewers.to_string()])
        .args(["--questions", &options.questions.to_string()])
        .args(["--seed", &options.seed.to_string()]);
    if let Some(report) = report {
        command.arg("--report").arg(report);
    }
    let status = setting.show(command, "the show", &mut cloud)?;
    if !status.success() {
        eprintln!("\nThe show did not end well ({status}).");
        eprintln!("  logs: {}", setting.instance.folder.join("logs").display());
    }
    if options.keep {
        print_addresses(&setting)?;
        keep(&mut cloud)?;
    }
    Ok(exit_code(status))
}

/// The absolute path of a report that is to be written. What an earlier run wrote there goes now: it
/// must not pass for the report of a run that fails.
fn no_report_yet(report: &Path) -> anyhow::Result<PathBuf> {
    let report = std::path::absolute(report).context("the report's file has no path")?;
    // A device like /dev/null is written to as well, and stays.
    if report.is_file() {
        std::fs::remove_file(&report)
            .with_context(|| format!("cannot remove the old {}", report.display()))?;
    }
    Ok(report)
}

/// `up`
pub(crate) fn up(workspace: &Workspace, options: &Up) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    let mut cloud = setting.bring_up(build::Scope::Programs, options)?;
    let users = make_users(&setting)?;
    print_addresses(&setting)?;
    print_users(&setting, &users)?;
    keep(&mut cloud)?;
    Ok(ExitCode::SUCCESS)
}

/// `test`
pub(crate) fn test(workspace: &Workspace, options: &Test) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    if !options.no_lint {
        lint::run(workspace, &setting.instance, &setting.progress, false)?;
    }
    let mut own = workspace.cargo();
    own.args(["test", "--quiet", "--package", "xtask", "--"])
        .args(&options.filters);
    let mut process = Process::start_in_view(own, "the tests of xtask")?;
    let status = process.wait(|| Ok(()))?;
    if !status.success() {
        return Err(Failure::new("the tests of xtask failed")
            .next("see above")
            .into());
    }
    drop(process);

    let mut cloud = setting.bring_up(build::Scope::ProgramsAndTests, &Up::default())?;
    let mut tests = workspace.cargo();
    // No documentation has an example to run, and looking for them would take a while per crate.
    tests
        .arg("test")
        .args(build::WORKSPACE)
        .args(["--locked", "--no-fail-fast", "--tests", "--"]);
    tests.args(&options.filters);
    let status = setting.show(tests, "the tests", &mut cloud)?;
    if status.success() {
        println!("\nAll tests passed.");
        return Ok(ExitCode::SUCCESS);
    }
    let logs = setting.instance.folder.join("logs");
    let next = format!(
        "see above which; the logs of the cloud are in {}",
        logs.display()
    );
    Err(Failure::new("some tests failed").next(next).into())
}

/// `lint`
pub(crate) fn lint(workspace: &Workspace, options: &Lint) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    lint::run(
        workspace,
        &setting.instance,
        &setting.progress,
        options.advisories,
    )?;
    println!("Nothing to complain about.");
    Ok(ExitCode::SUCCESS)
}

/// Waits for Ctrl-C, which is the proper end.
fn keep(cloud: &mut Cloud) -> anyhow::Result<()> {
    println!("\nEverything is running. Ctrl-C stops it.");
    while interrupt::pause().is_ok() {
        cloud.must_run()?;
    }
    Ok(())
}

/// A user that `up` makes: the word it is known by, and how.
const USERS: [(&str, &[&str]); 3] = [
    ("viewer", &["--name", "viewer", "--entitled"]),
    ("stranger", &["--name", "stranger"]),
    (
        "producer",
        &["--name", "producer", "--producer", "--entitled"],
    ),
];

fn make_users(setting: &Setting<'_>) -> anyhow::Result<Value> {
    let step = setting.progress.step("Make the users");
    let mut users = json!({});
    for (known_as, arguments) in USERS {
        let mut command = cloud::stage(setting.workspace);
        command.arg("user").args(arguments);
        let printed = process::run_into(
            setting.with_stack(command),
            &format!("the making of the user {known_as}"),
            &setting.instance.state("user.json"),
            &setting.instance.log("users"),
            &step,
        )?;
        users[known_as] = serde_json::from_str(&printed)
            .with_context(|| format!("cannot read what stage printed about {known_as}"))?;
    }
    step.done("");
    Ok(users)
}

fn print_addresses(setting: &Setting<'_>) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(setting.instance.stack())
        .context("cannot read the description of the stack")?;
    let stack: Value = serde_json::from_str(&text).context("the stack's description is no JSON")?;
    let line = |name: &str, value: &Value| {
        println!("  {name:<18}{}", value.as_str().unwrap_or("-"));
    };
    println!();
    line("HTTP API", &stack["outputs"]["ApiUrl"]);
    line("  by path", &json!(path_form(&stack).unwrap_or_default()));
    line("AWS", &stack["endpointUrl"]);
    line("IVS", &stack["ivsEndpointUrl"]);
    line("Video (+ ?token=)", &stack["channel"]["playbackUrl"]);
    line("Page origin", &stack["channel"]["origin"]);
    line("RTMP ingest", &stack["channel"]["rtmpUrl"]);
    line("Channel", &stack["channel"]["channelId"]);
    line("Event bus", &stack["outputs"]["EventBusName"]);
    line("Region", &stack["region"]);
    println!(
        "  {:<18}access key and secret are both \"test\"",
        "Credentials"
    );
    println!(
        "  {:<18}{}",
        "All of it",
        setting.instance.stack().display()
    );
    println!(
        "  {:<18}{}",
        "Logs",
        setting.instance.folder.join("logs").display()
    );
    Ok(())
}

/// The HTTP API's address for clients that cannot resolve its name: every client can this one.
fn path_form(stack: &Value) -> Option<String> {
    let name = stack["outputs"]["ApiUrl"]
        .as_str()?
        .strip_prefix("http://")?;
    let id = name.split('.').next()?;
    Some(format!(
        "{}/_aws/execute-api/{id}/$default",
        stack["endpointUrl"].as_str()?
    ))
}

fn print_users(setting: &Setting<'_>, users: &Value) -> anyhow::Result<()> {
    let file: PathBuf = setting.instance.folder.join("users.json");
    std::fs::write(&file, serde_json::to_string_pretty(users)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    println!();
    for (known_as, what) in [
        ("viewer", "entitled"),
        ("stranger", "not entitled"),
        ("producer", "in the group producers, and entitled"),
    ] {
        let user = &users[known_as];
        println!(
            "  {known_as:<18}{} / {}  ({what})",
            user["username"].as_str().unwrap_or("-"),
            user["password"].as_str().unwrap_or("-"),
        );
    }
    println!(
        "  {:<18}{} (valid for an hour)",
        "Their ID tokens",
        file.display()
    );
    println!("\n  A playback token, for example:");
    println!(
        "    TOKEN=$(node -p 'require(\"{}\").viewer.idToken')",
        file.display()
    );
    println!(
        "    curl -X POST -H \"authorization: Bearer $TOKEN\" API/channels/CHANNEL/playback-token"
    );
    Ok(())
}

/// Hands on how a program of ours has ended.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_has_an_address_that_every_client_can_resolve() {
        let stack = json!({
            "endpointUrl": "http://127.0.0.1:4566",
            "outputs": {"ApiUrl": "http://0a1b2c3d.execute-api.localhost:4566"},
        });
        assert_eq!(
            path_form(&stack).as_deref(),
            Some("http://127.0.0.1:4566/_aws/execute-api/0a1b2c3d/$default")
        );
    }

    #[test]
    fn an_old_report_does_not_survive_but_a_device_does() {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report.json");
        assert_eq!(no_report_yet(&report).unwrap(), report);
        std::fs::write(&report, "{}").unwrap();
        assert_eq!(no_report_yet(&report).unwrap(), report);
        assert!(!report.exists());
        let device = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&device).unwrap();
        assert_eq!(no_report_yet(&device).unwrap(), device);
        assert!(device.exists());
    }

    #[test]
    fn the_end_of_the_show_is_handed_on() {
        let status = |script| Command::new("sh").args(["-c", script]).status().unwrap();
        assert_eq!(exit_code(status("exit 0")), ExitCode::SUCCESS);
        assert_eq!(exit_code(status("exit 3")), ExitCode::from(3));
        assert_eq!(exit_code(status("kill -9 $$")), ExitCode::FAILURE);
    }
}
