//! Chromium, for the tests of the page: found on the machine, or taken from Debian's packages.
//!
//! No registry of pinned packages carries a browser, and Debian keeps no old versions: what is taken
//! is the version of the release that the machine's package sources name. It needs no root: apt
//! resolves in folders of its own, and the packages that the machine lacks are unpacked beside each
//! other into the checkout. Either way the program is a script at one place, and it has shown that
//! it renders a page and plays H.264 before it counts as installed.

mod debian;

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use self::debian::{apt_get, font_configuration, is_wanted, library_folders};
use crate::{
    failure::Failure,
    instance::Instance,
    interrupt::Interrupted,
    process::{self, Process},
    progress::Step,
};

/// Changes when the way of installing it does.
const RECIPE: &str = "browser recipe 2";

/// The variable that names the browser to use.
pub(crate) const VARIABLE: &str = "CUEPOINT_CHROMIUM";

/// What to do where it cannot be installed by itself.
pub(crate) const ADVICE: &str = "install Chromium or Chrome from your system's packages, or set \
                                 CUEPOINT_CHROMIUM to the program's absolute path";

/// The name of Debian's package.
const PACKAGE: &str = "chromium";

/// What the browser is called on different systems.
const NAMES: [&str; 6] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// What every headless run is given: no sandbox, since containers and root have none to offer, and
/// nothing that reaches out to the network by itself.
pub(crate) const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
];

/// How long the browser may take to render the page that proves it.
const PROOF_TIME: Duration = Duration::from_secs(90);

/// The page that proves it: what its script writes is only there if it runs and the codecs of the
/// stream are known.
const PROOF: &str = "data:text/html,<script>document.write('video-'+MediaSource.isTypeSupported(\
                     'video/mp4; codecs=\"avc1.4d401f,mp4a.40.2\"'))</script>";

/// What is in that page then.
const PROVEN: &str = "video-true";

/// Where a browser is to come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The user has named it.
    Named(PathBuf),
    /// It is on this machine.
    System(PathBuf),
    /// Debian's packages.
    Packages,
    /// Nowhere.
    None,
}

impl Source {
    /// Looks at this machine. `own` is where it is installed to: who names what is there only means
    /// what would be found without.
    pub(crate) fn find(own: &Path) -> Self {
        let named = std::env::var_os(VARIABLE)
            .and_then(|value| std::path::absolute(value).ok())
            .filter(|program| !program.starts_with(own));
        if let Some(named) = named {
            return Self::Named(named);
        }
        if let Some(program) = NAMES.iter().find_map(|name| on_path(name)) {
            return Self::System(program);
        }
        if on_path("apt-get").is_some() && on_path("dpkg-deb").is_some() {
            Self::Packages
        } else {
            Self::None
        }
    }

    /// What an installation from it depends on.
    pub(crate) fn stamp(&self) -> String {
        let release = match self {
            Self::Packages => std::fs::read_to_string("/etc/os-release").unwrap_or_default(),
            _ => String::new(),
        };
        format!("{RECIPE}\n{self:?}\n{release}")
    }
}

/// Installs it: afterwards `folder/bin/chromium` runs it.
pub(crate) fn install(
    source: &Source,
    folder: &Path,
    instance: &Instance,
    step: &Step,
) -> anyhow::Result<()> {
    let installation = Installation {
        folder,
        instance,
        step,
    };
    match source {
        Source::Named(program) => installation
            .use_program(program)
            .with_context(|| format!("{VARIABLE} is of no use")),
        Source::System(program) => match installation.use_program(program) {
            Ok(()) => Ok(()),
            Err(error) if error.is::<Interrupted>() => Err(error),
            // It may be a mere pointer to another way of installing it, as Ubuntu's is.
            Err(error) if on_path("apt-get").is_some() => {
                let log = installation.log();
                installation.use_packages().map_err(|second| {
                    let what = format!("{error:#}; and Debian's packages do not help: {second:#}");
                    Failure::new(what).log(&log).into()
                })
            }
            Err(error) => Err(error),
        },
        Source::Packages => installation.use_packages(),
        Source::None => bail!("there is no Chromium on this machine, and no apt to get it with"),
    }
    .map_err(|error| {
        if error.is::<Interrupted>() {
            return error;
        }
        Failure::new(format!("no browser for the tests of the page: {error:#}"))
            .next(ADVICE)
            .into()
    })
}

struct Installation<'a> {
    folder: &'a Path,
    instance: &'a Instance,
    step: &'a Step,
}

