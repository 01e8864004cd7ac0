//! The serial link: faults, strangers and restarts, over an in-memory pipe with the real device at its end.

use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

use firmware::device::Board;
use firmware::engine::Engine;
use host_trainer::{
    monitor::{Client, DeviceEnd, FaultInjector, Faults, HostEnd, LinkError, Notice, pipe, run_device},
    synthetic,
};
use proptest::prelude::*;
use shared::{
    label::Emotion,
    model::{AlignedBytes, Model},
    preprocessing::FACE_PIXELS,
    wire::{
        ENCODE_BYTES, ErrorCode, FRAME_BYTES, Frame, FrameReader, Options, Output, PROTOCOL_VERSION, Reply, ReplyKind,
        Request, RequestKind, decode, encode,
    },
};
use tests::sample_model::sample_model;

const TIMEOUT: Duration = Duration::from_secs(5);

fn board(demo_faces: &'static [[u8; FACE_PIXELS]]) -> Board {
    Board { stack_high_water: None, demo_faces, demo_interval_us: 1_000, boot: 0 }
}

fn model_bytes() -> AlignedBytes {
    sample_model(1).encode().expect("the sample is sound")
}

/// Runs a device at one end of a pipe and `host` at the other.
fn with_device<T>(host: impl FnOnce(HostEnd) -> T) -> T {
    with_board(board(&[]), host)
}

fn with_board<T>(board: Board, host: impl FnOnce(HostEnd) -> T) -> T {
    let (host_end, device_end) = pipe();
    run_both(board, host_end, device_end, host)
}

fn run_both<T>(board: Board, host_end: HostEnd, device_end: DeviceEnd, host: impl FnOnce(HostEnd) -> T) -> T {
    let bytes = model_bytes();
    let model = Model::parse(bytes.as_slice()).expect("sound");
    with_model(&model, board, (host_end, device_end), host)
}

fn with_model<T>(
    model: &Model<'_>,
    board: Board,
    (host_end, device_end): (HostEnd, DeviceEnd),
    host: impl FnOnce(HostEnd) -> T,
) -> T {
    std::thread::scope(|scope| {
        let device = scope.spawn(|| run_device(model, device_end, board));
        let result = host(host_end);
        device.join().expect("the device does not panic").expect("the model runs");
        result
    })
}

fn face(index: u64) -> [u8; FACE_PIXELS] {
    synthetic::face(9, index).pixels
}

fn frame(request: &Request<'_>) -> Vec<u8> {
    encode(request, &mut [0; ENCODE_BYTES]).expect("fits").to_vec()
}

/// Reads until a frame arrives.
fn next_reply(host: &mut HostEnd, reader: &mut FrameReader<FRAME_BYTES>) -> (u32, Option<ErrorCode>) {
    let deadline = Instant::now() + TIMEOUT;
    let mut byte = [0];
    while Instant::now() < deadline {
        if host.read(&mut byte).is_err() {
            continue;
        }
        if let Some(Frame::Whole(body)) = reader.push(byte[0]) {
            let reply: Reply<'_> = decode(body).expect("a reply");
            let error = match reply.kind {
                ReplyKind::Error(error) => Some(error),
                _ => None,
            };
            return (reply.sequence, error);
        }
    }
    panic!("the device does not answer");
}

fn read_text(host: &mut HostEnd, until: &str) -> String {
    let deadline = Instant::now() + TIMEOUT;
    let (mut text, mut buffer) = (Vec::new(), [0; 64]);
    while Instant::now() < deadline {
        if let Ok(count) = host.read(&mut buffer) {
            text.extend(&buffer[..count]);
        }
        let shown = String::from_utf8_lossy(&text);
        if shown.contains(until) {
            return shown.into_owned();
        }
    }
    panic!("`{until}` did not come; what came: {}", String::from_utf8_lossy(&text));
}

#[test]
fn a_device_says_who_it_is_and_answers_as_the_engine_does() {
    let bytes = model_bytes();
    let model = Model::parse(bytes.as_slice()).expect("sound");
    let mut arena = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize];
    let mut engine = firmware::engine::Engine::new(&model, &mut arena).expect("fits");
    with_device(|host| {
        let mut client = Client::new(host, TIMEOUT);
        let identity = client.hello().expect("answers");
        assert_eq!((identity.model.as_str(), identity.model_crc), ("sample", model.crc()));
        assert_eq!(identity.labels, Emotion::FER2013);
        let expected = Options { output: Output::Frames, smoothing: 0.0, threshold: model.threshold(), mirror: false };
        assert_eq!(identity.options, expected);
        for index in 0..5 {
            let face = face(index);
            let result = client.classify(&face).expect("answers");
            let expected = engine.classify(&face).expect("runs");
            let (logits, beyond) = result.logits.split_at(7);
            assert_eq!(logits, engine.logits());
            assert_eq!(beyond, [i8::MIN], "a logit that the model does not have");
            assert_eq!((result.label, result.probabilities), (expected.label, expected.probabilities));
        }
        assert_eq!(client.stats().expect("answers").faces, 5);
    });
}

