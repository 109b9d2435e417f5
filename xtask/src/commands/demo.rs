//! `demo`: a whole show.

use std::process::{Command, ExitCode};

use super::{Setting, exit_code, keep, media, no_report_yet, up};
use crate::{
    build,
    cli::{Demo, Up},
    cloud::Calls,
    tools::Tool,
    workspace::Workspace,
};

/// `demo`
pub(crate) fn demo(workspace: &Workspace, options: &Demo) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    let report = options.report.as_deref().map(no_report_yet).transpose()?;
    let media = media(&Up {
        video: options.video.clone(),
        ..Up::default()
    })?;
    // The page is for who stays to look at it.
    let page = options.keep.then(|| setting.page());
    let mut tools = Tool::CLOUD.to_vec();
    tools.extend(page.map(|_| Tool::Page));
    setting.make(build::Scope::Programs, &tools, || {
        page.map_or(Ok(()), |page| page.build())
    })?;
    let mut cloud = setting.bring_up(media, page, Calls::Direct)?;
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
