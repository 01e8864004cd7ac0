//! What is in a board's flash after a file was copied onto its drive.

use images::uf2::{BLOCK_BYTES, PAGE_BYTES, Uf2Error};
use images::{Board, FLASH_START, contents, fit, make, page};
use shared::finder::Finder;
use shared::image::ImageHeader;
use shared::model::{AlignedBytes, Model};
use shared::slot::{self, Slot, SlotError};

/// Bytes of a sector.
const SECTOR: usize = 4096;

/// A file of `firmware/models`.
fn model_file(name: &str) -> AlignedBytes {
    let path = format!("{}/../models/{name}", env!("CARGO_MANIFEST_DIR"));
    AlignedBytes::new(&std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}")))
}

/// The boot loader of an RP2040 as its sources have it (`virtual_disk.c` of the boot ROM): a block of another family is passed over; a
/// sector is erased when the first of sixteen blocks by number arrives, and it is that of this block's address; programming clears bits.
/// Gives whether the board starts anew, which it does when it has as many blocks as they say.
///
/// That of an RP2350 is not free to read; here it does the same.
fn copy(board: Board, file: &[u8], flash: &mut [u8]) -> bool {
    let (blocks, rest) = file.as_chunks::<BLOCK_BYTES>();
    assert!(rest.is_empty());
    let mut erased = std::collections::HashSet::new();
    let mut arrived = 0;
    let mut count = 0;
    for block in blocks {
        let word = |at: usize| u32::from_le_bytes(block[at..][..4].try_into().expect("four bytes"));
        if word(28) != board.family().number() || word(8) & 0x2000 == 0 {
            continue;
        }
        count = word(24);
        let start = (word(12) - FLASH_START) as usize;
        if erased.insert(word(20) as usize * PAGE_BYTES / SECTOR) {
            let sector = start / SECTOR * SECTOR;
            flash[sector..sector + SECTOR].fill(0xff);
        }
        for (cell, byte) in flash[start..][..PAGE_BYTES].iter_mut().zip(&block[32..]) {
            *cell &= byte;
        }
        arrived += 1;
    }
    arrived > 0 && arrived == count
}

/// 2 MiB in which something else was before.
fn used_flash() -> Vec<u8> {
    (0..2 << 20).map(|index: u32| (index.wrapping_mul(2_654_435_769) >> 24) as u8).collect()
}

/// The part of flash that the board calls a slot.
fn slot_of<'a>(header: &ImageHeader<'_>, flash: &'a [u8], index: usize) -> &'a [u8] {
    let region = header.flash.slots[index];
    &flash[region.offset as usize..][..region.bytes as usize]
}

fn is_journal_blank(header: &ImageHeader<'_>, flash: &[u8]) -> bool {
    let region = header.flash.journal;
    flash[region.offset as usize..][..region.bytes as usize].iter().all(|&byte| byte == 0xff)
}

#[test]
fn after_the_ready_image_the_firmware_is_there_and_no_slot_is_valid() {
    for board in Board::ALL {
        let (header, image) = (board.header().expect("sound"), board.firmware());
        // A slot that was valid before.
        let mut flash = used_flash();
        let old = slot::encode(model_file("levorse.fer").as_slice(), None).expect("it fits");
        for region in header.flash.slots {
            flash[region.offset as usize..][..old.len()].copy_from_slice(&old);
        }
        assert!(Slot::parse(slot_of(&header, &flash, 1)).is_ok());
        let file = contents::firmware(board, &header, image);
        assert!(copy(board, &file, &mut flash));
        assert_eq!(&flash[..image.len()], image);
        assert_eq!(ImageHeader::find(&flash), Ok(header));
        assert!(is_journal_blank(&header, &flash));
        for index in 0..2 {
            assert_eq!(Slot::parse(slot_of(&header, &flash, index)), Err(SlotError::Blank));
        }
    }
}

#[test]
fn after_firmware_and_model_slot_a_holds_both_files_and_the_journal_is_blank() {
    for board in Board::ALL {
        let (header, image) = (board.header().expect("sound"), board.firmware());
        let (model, finder) = (model_file("edge.fer"), model_file("finder.ferf"));
        let slot = slot::encode(model.as_slice(), Some(finder.as_slice())).expect("it fits");
        let mut flash = used_flash();
        assert!(copy(board, &contents::firmware_and_model(board, &header, image, &slot), &mut flash));
        assert_eq!(&flash[..image.len()], image);
        assert!(is_journal_blank(&header, &flash));
        let found = Slot::parse(slot_of(&header, &flash, 0)).expect("sound");
        assert_eq!((found.model, found.finder), (model.as_slice(), Some(finder.as_slice())));
        let (model, finder) = (AlignedBytes::new(found.model), AlignedBytes::new(found.finder.expect("there")));
        assert_eq!(Model::parse(model.as_slice()).expect("sound").name(), "edge");
        assert!(Finder::parse(finder.as_slice()).is_ok());
    }
}

