//! A simulated NOR flash: power is cut in any write, bits flip, cells wear out. It reports what a flash does not bear.

use std::ops::Range;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use proptest::prelude::{Arbitrary, Just, Strategy, any};
use proptest::{prop_oneof, strategy::BoxedStrategy};

/// Bytes that are programmed at least.
const WRITE_BYTES: usize = 16;

/// Why the flash does not do what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// There is no power.
    Off,
    /// A place out of range or not aligned.
    Arguments(NorFlashErrorKind),
    /// A 1 would be written over a 0.
    OneOverZero,
    /// The cells are worn out.
    Worn,
    /// The place cannot be read.
    Unreadable,
}

impl NorFlashError for Error {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Error::Arguments(kind) => *kind,
            _ => NorFlashErrorKind::Other,
        }
    }
}

/// What a cut leaves of the write or erase that it falls into.
#[derive(Clone, Copy, Debug)]
pub enum Torn {
    /// Nothing was done yet.
    Before,
    /// So many bytes are as they were to become, of a page and, in the same proportion, of a sector; the others as they were.
    Bytes(u8),
    /// Any of the bits that were to change have changed; in an erase, bits that were 1 may be 0 too.
    Bits(u64),
    /// It was just done.
    After,
}

impl Arbitrary for Torn {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        let bytes = any::<u8>().prop_map(Torn::Bytes);
        let bits = any::<u64>().prop_map(Torn::Bits);
        prop_oneof![Just(Torn::Before), bytes, bits, Just(Torn::After)].boxed()
    }
}

/// The flash.
#[derive(Clone, Debug)]
pub struct Flash<const SECTOR_BYTES: usize> {
    pub bytes: Vec<u8>,
    /// For each write unit, whether it was programmed since it was erased.
    programmed: Vec<bool>,
    /// For each sector, whether power was cut in its last erase, so that its cells hold nothing for long.
    half_erased: Vec<bool>,
    /// Erases of each sector.
    pub erases: Vec<u32>,
    /// Writes and erases so far.
    pub done: u32,
    /// In which of them power is cut, and what it leaves.
    pub cut: Option<(u32, Torn)>,
    /// Erases that a sector bears.
    pub endurance: u32,
    /// What nobody may write to.
    pub protected: Range<usize>,
    /// What cannot be read.
    pub unreadable: Range<usize>,
    /// Pages that do not keep what is written to them, and do not say so.
    pub weak: Range<usize>,
    /// What the flash does not bear, and somebody did.
    pub faults: Vec<String>,
    off: bool,
}

impl<const SECTOR_BYTES: usize> Flash<SECTOR_BYTES> {
    /// A blank flash.
    pub fn new(sectors: usize) -> Self {
        let bytes = sectors * SECTOR_BYTES;
        Self {
            bytes: vec![0xff; bytes],
            programmed: vec![false; bytes / WRITE_BYTES],
            half_erased: vec![false; sectors],
            erases: vec![0; sectors],
            done: 0,
            cut: None,
            endurance: u32::MAX,
            protected: 0..0,
            unreadable: 0..0,
            weak: 0..0,
            faults: Vec::new(),
            off: false,
        }
    }

    /// Puts bytes there as a programmer does, whole sectors.
    pub fn put(&mut self, offset: usize, bytes: &[u8]) {
        let end = (offset + bytes.len()).next_multiple_of(SECTOR_BYTES);
        self.bytes[offset..end].fill(0xff);
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        let units = self.bytes[offset..end].chunks(WRITE_BYTES);
        for (programmed, unit) in self.programmed[offset / WRITE_BYTES..end / WRITE_BYTES].iter_mut().zip(units) {
            *programmed = unit.iter().any(|&byte| byte != 0xff);
        }
    }

    /// Whether power was cut.
    pub fn is_off(&self) -> bool {
        self.off
    }

    /// Fails if somebody did what the flash does not bear.
    pub fn expect_no_faults(&self) {
        assert!(self.faults.is_empty(), "{:?}", self.faults);
    }

    /// Power comes back.
    pub fn restart(mut self) -> Self {
        (self.off, self.cut, self.protected) = (false, None, 0..0);
        self
    }

    /// Counts a write or an erase of a range: whether power is cut in it.
    fn next(&mut self, what: &str, range: &Range<usize>) -> Result<Option<Torn>, Error> {
        if self.off {
            return Err(Error::Off);
        }
        if range.start < self.protected.end && self.protected.start < range.end {
            self.faults.push(format!("{what} of {range:x?}, which is protected"));
        }
        let torn = self.cut.filter(|(number, _)| *number == self.done).map(|(_, torn)| torn);
        self.done += 1;
        self.off = torn.is_some();
        Ok(torn)
    }
}

