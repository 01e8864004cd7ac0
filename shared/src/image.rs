//! The header of a board's image: for which board it is, and what it has room for.
//!
//! A host reads it in a ready image, so that it can say what does not fit before it writes a byte. A board's program carries it as
//! constant data near its beginning.
//!
//! # Format, version 1
//!
//! The header begins at a multiple of 4 within the first [`WITHIN`] bytes of the image, wherever the linker put it; its magic tells
//! where. All integers are little-endian. A text is ASCII and ends at its first zero, or with its field. A region is an offset from
//! the beginning of flash and a length, both `u32` and multiples of [`SECTOR_BYTES`].
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | magic, `FERIMAGE` |
//! | 8..12 | format version, `u32` |
//! | 12..28 | name of the board, text |
//! | 28..44 | version of the firmware, text |
//! | 44..48 | kind of the processor, `u32`: 0 as a Cortex-M0+, 1 as a Cortex-M33 with the DSP extension |
//! | 48..52 | bytes of RAM of the board, `u32` |
//! | 52..56 | bytes of the arena, in which models and finders work, `u32` |
//! | 56..58, 58..60 | columns and rows of the largest picture, `u16` each |
//! | 60..68 | region of the firmware |
//! | 68..76 | region of the journal |
//! | 76..84 | region of slot A |
//! | 84..92 | region of slot B |
//! | 92..96 | CRC-32 (ISO-HDLC, as in zip and Ethernet) of the 92 bytes before, `u32` |
//!
//! The regions do not overlap.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{checksum::crc32, wire::FrameSize};

/// What a header begins with.
pub const MAGIC: [u8; 8] = *b"FERIMAGE";

/// The version of the format that this code writes, and the only one that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 96;

/// A header lies whole within so many bytes of the beginning of an image.
pub const WITHIN: usize = 4096;

/// What flash is erased by.
pub const SECTOR_BYTES: u32 = 4096;

/// Bytes of a text.
const TEXT_BYTES: usize = 16;

/// Bytes before the checksum.
const CHECKED: usize = HEADER_BYTES - 4;

/// A part of flash, in whole sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Bytes from the beginning of flash to its own.
    pub offset: u32,
    /// Its length.
    pub bytes: u32,
}

/// How a board's flash is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlashLayout {
    /// The program with the finder and the model that are part of it.
    pub firmware: Region,
    /// What tells which slot is valid.
    pub journal: Region,
    /// The places of models that come later, A and B.
    pub slots: [Region; 2],
}

/// What a board's kernels use, on which the working memory of a model depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Processor {
    /// A Cortex-M0+, or another without the DSP extension.
    CortexM0Plus,
    /// A Cortex-M33 with the DSP extension, or another that has it.
    CortexM33,
}

/// What a board says of itself and of its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageHeader<'a> {
    /// Name of the board, such as `pico`.
    pub board: &'a str,
    /// Version of the firmware, such as `0.1.0`.
    pub version: &'a str,
    /// Its processor.
    pub processor: Processor,
    /// Bytes of RAM.
    pub ram_bytes: u32,
    /// Bytes of the arena, in which models and finders work.
    pub arena_bytes: u32,
    /// The largest picture that is searched for faces.
    pub largest: FrameSize,
    /// Where everything lies.
    pub flash: FlashLayout,
}

/// Why there is no header in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// No header begins within the first [`WITHIN`] bytes.
    Missing,
    /// The image ends within the header.
    Truncated,
    /// The header is of a version that this code does not know.
    UnsupportedVersion {
        /// The version in the header.
        found: u32,
    },
    /// The header is damaged.
    Crc,
    /// A text of the header is empty or not ASCII.
    Text,
    /// The header names a processor that this code does not know.
    Processor {
        /// Its number.
        found: u32,
    },
    /// The regions of flash overlap, are no whole sectors, or reach beyond what 32 bits can count.
    Regions,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageError::Missing => write!(f, "it is no firmware of this project: its first 4 KiB hold no image header"),
            ImageError::Truncated => write!(f, "the image ends within its header"),
            ImageError::UnsupportedVersion { found } => write!(
                f,
                "the image header has version {found}, and this program knows version {FORMAT_VERSION}; update the older of the two"
            ),
            ImageError::Crc => write!(f, "the image header is damaged: its CRC-32 is wrong"),
            ImageError::Text => write!(f, "the image header has no name of a board, or no version"),
            ImageError::Processor { found } => {
                write!(f, "the image header names processor {found}, which this program does not know; update it")
            }
            ImageError::Regions => {
                write!(f, "the image header divides the flash into parts that overlap or are no whole sectors")
            }
        }
    }
}

