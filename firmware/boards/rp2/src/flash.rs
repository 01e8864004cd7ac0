//! The flash that the program runs from, and in which models are kept.
//!
//! While it is erased or programmed nothing can be read from it: no instruction, no constant, no vector of an interrupt. So a
//! function in RAM does that, with interrupts off, and calls nothing but functions of the boot ROM. Flash is read where it is
//! mapped in memory. The datasheets of RP2040 (2.8.3.1.3) and RP2350 (5.4.8) say what is called in which order.

use core::fmt;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use firmware::store::{Layout, Place};

use shared::image::Region;

use crate::hal::rom_data;
use crate::layout::FLASH;

#[cfg(feature = "rp2040")]
mod number;

#[cfg(feature = "rp2040")]
pub use number::number;

/// Where the flash is mapped in memory.
const MAPPED: usize = 0x1000_0000;

/// Bytes of flash that are used: all of a Pico, the first half of a Pico 2.
pub const FLASH_BYTES: u32 = 2 * 1024 * 1024;

/// Where journal and slots lie. What is before them is the program's.
pub const LAYOUT: Layout =
    Layout { journal: place(FLASH.journal), slot_a: place(FLASH.slots[0]), slot_b: place(FLASH.slots[1]) };

const fn place(region: Region) -> Place {
    Place { offset: region.offset, bytes: region.bytes }
}

/// A sector and a page; what the boot ROM erases and programs at least.
const SECTOR_BYTES: usize = 4096;
const PAGE_BYTES: usize = 256;

/// The command that erases 64 KiB, which no range here is large enough for to be worth it, is not used.
const BLOCK_BYTES: u32 = 1 << 31;

/// Words of the program that makes flash readable again.
const SETUP_WORDS: usize = 64;

/// Where that program is. RP2040: the second boot stage, at the beginning of the flash. RP2350: the boot ROM wrote it to its RAM
/// when it had found out how this flash is read (datasheet, 5.4.8.10).
#[cfg(feature = "rp2040")]
const SETUP: usize = MAPPED;
#[cfg(feature = "rp2350")]
const SETUP: usize = 0x400e_0000;

/// The part of the flash from the journal on.
#[derive(Debug)]
pub struct Flash(());

/// Why the flash does not do what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(NorFlashErrorKind);

