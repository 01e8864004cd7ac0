//! Image files as faces, and faces as image files.

use std::path::{Path, PathBuf};

use image::{GrayImage, ImageReader, imageops};
use shared::preprocessing::{FACE_PIXELS, FACE_SIZE};

/// An image file that cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct ImageError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: String,
}

/// Reads any PNG or JPEG as a face: grey (Rec. 709 luma), the square in the centre, fitted to 48x48 with a filter that
/// averages when it shrinks.
///
/// # Errors
/// [`ImageError`] names the file.
pub fn read_face(path: &Path) -> Result<[u8; FACE_PIXELS], ImageError> {
    let error = |problem: String| ImageError { path: path.into(), problem };
    let reader = ImageReader::open(path).and_then(|reader| reader.with_guessed_format());
    let image = reader.map_err(|e| error(e.to_string()))?.decode().map_err(|e| error(e.to_string()))?.to_luma8();
    let side = image.width().min(image.height());
    if side == 0 {
        return Err(error("the image has no pixels".into()));
    }
    let (left, top) = ((image.width() - side) / 2, (image.height() - side) / 2);
    let size = FACE_SIZE as u32;
    let square = imageops::crop_imm(&image, left, top, side, side).to_image();
    let face =
        if side == size { square } else { imageops::resize(&square, size, size, imageops::FilterType::Triangle) };
    face.into_raw().try_into().map_err(|_| error("the image could not be fitted to 48x48".into()))
}

/// Writes a grey image as PNG.
///
/// # Errors
/// [`ImageError`] names the file.
pub fn write_grey(path: &Path, width: u32, height: u32, pixels: Vec<u8>) -> Result<(), ImageError> {
    let error = |problem: String| ImageError { path: path.into(), problem };
    let image = GrayImage::from_raw(width, height, pixels)
        .ok_or_else(|| error(format!("there are not {width}x{height} pixels")))?;
    image.save_with_format(path, image::ImageFormat::Png).map_err(|e| error(e.to_string()))
}

/// Two faces beside each other with a gap, each pixel magnified to `scale` x `scale`: width, height and pixels.
pub fn side_by_side(left: &[u8; FACE_PIXELS], right: &[u8; FACE_PIXELS], scale: usize) -> (u32, u32, Vec<u8>) {
    let gap = FACE_SIZE / 8;
    let (columns, rows) = ((2 * FACE_SIZE + gap) * scale, FACE_SIZE * scale);
    let mut pixels = Vec::with_capacity(columns * rows);
    for y in 0..rows {
        for x in 0..columns {
            let (row, column) = (y / scale, x / scale);
            pixels.push(if column < FACE_SIZE {
                left[row * FACE_SIZE + column]
            } else if column < FACE_SIZE + gap {
                255
            } else {
                right[row * FACE_SIZE + column - FACE_SIZE - gap]
            });
        }
    }
    (columns as u32, rows as u32, pixels)
}

/// A normalized face as grey levels: 0 is middle grey, three local deviations reach black and white.
pub fn normalized_as_grey(face: &[i8; FACE_PIXELS]) -> [u8; FACE_PIXELS] {
    face.map(|q| (128 + i32::from(q) * 127 / 111).clamp(0, 255) as u8)
}
