//! The rules of the house that no other tool checks.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// A longer file is split.
const MOST_LINES: usize = 600;

/// Folders that hold nothing of ours.
const FOREIGN: [&str; 4] = ["target", "node_modules", ".git", ".tools"];

/// Every Rust file says what it is for, and none is too long. Returns how many were looked at.
pub(crate) fn check(root: &Path) -> anyhow::Result<usize> {
    let mut files = Vec::new();
    collect(root, &mut files)?;
    ensure!(
        !files.is_empty(),
        "there is no Rust file below {}",
        root.display()
    );
    let mut complaints = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.strip_prefix(root).unwrap_or(file).display();
        complaints.extend(
            complain(&text)
                .into_iter()
                .map(|what| format!("{name}: {what}")),
        );
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n  "));
    Ok(files.len())
}

/// What is wrong with the text of one file.
fn complain(text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if !text.starts_with("//!") {
        complaints.push("its first line must be a `//!` comment that says what it is for".into());
    }
    let lines = text.lines().count();
    if lines > MOST_LINES {
        complaints.push(format!(
            "it has {lines} lines: split it, {MOST_LINES} are the most"
        ));
    }
    complaints
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            let foreign = path
                .file_name()
                .is_some_and(|name| FOREIGN.iter().any(|f| name == *f));
            if !foreign {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_needs_a_header_and_an_end() {
        assert!(complain("//! Points.\n").is_empty());
        assert_eq!(complain("// Points.\n").len(), 1);
        assert_eq!(complain("").len(), 1);
        assert!(complain(&format!("//! Points.{}", "\n".repeat(600))).is_empty());
        assert_eq!(
            complain(&format!("//! Points.{}x", "\n".repeat(600))).len(),
            1
        );
    }

    #[test]
    fn only_our_own_files_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert!(
            check(folder.path()).is_err(),
            "nothing to look at is no success"
        );
        file("a/src/lib.rs", "//! A.\n");
        file("target/debug/build.rs", "fn main() {}\n");
        assert_eq!(check(folder.path()).unwrap(), 1);
        file("a/src/bad.rs", "fn f() {}\n");
        let complaint = check(folder.path()).unwrap_err().to_string();
        assert!(complaint.starts_with("a/src/bad.rs: "), "{complaint}");
    }
}
