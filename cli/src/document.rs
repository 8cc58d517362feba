//! Reads a JSON document from a file or standard input, bounded.

use crate::exit::Failure;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// No document is longer; a log given by mistake is.
const MOST_BYTES: u64 = 64 << 20;

/// The text of `file`; `-` is standard input.
pub fn read(file: &Path) -> Result<String, Failure> {
    let failed = |why: String| Failure::Failed(format!("{}: {why}", file.display()));
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        io::stdin()
            .lock()
            .take(MOST_BYTES + 1)
            .read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|opened| opened.take(MOST_BYTES + 1).read_to_end(&mut bytes))
    };
    read.map_err(|cause| failed(format!("cannot read it: {cause}")))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(failed(format!(
            "more than {MOST_BYTES} bytes are no document"
        )));
    }
    String::from_utf8(bytes).map_err(|cause| failed(format!("it is not UTF-8: {cause}")))
}
