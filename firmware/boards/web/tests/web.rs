//! The core as the page calls it, on this machine.

use firmware::{
    device::{Clock, Past, see},
    engine::Engine,
    finder::{frame::Frame, search::memory_bytes},
};
use images::{Board, contents};
use pictures::places::in_larger;
use shared::{
    finder::Finder,
    label::Emotion,
    model::{AlignedBytes, Model},
    slot,
    wire::{
        ErrorCode, FRAME_BYTES, Frame as Arrived, FrameReader, Options, Output, PART_BYTES, PROTOCOL_VERSION, Reply,
        ReplyKind, Request, RequestKind, Stats, decode, encode,
    },
};
use web::{
    board,
    core::{self, Core, LONGEST, drawn_face},
    link::{self, Incoming},
};

const EDGE: &[u8] = include_bytes!("../../../models/edge.fer");
const PICO: &[u8] = include_bytes!("../../../models/pico.fer");
const FINDER: &[u8] = include_bytes!("../../../models/finder.ferf");

struct NoClock;

impl Clock for NoClock {
    fn microseconds(&mut self) -> u64 {
        0
    }
}

fn loaded() -> Core {
    let mut core = Core::default();
    core.take_finder(FINDER).expect("a finder");
    core.take_model(EDGE).expect("a model");
    core
}

/// A frame of 320x240 pixels, each `scale` times as large, with a drawn face in it.
fn frame(index: usize, left: usize, scale: usize) -> Vec<u8> {
    let face = drawn_face(index).expect("a face");
    let level = |x: usize, y: usize| {
        let inside = (left..left + 96).contains(&x) && (70..166).contains(&y);
        if inside { face[(y - 70) / 2 * 48 + (x - left) / 2] } else { (90 + x * 60 / 320) as u8 }
    };
    let width = 320 * scale;
    (0..width * 240 * scale).map(|at| level(at % width / scale, at / width / scale)).collect()
}

fn words<T: std::fmt::Debug>(result: anyhow::Result<T>) -> String {
    format!("{:#}", result.expect_err("an error"))
}

#[test]
fn frames_are_answered_as_a_device_answers_them() {
    let (model, finder) = (AlignedBytes::new(EDGE), AlignedBytes::new(FINDER));
    let (model, finder) =
        (Model::parse(model.as_slice()).expect("a model"), Finder::parse(finder.as_slice()).expect("a finder"));
    let need = memory_bytes(&finder, 320, 240).expect("it runs").max(Engine::arena_bytes(&model).expect("") as usize);
    let mut arena = vec![0; need];
    let mut engine = Engine::new(&model, &mut arena).expect("it runs");
    let options = Options { output: Output::Text, smoothing: 0.6, threshold: model.threshold(), mirror: false };
    let mut past = Past::default();
    let mut core = loaded();
    for number in 0..12 {
        let pixels = frame(number / 4, 100 + 3 * number, 1);
        let picture = Frame::new(&pixels, 320, 240, 320).expect("a frame");
        for video in [true, false] {
            let past = video.then_some(&mut past);
            let (seen, _) = see(&finder, picture, past, &mut engine, &mut NoClock, &options).expect("it runs");
            let look = core.look(&pixels, [320, 240, 320], video).expect("a frame");
            let (face, seen) = (look.face.expect("a face"), seen.face.expect("a face"));
            assert_eq!(face.answer.probabilities, seen.emotion.probabilities, "frame {number}");
            assert_eq!(face.answer.logits, seen.emotion.logits[..7], "frame {number}");
            let [left, top, right, bottom] = face.bounds.map(|place| place as i32);
            assert_eq!([left, top, right - left, bottom - top], {
                let bounds = seen.bounds;
                [bounds.left, bounds.top, bounds.side, bounds.side]
            });
            assert!(look.line.starts_with(seen.emotion.label.name()), "{}", look.line);
        }
    }
}

#[test]
fn a_larger_frame_is_answered_in_its_own_pixels_and_rows_may_have_gaps() {
    let mut core = loaded();
    let small = core.look(&frame(3, 120, 1), [320, 240, 320], false).expect("a frame");
    let grey = core.searched().expect("a frame");
    let large = frame(3, 120, 3);
    let look = core.look(&large, [960, 720, 960], false).expect("a frame");
    assert_eq!((look.size, core.searched().expect("a frame") == grey), ([320, 240], true));
    let (small, face) = (small.face.expect("a face"), look.face.expect("a face"));
    assert_eq!((face.bounds, &face.answer), (small.bounds.map(|place| 3.0 * place), &small.answer));
    assert_eq!(face.eyes, small.eyes.map(|eye| in_larger(eye, [3.0; 2])));
    let mut gaps = vec![7; 1000 * 720];
    for (row, pixels) in gaps.chunks_exact_mut(1000).zip(large.chunks_exact(960)) {
        row[..960].copy_from_slice(pixels);
    }
    assert_eq!(core.look(&gaps, [960, 720, 1000], false).expect("a frame").face, Some(face));
}