#[test]
fn a_person_reads_a_banner_and_lines_and_a_hint_for_what_they_type() {
    let faces: &'static [[u8; FACE_PIXELS]] = Box::leak(Box::new([face(0), face(1)]));
    with_board(board(faces), |mut host| {
        let text = read_text(&mut host, "seq 2");
        assert!(text.contains("fer firmware") && text.contains("model sample"), "{text}");
        assert!(text.contains("margin") && text.contains(" ms  seq 1"), "{text}");
        host.write_all(b"hello?\r").expect("sent");
        read_text(&mut host, "host-trainer monitor");
        let mut client = Client::new(host, TIMEOUT);
        client.hello().expect("a greeting turns frames on, whatever was typed before");
        client.classify(&face(3)).expect("answers");
    });
}

#[test]
fn a_corrupt_frame_gets_an_error_reply_and_the_next_one_a_result() {
    with_device(|mut host| {
        let mut reader = FrameReader::new();
        host.write_all(&frame(&Request { sequence: 1, kind: RequestKind::Hello { protocol: PROTOCOL_VERSION } }))
            .expect("sent");
        assert_eq!(next_reply(&mut host, &mut reader), (1, None));
        let face = face(0);
        let good = frame(&Request { sequence: 2, kind: RequestKind::Classify { face: &face } });
        let mut damaged = good.clone();
        damaged[1000] ^= if damaged[1000] == 1 { 2 } else { 1 };
        host.write_all(&damaged).expect("sent");
        assert_eq!(next_reply(&mut host, &mut reader), (0, Some(ErrorCode::Corrupt)));
        host.write_all(&vec![7; FRAME_BYTES + 9]).expect("sent");
        host.write_all(&[0]).expect("sent");
        assert_eq!(next_reply(&mut host, &mut reader), (0, Some(ErrorCode::Oversized)));
        host.write_all(&frame(&Request { sequence: 3, kind: RequestKind::Classify { face: &face[..100] } }))
            .expect("sent");
        assert_eq!(next_reply(&mut host, &mut reader), (3, Some(ErrorCode::FaceSize { need: 2304, have: 100 })));
        let unknown = encode(&(4u32, 99u8), &mut [0; 64]).expect("fits").to_vec();
        host.write_all(&unknown).expect("sent");
        assert_eq!(next_reply(&mut host, &mut reader), (0, Some(ErrorCode::Unknown)));
        host.write_all(&good).expect("sent");
        assert_eq!(next_reply(&mut host, &mut reader), (2, None));
    });
}

#[test]
fn a_retry_is_answered_again_and_counted_once() {
    with_device(|mut host| {
        let mut reader = FrameReader::new();
        host.write_all(&frame(&Request { sequence: 1, kind: RequestKind::Hello { protocol: PROTOCOL_VERSION } }))
            .expect("sent");
        next_reply(&mut host, &mut reader);
        let face = face(0);
        for _ in 0..3 {
            host.write_all(&frame(&Request { sequence: 2, kind: RequestKind::Classify { face: &face } }))
                .expect("sent");
            assert_eq!(next_reply(&mut host, &mut reader), (2, None));
        }
        let mut client = Client::new(host, TIMEOUT);
        client.hello().expect("answers");
        assert_eq!(client.stats().expect("answers").faces, 1);
    });
}

/// Asks a device over `link` for faces, with smoothing, and compares every answer with what it is if each face was classified
/// once and in its turn.
fn every_answer_is_of_its_turn<S: Read + Write>(link: impl FnOnce(HostEnd) -> S, timeout: Duration, faces: u64) {
    // The sample's answers to all faces are alike.
    let bytes = AlignedBytes::new(include_bytes!("../firmware/models/pico.fer"));
    let model = Model::parse(bytes.as_slice()).expect("it ships");
    let mut arena = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize];
    let mut engine = Engine::new(&model, &mut arena).expect("fits");
    with_model(&model, board(&[]), pipe(), |host| {
        let mut client = Client::new(link(host), timeout);
        let device = client.hello().expect("answers in the end");
        let smoothing = 0.75;
        client.set_options(Options { smoothing, ..device.options }).expect("answers in the end");
        let mut past: Option<[f32; Emotion::COUNT]> = None;
        for index in 0..faces {
            let face = face(index);
            let result = client.classify(&face).expect("answers in the end");
            let mut expected = engine.classify(&face).expect("runs").probabilities;
            for (now, before) in expected.iter_mut().zip(past.into_iter().flatten()) {
                *now = smoothing * before + (1.0 - smoothing) * *now;
            }
            assert_eq!(result.probabilities, expected, "face {index}");
            assert_eq!(result.logits[..7], *engine.logits(), "face {index}");
            past = Some(expected);
        }
        assert!(client.take_notices().contains(&Notice::Retried), "the line did lose bytes");
        assert_eq!(u64::from(client.stats().expect("answers in the end").faces), faces);
    });
}

