//! A part of RAM in place of the flash for models, which this board lacks. What is in it is lost when the board starts again.

use core::slice;
use core::sync::atomic::{AtomicBool, Ordering};

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use firmware::device::ModelFlash;
use firmware::store::{Layout, Place};

const SECTOR_BYTES: u32 = 4096;
const JOURNAL_BYTES: u32 = 8 * SECTOR_BYTES;
const SLOT_BYTES: u32 = 384 * 1024;
const BYTES: usize = (JOURNAL_BYTES + 2 * SLOT_BYTES) as usize;

const LAYOUT: Layout = Layout {
    journal: Place { offset: 0, bytes: JOURNAL_BYTES },
    slot_a: Place { offset: JOURNAL_BYTES, bytes: SLOT_BYTES },
    slot_b: Place { offset: JOURNAL_BYTES + SLOT_BYTES, bytes: SLOT_BYTES },
};

/// Model files are read in place, at multiples of 16.
#[repr(align(16))]
struct Memory([u8; BYTES]);

/// Only [`RamFlash`] writes to it, and there is one of these.
static mut MEMORY: Memory = Memory([0; BYTES]);

/// The flash, erased.
///
/// # Panics
/// If it was taken before.
pub fn take() -> ModelFlash<RamFlash> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    // One core, and no interrupt calls this.
    assert!(!TAKEN.load(Ordering::Relaxed), "the flash is taken once");
    TAKEN.store(true, Ordering::Relaxed);
    let mut flash = RamFlash(());
    flash.fill(0, BYTES as u32);
    ModelFlash { flash, layout: LAYOUT, mapped, board: "mps2" }
}

/// A place of the flash, without what is outside of it.
fn mapped(place: Place) -> &'static [u8] {
    let start = (place.offset as usize).min(BYTES);
    let bytes = (place.bytes as usize).min(BYTES - start);
    // SAFETY: the memory is there for the life of the program. The store writes to a slot only while nobody reads it in place: not the
    // model that runs, which is in the other, nor one that is tested, whose slice borrows the store.
    unsafe { slice::from_raw_parts((&raw const MEMORY.0).cast::<u8>().add(start), bytes) }
}

/// A part of RAM that is erased and programmed as flash is.
#[derive(Debug)]
pub struct RamFlash(());

/// What is asked of it is out of bounds, or not aligned.
#[derive(Clone, Copy, Debug)]
pub struct OutOfBounds(NorFlashErrorKind);

impl NorFlashError for OutOfBounds {
    fn kind(&self) -> NorFlashErrorKind {
        self.0
    }
}

impl RamFlash {
    /// Erases bytes that are within the memory.
    fn fill(&mut self, from: u32, to: u32) {
        // SAFETY: the callers have checked the bounds; nobody reads these bytes meanwhile (see `mapped`).
        unsafe { (&raw mut MEMORY.0).cast::<u8>().add(from as usize).write_bytes(0xff, (to - from) as usize) }
    }
}

impl ErrorType for RamFlash {
    type Error = OutOfBounds;
}

impl ReadNorFlash for RamFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        check_read(self, offset, bytes.len()).map_err(OutOfBounds)?;
        bytes.copy_from_slice(mapped(Place { offset, bytes: bytes.len() as u32 }));
        Ok(())
    }

    fn capacity(&self) -> usize {
        BYTES
    }
}

impl NorFlash for RamFlash {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = SECTOR_BYTES as usize;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), OutOfBounds> {
        check_erase(self, from, to).map_err(OutOfBounds)?;
        self.fill(from, to);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        check_write(self, offset, bytes.len()).map_err(OutOfBounds)?;
        for (index, byte) in bytes.iter().enumerate() {
            // SAFETY: the bounds are checked; nobody reads these bytes meanwhile (see `mapped`).
            unsafe {
                let place = (&raw mut MEMORY.0).cast::<u8>().add(offset as usize + index);
                // As in flash, bits are only cleared.
                *place &= byte;
            }
        }
        Ok(())
    }
}
