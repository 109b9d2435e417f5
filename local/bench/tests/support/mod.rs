//! Where the functions' programs are.

use std::path::PathBuf;

/// The program of a function, which lies beside the folder of the tests' own.
pub(crate) fn program(function: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own.ancestors().nth(2).unwrap().join(function);
    assert!(
        program.is_file(),
        "{} is not built: `cargo xtask test` does it",
        program.display()
    );
    program
}
