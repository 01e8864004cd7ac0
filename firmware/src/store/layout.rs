//! Where journal and slots lie in a flash.

use core::fmt;

use embedded_storage::nor_flash::NorFlash;
use shared::slot;

use super::{LayoutError, PAGE_BYTES};

/// One of the two slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotName {
    /// The first.
    A,
    /// The second.
    B,
}

impl SlotName {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The slot that this is not.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

impl fmt::Display for SlotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A => write!(f, "slot A"),
            Self::B => write!(f, "slot B"),
        }
    }
}

/// A part of the flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The journal.
    Journal,
    /// A slot.
    Slot(SlotName),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal => write!(f, "the journal"),
            Self::Slot(slot) => slot.fmt(f),
        }
    }
}

/// A range of the flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its first byte, from the beginning of the flash.
    pub offset: u32,
    /// Its length.
    pub bytes: u32,
}

/// Where journal and slots lie. Each is whole sectors; a sector is what the flash erases at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The journal: two sectors or more.
    pub journal: Place,
    /// Slot A.
    pub slot_a: Place,
    /// Slot B.
    pub slot_b: Place,
}

impl Layout {
    /// Where a slot lies.
    pub fn slot(&self, slot: SlotName) -> Place {
        match slot {
            SlotName::A => self.slot_a,
            SlotName::B => self.slot_b,
        }
    }

    /// Where the contents of a slot may lie: behind its header.
    pub fn contents(&self, slot: SlotName) -> Place {
        let Place { offset, bytes } = self.slot(slot);
        let header = slot::HEADER_BYTES as u32;
        Place { offset: offset.saturating_add(header), bytes: bytes.saturating_sub(header) }
    }

    /// Whether the parts are whole sectors of the flash, and none lies in another.
    pub(super) fn check<F: NorFlash>(&self, flash: &F) -> Result<(), LayoutError> {
        let (read, write, erase) = (F::READ_SIZE, F::WRITE_SIZE, F::ERASE_SIZE);
        let page = PAGE_BYTES as usize;
        let divides = |unit: usize, bytes: usize| unit > 0 && bytes.is_multiple_of(unit);
        let fits = divides(read, page) && divides(write, page) && divides(page, erase) && erase > 0;
        let sector = u32::try_from(erase).ok().filter(|_| fits).ok_or(LayoutError::Flash { read, write, erase })?;
        let parts = [
            (Part::Journal, self.journal, sector.saturating_mul(2)),
            (Part::Slot(SlotName::A), self.slot_a, PAGE_BYTES + slot::ALIGNMENT),
            (Part::Slot(SlotName::B), self.slot_b, PAGE_BYTES + slot::ALIGNMENT),
        ];
        for (index, &(part, Place { offset, bytes }, need)) in parts.iter().enumerate() {
            if offset % sector != 0 || bytes % sector != 0 {
                return Err(LayoutError::Alignment { part, offset, bytes, sector });
            }
            if bytes < need {
                return Err(LayoutError::TooSmall { part, bytes, need });
            }
            let (end, capacity) = (u64::from(offset) + u64::from(bytes), flash.capacity());
            if end > capacity as u64 || end > u64::from(u32::MAX) {
                return Err(LayoutError::Outside { part, end, capacity });
            }
            // Their ends are below 2^32: the first has been through this loop, and so has the other.
            let meets = |place: &Place| offset < place.offset + place.bytes && place.offset < offset + bytes;
            if let Some((first, ..)) = parts.iter().take(index).find(|(_, place, _)| meets(place)) {
                return Err(LayoutError::Overlap { first: *first, second: part });
            }
        }
        Ok(())
    }
}
