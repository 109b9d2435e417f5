//! `test`: every check and every test.

use std::process::ExitCode;

use super::Setting;
use crate::{
    build::{self, Scope},
    cli::{Part, Test},
    cloud::{Calls, Cloud, Media},
    failure::Failure,
    lint,
    process::Process,
    tools::{Tool, Tools},
    workspace::Workspace,
};

/// How long playback tokens last in the tests: a rotation of the playback key waits for as long.
const TOKEN_SECONDS: u32 = 20;

/// `test`
pub(crate) fn test(workspace: &Workspace, options: &Test) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    if !options.no_lint && options.only.is_none() {
        lint::run(workspace, &setting.instance, &setting.progress, false)?;
    }
    let run = Run { setting, options };
    if run.includes(Part::Rust) {
        run.own_tests()?;
    }
    if options.only == Some(Part::Page) {
        run.page_tests_alone()?;
    } else {
        run.with_the_cloud()?;
    }
    println!("\nAll tests passed.");
    Ok(ExitCode::SUCCESS)
}

struct Run<'a> {
    setting: Setting<'a>,
    options: &'a Test,
}

impl Run<'_> {
    /// Whether a part of the tests is asked for. Names are names of tests in Rust.
    fn includes(&self, part: Part) -> bool {
        match self.options.only {
            Some(only) => only == part,
            None => part == Part::Rust || self.options.filters.is_empty(),
        }
    }

    /// The tests of this program.
    fn own_tests(&self) -> anyhow::Result<()> {
        let mut own = self.setting.workspace.cargo();
        own.args(["test", "--quiet", "--package", "xtask", "--"])
            .args(&self.options.filters);
        let mut process = Process::start_in_view(own, "the tests of xtask")?;
        let status = process.wait(|| Ok(()))?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new("the tests of xtask failed")
            .next("see above")
            .into())
    }

    fn page_tests_alone(&self) -> anyhow::Result<()> {
        let Setting {
            workspace,
            instance,
            progress,
        } = &self.setting;
        Tools::of(workspace).install(&[Tool::Page], instance, progress)?;
        self.setting.page().unit_tests()
    }

    /// The tests that need a running cloud, and, while that is built, those of the page's parts.
    fn with_the_cloud(&self) -> anyhow::Result<()> {
        let page = self.setting.page();
        let mut tools = Tool::CLOUD.to_vec();
        tools.push(Tool::Page);
        if self.includes(Part::Browser) {
            tools.push(Tool::Chromium);
        }
        if self.includes(Part::Rust) {
            tools.push(Tool::AwsClients);
        }
        let scope = if self.includes(Part::Rust) {
            Scope::ProgramsAndTests
        } else {
            Scope::Programs
        };
        self.setting.make(scope, &tools, || {
            page.build()?;
            if self.includes(Part::Page) {
                page.unit_tests()?;
            }
            Ok(())
        })?;
        let media = Media {
            token_seconds: Some(TOKEN_SECONDS),
            analysts_queue: true,
            ..Media::default()
        };
        let mut cloud = self
            .setting
            .bring_up(media, Some(page), Calls::ByFaultProxy)?;
        let mut failed = Vec::new();
        if self.includes(Part::Rust) && !self.rust_tests(&mut cloud)? {
            failed.push("some tests in Rust failed".to_owned());
        }
        if self.includes(Part::Browser) && !self.browser_tests(&mut cloud)? {
            failed.push("the page failed in the browser".to_owned());
        }
        if failed.is_empty() {
            return Ok(());
        }
        let logs = self.setting.instance.folder.join("logs");
        let next = format!("see above; the logs of the cloud are in {}", logs.display());
        Err(Failure::new(failed.join("; ")).next(next).into())
    }

    fn rust_tests(&self, cloud: &mut Cloud) -> anyhow::Result<bool> {
        let mut tests = self.setting.workspace.cargo();
        // No documentation has an example to run, and looking for them would take a while per crate.
        tests
            .arg("test")
            .args(build::WORKSPACE)
            .args(["--locked", "--no-fail-fast", "--tests", "--"])
            .args(&self.options.filters);
        Ok(self.setting.show(tests, "the tests", cloud)?.success())
    }

    fn browser_tests(&self, cloud: &mut Cloud) -> anyhow::Result<bool> {
        let tests = self.setting.page().in_browser("e2e")?;
        let status = self
            .setting
            .show(tests, "the tests in the browser", cloud)?;
        println!(
            "\nWhat the browser showed: {}",
            self.setting.instance.artifacts().display()
        );
        Ok(status.success())
    }
}
