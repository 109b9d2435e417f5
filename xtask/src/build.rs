//! Builds the workspace and lays the functions out as the template expects them.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::{failure, instance::Instance, process, progress::Progress, workspace::Workspace};

/// The size over which a function starts noticeably slower, in bytes.
const LARGE: u64 = 16 * 1024 * 1024;

/// What is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The programs.
    Programs,
    /// The programs and the tests.
    ProgramsAndTests,
}

/// The arguments that every build of the workspace has in common: cargo chooses the features of a
/// dependency by the packages it builds together. This program is left out: it is built by its own
/// profile.
pub(crate) const WORKSPACE: [&str; 5] =
    ["--profile", "lambda", "--workspace", "--exclude", "xtask"];

/// What is built for a show. Cargo counts the features that tests ask of a dependency only when a
/// test is built; building one small test along makes the choice the same as for all tests, and so
/// the AWS SDK is not compiled a second time for them.
const PROGRAMS: [&str; 3] = ["--bins", "--test", "stack_file"];

/// Builds and lays out.
pub(crate) fn run(
    workspace: &Workspace,
    instance: &Instance,
    scope: Scope,
    progress: &Progress,
) -> anyhow::Result<()> {
    let step = progress.step("Build the services");
    let log = instance.log("build");
    let mut command = workspace.cargo();
    command
        .arg("build")
        .args(WORKSPACE)
        .args(PROGRAMS)
        .arg("--locked");
    let advice = "fix what the compiler says, or run `cargo xtask doctor` if it is the machine";
    let advise = |error| failure::advise(error, advice);
    process::run(command, "the build", &log, &step).map_err(advise)?;
    let functions = lay_out_functions(workspace)?;
    step.done(&format!("{} functions", functions.len()));
    let large = too_large(&functions);
    // Who only wants to see a show is not kept from it.
    ensure!(
        large.is_empty() || scope == Scope::Programs,
        "{}",
        large.join("\n  ")
    );
    for warning in large {
        eprintln!("  warning: {warning}");
    }
    if scope == Scope::ProgramsAndTests {
        let step = progress.step("Build the tests");
        let mut command = workspace.cargo();
        command
            .arg("test")
            .args(WORKSPACE)
            .args(["--no-run", "--locked"]);
        process::run(command, "the build of the tests", &log, &step).map_err(advise)?;
        step.done("");
    }
    Ok(())
}

/// A function that was laid out.
#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    bytes: u64,
}

/// What is to be said about the functions that are too large.
fn too_large(functions: &[Function]) -> Vec<String> {
    let mib = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
    functions
        .iter()
        .filter(|function| function.bytes > LARGE)
        .map(|Function { name, bytes }| {
            format!(
                "the function {name} has {:.1} MiB: {:.0} are the most",
                mib(*bytes),
                mib(LARGE)
            )
        })
        .collect()
}

/// Puts each function to `target/functions/<function>/bootstrap`.
fn lay_out_functions(workspace: &Workspace) -> anyhow::Result<Vec<Function>> {
    let names = function_names(&workspace.root.join("services"))?;
    ensure!(
        !names.is_empty(),
        "no function found: there is no services/*/src/bin/*.rs"
    );
    let functions = workspace.root.join("target/functions");
    names
        .into_iter()
        .map(|name| {
            let bytes = lay_out(&workspace.program(&name), &functions.join(&name))
                .with_context(|| format!("cannot lay out the function {name}"))?;
            Ok(Function { name, bytes })
        })
        .collect()
}

/// Every function is a program of a service, and has its name.
fn function_names(services: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for service in children(services)? {
        let programs = service.join("src/bin");
        if !programs.is_dir() {
            continue;
        }
        for program in children(&programs)? {
            if let Some(name) = program
                .file_stem()
                .filter(|_| program.extension().is_some())
            {
                names.push(name.to_string_lossy().into_owned());
            }
        }
    }
    names.sort();
    Ok(names)
}

fn children(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .with_context(|| format!("cannot list {}", folder.display()))
}

/// Links the program, or copies it where links do not reach, so that it is never seen half written.
/// Returns its size in bytes.
fn lay_out(program: &Path, folder: &Path) -> anyhow::Result<u64> {
    std::fs::create_dir_all(folder)?;
    let unfinished = folder.with_extension("unfinished");
    if unfinished.exists() {
        std::fs::remove_file(&unfinished)?;
    }
    if std::fs::hard_link(program, &unfinished).is_err() {
        std::fs::copy(program, &unfinished)
            .with_context(|| format!("cannot copy {}", program.display()))?;
    }
    let bytes = unfinished.metadata()?.len();
    let bootstrap = folder.join("bootstrap");
    // A rename onto another link to the same file would do nothing and leave both names.
    if bootstrap.exists() {
        std::fs::remove_file(&bootstrap)?;
    }
    std::fs::rename(&unfinished, &bootstrap)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_the_programs_of_the_services() {
        let folder = tempfile::tempdir().unwrap();
        let program = |path: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        program("token-issuer/src/bin/token-api.rs");
        program("entitlement/src/bin/entitlement-outbox.rs");
        program("entitlement/src/bin/entitlement-intake.rs");
        program("entitlement/src/lib.rs");
        program("nothing-yet/src/lib.rs");
        assert_eq!(
            function_names(folder.path()).unwrap(),
            ["entitlement-intake", "entitlement-outbox", "token-api"]
        );
    }

    #[test]
    fn a_function_starts_fast_up_to_16_mib() {
        let function = |name: &str, bytes| Function {
            name: name.into(),
            bytes,
        };
        assert_eq!(
            too_large(&[
                function("token-api", 16 << 20),
                function("quiz-api", (33 << 20) / 2),
            ]),
            ["the function quiz-api has 16.5 MiB: 16 are the most"]
        );
    }

    #[test]
    fn a_function_is_laid_out_anew_after_each_build() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("token-api");
        let function = folder.path().join("functions/token-api");
        let bootstrap = function.join("bootstrap");
        for content in ["old", "newer"] {
            std::fs::remove_file(&program).ok();
            std::fs::write(&program, content).unwrap();
            for _ in 0..2 {
                assert_eq!(lay_out(&program, &function).unwrap(), content.len() as u64);
                assert_eq!(std::fs::read_to_string(&bootstrap).unwrap(), content);
                assert_eq!(
                    std::fs::read_dir(folder.path().join("functions"))
                        .unwrap()
                        .count(),
                    1
                );
            }
        }
    }
}
