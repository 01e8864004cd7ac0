//! What `--data` means, and where faces are looked for without it.

use std::{
    ffi::OsString,
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use shared::checksum::CRC_32;

use super::{DataError, Dataset, FinderFile, Progress, Split, csv_file, folder, photographs};
use crate::{files, image_file, synthetic};

/// Faces that are drawn between two reports of progress.
const FACES_A_REPORT: u64 = 128;

/// Where a system has what `-` stands for.
const STANDARD_INPUT: &str = "/dev/stdin";

/// Where faces come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `fer2013.csv`, plain or gzipped.
    Csv(PathBuf),
    /// A folder of images by split and emotion.
    Folder(PathBuf),
    /// A folder of photographs by split and emotion: the largest face of each, as the finder levels it.
    Photographs(PathBuf, FinderFile),
    /// Faces that the program draws itself.
    Synthetic(SyntheticFaces),
}

/// How many faces are drawn for each split; no face is in two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntheticFaces {
    /// Seed of the faces.
    pub seed: u64,
    /// Faces to train on.
    pub training: u64,
    /// Faces to choose by.
    pub validation: u64,
    /// Faces held out.
    pub test: u64,
}

impl Default for SyntheticFaces {
    fn default() -> Self {
        Self { seed: 1, training: 6_000, validation: 1_200, test: 1_200 }
    }
}

/// The source that `--data` names, `-` for standard input; without it `$FER2013` if that is not empty, `data/fer2013.csv`,
/// `data/fer2013.csv.gz`, and at last synthetic faces. A path that leads nowhere is an error, never a reason to draw faces.
///
/// # Errors
/// [`DataError::Read`].
pub fn locate(data: Option<&Path>) -> Result<Source, DataError> {
    locate_or(data, std::env::var_os("FER2013"))
}

fn locate_or(data: Option<&Path>, variable: Option<OsString>) -> Result<Source, DataError> {
    if let Some(path) = data {
        return at(if path == Path::new("-") { STANDARD_INPUT.into() } else { path.into() });
    }
    if let Some(path) = variable.filter(|value| !value.is_empty()) {
        return at(path.into()).map_err(|error| match error {
            DataError::Read { path, error } => {
                DataError::Read { path, error: format!("{error}; the variable FER2013 names it") }
            }
            other => other,
        });
    }
    for path in ["data/fer2013.csv", "data/fer2013.csv.gz"] {
        if Path::new(path).exists() {
            return at(path.into());
        }
    }
    Ok(Source::Synthetic(SyntheticFaces::default()))
}

fn at(path: PathBuf) -> Result<Source, DataError> {
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Ok(Source::Folder(path)),
        Ok(_) => Ok(Source::Csv(path)),
        Err(error) => Err(DataError::Read { path, error: error.to_string() }),
    }
}

impl Source {
    /// The same folder as one of photographs, in which faces are found.
    ///
    /// # Errors
    /// [`DataError::NoPhotographs`] if this is no folder.
    pub fn with_faces_found(self, finder: FinderFile) -> Result<Self, DataError> {
        match self {
            Source::Folder(path) | Source::Photographs(path, _) => Ok(Source::Photographs(path, finder)),
            other => Err(DataError::NoPhotographs { description: other.description() }),
        }
    }

