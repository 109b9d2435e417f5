//! `doctor`: what is missing on this machine, and how to get it.

use std::{
    path::Path,
    process::{Command, ExitCode},
};

use crate::{
    network,
    tools::{
        Tools,
        chromium::{self, Source},
        python::{OLDEST_PYTHON, Python, major_and_minor},
    },
    workspace::Workspace,
};

/// The oldest Rust that the workspace builds with.
const OLDEST_RUST: (u32, u32) = (1, 95);

/// The oldest Node that the page can be built with.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// What the build, the tools and the state of the cloud take together, in GiB.
const DISK: u64 = 10;

/// What was found about one thing.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    /// It is there: its version or the like.
    Fine(String),
    /// It is not, or is too old: what to do.
    Missing { found: String, advice: String },
}

/// Looks at everything; fails when something is missing.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    let findings = [
        ("Rust", rust()),
        ("rustfmt and clippy", rust_components()),
        ("C compiler", c_compiler()),
        ("Python", python()),
        ("Python's venv", python_venv()),
        ("Node", node()),
        ("npm", npm()),
        (
            "Chromium, for tests",
            browser(&Tools::of(workspace).browser_source()),
        ),
        ("free disk", disk(&workspace.root)),
        ("port on 127.0.0.1", port()),
    ];
    let mut missing = 0;
    for (name, finding) in findings {
        match finding {
            Finding::Fine(found) => println!("  ok       {name:<20}{found}"),
            Finding::Missing { found, advice } => {
                missing += 1;
                println!(
                    "  MISSING  {name:<20}{found}\n           {:<20}{advice}",
                    ""
                );
            }
        }
    }
    if missing == 0 {
        println!("\nNothing is missing. `cargo xtask demo` is next.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("\n{missing} missing.");
    Ok(ExitCode::FAILURE)
}

fn missing(found: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding::Missing {
        found: found.into(),
        advice: advice.into(),
    }
}

/// The first line that a command prints; nothing when it cannot be run or fails.
fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output
        .status
        .success()
        .then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

/// Judges the version that is a given word of a line, counted from 0.
fn at_least(line: Option<String>, word: usize, oldest: (u32, u32), advice: &str) -> Finding {
    let Some(line) = line else {
        return missing("not found", advice);
    };
    let version = line.split_whitespace().nth(word).and_then(major_and_minor);
    if version.is_some_and(|version| version >= oldest) {
        Finding::Fine(line)
    } else {
        missing(
            format!("{line}: {}.{} or newer is needed", oldest.0, oldest.1),
            advice,
        )
    }
}

fn rust() -> Finding {
    let advice = "install Rust with rustup, or run `rustup update stable`";
    at_least(first_line("rustc", &["--version"]), 1, OLDEST_RUST, advice)
}

fn rust_components() -> Finding {
    let both = first_line("cargo", &["fmt", "--version"])
        .zip(first_line("cargo", &["clippy", "--version"]));
    match both {
        Some((rustfmt, clippy)) => Finding::Fine(format!("{rustfmt}, {clippy}")),
        None => missing(
            "not both found",
            "run `rustup component add rustfmt clippy`",
        ),
    }
}

/// The cryptography of the AWS SDK is C: its crate compiles it.
fn c_compiler() -> Finding {
    match first_line("cc", &["--version"]) {
        Some(line) => Finding::Fine(line),
        None => missing(
            "no `cc`",
            "Debian, Ubuntu: apt install build-essential; Fedora: dnf install gcc; \
             macOS: xcode-select --install",
        ),
    }
}

fn python() -> Finding {
    match Python::find() {
        Ok(python) => Finding::Fine(format!("{} {}", python.program, python.version)),
        Err(_) => missing(
            first_line("python3", &["--version"]).unwrap_or_else(|| "not found".into()),
            format!(
                "install Python {}.{} or newer from your system's packages or python.org",
                OLDEST_PYTHON.0, OLDEST_PYTHON.1
            ),
        ),
    }
}

fn python_venv() -> Finding {
    let Ok(python) = Python::find() else {
        return missing("no Python to ask", "see above");
    };
    // Debian ships the module venv without what it needs to work.
    match first_line(
        &python.program,
        &["-c", "import ensurepip, venv; print('there')"],
    ) {
        Some(line) => Finding::Fine(line),
        None => missing("not usable", "Debian, Ubuntu: apt install python3-venv"),
    }
}

fn node() -> Finding {
    let advice = "install Node 20.19 or newer from your system's packages or nodejs.org";
    at_least(first_line("node", &["--version"]), 0, OLDEST_NODE, advice)
}

fn npm() -> Finding {
    match first_line("npm", &["--version"]) {
        Some(line) => Finding::Fine(line),
        None => missing(
            "not found",
            "it comes with Node; Debian, Ubuntu: apt install npm",
        ),
    }
}

fn browser(source: &Source) -> Finding {
    match source {
        Source::Named(program) if !program.is_file() => missing(
            format!("there is no {}", program.display()),
            format!("set {} to a program, or not at all", chromium::VARIABLE),
        ),
        Source::Named(program) | Source::System(program) => {
            Finding::Fine(program.display().to_string())
        }
        Source::Packages => Finding::Fine("taken from Debian's packages when needed".into()),
        Source::None => missing(
            "not found; only `cargo xtask test` needs it",
            chromium::ADVICE,
        ),
    }
}

fn disk(root: &Path) -> Finding {
    let folder = root.display().to_string();
    let output = Command::new("df").args(["-Pk", &folder]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let Some(free) = text.ok().as_deref().and_then(free_gib) else {
        return missing(
            "`df` does not say",
            format!("make sure that {DISK} GB are free"),
        );
    };
    let found = format!("{free} GB");
    if free >= DISK {
        Finding::Fine(found)
    } else {
        missing(
            found,
            format!("make room: {DISK} GB are needed; `cargo clean` removes old builds"),
        )
    }
}

/// Reads the available space out of what `df -Pk` prints, in GiB.
fn free_gib(text: &str) -> Option<u64> {
    let kib: u64 = text
        .lines()
        .nth(1)?
        .split_whitespace()
        .nth(3)?
        .parse()
        .ok()?;
    Some(kib / 1024 / 1024)
}

fn port() -> Finding {
    match network::free_port() {
        Ok(_) => Finding::Fine("can be listened on".into()),
        Err(error) => missing(
            format!("{error:#}"),
            "allow servers on the loopback interface",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_version_is_missing() {
        let judge = |line: &str| at_least(Some(line.into()), 1, (1, 95), "update");
        assert_eq!(
            judge("rustc 1.95.0 (x)"),
            Finding::Fine("rustc 1.95.0 (x)".into())
        );
        assert_eq!(judge("rustc 2.0.0"), Finding::Fine("rustc 2.0.0".into()));
        assert!(matches!(judge("rustc 1.94.2"), Finding::Missing { .. }));
        assert!(matches!(judge("nonsense"), Finding::Missing { .. }));
        assert!(matches!(
            at_least(None, 0, (1, 95), "get it"),
            Finding::Missing { .. }
        ));
    }

    #[test]
    fn a_browser_that_is_named_must_be_there() {
        let found = browser(&Source::Named("/no/such/browser".into()));
        assert!(matches!(found, Finding::Missing { .. }));
        assert!(matches!(browser(&Source::None), Finding::Missing { .. }));
        assert!(matches!(browser(&Source::Packages), Finding::Fine(_)));
    }

    #[test]
    fn the_free_space_is_read_from_df() {
        let text = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                    /dev/vda 263174212 14680064 81788928 16% /\n";
        assert_eq!(free_gib(text), Some(78));
        assert_eq!(free_gib("df: no such file\n"), None);
    }
}
