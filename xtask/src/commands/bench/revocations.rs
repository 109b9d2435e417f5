//! `bench revocations`: how long a revocation takes.

use std::process::{Command, ExitCode};

use crate::{
    build::Scope,
    cli::Revocations,
    cloud::{Calls, Media},
    commands::{Setting, exit_code, no_report_yet},
    tools::Tool,
    workspace::Workspace,
};

/// Needs everything that a viewer needs, and no page.
pub(super) fn revocations(
    workspace: &Workspace,
    options: &Revocations,
) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    let report = options.json.as_deref().map(no_report_yet).transpose()?;
    setting.make(Scope::Programs, Tool::CLOUD, || Ok(()))?;
    let mut cloud = setting.bring_up(Media::default(), None, Calls::Direct)?;
    let mut command = Command::new(workspace.program("revocations"));
    command
        .args(["--viewers", &options.viewers.to_string()])
        .arg("--document")
        .arg(workspace.root.join("docs/benchmarks.md"));
    if let Some(report) = report {
        command.arg("--json").arg(report);
    }
    let status = setting.show(command, "the measurement", &mut cloud)?;
    if !status.success() {
        eprintln!("\nThe measurement did not end well ({status}).");
        eprintln!("  logs: {}", setting.instance.folder.join("logs").display());
    }
    Ok(exit_code(status))
}
