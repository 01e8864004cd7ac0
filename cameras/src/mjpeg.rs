//! JPEG images one after the other, as cameras and `ffmpeg -f mjpeg` write them, also with lines of text between them
//! (`-f mpjpeg`). A stream has no lengths, so the images are found by their markers (ITU-T T.81, B.1.1).

use std::io::{ErrorKind, Read};

use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use crate::{Arrival, CameraError, GreyFrame, raw::MOST_SIDE};

/// What an image begins with.
pub const START: [u8; 2] = [0xff, 0xd8];

/// Bytes that an image has at most.
const LONGEST: usize = 1 << 23;

/// Bytes that are read at once.
const PIECE: usize = 1 << 16;

/// A segment that tells the decoder to take the tables that all such cameras mean, as in AVI files: most leave theirs out.
const USUAL_TABLES: [u8; 9] = [0xff, 0xe0, 0x00, 0x07, b'A', b'V', b'I', b'1', 0x00];

/// The grey levels of one JPEG image.
///
/// # Errors
/// What is wrong with it.
pub fn decode(image: &[u8]) -> Result<GreyFrame, String> {
    let with_tables;
    let image = match image.windows(2).any(|pair| pair == [0xff, 0xc4]) {
        true => image,
        false => {
            with_tables = [&START[..], &USUAL_TABLES, image.get(2..).unwrap_or(&[])].concat();
            &with_tables
        }
    };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(MOST_SIDE)
        .set_max_height(MOST_SIDE)
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(image), options);
    let pixels = decoder.decode().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions().ok_or("it has no size")?;
    GreyFrame::new(width, height, pixels).ok_or_else(|| "it has no grey levels".into())
}

/// What is at the place of a stream that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// An image ends before this byte.
    End(usize),
    /// Another image begins at this byte, before the one that is looked at has ended.
    Start(usize),
    /// Nothing before this byte; more bytes are needed.
    More(usize),
}

/// Looks for the end of an image in `bytes`, from `at` on, where a marker or coded data is.
fn find_end(bytes: &[u8], mut at: usize) -> Found {
    loop {
        let Some(marker) = position(bytes, at, 0xff) else { return Found::More(bytes.len()) };
        match bytes.get(marker + 1) {
            None => return Found::More(marker),
            Some(0xd9) => return Found::End(marker + 2),
            Some(0xd8) => return Found::Start(marker),
            // A fill byte before a marker.
            Some(0xff) => at = marker + 1,
            // A byte 0xff of coded data, and markers that stand alone.
            Some(0x00 | 0x01 | 0xd0..=0xd7) => at = marker + 2,
            Some(_) => {
                let Some(&[high, low]) = bytes.get(marker + 2..marker + 4) else { return Found::More(marker) };
                let behind = marker + 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
                if behind > bytes.len() {
                    return Found::More(marker);
                }
                at = behind;
            }
        }
    }
}

/// Where the next image begins, from `at` on. A marker follows its start.
fn find_start(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    rest.windows(3).position(|bytes| bytes == [START[0], START[1], 0xff]).map(|place| at + place)
}

fn position(bytes: &[u8], from: usize, byte: u8) -> Option<usize> {
    bytes.get(from..)?.iter().position(|&other| other == byte).map(|place| from + place)
}

/// The images of a stream.
pub struct Images<R> {
    name: String,
    reader: R,
    /// What was read and is not done with.
    bytes: Vec<u8>,
    /// Where in it the image begins that is looked at, if one has begun.
    start: Option<usize>,
    /// Where to look on.
    at: usize,
    /// Whether the reader has no more.
    all_read: bool,
    number: u64,
    ended: bool,
}

impl<R: Read> Images<R> {
    pub fn new(name: String, reader: R) -> Self {
        Self { name, reader, bytes: Vec::new(), start: None, at: 0, all_read: false, number: 0, ended: false }
    }

