//! `soak`: many players on ivs-local for a long time.

use std::process::{Command, ExitCode};

use super::{Setting, exit_code, no_report_yet};
use crate::{
    build, cli::Soak, cloud, process::Process, tools::Tool, tools::Tools, workspace::Workspace,
};

/// `soak`
pub(crate) fn soak(workspace: &Workspace, options: &Soak) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    let report = options.report.as_deref().map(no_report_yet).transpose()?;
    setting.make(build::Scope::Programs, &[Tool::Ffmpeg], || Ok(()))?;
    let mut command = Command::new(workspace.program("soak"));
    cloud::on_this_machine(&mut command);
    command
        .args(["--seconds", &options.seconds.to_string()])
        .args(["--players", &options.players.to_string()])
        .args(["--cues-per-second", &options.cues_per_second.to_string()])
        .arg("--ivs-local")
        .arg(workspace.program("ivs-local"))
        .arg("--ffmpeg")
        .arg(Tools::of(workspace).ffmpeg());
    if let Some(report) = report {
        command.arg("--report").arg(report);
    }
    let mut process = Process::start_in_view(command, "the soak")?;
    Ok(exit_code(process.wait(|| Ok(()))?))
}
