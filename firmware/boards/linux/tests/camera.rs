//! The program with a video on standard input, as a camera's.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

/// Seven drawn faces of 48x48.
const FACES: &[u8] = include_bytes!("../../../models/demo_faces.bin");

const COLUMNS: usize = 160;
const ROWS: usize = 120;

/// A grey frame, with one of the drawn faces in front, larger by a factor.
fn frame(face: Option<(usize, usize)>) -> Vec<u8> {
    let pixel = |index: usize| {
        let (x, y) = (index % COLUMNS, index / COLUMNS);
        let grey = (90 + x * 60 / COLUMNS) as u8;
        let Some((face, scale)) = face else { return grey };
        let place =
            |value: usize, start: usize| value.checked_sub(start).map(|value| value / scale).filter(|&v| v < 48);
        match (place(x, 40), place(y, 15)) {
            (Some(u), Some(v)) => FACES[face * 2304 + v * 48 + u],
            _ => grey,
        }
    };
    (0..COLUMNS * ROWS).map(pixel).collect()
}

fn program(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fer-linux"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("starts")
}

fn send(stdin: &mut ChildStdin, frame: &[u8]) {
    stdin.write_all(b"FRAME\n").expect("read");
    stdin.write_all(frame).expect("read");
    stdin.flush().expect("read");
}

fn header() -> String {
    format!("YUV4MPEG2 W{COLUMNS} H{ROWS} F30:1 Cmono\n")
}

#[test]
fn standard_output_alone_speaks_of_a_video_on_standard_input() {
    let mut child = program(&["--camera", "-"]);
    let mut stdin = child.stdin.take().expect("piped");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map(|line| line.expect("text"));
    let banner = lines.find(|line| !line.is_empty()).expect("a banner");
    assert!(banner.contains("  finder ") && banner.contains(" 320x240  protocol 3"), "{banner}");
    stdin.write_all(header().as_bytes()).expect("read");
    // Each frame is sent once the one before is answered, so that none is stale.
    let frames = [(None, "no face  "), (Some((3, 2)), "x"), (Some((3, 2)), "x"), (None, "no face  ")];
    for (number, (face, part)) in (1..).zip(frames) {
        send(&mut stdin, &frame(face));
        let line = lines.next().expect("a line");
        assert!(line.contains(part) && line.contains(&format!(" ms  seq {number}")), "{line}");
        let place = line.split("  ").find_map(|part| part.strip_prefix("face "));
        assert_eq!(place.is_some(), face.is_some(), "{line}");
        if let Some((corner, size)) = place.and_then(|place| place.split_once(' ')) {
            let (left, top) = corner.split_once(',').expect("two numbers");
            let [left, top, side]: [i32; 3] =
                [left, top, size.split('x').next().expect("a side")].map(|number| number.parse().expect("a number"));
            // The drawn face is 96 pixels wide and high, from (40, 15) on.
            assert!((40..70).contains(&left) && (15..50).contains(&top) && (60..96).contains(&side), "{line}");
        }
    }
    drop(stdin);
    assert_eq!(lines.next().as_deref(), Some("the camera stopped: the video is over"));
    assert!(lines.next().is_none());
    let ended = child.wait_with_output().expect("ends");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}

#[test]
fn what_is_no_video_or_ends_too_early_is_an_error() {
    let cut = [header().as_bytes(), b"FRAME\n", &frame(None)[..100]].concat();
    for (input, part) in
        [(&b"no video at all"[..], "standard input: "), (b"", "standard input: "), (&cut, "standard input: ")]
    {
        let mut child = program(&["--camera", "-"]);
        // A program that has ended reads no more.
        let _ = child.stdin.take().expect("piped").write_all(input);
        let ended = child.wait_with_output().expect("ends");
        let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert_eq!(ended.status.code(), Some(1), "{out} {err}");
        assert!(out.contains("\r\nthe camera stopped: standard input: "), "{out}");
        assert!(err.starts_with(&format!("error: {part}")), "{err}");
    }
}

#[test]
fn a_camera_or_a_finder_that_is_none_is_named() {
    for (arguments, part) in [
        (["--camera", "/dev/no-such-camera"], "error: /dev/no-such-camera: no such camera"),
        (["--camera", "/dev/null"], "error: /dev/null: no camera that takes pictures"),
        (["--finder", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")], "Cargo.toml: not a finder file"),
    ] {
        let ended = program(&arguments).wait_with_output().expect("ends");
        let err = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{err}");
        assert!(err.starts_with("error: ") && err.contains(part), "{err}");
    }
    let ended = program(&["--camera", "-", "--rotate", "45"]).wait_with_output().expect("ends");
    assert_eq!(ended.status.code(), Some(2));
}

#[test]
fn a_video_is_turned_before_it_is_searched() {
    let mut child = program(&["--camera", "-", "--rotate", "180"]);
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(header().as_bytes()).expect("read");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map(|line| line.expect("text"));
    lines.find(|line| !line.is_empty()).expect("a banner");
    let mut turned = frame(Some((3, 2)));
    turned.reverse();
    send(&mut stdin, &turned);
    let line = lines.next().expect("a line");
    assert!(line.contains("  face ") && line.ends_with("seq 1") || line.ends_with("seq 1  uncertain"), "{line}");
    drop(stdin);
    child.wait().expect("ends");
}

#[test]
fn a_port_speaks_of_the_video_too_and_goes_on_when_it_is_over() {
    let mut child = program(&["--camera", "-", "--tcp", "127.0.0.1:0"]);
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(header().as_bytes()).expect("read");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut address = String::new();
    out.read_line(&mut address).expect("printed");
    let stream = TcpStream::connect(address.trim()).expect("accepted");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("set");
    let mut lines = BufReader::new(stream.try_clone().expect("a handle")).lines().map(|line| line.expect("text"));
    lines.find(|line| !line.is_empty()).expect("a banner");
    send(&mut stdin, &frame(None));
    assert!(lines.next().expect("a line").starts_with("no face  "));
    drop(stdin);
    assert_eq!(lines.next().as_deref(), Some("the camera stopped: the video is over"));
    // The device still answers a person.
    (&stream).write_all(b"hello?\r").expect("sent");
    assert!(lines.next().expect("a hint").starts_with("send pictures with: "));
    child.kill().expect("killed");
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "", "standard output says where the port is, and no more");
    child.wait().expect("ends");
}
