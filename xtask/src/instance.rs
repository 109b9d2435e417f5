//! The folder that one command works in: its logs, its cloud's state, the description of its stack.
//!
//! That is `target/local/`; while another command uses it, `target/local-2/` and so on. A lock on a
//! file in it says that it is taken; the system releases the lock when the process ends, however it
//! ends. Which folder holds what is written in [`Instance`].

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::{process, workspace::Workspace};

/// The file in an instance's folder that describes the deployed stack.
const STACK: &str = "stack.json";

/// The file beside it about the users that `up` made.
const USERS: &str = "users.json";

/// How many commands may run at the same time.
const MOST: u32 = 9;

/// A folder that belongs to this command while it runs.
#[derive(Debug)]
pub(crate) struct Instance {
    /// The folder itself.
    pub(crate) folder: PathBuf,
    /// Held for its lock.
    _lock: File,
}

impl Instance {
    /// Takes the first free folder, ends what an earlier command left running there, and clears
    /// away its logs.
    pub(crate) fn take(workspace: &Workspace) -> anyhow::Result<Self> {
        let instance = Self::first_free(&workspace.root.join("target"))?;
        process::keep_record(&instance.folder.join("processes.json"));
        // What they describe has ended, and must not pass for what this command brings up.
        for name in [STACK, USERS] {
            let file = instance.folder.join(name);
            if file.exists() {
                std::fs::remove_file(&file)
                    .with_context(|| format!("cannot remove the old {}", file.display()))?;
            }
        }
        for name in ["logs", "state", "temporary"] {
            let folder = instance.folder.join(name);
            if folder.exists() {
                std::fs::remove_dir_all(&folder)
                    .with_context(|| format!("cannot clear {}", folder.display()))?;
            }
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        Ok(instance)
    }

    fn first_free(target: &Path) -> anyhow::Result<Self> {
        for folder in folders(target) {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
            let lock = File::create(folder.join("lock"))
                .with_context(|| format!("cannot make a lock in {}", folder.display()))?;
            if lock.try_lock().is_ok() {
                return Ok(Self {
                    folder,
                    _lock: lock,
                });
            }
        }
        bail!("{MOST} commands are already running in this checkout: stop one of them")
    }

    /// The log of this name.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{name}.log"))
    }

    /// A folder for the state of a server; it does not outlive the command.
    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.folder.join("state").join(name)
    }

    /// A folder for temporary files; it does not outlive the command.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.folder.join("temporary")
    }

    /// The folder of the page as it is served.
    pub(crate) fn page(&self) -> PathBuf {
        self.folder.join("page")
    }

    /// A folder for what a test leaves to be looked at. Other commands leave it alone.
    pub(crate) fn artifacts(&self) -> PathBuf {
        self.folder.join("artifacts")
    }

    /// The description of the deployed stack.
    pub(crate) fn stack(&self) -> PathBuf {
        self.folder.join(STACK)
    }

    /// The users that `up` made.
    pub(crate) fn users(&self) -> PathBuf {
        self.folder.join(USERS)
    }
}

/// Where the instances of a target folder are, or would be.
fn folders(target: &Path) -> impl Iterator<Item = PathBuf> {
    (1..=MOST).map(move |number| match number {
        1 => target.join("local"),
        _ => target.join(format!("local-{number}")),
    })
}

/// The description of the stack that was last deployed by a command that still runs.
pub(crate) fn newest_stack(target: &Path) -> anyhow::Result<Option<PathBuf>> {
    let mut newest = None;
    for folder in folders(target) {
        let (lock, stack) = (folder.join("lock"), folder.join(STACK));
        let Ok(written) = stack.metadata().and_then(|file| file.modified()) else {
            continue;
        };
        let lock = File::open(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
        // A shared lock is refused as long as the command holds its own.
        if lock.try_lock_shared().is_err() {
            newest = newest.max(Some((written, stack)));
        }
    }
    Ok(newest.map(|(_, stack)| stack))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_commands_never_share_a_folder() {
        let target = tempfile::tempdir().unwrap();
        let first = Instance::first_free(target.path()).unwrap();
        let second = Instance::first_free(target.path()).unwrap();
        assert_eq!(first.folder, target.path().join("local"));
        assert_eq!(second.folder, target.path().join("local-2"));
        drop(first);
        let third = Instance::first_free(target.path()).unwrap();
        assert_eq!(third.folder, target.path().join("local"));
    }

    #[test]
    fn the_newest_stack_is_one_that_is_up() {
        let target = tempfile::tempdir().unwrap();
        let newest = || newest_stack(target.path()).unwrap();
        assert_eq!(newest(), None);
        let instances: Vec<_> = (0..3)
            .map(|_| Instance::first_free(target.path()).unwrap())
            .collect();
        assert_eq!(newest(), None, "nothing is deployed yet");
        let [first, second, _] = &instances[..] else {
            panic!("three were taken");
        };
        let describe = |instance: &Instance, at| {
            std::fs::write(instance.stack(), "{}").unwrap();
            let file = File::options().write(true).open(instance.stack()).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(at))
                .unwrap();
        };
        describe(second, 2_000);
        describe(first, 1_000);
        assert_eq!(newest(), Some(second.stack()));
        describe(first, 3_000);
        assert_eq!(newest(), Some(first.stack()));
        let over = first.stack();
        drop(instances);
        assert!(over.exists());
        assert_eq!(newest(), None, "none of them is up any more");
    }
}
