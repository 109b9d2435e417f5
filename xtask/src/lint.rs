//! The checks: each runs to its end, and all complaints are shown together.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, anyhow, bail, ensure};

use crate::{
    build, cloud,
    instance::Instance,
    interrupt::{self, Interrupted},
    page::Page,
    process,
    progress::Progress,
    tidy,
    tools::{Tool, Tools},
    workspace::Workspace,
};

/// Templates without which there is nothing to deploy.
const TEMPLATES: [&str; 3] = ["app.yaml", "media.yaml", "web.yaml"];

/// The region whose resource types and limits the templates are checked against.
const REGION: &str = "eu-west-1";

/// What the checks work with.
struct Checks<'a> {
    workspace: &'a Workspace,
    instance: &'a Instance,
    progress: &'a Progress,
    tools: Tools,
}

/// Runs every check.
pub(crate) fn run(
    workspace: &Workspace,
    instance: &Instance,
    progress: &Progress,
    advisories: bool,
) -> anyhow::Result<()> {
    let checks = Checks {
        workspace,
        instance,
        progress,
        tools: Tools::of(workspace),
    };
    let results = Mutex::new(Vec::new());
    let note = |result| {
        results
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(result);
    };
    // The compiler takes the longest: the rest is installed and done beside it.
    interrupt::side_by_side(vec![
        Box::new(|| {
            note(checks.formatting());
            note(checks.clippy());
            Ok(())
        }),
        Box::new(|| {
            note(checks.tidy());
            checks.tools.install(Tool::LINT, instance, progress)?;
            note(checks.dependencies(advisories));
            note(checks.page());
            note(checks.templates());
            note(checks.state_machines());
            Ok(())
        }),
    ])?;
    summary(results.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// One error out of all complaints.
fn summary(results: Vec<anyhow::Result<()>>) -> anyhow::Result<()> {
    interrupt::check()?;
    let complaints: Vec<_> = results
        .into_iter()
        .filter_map(Result::err)
        .filter(|error| !error.is::<Interrupted>())
        .map(|error| format!("{error:#}"))
        .collect();
    match complaints.len() {
        0 => Ok(()),
        1 => Err(anyhow!("{}", complaints[0])),
        count => Err(anyhow!(
            "{count} checks failed\n\n{}",
            complaints.join("\n\n")
        )),
    }
}

impl Checks<'_> {
    /// Runs one tool as one step.
    fn check(&self, title: &str, log: &str, next: &str, command: Command) -> anyhow::Result<()> {
        interrupt::check()?;
        process::run_as_step(command, title, &self.instance.log(log), next, self.progress)
    }

    fn formatting(&self) -> anyhow::Result<()> {
        let mut command = self.workspace.cargo();
        command.args(["fmt", "--all", "--check", "--", "--color", "never"]);
        self.check(
            "Check the formatting",
            "fmt",
            "run `cargo fmt --all`",
            command,
        )
    }

    fn clippy(&self) -> anyhow::Result<()> {
        let mut command = self.workspace.cargo();
        command.arg("clippy").args(build::WORKSPACE);
        command.args(["--all-targets", "--locked", "--", "-D", "warnings"]);
        let next = "fix what clippy says";
        self.check("Check the code with clippy", "clippy", next, command)?;
        let mut command = self.workspace.cargo();
        command.args(["clippy", "--package", "xtask", "--all-targets", "--locked"]);
        command.args(["--", "-D", "warnings"]);
        self.check("Check xtask with clippy", "clippy-xtask", next, command)
    }

    fn tidy(&self) -> anyhow::Result<()> {
        let step = self.progress.step("Check the rules of the house");
        let files = tidy::check(&self.workspace.root)
            .map_err(|error| anyhow!("the rules of the house are not kept:\n  {error:#}"))?;
        step.done(&format!("{files} files"));
        Ok(())
    }

    fn dependencies(&self, advisories: bool) -> anyhow::Result<()> {
        let mut command = Command::new(self.tools.program(Tool::CargoDeny, "cargo-deny"));
        command.current_dir(&self.workspace.root);
        command.args(["--all-features", "check", "--hide-inclusion-graph"]);
        command.args(["bans", "licenses", "sources"]);
        if advisories {
            command.arg("advisories");
        }
        let next = "deny.toml says what is allowed, and why";
        self.check("Check the dependencies", "deny", next, command)
    }

    fn page(&self) -> anyhow::Result<()> {
        interrupt::check()?;
        let page = Page {
            workspace: self.workspace,
            instance: self.instance,
            progress: self.progress,
        };
        page.lint()
    }

    fn templates(&self) -> anyhow::Result<()> {
        let templates = self.inputs("infra", "yaml")?;
        for name in TEMPLATES {
            let there = templates.iter().any(|template| template.ends_with(name));
            ensure!(there, "infra/{name} is missing");
        }
        let mut command = Command::new(self.tools.program(Tool::Sam, "cfn-lint"));
        command.current_dir(&self.workspace.root);
        command.args(["--regions", REGION, "--"]).args(&templates);
        let next = "fix the template, or say in its Metadata why a rule does not hold";
        self.check(
            "Check the templates with cfn-lint",
            "cfn-lint",
            next,
            command,
        )?;
        for template in &templates {
            let name = file_name(template);
            let mut command = cloud::sam(&self.tools);
            // Nothing is asked of AWS: an endpoint that nobody listens on makes sure of it.
            cloud::for_local_cloud(&mut command, "http://127.0.0.1:9");
            command.current_dir(&self.workspace.root);
            command.args(["validate", "--lint", "--region", REGION, "--template-file"]);
            command.arg(template);
            let title = format!("Check {name} with sam validate");
            self.check(&title, &format!("sam-validate-{name}"), next, command)?;
        }
        Ok(())
    }

    fn state_machines(&self) -> anyhow::Result<()> {
        for definition in self.inputs("statemachines", "asl.json")? {
            let name = file_name(&definition);
            let mut command = Command::new("node");
            command.current_dir(&self.workspace.root);
            command.arg(
                self.tools
                    .npm_file("asl-validator/dist/bin/asl-validator.js"),
            );
            command.arg("--json-path").arg(&definition);
            let log = format!("asl-{name}");
            self.check(
                &format!("Check {name}"),
                &log,
                "fix the definition",
                command,
            )?;
        }
        Ok(())
    }

    /// The files of a folder that are to be checked. None at all is a failure.
    fn inputs(&self, folder: &str, ending: &str) -> anyhow::Result<Vec<PathBuf>> {
        inputs(&self.workspace.root.join(folder), ending)
    }
}

fn inputs(folder: &Path, ending: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if file_name(&path).ends_with(&format!(".{ending}")) {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!(
            "nothing to check: there is no *.{ending} in {}",
            folder.display()
        );
    }
    files.sort();
    Ok(files)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_check_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        assert!(inputs(folder.path(), "yaml").is_err());
        assert!(inputs(&folder.path().join("nowhere"), "yaml").is_err());
        std::fs::write(folder.path().join("samconfig.toml"), "").unwrap();
        assert!(inputs(folder.path(), "yaml").is_err());
        std::fs::write(folder.path().join("app.yaml"), "").unwrap();
        assert_eq!(
            inputs(folder.path(), "yaml").unwrap(),
            [folder.path().join("app.yaml")]
        );
    }

    #[test]
    fn every_complaint_is_shown() {
        assert!(summary(vec![Ok(()), Ok(())]).is_ok());
        let error = summary(vec![Err(anyhow!("one")), Ok(()), Err(anyhow!("two"))]).unwrap_err();
        assert_eq!(error.to_string(), "2 checks failed\n\none\n\ntwo");
    }
}
