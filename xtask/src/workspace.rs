//! Where things are in this checkout.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

/// The checkout.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    /// Its top folder.
    pub(crate) root: PathBuf,
    /// Where cargo builds: `target`, unless the user's configuration says otherwise.
    pub(crate) cargo_target: PathBuf,
}

impl Workspace {
    /// Asks cargo where the workspace is.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("the folder of xtask has no parent")?
            .to_owned();
        let output = cargo(&root)
            .args([
                "metadata",
                "--no-deps",
                "--format-version",
                "1",
                "--offline",
            ])
            .output()
            .context("cannot run cargo")?;
        ensure!(
            output.status.success(),
            "`cargo metadata` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)
            .context("cannot read what `cargo metadata` printed")?;
        let cargo_target = metadata["target_directory"]
            .as_str()
            .context("`cargo metadata` names no target_directory")?
            .into();
        Ok(Self { root, cargo_target })
    }

    /// The folder of the tools that are installed for this checkout.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join(".tools")
    }

    /// The folder of the viewers' page.
    pub(crate) fn page(&self) -> PathBuf {
        self.root.join("web")
    }

    /// A program that was built with the profile `lambda`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.cargo_target.join("lambda").join(name)
    }

    /// A cargo command in this workspace.
    pub(crate) fn cargo(&self) -> Command {
        cargo(&self.root)
    }
}

/// Cargo, without what an outer `cargo run` tells the program it runs about that program: it is
/// nothing to the builds that this program starts.
fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    for (name, _) in std::env::vars_os() {
        let about_this_package = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST")
        });
        if about_this_package {
            command.env_remove(name);
        }
    }
    command
}
