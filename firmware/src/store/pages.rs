//! A flash, page by page.

use embedded_storage::nor_flash::{NorFlash, NorFlashError};
use shared::checksum::crc32_after;

use super::{Access, PAGE_BYTES, StoreError};

/// A page of flash.
pub(super) type Page = [u8; PAGE_BYTES as usize];

/// A flash that is read and programmed in pages, and erased in sectors.
#[derive(Debug)]
pub(super) struct Pages<F>(pub(super) F);

impl<F: NorFlash> Pages<F> {
    /// Bytes of a sector. The layout was checked: there are a whole number of pages in it, one or more.
    pub(super) const SECTOR_BYTES: u32 = F::ERASE_SIZE as u32;

    /// Reads the page at an offset.
    pub(super) fn read(&mut self, offset: u32) -> Result<Page, StoreError> {
        let mut page = [0; PAGE_BYTES as usize];
        self.0.read(offset, &mut page).map_err(|error| failed(Access::Read, offset, &error))?;
        Ok(page)
    }

    /// Programs a page that is blank, and reads it back.
    pub(super) fn program(&mut self, offset: u32, page: &Page) -> Result<(), StoreError> {
        self.0.write(offset, page).map_err(|error| failed(Access::Program, offset, &error))?;
        match self.read(offset)? == *page {
            true => Ok(()),
            false => Err(StoreError::Worn { offset }),
        }
    }

    /// Erases the sector at an offset.
    pub(super) fn erase(&mut self, offset: u32) -> Result<(), StoreError> {
        let end = offset.saturating_add(Self::SECTOR_BYTES);
        self.0.erase(offset, end).map_err(|error| failed(Access::Erase, offset, &error))
    }

    /// CRC-32 of so many bytes from the beginning of a page on.
    pub(super) fn crc(&mut self, offset: u32, bytes: u32) -> Result<u32, StoreError> {
        let (mut crc, mut done) = (0, 0);
        while done < bytes {
            let page = self.read(offset.saturating_add(done))?;
            let count = (bytes - done).min(PAGE_BYTES);
            crc = crc32_after(crc, page.get(..count as usize).unwrap_or_default());
            done += count;
        }
        Ok(crc)
    }
}

/// Whether nothing was programmed there.
pub(super) fn is_blank(page: &Page) -> bool {
    page.iter().all(|&byte| byte == 0xff)
}

fn failed(access: Access, offset: u32, error: &impl NorFlashError) -> StoreError {
    StoreError::Flash { access, offset, kind: error.kind() }
}
