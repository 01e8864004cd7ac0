//! The journal: which slot is valid, what upload is under way, and how worn the flash is.
//!
//! # Format, version 1
//!
//! A record takes a page of 256 bytes and tells all there is to know, so the newest sound one is enough. All integers are
//! little-endian.
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | magic, `FERJRNL` and a zero |
//! | 8..12 | format version, `u32` |
//! | 12..16 | sequence number, `u32`, below 2^31 |
//! | 16..20 | 1: an upload into the slot is under way; 2: the slot is valid |
//! | 20..24 | the slot, 0 or 1 |
//! | 24..28 | length of the model file in bytes, `u32` |
//! | 28..32 | length of the finder file in bytes, `u32` |
//! | 32..36 | CRC-32 of the contents, `u32` |
//! | 36..40 | bytes of the contents, from the first on, that are in flash, `u32` |
//! | 40..44 | CRC-32 of these, `u32` |
//! | 44..52 | erases of slot A and of slot B, `u32` each |
//! | 52..56 | sectors of the journal erased, `u32` |
//! | 56..60 | CRC-32 of bytes 0..56, `u32` |
//! | 60..256 | written as 0xff, and not read |
//!
//! The record with the number `n` lies in page `n` modulo the number of pages. So numbers tell which record is newest, and
//! a place in which no record could be written only leaves a gap. A sector is erased before its first page is
//! programmed, whatever it holds: a cut may have left it half erased, which need not show at once. That sector holds the oldest
//! records; the newest are in the one before.

use embedded_storage::nor_flash::NorFlash;
use shared::{checksum::crc32, slot::Header};

use super::{
    PAGE_BYTES, Place, SlotName, StoreError,
    pages::{Page, Pages, is_blank},
};

const MAGIC: [u8; 8] = *b"FERJRNL\0";
const FORMAT_VERSION: u32 = 1;
/// Numbers from here on are not sound: counting up from one that is never overflows.
const SEQUENCE_END: u32 = 1 << 31;

/// What a record tells of its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// An upload is under way: so many bytes of its contents are in flash, and this is their CRC.
    Begun { written: u32, crc: u32 },
    /// The slot was committed.
    Valid,
}

/// What the newest record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) state: State,
    pub(super) slot: SlotName,
    pub(super) header: Header,
}

/// Erases since the journal was blank. Each sector bears about 100,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wear {
    /// Slot A: no sector of it was erased more often.
    pub slot_a: u32,
    /// Slot B, likewise.
    pub slot_b: u32,
    /// The journal, likewise. An erase that power was cut in is not counted.
    pub journal: u32,
}

/// A sound record.
#[derive(Clone, Copy, Debug)]
struct Record {
    sequence: u32,
    entry: Entry,
    /// [`Wear::journal`] counts all sectors together.
    wear: Wear,
}

/// The journal as it stands in flash.
#[derive(Debug)]
pub(super) struct Journal {
    place: Place,
    newest: Option<Record>,
    /// Why a page could not be read, if one could not.
    unread: Option<StoreError>,
}

impl Journal {
    /// Reads all pages.
    pub(super) fn scan<F: NorFlash>(flash: &mut Pages<F>, place: Place) -> Self {
        let (mut newest, mut unread) = (None::<Record>, None);
        let pages = place.bytes / PAGE_BYTES;
        for number in 0..pages {
            let record = match flash.read(place.offset + number * PAGE_BYTES) {
                Ok(page) => Record::parse(&page).filter(|record| record.sequence % pages == number),
                Err(error) => {
                    unread = Some(error);
                    None
                }
            };
            newest = newest.into_iter().chain(record).max_by_key(|record| record.sequence);
        }
        Self { place, newest, unread }
    }

    /// What the newest record tells; `None` if there is none.
    pub(super) fn entry(&self) -> Option<Entry> {
        self.newest.map(|record| record.entry)
    }

    /// Erases of the sectors that were erased most.
    pub(super) fn wear<F: NorFlash>(&self) -> Wear {
        let wear = self.total();
        let sectors = (self.place.bytes / Pages::<F>::SECTOR_BYTES).max(1);
        Wear { journal: wear.journal.div_ceil(sectors), ..wear }
    }

    fn total(&self) -> Wear {
        self.newest.map(|record| record.wear).unwrap_or_default()
    }

