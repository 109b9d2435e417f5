//! `demo`: a whole show.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::Context;

use super::{Setting, exit_code, keep, up, video};
use crate::{build, cli::Demo, tools::Tool, workspace::Workspace};

/// `demo`
pub(crate) fn demo(workspace: &Workspace, options: &Demo) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    let report = options.report.as_deref().map(no_report_yet).transpose()?;
    let video = video(&options.up)?;
    // The page is for who stays to look at it.
    let page = options.keep.then(|| setting.page());
    let mut tools = Tool::CLOUD.to_vec();
    tools.extend(page.map(|_| Tool::Page));
    setting.make(build::Scope::Programs, &tools, || {
        page.map_or(Ok(()), |page| page.build())
    })?;
    let mut cloud = setting.bring_up(video, page)?;
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
        up::tell(&setting)?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
