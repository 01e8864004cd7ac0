//! A folder of photographs: the largest face of each, its eyes level, as the classifiers know faces.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use image::{GrayImage, Luma};
use pictures::photograph::faces_of;
use rayon::prelude::*;
use shared::{
    finder::Finder,
    label::Emotion,
    model::AlignedBytes,
    preprocessing::{FACE_PIXELS, FACE_SIZE},
};

use super::{DataError, Dataset, Progress, Split, folder};
use crate::{
    image_file::{self, ImageError, centre},
    synthetic,
};

/// Photographs that are read between two reports of progress.
const AT_ONCE: usize = 16;

/// Names of photographs without a face that a warning tells.
const NAMED: usize = 50;

/// A finder file that was read and checked.
#[derive(Clone, Debug)]
pub struct FinderFile {
    /// Where it is; `None` if it comes with the program.
    path: Option<PathBuf>,
    bytes: Arc<AlignedBytes>,
    crc: u32,
}

/// The same file, wherever it lies.
impl PartialEq for FinderFile {
    fn eq(&self, other: &Self) -> bool {
        self.bytes.as_slice() == other.bytes.as_slice()
    }
}

impl Eq for FinderFile {}

impl FinderFile {
    /// The finder in these bytes, which were read from `path`, or came with the program.
    ///
    /// # Errors
    /// [`DataError::Read`] if they are no finder.
    pub fn new(path: Option<PathBuf>, bytes: &[u8]) -> Result<Self, DataError> {
        let bytes = AlignedBytes::new(bytes);
        let crc = match Finder::parse(bytes.as_slice()) {
            Ok(finder) => finder.crc,
            Err(error) => return Err(failed(path.as_deref(), error.to_string())),
        };
        Ok(Self { path, bytes: Arc::new(bytes), crc })
    }

    /// Where it is; `None` if it comes with the program.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    fn parse(&self) -> Result<Finder<'_>, DataError> {
        Finder::parse(self.bytes.as_slice()).map_err(|error| failed(self.path(), error.to_string()))
    }
}

fn failed(path: Option<&Path>, error: String) -> DataError {
    DataError::Read { path: path.unwrap_or(Path::new("the finder that comes with the program")).into(), error }
}

/// Reads the photographs; `progress` counts them. Those without a face are left out, counted and named.
pub(super) fn read(path: &Path, finder: &FinderFile, progress: Progress<'_>) -> Result<Dataset, DataError> {
    let parsed = finder.parse()?;
    let listing = folder::list(path)?;
    let mut dataset = Dataset::new(format!("the faces found in {}", path.display()));
    dataset.warnings.extend(listing.warning(path));
    let (total, mut done) = (listing.files.len() as u64, 0);
    let mut faceless: Vec<&Path> = Vec::new();
    for files in listing.files.chunks(AT_ONCE) {
        let faces: Vec<_> = files.par_iter().map(|(file, _, _)| largest_face(&parsed, file)).collect();
        for ((file, split, emotion), face) in files.iter().zip(faces) {
            match face? {
                Some(face) => push(&mut dataset, *split, &face, *emotion),
                None => faceless.push(file),
            }
        }
        done += files.len() as u64;
        progress(done, total);
    }
    if faceless.len() == listing.files.len() {
        let remedy = "no face was found in any of the photographs; faces of 24 pixels and more are found, upright or tilted by 30 \
                      degrees; crops that a face fills are trained on without --find-faces";
        return Err(DataError::NoFaces { path: path.into(), remedy });
    }
    dataset.warnings.extend(warning(path, &faceless, listing.files.len()));
    Ok(dataset)
}

fn push(dataset: &mut Dataset, split: Split, face: &[u8; FACE_PIXELS], emotion: Emotion) {
    dataset.faces_mut(split).push(face, emotion);
}

/// The photographs in which no face was found, in words.
fn warning(folder: &Path, faceless: &[&Path], of: usize) -> Option<String> {
    let name = |path: &&Path| path.strip_prefix(folder).unwrap_or(path).display().to_string();
    let names: Vec<String> = faceless.iter().take(NAMED).map(name).collect();
    let others = match faceless.len().saturating_sub(NAMED) {
        0 => String::new(),
        others => format!(" and {others} others"),
    };
    (!faceless.is_empty()).then(|| {
        format!("{}: no face in {} of {of} photographs: {}{others}", folder.display(), faceless.len(), names.join(", "))
    })
}

/// The largest face of a photograph. A picture of 48x48 pixels is a face by itself, as it is for `predict`.
fn largest_face(finder: &Finder<'_>, file: &Path) -> Result<Option<[u8; FACE_PIXELS]>, DataError> {
    let read = |error: String| DataError::Read { path: file.into(), error };
    let picture = image_file::read_image(file).map_err(|ImageError { problem, .. }| read(problem))?.to_luma8();
    let size = FACE_SIZE as u32;
    if picture.dimensions() == (size, size) {
        return centre(&picture).map(Some).map_err(read);
    }
    let faces = faces_of(finder, &picture).map_err(|error| read(error.to_string()))?;
    Ok(faces.first().map(|face| face.aligned))
}

/// What the finder makes of a drawn picture, and which finder it is. It changes when the file or the code changes.
pub(super) fn probe(finder: &FinderFile) -> Result<Vec<u8>, DataError> {
    let face = synthetic::face(1, 3);
    let picture = GrayImage::from_fn(192, 144, |x, y| {
        let inside = x.checked_sub(48).zip(y.checked_sub(24)).filter(|(x, y)| *x < 96 && *y < 96);
        Luma([inside.map_or(120, |(x, y)| face.pixels[y as usize / 2 * FACE_SIZE + x as usize / 2])])
    });
    let found = faces_of(&finder.parse()?, &picture).map_err(|error| failed(finder.path(), error.to_string()))?;
    let mut probe = finder.crc.to_le_bytes().to_vec();
    found.iter().for_each(|face| probe.extend(face.aligned));
    Ok(probe)
}
