//! The ready images of `firmware/images` are what their sources compile to.

use std::fs;
use std::path::{Path, PathBuf};

use images::{Board, make};

/// The record beside the images.
fn record() -> toml::Table {
    let path = make::root().join(make::FOLDER).join(make::RECORD);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).parse().expect("a table")
}

#[test]
fn the_record_names_this_version_and_a_compiler_for_every_board() {
    let record = record();
    assert_eq!(record["version"].as_str(), Some(env!("CARGO_PKG_VERSION")), "`cargo run -p images` makes them anew");
    for board in Board::ALL {
        let compiler = record[board.name()]["compiler"].as_str().expect("a text");
        assert!(compiler.starts_with("rustc "), "{compiler}");
    }
}

/// Needs a compiler for the boards; .ci/run runs it. Another compiler than the images' makes other bytes, so nothing is compared then.
#[test]
#[ignore = "compiles the boards' firmware, for minutes"]
fn the_images_are_what_their_sources_compile_to() {
    let record = record();
    for board in Board::ALL {
        let (name, here) = (board.name(), make::compiler(&make::root(), board).expect("a compiler"));
        let made = &record[name];
        let same = made["compiler"].as_str() == Some(&here.version)
            && made["builds_libraries"].as_bool() == Some(here.builds_libraries);
        if !same {
            println!("{name}: not compared, for the image was made by {made}, and here is {here:?}");
            continue;
        }
        let target = target_directory().join("images");
        let image = make::firmware(&make::root(), board, &target).expect("it compiles");
        assert!(image == board.firmware(), "{name}: other bytes; `cargo run -p images` makes the images anew");
    }
}

/// The folder of what cargo builds here, which `cargo run -p images` takes too.
fn target_directory() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a folder").into()
}
