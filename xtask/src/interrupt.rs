//! Ctrl-C and the like: the first asks every wait to give up, the second ends all at once.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::Context;

use crate::process;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// How often a wait looks whether it is over or was interrupted.
pub(crate) const POLL: Duration = Duration::from_millis(50);

/// The user asked for an end: no failure, but nothing goes on.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// Starts to watch for SIGINT, SIGTERM and SIGHUP.
pub(crate) fn watch() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            process::kill_all();
            std::process::exit(130);
        }
        eprintln!("\nStopping what was started (once more to stop at once) ...");
    })
    .context("cannot watch for Ctrl-C")
}

/// Fails once an end was asked for.
pub(crate) fn check() -> Result<(), Interrupted> {
    if REQUESTED.load(Ordering::SeqCst) {
        Err(Interrupted)
    } else {
        Ok(())
    }
}

/// Something to be done beside others.
pub(crate) type Task<'a> = Box<dyn FnOnce() -> anyhow::Result<()> + Send + 'a>;

/// Does several things side by side. When one fails, the others are asked to give up, and its error
/// is the one returned.
///
/// For what a command cannot go on without: after a failure, every later wait fails too.
pub(crate) fn side_by_side(tasks: Vec<Task<'_>>) -> anyhow::Result<()> {
    let mut errors: Vec<_> = std::thread::scope(|scope| {
        let started: Vec<_> = tasks
            .into_iter()
            .map(|task| {
                scope.spawn(|| {
                    let result = task();
                    if result.is_err() {
                        REQUESTED.store(true, Ordering::SeqCst);
                    }
                    result
                })
            })
            .collect();
        started
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .filter_map(Result::err)
            .collect()
    });
    // Only the first to fail has another reason than that it was asked to give up.
    match errors.iter().position(|error| !error.is::<Interrupted>()) {
        Some(reason) => Err(errors.swap_remove(reason)),
        None => errors.pop().map_or(Ok(()), Err),
    }
}

/// Sleeps for one poll, or fails.
pub(crate) fn pause() -> Result<(), Interrupted> {
    check()?;
    std::thread::sleep(POLL);
    check()
}
