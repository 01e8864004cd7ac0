//! The faces a training needs, from wherever they are.

use std::{borrow::Cow, path::Path};

use anyhow::{Context, ensure};
use shared::{
    checksum::{CRC_32, crc32},
    label::Emotion,
    preprocessing::Preprocessing,
};

use super::progress;
use crate::{
    architecture::Architecture,
    data::{
        Aside, Dataset, Faces, FerPlus, LabelSet, NormalizedDataset, NormalizedFaces, Source, Split, VoteShares,
        keep_aside, kept, load_normalized, load_twins, near_duplicates, read_ferplus, read_votes,
    },
    export::MeasuredOn,
    training::{Configuration, LabelledFaces, TrainingError, TrainingFaces, ValidationFaces, contents_text},
};

/// The folder of preprocessed faces and of the twins that were found.
pub const CACHE: &str = "runs/cache";

/// Share of the training faces that is kept aside where a data set has no faces for validation.
const SHARE_FOR_VALIDATION: f64 = 0.1;

/// The name of the faces that are kept aside, in reports.
const KEPT_ASIDE: &str = "Training (kept aside)";

/// Preprocessed faces, with what the recipe needs beside them.
pub struct LoadedFaces {
    dataset: NormalizedDataset,
    pixels: Option<Vec<u8>>,
    votes: Option<Vec<VoteShares>>,
    votes_contents: Option<u64>,
    left_out: Option<Vec<bool>>,
    held_out: Option<NormalizedFaces>,
    share: Option<f64>,
    near: Option<Vec<bool>>,
    near_held_out: Option<Vec<bool>>,
    without_majority: [usize; 2],
}

/// The FER+ votes, as training needs them, for faces that have been relabelled.
struct Votes {
    training: Vec<VoteShares>,
    contents: u64,
    without_majority: [usize; 2],
}

impl LoadedFaces {
    /// Reads, or draws, the faces that `architecture` is trained on, with its labels; preprocessed faces are kept in
    /// `runs/cache`. With `share`, that share of the training faces is kept aside to choose by; without faces for
    /// validation, a tenth is.
    pub fn load(
        source: &Source,
        architecture: &Architecture,
        votes: Option<&Path>,
        share: Option<f64>,
    ) -> anyhow::Result<Self> {
        let bar = progress::bar_of(source)?;
        let mut report = |done, total| progress::advance(&bar, done, total);
        let preprocessing = architecture.preprocessing;
        let cache = Path::new(CACHE).join(cache_name(source, preprocessing));
        let mut dataset = load_normalized(source, preprocessing, &cache, &mut report)?;
        dataset.require(Split::Training)?;
        let share = share.or(dataset.faces(Split::PublicTest).labels.is_empty().then_some(SHARE_FOR_VALIDATION));
        let recipe = &architecture.recipe;
        let mut raw = match recipe.distinct || !recipe.augmentation.is_off() || share.is_some() {
            true => Some(source.read(&mut report)?),
            false => None,
        };
        let (mut near, unkept) = load_twins(source, Split::PublicTest, Path::new(CACHE), || match &raw {
            Some(raw) => Ok(Cow::Borrowed(raw)),
            None => source.read(&mut report).map(Cow::Owned),
        })?;
        let votes = match (architecture.labels(), votes) {
            (LabelSet::FerPlus, votes) => Some(relabel_all(source, votes, &mut dataset, raw.as_mut(), near.as_mut())?),
            (LabelSet::Fer2013, None) => None,
            (LabelSet::Fer2013, Some(path)) => {
                let training = read_votes(path, Split::Training, dataset.require(Split::Training)?.labels.len())?;
                let contents = contents_of(training.iter().map(|shares| (None, *shares)));
                Some(Votes { training, contents, without_majority: [0; 2] })
            }
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
                    "no face is among the {share} of the training faces that are kept aside to validate on; name a larger \
                     share with --held-out, or other faces for validation"
                );
                aside = Some(NormalizedFaces { images, labels });
            }
            pixels = (!recipe.augmentation.is_off()).then(|| training.clone());
        }
        bar.finish_and_clear();
        dataset.warnings.extend(unkept);
        progress::warn(&dataset.warnings)?;
        let (votes_contents, without_majority) =
            votes.as_ref().map_or((None, [0; 2]), |votes| (Some(votes.contents), votes.without_majority));
        let votes = votes.map(|votes| votes.training);
        let held_out = aside;
        Ok(Self {
            dataset,
            pixels,
            votes,
            votes_contents,
            left_out,
            held_out,
            share,
            near,
            near_held_out,
            without_majority,
        })
    }

    /// Writes into a new run's configuration what it is trained on.
    pub fn describe(&self, configuration: &mut Configuration) {
        configuration.data_contents = Some(contents_text(self.dataset.contents));
        configuration.votes_contents = self.votes_contents.map(contents_text);
        configuration.held_out = self.share;
    }

    /// Checks that these are the faces and votes that the run in `folder` was begun with.
    ///
    /// # Errors
    /// [`TrainingError::Differs`].
    pub fn check(&self, folder: &Path, configuration: &Configuration) -> Result<(), TrainingError> {
        let mut found = configuration.clone();
        self.describe(&mut found);
        let differs = |known: &Option<String>, found: &Option<String>| known.is_some() && known != found;
        let what = if differs(&configuration.data_contents, &found.data_contents) {
            format!(
                "the run was begun with other faces of {} than there are now; name those with --data",
                configuration.data_description
            )
        } else if differs(&configuration.votes_contents, &found.votes_contents) {
            "the run was begun with other votes; name them with --votes".into()
        } else {
            return Ok(());
        };
        Err(TrainingError::Differs { folder: folder.into(), what })
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

    /// Share of the training faces that is kept aside, if there are no faces for validation.
    pub fn share_for_validation(&self) -> Option<f64> {
        self.share.filter(|_| self.dataset.faces(Split::PublicTest).labels.is_empty())
    }

    /// `PublicTest`, and the faces that are kept aside, if there are any; where there is no `PublicTest`, these are reported on
    /// too.
    pub fn measured_on(&self) -> anyhow::Result<MeasuredOn<'_>> {
        let held_out = self.held_out.as_ref().map(|NormalizedFaces { images, labels }| ValidationFaces {
            faces: LabelledFaces { images, labels },
            near: self.near_held_out.as_deref(),
        });
        let split = Split::PublicTest;
        Ok(match (self.share_for_validation(), held_out) {
            (Some(_), Some(aside)) => MeasuredOn { reported: aside, split: KEPT_ASIDE, held_out },
            _ => {
                let faces = labelled(&self.dataset, split)?;
                let reported = ValidationFaces { faces, near: self.near.as_deref() };
                MeasuredOn { reported, split: split.name(), held_out }
            }
        })
    }
}