    fn read(&mut self) -> Result<Option<Arrival>, CameraError> {
        loop {
            let Some(start) = self.start else {
                match find_start(&self.bytes, self.at) {
                    Some(start) => (self.start, self.at) = (Some(start), start + 2),
                    None if self.all_read && self.number == 0 => {
                        return Err(CameraError::Empty {
                            name: self.name.clone(),
                            what: "there is no JPEG image in it",
                        });
                    }
                    None if self.all_read => return Ok(None),
                    None => {
                        // The last two bytes may be the start of a start.
                        self.at = self.bytes.len().saturating_sub(2).max(self.at);
                        self.more()?;
                    }
                }
                continue;
            };
            match find_end(&self.bytes, self.at) {
                Found::End(end) => {
                    self.number += 1;
                    let decoded = decode(self.bytes.get(start..end).unwrap_or(&[]));
                    self.start = None;
                    // A wrong length may have led over the start of a whole image.
                    self.at = if decoded.is_ok() { end } else { start + 2 };
                    return Ok(Some(match decoded {
                        Ok(frame) => Arrival::Frame(frame),
                        Err(problem) => Arrival::Broken { number: self.number, problem },
                    }));
                }
                Found::Start(next) => {
                    (self.start, self.at) = (Some(next), next + 2);
                    return Ok(Some(self.broken("the next one begins inside of it")));
                }
                Found::More(_) if self.bytes.len() - start > LONGEST => {
                    (self.start, self.at) = (None, start + 2);
                    return Ok(Some(self.broken("it has no end")));
                }
                Found::More(_) if self.all_read => {
                    (self.start, self.at) = (None, start + 2);
                    return Ok(Some(self.broken("the stream ends inside of it")));
                }
                Found::More(at) => {
                    self.at = at;
                    self.more()?;
                }
            }
        }
    }

    fn broken(&mut self, problem: &str) -> Arrival {
        self.number += 1;
        Arrival::Broken { number: self.number, problem: problem.into() }
    }

