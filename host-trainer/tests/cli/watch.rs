//! Videos and cameras, frame by frame.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};
use serde_json::Value;

use super::{
    photographs::{Drawn, is_at, picture},
    program::{Ended, program, run},
};

const SIZE: [usize; 2] = [160, 120];

/// A face in the middle of a frame of that size.
const FACE: Drawn = (3, [56, 36], 1);

fn y4m([width, height]: [usize; 2], frames: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("YUV4MPEG2 W{width} H{height} F10:1 Cmono\n").into_bytes();
    for frame in frames {
        bytes.extend(b"FRAME\n");
        bytes.extend(frame);
    }
    bytes
}

fn jpeg([width, height]: [usize; 2], pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 95)
        .write_image(pixels, width as u32, height as u32, ExtendedColorType::L8)
        .expect("written");
    bytes
}

/// A frame of 160x120 with these faces.
fn frame(faces: &[Drawn]) -> Vec<u8> {
    picture(SIZE, faces).0
}

/// Runs the program with `bytes` on standard input.
fn piped(folder: &Path, arguments: &str, bytes: &[u8]) -> Ended {
    let mut command = program(folder);
    command.args(arguments.split(' ')).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut input = child.stdin.take().expect("piped");
    // A program that refuses what it is given does not read it all.
    let _ = input.write_all(bytes);
    drop(input);
    child.wait_with_output().expect("ends").into()
}

/// What `--json` printed.
fn json(ended: &Ended) -> Vec<Value> {
    ended.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// How many faces each frame has.
fn faces(lines: &[Value]) -> Vec<usize> {
    lines.iter().map(|line| line["faces"].as_array().expect("an array").len()).collect()
}

#[test]
fn a_video_is_answered_frame_by_frame_as_a_device_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let frames = [frame(&[FACE]), frame(&[]), frame(&[FACE])];
    fs::write(folder.path().join("a.y4m"), y4m(SIZE, &frames)).expect("written");
    let ended = run(folder.path(), "watch --video a.y4m").done();
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(lines.len(), 3, "{ended:#?}");
    // happy 0.93  margin 0.88  face 52,31 61x61  212 ms  seq 41
    for (index, line) in [(0, lines[0]), (2, lines[2])] {
        let parts: Vec<&str> = line.split("  ").collect();
        assert!(parts.len() >= 5 && parts[1].starts_with("margin ") && parts[2].starts_with("face "), "{line}");
        assert!(parts[3].ends_with(" ms") && parts[4] == format!("seq {}", index + 1), "{line}");
    }
    assert!(lines[1].starts_with("no face  ") && lines[1].ends_with(" ms  seq 2"), "{}", lines[1]);
    assert!(ended.err.contains("3 frames, 2 with a face: "), "{ended:#?}");
}

#[test]
fn json_places_the_face_and_csv_has_a_row_a_frame() {
    let folder = tempfile::tempdir().expect("a folder");
    let (with_face, eyes) = picture([640, 480], &[(3, [240, 140], 4)]);
    let frames = [with_face, picture([640, 480], &[]).0];
    fs::write(folder.path().join("a.y4m"), y4m([640, 480], &frames)).expect("written");
    let lines = json(&run(folder.path(), "watch --json --video a.y4m").done());
    assert_eq!(faces(&lines), [1, 0]);
    let face = &lines[0]["faces"][0];
    assert!(is_at(face, &eyes[0]), "{face} {eyes:?}");
    assert!(face["label"].is_string() && face["probabilities"].as_array().is_some_and(|p| p.len() == 7), "{face}");
    assert!(face["box"][0].is_number() && face["score"].is_number() && face["uncertain"].is_boolean(), "{face}");
    let [first, second] = [&lines[0], &lines[1]];
    assert_eq!((&first["seq"], &first["width"], &first["height"]), (&1.into(), &640.into(), &480.into()));
    assert_eq!((&second["seq"], second["seconds"].as_f64()), (&2.into(), Some(0.1)), "{second}");
    let table = run(folder.path(), "watch --csv --video a.y4m").done().out;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [18; 3], "{table}");
    assert_eq!((rows[0][2], rows[0][6], rows[0][16], rows[0][17]), ("label", "left", "neutral", "milliseconds"));
    assert_eq!(rows[1][2], face["label"].as_str().expect("text"));
    assert_eq!((rows[2][0], rows[2][2], rows[2][16]), ("2", "", ""), "{table}");
}

