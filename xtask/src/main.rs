//! The developer commands of this workspace: `cargo xtask` lists them.
//!
//! Everything that a command starts runs in a process group of its own and is stopped when the
//! command ends, however it ends: see [`process`]. What it leaves behind for a look is below
//! `target/local/`; the tools that it installs are in `.tools/`.

mod broadcast;
mod build;
mod cli;
mod cloud;
mod commands;
mod deployment;
mod doctor;
mod failure;
mod fault_proxy;
mod instance;
mod interrupt;
mod lint;
mod network;
mod page;
mod process;
mod progress;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::{
    cli::{Arguments, Command},
    interrupt::Interrupted,
    workspace::Workspace,
};

fn main() -> ExitCode {
    let Some(command) = Arguments::parse().command else {
        // Nothing was asked for: say what there is. A closed standard output is no failure.
        let _ = Arguments::command().print_help();
        return ExitCode::SUCCESS;
    };
    match run(command) {
        Ok(code) => code,
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("Stopped. Everything that was started has been ended.");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    interrupt::watch()?;
    let workspace = Workspace::find()?;
    match command {
        Command::Demo(options) => commands::demo(&workspace, &options),
        Command::Up(options) => commands::up(&workspace, &options),
        Command::Soak(options) => commands::soak(&workspace, &options),
        Command::Chaos(options) => commands::chaos(&workspace, &options),
        Command::Cue(options) => commands::live::cue(&workspace, &options),
        Command::Quiz(options) => commands::live::quiz(&workspace, &options),
        Command::Entitle(options) => commands::live::entitle(&workspace, &options),
        Command::Revoke(options) => commands::live::revoke(&workspace, &options),
        Command::Redrive(options) => commands::operate::redrive(&workspace, &options),
        Command::RotatePlaybackKey(options) => {
            commands::operate::rotate_playback_key(&workspace, &options)
        }
        Command::ExportEvents(options) => commands::operate::export_events(&workspace, &options),
        Command::Test(options) => commands::test(&workspace, &options),
        Command::Lint(options) => commands::lint(&workspace, &options),
        Command::Bench(what) => commands::bench(&workspace, &what),
        Command::Simulate(options) => commands::simulate(&workspace, &options),
        Command::Doctor => doctor::run(&workspace),
    }
}
