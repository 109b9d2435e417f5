//! The same function in Python and in Node, laid out as its users would deploy it.
//!
//! Each is copied to a folder of its own, which is gone when the benchmark ends, so that nothing
//! that an interpreter writes beside a source ends up in the checkout.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::{function::Launch, machine};

/// Where the sources and what they need are.
#[derive(Debug, Clone, clap::Args)]
pub struct Sources {
    /// The folder with the functions in Python and Node.
    #[arg(long, value_name = "FOLDER")]
    peers: PathBuf,
    /// The Python program with the functions' packages.
    #[arg(long, value_name = "PROGRAM")]
    python: PathBuf,
    /// The folder with the functions' npm packages.
    #[arg(long, value_name = "FOLDER")]
    node_modules: PathBuf,
}

/// A function in Python and in Node, until it is dropped.
#[derive(Debug)]
pub struct Peers {
    folder: TempDir,
    sources: Sources,
}

impl Peers {
    /// Lays out the function of this name.
    ///
    /// # Errors
    /// When a source is missing or cannot be copied.
    pub fn lay_out(sources: &Sources, function: &str) -> anyhow::Result<Self> {
        let folder = TempDir::new().context("cannot make a folder for the functions")?;
        let (python, node) = (folder.path().join("python"), folder.path().join("node"));
        copy_files(&sources.peers.join("python").join(function), &python)?;
        copy_files(&sources.peers.join("node").join(function), &node)?;
        let runtime = sources.peers.join("node/runtime.mjs");
        fs::copy(&runtime, node.join("runtime.mjs"))
            .with_context(|| format!("cannot copy {}", runtime.display()))?;
        let packages = fs::canonicalize(&sources.node_modules)
            .with_context(|| format!("cannot find {}", sources.node_modules.display()))?;
        std::os::unix::fs::symlink(packages, node.join("node_modules"))?;
        Ok(Self {
            folder,
            sources: sources.clone(),
        })
    }

    /// An empty folder for a function that is a program of its own.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn empty_folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        Ok(folder)
    }

    /// How the three are started: this one on a CPU, and the other two in the same surroundings.
    pub fn launches(&self, rust: Launch, cpu: usize) -> [Launch; 3] {
        let rust = Launch {
            cpu: Some(cpu),
            ..rust
        };
        let [python, node] = self.beside(&rust);
        [rust, python, node]
    }

    fn beside(&self, like: &Launch) -> [Launch; 2] {
        let python = Launch {
            name: "python".to_owned(),
            program: self.sources.python.clone(),
            arguments: vec!["-m".into(), "awslambdaric".into(), "handler.handle".into()],
            task_root: self.folder.path().join("python"),
            handler: "handler.handle".to_owned(),
            ..like.clone()
        };
        let node = Launch {
            name: "node".to_owned(),
            program: "node".into(),
            arguments: vec!["runtime.mjs".into(), "index.mjs".into()],
            task_root: self.folder.path().join("node"),
            handler: "index.handler".to_owned(),
            ..like.clone()
        };
        [python, node]
    }

    /// What Python and the given packages are, e.g. `Python 3.11.7 with boto3 1.44.5`.
    ///
    /// # Errors
    /// When a package is not there.
    pub fn python_versions(&self, packages: &[&str]) -> anyhow::Result<String> {
        let interpreter = machine::version_of(&self.sources.python);
        let mut found = Vec::new();
        for package in packages {
            let mut command = Command::new(&self.sources.python);
            let script = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))";
            command.args(["-c", script, package]);
            found.push((*package, machine::first_line(command)));
        }
        with_packages(&interpreter, &found)
    }

    /// What Node and the given packages are.
    ///
    /// # Errors
    /// When a package is not there.
    pub fn node_versions(&self, packages: &[&str]) -> anyhow::Result<String> {
        let interpreter = format!("Node {}", machine::version_of("node"));
        let version = |package: &&str| -> anyhow::Result<String> {
            let file = self.sources.node_modules.join(package).join("package.json");
            let text =
                fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let description: Value = serde_json::from_slice(&text)?;
            Ok(description["version"]
                .as_str()
                .unwrap_or("unknown")
                .to_owned())
        };
        let found: Vec<_> = packages
            .iter()
            .map(|package| Ok((*package, version(package)?)))
            .collect::<anyhow::Result<_>>()?;
        with_packages(&interpreter, &found)
    }
}

fn with_packages(interpreter: &str, packages: &[(&str, String)]) -> anyhow::Result<String> {
    let mut text = Vec::new();
    for (package, version) in packages {
        ensure!(version != "unknown", "the package {package} is not there");
        text.push(format!("{package} {version}"));
    }
    Ok(format!("{interpreter} with {}", text.join(", ")))
}

/// Copies the files of a folder, which has no folders in it but what an interpreter wrote.
fn copy_files(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make the folder {}", to.display()))?;
    let entries =
        fs::read_dir(from).with_context(|| format!("cannot list the folder {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))
                .with_context(|| format!("cannot copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}