#[test]
fn of_two_faces_the_larger_answers_and_the_one_that_is_followed_keeps_answering() {
    let folder = tempfile::tempdir().expect("a folder");
    let size = [320, 240];
    let (small, large): (Drawn, Drawn) = ((3, [20, 30], 1), (1, [160, 90], 2));
    let (alone, eyes_of_small) = picture(size, &[small]);
    let (both, eyes) = picture(size, &[small, large]);
    let (small_alone, large_of_both) = (eyes_of_small[0], eyes[1]);
    let watch = |frames: &[Vec<u8>]| json(&piped(folder.path(), "watch --json -", &y4m(size, frames)).done());
    let lines = watch(&[both.clone(), both.clone()]);
    assert!(lines.iter().all(|line| is_at(&line["faces"][0], &large_of_both)), "{lines:?}");
    let lines = watch(&[alone, both.clone(), both]);
    assert!(lines.iter().all(|line| is_at(&line["faces"][0], &small_alone)), "{lines:?}");
}

#[test]
fn frames_of_any_size_and_faces_at_the_border_have_an_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    for size in [[1, 1], [5000, 20], [20, 2000]] {
        let ended = piped(folder.path(), "watch -", &y4m(size, &[picture(size, &[]).0])).done();
        assert!(ended.out.starts_with("no face  "), "{size:?} {ended:#?}");
    }
    let ended = piped(folder.path(), "watch -", &y4m(SIZE, &[vec![0; 160 * 120]])).done();
    assert!(ended.out.starts_with("no face  "), "a black frame: {ended:#?}");
    // From wholly inside to wholly outside, in steps of 6 pixels.
    let cut: Vec<Vec<u8>> = (0..11).map(|step| frame(&[(3, [100 + 6 * step, 60], 1)])).collect();
    let lines = json(&piped(folder.path(), "watch --json -", &y4m(SIZE, &cut)).done());
    let faces = faces(&lines);
    assert_eq!((faces.len(), faces[0], faces[10]), (11, 1, 0), "{faces:?}");
    // A face that is followed may be cut a little: then its box reaches beyond the frame.
    assert!(faces.is_sorted_by(|a, b| a >= b), "{faces:?}");
}

#[test]
fn a_video_that_is_cut_short_is_answered_up_to_there_and_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = y4m(SIZE, &[frame(&[FACE]), frame(&[FACE]), frame(&[FACE])]);
    fs::write(folder.path().join("a.y4m"), &bytes[..bytes.len() - 1]).expect("written");
    let ended = run(folder.path(), "watch --video a.y4m").refused(1, "a.y4m: frame 3 is cut short");
    assert_eq!(ended.out.lines().count(), 2);
    piped(folder.path(), "watch -", &bytes[..bytes.len() - 1]).refused(1, "standard input: frame 3 is cut short");
}

#[test]
fn a_broken_image_in_the_middle_of_a_stream_is_passed_over_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (face, empty) = (jpeg(SIZE, &frame(&[FACE])), jpeg(SIZE, &frame(&[])));
    let bytes = [&face[..], &face[..face.len() / 2], &empty].concat();
    fs::write(folder.path().join("a.mjpeg"), &bytes).expect("written");
    for ended in [run(folder.path(), "watch --json --video a.mjpeg"), piped(folder.path(), "watch --json -", &bytes)] {
        let ended = ended.done();
        assert_eq!(faces(&json(&ended)), [1, 0], "{ended:#?}");
        assert!(ended.err.contains("frame 2 is broken and passed over"), "{ended:#?}");
        assert!(ended.err.contains("2 frames, 1 with a face") && ended.err.contains(", 1 broken"), "{ended:#?}");
    }
}

