//! The tools that a checkout needs beside Rust, Python and Node, installed into `.tools/`.
//!
//! What is installed is pinned by the files in `local/requirements/`, down to the hash of every
//! package. A tool that is complete has a stamp: the text of all that its installation depends on.
//! While the stamp says the same, nothing is installed and no network is needed; an installation
//! that was interrupted has none, and is done anew.

pub(crate) mod chromium;
pub(crate) mod python;

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;

use self::python::Python;
use crate::{
    failure, instance::Instance, interrupt, process, progress::Progress, workspace::Workspace,
};

/// Changes when the way of installing does, so that what is there is installed anew.
const RECIPE: &str = "1";

/// What describes a package of npm.
const PACKAGE: [&str; 2] = ["package.json", "package-lock.json"];

/// A group of tools that are installed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// The AWS emulator.
    MiniStack,
    /// The AWS SAM CLI and cfn-lint.
    Sam,
    /// ffmpeg.
    Ffmpeg,
    /// cargo-deny.
    CargoDeny,
    /// From npm: the linter for state machines, and the font of the test clip's clock.
    Node,
    /// A browser, for the tests of the page.
    Chromium,
    /// From npm: what the page is made of, and made with.
    Page,
    /// boto3 and the AWS CLI, as clients of ivs-local.
    AwsClients,
    /// What the functions in Python use that the services are measured beside.
    PythonFunctions,
    /// What the functions in Node use that the services are measured beside.
    NodeFunctions,
}

impl Tool {
    /// What the local cloud needs.
    pub(crate) const CLOUD: &[Self] = &[Self::MiniStack, Self::Sam, Self::Ffmpeg, Self::Node];
    /// What the checks need.
    pub(crate) const LINT: &[Self] = &[Self::Sam, Self::CargoDeny, Self::Node, Self::Page];

    /// The name of its requirements and of its folder.
    fn name(self) -> &'static str {
        match self {
            Self::MiniStack => "ministack",
            Self::Sam => "sam",
            Self::Ffmpeg => "ffmpeg",
            Self::CargoDeny => "cargo-deny",
            Self::Node => "node",
            Self::Chromium => "chromium",
            Self::Page => "page",
            Self::AwsClients => "aws-clients",
            Self::PythonFunctions => "python-functions",
            Self::NodeFunctions => "node-functions",
        }
    }
}

/// The installed tools.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    folder: PathBuf,
    requirements: PathBuf,
    page: PathBuf,
}

impl Tools {
    /// The tools of this checkout, installed or not.
    pub(crate) fn of(workspace: &Workspace) -> Self {
        Self {
            folder: workspace.tools(),
            requirements: workspace.root.join("local/requirements"),
            page: workspace.page(),
        }
    }

    /// Where a tool is installed to. The page's packages have to lie beside its sources.
    fn folder(&self, tool: Tool) -> PathBuf {
        match tool {
            Tool::Page => self.page.join("node_modules"),
            _ => self.folder.join(tool.name()),
        }
    }

    /// A program of a tool that is not from npm.
    pub(crate) fn program(&self, tool: Tool, program: &str) -> PathBuf {
        self.folder(tool).join("bin").join(program)
    }

    /// A file of an npm package.
    pub(crate) fn npm_file(&self, path: &str) -> PathBuf {
        self.folder.join("node/node_modules").join(path)
    }

    /// The packages of the functions in Node.
    pub(crate) fn function_modules(&self) -> PathBuf {
        self.folder(Tool::NodeFunctions).join("node_modules")
    }

    /// Where the SAM CLI keeps what it remembers.
    pub(crate) fn sam_settings(&self) -> PathBuf {
        self.folder.join("sam-settings")
    }

    /// Where the browser comes from.
    pub(crate) fn browser_source(&self) -> chromium::Source {
        chromium::Source::find(&self.folder.join(Tool::Chromium.name()))
    }

    /// ffmpeg.
    pub(crate) fn ffmpeg(&self) -> PathBuf {
        self.folder.join("bin/ffmpeg")
    }

