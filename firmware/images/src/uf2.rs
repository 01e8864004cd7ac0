//! UF2, the files that a board's boot loader takes when they are copied onto its drive.
//!
//! A file is a list of blocks of 512 bytes, each with 256 bytes for an address of flash, in this order (all `u32`, little-endian; the
//! specification is <https://github.com/microsoft/uf2>):
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | magic, `UF2` with a line feed, and 0x9e5d5157 |
//! | 8..12 | flags: 0x2000, the block names a family; 0x8000, extensions follow the payload |
//! | 12..16 | address |
//! | 16..20 | bytes of the payload: 256 |
//! | 20..24, 24..28 | number of the block, and how many blocks there are |
//! | 28..32 | family |
//! | 32..508 | payload, and zeros |
//! | 508..512 | magic, 0x0ab16f30 |
//!
//! Two errata of the chips shape the files:
//!
//! - RP2040-E14: the boot ROM erases a sector of flash, 4 KiB, when the first of sixteen blocks arrives, and counts the sixteen by
//!   the blocks' numbers. So whole sectors are written, sixteen blocks each, what is not used as 0xff.
//! - RP2350-E10: the boot ROM misjudges a file for flash unless a block of the absolute family comes first. This block has a count
//!   of its own, and the boot ROM ignores what is in it.

use std::collections::{BTreeMap, BTreeSet};

use shared::image::SECTOR_BYTES;

/// Bytes of a block.
pub const BLOCK_BYTES: usize = 512;

/// Bytes that a block puts into flash: a page.
pub const PAGE_BYTES: usize = 256;

/// What a file begins with.
pub const MAGIC: [u8; 8] = *b"UF2\n\x57\x51\x5d\x9e";

/// Blocks of a sector.
const BLOCKS_OF_A_SECTOR: u32 = SECTOR_BYTES / PAGE_BYTES as u32;

/// The end of a block.
const END: u32 = 0x0ab1_6f30;

/// The block names a family.
const HAS_FAMILY: u32 = 0x2000;

/// Extensions follow the payload.
const HAS_EXTENSIONS: u32 = 0x8000;

/// The block is no part of the contents of flash.
const NOT_FLASH: u32 = 0x0001;

/// The family of a block for whichever chip, at its address.
const ABSOLUTE: u32 = 0xe48b_ff57;

/// Where the block of [`ABSOLUTE`] family is meant for: the last page of what flash can be.
const LAST_PAGE: u32 = 0x10ff_ff00;

/// The extension that lets newer boot ROMs ignore that block.
const IGNORE_BLOCK: u32 = 0x9957_e304;

/// The chips that a file can be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// RP2040.
    Rp2040,
    /// RP2350, secure code for its Arm cores.
    Rp2350Arm,
}

impl Family {
    /// The number in a block.
    pub const fn number(self) -> u32 {
        match self {
            Family::Rp2040 => 0xe48b_ff56,
            Family::Rp2350Arm => 0xe48b_ff59,
        }
    }
}

/// Pages of flash by their addresses.
pub type Pages = BTreeMap<u32, [u8; PAGE_BYTES]>;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Uf2Error {
    #[error("the file is empty")]
    Empty,
    #[error("the file is torn: {bytes} bytes are no whole number of blocks of 512; copy it again")]
    Torn { bytes: usize },
    #[error("block {block} is no block of UF2; copy the file again")]
    Magic { block: usize },
    #[error("block {block} names no family of chips")]
    NoFamily { block: usize },
    #[error("it is for {}, not for {}", family(*.found), family(.expected.number()))]
    OtherFamily { found: u32, expected: Family },
    #[error("block {block} has {bytes} bytes of payload, and the boot loader takes 256 alone")]
    Payload { block: usize, bytes: u32 },
    #[error(
        "block {block} says that it is number {number} of {stated}, and there are {count} blocks; copy the file again"
    )]
    Count { block: usize, number: u32, stated: u32, count: usize },
    #[error("block {number} is there twice")]
    Double { number: u32 },
    #[error("address {address:#x} is written twice")]
    Overlap { address: u32 },
    #[error("address {address:#x} does not begin a page of 256 bytes")]
    Unaligned { address: u32 },
    #[error("address {address:#x} lies outside of the board's flash: the file is too large, or for another board")]
    OutOfFlash { address: u32 },
    #[error(
        "sector {address:#x} of flash is written in part, which the boot loader of an RP2040 does not do right (RP2040-E14)"
    )]
    PartOfSector { address: u32 },
}

/// A family as people know it.
fn family(number: u32) -> String {
    match number {
        0xe48b_ff56 => "a Pico (RP2040)".into(),
        0xe48b_ff59 => "a Pico 2 (RP2350)".into(),
        0xe48b_ff5a => "the RISC-V cores of a Pico 2 (RP2350)".into(),
        0xe48b_ff57 | 0xe48b_ff58 => format!("data of either Pico (family {number:#x})"),
        _ => format!("another chip (family {number:#x})"),
    }
}

