//! A picture, or a folder of them in the order of their names.

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
    vec,
};

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, metadata::Orientation};

use crate::{Arrival, CameraError, GreyFrame, raw::MOST_SIDE};

/// Pictures that are read one after the other.
pub struct Pictures {
    paths: vec::IntoIter<PathBuf>,
    number: u64,
}

impl Pictures {
    /// One picture.
    pub fn one(path: &Path) -> Self {
        Self { paths: vec![path.into()].into_iter(), number: 0 }
    }

    /// The pictures of a folder. Names that begin with a dot and files of other kinds are passed over.
    ///
    /// # Errors
    /// [`CameraError`] if there are none, or the folder cannot be read.
    pub fn of_folder(folder: &Path) -> Result<Self, CameraError> {
        let name = || folder.display().to_string();
        let read = |problem| CameraError::Read { name: name(), problem };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(read)? {
            let entry = entry.map_err(read)?;
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !hidden && is_picture(&entry.path()) {
                paths.push(entry.path());
            }
        }
        if paths.is_empty() {
            return Err(CameraError::Empty { name: name(), what: "there are no pictures in this folder" });
        }
        paths.sort();
        Ok(Self { paths: paths.into_iter(), number: 0 })
    }
}

/// Whether a file's name ends like a picture's that can be read.
fn is_picture(path: &Path) -> bool {
    ImageFormat::from_path(path).is_ok_and(|format| format.reading_enabled())
}

/// Whether a file begins like a picture that can be read.
pub fn begins_as_picture(bytes: &[u8]) -> bool {
    image::guess_format(bytes).is_ok_and(|format| format.reading_enabled())
}

/// The grey levels of a picture, upright as its camera says.
fn read(path: &Path) -> Result<GreyFrame, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    let mut decoder = reader.into_decoder().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions();
    if width.max(height) as usize > MOST_SIDE {
        return Err(format!("it has {width}x{height} pixels, and a side has at most {MOST_SIDE}"));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    picture.apply_orientation(orientation);
    let grey = picture.into_luma8();
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    GreyFrame::new(width, height, grey.into_raw()).ok_or_else(|| "it has no pixels".into())
}

impl Iterator for Pictures {
    type Item = Result<Arrival, CameraError>;

    fn next(&mut self) -> Option<Self::Item> {
        let path = self.paths.next()?;
        self.number += 1;
        let problem = |problem| format!("{}: {problem}", path.display());
        Some(Ok(match read(&path) {
            Ok(frame) => Arrival::Frame(frame),
            Err(error) => Arrival::Broken { number: self.number, problem: problem(error) },
        }))
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma};

    use super::*;

    #[test]
    fn pictures_come_in_the_order_of_their_names_and_broken_ones_are_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name);
        for (name, level) in [("b.png", 20), ("a.png", 10), ("d.jpg", 40)] {
            GrayImage::from_pixel(8, 4, Luma([level])).save(file(name)).expect("written");
        }
        fs::write(file("c.png"), b"no picture").expect("written");
        for name in [".hidden.png", "notes.txt"] {
            fs::write(file(name), b"text").expect("written");
        }
        let arrivals: Vec<_> = Pictures::of_folder(folder.path()).expect("pictures").collect();
        let levels = arrivals.iter().map(|arrival| match arrival {
            Ok(Arrival::Frame(frame)) => Ok(frame.pixels()[0]),
            Ok(Arrival::Broken { number, problem }) => Err((*number, problem.contains("c.png"))),
            Err(error) => panic!("{error}"),
        });
        assert_eq!(levels.collect::<Vec<_>>(), [Ok(10), Ok(20), Err((3, true)), Ok(40)]);
    }

    #[test]
    fn a_folder_without_pictures_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(Pictures::of_folder(folder.path()), Err(CameraError::Empty { .. })));
        assert!(matches!(Pictures::of_folder(&folder.path().join("none")), Err(CameraError::Read { .. })));
    }
}
