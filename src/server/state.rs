//! Where the state of trust anchors is kept while burdock does not run: one small file for each zone that rolls over.
//!
//! The file is written whole or not at all. One that cannot be used is said to be so, and the configured anchors are in
//! force: never none.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::dnssec::{Anchor, Rollover, StateError};

/// Why a state that is there cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It cannot be read.
    #[error("{} cannot be read: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not what was written.
    #[error("{}, {error}", .path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Why.
        error: StateError,
    },
}

/// Goes on with the state in `path`, or begins with `anchor`: at first, and when the state cannot be used.
pub fn load(path: &Path, anchor: &Anchor, now: Duration) -> (Rollover, Option<Unusable>) {
    let text = match read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return (Rollover::new(anchor), None),
        Err(error) => {
            let path = path.to_path_buf();
            return (Rollover::new(anchor), Some(Unusable::Unreadable { path, error }));
        }
    };
    match Rollover::resume(anchor, &text, now) {
        Ok(rollover) => (rollover, None),
        Err(error) => (Rollover::new(anchor), Some(Unusable::Wrong { path: path.to_path_buf(), error })),
    }
}

/// Writes the state to `path`: into a file beside it, which then takes its place.
///
/// # Errors
/// Why it cannot; what was in `path` is still there.
pub fn save(path: &Path, rollover: &Rollover) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(".new");
    let beside = path.with_file_name(beside);
    let mut file = File::create(&beside)?;
    file.write_all(rollover.to_text().as_bytes())?;
    // The name must not point to the new file before its octets are on the disk.
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}

/// Puts what cannot be used out of the way, where somebody may look at it: at the path that is returned.
///
/// # Errors
/// Why it cannot.
pub fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".unusable");
    fs::rename(path, &aside)?;
    Ok(aside.into())
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // What is longer than anything we write is cut, and so found to be torn.
    File::open(path)?.take(MAX_OCTETS).read_to_string(&mut text)?;
    Ok(text)
}

const MAX_OCTETS: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Name;
    use crate::dnssec::{Allowance, Anchors, Event, Work};

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("burdock-state-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn root() -> Anchor {
        Anchors::builtin().at(&Name::root()).unwrap().clone()
    }

    fn failed_once() -> Rollover {
        let mut rollover = Rollover::new(&root());
        let work = Work::new(Allowance { verifications: 0, failures: 0, digests: 0, hash_blocks: 0 });
        rollover.take(Event::Failed, NOW, &work);
        rollover
    }

    #[test]
    fn what_is_saved_is_loaded_and_nothing_is_left_beside_it() {
        let folder = Folder::new("whole");
        let path = folder.0.join("root.state");
        let (first, unusable) = load(&path, &root(), NOW);
        assert!(first == Rollover::new(&root()) && unusable.is_none(), "there is none at first");
        for _ in 0..2 {
            save(&path, &failed_once()).unwrap();
            let (loaded, unusable) = load(&path, &root(), NOW);
            assert!(loaded == failed_once() && unusable.is_none());
        }
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
    }

    #[test]
    fn what_is_torn_or_unreadable_is_said_and_the_configured_anchors_are_in_force() {
        // OPS-01: never "no validation".
        let folder = Folder::new("torn");
        let path = folder.0.join("root.state");
        let whole = failed_once().to_text();
        let torn = format!("{}, line 6: the text ends before its end: it was not written whole", path.display());
        let not_text = format!("{} cannot be read: stream did not contain valid UTF-8", path.display());
        let long = format!("{}, line 1: this is longer than burdock writes", path.display());
        for (octets, problem) in [
            (whole.as_bytes()[..whole.len() - 30].to_vec(), torn),
            (vec![0xff; 10], not_text),
            (vec![b'x'; 2 << 20], long),
        ] {
            fs::write(&path, octets).unwrap();
            let (loaded, unusable) = load(&path, &root(), NOW);
            assert_eq!(unusable.unwrap().to_string(), problem);
            assert_eq!(loaded, Rollover::new(&root()));
            assert_eq!(loaded.anchors(), root().records);
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let (loaded, unusable) = load(&path, &root(), NOW);
        assert!(loaded.anchors() == root().records && unusable.is_some());
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_state() {
        let folder = Folder::new("unwritable");
        let path = folder.0.join("root.state");
        save(&path, &failed_once()).unwrap();
        let before = fs::read_to_string(&path).unwrap();
        // As in a folder that may not be written, but for root, too: the file beside it is a folder.
        fs::create_dir(folder.0.join(".root.state.new")).unwrap();
        assert!(save(&path, &Rollover::new(&root())).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
        let nowhere = folder.0.join("no/such/folder/root.state");
        assert_eq!(save(&nowhere, &failed_once()).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(save(Path::new("/"), &failed_once()).is_err());
    }
}
