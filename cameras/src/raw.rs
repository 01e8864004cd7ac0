//! Frames without any header, as `rpicam-vid --codec yuv420` writes them: the rows of grey levels, then those of the two
//! colours, half as wide and half as many. Rows may be padded.

use std::{
    fmt,
    io::{self, ErrorKind, Read},
    str::FromStr,
};

use crate::{Arrival, CameraError, GreyFrame};

/// Columns and rows that a frame has at most.
pub const MOST_SIDE: usize = 16_384;

/// Pixels that a frame has at most.
pub const MOST_PIXELS: usize = 1 << 26;

/// Columns and rows: `640x480`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Size {
    /// A size that frames may have.
    pub fn new(width: usize, height: usize) -> Option<Self> {
        let side = 1..=MOST_SIDE;
        (side.contains(&width) && side.contains(&height) && width * height <= MOST_PIXELS)
            .then_some(Self { width, height })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts =
            text.split_once(['x', 'X']).and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
        let (width, height) = parts.ok_or("a size is written WIDTHxHEIGHT, such as 640x480")?;
        Self::new(width, height)
            .ok_or_else(|| format!("a side has 1 to {MOST_SIDE} pixels, and all are at most {MOST_PIXELS}"))
    }
}

/// How frames without a header lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawFormat {
    size: Size,
    stride: usize,
}

impl RawFormat {
    /// Rows of grey levels that begin every `stride` bytes, or without gaps.
    ///
    /// # Errors
    /// [`CameraError::Stride`].
    pub fn new(size: Size, stride: Option<usize>) -> Result<Self, CameraError> {
        let stride = stride.unwrap_or(size.width);
        match (size.width..=2 * MOST_SIDE).contains(&stride) {
            true => Ok(Self { size, stride }),
            false => Err(CameraError::Stride { size, stride }),
        }
    }

    /// Bytes of a frame, colours included.
    fn bytes(&self) -> usize {
        self.stride * self.size.height + 2 * self.stride.div_ceil(2) * self.size.height.div_ceil(2)
    }
}

/// Frames without a header.
pub struct Raw<R> {
    name: String,
    reader: R,
    format: RawFormat,
    buffer: Vec<u8>,
    number: u64,
    ended: bool,
}

impl<R: Read> Raw<R> {
    pub fn new(name: String, reader: R, format: RawFormat) -> Self {
        Self { name, reader, format, buffer: vec![0; format.bytes()], number: 0, ended: false }
    }

    fn read(&mut self) -> Result<Option<GreyFrame>, CameraError> {
        self.number += 1;
        let RawFormat { size, stride } = self.format;
        let have = fill(&mut self.reader, &mut self.buffer)
            .map_err(|problem| CameraError::Read { name: self.name.clone(), problem })?;
        match have {
            0 => Ok(None),
            have if have < self.buffer.len() => {
                Err(CameraError::CutShort { name: self.name.clone(), frame: self.number })
            }
            _ => Ok(GreyFrame::from_rows(&self.buffer, size.width, size.height, stride, 1)),
        }
    }
}

impl<R: Read> Iterator for Raw<R> {
    type Item = Result<Arrival, CameraError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.read().transpose()?;
        self.ended = read.is_err();
        Some(read.map(Arrival::Frame))
    }
}

/// Reads until the buffer is full or the stream ends, and says how many bytes there were.
pub fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut have = 0;
    while have < buffer.len() {
        match reader.read(&mut buffer[have..]) {
            Ok(0) => break,
            Ok(count) => have += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(have)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(size: &str, stride: Option<usize>) -> RawFormat {
        RawFormat::new(size.parse().expect("a size"), stride).expect("a format")
    }

    /// Two frames of 3x3 pixels with rows of 4 bytes: 12 bytes of grey, twice 4 of colour.
    fn bytes() -> Vec<u8> {
        [[1u8; 12], [2; 12]].into_iter().flat_map(|grey| grey.into_iter().chain([128; 8])).collect()
    }

    #[test]
    fn padded_rows_and_colours_are_passed_over() {
        let frames: Vec<_> = Raw::new("test".into(), &bytes()[..], format("3x3", Some(4))).collect();
        let frame = |level| GreyFrame::new(3, 3, vec![level; 9]).expect("pixels");
        assert!(
            matches!(&frames[..], [Ok(Arrival::Frame(a)), Ok(Arrival::Frame(b))] if *a == frame(1) && *b == frame(2)),
            "{frames:?}"
        );
    }

    #[test]
    fn a_frame_that_is_cut_short_is_named() {
        let bytes = bytes();
        let frames: Vec<_> = Raw::new("test".into(), &bytes[..39], format("3x3", Some(4))).collect();
        assert!(matches!(&frames[..], [Ok(_), Err(CameraError::CutShort { frame: 2, .. })]), "{frames:?}");
    }

    #[test]
    fn sizes_and_strides_that_cannot_be_are_refused() {
        for text in ["", "640", "0x480", "640x", "axb", "99999x2", "16384x16384", "-1x4"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
        let size: Size = "640x480".parse().expect("a size");
        assert_eq!((size, size.to_string()), (Size { width: 640, height: 480 }, "640x480".into()));
        for stride in [0, 639, usize::MAX] {
            assert!(RawFormat::new(size, Some(stride)).is_err(), "{stride}");
        }
        assert_eq!(format("480x320", Some(512)).bytes(), 512 * 320 * 3 / 2);
    }
}
