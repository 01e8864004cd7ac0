//! Files for boot loaders, and drives that take them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use images::{Board, contents};
use serde_json::Value;
use shared::{
    image::{ImageHeader, WITHIN},
    slot::Slot,
};

use super::program::{program, run};

const PICO: &str = "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n";
const PICO2: &str = "UF2 Bootloader v1.0\r\nModel: Raspberry Pi RP2350\r\nBoard-ID: RP2350\r\n";

/// A folder with a file of `firmware/models`, and a drive.
fn folder(model: &str, information: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::copy(shipped(model), folder.path().join(model)).expect("copied");
    let drive = folder.path().join("drive");
    fs::create_dir(&drive).expect("made");
    fs::write(drive.join("INFO_UF2.TXT"), information).expect("written");
    (folder, drive)
}

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/models").join(name)
}

/// What a file puts into flash that was blank before.
fn flash(board: Board, file: &Path) -> Vec<u8> {
    let file = fs::read(file).expect("written");
    let flash = contents::read(board, &board.header().expect("sound"), &file).expect("sound");
    flash.into_iter().map(|byte| byte.unwrap_or(0xff)).collect()
}

/// The files in slot A.
fn slot_a(board: Board, flash: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let start = board.header().expect("sound").flash.slots[0].offset as usize;
    let slot = Slot::parse(&flash[start..]).expect("sound");
    (slot.model.to_vec(), slot.finder.map(<[u8]>::to_vec))
}

