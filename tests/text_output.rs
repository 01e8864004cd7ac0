//! A device that prints text, byte by byte on a clock that the test sets: what is a frame, what a person typed, and whose
//! faces are smoothed.

use std::{cell::RefCell, collections::VecDeque, convert::Infallible, rc::Rc};

use embedded_io::{ErrorType, Read, ReadReady, Write};
use firmware::{
    device::{Board, Clock, Device, ReadoutLine},
    engine::Engine,
};
use host_trainer::synthetic;
use shared::{
    label::Emotion,
    model::{AlignedBytes, Model},
    preprocessing::FACE_PIXELS,
    wire::{Classified, ENCODE_BYTES, Options, Output, PROTOCOL_VERSION, Request, RequestKind, encode},
};
use tests::sample_model::sample_model;

/// Time of a byte at 115200 baud, in microseconds.
const BYTE_US: u64 = 87;

const HINT: &str = "send faces with";

/// A serial link and a clock, of which the test holds the other end.
#[derive(Clone, Default)]
struct Bench(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    to_device: VecDeque<u8>,
    from_device: Vec<u8>,
    now_us: u64,
}

impl ErrorType for Bench {
    type Error = Infallible;
}

impl ReadReady for Bench {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.0.borrow().to_device.is_empty())
    }
}

impl Read for Bench {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let state = &mut *self.0.borrow_mut();
        let count = buffer.len().min(state.to_device.len());
        buffer.iter_mut().zip(state.to_device.drain(..count)).for_each(|(to, byte)| *to = byte);
        Ok(count)
    }
}

impl Write for Bench {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.borrow_mut().from_device.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Clock for Bench {
    fn microseconds(&mut self) -> u64 {
        self.0.borrow().now_us
    }
}

/// A device on the bench.
struct Tested<'model, 'arena> {
    device: Device<'model, 'arena, Bench, Bench>,
    bench: Bench,
}

impl<'model, 'arena> Tested<'model, 'arena> {
    fn new(
        model: &Model<'model>,
        arena: &'arena mut [i8],
        demo_faces: &'static [[u8; FACE_PIXELS]],
    ) -> Tested<'model, 'arena> {
        let bench = Bench::default();
        let board = Board { stack_high_water: None, demo_faces, demo_interval_us: 1_000_000, boot: 0 };
        let engine = Engine::new(model, arena).expect("large enough");
        Tested { device: Device::new(engine, bench.clone(), bench.clone(), board), bench }
    }

    /// Lets the time pass and returns what the device prints meanwhile.
    fn wait(&mut self, microseconds: u64) -> String {
        self.bench.0.borrow_mut().now_us += microseconds;
        let Ok(()) = self.device.poll();
        let said = std::mem::take(&mut self.bench.0.borrow_mut().from_device);
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Sends bytes one after the other, as a serial port does.
    fn send(&mut self, bytes: &[u8]) -> String {
        let byte = |&byte: &u8| {
            self.bench.0.borrow_mut().to_device.push_back(byte);
            self.wait(BYTE_US)
        };
        bytes.iter().map(byte).collect()
    }

    fn request(&mut self, sequence: u32, kind: RequestKind<'_>) -> String {
        let frame = encode(&Request { sequence, kind }, &mut [0; ENCODE_BYTES]).expect("fits").to_vec();
        self.send(&frame)
    }
}

fn model_bytes() -> AlignedBytes {
    sample_model(1).encode().expect("the sample is sound")
}

fn arena(model: &Model<'_>) -> Vec<i8> {
    vec![0; Engine::arena_bytes(model).expect("it fits") as usize]
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
    let bytes = model_bytes();
    let model = Model::parse(bytes.as_slice()).expect("sound");
    for greeted in [false, true] {
        let mut arena = arena(&model);
        let mut tested = Tested::new(&model, &mut arena, &[]);
        if greeted {
            tested.request(1, RequestKind::Hello { protocol: PROTOCOL_VERSION });
            let text = Options { output: Output::Text, smoothing: 0.0, threshold: 0.0, mirror: false };
            tested.request(2, RequestKind::SetOptions(text));
        }
        for code in [8, 9, 10, 13, b' ', b'A', b'~', 127] {
            // A line feed and a carriage return.
            for sequence in [10, 13] {
                let said = tested.request(sequence, RequestKind::Classify { face: &face_with_code(code) });
                assert!(said.ends_with(&format!(" ms  seq {sequence}\r\n")), "code {code}: {said:?}");
                assert!(!said.contains(HINT), "code {code}: {said:?}");
            }
        }
    }
}

#[test]
fn a_typed_line_is_answered_with_a_hint_once_nothing_follows() {
    let bytes = model_bytes();
    let model = Model::parse(bytes.as_slice()).expect("sound");
    let mut arena = arena(&model);
    let mut tested = Tested::new(&model, &mut arena, &[]);
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
    let bytes = AlignedBytes::new(include_bytes!("../firmware/models/pico.fer"));
    let model = Model::parse(bytes.as_slice()).expect("sound");
    let options = Options { output: Output::Text, smoothing: 0.75, threshold: 0.9, mirror: false };
    let mut arenas = [arena(&model), arena(&model), arena(&model)];
    let [first, second, third] = &mut arenas;
    let mut engine = Engine::new(&model, third).expect("large enough");
    let demos = faces.iter().enumerate().map(|(index, face)| {
        let readout = engine.classify(face).expect("runs");
        line(readout.probabilities, options.threshold, index as u32 + 1)
    });
    let demos: Vec<String> = demos.collect();

    let (mut alone, mut with_demos) = (Tested::new(&model, first, &[]), Tested::new(&model, second, faces));
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