    /// Reads on, and forgets what is done with.
    fn more(&mut self) -> Result<(), CameraError> {
        let done = self.start.unwrap_or(self.at);
        self.bytes.drain(..done);
        self.start = self.start.map(|_| 0);
        self.at -= done;
        let have = self.bytes.len();
        self.bytes.resize(have + PIECE, 0);
        let read = loop {
            match self.reader.read(&mut self.bytes[have..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let count = read.map_err(|problem| CameraError::Read { name: self.name.clone(), problem })?;
        self.bytes.truncate(have + count);
        self.all_read = count == 0;
        Ok(())
    }
}

impl<R: Read> Iterator for Images<R> {
    type Item = Result<Arrival, CameraError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.read().transpose();
        self.ended = !matches!(read, Some(Ok(_)));
        read
    }
}

#[cfg(test)]
mod tests {
    use image::{ExtendedColorType, GrayImage, ImageEncoder, Luma, codecs::jpeg::JpegEncoder};
    use proptest::prelude::*;

    use super::*;

    /// A JPEG image of one grey level.
    fn jpeg(level: u8) -> Vec<u8> {
        let picture = GrayImage::from_fn(40, 24, |x, y| Luma([level.saturating_add(((x + y) % 3) as u8)]));
        let mut bytes = Vec::new();
        JpegEncoder::new(&mut bytes).write_image(&picture, 40, 24, ExtendedColorType::L8).expect("written");
        bytes
    }

    /// Gives a few bytes at a time, as a pipe may.
    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    /// The level of each frame, `None` for a broken one.
    fn levels(bytes: &[u8], piece: usize) -> Vec<Option<u8>> {
        let images = Images::new("test".into(), Drops(bytes, piece));
        let level = |(index, arrival)| match arrival {
            Ok(Arrival::Frame(frame)) => Some((frame.pixels()[0] as f32 / 50.0).round() as u8),
            Ok(Arrival::Broken { number, .. }) => {
                assert_eq!(number, index as u64 + 1);
                None
            }
            Err(error) => panic!("{error}"),
        };
        images.enumerate().map(level).collect()
    }

    fn stream(images: &[Vec<u8>]) -> Vec<u8> {
        images.concat()
    }

    #[test]
    fn every_image_of_a_stream_is_a_frame_however_its_bytes_arrive() {
        let bytes = stream(&[jpeg(50), jpeg(100), jpeg(150)]);
        for piece in [1, 2, 3, 7, 100, 1 << 20] {
            assert_eq!(levels(&bytes, piece), [Some(1), Some(2), Some(3)], "{piece}");
        }
    }

    #[test]
    fn text_between_images_is_passed_over() {
        let part =
            |level| [b"--part\r\nContent-Type: image/jpeg\r\n\r\n".to_vec(), jpeg(level), b"\r\n".to_vec()].concat();
        assert_eq!(levels(&stream(&[part(50), part(100)]), 5), [Some(1), Some(2)]);
    }

    #[test]
    fn a_broken_image_in_the_middle_is_passed_over_and_counted() {
        let (first, middle, last) = (jpeg(50), jpeg(100), jpeg(150));
        let scan = middle.windows(2).position(|pair| pair == [0xff, 0xda]).expect("a scan");
        let cut = middle[..scan + 14].to_vec();
        let without_scan = [middle[..scan].to_vec(), vec![0xff, 0xd9]].concat();
        let mut long = middle.clone();
        // The length of the first segment leads into the next image.
        long[4] = 0x03;
        for (name, broken) in [("cut", cut), ("no scan", without_scan), ("length", long)] {
            for piece in [3, 1 << 20] {
                let levels = levels(&stream(&[first.clone(), broken.clone(), last.clone()]), piece);
                assert_eq!(levels, [Some(1), None, Some(3)], "{name}");
            }
        }
    }

    #[test]
    fn changed_bytes_of_an_image_leave_the_next_one_as_it_is() {
        let middle = jpeg(100);
        for place in 2..middle.len() {
            for byte in [0x00, 0xd8, 0xff] {
                let mut spoiled = middle.clone();
                spoiled[place] = byte;
                let levels = levels(&stream(&[jpeg(50), spoiled, jpeg(150)]), 1 << 20);
                assert_eq!(
                    (levels.first(), levels.last()),
                    (Some(&Some(1)), Some(&Some(3))),
                    "{place} {byte}: {levels:?}"
                );
            }
        }
    }

    #[test]
    fn a_stream_that_ends_inside_of_an_image_says_so_and_ends() {
        let bytes = stream(&[jpeg(50), jpeg(100)]);
        assert_eq!(levels(&bytes[..bytes.len() - 1], 64), [Some(1), None]);
        assert_eq!(levels(&bytes[..jpeg(50).len() + 5], 64), [Some(1), None]);
    }

    #[test]
    fn a_stream_without_an_image_is_an_error() {
        for bytes in [&b""[..], b"no image", &[0xff, 0xd8]] {
            let mut images = Images::new("test".into(), bytes);
            assert!(matches!(images.next(), Some(Err(CameraError::Empty { .. }))));
            assert!(images.next().is_none());
        }
    }

    #[test]
    fn an_image_without_tables_is_read_with_those_that_cameras_mean() {
        let whole = jpeg(100);
        let mut without = whole[..2].to_vec();
        let mut rest = &whole[2..];
        while rest[1] != 0xda {
            let length = 2 + usize::from(u16::from_be_bytes([rest[2], rest[3]]));
            if rest[1] != 0xc4 {
                without.extend(&rest[..length]);
            }
            rest = &rest[length..];
        }
        without.extend(rest);
        assert!(without.len() < whole.len());
        assert_eq!(decode(&without).expect("read"), decode(&whole).expect("read"));
    }

    #[test]
    fn coloured_images_give_their_brightness() {
        let mut bytes = Vec::new();
        let pixels: Vec<u8> = (0..32 * 16).flat_map(|_| [200, 40, 90]).collect();
        JpegEncoder::new(&mut bytes).write_image(&pixels, 32, 16, ExtendedColorType::Rgb8).expect("written");
        let frame = decode(&bytes).expect("read");
        assert_eq!((frame.width(), frame.height()), (32, 16));
        // 0.299 R + 0.587 G + 0.114 B.
        assert!(frame.pixels().iter().all(|&level| level.abs_diff(94) < 3), "{:?}", &frame.pixels()[..8]);
    }

    proptest! {
        #[test]
        fn a_spoiled_stream_ends_without_a_panic(spoiled in prop::collection::vec((0usize..3000, any::<u8>()), 0..20), piece in 1usize..400) {
            let mut bytes = stream(&[jpeg(50), jpeg(100), jpeg(150)]);
            for (place, byte) in spoiled {
                let place = place % bytes.len();
                bytes[place] = byte;
            }
            Images::new("test".into(), Drops(&bytes, piece)).for_each(drop);
        }
    }
}
