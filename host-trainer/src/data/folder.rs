//! A folder of images: `train|validation|test/<emotion>/*`, read in the order of their names. A missing split or emotion is an
//! empty one. What systems and programs leave behind is no part of it: names that begin with a dot, and `__MACOSX`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use shared::label::Emotion;

use super::{DataError, Dataset, Progress, Split};
use crate::image_file::{self, ImageError};

/// What data sets that people share call the emotions, where that is another word.
const OTHER_NAMES: [(&str, Emotion); 6] = [
    ("anger", Emotion::Angry),
    ("disgusted", Emotion::Disgust),
    ("fearful", Emotion::Fear),
    ("happiness", Emotion::Happy),
    ("sadness", Emotion::Sad),
    ("surprised", Emotion::Surprise),
];

/// What is in a folder.
pub(super) struct Listing {
    /// Image files with what their folders say, in the order of their names.
    pub files: Vec<(PathBuf, Split, Emotion)>,
    /// How many other files there are of each ending, and other folders.
    pub left_out: BTreeMap<String, usize>,
}

/// Looks through the folder.
pub(super) fn list(path: &Path) -> Result<Listing, DataError> {
    let mut listing = Listing { files: Vec::new(), left_out: BTreeMap::new() };
    for folder in listing.folders(path)? {
        let split = name(&folder)
            .parse::<Split>()
            .map_err(|_| DataError::FolderName { path: folder.clone(), expected: "train, validation or test" })?;
        for folder in listing.folders(&folder)? {
            // Contempt is a label of FER+, which labels the rows of a file.
            let known = emotion_of(&name(&folder)).filter(|emotion| Emotion::FER2013.contains(emotion));
            let emotion = known.ok_or_else(|| DataError::FolderName {
                path: folder.clone(),
                expected: "angry, disgust, fear, happy, sad, surprise or neutral",
            })?;
            for file in sorted(&folder)? {
                if !file.is_dir() && image_file::is_readable(&file) {
                    listing.files.push((file, split, emotion));
                } else {
                    listing.leave_out(&file);
                }
            }
        }
    }
    if listing.files.is_empty() {
        let remedy = "images must lie in train|validation|test/<emotion>/, such as train/happy/1.png; a file of faces is \
                      named itself, such as fer2013.csv";
        return Err(DataError::NoFaces { path: path.into(), remedy });
    }
    Ok(listing)
}

impl Listing {
    /// The folders in a folder; files beside them are left out.
    fn folders(&mut self, path: &Path) -> Result<Vec<PathBuf>, DataError> {
        let (folders, files): (Vec<_>, Vec<_>) = sorted(path)?.into_iter().partition(|entry| entry.is_dir());
        files.iter().for_each(|file| self.leave_out(file));
        Ok(folders)
    }

    fn leave_out(&mut self, path: &Path) {
        let kind = match path.extension() {
            _ if path.is_dir() => "folders".into(),
            Some(extension) => format!(".{}", extension.to_string_lossy()),
            None => "without an ending".into(),
        };
        *self.left_out.entry(kind).or_default() += 1;
    }

    /// What was left out, in words.
    pub fn warning(&self, path: &Path) -> Option<String> {
        let count: usize = self.left_out.values().sum();
        let kinds: Vec<_> = self.left_out.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        (count > 0).then(|| {
            format!(
                "{}: left out {count}, which are no images in train|validation|test/<emotion>/: {}; images end in {}",
                path.display(),
                kinds.join(", "),
                image_file::EXTENSIONS.map(|extension| format!(".{extension}")).join(", ")
            )
        })
    }
}

/// Reads the images; `progress` counts them.
pub(super) fn read(path: &Path, progress: Progress<'_>) -> Result<Dataset, DataError> {
    let listing = list(path)?;
    let mut dataset = Dataset::new(path.display().to_string());
    dataset.warnings.extend(listing.warning(path));
    let total = listing.files.len() as u64;
    for (done, (file, split, emotion)) in listing.files.iter().enumerate() {
        let face = image_file::read_face(file)
            .map_err(|ImageError { path, problem }| DataError::Read { path, error: problem })?;
        dataset.faces_mut(*split).push(&face, *emotion);
        progress(done as u64 + 1, total);
    }
    Ok(dataset)
}

/// What is in a folder, in the order of names.
fn sorted(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    let entries =
        fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
    let mut entries = entries.map_err(|error| DataError::Read { path: path.into(), error: error.to_string() })?;
    entries.retain(|entry| !is_left_behind(&name(entry)));
    entries.sort();
    Ok(entries)
}

/// The emotion that a folder is named after, in the words of this program or of other data sets.
fn emotion_of(name: &str) -> Option<Emotion> {
    let others = OTHER_NAMES.into_iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    Emotion::from_name(name).or(others.map(|(_, emotion)| emotion))
}

/// Whether a system or a program left this name behind: `.DS_Store`, `._im0.png`, `.ipynb_checkpoints`, `__MACOSX`.
fn is_left_behind(name: &str) -> bool {
    name.starts_with('.') || name == "__MACOSX"
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