impl<const SECTOR_BYTES: usize> ErrorType for Flash<SECTOR_BYTES> {
    type Error = Error;
}

impl<const SECTOR_BYTES: usize> ReadNorFlash for Flash<SECTOR_BYTES> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Error> {
        check_read(self, offset, bytes.len()).map_err(Error::Arguments)?;
        let range = offset as usize..offset as usize + bytes.len();
        if self.off {
            return Err(Error::Off);
        }
        if range.start < self.unreadable.end && self.unreadable.start < range.end {
            return Err(Error::Unreadable);
        }
        bytes.copy_from_slice(&self.bytes[range]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const SECTOR_BYTES: usize> NorFlash for Flash<SECTOR_BYTES> {
    const WRITE_SIZE: usize = WRITE_BYTES;
    const ERASE_SIZE: usize = SECTOR_BYTES;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Error> {
        check_erase(self, from, to).map_err(Error::Arguments)?;
        let range = from as usize..to as usize;
        assert_eq!(range.len(), SECTOR_BYTES, "a sector is erased at a time");
        let sector = range.start / SECTOR_BYTES;
        if self.erases[sector] >= self.endurance {
            return Err(Error::Worn);
        }
        let torn = self.next("erase", &range)?;
        let old = &mut self.bytes[range.clone()];
        match torn {
            Some(Torn::Before) => return Err(Error::Off),
            Some(Torn::Bytes(bytes)) => old[..usize::from(bytes) * SECTOR_BYTES / 256].fill(0xff),
            Some(Torn::Bits(seed)) => {
                let mut random = Random(seed);
                // A third of the sector is blank already, so that what is left looks sound at its beginning or its end.
                let blank = random.next() as usize % 3 * SECTOR_BYTES / 3;
                for (index, byte) in old.iter_mut().enumerate() {
                    let any = random.next() as u8;
                    *byte = if index / (SECTOR_BYTES / 3) == blank / (SECTOR_BYTES / 3) { 0xff } else { any };
                }
            }
            Some(Torn::After) | None => old.fill(0xff),
        }
        self.erases[sector] += 1;
        self.half_erased[sector] = torn.is_some_and(|torn| !matches!(torn, Torn::After));
        self.programmed[range.start / WRITE_BYTES..range.end / WRITE_BYTES].fill(false);
        if torn.is_some() { Err(Error::Off) } else { Ok(()) }
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Error> {
        check_write(self, offset, bytes.len()).map_err(Error::Arguments)?;
        let range = offset as usize..offset as usize + bytes.len();
        assert!(range.start / 256 == (range.end - 1) / 256, "programming does not cross a page");
        let torn = self.next("write", &range)?;
        if self.half_erased[range.start / SECTOR_BYTES] {
            self.faults.push(format!("write to {range:x?}, which was not wholly erased"));
        }
        let programmed = &mut self.programmed[range.start / WRITE_BYTES..range.end / WRITE_BYTES];
        if programmed.contains(&true) {
            self.faults.push(format!("write to {range:x?}, which was programmed before"));
        }
        let old = &mut self.bytes[range.clone()];
        if old.iter().zip(bytes).any(|(old, new)| !old & new != 0) {
            self.faults.push(format!("write of 1 over 0 at {range:x?}"));
            return Err(Error::OneOverZero);
        }
        let before = old.to_vec();
        let mut random = match torn {
            Some(Torn::Bits(seed)) => Random(seed),
            _ => Random(0),
        };
        for (index, (old, new)) in old.iter_mut().zip(bytes).enumerate() {
            *old = match torn {
                Some(Torn::Before) => *old,
                Some(Torn::Bytes(bytes)) if index >= bytes.into() => *old,
                Some(Torn::Bits(_)) => *old & (new | random.next() as u8),
                _ => old.to_owned() & new,
            };
        }
        if range.start < self.weak.end && self.weak.start < range.end {
            old.copy_from_slice(&before);
        }
        if before != old || torn.is_none_or(|torn| matches!(torn, Torn::After)) {
            programmed.fill(true);
        }
        if torn.is_some() { Err(Error::Off) } else { Ok(()) }
    }
}

/// SplitMix64, for bits that look like chance and are the same in each run.
pub struct Random(pub u64);

impl Random {
    /// The next 32 bits.
    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 32) as u32
    }
}
