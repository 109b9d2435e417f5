//! What the user sees while a step takes its time: a line per step, with the elapsed time.
//!
//! On a terminal the lines move; elsewhere each step says when it starts and ends, and shows a
//! sign of life every half minute.

use std::{
    io::IsTerminal,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::failure::last_lines;

/// How often a step shows a sign of life where there is no terminal.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// How often a moving line is drawn anew.
const TICK: Duration = Duration::from_millis(120);

/// The longest note beside a step, in characters.
const NOTE_LENGTH: usize = 60;

/// All steps of a command.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    lines: MultiProgress,
    terminal: bool,
}

impl Progress {
    /// Draws on standard error: standard output is for results.
    pub(crate) fn new() -> Self {
        Self {
            lines: MultiProgress::new(),
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Starts a step. It has failed unless [`Step::done`] is called.
    pub(crate) fn step(&self, title: &str) -> Step {
        let line = self.terminal.then(|| {
            let line = self.lines.add(ProgressBar::new_spinner());
            line.set_style(style("{spinner} {prefix} ({elapsed}) {msg:.dim}"));
            line.set_prefix(title.to_owned());
            line.enable_steady_tick(TICK);
            line
        });
        if line.is_none() {
            eprintln!("  .. {title}");
        }
        Step(Arc::new(Inner {
            title: title.to_owned(),
            started: Instant::now(),
            line,
            state: Mutex::new(State {
                spoke: Instant::now(),
                finished: false,
            }),
        }))
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the templates are constants of this module")
        .tick_chars("-\\|/ ")
}

/// A step that is under way. Clones are the same step.
#[derive(Debug, Clone)]
pub(crate) struct Step(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    title: String,
    started: Instant,
    line: Option<ProgressBar>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    spoke: Instant,
    finished: bool,
}

impl Step {
    /// Shows the last line of a log beside the step.
    pub(crate) fn follow(&self, log: &Path) {
        let Some(last) = last_lines(log, 1).pop() else {
            return;
        };
        self.note(&last);
    }

    /// Shows a word beside the step.
    pub(crate) fn note(&self, text: &str) {
        let text: String = text
            .trim()
            .chars()
            .filter(|c| !c.is_control())
            .take(NOTE_LENGTH)
            .collect();
        if let Some(line) = &self.0.line {
            line.set_message(text);
            return;
        }
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.spoke.elapsed() >= SIGN_OF_LIFE {
            state.spoke = Instant::now();
            eprintln!(
                "  .. {} ({} s): {text}",
                self.0.title,
                self.0.started.elapsed().as_secs()
            );
        }
    }

    /// The step has been done. `result` says more in a few words, or nothing.
    pub(crate) fn done(&self, result: &str) {
        self.0.finish("ok", result);
    }
}

impl Inner {
    fn finish(&self, mark: &str, result: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut state.finished, true) {
            return;
        }
        let seconds = self.started.elapsed().as_secs_f32();
        let colon = if result.is_empty() { "" } else { ": " };
        let text = format!("  {mark} {}{colon}{result} ({seconds:.1} s)", self.title);
        match &self.line {
            Some(line) => {
                line.set_style(style("{msg}"));
                line.finish_with_message(text);
            }
            None => eprintln!("{text}"),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.finish("--", "not done");
    }
}
