//! The store of models in the flash of an emulated Pico, whose power is cut.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::path::Path;

use programs::random::Random;
use shared::checksum::crc32;
use shared::slot::Slot;

use super::boards::Board;
use super::camera;
use super::compile;
use super::process::{Running, file, start};

/// What is tested.
pub const TESTS: [(&str, fn()); 1] =
    [("keeps_the_old_or_the_new_model_in_its_flash_when_power_is_cut", keeps_the_old_or_the_new_model)];

/// Where the slots lie in the file that holds the flash.
const SLOTS: [usize; 2] = [0x10_0000, 0x18_0000];

/// The models that the program `store` uploads first and then.
const OLD: u32 = 1;
const NEW: u32 = 3;

/// From one write in which power is cut to the next.
const CUT_STEP: usize = 7;

fn keeps_the_old_or_the_new_model() {
    // A camera that takes no picture: without one the program waits a while for it.
    let pictures = file("no-picture");
    fs::write(&pictures, vec![0; 2 * camera::SIZE.pixels()]).unwrap();
    let before = file("flash-before");
    let lines = upload(&pictures, &before, OLD, &[]);
    let [nothing, there, committed, now] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!([nothing, there], ["runs nothing", "0 bytes are there"]);
    assert_eq!(committed, "committed slot A, Wear { slot_a: 1, slot_b: 0, journal: 1 }");
    assert_eq!(now, &format!("runs slot A {:08x}", model(OLD).1));
    assert_holds(&before, 0, OLD);

    let (old, new) = (format!("runs slot A {:08x}", model(OLD).1), format!("runs slot B {:08x}", model(NEW).1));
    let after = file("flash-after");
    let (mut cuts, mut resumed, mut whole) = (0, 0, false);
    for cut in (0..1000).step_by(CUT_STEP) {
        fs::copy(&before, &after).unwrap();
        let torn = ["0", "0.3", "0.9"][cut / CUT_STEP % 3];
        let lines = upload(&pictures, &after, NEW, &["--cut", &cut.to_string(), "--torn", torn]);
        whole = lines.last() == Some(&new);
        if whole {
            break;
        }
        cuts += 1;
        // Once more, without a cut.
        let lines = upload(&pictures, &after, NEW, &[]);
        let [before, there, committed, now] = &lines[..] else { panic!("cut {cut}: {lines:?}") };
        assert!([&old, &new].contains(&before), "cut {cut}: {before}");
        resumed += usize::from(there != "0 bytes are there");
        if before == &old {
            assert!(committed.starts_with("committed slot B"), "cut {cut}: {committed}");
            assert_eq!(now, &new, "cut {cut}");
            assert_holds(&after, 0, OLD);
            assert_holds(&after, 1, NEW);
        }
    }
    assert!(
        whole && cuts > 15 && resumed > 3,
        "{cuts} cuts, {resumed} of which were resumed; whole at the end: {whole}"
    );
    // What was read through the memory map is what the chip holds.
    assert_holds(&after, 1, NEW);
    for file in [before, after, pictures] {
        fs::remove_file(file).unwrap();
    }
}

/// Starts the program with this file as its flash, uploads a model and ends it. Returns what it said.
fn upload(pictures: &Path, flash: &Path, model: u32, more: &[&str]) -> Vec<String> {
    let board = Board::named("pico");
    let [pictures, flash] = [pictures, flash].map(|path| path.to_str().expect("the path is text"));
    let more = [&["--camera", pictures, "--flash", flash], more].concat();
    let Running { port, .. } = &start(&board, &compile::program(&board, "store"), &more);
    let mut lines = BufReader::new(port).lines().map_while(Result::ok);
    let mut said = Vec::from_iter(lines.next());
    (&mut &*port).write_all(format!("{model}").as_bytes()).unwrap();
    // Three lines, unless power is cut.
    said.extend(lines.by_ref().take(3));
    // The end of its input ends the emulator, which then writes the file.
    let _ = port.shutdown(Shutdown::Write);
    assert_eq!(lines.next(), None);
    said
}

/// A model of the program `store`, and the CRC of its contents.
fn model(number: u32) -> (Vec<u8>, u32) {
    let mut random = Random::new(number);
    let contents = Vec::from_iter((0..number * 9008).map(|_| random.next() as u8));
    let crc = crc32(&contents);
    (contents, crc)
}

/// Fails unless the flash in the file holds the model in a slot.
fn assert_holds(flash: &Path, index: usize, number: u32) {
    let flash = fs::read(flash).unwrap();
    let slot = Slot::parse(&flash[SLOTS[index]..]).unwrap_or_else(|error| panic!("slot {index}: {error}"));
    assert!(slot.model == model(number).0 && slot.header.crc == model(number).1, "slot {index}");
}
