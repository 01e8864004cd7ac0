//! Images that are named on the command line.

use std::{
    io::{Read, stdin},
    path::Path,
};

use image::DynamicImage;
use shared::preprocessing::FACE_PIXELS;

use crate::image_file::{ImageError, decode, face_of, read_face, read_image};

/// The face in a file, or in what standard input holds if the name is `-`.
///
/// # Errors
/// [`ImageError`] names the file.
pub fn face(path: &Path) -> Result<[u8; FACE_PIXELS], ImageError> {
    if path != Path::new("-") {
        return read_face(path);
    }
    let error = |problem: String| ImageError { path: "standard input".into(), problem };
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes).map_err(|problem| error(problem.to_string()))?;
    face_of(&bytes).map_err(error)
}

/// The image in a file, or in what standard input holds if the name is `-`, upright.
///
/// # Errors
/// [`ImageError`] names the file.
pub fn image(path: &Path) -> Result<DynamicImage, ImageError> {
    if path != Path::new("-") {
        return read_image(path);
    }
    let error = |problem: String| ImageError { path: "standard input".into(), problem };
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes).map_err(|problem| error(problem.to_string()))?;
    decode(&bytes).map_err(error)
}

/// The error at the end of a command that has named every image that could not be read.
///
/// # Errors
/// If there are any.
pub fn all_read(unread: usize, images: usize) -> anyhow::Result<()> {
    match unread {
        0 => Ok(()),
        _ => Err(anyhow::anyhow!("{unread} of {images} images could not be read")),
    }
}
