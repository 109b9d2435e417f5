//! `simulate`: an audience against the limits that AWS publishes.

use std::{
    path::absolute,
    process::{Command, ExitCode},
};

use anyhow::Context;

use super::{Setting, exit_code, no_report_yet};
use crate::{build::Scope, cli::Simulate, process::Process, workspace::Workspace};

/// Needs nothing running.
pub(crate) fn simulate(workspace: &Workspace, options: &Simulate) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    let report = options.json.as_deref().map(no_report_yet).transpose()?;
    let plot = options.plot.as_deref().map(absolute).transpose();
    let plot = plot.context("the picture's file has no path")?;
    setting.make(Scope::Programs, &[], || Ok(()))?;
    let mut command = Command::new(workspace.program("simulator"));
    command
        .args(["--audience", &options.audience.to_string()])
        .args(["--window", &options.window.to_string()])
        .args(["--questions", &options.questions.to_string()])
        .args(["--seed", &options.seed.to_string()]);
    if let Some(report) = report {
        command.arg("--json").arg(report);
    }
    if let Some(plot) = plot {
        command.arg("--plot").arg(plot);
    }
    if options.document {
        let page = workspace.root.join("docs/capacity.md");
        command.arg("--document").arg(page);
    }
    if options.costs {
        command
            .arg("--costs")
            .arg(workspace.root.join("docs/cost.md"));
    }
    command.args(&options.further);
    let mut process = Process::start_in_view(command, "the simulation")?;
    Ok(exit_code(process.wait(|| Ok(()))?))
}
