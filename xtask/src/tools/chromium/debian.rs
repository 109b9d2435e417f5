//! Debian's packages, downloaded and looked through without root.

use std::{path::Path, process::Command};

use anyhow::Context;

/// apt with all its state in a folder.
pub(super) fn apt_get(folder: &Path) -> Command {
    let mut command = Command::new("apt-get");
    let state = folder.join("state");
    for (option, value) in [
        ("Dir::State", state.clone()),
        ("Dir::State::status", state.join("status")),
        ("Dir::State::Lists", folder.join("lists")),
        ("Dir::Cache", folder.to_owned()),
        ("Dir::Cache::archives", folder.join("archives")),
    ] {
        command
            .arg("-o")
            .arg(format!("{option}={}", value.display()));
    }
    for option in [
        "APT::Sandbox::User=root",
        "APT::Keep-Downloaded-Packages=true",
        "Acquire::Languages=none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
        "Acquire::Retries=2",
    ] {
        command.args(["-o", option]);
    }
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Whether a file is a package that is unpacked. The C library is not: it belongs to the machine's
/// own loader.
pub(super) fn is_wanted(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let package = name.split('_').next().unwrap_or_default();
    name.ends_with(".deb") && !["libc6", "libc-bin"].contains(&package)
}

/// The folders of unpacked packages that hold shared libraries.
pub(super) fn library_folders(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut left: Vec<_> = ["usr/lib", "lib"].map(|name| root.join(name)).into();
    left.retain(|folder| folder.is_dir());
    while let Some(folder) = left.pop() {
        let mut has_library = false;
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                left.push(entry.path());
            } else if name.starts_with("lib") && name.contains(".so") {
                has_library = true;
            }
        }
        if has_library {
            found.push(folder.display().to_string());
        }
    }
    found.sort();
    Ok(found)
}

/// Lets the fonts of the packages be found as well as the machine's, by the general names too.
pub(super) fn font_configuration(root: &Path, folder: &Path) -> String {
    let general: String = [
        ("sans-serif", "DejaVu Sans"),
        ("system-ui", "DejaVu Sans"),
        ("serif", "DejaVu Serif"),
        ("monospace", "DejaVu Sans Mono"),
    ]
    .map(|(name, font)| {
        format!(
            "  <alias><family>{name}</family><prefer><family>{font}</family></prefer></alias>\n"
        )
    })
    .concat();
    format!(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE fontconfig SYSTEM \"fonts.dtd\">\n<fontconfig>\n  \
         <dir>/usr/share/fonts</dir>\n  <dir>{}</dir>\n  <cachedir>{}</cachedir>\n  \
         <include ignore_missing=\"yes\">/etc/fonts/conf.d</include>\n{general}</fontconfig>\n",
        root.join("usr/share/fonts").display(),
        folder.join("font-cache").display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_c_library_stays_the_machines_own() {
        for (name, wanted) in [
            ("chromium_148.0-1_amd64.deb", true),
            ("libc6_2.36-9_amd64.deb", false),
            ("libc-bin_2.36-9_amd64.deb", false),
            ("libcups2_2.4_amd64.deb", true),
            ("lock", false),
            ("partial", false),
        ] {
            assert_eq!(is_wanted(Path::new(name)), wanted, "{name}");
        }
    }

    #[test]
    fn only_folders_with_libraries_are_searched_for_them() {
        let folder = tempfile::tempdir().unwrap();
        for file in [
            "usr/lib/arch/libx.so.3",
            "usr/lib/arch/nss/liby.so",
            "usr/lib/perl/z.so",
            "usr/share/libz.so",
            "lib/arch/libz.so.1",
        ] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let expected: Vec<_> = ["lib/arch", "usr/lib/arch", "usr/lib/arch/nss"]
            .map(|name| folder.path().join(name).display().to_string())
            .into();
        assert_eq!(library_folders(folder.path()).unwrap(), expected);
    }
}
