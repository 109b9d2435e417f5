//! `chaos`: answers while everything fails that may.

use std::process::{Command, ExitCode};

use super::{Setting, exit_code, no_report_yet};
use crate::{
    build,
    cli::Chaos,
    cloud::{Calls, Media, Video},
    tools::Tool,
    workspace::Workspace,
};

/// `chaos`
pub(crate) fn chaos(workspace: &Workspace, options: &Chaos) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    let report = options.report.as_deref().map(no_report_yet).transpose()?;
    setting.make(build::Scope::Programs, Tool::CLOUD, || Ok(()))?;
    let media = Media {
        video: Video::None,
        ..Media::default()
    };
    let mut cloud = setting.bring_up(media, None, Calls::ByFaultProxy)?;
    let mut command = Command::new(workspace.program("chaos"));
    command
        .args(["--seed", &options.seed.to_string()])
        .args(["--seconds", &options.seconds.to_string()])
        .args(["--viewers", &options.viewers.to_string()]);
    if let Some(report) = report {
        command.arg("--report").arg(report);
    }
    let status = setting.show(command, "chaos", &mut cloud)?;
    if !status.success() {
        eprintln!("\nIt did not end well ({status}).");
        eprintln!("  logs: {}", setting.instance.folder.join("logs").display());
    }
    Ok(exit_code(status))
}
