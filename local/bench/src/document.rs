//! The page with the results: one section per benchmark, each written by its own run.
//!
//! A section lies between two comments with the benchmark's name. Writing one leaves the others as
//! they are.

use std::{fs, path::Path};

use anyhow::{Context, ensure};

/// What the page begins with.
const HEADER: &str = "\
# Benchmarks

Each section is written by the command that it names, and replaced by its next run: nothing here is
written by hand. Figures of one section were measured in one run on one machine, side by side; read
them as ratios. Figures of different sections or machines do not compare.
";

/// Writes the section of one benchmark into the page, which is made when there is none.
///
/// `name` is that of the benchmark, e.g. `tokens`; `text` is Markdown and begins with a heading of
/// the second level.
///
/// # Errors
/// When the page cannot be read or written, or has only one of the section's two marks.
pub fn write_section(page: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let before = match fs::read_to_string(page) {
        Ok(before) => before,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => HEADER.to_owned(),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", page.display()));
        }
    };
    let after = with_section(&before, name, text)
        .with_context(|| format!("cannot change {}", page.display()))?;
    fs::write(page, after).with_context(|| format!("cannot write {}", page.display()))
}

fn with_section(page: &str, name: &str, text: &str) -> anyhow::Result<String> {
    let (begin, end) = (
        format!("<!-- begin: {name} -->"),
        format!("<!-- end: {name} -->"),
    );
    let section = format!("{begin}\n\n{}\n\n{end}", text.trim());
    match (page.find(&begin), page.find(&end)) {
        (Some(from), Some(to)) if from < to => {
            let rest = &page[to + end.len()..];
            Ok(format!("{}{section}{rest}", &page[..from]))
        }
        (from, to) => {
            ensure!(
                from.is_none() && to.is_none(),
                "its section {name} has no beginning or no end"
            );
            Ok(format!("{}\n\n{section}\n", page.trim_end()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_the_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("benchmarks.md");
        write_section(&page, "tokens", "## Tokens\n\nold").unwrap();
        write_section(&page, "answers", "## Answers\n\nthere").unwrap();
        write_section(&page, "tokens", "## Tokens\n\nnew\n").unwrap();
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.starts_with("# Benchmarks\n"), "{text}");
        assert!(!text.contains("old"), "{text}");
        let tokens = "<!-- begin: tokens -->\n\n## Tokens\n\nnew\n\n<!-- end: tokens -->\n";
        let answers = "<!-- begin: answers -->\n\n## Answers\n\nthere\n\n<!-- end: answers -->\n";
        assert!(text.ends_with(&format!("{tokens}\n{answers}")), "{text}");

        write_section(&page, "answers", "## Answers\n\nthere").unwrap();
        assert_eq!(fs::read_to_string(&page).unwrap(), text);
    }

    #[test]
    fn a_page_with_half_a_section_is_left_alone() {
        let half = "# Benchmarks\n\n<!-- begin: tokens -->\n";
        assert!(with_section(half, "tokens", "x").is_err());
        let turned = "<!-- end: tokens -->\n<!-- begin: tokens -->\n";
        assert!(with_section(turned, "tokens", "x").is_err());
        assert!(with_section(half, "answers", "x").is_ok());
    }
}
