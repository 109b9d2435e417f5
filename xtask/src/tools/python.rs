//! The Python that tools are installed with: found on the machine.

use std::process::Command;

use anyhow::bail;

/// The oldest Python that the pinned packages run on.
pub(crate) const OLDEST_PYTHON: (u32, u32) = (3, 11);

/// A Python interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Python {
    /// What it is called by.
    pub(crate) program: String,
    /// Its full version.
    pub(crate) version: String,
}

impl Python {
    /// Finds one that is new enough.
    pub(crate) fn find() -> anyhow::Result<Self> {
        for program in [
            "python3",
            "python3.14",
            "python3.13",
            "python3.12",
            "python3.11",
        ] {
            let Ok(output) = Command::new(program).arg("--version").output() else {
                continue;
            };
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            if let Some(version) = text.trim().strip_prefix("Python ")
                && major_and_minor(version).is_some_and(|version| version >= OLDEST_PYTHON)
            {
                return Ok(Self {
                    program: program.to_owned(),
                    version: version.to_owned(),
                });
            }
        }
        let (major, minor) = OLDEST_PYTHON;
        bail!(
            "no Python {major}.{minor} or newer is installed: `cargo xtask doctor` says how to get it"
        )
    }
}

/// Reads the first two numbers of a version, e.g. `3.11.7` or `v20.20.2`.
pub(crate) fn major_and_minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(major_and_minor("3.9.2"), Some((3, 9)));
        assert_eq!(major_and_minor("v20.20.2"), Some((20, 20)));
        assert!(major_and_minor("3.9.2") < Some(OLDEST_PYTHON));
        assert_eq!(major_and_minor("three"), None);
    }
}
