//! Finds a region, and says in one sentence what is wrong with it.
//!
//! A region's file can be removed, replaced by a new region under the same path, or cut short
//! while it is being looked at. The mapping stays with the old file, so whoever looks for longer
//! asks now and then what became of the path.

use crate::exit::Failure;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tidegate::engine::{Engine, Probe};
use tidegate::health::Status;
use tidegate::region::events::Cursor;
use tidegate::snapshot::Snapshot;
use tidegate::snapshot::event::EventReading;

/// Which file a path leads to, and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    length: u64,
}

/// A region, mapped read-only.
pub struct Attached {
    engine: Engine,
    path: PathBuf,
    identity: Identity,
}

/// What became of the path of an attached region.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
    /// The region is still there.
    Same,
    /// Another file has taken its place.
    Replaced,
    /// Nothing is there any more.
    Gone,
}

impl Attached {
    /// Attaches to the region at `path`.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        // The file may be replaced between attaching to it and looking which one it was.
        for _ in 0..16 {
            let before = identity(path);
            let engine = Engine::attach(path).map_err(|cause| explain(path, cause.message()))?;
            if let (Some(before), Some(after)) = (before, identity(path))
                && before == after
            {
                return Ok(Attached {
                    engine,
                    path: path.to_owned(),
                    identity: after,
                });
            }
        }
        Err(Failure::Failed(format!(
            "{} keeps being replaced",
            path.display()
        )))
    }

    /// What became of the path since.
    pub fn standing(&self) -> Standing {
        match identity(&self.path) {
            None => Standing::Gone,
            Some(now) if (now.device, now.inode) == (self.identity.device, self.identity.inode) => {
                Standing::Same
            }
            Some(_) => Standing::Replaced,
        }
    }

    /// Everything that it holds now.
    pub fn snapshot(&self) -> Result<Snapshot, Failure> {
        self.whole().map(Engine::snapshot)
    }

    /// How the service is, and the HTTP status that a probe would get.
    pub fn health(&self, probe: Probe) -> Result<(Status, u16), Failure> {
        let judged = self.whole()?.health(probe);
        judged.map_err(|cause| explain(&self.path, cause.message()))
    }

    /// The events from number `next` on, at most `most`, and where to go on.
    pub fn events(&self, next: u64, most: usize) -> Result<(Vec<EventReading>, Cursor), Failure> {
        self.whole().map(|engine| engine.events(next, most))
    }

    /// The engine, unless the file was cut short: reading beyond its end would kill this process.
    fn whole(&self) -> Result<&Engine, Failure> {
        match identity(&self.path) {
            Some(now) if now.inode == self.identity.inode && now.length < self.identity.length => {
                Err(Failure::Failed(format!(
                    "{}: the file was cut from {} to {} bytes while it was looked at",
                    self.path.display(),
                    self.identity.length,
                    now.length
                )))
            }
            _ => Ok(&self.engine),
        }
    }

    /// Number of the file.
    pub fn inode(&self) -> u64 {
        self.identity.inode
    }
}

fn identity(path: &Path) -> Option<Identity> {
    let found = std::fs::symlink_metadata(path).ok()?;
    Some(Identity {
        device: found.dev(),
        inode: found.ino(),
        length: found.len(),
    })
}

/// The library's sentence, with the path when it does not hold it, and with a hint when a region
/// of this name is where regions usually are.
fn explain(path: &Path, message: &str) -> Failure {
    let shown = path.display().to_string();
    let mut sentence = if message.contains(&shown) {
        message.to_owned()
    } else {
        format!("{shown}: {message}")
    };
    let usual = Path::new("/dev/shm").join(path);
    if path.components().count() == 1 && identity(path).is_none() && identity(&usual).is_some() {
        sentence += &format!("; did you mean {}?", usual.display());
    }
    Failure::Failed(sentence)
}
