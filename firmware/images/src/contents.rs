//! What a file puts into a board's flash.
//!
//! A file that was copied onto the board wins over what was there: it leaves the journal blank, and with a blank journal the firmware
//! starts slot A if it is sound, else slot B, else the model that is part of the firmware.

use std::ops::Range;

use shared::image::{ImageHeader, Region, SECTOR_BYTES};

use crate::{
    Board, FLASH_START,
    uf2::{self, PAGE_BYTES, Pages, Uf2Error},
};

/// The file of a board's firmware alone with its own model: the slots lose their headers, so nothing that was put there before runs.
pub fn firmware(board: Board, header: &ImageHeader<'_>, image: &[u8]) -> Vec<u8> {
    let mut pages = Pages::new();
    put(&mut pages, header.flash.firmware.offset, image);
    blank(&mut pages, header.flash.journal);
    for slot in header.flash.slots {
        blank(&mut pages, Region { bytes: SECTOR_BYTES, ..slot });
    }
    uf2::write(board.family(), &pages)
}

/// The file of a board's firmware with `slot` in slot A.
pub fn firmware_and_model(board: Board, header: &ImageHeader<'_>, image: &[u8], slot: &[u8]) -> Vec<u8> {
    let mut pages = Pages::new();
    put(&mut pages, header.flash.firmware.offset, image);
    put_model(&mut pages, header, slot);
    uf2::write(board.family(), &pages)
}

/// The file that puts `slot` into slot A and leaves the firmware as it is.
pub fn model_alone(board: Board, header: &ImageHeader<'_>, slot: &[u8]) -> Vec<u8> {
    let mut pages = Pages::new();
    put_model(&mut pages, header, slot);
    uf2::write(board.family(), &pages)
}

/// The addresses of flash that a board's files may write.
pub fn flash(header: &ImageHeader<'_>) -> Range<u32> {
    let regions = [header.flash.firmware, header.flash.journal, header.flash.slots[0], header.flash.slots[1]];
    let end = regions.iter().filter_map(Region::end).max().unwrap_or(0);
    FLASH_START..FLASH_START.saturating_add(end)
}

/// What a file that is meant for a board puts into its flash, up to the end of slot B; what it leaves as it is, is `None`.
///
/// # Errors
/// A [`Uf2Error`] if the file is damaged or for another board.
pub fn read(board: Board, header: &ImageHeader<'_>, file: &[u8]) -> Result<Vec<Option<u8>>, Uf2Error> {
    let range = flash(header);
    let mut flash = vec![None; range.len()];
    for (address, page) in uf2::read(file, board.family(), range)? {
        for (place, byte) in flash.iter_mut().skip((address - FLASH_START) as usize).zip(page) {
            *place = Some(byte);
        }
    }
    Ok(flash)
}

fn put_model(pages: &mut Pages, header: &ImageHeader<'_>, slot: &[u8]) {
    blank(pages, header.flash.journal);
    put(pages, header.flash.slots[0].offset, slot);
}

/// The pages of `bytes`, at an offset from the beginning of flash.
fn put(pages: &mut Pages, offset: u32, bytes: &[u8]) {
    for (address, part) in (FLASH_START + offset..).step_by(PAGE_BYTES).zip(bytes.chunks(PAGE_BYTES)) {
        let mut page = [0xff; PAGE_BYTES];
        page[..part.len()].copy_from_slice(part);
        pages.insert(address, page);
    }
}

fn blank(pages: &mut Pages, region: Region) {
    put(pages, region.offset, &vec![0xff; region.bytes as usize]);
}
