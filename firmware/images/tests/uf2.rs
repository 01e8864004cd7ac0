//! The files that boot loaders take, byte by byte and block by block.

use std::ops::Range;

use images::uf2::{BLOCK_BYTES, Family, PAGE_BYTES, Pages, Uf2Error, read, write};

const FLASH: Range<u32> = 0x1000_0000..0x1020_0000;

/// Pages at addresses, each full of one byte.
fn pages(bytes: &[(u32, u8)]) -> Pages {
    bytes.iter().map(|&(address, byte)| (address, [byte; PAGE_BYTES])).collect()
}

/// Two sectors that are not neighbours, of which one has a page that is named.
fn example(family: Family) -> Vec<u8> {
    write(family, &pages(&[(0x1000_0000, 0x11), (0x1000_5100, 0x22)]))
}

/// The words of a block before its payload.
fn head(file: &[u8], index: usize) -> [u32; 8] {
    let word = |at| u32::from_le_bytes(file[BLOCK_BYTES * index + 4 * at..][..4].try_into().expect("four bytes"));
    std::array::from_fn(word)
}

/// The file with other bytes at a place of one block.
fn with(mut file: Vec<u8>, block: usize, at: usize, bytes: &[u8]) -> Vec<u8> {
    file[block * BLOCK_BYTES + at..][..bytes.len()].copy_from_slice(bytes);
    file
}

fn error(file: &[u8]) -> Uf2Error {
    read(file, Family::Rp2040, FLASH).expect_err("it is not sound")
}

#[test]
fn a_block_is_these_bytes() {
    let file = example(Family::Rp2040);
    // "UF2\n", a number chosen at random, a family is named, the address, 256 bytes, block 0 of 32, RP2040.
    let mut expected = b"\x55\x46\x32\x0a\x57\x51\x5d\x9e\x00\x20\x00\x00\x00\x00\x00\x10\x00\x01\x00\x00\
        \x00\x00\x00\x00\x20\x00\x00\x00\x56\xff\x8b\xe4"
        .to_vec();
    expected.extend([0x11; 256]);
    expected.extend([0; 220]);
    expected.extend(b"\x30\x6f\xb1\x0a");
    assert_eq!(file[..512], expected);
}

#[test]
fn every_sector_that_is_touched_is_written_whole_in_blocks_of_neighbouring_numbers() {
    let file = example(Family::Rp2040);
    assert_eq!(file.len(), 32 * BLOCK_BYTES);
    for index in 0..32 {
        let address = if index < 16 { 0x1000_0000 } else { 0x1000_5000 } + 256 * (index as u32 % 16);
        let [.., flags, at, bytes, number, count, family] = head(&file, index);
        assert_eq!((flags, at, bytes), (0x2000, address, 256));
        assert_eq!((number, count, family), (index as u32, 32, 0xe48b_ff56));
    }
    let read = read(&file, Family::Rp2040, FLASH).expect("sound");
    assert_eq!(read.len(), 32);
    let named = pages(&[(0x1000_0000, 0x11), (0x1000_5100, 0x22)]);
    for (address, page) in read {
        assert_eq!(page, named.get(&address).copied().unwrap_or([0xff; 256]), "{address:#x}");
    }
}

/// RP2350-E10, as Raspberry Pi's own tool writes the block.
#[test]
fn a_file_for_an_rp2350_begins_with_a_block_of_the_absolute_family_that_is_ignored() {
    let file = example(Family::Rp2350Arm);
    assert_eq!(file.len(), 33 * BLOCK_BYTES);
    assert_eq!(head(&file, 0)[2..], [0xa000, 0x10ff_ff00, 256, 0, 2, 0xe48b_ff57]);
    assert_eq!(file[32..288], [0xef; 256]);
    assert_eq!(file[288..292], 0x9957_e304_u32.to_le_bytes());
    assert_eq!(file[292..508], [0; 216]);
    // The others are counted without it.
    assert_eq!(head(&file, 1)[2..], [0x2000, 0x1000_0000, 256, 0, 32, 0xe48b_ff59]);
    assert_eq!(head(&file, 32)[2..], [0x2000, 0x1000_5f00, 256, 31, 32, 0xe48b_ff59]);
    assert_eq!(read(&file, Family::Rp2350Arm, FLASH), read(&example(Family::Rp2040), Family::Rp2040, FLASH));
}

#[test]
fn a_file_that_is_torn_anywhere_is_refused() {
    let file = example(Family::Rp2040);
    for length in 0..file.len() {
        let expected = match length {
            0 => Uf2Error::Empty,
            _ if !length.is_multiple_of(512) => Uf2Error::Torn { bytes: length },
            _ => Uf2Error::Count { block: 0, number: 0, stated: 32, count: length / 512 },
        };
        assert_eq!(error(&file[..length]), expected);
    }
    let longer = [&file[..], &file[..512]].concat();
    assert_eq!(error(&longer), Uf2Error::Count { block: 0, number: 0, stated: 32, count: 33 });
}

