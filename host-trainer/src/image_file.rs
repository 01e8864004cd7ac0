//! Image files as faces, and faces as image files.

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use image::{
    DynamicImage, ExtendedColorType, GrayImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits, Rgb,
    RgbImage, codecs::jpeg::JpegEncoder, imageops, metadata::Orientation,
};
use shared::preprocessing::{FACE_PIXELS, FACE_SIZE};

use crate::file_kind;

/// Formats that are read.
const FORMATS: [ImageFormat; 7] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Bmp,
    ImageFormat::Gif,
    ImageFormat::Tiff,
    ImageFormat::Pnm,
];

/// File name extensions of these formats.
pub const EXTENSIONS: [&str; 12] =
    ["png", "jpg", "jpeg", "jfif", "webp", "bmp", "gif", "tif", "tiff", "pgm", "ppm", "pnm"];

/// An image file that cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct ImageError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: String,
}

/// Whether a file's name ends like an image's that can be read.
pub fn is_readable(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Reads an image file as a face: see [`face_of`].
///
/// # Errors
/// [`ImageError`] names the file.
pub fn read_face(path: &Path) -> Result<[u8; FACE_PIXELS], ImageError> {
    let error = |problem: String| ImageError { path: path.into(), problem };
    let bytes = fs::read(path).map_err(|problem| error(problem.to_string()))?;
    face_of(&bytes).map_err(error)
}

/// The face in the bytes of an image file, whatever its name is (PNG, JPEG, WebP, BMP, GIF, TIFF or PGM): upright, as its
/// metadata say; grey (Rec. 709 luma); the square in the centre, fitted to 48x48 with a filter that averages when it shrinks.
///
/// # Errors
/// What is wrong, in words.
pub fn face_of(bytes: &[u8]) -> Result<[u8; FACE_PIXELS], String> {
    centre(&decode(bytes)?.to_luma8())
}

/// The square in the centre of a picture, fitted to 48x48 with a filter that averages when it shrinks.
///
/// # Errors
/// If it has no pixels.
pub fn centre(image: &GrayImage) -> Result<[u8; FACE_PIXELS], String> {
    let side = image.width().min(image.height());
    if side == 0 {
        return Err("the image has no pixels".into());
    }
    let (left, top) = ((image.width() - side) / 2, (image.height() - side) / 2);
    let size = FACE_SIZE as u32;
    let square = imageops::crop_imm(image, left, top, side, side).to_image();
    let face =
        if side == size { square } else { imageops::resize(&square, size, size, imageops::FilterType::Triangle) };
    face.into_raw().try_into().map_err(|_| "the image could not be fitted to 48x48".into())
}

/// Reads an image file, upright, in colour.
///
/// # Errors
/// [`ImageError`] names the file.
pub fn read_image(path: &Path) -> Result<DynamicImage, ImageError> {
    let error = |problem: String| ImageError { path: path.into(), problem };
    let bytes = fs::read(path).map_err(|problem| error(problem.to_string()))?;
    decode(&bytes).map_err(error)
}

/// The image in the bytes of a file, whatever its name is, upright, as its metadata say.
///
/// # Errors
/// What is wrong, in words.
pub fn decode(bytes: &[u8]) -> Result<DynamicImage, String> {
    let format = image::guess_format(bytes).ok().or_else(|| big_tiff(bytes)).filter(|format| FORMATS.contains(format));
    let format = format.ok_or_else(|| match file_kind::of(&bytes[..bytes.len().min(file_kind::ENOUGH)]) {
        Some(what) => format!("this is {what}, not an image that can be read; save it as PNG or JPEG"),
        None => "this is no image that can be read; save it as PNG or JPEG".into(),
    })?;
    if format == ImageFormat::Jpeg && !jpeg_has_its_end(bytes) {
        return Err("the JPEG file is cut short; copy or download it again".into());
    }
    let words = |error: image::ImageError| match error {
        image::ImageError::Decoding(_) | image::ImageError::IoError(_) => {
            format!("the image is cut short or damaged ({error}); copy or download it again")
        }
        other => other.to_string(),
    };
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder().map_err(words)?;
    // As `ImageReader::decode` does it.
    Limits::default().reserve(decoder.total_bytes()).map_err(words)?;
    // Metadata that cannot be read say nothing.
    let mut orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    if let (ImageFormat::Png, Orientation::NoTransforms) = (format, orientation) {
        orientation = png_exif(bytes).and_then(Orientation::from_exif_chunk).unwrap_or(orientation);
    }
    let mut image = DynamicImage::from_decoder(decoder).map_err(words)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// TIFF with offsets of 64 bits, which the decoder reads and [`image::guess_format`] does not know.
fn big_tiff(bytes: &[u8]) -> Option<ImageFormat> {
    [b"II\x2b\0", b"MM\0\x2b"].iter().any(|magic| bytes.starts_with(*magic)).then_some(ImageFormat::Tiff)
}

/// The Exif data of a PNG file, wherever they stand (PNG, third edition, 11.3.4.5): the decoder does not look behind the
/// pixels, where ExifTool writes them.
fn png_exif(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes.get(8..)?;
    loop {
        let (length, behind) = rest.split_first_chunk()?;
        let (kind, behind) = behind.split_first_chunk::<4>()?;
        let (data, behind) = behind.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        if kind == b"eXIf" {
            return Some(data);
        }
        // A checksum of four bytes.
        rest = behind.get(4..)?;
    }
}

/// Whether a JPEG file has an end-of-image marker that is not inside of a segment (ITU-T T.81, B.1.1 and B.2). The decoder fills
/// what is missing with grey.
fn jpeg_has_its_end(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    loop {
        let Some(at) = rest.iter().position(|&byte| byte == 0xff) else { return false };
        rest = &rest[at + 1..];
        match rest.first() {
            None => return false,
            Some(0xd9) => return true,
            // A fill byte before a marker.
            Some(0xff) => {}
            // A byte 0xff of coded data, and markers that stand alone.
            Some(0x00 | 0x01 | 0xd0..=0xd8) => rest = &rest[1..],
            Some(_) => {
                let Some(length) = rest.get(1..3) else { return false };
                let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                let Some(behind) = rest.get(1 + length.max(2)..) else { return false };
                rest = behind;
            }
        }
    }
}
/// [`face_of`] of a drawn colour image that lies on its side. The result changes when the code that reads images changes its
/// behaviour.
pub fn probe() -> Vec<u8> {
    let image = RgbImage::from_fn(80, 60, |x, y| Rgb([(x * 3) as u8, (y * 4) as u8, (x * y / 19) as u8]));
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    // Exif 2.3: a header, a directory of one entry, which is an orientation of 6.
    let orientation = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let written = encoder
        .set_exif_metadata(orientation.to_vec())
        .is_ok_and(|()| encoder.write_image(&image, 80, 60, ExtendedColorType::Rgb8).is_ok());
    // Code that cannot write it makes another probe too.
    if written { face_of(&bytes).map(Vec::from).unwrap_or_default() } else { Vec::new() }
}

/// Writes a grey image as PNG.
///
/// # Errors
/// [`ImageError`] names the file.
pub fn write_grey(path: &Path, width: u32, height: u32, pixels: Vec<u8>) -> Result<(), ImageError> {
    let error = |problem: String| ImageError { path: path.into(), problem };
    let image = GrayImage::from_raw(width, height, pixels)
        .ok_or_else(|| error(format!("there are not {width}x{height} pixels")))?;
    image.save_with_format(path, ImageFormat::Png).map_err(|e| error(e.to_string()))
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

#[cfg(test)]
mod tests;
