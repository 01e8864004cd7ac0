//! `monitor` with a device that finds faces.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::Stdio,
    thread,
};

use firmware::{
    camera::{Camera, FrameSize, Progress},
    device::Board,
};
use host_trainer::{
    image_file::write_grey,
    monitor::{pipe, run_seeing_device},
    synthetic,
};
use serde_json::Value;

use super::{
    device::{EDGE, serve},
    photographs::write_picture,
    program::{Ended, program, run},
};

static FINDER: &shared::model::Aligned<[u8]> =
    &shared::model::Aligned(*include_bytes!("../../../firmware/models/finder.ferf"));

/// A camera that shows the same picture again and again, but not faster than it can be told: the device is asked for it thousands
/// of times a second.
struct Still {
    pixels: Vec<u8>,
    size: FrameSize,
    asked: u32,
}

/// So often a picture is asked for until it is there.
const WAITS: u32 = 200;

impl Camera for Still {
    type Error = std::convert::Infallible;

    fn start(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn fetch(&mut self, frame: &mut [u8]) -> Result<Progress, Self::Error> {
        self.asked += 1;
        if !self.asked.is_multiple_of(WAITS) {
            return Ok(Progress::Waiting);
        }
        frame[..self.pixels.len()].copy_from_slice(&self.pixels);
        Ok(Progress::Whole(self.size))
    }
}

/// A device at a TCP port that finds faces in pictures, and perhaps has a camera.
fn seeing_device(camera: Option<Still>) -> String {
    let (host, end) = pipe();
    thread::spawn(move || {
        let model = shared::model::Model::parse(&EDGE.0).expect("sound");
        let finder = shared::finder::Finder::parse(&FINDER.0).expect("sound");
        let board = Board { stack_high_water: None, demo_faces: &[], demo_interval_us: 0, boot: 7 };
        run_seeing_device(&model, &finder, camera, end, board)
    });
    serve(host)
}

fn json(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        value => vec![value.as_f64().expect("a number")],
    }
}

#[test]
fn photographs_are_sent_as_large_as_the_device_takes_them_and_answered_in_their_own_pixels() {
    let folder = tempfile::tempdir().expect("a folder");
    write_picture(&folder.path().join("large.png"), [640, 480], &[(3, [200, 120], 4)]);
    write_picture(&folder.path().join("small.png"), [160, 120], &[(3, [50, 40], 1)]);
    write_picture(&folder.path().join("none.png"), [5000, 20], &[]);
    write_grey(&folder.path().join("face.png"), 48, 48, synthetic::face(1, 0).pixels.to_vec()).expect("written");
    let files = "large.png small.png none.png face.png";
    let port = seeing_device(None);
    let monitor = format!("monitor --port {port} --timeout 10000");
    let ended = run(folder.path(), &format!("{monitor} --json {files}")).done();
    // The device's model.
    let edge = concat!(env!("CARGO_MANIFEST_DIR"), "/../firmware/models/edge.fer");
    let predicted = run(folder.path(), &format!("predict --model {edge} --json {files}")).done().out;
    let predicted: Value = serde_json::from_str(&predicted).expect("JSON");
    let answers = json(&ended.out);
    for (index, (answer, predicted)) in answers.iter().zip(predicted.as_array().expect("an array")).take(3).enumerate()
    {
        for key in ["file", "width", "height"] {
            assert_eq!(answer[key], predicted[key], "{answer}");
        }
        let (faces, expected) =
            (answer["faces"].as_array().expect("faces"), predicted["faces"].as_array().expect("faces"));
        assert_eq!((faces.len(), expected.len()), (usize::from(index < 2), usize::from(index < 2)), "{answer}");
        for (face, expected) in faces.iter().zip(expected) {
            // The large one was made smaller, otherwise than `predict` does it.
            let most = if index == 0 { 6.0 } else { 0.0 };
            for key in ["box", "eyes"] {
                for (found, expected) in numbers(&face[key]).iter().zip(numbers(&expected[key])) {
                    assert!((found - expected).abs() <= most, "{key}: {face} {expected}");
                }
            }
            if most == 0.0 {
                for key in ["score", "label", "confidence", "probabilities"] {
                    assert_eq!(face[key], expected[key], "{key}");
                }
            }
        }
    }
    assert_eq!((&answers[3]["face"], &answers[3]["label"]), (&Value::from("face.png"), &predicted[3]["label"]));
    assert!(ended.err.contains("finder ") && ended.err.contains("1 faces, 3 pictures, 0 bad frames"), "{}", ended.err);

    let text = run(folder.path(), &format!("{monitor} small.png none.png")).done().out;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("small.png: ") && lines[0].contains("  face ") && lines[0].contains(" ms"), "{text}");
    assert!(lines[1].starts_with("none.png: no face  "), "{text}");
    let cropped = run(folder.path(), &format!("{monitor} --crop --json small.png")).done().out;
    assert_eq!(json(&cropped)[0]["face"], "small.png", "a face by itself");
}