/// The names of all files on a drive.
fn names(drive: &Path) -> Vec<String> {
    let entries = fs::read_dir(drive).expect("there");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

#[test]
fn a_model_for_a_drive_comes_with_the_firmware_and_its_finder() {
    for (information, board, name) in [(PICO, Board::Pico, "levorse"), (PICO2, Board::Pico2, "edge")] {
        let file = format!("{name}.fer");
        let (folder, drive) = folder(&file, information);
        fs::copy(shipped("finder.ferf"), folder.path().join("finder.ferf")).expect("copied");
        let ended = run(folder.path(), &format!("flash {file} --finder finder.ferf --drive drive")).done();
        let [model, finder] = [&file, "finder.ferf"].map(|name| fs::read(shipped(name)).expect("there"));
        assert!(ended.out.contains(&format!("model        {name} ")), "{}", ended.out);
        assert!(ended.out.contains(&format!(", {} bytes\n", model.len())), "{}", ended.out);
        assert!(ended.out.contains(" of 524288 bytes\na face       about "), "{}", ended.out);
        assert!(ended.err.contains("the board starts anew"), "{}", ended.err);
        let name = format!("{}.uf2", board.name());
        assert_eq!(names(&drive), ["INFO_UF2.TXT", &name]);
        let flash = flash(board, &drive.join(name));
        assert_eq!(&flash[..board.firmware().len()], board.firmware());
        assert_eq!(slot_a(board, &flash), (model, Some(finder)));
    }
}

#[test]
fn a_model_that_the_board_has_no_room_for_is_refused_before_anything_is_written() {
    let (folder, drive) = folder("edge.fer", PICO);
    run(folder.path(), "flash edge.fer --drive drive").refused(1, "(too little)");
    assert_eq!(names(&drive), ["INFO_UF2.TXT"]);
}

#[test]
fn without_a_model_the_ready_image_is_written() {
    let (folder, _) = folder("pico.fer", PICO);
    for board in Board::ALL {
        let name = board.name();
        let ended = run(folder.path(), &format!("flash --board {name} --out ready.uf2")).done();
        assert!(!ended.out.contains("model"), "{}", ended.out);
        let ready = fs::read(shipped("../images").join(name).with_extension("uf2")).expect("there");
        assert!(fs::read(folder.path().join("ready.uf2")).expect("written") == ready);
    }
}

#[test]
fn a_model_alone_leaves_the_firmware_out_and_json_tells_of_it() {
    let (folder, _) = folder("pico.fer", PICO);
    let out = folder.path().join("model.uf2");
    // Another file of this name is replaced, as other commands do.
    fs::write(&out, "old").expect("written");
    let ended = run(folder.path(), "flash pico.fer --model-only --board pico --out model.uf2 --json").done();
    assert_eq!(ended.err, "");
    let told: Value = serde_json::from_str(&ended.out).expect("JSON");
    let file = fs::read(&out).expect("written");
    assert_eq!(told["bytes"].as_u64(), Some(file.len() as u64));
    assert_eq!((told["board"].as_str(), &told["firmware"]), (Some("pico"), &Value::Null));
    assert_eq!((told["written"].as_str(), told["drive"].as_bool()), (Some("model.uf2"), Some(false)));
    let model = &told["model"];
    assert_eq!((model["name"].as_str(), model["ram_bytes"].as_u64()), (Some("pico"), Some(34_807)));
    assert_eq!((&model["finder"], model["bytes"].as_u64()), (&Value::Null, Some(98_728)));
    assert!((340..=370).contains(&model["milliseconds"].as_u64().expect("a number")), "{model}");
    let flash = flash(Board::Pico, &out);
    assert!(ImageHeader::find(&flash[..WITHIN]).is_err());
    assert_eq!(slot_a(Board::Pico, &flash), (fs::read(shipped("pico.fer")).expect("there"), None));
}

#[test]
fn nothing_is_written_where_the_board_and_the_drive_do_not_go_together() {
    let (folder, drive) = folder("pico.fer", PICO2);
    let refused = |arguments: &str, status, words: &str| {
        run(folder.path(), arguments).refused(status, words);
        assert_eq!(names(&drive), ["INFO_UF2.TXT"]);
    };
    refused(
        "flash pico.fer --drive drive --board pico",
        1,
        "is that of a Raspberry Pi Pico 2, and --board names a Raspberry Pi Pico",
    );
    refused("flash pico.fer --drive .", 1, "for it has no INFO_UF2.TXT; hold BOOTSEL");
    refused("flash pico.fer --out a.uf2", 2, "--board");
    refused("flash pico.fer --board esp32 --out a.uf2", 2, "the boards are pico and pico2");
    refused("flash pico.fer --drive drive --board pico2 --out a.uf2", 2, "cannot be used with");
    refused("flash --finder finder.ferf --drive drive", 2, "MODEL.fer");
    refused("flash --model-only --drive drive", 2, "MODEL.fer");
    fs::write(drive.join("INFO_UF2.TXT"), "Board-ID: SAMD21\n").expect("written");
    refused("flash pico.fer --drive drive", 1, "the Board-ID SAMD21; there are images for RPI-RP2");
}

#[test]
fn files_that_are_no_sound_models_are_refused_before_anything_is_written() {
    let (folder, drive) = folder("pico.fer", PICO);
    let sound = fs::read(shipped("pico.fer")).expect("there");
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("written");
    write("torn.fer", &sound[..sound.len() - 1]);
    let mut damaged = sound.clone();
    damaged[5000] ^= 1;
    write("damaged.fer", &damaged);
    let mut old = sound;
    old[4] = 1;
    write("old.fer", &old);
    write("page.fer", b"<!DOCTYPE html><html></html>");
    write("finder.ferf", b"nothing of the kind");
    let cases = [
        ("flash torn.fer --drive drive", "error: torn.fer: "),
        ("flash damaged.fer --drive drive", "error: damaged.fer: "),
        ("flash old.fer --drive drive", "error: old.fer: "),
        ("flash page.fer --drive drive", "this is a web page (HTML)"),
        ("flash none.fer --drive drive", "error: none.fer: "),
        ("flash pico.fer --finder finder.ferf --drive drive", "error: finder.ferf: "),
        ("flash pico.fer --finder none.ferf --drive drive", "error: none.ferf: "),
    ];
    for (arguments, words) in cases {
        run(folder.path(), arguments).refused(1, words);
        assert_eq!(names(&drive), ["INFO_UF2.TXT"], "{arguments}");
    }
}

#[test]
fn a_file_for_boot_loaders_is_checked_and_copied_as_it_is() {
    let (folder, drive) = folder("pico.fer", PICO);
    let ready = fs::read(shipped("../images/pico.uf2")).expect("there");
    fs::write(folder.path().join("ready.uf2"), &ready).expect("written");
    fs::write(folder.path().join("torn.uf2"), &ready[..ready.len() - 512]).expect("written");
    fs::copy(shipped("../images/pico2.uf2"), folder.path().join("other.uf2")).expect("copied");
    let cases = [
        ("flash torn.uf2 --drive drive", 1, "error: torn.uf2: block 0 says that it is number 0 of "),
        ("flash other.uf2 --drive drive", 1, "error: other.uf2: it is for "),
        ("flash ready.uf2 --drive drive --model-only", 2, "is a UF2 file, which is copied as it is"),
    ];
    for (arguments, status, words) in cases {
        run(folder.path(), arguments).refused(status, words);
        assert_eq!(names(&drive), ["INFO_UF2.TXT"], "{arguments}");
    }
    let ended = run(folder.path(), "flash ready.uf2 --drive drive").done();
    assert!(ended.out.contains(&format!("firmware     {}\n", env!("CARGO_PKG_VERSION"))), "{}", ended.out);
    assert!(fs::read(drive.join("pico.uf2")).expect("written") == ready);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_drive_and_one_that_cannot_be_written_are_errors_with_a_remedy() {
    let (folder, drive) = folder("pico.fer", PICO);
    std::os::unix::fs::symlink("/dev/full", drive.join("pico.uf2")).expect("linked");
    run(folder.path(), "flash pico.fer --drive drive").refused(1, "error: the drive is full");
    let output = program(folder.path()).args(["flash", "pico.fer", "--board", "pico", "--out", "none/a.uf2"]).output();
    super::program::Ended::from(output.expect("starts")).refused(1, "error: none/a.uf2: ");
}
