//! Images that are named on the command line.

use std::{fs, fs::File, path::Path};

use host_trainer::{image_file::write_grey, synthetic};
use serde_json::Value;

use super::program::{Ended, program, run};

fn write_face(path: &Path) {
    write_grey(path, 48, 48, synthetic::face(1, 0).pixels.to_vec()).expect("written");
}

fn answers(ended: &Ended) -> Vec<Value> {
    serde_json::from_str(&ended.out).expect("a JSON array")
}

#[test]
fn standard_input_is_an_image_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.png");
    write_face(&path);
    let named = answers(&run(folder.path(), "predict --json a.png").done());
    let piped = |arguments: &[&str]| {
        let input = File::open(&path).expect("there");
        Ended::from(program(folder.path()).args(arguments).stdin(input).output().expect("starts"))
    };
    let read = answers(&piped(&["predict", "--json", "-"]).done());
    assert_eq!((read[0]["file"].as_str(), &read[0]["probabilities"]), (Some("-"), &named[0]["probabilities"]));
    piped(&["normalize", "-", "--out", "b.png"]).done();
    assert!(folder.path().join("b.png").exists());
    run(folder.path(), "predict -").refused(1, "error: standard input: this is an empty file");
}

#[test]
fn one_bad_image_among_many_leaves_the_others_their_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a.png", "c.png"] {
        write_face(&folder.path().join(name));
    }
    fs::write(folder.path().join("b.png"), "<!DOCTYPE html><html>").expect("written");
    let ended = run(folder.path(), "predict a.png b.png none.png c.png").refused(1, "error: b.png: this is a web page");
    assert!(ended.err.contains("error: none.png: ") && ended.err.ends_with("error: 2 of 4 images could not be read\n"));
    let named: Vec<&str> = ended.out.lines().filter(|line| !line.starts_with(' ')).collect();
    assert!(named.len() == 2 && named[0].starts_with("a.png: ") && named[1].starts_with("c.png: "), "{ended:#?}");

    let ended = run(folder.path(), "predict --json a.png b.png none.png c.png").refused(1, "2 of 4 images");
    let answers = answers(&ended);
    let files: Vec<_> = answers.iter().map(|answer| answer["file"].as_str().expect("named")).collect();
    assert_eq!(files, ["a.png", "b.png", "none.png", "c.png"]);
    let failed: Vec<_> = answers.iter().map(|answer| answer["error"].is_string()).collect();
    assert_eq!(failed, [false, true, true, false]);
    assert!(answers[3]["label"].is_string() && answers[1]["label"].is_null());
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_utf_8_costs_nobody_an_answer() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let folder = tempfile::tempdir().expect("a folder");
    let names = [OsStr::new("a.png"), OsStr::from_bytes(b"b\xff.png")];
    for name in names {
        write_face(&folder.path().join(name));
    }
    let output = program(folder.path()).args(["predict", "--json"]).args(names).output().expect("starts");
    let answers = answers(&Ended::from(output).done());
    let files: Vec<_> = answers.iter().map(|answer| answer["file"].as_str().expect("named")).collect();
    assert_eq!(files, ["a.png", "b\u{fffd}.png"]);
}
