//! The page with the results: one section per benchmark, each written by its own run.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use documents::sections;
use serde::Serialize;

/// What the page begins with.
const HEADER: &str = "\
# Benchmarks

Each section is written by the command that it names, and replaced by its next run: nothing here is
written by hand. Figures of one section were measured in one run on one machine, side by side; read
them as ratios. Figures of different sections or machines do not compare.
";

/// Where a benchmark writes what it found.
#[derive(Debug, Clone, clap::Args)]
pub struct Output {
    /// The page that the results are written into.
    #[arg(long, value_name = "FILE")]
    document: PathBuf,
    /// Write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Output {
    /// Writes the figures as JSON, if that was asked for.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_json<T: Serialize>(&self, figures: &T) -> anyhow::Result<()> {
        match &self.json {
            Some(file) => write_json(file, figures),
            None => Ok(()),
        }
    }

    /// Writes the figures of one benchmark beside the page, as JSON: what is simulated follows from them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_figures<T: Serialize>(&self, name: &str, figures: &T) -> anyhow::Result<()> {
        let page = self.document.with_extension("");
        let file = PathBuf::from(format!("{}-{name}.json", page.display()));
        write_json(&file, figures)?;
        println!(
            "And to {}: `cargo xtask simulate --document` and `--costs` write what follows from it.",
            file.display()
        );
        Ok(())
    }

    /// Writes the section of one benchmark, and says where.
    ///
    /// # Errors
    /// As [`write_section`].
    pub fn write_section(&self, name: &str, text: &str) -> anyhow::Result<()> {
        write_section(&self.document, name, text)?;
        println!("Written to {}.", self.document.display());
        Ok(())
    }
}

fn write_json<T: Serialize>(file: &Path, figures: &T) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(figures)?;
    fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
}

/// Writes the section of one benchmark into the page, which is made when there is none.
///
/// `name` is that of the benchmark, e.g. `tokens`; `text` is Markdown and begins with a heading of
/// the second level.
///
/// # Errors
/// As [`sections::write`].
pub fn write_section(page: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    sections::write(page, HEADER, name, text)
}