#[test]
fn every_answer_arrives_once_over_a_line_that_loses_bytes() {
    // A face is 2,300 bytes, so about one in four arrives damaged at one fault in 8,000 bytes.
    let faults = Faults { drop: 5e-5, flip: 5e-5, repeat: 2e-5 };
    every_answer_is_of_its_turn(|host| FaultInjector::new(host, faults, 5), Duration::from_millis(1000), 40);
}

#[test]
fn every_answer_arrives_once_over_a_line_that_loses_most_replies() {
    /// Lets every sixth reply through.
    struct Losing {
        host: HostEnd,
        replies: u32,
        /// The reply that is under way.
        reply: Vec<u8>,
    }
    impl Read for Losing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let mut byte = [0];
            if self.host.read(&mut byte)? == 0 {
                return Ok(0);
            }
            self.reply.push(byte[0]);
            // A reply stands between two delimiters.
            if byte[0] != 0 || self.reply.len() == 1 {
                return Err(std::io::ErrorKind::Interrupted.into());
            }
            self.replies += 1;
            let reply = std::mem::take(&mut self.reply);
            if !self.replies.is_multiple_of(6) {
                return Err(std::io::ErrorKind::Interrupted.into());
            }
            buffer[..reply.len()].copy_from_slice(&reply);
            Ok(reply.len())
        }
    }
    impl Write for Losing {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.host.write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let link = |host| Losing { host, replies: 0, reply: Vec::new() };
    every_answer_is_of_its_turn(link, Duration::from_millis(200), 5);
}

#[test]
fn another_protocol_is_an_error_that_says_what_to_update() {
    with_device(|mut host| {
        let mut reader = FrameReader::new();
        host.write_all(&frame(&Request { sequence: 1, kind: RequestKind::Hello { protocol: 7 } })).expect("sent");
        // The device still speaks text, and says so in a frame all the same.
        let (sequence, error) = next_reply(&mut host, &mut reader);
        assert_eq!((sequence, error), (1, Some(ErrorCode::Protocol { device: PROTOCOL_VERSION, host: 7 })));
        assert!(error.expect("an error").to_string().contains("update the device's firmware"));
    });
}

#[test]
fn a_silent_device_is_named_as_such() {
    let (host, _device) = pipe();
    let error = Client::new(host, Duration::from_millis(10)).hello().expect_err("nobody there");
    assert!(matches!(error, LinkError::Silent { .. }), "{error}");
    assert!(error.to_string().contains("baud rate"), "{error}");
}

#[test]
fn a_restarted_device_is_noticed_and_greeted_again() {
    survives_a_restart(false);
}

#[test]
fn a_restarted_device_whose_banner_was_lost_is_noticed_by_its_text() {
    survives_a_restart(true);
}

fn survives_a_restart(without_banner: bool) {
    /// A link whose device is replaced by a fresh one after some reads.
    struct Restarting {
        first: Option<HostEnd>,
        second: HostEnd,
        sent: usize,
    }
    impl Restarting {
        fn current(&mut self) -> &mut HostEnd {
            if self.sent > 5_000 {
                self.first = None;
            }
            self.first.as_mut().unwrap_or(&mut self.second)
        }
    }
    impl Read for Restarting {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.current().read(buffer)
        }
    }
    impl Write for Restarting {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.sent += bytes.len();
            self.current().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let bytes = model_bytes();
    let model = Model::parse(bytes.as_slice()).expect("sound");
    let mut arena = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize];
    let mut engine = Engine::new(&model, &mut arena).expect("fits");
    let (second_host, second_device) = pipe();
    with_device(|first| {
        run_both(board(&[]), second_host, second_device, |mut second| {
            if without_banner {
                read_text(&mut second, &format!("protocol {PROTOCOL_VERSION}\r\n"));
            }
            let link = Restarting { first: Some(first), second, sent: 0 };
            let mut client = Client::new(link, Duration::from_millis(500));
            let device = client.hello().expect("answers");
            client.set_options(Options { mirror: true, ..device.options }).expect("in range");
            for index in 0..6 {
                let face = face(index);
                let result = client.classify(&face).expect("answers across the restart");
                let expected = engine.classify_mirrored(&face).expect("runs");
                assert_eq!(result.probabilities, expected.probabilities, "the options hold across the restart");
            }
            assert!(client.take_notices().contains(&Notice::Restarted));
        });
    });
}