impl core::error::Error for ImageError {}

impl Region {
    /// The first byte behind it, if 32 bits can count it.
    pub const fn end(&self) -> Option<u32> {
        self.offset.checked_add(self.bytes)
    }

    /// Whether both have a byte in common, or one has no end.
    const fn overlaps(&self, other: &Self) -> bool {
        match (self.end(), other.end()) {
            (Some(end), Some(other_end)) => self.offset < other_end && other.offset < end,
            _ => true,
        }
    }

    const fn is_whole(&self) -> bool {
        self.offset.is_multiple_of(SECTOR_BYTES) && self.bytes.is_multiple_of(SECTOR_BYTES) && self.bytes > 0
    }
}

impl FlashLayout {
    const fn regions(&self) -> [Region; 4] {
        [self.firmware, self.journal, self.slots[0], self.slots[1]]
    }

    /// Whether all regions are whole sectors, and none overlaps another.
    pub const fn is_sound(&self) -> bool {
        let regions = self.regions();
        let mut index = 0;
        while index < regions.len() {
            if !regions[index].is_whole() {
                return false;
            }
            let mut other = 0;
            while other < index {
                if regions[index].overlaps(&regions[other]) {
                    return false;
                }
                other += 1;
            }
            index += 1;
        }
        true
    }
}

impl Processor {
    const fn number(self) -> u32 {
        match self {
            Processor::CortexM0Plus => 0,
            Processor::CortexM33 => 1,
        }
    }

    const fn of_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Processor::CortexM0Plus),
            1 => Some(Processor::CortexM33),
            _ => None,
        }
    }
}

impl<'a> ImageHeader<'a> {
    /// The header's bytes, for a constant of a board's program.
    ///
    /// # Panics
    /// If a text is empty, is longer than 16 bytes or has another character than printable ASCII, or the flash is not divided soundly;
    /// in a constant that is an error of the compiler.
    pub const fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        assert!(self.flash.is_sound(), "the regions of flash are whole sectors and do not overlap");
        let mut bytes = [0; HEADER_BYTES];
        put(&mut bytes, 0, &MAGIC);
        put(&mut bytes, 8, &FORMAT_VERSION.to_le_bytes());
        put(&mut bytes, 12, text_of(self.board));
        put(&mut bytes, 28, text_of(self.version));
        put(&mut bytes, 44, &self.processor.number().to_le_bytes());
        put(&mut bytes, 48, &self.ram_bytes.to_le_bytes());
        put(&mut bytes, 52, &self.arena_bytes.to_le_bytes());
        put(&mut bytes, 56, &self.largest.columns.to_le_bytes());
        put(&mut bytes, 58, &self.largest.rows.to_le_bytes());
        let regions = self.flash.regions();
        let mut index = 0;
        while index < regions.len() {
            put(&mut bytes, 60 + 8 * index, &regions[index].offset.to_le_bytes());
            put(&mut bytes, 64 + 8 * index, &regions[index].bytes.to_le_bytes());
            index += 1;
        }
        let crc = crc32(bytes.split_at(CHECKED).0);
        put(&mut bytes, CHECKED, &crc.to_le_bytes());
        bytes
    }

    /// The header of an image, which begins where flash begins.
    ///
    /// # Errors
    /// What is wrong with the first that looks like a header, if none is sound; [`ImageError::Missing`] if nothing does.
    pub fn find(image: &'a [u8]) -> Result<Self, ImageError> {
        let mut first = ImageError::Missing;
        for offset in (0..=WITHIN - HEADER_BYTES).step_by(4) {
            let Some(rest) = image.get(offset..).filter(|rest| rest.starts_with(&MAGIC)) else { continue };
            match Self::parse(rest) {
                Ok(header) => return Ok(header),
                Err(error) if first == ImageError::Missing => first = error,
                Err(_) => {}
            }
        }
        Err(first)
    }

    /// The header that `bytes` begin with.
    fn parse(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let (bytes, _) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(ImageError::Truncated)?;
        let [low, high] = [8, 92].map(|offset| word(bytes, offset));
        if low != FORMAT_VERSION {
            return Err(ImageError::UnsupportedVersion { found: low });
        }
        if high != crc32(&bytes[..CHECKED]) {
            return Err(ImageError::Crc);
        }
        let region = |offset| Region { offset: word(bytes, offset), bytes: word(bytes, offset + 4) };
        let flash = FlashLayout { firmware: region(60), journal: region(68), slots: [region(76), region(84)] };
        if !flash.is_sound() {
            return Err(ImageError::Regions);
        }
        let found = word(bytes, 44);
        Ok(Self {
            board: text(&bytes[12..28]).ok_or(ImageError::Text)?,
            version: text(&bytes[28..44]).ok_or(ImageError::Text)?,
            processor: Processor::of_number(found).ok_or(ImageError::Processor { found })?,
            ram_bytes: word(bytes, 48),
            arena_bytes: word(bytes, 52),
            largest: FrameSize { columns: word(bytes, 56) as u16, rows: (word(bytes, 56) >> 16) as u16 },
            flash,
        })
    }
}

