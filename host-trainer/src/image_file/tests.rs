use std::io::Write;

use image::codecs;

use super::*;

/// A picture that is bright on top, so that it shows which way is up; twice as wide as high, or the other way round.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let top = if y < height / 2 { 200 } else { 20 };
        Rgb([top, top / 2 + (x * 90 / width) as u8, 60])
    })
}

fn encoded(image: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("encoded");
    bytes.into_inner()
}

/// Exif data that say nothing but the orientation: a TIFF header and a directory of one entry.
fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x01\0".to_vec();
    exif.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0]);
    exif
}

#[test]
fn every_format_is_read_whatever_the_name_says() {
    let picture = picture(96, 48);
    let expected = face_of(&encoded(&picture, ImageFormat::Png)).expect("read");
    for format in FORMATS {
        let face = face_of(&encoded(&picture, format)).unwrap_or_else(|problem| panic!("{format:?}: {problem}"));
        // Some lose a little.
        let difference = face.iter().zip(expected).map(|(&a, b)| a.abs_diff(b)).max();
        assert!(difference < Some(24), "{format:?}: {difference:?}");
        let extension = format.extensions_str()[0];
        assert!(EXTENSIONS.contains(&extension) || extension == "pbm", "{extension}");
    }
    assert!(is_readable(Path::new("a/FACE.JPG")) && !is_readable(Path::new("a/face.heic")));
    assert!(!is_readable(Path::new("jpg")));
}

#[test]
fn every_prefix_of_a_file_is_an_error_or_the_whole_face() {
    for format in FORMATS {
        let whole = encoded(&picture(24, 20), format);
        let expected = face_of(&whole).expect("read");
        let faces: Vec<_> = (0..whole.len()).filter_map(|length| face_of(&whole[..length]).ok()).collect();
        assert!(faces.iter().all(|face| *face == expected), "{format:?}: a part of the file gives another face");
        // Some formats end with bytes that no face needs.
        assert!(10 * faces.len() < whole.len(), "{format:?}: {} of {} prefixes are read", faces.len(), whole.len());
    }
}

#[test]
fn a_jpeg_file_that_ends_early_is_an_error_even_with_a_thumbnail_inside() {
    let thumbnail = encoded(&picture(8, 8), ImageFormat::Jpeg);
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_exif_metadata([exif(1), thumbnail].concat()).expect("JPEG has Exif");
    let picture = picture(64, 64);
    encoder.write_image(&picture, 64, 64, ExtendedColorType::Rgb8).expect("encoded");
    face_of(&bytes).expect("whole");
    face_of(&[bytes.as_slice(), b"trailing bytes"].concat()).expect("whole, with something behind it");
    for length in [bytes.len() / 2, bytes.len() - 2, bytes.len() - 1] {
        let error = face_of(&bytes[..length]).expect_err("cut");
        assert!(error.contains("cut short"), "{error}");
    }
}

#[test]
fn a_file_of_any_format_that_ends_early_says_what_to_do() {
    for format in FORMATS {
        let bytes = encoded(&picture(64, 64), format);
        let error = face_of(&bytes[..bytes.len() / 2]).expect_err("cut");
        assert!(error.contains("cut short") && error.contains("copy or download it again"), "{format:?}: {error}");
    }
}

#[test]
fn a_tiff_file_with_long_offsets_is_read() {
    let picture = picture(96, 48);
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new_big(&mut bytes).expect("begun");
    encoder.write_image::<tiff::encoder::colortype::RGB8>(96, 48, picture.as_raw()).expect("encoded");
    let face = face_of(&bytes.into_inner()).expect("read");
    assert!(face == face_of(&encoded(&picture, ImageFormat::Tiff)).expect("read"));
}

