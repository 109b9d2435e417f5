//! The fenced blocks of the tutorial: what is to be run where, and what it is said to print.

/// Commands, and what they print.
#[derive(Debug)]
pub(crate) struct Block {
    /// Where it starts in the document, from 1.
    pub(crate) line: usize,
    pub(crate) place: Place,
    pub(crate) text: String,
    /// Lines that are printed, in this order, others in between; `…` is anything.
    pub(crate) expected: Vec<String>,
}

/// Where a block is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the reader's shell, one block after the other.
    Shell {
        /// Whether it is said to fail.
        fails: bool,
    },
    /// In a terminal of its own, until Ctrl-C.
    Own,
    /// On AWS: not here.
    Aws,
}

impl Block {
    /// Fails the test when a line that was said to be printed was not.
    pub(crate) fn compare(&self, printed: &str) {
        let missing = missing(&self.expected, printed);
        assert_eq!(
            missing, None,
            "line {}: not printed in its place",
            self.line
        );
    }
}

/// The first of the lines that is not printed, behind those before it.
pub(crate) fn missing<'a>(expected: &'a [String], printed: &str) -> Option<&'a str> {
    let mut lines = printed.lines();
    expected
        .iter()
        .find(|wanted| !lines.any(|line| matches(wanted.trim(), line.trim())))
        .map(String::as_str)
}

/// Whether a line is as the pattern says, in which `…` stands for anything.
fn matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pattern.contains('…').then(|| parts.next_back()).flatten() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// All blocks of commands, each with the block of output that comes right behind it.
///
/// Panics at a block whose place is not said, so that none is left out by mistake.
pub(crate) fn read(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = document.lines().enumerate();
    // Whether nothing but empty lines came since the last block of commands.
    let mut behind_commands = false;
    while let Some((index, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else {
            behind_commands &= line.trim().is_empty();
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let text: String = lines
            .by_ref()
            .take_while(|(_, line)| line.trim() != "```")
            .map(|(_, line)| format!("{}\n", line.get(indent..).unwrap_or_default()))
            .collect();
        let line = index + 1;
        let place = match info.trim() {
            "sh laptop" => Place::Shell { fails: false },
            "sh laptop fails" => Place::Shell { fails: true },
            "sh laptop own" => Place::Own,
            "sh aws" => Place::Aws,
            "text" if behind_commands => {
                let block = blocks.last_mut().expect("there are commands before it");
                block.expected = text.lines().map(str::to_owned).collect();
                behind_commands = false;
                continue;
            }
            "text" | "json" | "mermaid" => {
                behind_commands = false;
                continue;
            }
            other => panic!("line {line}: it is not said where ```{other} is run"),
        };
        behind_commands = true;
        blocks.push(Block {
            line,
            place,
            text,
            expected: Vec::new(),
        });
    }
    blocks
}

#[test]
fn blocks_are_read_with_their_place_and_what_they_print() {
    let document = "Text\n```sh laptop\na \\\n  b\n```\n\n```text\none\n  two … four\n```\n\
                    ```text\nnot output\n```\n```sh aws\nsam deploy\n```\n- ```sh laptop own\n";
    let blocks =
        read(&document.replace("- ```sh laptop own\n", "  ```sh laptop own\n  c\n  ```\n"));
    let places: Vec<_> = blocks
        .iter()
        .map(|block| (block.line, &block.place))
        .collect();
    let shell = Place::Shell { fails: false };
    assert_eq!(places, [(2, &shell), (14, &Place::Aws), (17, &Place::Own)]);
    assert_eq!(blocks[0].text, "a \\\n  b\n");
    assert_eq!(blocks[0].expected, ["one", "  two … four"]);
    assert_eq!(blocks[2].text, "c\n");
    blocks[0].compare("zero\none\nand\ntwo three four\n");
    assert_eq!(
        missing(&blocks[0].expected, "two x four\none"),
        Some("  two … four")
    );
}

#[test]
#[should_panic(expected = "line 2: it is not said where ```sh is run")]
fn a_block_without_a_place_is_not_skipped() {
    read("\n```sh\nrm -r target\n```\n");
}

#[test]
fn an_ellipsis_stands_for_anything_else_nothing_does() {
    assert!(matches("a … c", "a b c"));
    assert!(matches("… c …", "a b c d"));
    assert!(matches("a…b…c", "a1b2b3c"));
    assert!(!matches("a … c", "a b d"));
    assert!(!matches("a", "a b"));
    assert!(!matches("a…b…b", "ab"));
}
