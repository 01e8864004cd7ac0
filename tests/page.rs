//! The page in a real browser, against the core on this host: every answer byte for byte.
//!
//! ```text
//! cargo test --workspace --test page -- --ignored
//! ```
//!
//! It needs Chromium, Node, and playwright-core in cargo's folder; `.ci/run` installs them. `tests/browser/page.mjs` plays the person at
//! the page and keeps what the page looked at; what the page has to do with one browser alone is tested there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cameras::GreyFrame;
use data_encoding::BASE64;
use firmware::device::Clock;
use firmware::engine::Engine;
use image::GrayImage;
use images::{Board, contents};
use pictures::photograph::faces_of;
use pictures::places::face_box;
use pictures::watcher::{Manner, SMOOTHING, Watcher, arena_bytes};
use serde::Deserialize;
use shared::finder::Finder;
use shared::model::{AlignedBytes, Model};
use shared::slot;

/// What a face is told as.
#[derive(Debug, Deserialize)]
struct Face {
    #[serde(rename = "box")]
    bounds: [f32; 4],
    eyes: [[f32; 2]; 2],
    score: f32,
    label: String,
    probabilities: Vec<f32>,
    logits: Vec<i8>,
    crop: String,
}

/// A frame that the page looked at, bytes in base64.
#[derive(Debug, Deserialize)]
struct Frame {
    grey: String,
    columns: usize,
    rows: usize,
    stride: usize,
    searched: String,
    size: [usize; 2],
    face: Option<Face>,
}

/// A photograph.
#[derive(Debug, Deserialize)]
struct Photograph {
    grey: String,
    columns: usize,
    rows: usize,
    faces: Vec<Face>,
}

/// Nobody asks for the time.
struct NoClock;

impl Clock for NoClock {
    fn microseconds(&mut self) -> u64 {
        0
    }
}

/// A program that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder")
}

fn target_directory() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a folder")
}

/// A program of the workspace, which `cargo test --workspace` has built beside this test.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let program = test.ancestors().nth(2).expect("a folder").join(name);
    assert!(program.is_file(), "{} is not there; `cargo test --workspace` builds it", program.display());
    program
}

/// Starts a program that prints where it can be reached, in its first line.
fn start(name: &str, arguments: &[&str]) -> (Running, String) {
    let mut process = Command::new(program(name)).args(arguments).stdout(Stdio::piped()).spawn().expect("it starts");
    let output = process.stdout.take().expect("a pipe");
    let running = Running(process);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("a line");
    (running, line.trim().into())
}

