//! Models that a board takes over its link.

use std::fs;
use std::io::Read;
use std::net::Shutdown;
use std::time::Duration;

use host_trainer::monitor::{Client, Upload};
use shared::label::Emotion;
use shared::model::{AlignedBytes, Model};
use shared::preprocessing::FACE_PIXELS;
use shared::wire::Running as Place;

use super::boards::Board;
use super::compile;
use super::elf::ram_bytes;
use super::process::{file, start};
use super::usb::UsbBoard;
use super::{MOST_PICO_RAM, PICO_RAM};

/// What is tested of a Pico.
pub const TESTS: [(&str, fn()); 1] =
    [("takes_a_model_over_usb_in_3_seconds_and_keeps_it_when_it_is_restarted", pico_takes_a_model)];

/// The longest upload of `pico.fer` over USB, in seconds of the emulator's time.
const MOST_SECONDS: f64 = 3.0;

/// No answer of an emulated board takes longer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The drawn face that a device tests a model with.
const FACE: usize = 3;

/// Puts two models on a board, one after the other: each answers as on the host.
pub fn takes_other_models(board: &Board, models: [&[u8]; 2], faces: &[[u8; FACE_PIXELS]]) {
    let folder = file(&format!("models-{}", board.name));
    let folder_argument = ["--models", folder.to_str().expect("text")];
    let arguments = if board.is_linux() { &folder_argument[..] } else { &[] };
    let running = start(board, &compile::device(board), arguments);
    running.port.set_read_timeout(Some(Duration::from_millis(20))).expect("set");
    let mut client = Client::new(&running.port, TIMEOUT);
    let before = client.hello().expect("answers").store.expect("it takes models");
    assert_eq!((before.board.as_str(), before.running), (board.folder(), Place::BuiltIn));
    for (bytes, place) in models.into_iter().zip([Place::A, Place::B]) {
        let bytes = AlignedBytes::new(bytes);
        let (upload, logits) = upload(&bytes, faces);
        let after = client.upload(&upload, |_, _| {}).expect("it is taken");
        assert_eq!(after.store.expect("still").running, place);
        for (face, expected) in faces.iter().zip(&logits) {
            assert_eq!(&client.classify(face).expect("answers").logits, expected);
        }
        let erased = client.stats().expect("answers").wear.map(|wear| [wear.slot_a, wear.slot_b]);
        let expected = if place == Place::A { [1, 0] } else { [1, 1] };
        assert_eq!(erased, (!board.is_linux()).then_some(expected), "erasures of the slots");
    }
    drop(running);
    if board.is_linux() {
        fs::remove_dir_all(folder).expect("models lie there");
    }
}

/// An upload of a model, and the logits of the faces.
fn upload<'a>(file: &'a AlignedBytes, faces: &[[u8; FACE_PIXELS]]) -> (Upload<'a>, Vec<[i8; Emotion::COUNT]>) {
    let (file, model) = (file.as_slice(), Model::parse(file.as_slice()).expect("it ships"));
    let with = |index| Upload::new(file, &model, (index as u8, &faces[index])).expect("it runs");
    (with(FACE), (0..faces.len()).map(|index| with(index).logits).collect())
}

/// Puts `pico.fer` on a Pico over USB, and restarts the Pico.
fn pico_takes_a_model() {
    let (board, flash) = (Board::named("pico"), file("flash-of-uploads"));
    let program = compile::device_with(&board, "pico.fer");
    let with_flash = ["--flash", flash.to_str().expect("text")];
    let faces = fs::read(compile::root().join("firmware/models/demo_faces.bin")).expect("faces");
    let model = fs::read(compile::root().join("firmware/models/pico.fer")).expect("a model");
    let (faces, model) = (faces.as_chunks::<FACE_PIXELS>().0, AlignedBytes::new(&model));
    let (upload, logits) = upload(&model, faces);

    let mut bench = UsbBoard::start(&board, &program, &with_flash);
    bench.plug_and_open();
    let port = bench.usb();
    port.set_read_timeout(Some(Duration::from_millis(20))).expect("set");
    let mut client = Client::new(&port, TIMEOUT);
    assert_eq!(client.hello().expect("answers").store.expect("it takes models").running, Place::BuiltIn);
    let before = bench.counts().last_in;
    let after = client.upload(&upload, |_, _| {}).expect("it is taken");
    let seconds = (bench.counts().last_in - before) / 1e9;
    println!("{} bytes over USB in {seconds:.2} s", upload.file.len());
    assert!(seconds < MOST_SECONDS, "{seconds} s");
    assert_eq!(after.store.expect("still").running, Place::A);
    for (face, expected) in faces.iter().zip(&logits) {
        assert_eq!(&client.classify(face).expect("answers").logits, expected);
    }
    let stats = client.stats().expect("answers");
    assert_eq!(stats.wear.map(|wear| [wear.slot_a, wear.slot_b]), Some([1, 0]));
    let variables = ram_bytes(&fs::read(&program).expect("a program"), PICO_RAM);
    let stack = stats.stack_high_water.expect("it knows its stack");
    println!("{variables} bytes of variables, {stack} of stack");
    assert!(variables + stack <= MOST_PICO_RAM, "{variables} bytes of variables, {stack} of stack");
    bench.board.port.shutdown(Shutdown::Write).expect("open");
    // It ends, and its flash is in the file.
    let _ = bench.board.port.read_to_end(&mut Vec::new());
    drop(bench);

    let running = start(&board, &program, &with_flash);
    running.port.set_read_timeout(Some(Duration::from_millis(20))).expect("set");
    let mut client = Client::new(&running.port, TIMEOUT);
    let again = client.hello().expect("answers");
    assert_eq!((again.model_crc, again.store.expect("still").running), (upload.model_crc, Place::A));
    assert_eq!(client.classify(&faces[0]).expect("answers").logits, logits[0]);
    drop(running);
    fs::remove_file(flash).expect("it was written");
}
