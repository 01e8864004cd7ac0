//! Model files on disk.

use std::path::Path;

use anyhow::Context;
use shared::model::{AlignedBytes, Model};

/// Reads a model file into memory where it can be parsed in place.
pub fn read(path: &Path) -> anyhow::Result<AlignedBytes> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(AlignedBytes::new(&bytes))
}

/// The model in the bytes of a file that [`read`] has read.
pub fn parse<'a>(path: &Path, bytes: &'a AlignedBytes) -> anyhow::Result<Model<'a>> {
    Model::parse(bytes.as_slice()).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))
}