/// Copies `part` to `offset`.
const fn put(bytes: &mut [u8; HEADER_BYTES], offset: usize, part: &[u8]) {
    let mut index = 0;
    while index < part.len() {
        bytes[offset + index] = part[index];
        index += 1;
    }
}

/// The bytes of a text that fits its field.
const fn text_of(text: &str) -> &[u8] {
    let bytes = text.as_bytes();
    assert!(!bytes.is_empty() && bytes.len() <= TEXT_BYTES, "a text of an image header has 1 to 16 characters");
    let mut index = 0;
    while index < bytes.len() {
        assert!(bytes[index].is_ascii_graphic(), "a text of an image header has printable ASCII characters alone");
        index += 1;
    }
    bytes
}

/// What stands in the field of a text.
fn text(field: &[u8]) -> Option<&str> {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    let text = core::str::from_utf8(field.get(..end)?).ok()?;
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())).then_some(text)
}

/// The `u32` at `offset`.
fn word(bytes: &[u8; HEADER_BYTES], offset: usize) -> u32 {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: ImageHeader<'static> = ImageHeader {
        board: "pico",
        version: "0.1.0",
        processor: Processor::CortexM0Plus,
        ram_bytes: 264 * 1024,
        arena_bytes: 72 * 1024,
        largest: FrameSize { columns: 320, rows: 240 },
        flash: FlashLayout {
            firmware: Region { offset: 0, bytes: 0xf_0000 },
            journal: Region { offset: 0xf_8000, bytes: 0x8000 },
            slots: [Region { offset: 0x10_0000, bytes: 0x8_0000 }, Region { offset: 0x18_0000, bytes: 0x8_0000 }],
        },
    };

    /// The same, byte by byte; the checksum is that of Python's `zlib.crc32`.
    const LITERAL: [u8; HEADER_BYTES] = *b"FERIMAGE\x01\0\0\0\
        pico\0\0\0\0\0\0\0\0\0\0\0\0\
        0.1.0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\x20\x04\0\0\x20\x01\0\x40\x01\xf0\0\
        \0\0\0\0\0\0\x0f\0\0\x80\x0f\0\0\x80\0\0\
        \0\0\x10\0\0\0\x08\0\0\0\x18\0\0\0\x08\0\
        \x82\xf2\xeb\x8a";

    /// An image with the header at `offset`.
    fn image(offset: usize, header: &[u8]) -> [u8; 8192] {
        let mut image = [0xff; 8192];
        image[offset..offset + header.len()].copy_from_slice(header);
        image
    }

    /// The header with other bytes at `offset` and the checksum that goes with them.
    fn with(offset: usize, part: &[u8]) -> [u8; HEADER_BYTES] {
        let mut bytes = LITERAL;
        bytes[offset..offset + part.len()].copy_from_slice(part);
        let crc = crc32(&bytes[..CHECKED]);
        bytes[CHECKED..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    #[test]
    fn the_bytes_of_a_header_are_those_of_the_format() {
        const BYTES: [u8; HEADER_BYTES] = HEADER.to_bytes();
        assert_eq!(BYTES, LITERAL);
    }

    #[test]
    fn a_header_is_found_at_every_multiple_of_four_within_the_first_four_kilobytes_and_nowhere_else() {
        for offset in (0..=WITHIN - HEADER_BYTES).step_by(4) {
            assert_eq!(ImageHeader::find(&image(offset, &LITERAL)), Ok(HEADER), "at {offset}");
        }
        for offset in [1, 2, 258, WITHIN - HEADER_BYTES + 4, WITHIN] {
            assert_eq!(ImageHeader::find(&image(offset, &LITERAL)), Err(ImageError::Missing), "at {offset}");
        }
        assert_eq!(ImageHeader::find(&[]), Err(ImageError::Missing));
    }

    #[test]
    fn every_cut_of_an_image_gives_an_error() {
        for length in 0..HEADER_BYTES {
            let expected = if length < MAGIC.len() { ImageError::Missing } else { ImageError::Truncated };
            assert_eq!(ImageHeader::find(&LITERAL[..length]), Err(expected), "{length} bytes");
        }
    }

    #[test]
    fn every_flipped_bit_of_a_header_gives_an_error() {
        for bit in 0..8 * HEADER_BYTES {
            let mut bytes = LITERAL;
            bytes[bit / 8] ^= 1 << (bit % 8);
            let error = ImageHeader::find(&bytes).expect_err("it is damaged");
            match bit / 8 {
                0..8 => assert_eq!(error, ImageError::Missing),
                8..12 => assert!(matches!(error, ImageError::UnsupportedVersion { .. }), "{error}"),
                _ => assert_eq!(error, ImageError::Crc),
            }
        }
    }

    #[test]
    fn a_damaged_header_before_a_sound_one_does_no_harm_and_alone_says_what_is_wrong() {
        let mut damaged = LITERAL;
        damaged[60] ^= 1;
        let mut both = image(256, &damaged);
        both[1024..1024 + HEADER_BYTES].copy_from_slice(&LITERAL);
        assert_eq!(ImageHeader::find(&both), Ok(HEADER));
        assert_eq!(ImageHeader::find(&image(256, &damaged)), Err(ImageError::Crc));
    }

    #[test]
    fn contents_that_make_no_sense_are_errors() {
        let word = |value: u32| value.to_le_bytes();
        let cases = [
            (with(8, &word(2)), ImageError::UnsupportedVersion { found: 2 }),
            (with(12, &[0]), ImageError::Text),
            (with(12, "pì".as_bytes()), ImageError::Text),
            (with(28, b" "), ImageError::Text),
            (with(44, &word(7)), ImageError::Processor { found: 7 }),
            // No whole sectors, an empty region, an end beyond 32 bits, regions that overlap.
            (with(64, &word(0xf_0001)), ImageError::Regions),
            (with(64, &word(0)), ImageError::Regions),
            (with(64, &word(0xffff_f000)), ImageError::Regions),
            (with(84, &word(0xffff_f000)), ImageError::Regions),
            (with(84, &word(0x17_f000)), ImageError::Regions),
            (with(64, &word(0xf_9000)), ImageError::Regions),
        ];
        for (bytes, error) in cases {
            assert_eq!(ImageHeader::find(&bytes), Err(error));
        }
        let long = with(12, b"sixteen-letters!");
        assert_eq!(ImageHeader::find(&long).map(|header| header.board), Ok("sixteen-letters!"));
    }
}
