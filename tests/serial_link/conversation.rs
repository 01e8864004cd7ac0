//! What a host and a device say to each other where nothing goes wrong.

use std::{collections::HashSet, io::Write, time::Duration};

use host_trainer::monitor::{Client, LinkError, pipe};
use shared::{
    label::Emotion,
    preprocessing::FACE_PIXELS,
    wire::{ErrorCode, FrameReader, Options, Output, PROTOCOL_VERSION, Request, RequestKind, encode},
};
use tests::lasting::engine;

use crate::ends::{
    TIMEOUT, board, face, frame, next_reply, pico, read_text, sample, with_board, with_device, with_model,
};

#[test]
fn a_device_says_who_it_is_and_answers_as_the_engine_does() {
    let model = sample();
    let mut engine = engine(&model);
    with_device(|host| {
        let mut client = Client::new(host, TIMEOUT);
        let identity = client.hello().expect("answers");
        assert_eq!((identity.model.as_str(), identity.model_crc), ("sample", model.crc()));
        assert_eq!(identity.labels, Emotion::FER2013);
        let expected = Options { output: Output::Frames, smoothing: 0.0, threshold: model.threshold(), mirror: false };
        assert_eq!(identity.options, expected);
        let mut distinct = HashSet::new();
        for index in 0..5 {
            let face = face(index);
            let result = client.classify(&face).expect("answers");
            let expected = engine.classify(&face).expect("runs");
            distinct.insert(engine.logits().to_vec());
            let (logits, beyond) = result.logits.split_at(7);
            assert_eq!(logits, engine.logits());
            assert_eq!(beyond, [i8::MIN], "a logit that the model does not have");
            assert_eq!((result.label, result.probabilities), (expected.label, expected.probabilities));
        }
        assert_eq!(distinct.len(), 5, "an answer to one face could pass for that to another");
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
fn a_device_whose_whole_frames_are_no_replies_is_of_another_version() {
    let (host, mut device) = pipe();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A reply of a kind that does not exist.
            let frame = encode(&(1u8, 250u8), &mut [0; 64]).expect("short").to_vec();
            while embedded_io::Read::read(&mut device, &mut [0; 64]).is_ok() {
                if embedded_io::Write::write_all(&mut device, &frame).is_err() {
                    return;
                }
            }
        });
        let error = Client::new(host, Duration::from_millis(20)).hello().expect_err("it is not understood");
        assert!(matches!(error, LinkError::Mismatch), "{error}");
        assert!(error.to_string().contains("update the older of firmware and host program"), "{error}");
    });
}

#[test]
fn options_out_of_range_are_refused_and_smoothing_smooths() {
    with_model(&pico(), board(&[]), pipe(), |host| {
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
        let apart =
            first.iter().zip(alone.probabilities).map(|(first, alone)| (first - alone).abs()).fold(0.0, f32::max);
        assert!(apart > 0.01, "both faces have the same answer, so nothing can be smoothed: {apart}");
        for ((first, second), alone) in first.iter().zip(second).zip(alone.probabilities) {
            assert!((second - (0.75 * first + 0.25 * alone)).abs() < 1e-6);
        }
    });
}

#[test]
fn with_mirror_a_device_answers_by_both_images_and_tells_the_logits_of_the_face_as_it_came() {
    let mut engine = engine(&sample());
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
