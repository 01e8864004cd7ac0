//! The ready images of `firmware/images` are what their sources compile to.

use std::fs;
use std::path::{Path, PathBuf};

use images::{Board, make, page};
use shared::model::{AlignedBytes, Model};

/// The record beside the images.
fn record() -> toml::Table {
    let path = make::root().join(make::FOLDER).join(make::RECORD);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).parse().expect("a table")
}

#[test]
fn the_record_names_this_version_and_a_compiler_for_every_board() {
    let record = record();
    assert_eq!(record["version"].as_str(), Some(env!("CARGO_PKG_VERSION")), "`cargo run -p images` makes them anew");
    for name in Board::ALL.map(Board::name).into_iter().chain([page::NAME]) {
        let compiler = record[name]["compiler"].as_str().expect("a text");
        assert!(compiler.starts_with("rustc "), "{compiler}");
    }
}

/// Needs a compiler for the boards; .ci/run runs it. Another compiler than the images' makes other bytes, so nothing is compared then.
#[test]
#[ignore = "compiles the boards' firmware, for minutes"]
fn the_images_are_what_their_sources_compile_to() {
    for board in Board::ALL {
        if !is_made_by_this_compiler(board.name(), board.target()) {
            continue;
        }
        let image = make::firmware(&make::root(), board, &target_directory().join("images")).expect("it compiles");
        assert!(image == board.firmware(), "{}: other bytes; {AGAIN}", board.name());
    }
}

/// The same of the core in the page, as browsers with SIMD take it. That without is made by the same command of the same sources, and takes
/// as long again.
#[test]
#[ignore = "compiles the page's core, for minutes"]
fn the_page_is_what_its_sources_compile_to() {
    if is_made_by_this_compiler(page::NAME, page::TARGET) {
        let (name, core) = page::core(&make::root(), true, &target_directory().join("images")).expect("it compiles");
        assert!(core == of_the_page(name), "{name}: other bytes; {AGAIN}");
    }
}

#[test]
fn the_page_has_the_models_and_the_firmware_that_ship() {
    let images = Board::ALL.map(|board| (board, board.firmware().to_vec()));
    for (name, bytes) in page::copies(&make::root(), &images).expect("they are there") {
        assert!(bytes == of_the_page(&name), "{name}: other bytes; {AGAIN}");
    }
}

#[test]
fn the_page_tells_of_its_models_what_their_files_say() {
    let list: Vec<serde_json::Value> = serde_json::from_slice(&of_the_page("models/models.json")).expect("a list");
    assert!(list.len() >= 3, "{} models", list.len());
    for told in list {
        let text = |key: &str| told[key].as_str().unwrap_or_else(|| panic!("{key} of {told}"));
        let bytes = AlignedBytes::new(&of_the_page(text("file")));
        let model = Model::parse(bytes.as_slice()).expect("a model");
        assert_eq!((text("name"), told["bytes"].as_u64()), (model.name(), Some(bytes.as_slice().len() as u64)));
        let accuracy = format!("{:.3}", model.measurement().accuracy);
        assert!(text("about").contains(&accuracy), "{accuracy} of {told}");
    }
}

/// What to do if bytes are others.
const AGAIN: &str = "`cargo run -p images` makes all of them anew";

/// A generated file of the page.
fn of_the_page(name: &str) -> Vec<u8> {
    let path = make::root().join(page::FOLDER).join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether what the record has under `name` was made by the compiler that is here.
fn is_made_by_this_compiler(name: &str, target: &str) -> bool {
    let here = make::compiler(&make::root(), target).expect("a compiler");
    let made = &record()[name];
    let same = made["compiler"].as_str() == Some(&here.version)
        && made["builds_libraries"].as_bool() == Some(here.builds_libraries);
    if !same {
        println!("{name}: not compared, for it was made by {made}, and here is {here:?}");
    }
    same
}

/// The folder of what cargo builds here, which `cargo run -p images` takes too.
fn target_directory() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a folder").into()
}