    /// The path, if there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Source::Csv(path) | Source::Folder(path) | Source::Photographs(path, _) => Some(path),
            Source::Synthetic(_) => None,
        }
    }

    /// In words: the file's name, the folder, or what was drawn.
    pub fn description(&self) -> String {
        match self {
            Source::Csv(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            Source::Folder(path) => path.display().to_string(),
            Source::Photographs(path, _) => format!("the faces found in {}", path.display()),
            Source::Synthetic(faces) => faces.description(),
        }
    }

    /// Reads, or draws, all faces.
    ///
    /// # Errors
    /// [`DataError`] names the place and the remedy.
    pub fn read(&self, progress: Progress<'_>) -> Result<Dataset, DataError> {
        match self {
            Source::Csv(path) => csv_file::read(path, progress),
            Source::Folder(path) => folder::read(path, progress),
            Source::Photographs(path, finder) => photographs::read(path, finder, progress),
            Source::Synthetic(faces) => Ok(faces.draw(progress)),
        }
    }

    /// A checksum that changes when the faces may have changed: of the bytes of a file; of the names, sizes and times of a
    /// folder's images, of a probe that the code for images reads, and where faces are found, of the finder file and of a face that
    /// the finder's code finds; of the parameters of synthetic faces. It reads no images;
    /// [`Dataset::contents`] is the checksum of the faces themselves.
    ///
    /// # Errors
    /// [`DataError::Read`]; [`DataError::Pipe`], since a pipe can be read only once.
    pub fn hash(&self) -> Result<u64, DataError> {
        let mut digest = CRC_32.digest();
        let mut length = 0u64;
        let error = |path: &Path, error: io::Error| DataError::Read { path: path.into(), error: error.to_string() };
        match self {
            Source::Csv(path) => {
                if !fs::metadata(path).map_err(|problem| error(path, problem))?.is_file() {
                    return Err(DataError::Pipe { path: path.clone() });
                }
                return files::contents(path).map_err(|problem| error(path, problem));
            }
            Source::Folder(path) | Source::Photographs(path, _) => {
                let listing = folder::list(path)?;
                for (file, split, emotion) in &listing.files {
                    let metadata = fs::metadata(file).map_err(|problem| error(file, problem))?;
                    // Wherever the folder lies.
                    let name = file.strip_prefix(path).unwrap_or(file);
                    digest.update(format!("{name:?} {split} {emotion} {}", times(&metadata)).as_bytes());
                    length = length.wrapping_mul(31).wrapping_add(metadata.len());
                }
                digest.update(format!("{:?}", listing.left_out).as_bytes());
                digest.update(&image_file::probe());
                if let Source::Photographs(_, finder) = self {
                    digest.update(b"faces are found");
                    digest.update(&photographs::probe(finder)?);
                }
            }
            Source::Synthetic(faces) => digest.update(format!("{faces:?} {}", synthetic::VERSION).as_bytes()),
        }
        Ok(length << 32 ^ u64::from(digest.finalize()))
    }
}

/// When a file was changed; where the system tells, a change that left the old time is seen too.
fn times(metadata: &Metadata) -> String {
    #[cfg(unix)]
    let changed = {
        use std::os::unix::fs::MetadataExt;
        (metadata.ctime(), metadata.ctime_nsec())
    };
    #[cfg(not(unix))]
    let changed = ();
    format!("{:?} {changed:?}", metadata.modified().ok())
}

impl SyntheticFaces {
    /// In words; the seed and the number of faces say it all.
    pub fn description(&self) -> String {
        format!("synthetic faces (seed {}, {} to train on)", self.seed, self.training)
    }

    fn draw(&self, progress: Progress<'_>) -> Dataset {
        let mut dataset = Dataset::new(self.description());
        let total = self.training + self.validation + self.test;
        let mut next = 0;
        for (split, count) in Split::ALL.into_iter().zip([self.training, self.validation, self.test]) {
            let end = next + count;
            while next < end {
                let batch = next..end.min(next + FACES_A_REPORT);
                next = batch.end;
                let faces: Vec<_> = batch.into_par_iter().map(|index| synthetic::face(self.seed, index)).collect();
                for face in faces {
                    dataset.faces_mut(split).push(&face.pixels, face.emotion);
                }
                progress(next, total);
            }
        }
        dataset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_none_and_a_wrong_one_is_an_error() {
        assert_eq!(locate_or(None, Some("".into())), locate_or(None, None));
        assert!(locate_or(None, Some("nowhere.csv".into())).is_err());
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let named = locate_or(Some(here), Some("nowhere.csv".into()));
        assert_eq!(named, Ok(Source::Folder(here.into())), "what is named comes first");
    }
}
