//! The faces a training needs, from wherever they are.

use std::{borrow::Cow, path::Path};

use anyhow::{Context, ensure};
use shared::{checksum::crc32, label::Emotion, preprocessing::Preprocessing};

use super::progress;
use crate::{
    architecture::Architecture,
    data::{
        Aside, Faces, FerPlus, LabelSet, NormalizedDataset, NormalizedFaces, Source, Split, VoteShares, keep_aside,
        kept, load_normalized, load_twins, near_duplicates, read_ferplus, read_votes,
    },
    export::MeasuredOn,
    training::{LabelledFaces, TrainingFaces, ValidationFaces},
};

/// Where preprocessed faces, and what is known of twins, are kept.
pub const CACHE: &str = "runs/cache";

/// Preprocessed faces, with what the recipe needs beside them.
pub struct LoadedFaces {
    dataset: NormalizedDataset,
    pixels: Option<Vec<u8>>,
    votes: Option<Vec<VoteShares>>,
    left_out: Option<Vec<bool>>,
    held_out: Option<NormalizedFaces>,
    near: Option<Vec<bool>>,
    near_held_out: Option<Vec<bool>>,
    without_majority: [usize; 2],
}

impl LoadedFaces {
    /// Reads, or draws, what `architecture` is trained on, with the labels that it is for; preprocessed faces are kept in
    /// `runs/cache`. With `share`, that part of the training faces is kept aside and validated on.
    pub fn load(
        source: &Source,
        architecture: &Architecture,
        votes: Option<&Path>,
        share: Option<f64>,
    ) -> anyhow::Result<Self> {
        let bar = match source {
            Source::Csv(_) => progress::bar("reading faces", "bytes"),
            Source::Folder(_) => progress::bar("reading faces", "faces"),
            Source::Synthetic(_) => progress::bar("drawing faces", "faces"),
        };
        let mut report = |done, total| progress::advance(&bar, done, total);
        let preprocessing = architecture.preprocessing;
        let cache = Path::new(CACHE).join(cache_name(source, preprocessing));
        let (mut dataset, warning) = load_normalized(source, preprocessing, &cache, &mut report)?;
        let recipe = &architecture.recipe;
        let mut raw = match recipe.distinct || !recipe.augmentation.is_off() || share.is_some() {
            true => Some(source.read(&mut report)?),
            false => None,
        };
        let (mut near, unkept) = load_twins(source, Split::PublicTest, Path::new(CACHE), || match &raw {
            Some(raw) => Ok(Cow::Borrowed(raw)),
            None => source.read(&mut report).map(Cow::Owned),
        })?;
        let mut without_majority = [0; 2];
        let votes = if architecture.labels() == LabelSet::FerPlus {
            let mut training_votes = Vec::new();
            for (split, without) in [Split::Training, Split::PublicTest].into_iter().zip(&mut without_majority) {
                let judged = ferplus(source, votes, split, dataset.require(split)?.labels.len())?;
                let labels = labels(&judged);
                dataset.relabel(split, &labels);
                if let Some(raw) = &mut raw {
                    raw.faces_mut(split).relabel(&labels);
                }
                if let (Split::PublicTest, Some(near)) = (split, &mut near) {
                    *near = kept(&labels.iter().map(Option::is_some).collect::<Vec<_>>(), near);
                }
                *without = labels.iter().filter(|label| label.is_none()).count();
                if split == Split::Training {
                    training_votes.extend(judged.iter().filter(|face| face.label.is_some()).map(|face| face.shares));
                }
            }
            Some(training_votes)
        } else {
            let faces = dataset.require(Split::Training)?.labels.len();
            votes.map(|path| read_votes(path, Split::Training, faces)).transpose()?
        };
        let (mut pixels, mut left_out, mut aside, mut near_held_out) = (None, None, None, None);
        if let Some(raw) = &raw {
            let training = &raw.require(Split::Training)?.pixels;
            left_out = recipe.distinct.then(|| near_duplicates(training, &raw.faces(Split::PublicTest).pixels));
            if let Some(share) = share {
                let Aside { held_out, left_out: all } = keep_aside(training, share, left_out.as_deref());
                if !matches!(source, Source::Synthetic(_)) && !recipe.distinct {
                    let learned: Vec<bool> = all.iter().map(|left_out| !left_out).collect();
                    near_held_out = Some(near_duplicates(&kept(&held_out, training), &kept(&learned, training)));
                }
                left_out = Some(all);
                let faces = dataset.require(Split::Training)?;
                let (images, labels) = (kept(&held_out, &faces.images), kept(&held_out, &faces.labels));
                ensure!(
                    !labels.is_empty(),
                    "no face is among the {share} of the training faces that --held-out keeps aside"
                );
                aside = Some(NormalizedFaces { images, labels });
            }
            pixels = (!recipe.augmentation.is_off()).then(|| training.clone());
        }
        bar.finish_and_clear();
        for warning in warning.into_iter().chain(unkept) {
            eprintln!("warning: {warning}");
        }
        Ok(Self { dataset, pixels, votes, left_out, held_out: aside, near, near_held_out, without_majority })
    }

