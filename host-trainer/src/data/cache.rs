//! Normalized faces in one file (the paper: "the normalized images are stored in a serialized file").
//!
//! The file is: `FERCACH2`, CRC-32 of the rest, then in postcard the key, the contents' number, the description, the warnings,
//! and each split's labels and images in their order. The key is a hash of the source, of the preprocessing and of what the
//! code makes of a probe; a file with another key, or one that is damaged, is made anew. It is written under another name and
//! then renamed, so there is never half a file.

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};
use shared::{
    checksum::crc32,
    label::Emotion,
    preprocessing::{FACE_PIXELS, Preprocessing},
};

use super::{DataError, Dataset, Progress, Source, Split, faces::relabel};
use crate::{files, normalization::normalize, synthetic};

const MAGIC: &[u8; 8] = b"FERCACH2";

/// Drawn faces that show whether the code still normalizes in the same way.
const PROBES: u64 = 4;

/// Normalized faces of one split, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NormalizedFaces {
    /// `[48, 48, channels]` values per face, as the core's input tensor holds them.
    pub images: Vec<i8>,
    /// One per face.
    pub labels: Vec<u8>,
}

/// Normalized faces by split.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NormalizedDataset {
    /// The source in words.
    pub description: String,
    /// [`Dataset::contents`] of the faces as they were before normalization.
    pub contents: u64,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    splits: [NormalizedFaces; 3],
}

impl NormalizedDataset {
    /// The faces of a split that must have some.
    ///
    /// # Errors
    /// [`DataError::EmptySplit`].
    pub fn require(&self, split: Split) -> Result<&NormalizedFaces, DataError> {
        let faces = self.faces(split);
        if faces.labels.is_empty() {
            let present = Split::ALL.into_iter().filter(|&split| !self.faces(split).labels.is_empty()).collect();
            return Err(DataError::EmptySplit { description: self.description.clone(), split, present });
        }
        Ok(faces)
    }

    /// The faces of a split; there may be none.
    pub fn faces(&self, split: Split) -> &NormalizedFaces {
        &self.splits[split as usize]
    }

    /// Gives every face of a split another label; those that get `None` are removed. One entry per face.
    pub fn relabel(&mut self, split: Split, labels: &[Option<Emotion>]) {
        let NormalizedFaces { images, labels: old } = &mut self.splits[split as usize];
        relabel(old, images, labels);
    }
}

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    key: u64,
    contents: u64,
    description: &'a str,
    warnings: Vec<String>,
    #[serde(borrow)]
    splits: [StoredSplit<'a>; 3],
}

#[derive(Default, Serialize, Deserialize)]
struct StoredSplit<'a> {
    #[serde(with = "serde_bytes")]
    labels: &'a [u8],
    #[serde(with = "serde_bytes")]
    images: &'a [u8],
}

/// Normalized faces of `source`, from the file `cache` if it has them, else read, normalized by the core and kept there. A
/// file that cannot be written is only a warning: the faces are there all the same.
///
/// # Errors
/// [`DataError`] if the source cannot be read.
pub fn load_normalized(
    source: &Source,
    preprocessing: Preprocessing,
    cache: &Path,
    progress: Progress<'_>,
) -> Result<NormalizedDataset, DataError> {
    let key = key(source.hash()?, &probe(|face| normalize(preprocessing, face)), preprocessing);
    if let Some(dataset) = fs::read(cache).ok().and_then(|bytes| decode(&bytes, key)) {
        return Ok(dataset);
    }
    let mut dataset = normalize_dataset(&source.read(progress)?, preprocessing);
    if let Err(error) = write(cache, &encode(&dataset, key)) {
        dataset.warnings.push(format!(
            "{}: the normalized faces cannot be kept ({error}); they will be made again next time",
            cache.display()
        ));
    }
    Ok(dataset)
}

fn key(source: u64, probe: &[i8], preprocessing: Preprocessing) -> u64 {
    let code = u64::from(crc32(bytemuck::cast_slice(probe))) << 32;
    source.rotate_left(17) ^ code ^ u64::from(crc32(format!("{preprocessing:?}").as_bytes()))
}

/// Faces that never change (drawn ones, a flat one, noise), normalized by this version of the program.
fn probe(normalize: impl Fn(&[u8]) -> Vec<i8>) -> Vec<i8> {
    let mut faces: Vec<u8> = (0..PROBES).flat_map(|index| synthetic::face(1, index).pixels).collect();
    faces.extend([90; FACE_PIXELS]);
    faces.extend((0..FACE_PIXELS as u32).map(|pixel| (pixel.wrapping_mul(2_654_435_761) >> 24) as u8));
    normalize(&faces)
}

fn normalize_dataset(dataset: &Dataset, preprocessing: Preprocessing) -> NormalizedDataset {
    let splits = Split::ALL.map(|split| {
        let faces = dataset.faces(split);
        NormalizedFaces { images: normalize(preprocessing, &faces.pixels), labels: faces.labels.clone() }
    });
    NormalizedDataset {
        description: dataset.description.clone(),
        contents: dataset.contents(),
        warnings: dataset.warnings.clone(),
        splits,
    }
}

fn encode(dataset: &NormalizedDataset, key: u64) -> Vec<u8> {
    let [training, validation, test] = &dataset.splits;
    let split = |faces: &'_ NormalizedFaces| -> (Vec<u8>, Vec<u8>) {
        (faces.labels.clone(), bytemuck::cast_slice(&faces.images).to_vec())
    };
    let owned = [split(training), split(validation), split(test)];
    let splits = owned.each_ref().map(|(labels, images)| StoredSplit { labels, images });
    let NormalizedDataset { description, contents, warnings, .. } = dataset;
    let stored = Stored { key, contents: *contents, description, warnings: warnings.clone(), splits };
    let body = postcard::to_stdvec(&stored).unwrap_or_default();
    [MAGIC.as_slice(), &crc32(&body).to_le_bytes(), &body].concat()
}

/// Decodes a cache file; `None` if it is cut short or damaged, or has another key.
fn decode(bytes: &[u8], key: u64) -> Option<NormalizedDataset> {
    let (crc, body) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
    if u32::from_le_bytes(*crc) != crc32(body) {
        return None;
    }
    let stored: Stored<'_> = postcard::from_bytes(body).ok()?;
    let splits = stored.splits.map(|split| NormalizedFaces {
        images: bytemuck::cast_slice(split.images).to_vec(),
        labels: split.labels.to_vec(),
    });
    let Stored { contents, description, warnings, .. } = stored;
    (stored.key == key).then(|| NormalizedDataset { description: description.into(), contents, warnings, splits })
}

/// Writes a file into a folder that is made if there is none.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    files::write_atomically(path, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: Preprocessing = Preprocessing::Local { sigma_floor: 1024 };

    #[test]
    fn the_key_changes_with_what_the_code_makes_of_a_face() {
        let as_it_is = probe(|face| normalize(LOCAL, face));
        assert_eq!(key(1, &as_it_is, LOCAL), key(1, &probe(|face| normalize(LOCAL, face)), LOCAL));
        // Code that rounds one value of some faces in another way.
        let changed = probe(|face| {
            let mut values = normalize(LOCAL, face);
            values.iter_mut().filter(|value| **value == 7).for_each(|value| *value += 1);
            values
        });
        assert_ne!(key(1, &as_it_is, LOCAL), key(1, &changed, LOCAL));
        assert_ne!(key(1, &as_it_is, LOCAL), key(2, &as_it_is, LOCAL));
        assert_ne!(key(1, &as_it_is, LOCAL), key(1, &as_it_is, Preprocessing::Local { sigma_floor: 1 }));
    }
}
