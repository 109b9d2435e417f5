//! Runs the commands of `docs/tutorial.md` as its reader would: every one that is meant for this
//! machine, in order, and compares what it prints with what the page says.
//!
//! It brings up a system of its own, beside the one that other tests use: with `cargo xtask up`, as
//! the page says. How a block is marked is written at the end of the page.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

mod tutorial {
    pub(crate) mod document;
    pub(crate) mod terminal;
}

use std::path::Path;

use tutorial::{
    document::{self, Block, Place},
    terminal::{Program, Shell},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn the_tutorial_runs_as_it_is_written() {
    let file = root().join("docs/tutorial.md");
    let blocks = document::read(&std::fs::read_to_string(file).unwrap());
    let mut shell = Shell::open(root());
    // Declared last, dropped first: the shell's commands need what runs here.
    let mut running: Vec<Program> = Vec::new();
    let mut ran = 0;
    for block in &blocks {
        let Block { line, text, .. } = block;
        match &block.place {
            Place::Aws => continue,
            Place::Shell { fails } => {
                println!("-- line {line}\n{text}");
                let (status, printed) = shell.run(text);
                println!("{printed}");
                assert_eq!(status != 0, *fails, "line {line}: it ended with {status}");
                block.compare(&printed);
            }
            Place::Own => {
                println!("-- line {line}, in a terminal of its own\n{text}");
                let mut program = Program::start(root(), text, *line);
                program.await_lines(&block.expected);
                running.push(program);
            }
        }
        for program in &mut running {
            program.must_run();
        }
        ran += 1;
    }
    assert!(ran > 10, "only {ran} blocks are marked for this machine");
    assert!(running.len() >= 2, "the system and the stream are programs");
    let api = running[0].printed_address("AWS");
    assert!(std::net::TcpStream::connect(&api).is_ok(), "{api} answers");
    // Ctrl-C in each terminal, the newest first.
    while let Some(program) = running.pop() {
        program.interrupt();
    }
    let gone = std::net::TcpStream::connect(&api);
    assert!(gone.is_err(), "{api} still answers after Ctrl-C");
}
