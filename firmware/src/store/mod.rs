//! Models in a device's flash: two slots and a journal, over [`embedded_storage::nor_flash`].
//!
//! ```text
//! mod.rs      which slot is tried first
//! upload.rs   from the first byte of an upload to the slot's header
//! journal.rs  which slot is valid, what upload is under way; its format
//! layout.rs   where they lie
//! pages.rs    the flash, page by page
//! error.rs    what can go wrong
//! no_flash.rs a board without
//! ```
//!
//! [`shared::slot`] specifies what a slot holds. The flash is erased in sectors and programmed in pages of 256 bytes, each once
//! between two erases. A device starts the first slot of [`Store::order`] whose model it can run, else a model of its own. A new
//! model arrives in the slot that does not run:
//!
//! ```text
//! begin    a record: an upload into this slot is under way
//! write    each sector is erased before its first page; every fourth sector a record of how far it is
//! finish   all is read back; a record: everything is there
//!          (the device parses the model and tests it)
//! commit   the slot's header, then a record: the slot is valid
//! ```
//!
//! # Power cuts
//!
//! Whenever power is cut, the next startup finds the old model or the new one, whole. The argument, write by write:
//!
//! - **What a cut can do.** It leaves the page or the sector that was being written with any bits. All others are as they
//!   were.
//! - **The old model's slot** is never written to, so the old model stays whole. Only the order of the slots remains to be
//!   considered, and that no slot with anything but a whole model is sound.
//! - **A slot is sound** if its header has the right CRC and the contents have the CRC that the header tells. The first sector, with
//!   the old header, is erased before any other byte of the slot changes. A cut in that erase can leave the old header, then
//!   the CRC tells whether the contents, too, are the old ones. The header is programmed last, when the contents have been read back.
//! - **The order** follows the newest sound record. "Valid" puts its slot first. "Under way" puts the other slot first,
//!   until the slot is sound with exactly the contents that the upload began with: that means that its header, and with it all of
//!   the upload, has been programmed. So the header's last bit is what makes the new model the first one, and the record "valid" after
//!   it changes nothing but that later damage of one of them does no harm. Where the slot that is not first is sound, it is the
//!   fallback.
//! - **A record** that was cut has a wrong CRC, so the one before counts. Before the upload begins that is "valid" of the old
//!   slot, or "under way" of another upload into the same slot, or none. All of them put the old slot first: the new one is not
//!   sound, or holds a model that was committed before and is whole.
//! - **The journal's sectors** form a ring. The one that is erased holds the oldest records, never the newest.
//!
//! What arrived before a cut is used again as far as the journal tells, whole sectors whose CRC is checked. The sector in which
//! the upload was cut is erased again, whatever it seems to hold: cells that a cut left half programmed can read as either. If the
//! header's page was cut, the upload begins anew.
//!
//! An upload whose CRC is wrong at its end begins anew, too. This is not in the journal: if power is cut right then, the next attempt
//! may go on from bytes that were wrong on arrival; it then fails at its end, and the one after it begins anew.
//!
//! # Damage
//!
//! Every flash contents, whatever they are, give an order of the slots, and a slot that is not sound is not tried. A page that does
//! not keep what is written to it is an error of the upload, in the journal the page after it is taken. What the flash returns is
//! compared to what was written, page by page.

mod error;
mod journal;
mod layout;
mod no_flash;
mod pages;
mod upload;

pub use self::{
    error::{Access, LayoutError, StoreError},
    journal::Wear,
    layout::{Layout, Part, Place, SlotName},
    no_flash::NoFlash,
    upload::Arrived,
};

use embedded_storage::nor_flash::NorFlash;
use shared::slot::{self, Header, SlotError};

use self::{
    journal::{Entry, Journal, State},
    pages::Pages,
    upload::Upload,
};

/// Bytes that are programmed at once.
pub const PAGE_BYTES: u32 = 256;

// A header is a page.
const _: () = assert!(slot::HEADER_BYTES == PAGE_BYTES as usize);

/// Sectors from one record of an upload's progress to the next: what a power cut costs at most, but for the one that is
/// being written.
const PROGRESS_SECTORS: u32 = 4;

/// Two slots and a journal in a flash. The store owns the flash.
#[derive(Debug)]
pub struct Store<F> {
    flash: Pages<F>,
    layout: Layout,
    journal: Journal,
    upload: Option<Upload>,
    /// Whether the upload that the journal tells of had a wrong CRC at its end.
    distrusted: bool,
}

impl<F: NorFlash> Store<F> {
    /// Reads the journal. Nothing is written to the flash.
    ///
    /// # Errors
    /// [`LayoutError`] if the layout does not suit the flash.
    pub fn new(flash: F, layout: Layout) -> Result<Self, LayoutError> {
        layout.check(&flash)?;
        let mut flash = Pages(flash);
        let journal = Journal::scan(&mut flash, layout.journal);
        Ok(Self { flash, layout, journal, upload: None, distrusted: false })
    }

    /// Where journal and slots lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Erases so far.
    pub fn wear(&self) -> Wear {
        self.journal.wear::<F>()
    }

    /// The slots in the order in which they are to be tried: the newest valid one first. With a blank journal it is A.
    pub fn order(&mut self) -> [SlotName; 2] {
        let first = match self.journal.entry() {
            None => SlotName::A,
            Some(Entry { state: State::Valid, slot, .. }) => slot,
            Some(Entry { slot, header, .. }) if self.check(slot) == Ok(header) => slot,
            Some(Entry { slot, .. }) => slot.other(),
        };
        [first, first.other()]
    }

    /// Whether a slot is sound: what its header tells, if that and the CRC of the contents are right. What the files hold is for the
    /// caller to check, with [`slot::Slot`].
    ///
    /// # Errors
    /// [`StoreError::Slot`] if it is not, and those of the flash.
    pub fn check(&mut self, slot: SlotName) -> Result<Header, StoreError> {
        let header = self.header(slot)?;
        let (bytes, place) = (header.content_bytes()?, self.layout.contents(slot));
        if bytes > place.bytes {
            let have = self.layout.slot(slot).bytes as usize;
            return Err(SlotError::Truncated { need: bytes + PAGE_BYTES, have }.into());
        }
        let computed = self.flash.crc(place.offset, bytes)?;
        match computed == header.crc {
            true => Ok(header),
            false => Err(SlotError::Crc { stored: header.crc, computed }.into()),
        }
    }

    /// The header of a slot.
    fn header(&mut self, slot: SlotName) -> Result<Header, StoreError> {
        let page = self.flash.read(self.layout.slot(slot).offset)?;
        Ok(Header::parse(&page)?)
    }

    /// The flash, for reading what a slot holds.
    pub fn flash(&mut self) -> &mut F {
        &mut self.flash.0
    }

    /// Gives back the flash.
    pub fn into_flash(self) -> F {
        self.flash.0
    }
}
