//! A slot: a place in a device's flash for a model file, and for a finder file if it has one of its own.
//!
//! # Format, version 1
//!
//! All integers are little-endian.
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | magic, `FERSLOT` and a zero |
//! | 8..12 | format version, `u32` |
//! | 12..16 | length `M` of the model file in bytes, `u32`, not 0 |
//! | 16..20 | length `F` of the finder file in bytes, `u32`; 0: the slot has none, and the firmware's serves |
//! | 20..24 | CRC-32 (ISO-HDLC) of the contents, `u32` |
//! | 24..28 | CRC-32 of bytes 0..24, `u32` |
//! | 28..256 | written as 0xff, and not read |
//! | 256.. | contents: the [model file](crate::model), zeros to a multiple of 16, the [finder file](crate::finder), zeros to a multiple of 16 |
//! | to the end of the slot | anything |
//!
//! The header takes a page of flash, which is programmed at once and after the contents. So a slot with a sound header was
//! written to its end. A slot begins at a multiple of 16 in memory, so its files are read in place.

use crate::checksum::crc32;

/// First bytes of every slot.
pub const MAGIC: [u8; 8] = *b"FERSLOT\0";

/// The version of the format.
pub const FORMAT_VERSION: u32 = 1;

/// Bytes of the header; the contents follow.
pub const HEADER_BYTES: usize = 256;

/// The files of a slot begin at multiples of this many bytes.
pub const ALIGNMENT: u32 = 16;

/// Bytes of the header that are read.
const FIELD_BYTES: usize = 28;

/// What a slot holds: the fields of its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Length of the model file in bytes.
    pub model_bytes: u32,
    /// Length of the finder file in bytes; 0 if there is none.
    pub finder_bytes: u32,
    /// CRC-32 of the contents, padding included.
    pub crc: u32,
}

/// The files of a slot whose CRC is right. What they hold is not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot<'a> {
    /// The slot's header.
    pub header: Header,
    /// The model file.
    pub model: &'a [u8],
    /// The finder file.
    pub finder: Option<&'a [u8]>,
}

/// What is wrong with a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotError {
    /// Nothing is written where the header is: every byte that is read is 0xff.
    Blank,
    /// The first bytes are not `FERSLOT` and a zero.
    Magic([u8; 8]),
    /// The header is damaged.
    HeaderCrc {
        /// Checksum in the header.
        stored: u32,
        /// Checksum of its bytes.
        computed: u32,
    },
    /// A version of the format that this crate does not read.
    UnsupportedVersion {
        /// The slot's.
        found: u32,
    },
    /// There is no model, or the lengths of the files are out of range.
    Lengths {
        /// Length of the model file.
        model: u32,
        /// Length of the finder file.
        finder: u32,
    },
    /// The contents end behind the end of the slot.
    Truncated {
        /// Bytes that header and contents take.
        need: u32,
        /// Bytes there are.
        have: usize,
    },
    /// The contents are damaged.
    Crc {
        /// Checksum in the header.
        stored: u32,
        /// Checksum of the contents.
        computed: u32,
    },
}

impl core::fmt::Display for SlotError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            SlotError::Blank => write!(f, "the slot is blank; upload a model"),
            SlotError::Magic(found) => {
                write!(f, "the slot begins with {found:02x?}, not with `FERSLOT` and a zero; upload the model again")
            }
            SlotError::HeaderCrc { stored, computed } => write!(
                f,
                "the header of the slot is damaged (CRC {computed:08x}, not {stored:08x}); upload the model again"
            ),
            SlotError::UnsupportedVersion { found } => write!(
                f,
                "the slot has format {found} and this program reads {FORMAT_VERSION}; upload the model again or update"
            ),
            SlotError::Lengths { model, finder } => write!(
                f,
                "a slot with a model file of {model} bytes and a finder file of {finder} cannot be; upload the model again"
            ),
            SlotError::Truncated { need, have } => {
                write!(f, "the slot's contents take {need} bytes of {have}; upload a smaller model")
            }
            SlotError::Crc { stored, computed } => write!(
                f,
                "the slot's contents are damaged (CRC {computed:08x}, not {stored:08x}); upload the model again"
            ),
        }
    }
}

impl core::error::Error for SlotError {}