    pub fn training(&self) -> anyhow::Result<TrainingFaces<'_>> {
        let faces = labelled(&self.dataset, Split::Training)?;
        let (pixels, votes) = (self.pixels.as_deref(), self.votes.as_deref());
        Ok(TrainingFaces {
            faces,
            pixels,
            votes,
            soft_targets: None,
            teachers: &[],
            left_out: self.left_out.as_deref(),
        })
    }

    /// Training faces that are nearly faces of `PublicTest`, or of those that are kept aside, and are left out.
    pub fn left_out(&self) -> usize {
        self.left_out.iter().flatten().filter(|&&left_out| left_out).count() - self.held_out()
    }

    /// Training faces that are kept aside.
    pub fn held_out(&self) -> usize {
        self.held_out.as_ref().map_or(0, |faces| faces.labels.len())
    }

    /// Faces of training and validation that are left out because the FER+ votes have no majority for an emotion.
    pub fn without_majority(&self) -> [usize; 2] {
        self.without_majority
    }

    /// `PublicTest`, and the faces that are kept aside, if there are any.
    pub fn measured_on(&self) -> anyhow::Result<MeasuredOn<'_>> {
        let held_out = self.held_out.as_ref().map(|NormalizedFaces { images, labels }| ValidationFaces {
            faces: LabelledFaces { images, labels },
            near: self.near_held_out.as_deref(),
        });
        let split = Split::PublicTest;
        let reported = ValidationFaces { faces: labelled(&self.dataset, split)?, near: self.near.as_deref() };
        Ok(MeasuredOn { reported, split: split.name(), held_out })
    }
}

/// Says why these faces cannot have FER+'s labels, if they cannot.
pub fn check_ferplus(source: &Source) -> anyhow::Result<()> {
    ensure!(
        matches!(source, Source::Csv(_)),
        "FER+ labels the rows of fer2013.csv, not {}; name that file with --data",
        source.description()
    );
    Ok(())
}

/// Gives faces of a split the labels of FER+, and removes those that have none; for each face that there was whether it stays.
pub fn relabel(source: &Source, votes: Option<&Path>, split: Split, faces: &mut Faces) -> anyhow::Result<Vec<bool>> {
    let labels = labels(&ferplus(source, votes, split, faces.len())?);
    faces.relabel(&labels);
    Ok(labels.iter().map(Option::is_some).collect())
}

fn ferplus(source: &Source, votes: Option<&Path>, split: Split, faces: usize) -> anyhow::Result<Vec<FerPlus>> {
    check_ferplus(source)?;
    let votes = votes.context("FER+'s labels come from its votes; name their file with --votes (fer2013new.csv)")?;
    Ok(read_ferplus(votes, split, faces)?)
}

fn labels(judged: &[FerPlus]) -> Vec<Option<Emotion>> {
    judged.iter().map(|face| face.label).collect()
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
