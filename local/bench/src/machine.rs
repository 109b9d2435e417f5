//! What machine the figures come from, in words.

use std::{fs, process::Command};

use jiff::Timestamp;

/// The first line that a program prints, e.g. about its version; `unknown` when it cannot be run.
pub fn first_line(mut command: Command) -> String {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success());
    output
        .and_then(|output| {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.lines().next().map(|line| line.trim().to_owned())
        })
        .unwrap_or_else(unknown)
}

/// A program asked for its version.
pub fn version_of(program: impl AsRef<std::ffi::OsStr>) -> String {
    let mut command = Command::new(program);
    command.arg("--version");
    first_line(command)
}

/// The machine, the system and the day, as one paragraph of Markdown.
pub fn describe(now: Timestamp) -> String {
    let cores = cores();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_else(|_| unknown());
    format!(
        "Measured on {}: {}, {cores} cores, {} of memory; {}, kernel {}; {}.",
        now.strftime("%-d %B %Y, %H:%M UTC"),
        field("/proc/cpuinfo", "model name", ':').unwrap_or_else(unknown),
        memory().unwrap_or_else(unknown),
        field("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_else(unknown),
        kernel.trim(),
        version_of("rustc"),
    )
}

/// All cores of the machine, also those that this process keeps off.
fn cores() -> usize {
    let processors = fs::read_to_string("/proc/cpuinfo").map_or(0, |text| {
        let lines = text.lines();
        lines.filter(|line| line.starts_with("processor")).count()
    });
    match processors {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        some => some,
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn memory() -> Option<String> {
    let text = field("/proc/meminfo", "MemTotal", ':')?;
    let kilobytes: f64 = text.strip_suffix(" kB")?.parse().ok()?;
    Some(format!("{:.0} GiB", kilobytes / (1024.0 * 1024.0)))
}

/// The first value of this name in a file of `name: value` or `name=value`.
fn field(file: &str, name: &str, separator: char) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(separator)?;
        (found.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_told_and_nothing_unknown_stops_it() {
        let text = describe("2026-11-22T12:05:00Z".parse().unwrap());
        assert!(
            text.starts_with("Measured on 22 November 2026, 12:05 UTC: "),
            "{text}"
        );
        assert!(cores() >= std::thread::available_parallelism().unwrap().get());
        assert_eq!(version_of("no-such-program-at-all"), "unknown");
    }
}
