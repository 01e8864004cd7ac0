//! Normalized faces in one file (the paper: "the normalized images are stored in a serialized file").
//!
//! The file is: `FERCACH1`, CRC-32 of the rest, then in postcard the key, the description and each split's labels and
//! images in their order. The key is a hash of the source and of the preprocessing; a file with another key, or one that is
//! damaged, is made anew. It is written under another name and then renamed, so there is never half a file.

use std::{fs, io::Write, path::Path};

use serde::{Deserialize, Serialize};
use shared::{checksum::crc32, label::Emotion, preprocessing::Preprocessing};

use super::{DataError, Dataset, Progress, Source, Split, faces::relabel};
use crate::normalization::normalize;

const MAGIC: &[u8; 8] = b"FERCACH1";

/// Normalized faces of one split, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NormalizedFaces {
    /// `[48, 48, channels]` values a face, as the core's input tensor holds them.
    pub images: Vec<i8>,
    /// One a face.
    pub labels: Vec<u8>,
}

/// Normalized faces by split.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NormalizedDataset {
    /// The source in words.
    pub description: String,
    splits: [NormalizedFaces; 3],
}

impl NormalizedDataset {
    /// The faces of a split that must have some.
    ///
    /// # Errors
    /// [`DataError::EmptySplit`].
    pub fn require(&self, split: Split) -> Result<&NormalizedFaces, DataError> {
        let faces = &self.splits[split as usize];
        if faces.labels.is_empty() {
            return Err(DataError::EmptySplit { description: self.description.clone(), split });
        }
        Ok(faces)
    }

    /// Gives every face of a split another label; those that get `None` are removed. One entry a face.
    pub fn relabel(&mut self, split: Split, labels: &[Option<Emotion>]) {
        let NormalizedFaces { images, labels: old } = &mut self.splits[split as usize];
        relabel(old, images, labels);
    }
}

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    key: u64,
    description: &'a str,
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

/// Normalized faces of `source`, from the file `cache` if it has them, else read, normalized by the core and kept there.
/// With them comes a warning if the file could not be written: the faces are there all the same.
///
/// # Errors
/// [`DataError`] if the source cannot be read.
pub fn load_normalized(
    source: &Source,
    preprocessing: Preprocessing,
    cache: &Path,
    progress: Progress<'_>,
) -> Result<(NormalizedDataset, Option<String>), DataError> {
    let key = source.hash()?.rotate_left(17) ^ u64::from(crc32(format!("{preprocessing:?}").as_bytes()));
    if let Some(dataset) = fs::read(cache).ok().and_then(|bytes| decode(&bytes, key)) {
        return Ok((dataset, None));
    }
    let dataset = normalize_dataset(&source.read(progress)?, preprocessing);
    let warning = write(cache, &encode(&dataset, key)).err().map(|error| {
        format!("{}: the normalized faces cannot be kept ({error}); they will be made again next time", cache.display())
    });
    Ok((dataset, warning))
}

fn normalize_dataset(dataset: &Dataset, preprocessing: Preprocessing) -> NormalizedDataset {
    let splits = Split::ALL.map(|split| {
        let faces = dataset.faces(split);
        NormalizedFaces { images: normalize(preprocessing, &faces.pixels), labels: faces.labels.clone() }
    });
    NormalizedDataset { description: dataset.description.clone(), splits }
}

fn encode(dataset: &NormalizedDataset, key: u64) -> Vec<u8> {
    let [training, validation, test] = &dataset.splits;
    let split = |faces: &'_ NormalizedFaces| -> (Vec<u8>, Vec<u8>) {
        (faces.labels.clone(), bytemuck::cast_slice(&faces.images).to_vec())
    };
    let owned = [split(training), split(validation), split(test)];
    let splits = owned.each_ref().map(|(labels, images)| StoredSplit { labels, images });
    let body = postcard::to_stdvec(&Stored { key, description: &dataset.description, splits }).unwrap_or_default();
    [MAGIC.as_slice(), &crc32(&body).to_le_bytes(), &body].concat()
}

/// `None` for bytes that are no whole, undamaged cache of this key.
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
    (stored.key == key).then(|| NormalizedDataset { description: stored.description.into(), splits })
}

/// Writes a file, under another name at first, so that there is never half of it.
pub(super) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    Ok(())
}
