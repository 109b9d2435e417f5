//! The files: one per kind of event, a line of JSON per event. The adapter for the file system.

use std::{
    collections::{BTreeSet, HashMap, HashSet, hash_map::Entry},
    fs::{File, OpenOptions, TryLockError},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::event::{self, Key};
use crate::failure::Advised;

/// How the files' names end.
const ENDING: &str = "jsonl";

/// A folder that belongs to this export while it runs.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Of the folder itself. The system lets go of it when the process ends, however it ends.
    lock: File,
    files: HashMap<String, File>,
    /// Files that have lines which may not be on the disk yet.
    unsettled: BTreeSet<String>,
    /// Whether there are files that the folder's own entry may not have yet.
    has_new_files: bool,
    /// Every event in the files: 16 bytes of each, so about 40 MB of memory a million.
    known: HashSet<Key>,
}

impl Folder {
    /// Opens a folder, or makes it, and reads which events are in its files. What a run that was
    /// killed has written of a line is taken away: its event is still in the queue.
    ///
    /// # Errors
    /// When another export writes into it, a file cannot be read, or holds anything but events.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let named = || path.display().to_string();
        std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", named()))?;
        let lock = File::open(path).with_context(|| format!("cannot open {}", named()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let what = format!("another export is writing into {}", named());
                return Err(Advised::new(what, "let it end, or name another folder").into());
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", named()));
            }
        }
        let mut folder = Self {
            path: path.to_owned(),
            lock,
            files: HashMap::new(),
            unsettled: BTreeSet::new(),
            has_new_files: false,
            known: HashSet::new(),
        };
        let entries =
            std::fs::read_dir(path).with_context(|| format!("cannot read {}", named()))?;
        for entry in entries {
            let file = entry
                .with_context(|| format!("cannot read {}", named()))?
                .path();
            let kind = file.file_stem().and_then(|name| name.to_str());
            if let Some(kind) = kind.filter(|_| file.extension().is_some_and(|end| end == ENDING)) {
                folder
                    .remember(kind, &file)
                    .with_context(|| format!("cannot go on with {}", file.display()))?;
            }
        }
        Ok(folder)
    }

    /// Writes an event, unless it is there. Returns whether it was new. It is on the disk only
    /// after [`Folder::settle`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, entry: &event::Entry) -> anyhow::Result<bool> {
        let event::Entry { kind, key, line } = entry;
        if self.known.contains(key) {
            return Ok(false);
        }
        let path = self.file(kind);
        self.append(kind, &path, &format!("{line}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
        self.known.insert(*key);
        Ok(true)
    }

    fn append(&mut self, kind: &str, path: &Path, line: &str) -> std::io::Result<()> {
        let file = match self.files.entry(kind.to_owned()) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(none) => {
                self.has_new_files |= !path.exists();
                none.insert(OpenOptions::new().append(true).create(true).open(path)?)
            }
        };
        self.unsettled.insert(kind.to_owned());
        file.write_all(line.as_bytes())
    }

    /// Returns once everything that was added is on the disk.
    ///
    /// # Errors
    /// When the system cannot say that it is.
    pub fn settle(&mut self) -> anyhow::Result<()> {
        for kind in std::mem::take(&mut self.unsettled) {
            if let Some(file) = self.files.get(&kind) {
                let path = self.file(&kind);
                file.sync_data()
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        if std::mem::take(&mut self.has_new_files) {
            let path = self.path.display();
            self.lock
                .sync_all()
                .with_context(|| format!("cannot write {path}"))?;
        }
        Ok(())
    }

    fn file(&self, kind: &str) -> PathBuf {
        self.path.join(format!("{kind}.{ENDING}"))
    }

    /// Reads which events a file has, and cuts off a line that was not finished.
    fn remember(&mut self, kind: &str, path: &Path) -> anyhow::Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut reader = BufReader::new(&file);
        let (mut line, mut number, mut whole) = (Vec::new(), 0_u64, 0_u64);
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)? as u64;
            number += 1;
            let entry = std::str::from_utf8(&line)
                .map_err(|_| "it is not UTF-8")
                .and_then(|text| event::Entry::written(kind, text.trim_end()));
            match (line.ends_with(b"\n"), entry) {
                (true, Ok(entry)) => drop(self.known.insert(entry.key)),
                (true, Err(why)) => {
                    let what = format!("line {number} is none of this command's: {why}");
                    return Err(Advised::new(what, "name another folder").into());
                }
                (false, Ok(entry)) => {
                    // Somebody has cut off the last line's end, and no more.
                    self.known.insert(entry.key);
                    return Ok((&file).write_all(b"\n")?);
                }
                (false, Err(_)) => break,
            }
            whole += length;
        }
        file.set_len(whole)?;
        Ok(file.sync_all()?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(kind: &str, id: &str) -> event::Entry {
        let event = json!({"detail-type": kind, "detail": {"metadata": {"eventId": id}}});
        event::Entry::written(kind, &event.to_string()).unwrap()
    }

    fn lines(folder: &Path, kind: &str) -> usize {
        let text = std::fs::read_to_string(folder.join(format!("{kind}.jsonl"))).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "{text}");
        text.lines().count()
    }

    #[test]
    fn an_event_is_written_once_also_by_later_runs() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("made/for/it");
        for run in 0..3 {
            let mut folder = Folder::open(&path).unwrap();
            assert_eq!(folder.known.is_empty(), run == 0);
            let new = [("a", "1"), ("a", "1"), ("a", "2"), ("b", "1")]
                .map(|(kind, id)| folder.add(&entry(kind, id)).unwrap());
            folder.settle().unwrap();
            assert_eq!(new, [true, false, true, true].map(|new| new && run == 0));
            assert_eq!(folder.known.len(), 3);
        }
        assert_eq!((lines(&path, "a"), lines(&path, "b")), (2, 1));
    }

    #[test]
    fn a_run_that_was_killed_within_a_line_is_gone_on_with_wherever_it_was() {
        let first = format!("{}\n", entry("a", "1").line);
        let second = format!("{}\n", entry("a", "ü").line);
        let both = [first.as_bytes(), second.as_bytes()].concat();
        for killed_at in 0..=both.len() {
            let place = tempfile::tempdir().unwrap();
            std::fs::write(place.path().join("a.jsonl"), &both[..killed_at]).unwrap();
            let mut folder = Folder::open(place.path()).unwrap();
            for id in ["1", "ü", "3"] {
                folder.add(&entry("a", id)).unwrap();
            }
            folder.settle().unwrap();
            assert_eq!(lines(place.path(), "a"), 3, "killed at {killed_at}");
        }
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("notes.txt"), "mine").unwrap();
        assert!(Folder::open(place.path()).is_ok());
        let file = place.path().join("a.jsonl");
        let text = format!("{}\nmine\n{}", entry("a", "1").line, entry("a", "2").line);
        std::fs::write(&file, &text).unwrap();
        let error = format!("{:#}", Folder::open(place.path()).unwrap_err());
        assert!(
            error.contains("line 2 is none of this command's"),
            "{error}"
        );
        assert_eq!(std::fs::read_to_string(file).unwrap(), text);
    }

    #[test]
    fn two_exports_do_not_write_into_one_folder() {
        let place = tempfile::tempdir().unwrap();
        let first = Folder::open(place.path()).unwrap();
        let error = Folder::open(place.path()).unwrap_err().to_string();
        assert!(error.contains("another export"), "{error}");
        drop(first);
        assert!(Folder::open(place.path()).is_ok());
    }
}