/// A grey Y4M video.
fn y4m(width: usize, height: usize, frames: &[&[u8]]) -> Vec<u8> {
    let mut video = format!("YUV4MPEG2 W{width} H{height} F30:1 Cmono\n").into_bytes();
    for frame in frames {
        video.extend(b"FRAME\n");
        video.extend(*frame);
    }
    video
}

#[test]
fn frames_of_a_video_are_sent_and_the_newest_one_always() {
    let folder = tempfile::tempdir().expect("a folder");
    write_picture(&folder.path().join("a.png"), [160, 120], &[(3, [50, 40], 1)]);
    let picture = host_trainer::image_file::read_image(&folder.path().join("a.png")).expect("read").to_luma8();
    let video = y4m(160, 120, &[&[9; 160 * 120], &[9; 160 * 120], picture.as_raw()]);
    let port = seeing_device(None);
    let ended =
        piped(folder.path(), &format!("monitor --port {port} --timeout 10000 --json --camera -"), &video).done();
    let frames = json(&ended.out);
    // Some were dropped if newer ones came meanwhile.
    assert!((1..=3).contains(&frames.len()), "{}", ended.out);
    let last = frames.last().expect("a frame");
    assert_eq!((&last["frame"], &last["width"]), (&Value::from(frames.len()), &Value::from(160)));
    assert_eq!(last["faces"].as_array().expect("faces").len(), 1, "{last}");
    let ended = piped(folder.path(), &format!("monitor --port {port} --timeout 10000 --camera -"), b"no video");
    ended.refused(1, "error: standard input: ");
}

fn piped(folder: &Path, arguments: &str, input: &[u8]) -> Ended {
    let mut command = program(folder);
    command.args(arguments.split(' ')).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    // A program that has ended reads no more.
    let _ = child.stdin.take().expect("piped").write_all(input);
    Ended::from(child.wait_with_output().expect("ends"))
}

#[test]
fn a_device_that_finds_no_faces_says_so() {
    let port = super::device::device();
    let ended = piped(Path::new("."), &format!("monitor --port {port} --camera -"), b"");
    let ended = ended.refused(1, &format!("error: {port}: this device finds no faces in pictures"));
    assert_eq!(ended.out, "");
    run(Path::new("."), &format!("monitor --port {port} --json")).refused(1, "this device has no camera");
}

#[test]
fn what_the_devices_camera_sees_is_told_and_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    write_picture(&folder.path().join("a.png"), [160, 120], &[(3, [50, 40], 1)]);
    let picture = host_trainer::image_file::read_image(&folder.path().join("a.png")).expect("read").to_luma8();
    let size = FrameSize { columns: 160, rows: 120 };
    let still = Still { pixels: picture.as_raw().clone(), size, asked: 0 };
    let port = seeing_device(Some(still));
    let mut command = program(folder.path());
    command.args(["monitor", "--port", &port, "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut lines = [String::new(), String::new()];
    for line in &mut lines {
        out.read_line(line).expect("text");
    }
    // As `head -2` does.
    drop(out);
    assert_eq!(Ended::from(child.wait_with_output().expect("ends")).status, Some(0));
    let [first, second] = lines.map(|line| json(&line).remove(0));
    // In a video the face is followed, so a second look at the same picture need not see it at the very same place.
    let faces = |line: &Value| line["faces"].as_array().expect("faces").len();
    assert_eq!((faces(&first), faces(&second)), (1, 1), "{first} {second}");
    assert_eq!(first["frame"].as_u64().map(|frame| frame + 1), second["frame"].as_u64());

    let seen = last_frame(folder.path(), &port);
    assert!(seen == picture, "the picture comes back");
}

/// Asks for the last frame, and gives the picture that is written.
fn last_frame(folder: &Path, port: &str) -> image::GrayImage {
    let ended = run(folder, &format!("monitor --port {port} --timeout 10000 --last-frame seen.png")).done();
    assert!(ended.err.contains("seen.png: picture ") && ended.err.contains("seen.face.png: "), "{}", ended.err);
    host_trainer::image_file::read_image(&folder.join("seen.png")).expect("written").to_luma8()
}

#[test]
fn the_last_frame_is_shown_and_the_face_in_it_as_the_model_saw_it() {
    let folder = tempfile::tempdir().expect("a folder");
    write_picture(&folder.path().join("a.png"), [160, 120], &[(3, [50, 40], 1)]);
    let picture = host_trainer::image_file::read_image(&folder.path().join("a.png")).expect("read").to_luma8();
    let port = seeing_device(None);
    let nothing = run(folder.path(), &format!("monitor --port {port} --timeout 10000 --last-frame seen.png"));
    nothing.refused(1, "it has looked at no picture yet");
    run(folder.path(), &format!("monitor --port {port} --timeout 10000 a.png")).done();
    assert!(last_frame(folder.path(), &port) == picture, "the picture comes back");
    run(folder.path(), "predict --out out a.png").done();
    let read = |name: &str| host_trainer::image_file::read_face(&folder.path().join(name)).expect("written");
    assert!(read("seen.face.png") == read("out/001_a.face1.png"), "the face is what `predict` shows the model");
}
