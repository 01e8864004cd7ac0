//! 48x48 grey levels and labels, by split.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use shared::{checksum::CRC_32, label::Emotion, preprocessing::FACE_PIXELS};

use super::DataError;

/// A part of a data set, named as FER2013's column `Usage` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Split {
    /// Faces to train on; folder `train`.
    Training,
    /// Faces to choose by; folder `validation`.
    PublicTest,
    /// Faces for the final report; folder `test`.
    PrivateTest,
}

impl Split {
    /// All splits, in the order that they are kept.
    pub const ALL: [Split; 3] = [Split::Training, Split::PublicTest, Split::PrivateTest];

    /// FER2013's name.
    pub const fn name(self) -> &'static str {
        match self {
            Split::Training => "Training",
            Split::PublicTest => "PublicTest",
            Split::PrivateTest => "PrivateTest",
        }
    }

    /// The name of its folder in a folder of images.
    pub const fn folder(self) -> &'static str {
        match self {
            Split::Training => "train",
            Split::PublicTest => "validation",
            Split::PrivateTest => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Split {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = |split: &Split| {
            let short = if *split == Split::PublicTest { &["val", "valid"][..] } else { &[] };
            let mut names = [split.name(), split.folder()].into_iter().chain(short.iter().copied());
            names.any(|name| text.eq_ignore_ascii_case(name))
        };
        Split::ALL.into_iter().find(named).ok_or_else(|| format!("`{text}` is not Training, PublicTest or PrivateTest"))
    }
}

/// Faces of one split, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faces {
    /// 2,304 grey levels per face, row by row.
    pub pixels: Vec<u8>,
    /// One per face.
    pub labels: Vec<u8>,
}

impl Faces {
    /// Number of faces.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no face.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Adds a face at the end.
    pub fn push(&mut self, pixels: &[u8; FACE_PIXELS], emotion: Emotion) {
        self.pixels.extend_from_slice(pixels);
        self.labels.push(emotion.index() as u8);
    }

    /// Gives every face another label; those that get `None` are removed. One entry per face.
    pub fn relabel(&mut self, labels: &[Option<Emotion>]) {
        relabel(&mut self.labels, &mut self.pixels, labels);
    }

    /// Faces with their labels.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8; FACE_PIXELS], Emotion)> {
        let emotions = self.labels.iter().map(|&label| Emotion::from_index(label.into()).unwrap_or(Emotion::Neutral));
        self.pixels.as_chunks::<FACE_PIXELS>().0.iter().zip(emotions)
    }
}

/// New labels for faces with an equal number of `values` each; a face that gets `None` is removed.
pub(super) fn relabel<T: Copy>(labels: &mut Vec<u8>, values: &mut Vec<T>, new: &[Option<Emotion>]) {
    let keep: Vec<bool> = new.iter().map(Option::is_some).collect();
    *values = kept(&keep, values);
    *labels = new.iter().flatten().map(|emotion| emotion.index() as u8).collect();
}

/// The values of the entries to keep, where every entry has the same number of values.
pub fn kept<T: Copy>(keep: &[bool], values: &[T]) -> Vec<T> {
    let size = (values.len() / keep.len().max(1)).max(1);
    let entries = values.chunks_exact(size).zip(keep);
    entries.filter(|(_, keep)| **keep).flat_map(|(values, _)| values).copied().collect()
}

/// Labelled faces by split.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dataset {
    /// The source in words.
    pub description: String,
    /// Warnings for the user, such as files that were left out.
    pub warnings: Vec<String>,
    splits: [Faces; 3],
}

impl Dataset {
    /// No faces yet.
    pub fn new(description: String) -> Self {
        Self { description, ..Self::default() }
    }

    /// The faces of a split; there may be none.
    pub fn faces(&self, split: Split) -> &Faces {
        &self.splits[split as usize]
    }

    /// The faces of a split, to add to.
    pub fn faces_mut(&mut self, split: Split) -> &mut Faces {
        &mut self.splits[split as usize]
    }

    /// The faces of a split that must have some.
    ///
    /// # Errors
    /// [`DataError::EmptySplit`].
    pub fn require(&self, split: Split) -> Result<&Faces, DataError> {
        let faces = self.faces(split);
        if faces.is_empty() {
            let present = Split::ALL.into_iter().filter(|&split| !self.faces(split).is_empty()).collect();
            return Err(DataError::EmptySplit { description: self.description.clone(), split, present });
        }
        Ok(faces)
    }

    /// A number that changes with the faces and labels that a network learns from or is chosen by, wherever they come from
    /// and whatever their file is called.
    pub fn contents(&self) -> u64 {
        let mut digest = CRC_32.digest();
        for split in [Split::Training, Split::PublicTest] {
            let Faces { pixels, labels } = self.faces(split);
            digest.update(&(labels.len() as u64).to_le_bytes());
            digest.update(labels);
            digest.update(pixels);
        }
        let count = (self.faces(Split::Training).len() + self.faces(Split::PublicTest).len()) as u64;
        count << 32 ^ u64::from(digest.finalize())
    }

    /// Faces of all splits.
    pub fn total(&self) -> usize {
        self.splits.iter().map(Faces::len).sum()
    }
}