/// The file that puts these pages into the flash of a chip, whole sectors of them: what is not named is 0xff.
pub fn write(family: Family, pages: &Pages) -> Vec<u8> {
    let sectors: BTreeSet<u32> = pages.keys().map(|address| address - address % SECTOR_BYTES).collect();
    let addresses = || sectors.iter().flat_map(|&sector| (sector..sector + SECTOR_BYTES).step_by(PAGE_BYTES));
    let count = addresses().count() as u32;
    let mut file = match family {
        Family::Rp2040 => Vec::new(),
        Family::Rp2350Arm => first_block().to_vec(),
    };
    for (number, address) in (0..).zip(addresses()) {
        let page = pages.get(&address).unwrap_or(&[0xff; PAGE_BYTES]);
        file.extend(block(HAS_FAMILY, address, [number, count], family.number(), page));
    }
    file
}

/// RP2350-E10.
fn first_block() -> [u8; BLOCK_BYTES] {
    let mut block = block(HAS_FAMILY | HAS_EXTENSIONS, LAST_PAGE, [0, 2], ABSOLUTE, &[0xef; PAGE_BYTES]);
    block[32 + PAGE_BYTES..][..4].copy_from_slice(&IGNORE_BLOCK.to_le_bytes());
    block
}

fn block(
    flags: u32,
    address: u32,
    [number, count]: [u32; 2],
    family: u32,
    page: &[u8; PAGE_BYTES],
) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    block[..8].copy_from_slice(&MAGIC);
    for (index, word) in [flags, address, PAGE_BYTES as u32, number, count, family].into_iter().enumerate() {
        block[8 + 4 * index..][..4].copy_from_slice(&word.to_le_bytes());
    }
    block[32..][..PAGE_BYTES].copy_from_slice(page);
    block[BLOCK_BYTES - 4..].copy_from_slice(&END.to_le_bytes());
    block
}

/// What a file puts into flash, which begins at `flash.start`.
///
/// # Errors
/// A [`Uf2Error`] unless the file is whole, for `family`, and in whole sectors within `flash`.
pub fn read(file: &[u8], family: Family, flash: std::ops::Range<u32>) -> Result<Pages, Uf2Error> {
    if file.is_empty() {
        return Err(Uf2Error::Empty);
    }
    let (blocks, []) = file.as_chunks::<BLOCK_BYTES>() else {
        return Err(Uf2Error::Torn { bytes: file.len() });
    };
    // What is numbered by itself is no part of the rest.
    let blocks = blocks.strip_prefix(&[first_block()]).filter(|_| family == Family::Rp2350Arm).unwrap_or(blocks);
    let (mut pages, mut numbers, mut sectors) = (Pages::new(), BTreeSet::new(), BTreeMap::new());
    for (index, block) in blocks.iter().enumerate() {
        let word = |at: usize| u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
        if block[..8] != MAGIC || word(BLOCK_BYTES - 4) != END {
            return Err(Uf2Error::Magic { block: index });
        }
        let [flags, address, bytes, number, count, found] = [8, 12, 16, 20, 24, 28].map(word);
        if flags & HAS_FAMILY == 0 {
            return Err(Uf2Error::NoFamily { block: index });
        }
        if found != family.number() {
            return Err(Uf2Error::OtherFamily { found, expected: family });
        }
        if bytes as usize != PAGE_BYTES || flags & NOT_FLASH != 0 {
            return Err(Uf2Error::Payload { block: index, bytes });
        }
        if count as usize != blocks.len() || number >= count {
            return Err(Uf2Error::Count { block: index, number, stated: count, count: blocks.len() });
        }
        if !numbers.insert(number) {
            return Err(Uf2Error::Double { number });
        }
        if !address.is_multiple_of(PAGE_BYTES as u32) {
            return Err(Uf2Error::Unaligned { address });
        }
        if !flash.contains(&address) {
            return Err(Uf2Error::OutOfFlash { address });
        }
        let page: [u8; PAGE_BYTES] = std::array::from_fn(|at| block[32 + at]);
        if pages.insert(address, page).is_some() {
            return Err(Uf2Error::Overlap { address });
        }
        let sector = address - address % SECTOR_BYTES;
        if *sectors.entry(number / BLOCKS_OF_A_SECTOR).or_insert(sector) != sector {
            return Err(Uf2Error::PartOfSector { address: sector });
        }
    }
    whole_sectors(&pages)?;
    Ok(pages)
}

/// Checks that all pages of a sector are there, or none.
fn whole_sectors(pages: &Pages) -> Result<(), Uf2Error> {
    let mut counts = BTreeMap::new();
    for address in pages.keys() {
        *counts.entry(address - address % SECTOR_BYTES).or_insert(0) += PAGE_BYTES as u32;
    }
    match counts.into_iter().find(|&(_, bytes)| bytes != SECTOR_BYTES) {
        Some((address, _)) => Err(Uf2Error::PartOfSector { address }),
        None => Ok(()),
    }
}
