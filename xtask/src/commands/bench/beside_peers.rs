//! Benchmarks of one service's function beside the same in Python and Node.

use std::process::{Command, ExitCode};

use crate::{
    build::Scope,
    cli::Figures,
    cloud,
    commands::{Setting, exit_code, no_report_yet},
    process::Process,
    tools::{Tool, Tools},
    workspace::Workspace,
};

/// Needs nothing running: the program `bench` plays the Runtime API and AWS itself. `benchmark` is
/// its name for what is measured, `function` the function.
pub(super) fn measure(
    workspace: &Workspace,
    benchmark: &str,
    function: &str,
    options: &Figures,
) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    let report = options.json.as_deref().map(no_report_yet).transpose()?;
    let needed = [Tool::PythonFunctions, Tool::NodeFunctions];
    setting.make(Scope::Programs, &needed, || Ok(()))?;
    let tools = Tools::of(workspace);
    let mut command = Command::new(workspace.program("bench"));
    cloud::on_this_machine(&mut command);
    command
        .arg(benchmark)
        .arg(format!("--{function}"))
        .arg(workspace.program(function))
        .arg("--peers")
        .arg(workspace.root.join("local/bench/functions"))
        .arg("--python")
        .arg(tools.program(Tool::PythonFunctions, "python"))
        .arg("--node-modules")
        .arg(tools.function_modules())
        .arg("--document")
        .arg(workspace.root.join("docs/benchmarks.md"));
    if let Some(report) = report {
        command.arg("--json").arg(report);
    }
    let mut process = Process::start_in_view(command, "the benchmark")?;
    Ok(exit_code(process.wait(|| Ok(()))?))
}
