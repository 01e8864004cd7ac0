//! An upload, from its first byte to the slot's header.

use embedded_storage::nor_flash::NorFlash;
use shared::{
    checksum::crc32_after,
    slot::{HEADER_BYTES, Header},
};

use super::{
    PAGE_BYTES, PROGRESS_SECTORS, Place, SlotName, Store, StoreError,
    journal::{Entry, State},
    pages::{Page, Pages, is_blank},
};

/// An upload that is under way.
#[derive(Debug)]
pub(super) struct Upload {
    slot: SlotName,
    header: Header,
    /// Bytes of the contents, padding included.
    total: u32,
    /// Bytes that have arrived. Those of the last page, if it is not whole, are in `page`; all others are in flash.
    received: u32,
    page: Page,
    /// CRC-32 of the bytes in flash.
    crc: u32,
    /// The same at the beginning of the sector that is being written.
    crc_before_sector: u32,
    /// Whether the contents were read back and their CRC was right.
    finished: bool,
}

/// An upload that has arrived whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The slot that it is in.
    pub slot: SlotName,
    /// What the slot's header will be.
    pub header: Header,
    /// Where the contents lie.
    pub contents: Place,
}

impl<F: NorFlash> Store<F> {
    /// Begins the upload of contents into the slot that does not run, or goes on with it. Returns how many bytes of the contents
    /// are there already: the next ones go to [`write`](Self::write).
    ///
    /// `running` is the slot whose model the device runs; it is never written to. `None`: the device runs a model that is
    /// in no slot.
    ///
    /// # Errors
    /// [`StoreError::Slot`] if the lengths in `header` are out of range, [`StoreError::TooLarge`], and those of the flash.
    pub fn begin(&mut self, header: Header, running: Option<SlotName>) -> Result<u32, StoreError> {
        let total = header.content_bytes()?;
        if let Some(Upload { slot, header: same, received, .. }) = self.upload
            && same == header
            && running != Some(slot)
        {
            return Ok(received);
        }
        let slot = self.target(&header, running);
        let have = self.layout.contents(slot).bytes;
        if total > have {
            return Err(StoreError::TooLarge { slot, need: total, have });
        }
        self.upload = None;
        let mut upload = Upload {
            slot,
            header,
            total,
            received: 0,
            page: [0xff; PAGE_BYTES as usize],
            crc: 0,
            crc_before_sector: 0,
            finished: false,
        };
        if self.check(slot) == Ok(header) {
            // All of it is there, down to the header: the slot's model is the one that ran before.
            (upload.received, upload.crc) = (total, header.crc);
        } else {
            (upload.received, upload.crc) = self.trusted(slot, &header, total)?;
            upload.crc_before_sector = upload.crc;
            let state = State::Begun { written: upload.received, crc: upload.crc };
            // From now on no sector of the slot is erased twice before it is counted again.
            self.journal.append(&mut self.flash, Entry { state, slot, header }, true)?;
            self.distrusted = false;
        }
        let received = upload.received;
        self.upload = Some(upload);
        Ok(received)
    }

    /// The slot that an upload is written to.
    fn target(&self, header: &Header, running: Option<SlotName>) -> SlotName {
        let wear = self.wear();
        match (running, self.journal.entry()) {
            (Some(running), _) => running.other(),
            (None, Some(Entry { state: State::Begun { .. }, slot, header: begun })) if begun == *header => slot,
            (None, _) if wear.slot_b < wear.slot_a => SlotName::B,
            (None, _) => SlotName::A,
        }
    }

    /// How many bytes of an upload that was broken off can be trusted, and their CRC: those that the journal tells, if they
    /// are still there and the header's page is blank.
    fn trusted(&mut self, slot: SlotName, header: &Header, total: u32) -> Result<(u32, u32), StoreError> {
        let Some(Entry { state: State::Begun { written, crc }, slot: begun_in, header: begun }) = self.journal.entry()
        else {
            return Ok((0, 0));
        };
        let Place { offset, .. } = self.layout.contents(slot);
        let whole_sectors = (written + HEADER_BYTES as u32).is_multiple_of(Pages::<F>::SECTOR_BYTES);
        if (begun_in, begun) != (slot, *header)
            || self.distrusted
            || !(whole_sectors || written == total)
            || !is_blank(&self.flash.read(self.layout.slot(slot).offset)?)
            || self.flash.crc(offset, written)? != crc
        {
            return Ok((0, 0));
        }
        Ok((written, crc))
    }