#[test]
fn each_fault_of_a_block_has_its_error() {
    let file = || example(Family::Rp2040);
    let word = |value: u32| value.to_le_bytes();
    let cases = [
        (with(file(), 3, 0, b"V"), Uf2Error::Magic { block: 3 }),
        (with(file(), 3, 7, b"\0"), Uf2Error::Magic { block: 3 }),
        (with(file(), 31, 511, b"\0"), Uf2Error::Magic { block: 31 }),
        (with(file(), 3, 8, &word(0)), Uf2Error::NoFamily { block: 3 }),
        (with(file(), 3, 8, &word(0x2001)), Uf2Error::Payload { block: 3, bytes: 256 }),
        (with(file(), 3, 12, &word(0x1000_0301)), Uf2Error::Unaligned { address: 0x1000_0301 }),
        (with(file(), 3, 12, &word(0x2000_0000)), Uf2Error::OutOfFlash { address: 0x2000_0000 }),
        (with(file(), 3, 12, &word(0x1020_0000)), Uf2Error::OutOfFlash { address: 0x1020_0000 }),
        (with(file(), 3, 12, &word(0x1000_0200)), Uf2Error::Overlap { address: 0x1000_0200 }),
        (with(file(), 3, 12, &word(0x1000_1000)), Uf2Error::PartOfSector { address: 0x1000_1000 }),
        (with(file(), 3, 16, &word(476)), Uf2Error::Payload { block: 3, bytes: 476 }),
        (with(file(), 3, 20, &word(2)), Uf2Error::Double { number: 2 }),
        (with(file(), 3, 20, &word(32)), Uf2Error::Count { block: 3, number: 32, stated: 32, count: 32 }),
        (with(file(), 3, 24, &word(33)), Uf2Error::Count { block: 3, number: 3, stated: 33, count: 32 }),
    ];
    for (file, expected) in cases {
        assert_eq!(error(&file), expected);
    }
}

#[test]
fn files_for_other_chips_say_for_which() {
    let refused = |number: u32| {
        let file = with(example(Family::Rp2040), 0, 28, &number.to_le_bytes());
        error(&file).to_string()
    };
    assert_eq!(refused(0xe48b_ff59), "it is for a Pico 2 (RP2350), not for a Pico (RP2040)");
    assert_eq!(refused(0xada5_2840), "it is for another chip (family 0xada52840), not for a Pico (RP2040)");
    // The first block of an RP2350's file is of no use to an RP2040.
    let error = error(&example(Family::Rp2350Arm));
    assert_eq!(error, Uf2Error::OtherFamily { found: 0xe48b_ff57, expected: Family::Rp2040 });
    let other = read(&example(Family::Rp2040), Family::Rp2350Arm, FLASH).expect_err("it is for the other");
    assert_eq!(other.to_string(), "it is for a Pico (RP2040), not for a Pico 2 (RP2350)");
}

#[test]
fn sectors_in_part_or_in_numbers_that_the_boot_rom_would_mix_up_are_refused() {
    // The last page of the first sector is missing, and the numbers go on.
    let file = example(Family::Rp2040);
    let mut short = [&file[..15 * 512], &file[16 * 512..]].concat();
    for (number, block) in short.chunks_exact_mut(512).enumerate() {
        block[20..24].copy_from_slice(&(number as u32).to_le_bytes());
        block[24..28].copy_from_slice(&31_u32.to_le_bytes());
    }
    assert!(matches!(error(&short), Uf2Error::PartOfSector { .. }));
    // Whole sectors, but a page of each has the other's number.
    let mut mixed = file;
    for (block, number) in [(3, 20_u32), (20, 3)] {
        mixed[512 * block + 20..][..4].copy_from_slice(&number.to_le_bytes());
    }
    assert!(matches!(error(&mixed), Uf2Error::PartOfSector { .. }));
}

#[test]
fn blocks_may_come_in_any_order() {
    let file = example(Family::Rp2040);
    let reversed: Vec<u8> = file.as_chunks::<BLOCK_BYTES>().0.iter().rev().copied().flatten().collect();
    assert_ne!(reversed, file);
    assert_eq!(read(&reversed, Family::Rp2040, FLASH), read(&file, Family::Rp2040, FLASH));
}

#[test]
fn a_flipped_bit_of_a_head_or_an_end_is_found_and_one_of_a_payload_arrives() {
    let file = example(Family::Rp2350Arm);
    let whole = read(&file, Family::Rp2350Arm, FLASH).expect("sound");
    for bit in 8 * BLOCK_BYTES..16 * BLOCK_BYTES {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let found = read(&flipped, Family::Rp2350Arm, FLASH);
        match (bit / 8 - BLOCK_BYTES, bit % 8) {
            // The flags that mean something here: the block is for flash, and names a family.
            (8, 0) | (9, 5) => assert!(found.is_err(), "bit {bit}"),
            // Other flags, and what lies behind the payload.
            (8..12 | 288..508, _) => assert_eq!(found, Ok(whole.clone()), "bit {bit}"),
            (32..288, _) => assert_ne!(found.expect("a sound file"), whole, "bit {bit}"),
            _ => assert!(found.is_err(), "bit {bit}"),
        }
    }
}

/// The crate `uftwo` is not of this project.
#[test]
fn another_reader_reads_the_same() {
    for (family, families, first) in
        [(Family::Rp2040, vec![0xe48b_ff56], 0), (Family::Rp2350Arm, vec![0xe48b_ff57, 0xe48b_ff59], 1)]
    {
        let file = example(family);
        let others = uftwo::reader::from_bytes(&file).expect("it is UF2");
        uftwo::reader::verify(&others).expect("the blocks are in order");
        assert_eq!(others.list_family_ids(), families);
        let pages: Pages = others.blocks()[first..]
            .iter()
            .map(|block| (block.target_addr, block.data().try_into().expect("256 bytes")))
            .collect();
        assert_eq!(pages, read(&file, family, FLASH).expect("sound"));
        assert_eq!(others.to_bytes(), file);
    }
}