impl Installation<'_> {
    fn log(&self) -> PathBuf {
        self.instance.log("install-chromium")
    }

    /// The script that everyone runs.
    fn program(&self) -> PathBuf {
        self.folder.join("bin/chromium")
    }

    fn use_program(&self, program: &Path) -> anyhow::Result<()> {
        self.write_script("", program)?;
        self.prove()
    }

    fn use_packages(&self) -> anyhow::Result<()> {
        let unpacked = self.unpack().and_then(|()| self.prove());
        let Err(error) = unpacked else { return Ok(()) };
        if error.is::<Interrupted>() || !rustix::process::geteuid().is_root() {
            return Err(error);
        }
        // Root can have it the ordinary way.
        let mut install = Command::new("apt-get");
        install.env("DEBIAN_FRONTEND", "noninteractive").args([
            "install",
            "-y",
            "--no-install-recommends",
            PACKAGE,
        ]);
        let mut update = Command::new("apt-get");
        update.arg("update");
        self.run(update)?;
        self.run(install)?;
        let program = on_path(PACKAGE).context("the package has brought no program")?;
        self.use_program(&program)
    }

    fn run(&self, command: Command) -> anyhow::Result<()> {
        process::run(
            command,
            "the installation of chromium",
            &self.log(),
            self.step,
        )
    }

    /// Downloads the package and all that it needs and the machine lacks, and unpacks them.
    fn unpack(&self) -> anyhow::Result<()> {
        let apt = self.folder.join("apt");
        for folder in ["lists/partial", "archives/partial", "state"] {
            std::fs::create_dir_all(apt.join(folder))?;
        }
        // A copy, since apt locks what lies beside it.
        std::fs::copy("/var/lib/dpkg/status", apt.join("state/status"))
            .context("cannot read what is installed on this machine")?;
        let mut update = apt_get(&apt);
        update.arg("update");
        self.run(update)?;
        let mut download = apt_get(&apt);
        download
            .args(["install", "-y", "--no-install-recommends"])
            .args(["--download-only", PACKAGE]);
        self.run(download)?;

        let root = self.folder.join("root");
        for package in std::fs::read_dir(apt.join("archives"))? {
            let package = package?.path();
            if !is_wanted(&package) {
                continue;
            }
            let mut unpack = Command::new("dpkg-deb");
            unpack.arg("-x").arg(&package).arg(&root);
            self.run(unpack)?;
        }
        // The lists and packages are of no further use.
        std::fs::remove_dir_all(&apt)?;

        let libraries = library_folders(&root)?;
        let fonts = self.folder.join("fonts.conf");
        std::fs::write(&fonts, font_configuration(&root, self.folder))?;
        let environment = format!(
            "export LD_LIBRARY_PATH={}\nexport FONTCONFIG_FILE={}\n",
            quoted(&libraries.join(":")),
            quoted(&fonts.display().to_string()),
        );
        self.write_script(&environment, &root.join("usr/lib/chromium/chromium"))
    }

    fn write_script(&self, environment: &str, program: &Path) -> anyhow::Result<()> {
        let script = self.program();
        std::fs::create_dir_all(self.folder.join("bin"))?;
        let program = quoted(&program.display().to_string());
        let text = format!("#!/bin/sh\n{environment}exec {program} \"$@\"\n");
        std::fs::write(&script, text)
            .with_context(|| format!("cannot write {}", script.display()))?;
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
        Ok(())
    }

    /// Lets it render a page.
    fn prove(&self) -> anyhow::Result<()> {
        let page = self.folder.join("proof.html");
        let profile = self.instance.temporary().join("chromium-proof");
        let mut command = Command::new(self.program());
        command.args(FLAGS).arg("--dump-dom").arg(PROOF);
        command.arg(format!("--user-data-dir={}", profile.display()));
        let mut process =
            Process::start_into(command, "the browser's first page", &page, &self.log())?;
        let started = Instant::now();
        let status = process.wait(|| {
            if started.elapsed() > PROOF_TIME {
                bail!("it does not get done with a page");
            }
            Ok(())
        })?;
        let rendered = std::fs::read_to_string(&page).unwrap_or_default();
        if status.success() && rendered.contains(PROVEN) {
            return Ok(());
        }
        let what = if rendered.contains("video-false") {
            "it cannot play H.264".to_owned()
        } else {
            format!("it does not render a page ({status})")
        };
        Err(process.with_log(Failure::new(what)).into())
    }
}

/// One word for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The program of this name or path, if there is one.
fn on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|program| {
            program.is_absolute()
                && program
                    .metadata()
                    .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_the_shell() {
        let word = quoted("/it's a folder/$HOME");
        let output = Command::new("sh")
            .args(["-c", &format!("printf %s {word}")])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "/it's a folder/$HOME"
        );
    }

    #[test]
    fn a_program_is_found_by_its_name() {
        assert!(on_path("sh").is_some());
        assert_eq!(on_path("no-such-program-anywhere"), None);
    }
}