    /// Installs what is missing of these, side by side.
    pub(crate) fn install(
        &self,
        tools: &[Tool],
        instance: &Instance,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        let _lock = self.lock(progress)?;
        let python = Python::find()?;
        let python = &python;
        interrupt::side_by_side(
            tools
                .iter()
                .map(|tool| -> interrupt::Task<'_> {
                    Box::new(move || self.install_one(*tool, python, instance, progress))
                })
                .collect(),
        )
    }

    /// Waits while another command installs into the same folder.
    fn lock(&self, progress: &Progress) -> anyhow::Result<File> {
        std::fs::create_dir_all(self.folder.join("bin"))
            .with_context(|| format!("cannot make the folder {}", self.folder.display()))?;
        let lock = File::create(self.folder.join("lock"))?;
        if lock.try_lock().is_err() {
            let step = progress.step("Wait for another command that installs tools");
            while lock.try_lock().is_err() {
                interrupt::pause()?;
            }
            step.done("");
        }
        Ok(lock)
    }

    fn install_one(
        &self,
        tool: Tool,
        python: &Python,
        instance: &Instance,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        let stamp = self.stamp(tool, python)?;
        let folder = self.folder(tool);
        let stamp_file = folder.join("installed");
        if std::fs::read_to_string(&stamp_file).is_ok_and(|there| there == stamp) {
            return Ok(());
        }
        let step = progress.step(&format!("Install {}", tool.name()));
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot clear {}", folder.display()))?;
        }
        let log = instance.log(&format!("install-{}", tool.name()));
        let run = |commands: Vec<Command>| {
            let name = format!("the installation of {}", tool.name());
            commands
                .into_iter()
                .try_for_each(|command| process::run(command, &name, &log, &step))
                .map_err(with_advice)
        };
        match tool {
            Tool::Node | Tool::NodeFunctions => {
                self.copy_package(tool, &folder)?;
                run(vec![npm_ci(&folder)])?;
            }
            Tool::Page => run(vec![npm_ci(&self.page)])?,
            Tool::Chromium => {
                chromium::install(&self.browser_source(), &folder, instance, &step)?;
            }
            _ => run(self.pip_commands(tool, python, &folder))?,
        }
        if tool == Tool::Ffmpeg {
            self.link_ffmpeg(&folder)?;
        }
        std::fs::write(&stamp_file, stamp)
            .with_context(|| format!("cannot write {}", stamp_file.display()))?;
        step.done("");
        Ok(())
    }

    /// All that an installation depends on: the recipe, the requirements, the interpreter, and the
    /// folder, since a virtual environment cannot be moved.
    fn stamp(&self, tool: Tool, python: &Python) -> anyhow::Result<String> {
        let files = match tool {
            Tool::Node | Tool::NodeFunctions => {
                PACKAGE.map(|file| self.npm_package(tool).join(file)).into()
            }
            Tool::Page => PACKAGE.map(|file| self.page.join(file)).into(),
            Tool::Chromium => Vec::new(),
            _ => vec![self.requirements.join(format!("{}.txt", tool.name()))],
        };
        let mut stamp = format!("recipe {RECIPE}\n{}\n", self.folder.display());
        match tool {
            Tool::Node | Tool::NodeFunctions | Tool::Page => {}
            Tool::Chromium => stamp.push_str(&self.browser_source().stamp()),
            _ => stamp.push_str(&format!("{} {}\n", python.program, python.version)),
        }
        for path in files {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            stamp.push_str(&text);
        }
        Ok(stamp)
    }

    /// A virtual environment, and the pinned packages in it. The list is complete, so nothing is
    /// resolved; only prebuilt packages are taken, so nothing is compiled.
    fn pip_commands(&self, tool: Tool, python: &Python, folder: &Path) -> Vec<Command> {
        let mut environment = Command::new(&python.program);
        environment.args(["-m", "venv"]).arg(folder);
        let mut packages = Command::new(folder.join("bin/python"));
        packages
            .args([
                "-m",
                "pip",
                "install",
                "--no-input",
                "--progress-bar",
                "off",
                "--disable-pip-version-check",
            ])
            .args([
                "--no-deps",
                "--only-binary",
                ":all:",
                "--require-hashes",
                "-r",
            ])
            .arg(self.requirements.join(format!("{}.txt", tool.name())));
        vec![environment, packages]
    }

    /// The package that stands for tools from npm.
    fn npm_package(&self, tool: Tool) -> PathBuf {
        self.requirements.join(tool.name())
    }

    fn copy_package(&self, tool: Tool, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        for file in PACKAGE {
            let from = self.npm_package(tool).join(file);
            std::fs::copy(&from, folder.join(file))
                .with_context(|| format!("cannot copy {}", from.display()))?;
        }
        Ok(())
    }

    /// The package names the program after its version and platform.
    fn link_ffmpeg(&self, folder: &Path) -> anyhow::Result<()> {
        let program = std::fs::read_dir(folder.join("lib"))?
            .filter_map(Result::ok)
            .map(|python| python.path().join("site-packages/imageio_ffmpeg/binaries"))
            .filter_map(|binaries| std::fs::read_dir(binaries).ok())
            .flatten()
            .filter_map(Result::ok)
            .map(|file| file.path())
            .find(|file| {
                file.file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with("ffmpeg-"))
            })
            .context("the package imageio-ffmpeg brought no ffmpeg for this platform")?;
        let link = self.ffmpeg();
        if link.symlink_metadata().is_ok() {
            std::fs::remove_file(&link)?;
        }
        std::os::unix::fs::symlink(&program, &link)
            .with_context(|| format!("cannot link {}", link.display()))
    }
}

