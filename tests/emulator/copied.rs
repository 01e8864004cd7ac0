//! What a Pico runs after a file was copied onto its drive.

use std::fs;
use std::io::Read;
use std::net::Shutdown;
use std::path::Path;
use std::time::Duration;

use host_trainer::monitor::Client;
use images::{contents, make};
use shared::image::ImageHeader;
use shared::model::{AlignedBytes, Model};
use shared::slot;
use shared::wire::Running as Place;

use super::boards::Board;
use super::compile;
use super::process::{file, start};

/// What is tested of a Pico.
pub const TESTS: [(&str, fn()); 1] =
    [("runs_what_a_copied_file_holds_whatever_was_in_its_flash_before", pico_runs_what_was_copied)];

/// No answer of an emulated board takes longer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of flash.
const BYTES: usize = 2 << 20;

/// One file after the other is copied onto a Pico, each over what the one before left.
fn pico_runs_what_was_copied() {
    let (board, flash) = (Board::named("pico"), file("flash-of-copies"));
    let program = compile::device(&board);
    let image = make::loaded(&fs::read(&program).expect("a program")).expect("a program for flash");
    let header = ImageHeader::find(&image).expect("a header");
    let [levorse, pico] = ["levorse.fer", "pico.fer"].map(read);
    let slots = [&levorse, &pico].map(|file| slot::encode(file.as_slice(), None).expect("it fits"));
    let kind = images::Board::Pico;
    let copies = [
        (contents::firmware_and_model(kind, &header, &image, &slots[0]), crc(&levorse), Place::A),
        (contents::model_alone(kind, &header, &slots[1]), crc(&pico), Place::A),
        (contents::firmware(kind, &header, &image), crc(&read(board.model())), Place::BuiltIn),
    ];
    // Nothing that the firmware knows.
    fs::write(&flash, vec![0x5a; BYTES]).expect("written");
    for (number, (copy, model_crc, place)) in copies.into_iter().enumerate() {
        let mut bytes = fs::read(&flash).expect("there");
        let written = contents::read(kind, &header, &copy).expect("a sound file");
        for (cell, byte) in bytes.iter_mut().zip(written) {
            *cell = byte.unwrap_or(*cell);
        }
        fs::write(&flash, bytes).expect("written");

        let mut running = start(&board, &program, &["--flash", flash.to_str().expect("text")]);
        running.port.set_read_timeout(Some(Duration::from_millis(20))).expect("set");
        let hello = Client::new(&running.port, TIMEOUT).hello().expect("answers");
        let found = (hello.model_crc, hello.store.expect("it takes models").running);
        assert_eq!(found, (model_crc, place), "copy {number}");
        running.port.shutdown(Shutdown::Write).expect("open");
        // It ends, and its flash is in the file.
        running.port.set_read_timeout(Some(TIMEOUT)).expect("set");
        let _ = running.port.read_to_end(&mut Vec::new());
    }
    fs::remove_file(flash).expect("it was written");
}

fn read(name: &str) -> AlignedBytes {
    let path = compile::root().join("firmware/models").join(Path::new(name));
    AlignedBytes::new(&fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn crc(file: &AlignedBytes) -> u32 {
    Model::parse(file.as_slice()).expect("it ships").crc()
}