fn file(path: &str) -> AlignedBytes {
    let path = root().join(path);
    AlignedBytes::new(&fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn bytes(text: &str) -> Vec<u8> {
    BASE64.decode(text.as_bytes()).expect("base64")
}

/// Bits, so that -0 and 0 differ.
fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

#[test]
#[ignore = "needs Chromium, Node and playwright-core"]
fn a_browser_sees_what_the_host_sees_byte_by_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let [out, by_socket, by_port] = ["out", "socket", "port"].map(|name| folder.path().join(name));
    let (_page, url) = start("host-trainer", &["page", "--serve", "127.0.0.1:0"]);
    let url = url.split_whitespace().find(|word| word.starts_with("http://")).expect("an address").to_owned();
    let models = by_socket.display().to_string();
    let (_socket, socket) = start("fer-linux", &["--websocket", "127.0.0.1:0", "--models", &models]);
    let models = by_port.display().to_string();
    let (_port, port) = start("fer-linux", &["--tcp", "127.0.0.1:0", "--models", &models]);
    let socket = socket.trim_start_matches("ws://").trim_end_matches('/');
    let ended = Command::new("node")
        .arg(root().join("tests/browser/page.mjs"))
        .args([&url, "drawn", &out.display().to_string()])
        .args(["--websocket", socket, "--serial", &port])
        .env("CARGO_TARGET_DIR", target_directory())
        .status()
        .expect("node");
    assert!(ended.success(), "the page did not do what it should");

    the_frames_are_answered_alike(&out.join("frames.json"), 30);
    // Larger than what is searched.
    the_frames_are_answered_alike(&out.join("large.json"), 10);
    the_photograph_is_answered_alike(&out);
    the_files_for_boards_are_those_of_the_host(&out);
}

/// The frames of a camera, one after the other as one video, of which at least `least` have a face.
fn the_frames_are_answered_alike(told: &Path, least: usize) {
    let frames = fs::read_to_string(told).expect("frames");
    let frames: Vec<Frame> = serde_json::from_str(&frames).expect("frames");
    let (model, finder) = (file("firmware/models/edge.fer"), file("firmware/models/finder.ferf"));
    let (model, finder) =
        (Model::parse(model.as_slice()).expect("a model"), Finder::parse(finder.as_slice()).expect("a finder"));
    let mut arena = vec![0; arena_bytes(&model, &finder).expect("it runs")];
    let manner = Manner { smoothing: SMOOTHING, mirror: false };
    let mut watcher = Watcher::new(&model, &finder, &mut arena, manner).expect("it runs");
    let mut faces = 0;
    for (number, frame) in frames.iter().enumerate() {
        let (columns, rows) = (frame.columns, frame.rows);
        let grey = GreyFrame::from_rows(&bytes(&frame.grey), columns, rows, frame.stride, 1).expect("a frame");
        let sighting = watcher.look(&grey, 0.0, &mut NoClock).expect("it runs");
        let searched = watcher.searched().expect("a frame");
        assert_eq!(frame.size, [searched.width(), searched.height()]);
        assert!(bytes(&frame.searched) == searched.pixels(), "frame {number}: other pixels were searched");
        let aligned = watcher.aligned();
        let (Some(face), Some(seen)) = (&frame.face, sighting.seen.face) else {
            assert!(frame.face.is_none() && sighting.seen.face.is_none(), "frame {number}: one of them sees a face");
            continue;
        };
        faces += 1;
        assert!(bytes(&face.crop) == aligned.expect("a face"), "frame {number}: another face was cut out");
        assert_eq!(face.logits, seen.emotion.logits[..face.logits.len()], "frame {number}");
        assert_eq!(bits(&face.probabilities), bits(&seen.emotion.probabilities), "frame {number}");
        assert_eq!(face.score.to_bits(), seen.score.to_bits(), "frame {number}");
        assert_eq!(face.label, seen.emotion.label.name(), "frame {number}");
        let (bounds, eyes) = (seen.bounds, sighting.eyes.expect("eyes"));
        let bounds = [bounds.left, bounds.top, bounds.left + bounds.side, bounds.top + bounds.side];
        assert_eq!(bits(&face.bounds), bits(&bounds.map(|place| place as f32)), "frame {number}");
        assert_eq!(face.eyes.map(|eye| bits(&eye)), eyes.map(|eye| bits(&eye)), "frame {number}");
    }
    assert!(faces >= least, "{faces} faces in {} frames", frames.len());
}

/// Every face of the photograph, as `predict` finds them.
fn the_photograph_is_answered_alike(out: &Path) {
    let photograph = fs::read_to_string(out.join("photograph.json")).expect("a photograph");
    let photograph: Photograph = serde_json::from_str(&photograph).expect("a photograph");
    let (columns, rows) = (photograph.columns as u32, photograph.rows as u32);
    let picture = GrayImage::from_raw(columns, rows, bytes(&photograph.grey)).expect("a picture");
    let (model, finder) = (file("firmware/models/edge.fer"), file("firmware/models/finder.ferf"));
    let (model, finder) =
        (Model::parse(model.as_slice()).expect("a model"), Finder::parse(finder.as_slice()).expect("a finder"));
    let mut arena = vec![0; Engine::arena_bytes(&model).expect("it runs") as usize];
    let mut engine = Engine::new(&model, &mut arena).expect("it runs");
    let found = faces_of(&finder, &picture).expect("it runs");
    assert_eq!(found.len(), photograph.faces.len());
    for (index, (face, found)) in photograph.faces.iter().zip(&found).enumerate() {
        assert!(bytes(&face.crop) == found.aligned, "face {index}: another face was cut out");
        assert_eq!(face.logits, engine.run(&found.aligned).expect("it runs"), "face {index}");
        assert_eq!(face.eyes.map(|eye| bits(&eye)), found.eyes.map(|eye| bits(&eye)), "face {index}");
        assert_eq!(bits(&face.bounds), bits(&face_box(&found.eyes)), "face {index}");
    }
}

/// What the page saved, beside what `host-trainer flash` writes.
fn the_files_for_boards_are_those_of_the_host(out: &Path) {
    for (board, model) in [(Board::Pico, "pico"), (Board::Pico2, "edge")] {
        let name = format!("{model}-{}.uf2", board.name());
        let saved = fs::read(out.join(&name)).expect("a file");
        let model = fs::read(root().join("firmware/models").join(model).with_extension("fer")).expect("a model");
        let (slot, header) = (slot::encode(&model, None).expect("a slot"), board.header().expect("a header"));
        let expected = match board {
            Board::Pico => contents::firmware_and_model(board, &header, board.firmware(), &slot),
            // The page has no firmware for it.
            Board::Pico2 => contents::model_alone(board, &header, &slot),
        };
        assert!(saved == expected, "{name} has other bytes than the host's");
    }
}