#[test]
fn a_model_alone_leaves_the_firmware_and_slot_b_as_they_were() {
    for board in Board::ALL {
        let header = board.header().expect("sound");
        let model = model_file("pico.fer");
        let slot = slot::encode(model.as_slice(), None).expect("it fits");
        let (mut flash, before) = (used_flash(), used_flash());
        assert!(copy(board, &contents::model_alone(board, &header, &slot), &mut flash));
        let found = Slot::parse(slot_of(&header, &flash, 0)).expect("sound");
        assert_eq!((found.model, found.finder), (model.as_slice(), None));
        assert!(is_journal_blank(&header, &flash));
        let journal = header.flash.journal.offset as usize;
        assert_eq!(flash[..journal], before[..journal]);
        assert_eq!(slot_of(&header, &flash, 1), slot_of(&header, &before, 1));
        // What the firmware reads of flash is what the file's reader says.
        let read = contents::read(board, &header, &contents::model_alone(board, &header, &slot)).expect("sound");
        for (index, (byte, was)) in read.iter().zip(&before).enumerate() {
            assert_eq!(flash[index], byte.unwrap_or(*was), "byte {index}");
        }
    }
}

#[test]
fn the_other_boards_file_changes_nothing() {
    for (board, other) in [(Board::Pico, Board::Pico2), (Board::Pico2, Board::Pico)] {
        let header = other.header().expect("sound");
        let file = contents::firmware(other, &header, other.firmware());
        let mut flash = used_flash();
        assert!(!copy(board, &file, &mut flash));
        assert!(flash == used_flash(), "{} took the file of {}", board.name(), other.name());
        let error = contents::read(board, &board.header().expect("sound"), &file).expect_err("another board's");
        assert!(matches!(error, Uf2Error::OtherFamily { .. }), "{error}");
    }
}

#[test]
fn the_ready_files_are_those_of_the_ready_firmware() {
    for board in Board::ALL {
        let path = format!("{}/{}.uf2", env!("CARGO_MANIFEST_DIR"), board.name());
        let file = std::fs::read(&path).expect("it ships");
        let header = board.header().expect("sound");
        assert!(file == contents::firmware(board, &header, board.firmware()), "{path}: `cargo run -p images` makes it");
    }
}

#[test]
fn ready_firmware_says_which_board_and_version_it_is_for_and_holds_a_model_and_the_finder() {
    for board in Board::ALL {
        let (header, image) = (board.header().expect("sound"), board.firmware());
        assert_eq!(header.board, board.name());
        assert_eq!(header.version, env!("CARGO_PKG_VERSION"), "`cargo run -p images` makes the images of this version");
        assert!(image.len() <= header.flash.firmware.bytes as usize);
        for name in [board.model(), "finder.ferf"] {
            let file = model_file(name);
            let found = image.windows(file.as_slice().len()).any(|window| window == file.as_slice());
            assert!(found, "{name} is not part of {}'s firmware", board.name());
        }
    }
}

/// An image without a part that it has.
fn without(mut image: Vec<u8>, part: &[u8]) -> Vec<u8> {
    let at = image.windows(part.len()).position(|window| window == part).expect("a part of it");
    image.drain(at..at + part.len());
    image
}

#[test]
fn ready_firmware_names_no_folder_of_the_machine_that_made_it() {
    let page = ["core.wasm", "core-simd.wasm"];
    let page = page.map(|name| (name, std::fs::read(make::root().join(page::FOLDER).join(name)).expect("there")));
    // Any two bytes stand somewhere in the weights.
    let made = Board::ALL.map(|board| {
        let parts = [board.model(), "finder.ferf"].map(model_file);
        (board.name(), parts.iter().fold(board.firmware().to_vec(), |image, part| without(image, part.as_slice())))
    });
    for (name, bytes) in made.into_iter().chain(page) {
        for folder in
            ["/root", "/home", "/work", "/Users", "/tmp", "/usr", ".cargo", ".rustup", "index.crates.io", ":\\"]
        {
            let found = bytes.windows(folder.len()).any(|window| window == folder.as_bytes());
            assert!(!found, "{folder} stands in what was compiled for {name}");
        }
    }
}

/// The models that ship for a board: a Pico has no room for `edge`, and neither has room for `pi`.
fn models_for(board: Board) -> &'static [&'static str] {
    match board {
        Board::Pico => &["pico.fer", "levorse.fer"],
        Board::Pico2 => &["edge.fer", "pico.fer", "levorse.fer"],
    }
}

#[test]
fn every_model_that_ships_for_a_board_fits_and_larger_ones_say_what_is_missing() {
    for board in Board::ALL {
        let header = board.header().expect("sound");
        for name in models_for(board) {
            let (file, finder) = (model_file(name), model_file("finder.ferf"));
            let (model, parsed) =
                (Model::parse(file.as_slice()).expect("sound"), Finder::parse(finder.as_slice()).expect("sound"));
            let lengths = (file.as_slice().len(), finder.as_slice().len());
            let room = fit::room(&header, (&model, lengths.0), Some((&parsed, lengths.1))).expect("it fits");
            let slot = slot::encode(file.as_slice(), Some(finder.as_slice())).expect("it fits");
            assert_eq!(room.flash_need as usize, slot.len());

            // A board with a byte less of each.
            let mut small = header;
            small.arena_bytes = room.arena_need - 1;
            let error = fit::room(&small, (&model, lengths.0), Some((&parsed, lengths.1))).expect_err("too large");
            let words = format!("{} bytes of RAM and there are {} (too little)", room.arena_need, room.arena_need - 1);
            assert!(error.to_string().contains(&words), "{error}");
            let mut small = header;
            small.flash.slots[1].bytes = room.flash_need - 1;
            let error = fit::room(&small, (&model, lengths.0), Some((&parsed, lengths.1))).expect_err("too large");
            let words =
                format!("{} bytes of flash and a slot has {} (too little)", room.flash_need, room.flash_need - 1);
            assert!(error.to_string().contains(&words), "{error}");
        }
    }
}
