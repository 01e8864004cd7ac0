//! A device that prints text, byte by byte on a clock that the test sets: what is a frame, what a person typed, and whose
//! faces are smoothed.

#[path = "fuzz/src/link.rs"]
mod link;

use firmware::device::{Board, Device, ReadoutLine};
use host_trainer::synthetic;
use link::Link;
use shared::{
    label::Emotion,
    model::{AlignedBytes, Model},
    preprocessing::FACE_PIXELS,
    wire::{Classified, ENCODE_BYTES, Options, Output, PROTOCOL_VERSION, Request, RequestKind, encode},
};
use tests::{
    lasting::{self, engine},
    sample_model::sample_model,
};

/// Time of a byte at 115200 baud, in microseconds.
const BYTE_US: u64 = 87;

const HINT: &str = "send faces with";

/// A device and the host's end of its link.
struct Tested {
    device: Device<'static, 'static, Link, Link>,
    link: Link,
}

impl Tested {
    fn new(model: &Model<'static>, demo_faces: &'static [[u8; FACE_PIXELS]]) -> Self {
        let link = Link::default();
        let board = Board { stack_high_water: None, demo_faces, demo_interval_us: 1_000_000, boot: 0 };
        Self { device: Device::new(engine(model), link.clone(), link.clone(), board), link }
    }

    /// Lets the time pass and returns what the device prints meanwhile.
    fn wait(&mut self, microseconds: u64) -> String {
        self.link.pass(microseconds);
        let Ok(()) = self.device.poll();
        assert_eq!(self.link.unread(), 0, "the device reads what there is");
        String::from_utf8_lossy(&self.link.take()).into_owned()
    }

    /// Sends bytes one after the other, as a serial port does.
    fn send(&mut self, bytes: &[u8]) -> String {
        let byte = |&byte: &u8| {
            self.link.send(&[byte]);
            self.wait(BYTE_US)
        };
        bytes.iter().map(byte).collect()
    }

    fn request(&mut self, sequence: u32, kind: RequestKind<'_>) -> String {
        self.send(&frame(sequence, kind))
    }
}

fn frame(sequence: u32, kind: RequestKind<'_>) -> Vec<u8> {
    encode(&Request { sequence, kind }, &mut [0; ENCODE_BYTES]).expect("fits").to_vec()
}

fn sample() -> Model<'static> {
    lasting::model(sample_model(1).encode().expect("the sample is sound"))
}

fn face(index: u64) -> [u8; FACE_PIXELS] {
    synthetic::face(9, index).pixels
}

/// A face whose request begins with `code` in its frame: so many bytes are before the first zero, this one included.
fn face_with_code(code: u8) -> [u8; FACE_PIXELS] {
    let mut face = face(0).map(|pixel| pixel.max(1));
    // Before the pixels are the number, the kind and two bytes of length.
    face[usize::from(code) - 5] = 0;
    face
}

#[test]
fn a_request_that_begins_like_a_typed_line_is_answered() {
    for greeted in [false, true] {
        let mut tested = Tested::new(&sample(), &[]);
        if greeted {
            tested.request(1, RequestKind::Hello { protocol: PROTOCOL_VERSION });
            let text = Options { output: Output::Text, smoothing: 0.0, threshold: 0.0, mirror: false };
            tested.request(2, RequestKind::SetOptions(text));
        }
        for code in [8, 9, 10, 13, b' ', b'A', b'~', 127] {
            // A line feed and a carriage return.
            for sequence in [10, 13] {
                let frame = frame(sequence, RequestKind::Classify { face: &face_with_code(code) });
                assert_eq!(frame[0], code, "the face does not make its frame begin so");
                let said = tested.send(&frame);
                assert!(said.ends_with(&format!(" ms  seq {sequence}\r\n")), "code {code}: {said:?}");
                assert!(!said.contains(HINT), "code {code}: {said:?}");
            }
        }
    }
}

#[test]
fn a_typed_line_is_answered_with_a_hint_once_nothing_follows() {
    let mut tested = Tested::new(&sample(), &[]);
    tested.wait(0);
    for line in [&b"hello?\r"[..], b"\n", b"two lines\r\nat once\r\n", &[b'x'; 3000], b"\r"] {
        let said = tested.send(line) + &tested.wait(15_000);
        assert!(!said.contains(HINT), "{said:?} before the line was over");
        let said = tested.wait(10_000);
        // Nobody ended the line of 3000 characters.
        assert_eq!(said.matches(HINT).count(), usize::from(line.len() < 3000), "{said:?}");
        assert_eq!(tested.wait(100_000), "");
    }
    let said = tested.send(&[0xc3, 0xa9, b'\r']) + &tested.wait(100_000);
    assert_eq!(said, "", "what is not printable is no line");
}

#[test]
fn faces_of_the_devices_own_are_no_part_of_a_hosts_past() {
    let faces: &'static [[u8; FACE_PIXELS]] = Box::leak(Box::new([face(3), face(4)]));
    // The sample's answers to all faces are alike.
    let model = lasting::model(AlignedBytes::new(include_bytes!("../firmware/models/pico.fer")));
    let options = Options { output: Output::Text, smoothing: 0.75, threshold: 0.9, mirror: false };
    let mut engine = engine(&model);
    let demos = faces.iter().enumerate().map(|(index, face)| {
        let readout = engine.classify(face).expect("runs");
        line(readout.probabilities, options.threshold, index as u32 + 1)
    });
    let demos: Vec<String> = demos.collect();

    let (mut alone, mut with_demos) = (Tested::new(&model, &[]), Tested::new(&model, faces));
    let mut hosts_lines = Vec::new();
    for tested in [&mut alone, &mut with_demos] {
        tested.wait(0);
        tested.request(1, RequestKind::Hello { protocol: PROTOCOL_VERSION });
        tested.request(2, RequestKind::SetOptions(options));
    }
    for (sequence, host) in [(21, 0), (22, 1), (23, 2), (24, 0)] {
        let demo = with_demos.wait(1_000_000);
        // The first was shown before the greeting.
        let expected = &demos[(sequence as usize - 20) % 2];
        assert!(demo.starts_with(&expected[..expected.find(" ms").expect("a time")]), "{demo:?}, not {expected:?}");
        let kind = RequestKind::Classify { face: &face(host) };
        let lines = [&mut alone, &mut with_demos].map(|tested| tested.request(sequence, kind));
        assert_eq!(lines[0], lines[1]);
        hosts_lines.push(lines);
    }
    assert_ne!(hosts_lines[0][0].split(" ms").next(), hosts_lines[3][0].split(" ms").next(), "nothing was smoothed");
}

/// What a device on the bench, where no time passes, prints of a face.
fn line(probabilities: [f32; Emotion::COUNT], threshold: f32, sequence: u32) -> String {
    let readout = firmware::readout::Readout::from_probabilities(probabilities, threshold);
    let result = Classified {
        probabilities,
        label: readout.label,
        margin: readout.margin,
        uncertain: readout.uncertain,
        microseconds: 0,
        logits: [0; Emotion::COUNT],
    };
    ReadoutLine { result: &result, sequence }.to_string()
}
