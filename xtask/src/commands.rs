//! The commands, as sequences of steps.

mod bench;
mod chaos;
mod demo;
pub(crate) mod live;
pub(crate) mod operate;
mod simulate;
mod soak;
mod test;
mod up;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus},
};

use anyhow::Context;

pub(crate) use self::{
    bench::bench, chaos::chaos, demo::demo, simulate::simulate, soak::soak, test::test, up::up,
};
use crate::{
    build,
    cli::{Lint, Up},
    cloud::{self, Calls, Cloud, Media, Plan, Video},
    instance::Instance,
    interrupt, lint,
    page::Page,
    process::Process,
    progress::Progress,
    tools::{Tool, Tools},
    workspace::Workspace,
};

/// What every command works with.
struct Setting<'a> {
    workspace: &'a Workspace,
    instance: Instance,
    progress: Progress,
}

impl<'a> Setting<'a> {
    fn new(workspace: &'a Workspace) -> anyhow::Result<Self> {
        Ok(Self {
            workspace,
            instance: Instance::take(workspace)?,
            progress: Progress::new(),
        })
    }

    /// The viewers' page of this checkout.
    fn page(&self) -> Page<'_> {
        Page {
            workspace: self.workspace,
            instance: &self.instance,
            progress: &self.progress,
        }
    }

    /// Installs these tools, and then does with them what is given, while the services are built.
    fn make(
        &self,
        scope: build::Scope,
        tools: &[Tool],
        with_tools: impl FnOnce() -> anyhow::Result<()> + Send,
    ) -> anyhow::Result<()> {
        let Self {
            workspace,
            instance,
            progress,
        } = self;
        interrupt::side_by_side(vec![
            Box::new(|| {
                Tools::of(workspace).install(tools, instance, progress)?;
                with_tools()
            }),
            Box::new(|| build::run(workspace, instance, scope, progress)),
        ])
    }

    fn bring_up(
        &self,
        media: Media,
        page: Option<Page<'_>>,
        calls: Calls,
    ) -> anyhow::Result<Cloud> {
        cloud::bring_up(&Plan {
            workspace: self.workspace,
            instance: &self.instance,
            progress: &self.progress,
            media,
            page,
            calls,
        })
    }

    /// Lets a program find the deployed stack, and nothing else of AWS.
    fn with_stack(&self, mut command: Command) -> Command {
        cloud::on_this_machine(&mut command);
        command.env("CUEPOINT_STACK", self.instance.stack());
        command
    }

    /// Runs a program of ours in the user's view, as long as the cloud runs.
    fn show(&self, command: Command, name: &str, cloud: &mut Cloud) -> anyhow::Result<ExitStatus> {
        let mut process = Process::start_in_view(self.with_stack(command), name)?;
        process.wait(|| cloud.must_run())
    }
}

/// What is to be on air, if the files for it are there.
fn media(options: &Up) -> anyhow::Result<Media> {
    let found = |file: Option<&PathBuf>| {
        file.map(|file| {
            file.canonicalize()
                .with_context(|| format!("cannot read {}", file.display()))
        })
        .transpose()
    };
    let video = match found(options.video.as_ref())? {
        _ if options.no_video => Video::None,
        Some(file) => Video::File(file),
        None => Video::TestClip,
    };
    Ok(Media {
        video,
        playback_key: found(options.playback_key.as_ref())?,
        token_seconds: None,
        analysts_queue: options.analysts_queue,
    })
}

/// `lint`
pub(crate) fn lint(workspace: &Workspace, options: &Lint) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    lint::run(
        workspace,
        &setting.instance,
        &setting.progress,
        options.advisories,
    )?;
    println!("Nothing to complain about.");
    Ok(ExitCode::SUCCESS)
}

/// Waits for Ctrl-C, which is the proper end.
fn keep(cloud: &mut Cloud) -> anyhow::Result<()> {
    println!("\nEverything is running. Ctrl-C stops it.");
    while interrupt::pause().is_ok() {
        cloud.must_run()?;
    }
    Ok(())
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

/// Hands on how a program of ours has ended.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
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

    #[test]
    fn the_end_of_the_show_is_handed_on() {
        let status = |script| Command::new("sh").args(["-c", script]).status().unwrap();
        assert_eq!(exit_code(status("exit 0")), ExitCode::SUCCESS);
        assert_eq!(exit_code(status("exit 3")), ExitCode::from(3));
        assert_eq!(exit_code(status("kill -9 $$")), ExitCode::FAILURE);
    }
}
