//! `test`: every check and every test.

use std::process::ExitCode;

use super::Setting;
use crate::{
    build,
    cli::{Test, Up},
    failure::Failure,
    lint,
    process::Process,
    workspace::Workspace,
};

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