#[test]
fn options_out_of_range_are_refused_and_smoothing_smooths() {
    with_device(|host| {
        let mut client = Client::new(host, TIMEOUT);
        client.hello().expect("answers");
        let options = |smoothing, threshold| Options { output: Output::Frames, smoothing, threshold, mirror: false };
        for bad in [options(1.0, 0.5), options(-0.1, 0.5), options(0.0, 1.5), options(f32::NAN, 0.5)] {
            let error = client.set_options(bad).expect_err("out of range");
            assert!(matches!(error, LinkError::Refused(ErrorCode::Options)), "{error}");
        }
        client.set_options(options(0.75, 0.0)).expect("in range");
        let (a, b) = (face(0), face(1));
        let first = client.classify(&a).expect("answers").probabilities;
        let second = client.classify(&b).expect("answers").probabilities;
        client.set_options(options(0.0, 1.0)).expect("in range");
        let alone = client.classify(&b).expect("answers");
        assert!(alone.uncertain, "nothing reaches a threshold of 1");
        for ((first, second), alone) in first.iter().zip(second).zip(alone.probabilities) {
            assert!((second - (0.75 * first + 0.25 * alone)).abs() < 1e-6);
        }
    });
}

#[test]
fn with_mirror_a_device_answers_by_both_images_and_tells_the_logits_of_the_face_as_it_came() {
    let bytes = model_bytes();
    let model = Model::parse(bytes.as_slice()).expect("sound");
    let mut arena = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize];
    let mut engine = Engine::new(&model, &mut arena).expect("fits");
    with_device(|host| {
        let mut client = Client::new(host, TIMEOUT);
        let device = client.hello().expect("answers");
        let mut differ = 0;
        let set = client.set_options(Options { mirror: true, ..device.options }).expect("in range");
        assert!(set.mirror);
        for index in 0..5 {
            let face = face(index);
            let result = client.classify(&face).expect("answers");
            let alone = engine.classify(&face).expect("runs");
            let both = engine.classify_mirrored(&face).expect("runs");
            assert_eq!((result.label, result.probabilities), (both.label, both.probabilities));
            assert_eq!(result.logits[..7], *engine.logits());
            differ += usize::from(alone.probabilities != both.probabilities);
        }
        assert!(differ > 0, "mirror images make no difference, so this shows nothing");
        client.set_options(device.options).expect("in range");
        let alone = engine.classify(&face(0)).expect("runs");
        assert_eq!(client.classify(&face(0)).expect("answers").probabilities, alone.probabilities);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_any_noise_and_a_delimiter_the_next_good_frame_is_answered(
        noise in proptest::collection::vec(any::<u8>(), 0..6000),
    ) {
        let bytes = model_bytes();
        let model = Model::parse(bytes.as_slice()).expect("sound");
        let mut arena = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize];
        let mut engine = Engine::new(&model, &mut arena).expect("fits");
        let expected = engine.classify(&face(0)).expect("runs");
        with_device(|mut host| {
            host.write_all(&noise).expect("sent");
            let mut client = Client::new(host, TIMEOUT);
            assert_eq!(client.hello().expect("answers").model_crc, model.crc());
            let result = client.classify(&face(0)).expect("answers");
            assert_eq!((result.label, result.probabilities), (expected.label, expected.probabilities));
            assert_eq!(result.logits[..7], *engine.logits());
            assert_eq!(client.stats().expect("answers").faces, 1);
        });
    }

    #[test]
    fn a_frame_with_a_flipped_bit_is_never_whole(position in any::<prop::sample::Index>(), bit in 0..8u8) {
        let face = face(0);
        let mut bytes = frame(&Request { sequence: 5, kind: RequestKind::Classify { face: &face } });
        let end = bytes.len() - 1;
        bytes[position.index(end)] ^= 1 << bit;
        let mut reader = FrameReader::<FRAME_BYTES>::new();
        for byte in bytes {
            prop_assert!(!matches!(reader.push(byte), Some(Frame::Whole(_))));
        }
    }
}