impl NorFlashError for Error {
    fn kind(&self) -> NorFlashErrorKind {
        self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Flash {
    /// The flash of this board.
    ///
    /// # Safety
    /// There is one of it at a time. The second core and DMA use nothing that is in flash. Whoever holds what
    /// [`mapped`] returned does not have that part erased or programmed through this value as long as it is used.
    pub unsafe fn new() -> Self {
        Self(())
    }

    /// Has the range changed by `job`. Its offset and length were checked.
    fn change(&mut self, job: Job) {
        let setup = setup();
        let functions = Functions::of(&setup);
        // The compiler must not call it as if it were near: it lies farther away than an instruction reaches.
        let in_ram: unsafe extern "C" fn(&Functions, &Job) = core::hint::black_box(change_in_ram);
        critical_section::with(|_| {
            // SAFETY: interrupts are off, and by the contract of `new` nobody else uses flash. The pointers are those of
            // the boot ROM for functions of these types. The range is outside the program, and aligned; `page` is in RAM.
            unsafe { in_ram(&functions, &job) }
        });
    }

    /// Whether the range is aligned and behind the program.
    fn check(&self, offset: u32, checked: Result<(), NorFlashErrorKind>) -> Result<(), Error> {
        match offset < LAYOUT.journal.offset {
            true => Err(Error(NorFlashErrorKind::OutOfBounds)),
            false => checked.map_err(Error),
        }
    }
}

/// A part of the flash as it is mapped in memory; `None` if it is not within journal and slots.
///
/// It may be written to through [`Flash`], whose contract says when not.
pub fn mapped(Place { offset, bytes }: Place) -> Option<&'static [u8]> {
    let end = offset.checked_add(bytes)?;
    if offset < LAYOUT.journal.offset || end > FLASH_BYTES {
        return None;
    }
    let start = core::ptr::with_exposed_provenance::<u8>(MAPPED + offset as usize);
    // SAFETY: flash is mapped there for the life of the program. It is not written to as long as the slice is used: that is
    // what whoever made a `Flash` promised.
    Some(unsafe { core::slice::from_raw_parts(start, bytes as usize) })
}

impl ErrorType for Flash {
    type Error = Error;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Error> {
        self.check(offset, check_read(self, offset, bytes.len()))?;
        let start = core::ptr::with_exposed_provenance::<u8>(MAPPED + offset as usize);
        // SAFETY: the range is within the flash, which is mapped there, and `bytes` is in RAM.
        unsafe { start.copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    fn capacity(&self) -> usize {
        FLASH_BYTES as usize
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = PAGE_BYTES;
    const ERASE_SIZE: usize = SECTOR_BYTES;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Error> {
        self.check(from, check_erase(self, from, to))?;
        if from < to {
            self.change(Job { offset: from, erase: (to - from) as usize, page: [0; PAGE_BYTES] });
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Error> {
        self.check(offset, check_write(self, offset, bytes.len()))?;
        let (pages, _) = bytes.as_chunks::<PAGE_BYTES>();
        for (page, place) in pages.iter().zip((offset..).step_by(PAGE_BYTES)) {
            // The page is copied: what is to be programmed may itself be in flash.
            self.change(Job { offset: place, erase: 0, page: *page });
        }
        Ok(())
    }
}

/// What is to be done to the flash.
struct Job {
    offset: u32,
    /// Bytes to erase; 0: the page is programmed.
    erase: usize,
    page: [u8; PAGE_BYTES],
}

/// Functions that are not in flash.
struct Functions {
    connect: unsafe extern "C" fn(),
    exit_xip: unsafe extern "C" fn(),
    erase: unsafe extern "C" fn(u32, usize, u32, u8),
    program: unsafe extern "C" fn(u32, *const u8, usize),
    flush: unsafe extern "C" fn(),
    /// Makes flash readable in its fast mode.
    setup: unsafe extern "C" fn(),
}

/// A copy of the program that makes flash readable again.
fn setup() -> [u32; SETUP_WORDS] {
    let mut setup = [0; SETUP_WORDS];
    for (index, word) in setup.iter_mut().enumerate() {
        // SAFETY: the program is there, has 256 bytes and is aligned to 4.
        *word = unsafe { core::ptr::with_exposed_provenance::<u32>(SETUP).add(index).read_volatile() };
    }
    setup
}

impl Functions {
    /// Those of the boot ROM, and `setup`, which outlives their use.
    fn of(setup: &[u32; SETUP_WORDS]) -> Self {
        Self {
            connect: rom_data::connect_internal_flash::ptr(),
            exit_xip: rom_data::flash_exit_xip::ptr(),
            erase: rom_data::flash_range_erase::ptr(),
            program: rom_data::flash_range_program::ptr(),
            flush: rom_data::flash_flush_cache::ptr(),
            // SAFETY: `setup` is a function without arguments that is Thumb code, as its lowest bit tells the processor,
            // and finds its constants relative to itself. Called with a return address other than 0 it returns there.
            setup: unsafe {
                core::mem::transmute::<usize, unsafe extern "C" fn()>(setup.as_ptr().expose_provenance() | 1)
            },
        }
    }
}

/// Erases or programs. Startup copies this function to RAM with all that is in `.data`.
///
/// It reads nothing that is in flash and calls nothing by name, not even a check of bounds.
///
/// # Safety
/// Interrupts are off and nobody else uses flash. The functions are what they are called. The range may be changed.
#[inline(never)]
#[unsafe(link_section = ".data.ram_func")]
unsafe extern "C" fn change_in_ram(functions: &Functions, job: &Job) {
    // SAFETY: the order is that of the datasheet. The rest is the caller's.
    unsafe {
        (functions.connect)();
        (functions.exit_xip)();
        if job.erase > 0 {
            (functions.erase)(job.offset, job.erase, BLOCK_BYTES, 0);
        } else {
            (functions.program)(job.offset, job.page.as_ptr(), PAGE_BYTES);
        }
        (functions.flush)();
        (functions.setup)();
    }
}
