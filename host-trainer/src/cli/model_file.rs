//! Model files on disk.

use std::path::Path;

use anyhow::Context;
use shared::model::AlignedBytes;

/// Reads a model file to where it can be parsed in place.
pub fn read(path: &Path) -> anyhow::Result<AlignedBytes> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(AlignedBytes::new(&bytes))
}