/// The faces of a split that the user may choose otherwise.
pub fn of_split(dataset: &Dataset, split: Split) -> anyhow::Result<&Faces> {
    dataset.require(split).map_err(|error| anyhow::anyhow!("{error}; choose another --split or another --data"))
}

/// Gives the faces of training and validation the labels of FER+. `raw` are the same faces; `near` belongs to validation.
fn relabel_all(
    source: &Source,
    votes: Option<&Path>,
    dataset: &mut NormalizedDataset,
    mut raw: Option<&mut Dataset>,
    mut near: Option<&mut Vec<bool>>,
) -> anyhow::Result<Votes> {
    let (mut without_majority, mut judged) = ([0; 2], [Vec::new(), Vec::new()]);
    for (index, split) in [Split::Training, Split::PublicTest].into_iter().enumerate() {
        let faces = dataset.faces(split).labels.len();
        if faces == 0 {
            continue;
        }
        judged[index] = ferplus(source, votes, split, faces)?;
        let labels = labels(&judged[index]);
        dataset.relabel(split, &labels);
        if let Some(raw) = &mut raw {
            raw.faces_mut(split).relabel(&labels);
        }
        if let (Split::PublicTest, Some(near)) = (split, &mut near) {
            **near = kept(&labels.iter().map(Option::is_some).collect::<Vec<_>>(), near);
        }
        without_majority[index] = labels.iter().filter(|label| label.is_none()).count();
    }
    let contents = contents_of(judged.iter().flatten().map(|face| (face.label, face.shares)));
    let training = judged[0].iter().filter(|face| face.label.is_some()).map(|face| face.shares).collect();
    Ok(Votes { training, contents, without_majority })
}

/// A number that changes with the labels and the shares of votes.
fn contents_of(faces: impl Iterator<Item = (Option<Emotion>, VoteShares)>) -> u64 {
    let mut digest = CRC_32.digest();
    let mut count = 0u64;
    for (label, shares) in faces {
        digest.update(&[label.map_or(u8::MAX, |label| label.index() as u8), shares.is_some().into()]);
        shares.iter().flatten().for_each(|share| digest.update(&share.to_le_bytes()));
        count += 1;
    }
    count << 32 ^ u64::from(digest.finalize())
}

/// Checks that these faces can have FER+'s labels.
pub fn check_ferplus(source: &Source) -> anyhow::Result<()> {
    ensure!(
        matches!(source, Source::Csv(_)),
        "FER+ labels the rows of fer2013.csv, not {}; name that file with --data",
        source.description()
    );
    Ok(())
}

/// Gives faces of a split the labels of FER+, and removes those that have none; returns for each former face whether it stays.
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
    let found = if matches!(source, Source::Photographs(..)) { "-found" } else { "" };
    format!("{}{found}-{kind:08x}.bin", name.unwrap_or_else(|| "synthetic".into()))
}
