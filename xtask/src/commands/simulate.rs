//! `simulate`: an audience against the limits that AWS publishes.

use std::process::{Command, ExitCode};

use super::{Setting, exit_code};
use crate::{build::Scope, cli::Simulate, process::Process, workspace::Workspace};

/// Needs nothing running.
pub(crate) fn simulate(workspace: &Workspace, options: &Simulate) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    setting.make(Scope::Programs, &[], || Ok(()))?;
    let mut command = Command::new(workspace.program("simulator"));
    command
        .args(["--audience", &options.audience.to_string()])
        .args(["--window", &options.window.to_string()])
        .args(["--seed", &options.seed.to_string()]);
    if options.costs {
        command
            .arg("--costs")
            .arg(workspace.root.join("docs/cost.md"));
    }
    let mut process = Process::start_in_view(command, "the simulation")?;
    Ok(exit_code(process.wait(|| Ok(()))?))
}