#[test]
fn a_picture_is_made_smaller_for_a_device_as_for_the_finder() {
    let large = frame(3, 120, 3);
    let small = core::fit(&large, [960, 720], [320, 240]).expect("a picture");
    assert_eq!(small[..4], [64, 1, 240, 0]);
    assert!(small[4..] == frame(3, 120, 1));
    let same = core::fit(&[1, 2, 3, 4, 5, 6], [3, 2], [320, 240]).expect("a picture");
    assert_eq!(same, [3, 0, 2, 0, 1, 2, 3, 4, 5, 6]);
    for size in [[3, 3], [0, 0], [usize::MAX, 2]] {
        assert!(words(core::fit(&[0; 6], size, [320, 240])).contains("no picture"), "{size:?}");
    }
    assert!(core::fit(&[0; 70_000], [70_000, 1], [usize::MAX, 1]).is_err());
}

#[test]
fn the_face_that_was_seen_can_be_looked_at_and_is_answered_alike_by_itself() {
    let mut core = loaded();
    assert_eq!((core.crop(), core.normalized()), (None, None));
    let seen = core.look(&frame(5, 90, 1), [320, 240, 320], false).expect("a frame").face.expect("a face");
    let crop = *core.crop().expect("a face");
    assert_ne!(core.normalized().expect("a face"), crop);
    let alone = serde_json::to_value(core.classify(&crop).expect("a face")).expect("JSON");
    assert_eq!(alone["logits"], serde_json::to_value(&seen.answer.logits).expect("JSON"));
    core.look(&[99; 320 * 240], [320, 240, 320], false).expect("a frame");
    assert_eq!(core.crop(), None, "there is no face in an empty frame");
}

#[test]
fn the_faces_of_a_photograph_are_found_and_classified() {
    let mut core = loaded();
    let faces = serde_json::to_value(core.faces(&frame(3, 60, 4), 1280, 960).expect("a picture")).expect("JSON");
    let faces = faces["faces"].as_array().expect("faces");
    assert_eq!((faces.len(), faces[0]["label"].as_str()), (1, Some("happy")));
    assert!(core.crop_of(0).is_some() && core.crop_of(1).is_none());
}

#[test]
fn wrong_input_is_refused_in_words_and_what_was_there_goes_on() {
    let mut core = Core::default();
    assert_eq!(words(core.look(&[0; 4], [2, 2, 2], true)), "no model is loaded");
    assert!(words(core.take_model(EDGE)).contains("finder"), "a model before the finder");
    assert!(words(core.take_finder(EDGE)).contains("finder"));
    core.take_finder(FINDER).expect("a finder");
    core.take_model(PICO).expect("a model");
    let before = core.look(&frame(1, 80, 1), [320, 240, 320], false).expect("a frame").face;
    let mut damaged = EDGE.to_vec();
    damaged[9999] ^= 4;
    for (file, expected) in
        [(&EDGE[..5000], "cut short"), (&damaged, "checksum"), (&b""[..], "cut short"), (FINDER, "model")]
    {
        let error = words(core.take_model(file));
        assert!(error.contains(expected), "{error}");
        assert_eq!(core.look(&frame(1, 80, 1), [320, 240, 320], false).expect("a frame").face, before);
    }
    for size in [[0, 0, 0], [320, 0, 320], [0, 240, 1], [320, 241, 320], [320, 240, 319], [usize::MAX, 2, usize::MAX]] {
        assert!(words(core.look(&frame(1, 80, 1), size, true)).contains("no frame"), "{size:?}");
    }
    assert!(words(core.classify(&[0; 47 * 48])).starts_with("a face of 2256 pixels; it has 48x48"));
    for pixels in [3, 5] {
        assert!(words(core.faces(&vec![0; pixels], 2, 2)).contains("no picture of 2x2"));
    }
    assert!(words(core.faces(&[0; LONGEST + 1], LONGEST + 1, 1)).contains("4096x4096 at most"));
    assert!(words(core.faces(&[], 0, 0)).contains("no picture"));
}

