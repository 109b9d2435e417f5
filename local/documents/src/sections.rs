//! Pages of which each section is written by a command.
//!
//! A section lies between two comments with its name. Writing one leaves the rest as it is.

use std::{fs, path::Path};

use anyhow::{Context, ensure};

/// Writes a section into a page, which begins with `header` when there is none yet.
///
/// `text` is Markdown and begins with a heading of the second level.
///
/// # Errors
/// When the page cannot be read or written, or has only one of the section's two marks.
pub fn write(page: &Path, header: &str, name: &str, text: &str) -> anyhow::Result<()> {
    let before = match fs::read_to_string(page) {
        Ok(before) => before,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => header.to_owned(),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", page.display()));
        }
    };
    let after = with_section(&before, name, text)
        .with_context(|| format!("cannot change {}", page.display()))?;
    fs::write(page, after).with_context(|| format!("cannot write {}", page.display()))
}

/// What a page says in a section; nothing when it has none.
pub fn read<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let (begin, end) = marks(name);
    let (_, rest) = page.split_once(&begin)?;
    let (text, _) = rest.split_once(&end)?;
    Some(text.trim())
}

fn marks(name: &str) -> (String, String) {
    (
        format!("<!-- begin: {name} -->"),
        format!("<!-- end: {name} -->"),
    )
}

fn with_section(page: &str, name: &str, text: &str) -> anyhow::Result<String> {
    let (begin, end) = marks(name);
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
        let page = folder.path().join("page.md");
        let write = |name, text| write(&page, "# Page\n", name, text).unwrap();
        write("one", "## One\n\nold");
        write("other", "## Other\n\nthere");
        write("one", "## One\n\nnew\n");
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.starts_with("# Page\n"), "{text}");
        assert!(!text.contains("old"), "{text}");
        let one = "<!-- begin: one -->\n\n## One\n\nnew\n\n<!-- end: one -->\n";
        let other = "<!-- begin: other -->\n\n## Other\n\nthere\n\n<!-- end: other -->\n";
        assert!(text.ends_with(&format!("{one}\n{other}")), "{text}");
        assert_eq!(read(&text, "one"), Some("## One\n\nnew"));
        assert_eq!(read(&text, "none"), None);

        write("other", "## Other\n\nthere");
        assert_eq!(fs::read_to_string(&page).unwrap(), text);
    }

    #[test]
    fn a_page_with_half_a_section_is_left_alone() {
        let half = "# Page\n\n<!-- begin: one -->\n";
        assert!(with_section(half, "one", "x").is_err());
        let turned = "<!-- end: one -->\n<!-- begin: one -->\n";
        assert!(with_section(turned, "one", "x").is_err());
        assert!(with_section(half, "other", "x").is_ok());
    }
}
