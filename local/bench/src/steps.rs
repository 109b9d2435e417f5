//! What the user sees while a benchmark takes its time: a line per step, on standard error.

use std::time::Instant;

/// A step that is under way.
#[derive(Debug)]
pub struct Step {
    title: String,
    started: Instant,
}

impl Step {
    /// Says that it has begun.
    pub fn start(title: impl Into<String>) -> Self {
        let title = title.into();
        eprintln!("  .. {title}");
        Self {
            title,
            started: Instant::now(),
        }
    }

    /// Says that it has been done. `result` says more in a few words, or nothing.
    pub fn done(self, result: &str) {
        let colon = if result.is_empty() { "" } else { ": " };
        let seconds = self.started.elapsed().as_secs_f32();
        eprintln!("  ok {}{colon}{result} ({seconds:.1} s)", self.title);
    }
}