impl Header {
    /// Reads the header at the beginning of a slot.
    ///
    /// # Errors
    /// Any [`SlotError`] but [`SlotError::Crc`]; [`SlotError::Truncated`] if `bytes` are too few for a header. No byte
    /// string makes it panic.
    pub fn parse(bytes: &[u8]) -> Result<Self, SlotError> {
        let too_short = SlotError::Truncated { need: HEADER_BYTES as u32, have: bytes.len() };
        let fields = bytes.first_chunk::<HEADER_BYTES>().and_then(|page| page.first_chunk::<FIELD_BYTES>());
        let fields = fields.ok_or(too_short)?;
        if fields.iter().all(|&byte| byte == 0xff) {
            return Err(SlotError::Blank);
        }
        let [m0, m1, m2, m3, m4, m5, m6, m7, rest @ ..] = *fields;
        let magic = [m0, m1, m2, m3, m4, m5, m6, m7];
        if magic != MAGIC {
            return Err(SlotError::Magic(magic));
        }
        let [v0, v1, v2, v3, b0, b1, b2, b3, f0, f1, f2, f3, c0, c1, c2, c3, h0, h1, h2, h3] = rest;
        let (stored, computed) = (u32::from_le_bytes([h0, h1, h2, h3]), crc32(&fields[..FIELD_BYTES - 4]));
        if stored != computed {
            return Err(SlotError::HeaderCrc { stored, computed });
        }
        let found = u32::from_le_bytes([v0, v1, v2, v3]);
        if found != FORMAT_VERSION {
            return Err(SlotError::UnsupportedVersion { found });
        }
        let header = Self {
            model_bytes: u32::from_le_bytes([b0, b1, b2, b3]),
            finder_bytes: u32::from_le_bytes([f0, f1, f2, f3]),
            crc: u32::from_le_bytes([c0, c1, c2, c3]),
        };
        header.content_bytes()?;
        Ok(header)
    }

    /// The header as it is programmed.
    pub fn page(&self) -> [u8; HEADER_BYTES] {
        let mut page = [0xff; HEADER_BYTES];
        page[..8].copy_from_slice(&MAGIC);
        page[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        page[12..16].copy_from_slice(&self.model_bytes.to_le_bytes());
        page[16..20].copy_from_slice(&self.finder_bytes.to_le_bytes());
        page[20..24].copy_from_slice(&self.crc.to_le_bytes());
        let crc = crc32(&page[..24]);
        page[24..28].copy_from_slice(&crc.to_le_bytes());
        page
    }

    /// Where the finder file begins in the contents, and how long they are, in bytes.
    ///
    /// # Errors
    /// [`SlotError::Lengths`] if there is no model, or if header and contents have more than `u32::MAX` bytes.
    fn places(&self) -> Result<(u32, u32), SlotError> {
        let (model, finder) = (self.model_bytes, self.finder_bytes);
        let places = || {
            let start = model.checked_next_multiple_of(ALIGNMENT)?;
            let end = start.checked_add(finder.checked_next_multiple_of(ALIGNMENT)?)?;
            end.checked_add(HEADER_BYTES as u32)?;
            Some((start, end))
        };
        places().filter(|_| model > 0).ok_or(SlotError::Lengths { model, finder })
    }

    /// Bytes of the contents, padding included: what is uploaded.
    ///
    /// # Errors
    /// [`SlotError::Lengths`] if there is no model, or if header and contents have more than `u32::MAX` bytes.
    pub fn content_bytes(&self) -> Result<u32, SlotError> {
        self.places().map(|(_, end)| end)
    }
}

impl<'a> Slot<'a> {
    /// Reads a slot and checks its CRC. `bytes` may go on behind the contents.
    ///
    /// # Errors
    /// A [`SlotError`] that says what is wrong. No byte string makes it panic.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SlotError> {
        let header = Header::parse(bytes)?;
        Self::from_contents(header, bytes.get(HEADER_BYTES..).unwrap_or_default())
    }

    /// The files of a slot whose header is not, or not yet, before its contents. Their CRC is checked. `bytes` may go on
    /// behind the contents.
    ///
    /// # Errors
    /// [`SlotError::Lengths`], [`SlotError::Truncated`] or [`SlotError::Crc`].
    pub fn from_contents(header: Header, bytes: &'a [u8]) -> Result<Self, SlotError> {
        let (finder, end) = header.places()?;
        let have = bytes.len().saturating_add(HEADER_BYTES);
        let too_short = SlotError::Truncated { need: HEADER_BYTES as u32 + end, have };
        let contents = bytes.get(..end as usize).ok_or(too_short)?;
        let computed = crc32(contents);
        if computed != header.crc {
            return Err(SlotError::Crc { stored: header.crc, computed });
        }
        Self::of(header, contents, finder).ok_or(too_short)
    }

    /// The files in the contents, of which the finder begins at `finder`.
    fn of(header: Header, contents: &'a [u8], finder: u32) -> Option<Self> {
        let model = contents.get(..header.model_bytes as usize)?;
        let finder = contents.get(finder as usize..)?.get(..header.finder_bytes as usize)?;
        Some(Self { header, model, finder: (!finder.is_empty()).then_some(finder) })
    }
}