    /// Takes the next bytes of the contents, which begin at `offset` in them; returns how many have arrived now. Up to 1,024
    /// bytes at once take no longer than one erase and six pages, if a sector has sixteen pages or more.
    ///
    /// # Errors
    /// [`StoreError::NoUpload`], [`StoreError::Order`] and [`StoreError::TooLong`] change nothing. After an error of the flash
    /// the upload is to be begun again; it goes on from where it can be trusted.
    pub fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<u32, StoreError> {
        let mut upload = self.upload.take().ok_or(StoreError::NoUpload)?;
        let (expected, contents, end) = (upload.received, upload.total, u64::from(offset) + bytes.len() as u64);
        if offset != expected || end > u64::from(contents) {
            self.upload = Some(upload);
            return Err(match offset == expected {
                true => StoreError::TooLong { contents, end },
                false => StoreError::Order { expected, found: offset },
            });
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let fill = (upload.received % PAGE_BYTES) as usize;
            let (now, later) = rest.split_at(rest.len().min(PAGE_BYTES as usize - fill));
            for (old, new) in upload.page.iter_mut().skip(fill).zip(now) {
                *old = *new;
            }
            upload.received += now.len() as u32;
            rest = later;
            if upload.received.is_multiple_of(PAGE_BYTES) || upload.received == upload.total {
                self.program(&mut upload)?;
            }
        }
        let received = upload.received;
        self.upload = Some(upload);
        Ok(received)
    }

    /// Programs the page that has filled up. Its sector is erased before, if it is the first one in it.
    fn program(&mut self, upload: &mut Upload) -> Result<(), StoreError> {
        let Place { offset: slot, .. } = self.layout.slot(upload.slot);
        let sector = Pages::<F>::SECTOR_BYTES;
        let page_start = (upload.received - 1) / PAGE_BYTES * PAGE_BYTES;
        let in_slot = HEADER_BYTES as u32 + page_start;
        if page_start == 0 {
            self.flash.erase(slot)?;
        }
        if in_slot.is_multiple_of(sector) {
            self.flash.erase(slot + in_slot)?;
            upload.crc_before_sector = upload.crc;
        }
        self.flash.program(slot + in_slot, &upload.page)?;
        let bytes = (upload.received - page_start) as usize;
        upload.crc = crc32_after(upload.crc, upload.page.get(..bytes).unwrap_or_default());
        upload.page = [0xff; PAGE_BYTES as usize];

        // In the middle of a sector, because there this request erases no other one.
        let (number, middle) = (in_slot / sector, sector / PAGE_BYTES / 2);
        if number > 0 && number.is_multiple_of(PROGRESS_SECTORS) && in_slot % sector / PAGE_BYTES == middle {
            let written = number * sector - HEADER_BYTES as u32;
            self.note(upload, State::Begun { written, crc: upload.crc_before_sector })?;
        }
        Ok(())
    }

    fn note(&mut self, upload: &Upload, state: State) -> Result<(), StoreError> {
        let entry = Entry { state, slot: upload.slot, header: upload.header };
        self.journal.append(&mut self.flash, entry, false)
    }

    /// Reads back an upload that has arrived whole, and checks its CRC. The caller then looks at the model and, if it is good,
    /// calls [`commit`](Self::commit).
    ///
    /// # Errors
    /// [`StoreError::NoUpload`], [`StoreError::Incomplete`], and those of the flash. After [`StoreError::Crc`] nothing of what
    /// arrived is trusted: the upload begins at its first byte.
    pub fn finish(&mut self) -> Result<Arrived, StoreError> {
        let mut upload = self.upload.take().ok_or(StoreError::NoUpload)?;
        let Upload { slot, header, total, received, finished, .. } = upload;
        let contents = Place { bytes: total, ..self.layout.contents(slot) };
        if received < total {
            self.upload = Some(upload);
            return Err(StoreError::Incomplete { have: received, need: total });
        }
        if !finished {
            let computed = self.flash.crc(contents.offset, total)?;
            if computed != header.crc {
                self.distrusted = true;
                return Err(StoreError::Crc { expected: header.crc, computed });
            }
            if self.header(slot) != Ok(header) {
                // Without it, a cut from here on would cost the last sectors.
                self.note(&upload, State::Begun { written: total, crc: computed })?;
            }
            upload.finished = true;
        }
        self.upload = Some(upload);
        Ok(Arrived { slot, header, contents })
    }

    /// Makes the slot of a finished upload the newest valid one; returns its name. The device may then run its model.
    ///
    /// # Errors
    /// [`StoreError::NoUpload`], [`StoreError::Unfinished`], and those of the flash. After one of those the device goes on with
    /// the old model; at its next startup it may take the new one, if that is whole.
    pub fn commit(&mut self) -> Result<SlotName, StoreError> {
        let upload = self.upload.take().ok_or(StoreError::NoUpload)?;
        if !upload.finished {
            self.upload = Some(upload);
            return Err(StoreError::Unfinished);
        }
        if self.header(upload.slot) != Ok(upload.header) {
            self.flash.program(self.layout.slot(upload.slot).offset, &upload.header.page())?;
        }
        self.note(&upload, State::Valid)?;
        Ok(upload.slot)
    }

    /// Forgets an upload that is under way, because its model is not to run. If it is begun again, what arrived is still there.
    pub fn abandon(&mut self) {
        self.upload = None;
    }
}