/// Installs what a package's lock file names, and runs nothing of it.
fn npm_ci(package: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(package).args([
        "ci",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--no-update-notifier",
    ]);
    command
}

fn with_advice(error: anyhow::Error) -> anyhow::Error {
    let next = "check the network and `cargo xtask doctor`, then run the same command again";
    failure::advise(error, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(folder: &Path) -> Tools {
        let requirements = folder.join("requirements");
        std::fs::create_dir_all(&requirements).unwrap();
        std::fs::write(requirements.join("sam.txt"), "sam==1").unwrap();
        let page = folder.join("web");
        for package in ["node", "node-functions"] {
            npm_package(&requirements.join(package));
        }
        npm_package(&page);
        Tools {
            folder: folder.join(".tools"),
            requirements,
            page,
        }
    }

    fn npm_package(folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        for file in PACKAGE {
            std::fs::write(folder.join(file), "{}").unwrap();
        }
    }

    fn python(version: &str) -> Python {
        Python {
            program: "python3".into(),
            version: version.into(),
        }
    }

    #[test]
    fn a_stamp_changes_with_all_that_an_installation_depends_on() {
        let folder = tempfile::tempdir().unwrap();
        let tools = tools(folder.path());
        let before = tools.stamp(Tool::Sam, &python("3.11.7")).unwrap();
        assert_eq!(tools.stamp(Tool::Sam, &python("3.11.7")).unwrap(), before);
        assert_ne!(tools.stamp(Tool::Sam, &python("3.12.0")).unwrap(), before);

        let moved = Tools {
            folder: folder.path().join("elsewhere"),
            ..tools.clone()
        };
        assert_ne!(moved.stamp(Tool::Sam, &python("3.11.7")).unwrap(), before);

        std::fs::write(tools.requirements.join("sam.txt"), "sam==2").unwrap();
        assert_ne!(tools.stamp(Tool::Sam, &python("3.11.7")).unwrap(), before);
    }

    #[test]
    fn npm_tools_do_not_depend_on_python() {
        let folder = tempfile::tempdir().unwrap();
        let tools = tools(folder.path());
        for tool in [Tool::Node, Tool::NodeFunctions, Tool::Page] {
            let before = tools.stamp(tool, &python("3.11.7")).unwrap();
            assert_eq!(tools.stamp(tool, &python("3.12.0")).unwrap(), before);
            let changed = format!("{{\"name\": \"{tool:?}\"}}");
            let package = match tool {
                Tool::Page => tools.page.clone(),
                _ => tools.npm_package(tool),
            };
            std::fs::write(package.join("package-lock.json"), &changed).unwrap();
            assert_ne!(tools.stamp(tool, &python("3.12.0")).unwrap(), before);
        }
    }
}