    /// Appends an entry; with `pass`, one more erase of its slot is counted. Pages that cannot be written to are left out, and the
    /// sector with the newest record is never erased.
    pub(super) fn append<F: NorFlash>(
        &mut self,
        flash: &mut Pages<F>,
        entry: Entry,
        pass: bool,
    ) -> Result<(), StoreError> {
        if self.unread.is_some() {
            // The page may hold a newer record, which would win against the one that is written now.
            *self = Self::scan(flash, self.place);
        }
        if let Some(error) = self.unread {
            return Err(error);
        }
        let mut wear = self.total();
        let count = match entry.slot {
            SlotName::A => &mut wear.slot_a,
            SlotName::B => &mut wear.slot_b,
        };
        *count = count.saturating_add(pass.into());
        let (pages, sector_pages) = (self.place.bytes / PAGE_BYTES, Pages::<F>::SECTOR_BYTES / PAGE_BYTES);
        let kept = self.newest.map(|record| record.sequence % pages / sector_pages);
        let mut sequence = self.newest.map_or(0, |record| record.sequence + 1);
        let end = sequence.saturating_add(pages).min(SEQUENCE_END);
        let mut error = StoreError::JournalFull;
        while sequence < end {
            let page = sequence % pages;
            let offset = self.place.offset + page * PAGE_BYTES;
            if page.is_multiple_of(sector_pages) {
                if kept == Some(page / sector_pages) {
                    break;
                }
                if let Err(erase) = flash.erase(offset) {
                    error = erase;
                    sequence += sector_pages;
                    continue;
                }
                wear.journal = wear.journal.saturating_add(1);
            }
            let record = Record { sequence, entry, wear };
            match flash.read(offset) {
                Ok(old) if is_blank(&old) => match flash.program(offset, &record.page()) {
                    Ok(()) => {
                        self.newest = Some(record);
                        return Ok(());
                    }
                    Err(program) => error = program,
                },
                // A record that power was cut in.
                Ok(_) => {}
                Err(read) => error = read,
            }
            sequence += 1;
        }
        Err(error)
    }
}

impl Record {
    /// A record, if the page holds a sound one.
    fn parse(page: &Page) -> Option<Self> {
        let word = |place: usize| page.get(place..)?.first_chunk().map(|bytes: &[u8; 4]| u32::from_le_bytes(*bytes));
        let sound = page.starts_with(&MAGIC) && word(8)? == FORMAT_VERSION && word(56)? == crc32(page.get(..56)?);
        let sequence = word(12).filter(|&sequence| sound && sequence < SEQUENCE_END)?;
        let state = match word(16)? {
            1 => State::Begun { written: word(36)?, crc: word(40)? },
            2 => State::Valid,
            _ => return None,
        };
        let slot = match word(20)? {
            0 => SlotName::A,
            1 => SlotName::B,
            _ => return None,
        };
        let header = Header { model_bytes: word(24)?, finder_bytes: word(28)?, crc: word(32)? };
        let contents = header.content_bytes().ok()?;
        if matches!(state, State::Begun { written, .. } if written > contents) {
            return None;
        }
        let wear = Wear { slot_a: word(44)?, slot_b: word(48)?, journal: word(52)? };
        Some(Self { sequence, entry: Entry { state, slot, header }, wear })
    }

    /// The page that holds the record.
    fn page(&self) -> Page {
        let Self { sequence, entry: Entry { state, slot, header }, wear } = *self;
        let (kind, written, crc) = match state {
            State::Begun { written, crc } => (1, written, crc),
            State::Valid => (2, header.content_bytes().unwrap_or_default(), header.crc),
        };
        let mut page = [0xff; PAGE_BYTES as usize];
        page[..8].copy_from_slice(&MAGIC);
        let words = [
            FORMAT_VERSION,
            sequence,
            kind,
            slot as u32,
            header.model_bytes,
            header.finder_bytes,
            header.crc,
            written,
            crc,
            wear.slot_a,
            wear.slot_b,
            wear.journal,
        ];
        for (bytes, word) in page[8..56].chunks_exact_mut(4).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let crc = crc32(&page[..56]);
        page[56..60].copy_from_slice(&crc.to_le_bytes());
        page
    }
}
