//! How records look on standard output and in files.

mod text;

use crate::record::Record;

pub use text::one as text;

/// One JSON object on one line.
pub fn json(record: &Record) -> serde_json::Result<String> {
    Ok(serde_json::to_string(record)? + "\n")
}