#[test]
fn frames_without_a_header_are_read_with_their_size_and_stride() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = |pixels: Vec<u8>| -> Vec<u8> {
        let padded = pixels.chunks(160).flat_map(|row| row.iter().copied().chain([0; 32]));
        padded.chain([128; 192 * 60]).collect()
    };
    let bytes = [rows(frame(&[FACE])), rows(frame(&[]))].concat();
    let lines = json(&piped(folder.path(), "watch --json --size 160x120 --stride 192 -", &bytes).done());
    assert_eq!(faces(&lines), [1, 0]);
    piped(folder.path(), "watch -", &bytes).refused(1, "--size WIDTHxHEIGHT");
    piped(folder.path(), "watch --size 160x120 --stride 192 -", &bytes[..bytes.len() - 5])
        .refused(1, "frame 2 is cut short");
    run(folder.path(), "watch --size 160x120 --stride 100 -").refused(1, "a stride is at least the width");
    run(folder.path(), "watch --size 160 -").refused(2, "WIDTHxHEIGHT");
}

#[test]
fn pictures_of_a_folder_are_frames() {
    let folder = tempfile::tempdir().expect("a folder");
    let pictures = folder.path().join("pictures");
    fs::create_dir(&pictures).expect("a folder");
    for (name, faces) in [("b.jpg", &[FACE][..]), ("a.jpg", &[])] {
        fs::write(pictures.join(name), jpeg(SIZE, &frame(faces))).expect("written");
    }
    fs::write(pictures.join("c.png"), b"no picture").expect("written");
    let ended = run(folder.path(), "watch --json --video pictures").done();
    assert_eq!(faces(&json(&ended)), [0, 1], "{ended:#?}");
    assert!(ended.err.contains("c.png"), "{ended:#?}");
    let alone = run(folder.path(), "watch --json pictures/b.jpg").done();
    assert_eq!(faces(&json(&alone)), [1]);
}

#[test]
fn a_camera_that_lies_on_its_side_is_turned() {
    let folder = tempfile::tempdir().expect("a folder");
    let upright = frame(&[FACE]);
    // Clockwise by 90 degrees: columns of the upright frame, from the bottom up.
    let turned: Vec<u8> =
        (0..160).flat_map(|x| (0..120).rev().map(move |y| (x, y))).map(|(x, y)| upright[y * 160 + x]).collect();
    let bytes = y4m([120, 160], &[turned]);
    assert_eq!(faces(&json(&piped(folder.path(), "watch --json -", &bytes).done())), [0]);
    let lines = json(&piped(folder.path(), "watch --json --rotate 270 -", &bytes).done());
    assert_eq!((faces(&lines), &lines[0]["width"]), (vec![1], &160.into()));
    piped(folder.path(), "watch --rotate 45 -", &bytes).refused(2, "[possible values: 90, 180, 270]");
}

#[test]
fn a_stream_that_stops_is_an_error_and_so_is_one_that_never_began() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = program(folder.path());
    command.args("watch --json --timeout 5 -".split(' ')).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(&y4m(SIZE, &[frame(&[FACE])])).expect("written");
    // It stays open.
    let ended: Ended = child.wait_with_output().expect("ends").into();
    drop(input);
    let ended = ended.refused(1, "standard input: no frame for 5 s");
    assert_eq!(faces(&json(&ended)), [1]);
    run(folder.path(), "watch -").refused(1, "standard input: it is empty");
}

#[test]
fn what_cannot_be_watched_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.mp4"), b"\0\0\0\x18ftypisom").expect("written");
    fs::write(folder.path().join("a.y4m"), y4m(SIZE, &[frame(&[])])).expect("written");
    let refused = |arguments: &str, status, words| run(folder.path(), arguments).refused(status, words);
    if cfg!(target_os = "linux") {
        refused("watch --camera /dev/video-none", 1, "is it plugged in?");
        refused("watch --camera /dev/null", 1, "no camera that takes pictures");
    }
    refused("watch --video none.y4m", 1, "none.y4m: ");
    refused("watch --video a.mp4", 1, "yuv4mpegpipe");
    refused("watch --live --video a.y4m", 2, "--live is for streams");
    refused("watch --video a.y4m -", 2, "cannot be used with");
    refused("watch --json --csv -", 2, "cannot be used with");
    refused("watch --smoothing 1 -", 2, "from 0 to below 1");
    refused("watch --timeout 0 -", 2, "seconds above 0");
    refused("watch --stride 10 -", 2, "--size");
    refused("watch --mqtt mqtts://host/topic -", 2, "mqtts is not spoken here");
    refused("watch --mqtt host -", 2, "mqtt://USER:PASSWORD@HOST:PORT/TOPIC");
}

