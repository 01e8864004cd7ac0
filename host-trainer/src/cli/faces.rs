//! The faces a training needs, from wherever they are.

use std::path::Path;

use shared::{checksum::crc32, preprocessing::Preprocessing};

use super::progress;
use crate::{
    architecture::Architecture,
    data::{NormalizedDataset, Source, Split, VoteShares, load_normalized, near_duplicates, read_votes},
    training::{LabelledFaces, TrainingFaces},
};

/// Preprocessed faces, with what the recipe needs beside them.
pub struct LoadedFaces {
    dataset: NormalizedDataset,
    pixels: Option<Vec<u8>>,
    votes: Option<Vec<VoteShares>>,
    left_out: Option<Vec<bool>>,
}

impl LoadedFaces {
    /// Reads, or draws, what `architecture` is trained on; preprocessed faces are kept in `runs/cache`.
    pub fn load(source: &Source, architecture: &Architecture, votes: Option<&Path>) -> anyhow::Result<Self> {
        let bar = match source {
            Source::Csv(_) => progress::bar("reading faces", "bytes"),
            Source::Folder(_) => progress::bar("reading faces", "faces"),
            Source::Synthetic(_) => progress::bar("drawing faces", "faces"),
        };
        let mut report = |done, total| progress::advance(&bar, done, total);
        let preprocessing = architecture.preprocessing;
        let cache = Path::new("runs/cache").join(cache_name(source, preprocessing));
        let (dataset, warning) = load_normalized(source, preprocessing, &cache, &mut report)?;
        let recipe = &architecture.recipe;
        let (mut pixels, mut left_out) = (None, None);
        if recipe.distinct || !recipe.augmentation.is_off() {
            let raw = source.read(&mut report)?;
            let training = &raw.require(Split::Training)?.pixels;
            left_out = recipe.distinct.then(|| near_duplicates(training, &raw.faces(Split::PublicTest).pixels));
            pixels = (!recipe.augmentation.is_off()).then(|| training.clone());
        }
        bar.finish_and_clear();
        if let Some(warning) = warning {
            eprintln!("warning: {warning}");
        }
        let faces = dataset.require(Split::Training)?.labels.len();
        let votes = votes.map(|path| read_votes(path, Split::Training, faces)).transpose()?;
        Ok(Self { dataset, pixels, votes, left_out })
    }

    pub fn training(&self) -> anyhow::Result<TrainingFaces<'_>> {
        let faces = labelled(&self.dataset, Split::Training)?;
        let (pixels, votes) = (self.pixels.as_deref(), self.votes.as_deref());
        Ok(TrainingFaces { faces, pixels, votes, soft_targets: None, left_out: self.left_out.as_deref() })
    }

    /// Training faces that are nearly validation faces, and are left out.
    pub fn left_out(&self) -> usize {
        self.left_out.iter().flatten().filter(|&&left_out| left_out).count()
    }

    pub fn validation(&self) -> anyhow::Result<LabelledFaces<'_>> {
        labelled(&self.dataset, Split::PublicTest)
    }
}

fn labelled(dataset: &NormalizedDataset, split: Split) -> anyhow::Result<LabelledFaces<'_>> {
    let faces = dataset.require(split)?;
    Ok(LabelledFaces { images: &faces.images, labels: &faces.labels })
}

/// A file name for the faces of a source after a preprocessing.
fn cache_name(source: &Source, preprocessing: Preprocessing) -> String {
    let name = source.path().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let kind = crc32(format!("{preprocessing:?}").as_bytes());
    format!("{}-{kind:08x}.bin", name.unwrap_or_else(|| "synthetic".into()))
}