#[test]
fn a_picture_that_lies_is_turned_upright_in_every_format_that_says_so() {
    let upright = picture(96, 48);
    let expected = face_of(&encoded(&upright, ImageFormat::Png)).expect("read");
    // As a camera stores it that was turned, and what it says about it (Exif 2.3, tag 274).
    let turned = |orientation: u8| match orientation {
        3 => imageops::rotate180(&upright),
        6 => imageops::rotate270(&upright),
        8 => imageops::rotate90(&upright),
        _ => imageops::flip_horizontal(&upright),
    };
    for orientation in [2, 3, 6, 8] {
        let stored = turned(orientation);
        let mut files = vec![("png behind the pixels", late_exif(&encoded(&stored, ImageFormat::Png), orientation))];
        let (mut jpeg, mut png, mut webp) = (Vec::new(), Vec::new(), Vec::new());
        write(JpegEncoder::new_with_quality(&mut jpeg, 100), &stored, orientation);
        write(codecs::png::PngEncoder::new(&mut png), &stored, orientation);
        write(codecs::webp::WebPEncoder::new_lossless(&mut webp), &stored, orientation);
        files.extend([("jpeg", jpeg), ("png", png), ("webp", webp), ("tiff", grey_tiff(&stored, orientation))]);
        for (name, bytes) in files {
            let face = face_of(&bytes).expect("read");
            let difference = face.iter().zip(expected).map(|(&a, b)| a.abs_diff(b)).max();
            assert!(difference < Some(24), "{name}, orientation {orientation}: {difference:?}");
        }
    }
}

/// Writes an image with Exif data.
fn write(mut encoder: impl ImageEncoder, image: &RgbImage, orientation: u8) {
    encoder.set_exif_metadata(exif(orientation)).expect("the format has Exif");
    encoder.write_image(image, image.width(), image.height(), ExtendedColorType::Rgb8).expect("encoded");
}

/// A TIFF file of one strip of grey levels (TIFF 6.0, section 4), with an orientation.
fn grey_tiff(image: &RgbImage, orientation: u8) -> Vec<u8> {
    let grey = DynamicImage::from(image.clone()).to_luma8();
    let (width, height, orientation) = (grey.width(), grey.height(), u32::from(orientation));
    let entries =
        [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (274, orientation), (278, height)];
    let entries = entries.into_iter().chain([(279, width * height)]);
    let mut bytes = b"II*\0".to_vec();
    bytes.extend((8 + width * height).to_le_bytes());
    bytes.extend(grey.into_raw());
    bytes.extend(9u16.to_le_bytes());
    for (tag, value) in entries {
        let of_two_bytes = [258, 259, 262, 274].contains(&tag);
        let kind: u16 = if of_two_bytes { 3 } else { 4 };
        bytes.extend([tag, kind].iter().flat_map(|number: &u16| number.to_le_bytes()));
        bytes.extend([1, value].iter().flat_map(|number: &u32| number.to_le_bytes()));
    }
    bytes.extend([0; 4]);
    bytes
}

/// A PNG file with an eXIf chunk before its end.
fn late_exif(png: &[u8], orientation: u8) -> Vec<u8> {
    let exif = exif(orientation);
    let named = [b"eXIf".as_slice(), &exif].concat();
    let mut bytes = png[..png.len() - 12].to_vec();
    bytes.write_all(&(exif.len() as u32).to_be_bytes()).expect("in memory");
    bytes.write_all(&named).expect("in memory");
    bytes.write_all(&shared::checksum::crc32(&named).to_be_bytes()).expect("in memory");
    bytes.extend(&png[png.len() - 12..]);
    bytes
}

#[test]
fn the_probe_is_a_face_that_was_turned() {
    let probe = probe();
    assert_eq!(probe.len(), FACE_PIXELS);
    // Red grows to the right of the photograph, which is downwards once it stands, and red counts less than green.
    let row = |row: usize| probe[row * FACE_SIZE..][..FACE_SIZE].iter().map(|&grey| u32::from(grey)).sum::<u32>();
    assert!(row(40) > row(8));
}

#[test]
fn what_is_no_image_is_named_with_what_to_do() {
    let cases: [(&[u8], &str); 4] = [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "this is a HEIC photograph"),
        (b"<!DOCTYPE html><html>", "this is a web page (HTML)"),
        (b"not a picture", "this is a text that begins with `not a picture`"),
        (b"", "this is an empty file"),
    ];
    for (bytes, words) in cases {
        let error = face_of(bytes).expect_err("no image");
        assert!(error.starts_with(words) && error.contains("save it as PNG or JPEG"), "{error}");
    }
}
