//! A folder of images: `train|validation|test/<emotion>/*.png|jpg|jpeg`, read in the order of their names. A missing split
//! or emotion is an empty one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use shared::label::Emotion;

use super::{DataError, Dataset, Progress, Split};
use crate::image_file::{self, ImageError};

/// Image files of the folder with what their folders say, in the order of their names.
pub(super) fn list(path: &Path) -> Result<Vec<(PathBuf, Split, Emotion)>, DataError> {
    let mut files = Vec::new();
    for folder in sorted(path)?.into_iter().filter(|entry| entry.is_dir()) {
        let split = name(&folder)
            .parse::<Split>()
            .map_err(|_| DataError::FolderName { path: folder.clone(), expected: "train, validation or test" })?;
        for folder in sorted(&folder)?.into_iter().filter(|entry| entry.is_dir()) {
            // Contempt is a label of FER+, which labels the rows of a file.
            let known = Emotion::from_name(&name(&folder)).filter(|emotion| Emotion::FER2013.contains(emotion));
            let emotion = known.ok_or_else(|| DataError::FolderName {
                path: folder.clone(),
                expected: "angry, disgust, fear, happy, sad, surprise or neutral",
            })?;
            files.extend(sorted(&folder)?.into_iter().filter(|file| is_image(file)).map(|file| (file, split, emotion)));
        }
    }
    if files.is_empty() {
        let remedy = "images must lie in train|validation|test/<emotion>/ and end in .png, .jpg or .jpeg";
        return Err(DataError::NoFaces { path: path.into(), remedy });
    }
    Ok(files)
}

/// Reads the images; `progress` counts them.
pub(super) fn read(path: &Path, progress: Progress<'_>) -> Result<Dataset, DataError> {
    let files = list(path)?;
    let mut dataset = Dataset::new(path.display().to_string());
    let total = files.len() as u64;
    for (done, (file, split, emotion)) in files.iter().enumerate() {
        let face = image_file::read_face(file)
            .map_err(|ImageError { path, problem }| DataError::Read { path, error: problem })?;
        dataset.faces_mut(*split).push(&face, *emotion);
        progress(done as u64 + 1, total);
    }
    Ok(dataset)
}

fn sorted(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    let entries =
        fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
    let mut entries = entries.map_err(|error| DataError::Read { path: path.into(), error: error.to_string() })?;
    entries.sort();
    Ok(entries)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    ["png", "jpg", "jpeg"].iter().any(|known| extension == *known)
}