#[test]
fn whoever_stops_reading_the_lines_ends_it_quietly() {
    let folder = tempfile::tempdir().expect("a folder");
    let frames = vec![frame(&[]); 200];
    fs::write(folder.path().join("a.y4m"), y4m(SIZE, &frames)).expect("written");
    let script = format!("{} watch a.y4m | head -n 2; exit ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_host-trainer"));
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(folder.path()).stdin(Stdio::null());
    let ended = Ended::from(command.output().expect("bash")).done();
    assert_eq!(ended.out.lines().count(), 2);
    assert!(!ended.err.contains("error"), "{ended:#?}");
}

#[cfg(unix)]
mod on_a_terminal {
    use std::process::Child;

    use super::{
        super::{
            program::signal,
            terminal::{ALTERNATE_SCREEN, OWN_SCREEN, on_terminal},
        },
        *,
    };

    /// A video that is shown for longer than any test waits.
    fn long_video(folder: &Path) -> Command {
        let bytes = y4m(SIZE, &vec![frame(&[FACE]); 400]);
        let slow =
            [b"YUV4MPEG2 W160 H120 F1:10 Cmono\n", &bytes[b"YUV4MPEG2 W160 H120 F10:1 Cmono\n".len()..]].concat();
        fs::write(folder.join("a.y4m"), slow).expect("written");
        let mut command = program(folder);
        command.args(["watch", "a.y4m"]).env("TERM", "xterm-256color");
        command
    }

    #[test]
    fn a_screen_is_given_back_however_it_ends() {
        let press = |key: &'static str| {
            move |_: &Child, keyboard: &mut fs::File| keyboard.write_all(key.as_bytes()).expect("typed")
        };
        let folder = tempfile::tempdir().expect("a folder");
        let ended = |ended: (std::process::ExitStatus, String), status| {
            let (code, drawn) = (ended.0.code(), ended.1);
            assert_eq!(code, Some(status), "{drawn:?}");
            let (taken, given_back) = (drawn.find(ALTERNATE_SCREEN), drawn.rfind(OWN_SCREEN));
            assert!(taken.is_some() && given_back > taken, "{drawn:?}");
            assert!(drawn.contains('▀') && drawn.contains("margin"), "{drawn:?}");
            drawn[given_back.unwrap_or(0)..].to_string()
        };
        let words = "margin";
        let after = ended(on_terminal(long_video(folder.path()), words, press("q")), 0);
        assert!(after.contains("with a face"), "{after:?}");
        ended(on_terminal(long_video(folder.path()), words, press("\u{3}")), 130);
        ended(on_terminal(long_video(folder.path()), words, |child, _| signal(child, "INT")), 130);
    }

    #[test]
    fn a_video_that_ends_leaves_its_summary_and_a_dumb_terminal_gets_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.y4m"), y4m(SIZE, &[frame(&[FACE]), frame(&[FACE])])).expect("written");
        for (terminal, drawn_on) in [("xterm-256color", true), ("dumb", false)] {
            let mut command = program(folder.path());
            command.args(["watch", "a.y4m"]).env("TERM", terminal);
            let (status, drawn) = on_terminal(command, "nothing is typed", |_, _| {});
            assert!(status.success() && drawn.contains("2 frames, 2 with a face"), "{drawn:?}");
            assert_eq!(drawn.contains(ALTERNATE_SCREEN), drawn_on, "{drawn:?}");
        }
    }

    #[test]
    fn a_signal_ends_it_while_it_waits_for_a_frame() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = program(folder.path());
        command.args(["watch", "--timeout", "600", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        for (name, status) in [("INT", 130), ("TERM", 143)] {
            let mut child = command.stderr(Stdio::null()).spawn().expect("starts");
            let mut input = child.stdin.take().expect("piped");
            input.write_all(&y4m(SIZE, &[frame(&[])])).expect("written");
            let mut lines = std::io::BufReader::new(child.stdout.take().expect("piped"));
            std::io::BufRead::read_line(&mut lines, &mut String::new()).expect("the first frame's answer");
            signal(&child, name);
            assert_eq!(child.wait().expect("ends").code(), Some(status));
            drop(input);
        }
    }
}
