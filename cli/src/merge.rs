//! `snapshot` and `merge`: one document of a region, or of those of several hosts.

use crate::attach::Attached;
use crate::document;
use crate::exit::Failure;
use crate::print;
use std::path::{Path, PathBuf};
use tidegate::export::{self, Format, Selection, json};
use tidegate::snapshot::Snapshot;

/// Prints one snapshot of the region at `path`.
pub fn snapshot(
    path: &Path,
    format: Format,
    buckets: bool,
    since: Option<&Path>,
) -> Result<(), Failure> {
    let since = since.map(read).transpose()?;
    let selection = Selection {
        buckets,
        since: since.map(Box::new),
        ..Selection::default()
    };
    tell(&Attached::open(path)?.snapshot()?, format, &selection)
}

/// Prints what the documents `files` are together.
pub fn run(files: &[PathBuf], format: Format, buckets: bool) -> Result<(), Failure> {
    let mut merged: Option<Snapshot> = None;
    for file in files {
        let next = read(file)?;
        merged = Some(match merged {
            None => next,
            Some(others) => others.merge(&next).map_err(|cause| {
                Failure::Failed(format!("{}: {}", file.display(), cause.message()))
            })?,
        });
    }
    let selection = Selection {
        buckets,
        ..Selection::default()
    };
    match merged {
        Some(merged) => tell(&merged, format, &selection),
        None => Ok(()),
    }
}

fn read(file: &Path) -> Result<Snapshot, Failure> {
    let text = document::read(file)?;
    json::read::parse(text.as_bytes())
        .map_err(|cause| Failure::Failed(format!("{}: {}", file.display(), cause.message())))
}

fn tell(snapshot: &Snapshot, format: Format, selection: &Selection) -> Result<(), Failure> {
    let text = export::render_selected(format, snapshot, selection)
        .map_err(|cause| Failure::Failed(cause.message().to_owned()))?;
    print(&text)
}