/// Writes a slot: its header, and its contents.
///
/// # Errors
/// [`SlotError::Lengths`] if there is no model, or if the files are too long.
#[cfg(feature = "alloc")]
pub fn encode(model: &[u8], finder: Option<&[u8]>) -> Result<alloc::vec::Vec<u8>, SlotError> {
    let finder = finder.unwrap_or_default();
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let header = Header { model_bytes: length(model), finder_bytes: length(finder), crc: 0 };
    header.content_bytes()?;
    let mut contents = alloc::vec::Vec::new();
    for file in [model, finder] {
        contents.extend(file);
        contents.resize(contents.len().next_multiple_of(ALIGNMENT as usize), 0);
    }
    let mut slot = Header { crc: crc32(&contents), ..header }.page().to_vec();
    slot.extend(contents);
    Ok(slot)
}

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(test)]
mod tests {
    use super::*;

    /// A model file of three bytes and a finder file of two, as Python's `struct` and `zlib` write them.
    const HEADER: [u8; 28] = *b"FERSLOT\0\x01\0\0\0\x03\0\0\0\x02\0\0\0\x4d\x52\x2d\x93\x1c\xf7\x51\x81";
    const CONTENTS: [u8; 32] = *b"abc\0\0\0\0\0\0\0\0\0\0\0\0\0de\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    fn example() -> [u8; 400] {
        let mut slot = [0xff; 400];
        slot[..28].copy_from_slice(&HEADER);
        slot[256..288].copy_from_slice(&CONTENTS);
        slot
    }

    /// The example with other bytes from `place` on, and with a header whose CRC is right.
    fn with(place: usize, bytes: &[u8]) -> [u8; 400] {
        let mut slot = example();
        slot[place..place + bytes.len()].copy_from_slice(bytes);
        let crc = crc32(&slot[..24]);
        slot[24..28].copy_from_slice(&crc.to_le_bytes());
        slot
    }

    #[test]
    fn a_slot_is_these_bytes() {
        let slot = example();
        let read = Slot::parse(&slot).unwrap();
        assert_eq!((read.model, read.finder), (&b"abc"[..], Some(&b"de"[..])));
        let header = Header { model_bytes: 3, finder_bytes: 2, crc: crc32(&CONTENTS) };
        assert_eq!(read.header, header);
        assert_eq!(Header::parse(&slot[..256]), Ok(header));
        assert_eq!(header.page(), slot[..256]);
        assert_eq!(header.content_bytes(), Ok(32));
    }

    #[test]
    #[cfg(feature = "alloc")]
    fn an_encoded_slot_is_these_bytes() {
        assert_eq!(encode(b"abc", Some(b"de")).unwrap(), example()[..288]);
        let alone = encode(b"abc", None).unwrap();
        assert_eq!(alone.len(), 272);
        let read = Slot::parse(&alone).unwrap();
        assert_eq!((read.model, read.finder), (&b"abc"[..], None));
        assert_eq!(encode(b"", None), Err(SlotError::Lengths { model: 0, finder: 0 }));
    }

    #[test]
    fn a_slot_ends_with_its_contents_at_the_earliest() {
        let slot = example();
        assert!(Slot::parse(&slot[..288]).is_ok());
        assert_eq!(Slot::parse(&slot[..287]), Err(SlotError::Truncated { need: 288, have: 287 }));
        assert_eq!(Slot::parse(&slot[..255]), Err(SlotError::Truncated { need: 256, have: 255 }));
        assert_eq!(Slot::parse(&[]), Err(SlotError::Truncated { need: 256, have: 0 }));
    }

    #[test]
    fn each_fault_has_its_error() {
        assert_eq!(Slot::parse(&[0xff; 400]), Err(SlotError::Blank));
        assert_eq!(Slot::parse(&with(0, b"FERM")), Err(SlotError::Magic(*b"FERMLOT\0")));
        assert_eq!(Slot::parse(&with(8, &[2])), Err(SlotError::UnsupportedVersion { found: 2 }));
        assert_eq!(Slot::parse(&with(12, &[0])), Err(SlotError::Lengths { model: 0, finder: 2 }));
        let most = with(12, &[0xff; 4]);
        assert_eq!(Slot::parse(&most), Err(SlotError::Lengths { model: u32::MAX, finder: 2 }));
        // Each of the two is in range, and their sum is not.
        let two = with(12, &[0, 0, 0, 0x80, 0, 0, 0, 0x80]);
        assert_eq!(Slot::parse(&two), Err(SlotError::Lengths { model: 1 << 31, finder: 1 << 31 }));
        let long = with(12, &[0, 1]);
        assert_eq!(Slot::parse(&long), Err(SlotError::Truncated { need: 256 + 256 + 16, have: 400 }));
        assert!(matches!(Slot::parse(&with(20, &[0])), Err(SlotError::Crc { stored, computed }) if stored != computed));
    }

    #[test]
    fn a_flipped_bit_of_header_or_contents_is_found_and_one_behind_them_does_not_matter() {
        let slot = example();
        for bit in 0..slot.len() * 8 {
            let mut flipped = slot;
            flipped[bit / 8] ^= 1 << (bit % 8);
            let matters = !matches!(bit / 8, 28..256 | 288..);
            assert_eq!(Slot::parse(&flipped).is_err(), matters, "bit {bit}");
        }
    }
}
