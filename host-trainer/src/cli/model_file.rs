//! Model files and finder files: those that are named, or those that come with the program.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use shared::{
    finder::Finder,
    model::{Aligned, AlignedBytes, Model},
};

use crate::data::FinderFile;

/// The model that comes with the program.
pub static DEFAULT_MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../firmware/models/pi.fer"));

/// The finder that comes with the program.
pub static DEFAULT_FINDER: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../firmware/models/finder.ferf"));

/// `--model` and `--finder`.
#[derive(Args, Clone, Debug)]
pub struct ModelArguments {
    /// The model file [default: pi, which comes with the program]
    #[arg(long, value_name = "FILE.fer")]
    model: Option<PathBuf>,
    /// The finder file [default: the one that comes with the program]
    #[arg(long, value_name = "FILE.ferf")]
    finder: Option<PathBuf>,
}

/// A file that is parsed in place.
struct FileBytes {
    path: PathBuf,
    bytes: AlignedBytes,
}

/// The files that were named.
pub struct Named {
    model: Option<FileBytes>,
    finder: Option<FileBytes>,
}

impl ModelArguments {
    /// Reads the files that are named.
    pub fn read(&self) -> anyhow::Result<Named> {
        Ok(Named { model: read_if_named(self.model.as_deref())?, finder: read_if_named(self.finder.as_deref())? })
    }
}

impl Named {
    /// The model that was named, or else the one that comes with the program.
    pub fn model(&self) -> anyhow::Result<Model<'_>> {
        match &self.model {
            Some(FileBytes { path, bytes }) => parse(path, bytes),
            None => Ok(Model::parse(&DEFAULT_MODEL.0)?),
        }
    }

    /// The finder that was named, or else the one that comes with the program.
    pub fn finder(&self) -> anyhow::Result<Finder<'_>> {
        match &self.finder {
            Some(FileBytes { path, bytes }) => {
                Finder::parse(bytes.as_slice()).with_context(|| path.display().to_string())
            }
            None => Ok(Finder::parse(&DEFAULT_FINDER.0)?),
        }
    }
}

/// Reads a file, if one is named.
fn read_if_named(path: Option<&Path>) -> anyhow::Result<Option<FileBytes>> {
    path.map(|path| Ok(FileBytes { path: path.into(), bytes: read(path)? })).transpose()
}

/// A finder file, or else the one that comes with the program, to find faces in photographs with.
pub fn finder_file(path: Option<&Path>) -> anyhow::Result<FinderFile> {
    let Some(path) = path else { return Ok(FinderFile::new(None, &DEFAULT_FINDER.0)?) };
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(FinderFile::new(Some(path.into()), &bytes)?)
}

/// Reads a model file into memory where it can be parsed in place.
pub fn read(path: &Path) -> anyhow::Result<AlignedBytes> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(AlignedBytes::new(&bytes))
}

/// The model in the bytes of a file that [`read`] has read.
pub fn parse<'a>(path: &Path, bytes: &'a AlignedBytes) -> anyhow::Result<Model<'a>> {
    Model::parse(bytes.as_slice()).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))
}
