//! What can be wrong with a store.

use core::fmt;

use embedded_storage::nor_flash::NorFlashErrorKind;
use shared::slot::SlotError;

use super::{PAGE_BYTES, Part, SlotName};

/// What is wrong with a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// The flash cannot hold pages of 256 bytes in whole sectors.
    Flash {
        /// Bytes that it reads at least.
        read: usize,
        /// Bytes that it writes at least.
        write: usize,
        /// Bytes that it erases at least: a sector.
        erase: usize,
    },
    /// A part is not whole sectors.
    Alignment {
        /// Which part.
        part: Part,
        /// Its first byte.
        offset: u32,
        /// Its length.
        bytes: u32,
        /// Bytes of a sector.
        sector: u32,
    },
    /// A part is too small.
    TooSmall {
        /// Which part.
        part: Part,
        /// Its length.
        bytes: u32,
        /// The shortest.
        need: u32,
    },
    /// A part ends behind the flash.
    Outside {
        /// Which part.
        part: Part,
        /// The byte behind it.
        end: u64,
        /// Bytes of the flash.
        capacity: usize,
    },
    /// Two parts share bytes.
    Overlap {
        /// One of them.
        first: Part,
        /// The other.
        second: Part,
    },
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            LayoutError::Flash { read, write, erase } => write!(
                f,
                "the flash reads {read}, writes {write} and erases {erase} bytes at once, which does not suit pages of \
                 {PAGE_BYTES}; use another flash"
            ),
            LayoutError::Alignment { part, offset, bytes, sector } => write!(
                f,
                "{part} has {bytes} bytes from {offset} on; both numbers must be multiples of {sector}, a sector of the flash"
            ),
            LayoutError::TooSmall { part, bytes, need } => {
                write!(f, "{part} has {bytes} bytes and needs {need}; make it larger")
            }
            LayoutError::Outside { part, end, capacity } => {
                write!(f, "{part} ends at {end}, behind the flash's {capacity} bytes; move it or make it smaller")
            }
            LayoutError::Overlap { first, second } => write!(f, "{first} and {second} share bytes; move one of them"),
        }
    }
}

impl core::error::Error for LayoutError {}

/// What is done to a flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Bytes are read.
    Read,
    /// A page is programmed.
    Program,
    /// A sector is erased.
    Erase,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Program => "program",
            Self::Erase => "erase",
        })
    }
}

/// Why the store does not do what it is asked. The models that are there are as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The flash reports an error.
    Flash {
        /// What was done to it.
        access: Access,
        /// Where, in bytes from the beginning of the flash.
        offset: u32,
        /// The error.
        kind: NorFlashErrorKind,
    },
    /// A page does not hold what was written to it.
    Worn {
        /// Where it begins, in bytes from the beginning of the flash.
        offset: u32,
    },
    /// No page of the journal can be written to.
    JournalFull,
    /// A slot, or the header of an upload, is not sound.
    Slot(SlotError),
    /// The contents do not fit into the slot.
    TooLarge {
        /// The slot.
        slot: SlotName,
        /// Bytes of the contents.
        need: u32,
        /// Bytes that the slot has for them.
        have: u32,
    },
    /// No upload has begun, or it failed.
    NoUpload,
    /// The bytes are not those that come next.
    Order {
        /// The offset that comes next.
        expected: u32,
        /// That of the bytes.
        found: u32,
    },
    /// The bytes go on behind the end of the upload.
    TooLong {
        /// Bytes of the contents.
        contents: u32,
        /// Where the bytes would end.
        end: u64,
    },
    /// The upload is to end before all of it has arrived.
    Incomplete {
        /// Bytes that have arrived.
        have: u32,
        /// Bytes of the contents.
        need: u32,
    },
    /// The contents in flash are not those whose CRC the upload began with.
    Crc {
        /// The CRC that the upload began with.
        expected: u32,
        /// That of the contents.
        computed: u32,
    },
    /// The upload is to be committed before it was finished.
    Unfinished,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            StoreError::Flash { access, offset, kind } => {
                write!(f, "the flash does not {access} at {offset:#x} ({kind}); try again")
            }
            StoreError::Worn { offset } => {
                write!(f, "the flash does not keep what is written at {offset:#x}; try again, else it is worn out")
            }
            StoreError::JournalFull => write!(f, "no page of the journal can be written to; the flash is worn out"),
            StoreError::Slot(error) => error.fmt(f),
            StoreError::TooLarge { slot, need, have } => {
                write!(f, "the model takes {need} bytes and {slot} has {have}; upload a smaller one")
            }
            StoreError::NoUpload => write!(f, "no upload is under way; begin one"),
            StoreError::Order { expected, found } => {
                write!(f, "bytes from {found} on came where those from {expected} on are next; go on from there")
            }
            StoreError::TooLong { contents, end } => {
                write!(f, "the upload has {contents} bytes and these would end at {end}; begin it again")
            }
            StoreError::Incomplete { have, need } => {
                write!(f, "{have} of {need} bytes have arrived; send the others first")
            }
            StoreError::Crc { expected, computed } => write!(
                f,
                "what arrived is not what was announced (CRC {computed:08x}, not {expected:08x}); upload it again"
            ),
            StoreError::Unfinished => write!(f, "the upload is not finished; finish it before it is committed"),
        }
    }
}

impl core::error::Error for StoreError {}

impl From<SlotError> for StoreError {
    fn from(error: SlotError) -> Self {
        Self::Slot(error)
    }
}