#[test]
fn requests_are_those_of_the_protocol() {
    let face = drawn_face(0).expect("a face");
    let hello = RequestKind::Hello { protocol: PROTOCOL_VERSION };
    for (sequence, sent, kind) in [
        (1, link::request(1, hello), hello),
        (2, link::classify(2, face), RequestKind::Classify { face }),
        (
            3,
            link::picture_part(3, 1024, &face[..1024]),
            RequestKind::PicturePart { offset: 1024, pixels: &face[..1024] },
        ),
        (4, link::upload_part(4, 7, b"bytes"), RequestKind::UploadPart { offset: 7, bytes: b"bytes" }),
    ] {
        let sent = sent.expect("a request");
        let mut reader = FrameReader::<FRAME_BYTES>::new();
        let mut whole = false;
        for byte in sent {
            if let Some(Arrived::Whole(body)) = reader.push(byte) {
                assert_eq!(decode::<Request<'_>>(body), Some(Request { sequence, kind }));
                whole = true;
            }
        }
        assert!(whole);
    }
    assert!(words(link::classify(1, &face[1..])).contains("2303 pixels"));
    assert!(words(link::picture_part(1, 0, &[0; PART_BYTES + 1])).contains("1025 pixels"));
    assert!(words(link::upload_part(1, 0, &[0; PART_BYTES + 1])).contains("1025 bytes"));
    assert!(link::upload_commit(1, b"no model").is_err());
    assert_eq!(link::contents(b"seventeen bytes!!").len(), 32);
}

#[test]
fn replies_and_lines_of_text_are_told_however_they_are_cut() {
    let mut sent = b"\r\nfer firmware 0.1.0  model edge\r\n".to_vec();
    let replies = [ReplyKind::Stats(Stats::default()), ReplyKind::Error(ErrorCode::NoFinder), ReplyKind::Committed];
    for (sequence, kind) in (1..).zip(replies) {
        let mut buffer = [0; 1024];
        sent.push(0);
        sent.extend(encode(&Reply { sequence, kind }, &mut buffer).expect("it fits"));
    }
    sent.extend(b"\0noise\0");
    for piece in [1, 2, 7, sent.len()] {
        let mut incoming = Incoming::default();
        let mut told = Vec::new();
        for bytes in sent.chunks(piece) {
            let text = incoming.receive(bytes).expect("JSON");
            told.extend(serde_json::from_str::<Vec<serde_json::Value>>(&text).expect("JSON"));
        }
        assert_eq!(told[0]["text"], "fer firmware 0.1.0  model edge", "pieces of {piece}");
        let reply = |index: usize| told.iter().filter(|value| value.get("sequence").is_some()).nth(index).cloned();
        assert_eq!(reply(0).expect("stats")["kind"]["Stats"]["faces"], 0);
        let refused = reply(1).expect("an error");
        assert_eq!((refused["sequence"].as_u64(), &refused["kind"]["Error"]), (Some(2), &"NoFinder".into()));
        assert_eq!(refused["error"], ErrorCode::NoFinder.to_string());
        assert_eq!(reply(2).expect("committed")["kind"], "Committed");
        assert!(told.iter().any(|value| value["damaged"] == true), "the noise is told");
    }
}

#[test]
fn files_for_boards_are_those_of_the_host_or_are_refused_in_words() {
    let slot = slot::encode(PICO, None).expect("a slot");
    for (index, board) in Board::ALL.into_iter().enumerate() {
        let (header, firmware) = (board.header().expect("a header"), board.firmware());
        let whole = board::uf2(index, firmware, PICO, false).expect("a file");
        assert!(whole == contents::firmware_and_model(board, &header, firmware, &slot));
        let alone = board::uf2(index, &firmware[..4096], PICO, true).expect("a file");
        assert!(alone == contents::model_alone(board, &header, &slot));
    }
    assert!(words(board::uf2(0, Board::Pico2.firmware(), PICO, false)).contains("is for pico2, not for pico"));
    assert!(words(board::uf2(2, Board::Pico.firmware(), PICO, false)).contains("no such board"));
    assert!(words(board::uf2(0, b"", PICO, false)).contains("firmware"));
    assert!(words(board::uf2(0, Board::Pico.firmware(), FINDER, false)).contains("model"));
}

#[test]
fn every_label_has_its_place_in_the_answers() {
    let names = Emotion::ALL.map(Emotion::name);
    assert_eq!(names, ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt"]);
}
