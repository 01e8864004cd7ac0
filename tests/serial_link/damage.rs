//! Damaged, lost and repeated bytes.

use std::{
    io::{Read, Write},
    time::Duration,
};

use host_trainer::monitor::{Client, FaultInjector, Faults, HostEnd, Notice, pipe};
use proptest::prelude::*;
use shared::{
    label::Emotion,
    wire::{ErrorCode, FRAME_BYTES, Frame, FrameReader, Options, Request, RequestKind, encode},
};
use tests::lasting::engine;

use crate::ends::{TIMEOUT, board, face, frame, greet, next_reply, pico, sample, with_device, with_model};

#[test]
fn a_corrupt_frame_gets_an_error_reply_and_the_next_one_a_result() {
    with_device(|mut host| {
        let mut reader = greet(&mut host);
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
        let mut reader = greet(&mut host);
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
    let model = pico();
    let mut engine = engine(&model);
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_any_noise_and_a_delimiter_the_next_good_frame_is_answered(
        noise in proptest::collection::vec(any::<u8>(), 0..6000),
    ) {
        let model = sample();
        let mut engine = engine(&model);
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
        let mut noticed = 0;
        for byte in bytes {
            match reader.push(byte) {
                None => {}
                Some(Frame::Corrupt) => noticed += 1,
                other => prop_assert!(false, "{:?}", other),
            }
        }
        // A bit of a delimiter within makes two frames of one.
        prop_assert!((1..=2).contains(&noticed), "{} frames", noticed);
    }
}
