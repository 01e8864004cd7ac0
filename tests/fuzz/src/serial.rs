//! Any bytes as a script of what a host sends to a device, and when: raw bytes, frames around any body, requests of every
//! kind, damaged ones, pauses. Every request gets its one answer, and in the end the device is as good as new.

use std::{cell::RefCell, collections::HashMap, convert::Infallible, rc::Rc, sync::OnceLock};

use embedded_io::{ErrorType, Read, ReadReady, Write};
use firmware::{
    device::{Board, Clock, Device},
    engine::Engine,
};
use shared::{
    checksum::crc32,
    model::{AlignedBytes, Model},
    preprocessing::FACE_PIXELS,
    wire::{
        ENCODE_BYTES, ENCODE_REPLY_BYTES, Frame, FrameReader, Options, Output, PROTOCOL_VERSION, Reply, ReplyKind,
        Request, RequestKind, decode, encode,
    },
};

/// A face that the device shows by itself.
static DEMO: [[u8; FACE_PIXELS]; 1] = [[99; FACE_PIXELS]];

/// The smallest classifier of faces: a mean and two units.
const MODEL: &[u8] = include_bytes!("../seeds/model/smallest_classifier.fer");

/// What a script plays at most; the more it plays, the fewer are tried. Faces are slow.
const MOST_STEPS: usize = 12;
const MOST_FACES: u32 = 2;

/// What is read from a script of bytes; zeros beyond its end.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        byte
    }

    fn bytes(&mut self, most: usize) -> &'a [u8] {
        let count = usize::from(self.byte()).min(most).min(self.0.len());
        let (bytes, rest) = self.0.split_at(count);
        self.0 = rest;
        bytes
    }

    fn float(&mut self) -> f32 {
        match self.byte() {
            // Most floats are out of range, so a share of 255 is as frequent as any.
            byte if byte % 2 == 0 => f32::from(byte) / 255.0,
            _ => f32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()]),
        }
    }
}

/// Both ends of the link, and the clock.
#[derive(Clone, Default)]
struct Link(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    to_device: Vec<u8>,
    /// How many of them the device has read.
    read: usize,
    from_device: Vec<u8>,
    now_us: u64,
}

impl ErrorType for Link {
    type Error = Infallible;
}

impl ReadReady for Link {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        let state = self.0.borrow();
        Ok(state.read < state.to_device.len())
    }
}

impl Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let state = &mut *self.0.borrow_mut();
        let unread = &state.to_device[state.read..];
        let count = buffer.len().min(unread.len());
        buffer[..count].copy_from_slice(&unread[..count]);
        state.read += count;
        Ok(count)
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.borrow_mut().from_device.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Clock for Link {
    fn microseconds(&mut self) -> u64 {
        self.0.borrow().now_us
    }
}

/// A device and the host's side of its link.
struct Bench<'model, 'arena> {
    link: Link,
    device: Device<'model, 'arena, Link, Link>,
}

/// What the device said at once.
#[derive(Debug, Default)]
struct Said {
    /// The replies in frames: sequence number and, in short, kind.
    replies: Vec<(u32, Kind)>,
    /// Lines of text.
    lines: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Hello,
    Result { logits: Vec<i8> },
    Stats { faces: u32, bad_frames: u32 },
    Options(Options),
    Error,
}

impl Bench<'_, '_> {
    /// Sends bytes, and takes what is said before the device waits again.
    fn send(&mut self, bytes: &[u8]) -> Said {
        {
            let state = &mut *self.link.0.borrow_mut();
            state.to_device.clear();
            state.to_device.extend_from_slice(bytes);
            state.read = 0;
        }
        let Ok(()) = self.device.poll();
        assert_eq!(self.link.0.borrow().read, bytes.len(), "the device reads what there is");
        let said = std::mem::take(&mut self.link.0.borrow_mut().from_device);
        understand(&said)
    }

    /// Lets time pass.
    fn wait(&mut self, microseconds: u64) -> Said {
        self.link.0.borrow_mut().now_us += microseconds;
        self.send(&[])
    }

    /// A request behind a delimiter: it has exactly one answer, with its number or in words.
    fn ask(&mut self, request: &Request<'_>) -> Option<Kind> {
        self.send(&[0]);
        let frame = match request.kind {
            RequestKind::Classify { face } => face_frame(request.sequence, face),
            _ => encode(request, &mut [0; 64]).expect("short").into(),
        };
        let mut said = self.send(&frame);
        // Back in text mode, the device may show a face of its own at once.
        let own = usize::from(matches!(request.kind, RequestKind::SetOptions(_)) && !said.lines.is_empty());
        let answers = said.replies.len() + said.lines.len();
        assert!((1..=1 + own).contains(&answers) && said.replies.len() <= 1, "{request:?}: {said:?}");
        let (sequence, kind) = said.replies.pop()?;
        assert_eq!(sequence, request.sequence, "{request:?}");
        Some(kind)
    }
}

/// Every piece between delimiters is one reply, or whole lines.
fn understand(said: &[u8]) -> Said {
    let mut understood = Said::default();
    for piece in said.split(|&byte| byte == 0).filter(|piece| !piece.is_empty()) {
        let mut reader = FrameReader::<ENCODE_REPLY_BYTES>::new();
        for &byte in piece {
            reader.push(byte);
        }
        if let Some(Frame::Whole(body)) = reader.push(0) {
            let Reply { sequence, kind } = decode(body).expect("a whole frame of the device is a reply");
            let kind = match kind {
                ReplyKind::Hello(_) => Kind::Hello,
                ReplyKind::Result(result) => Kind::Result { logits: result.logits.to_vec() },
                ReplyKind::Stats(stats) => Kind::Stats { faces: stats.faces, bad_frames: stats.bad_frames },
                ReplyKind::Options(options) => Kind::Options(options),
                ReplyKind::Error(_) => Kind::Error,
            };
            understood.replies.push((sequence, kind));
            continue;
        }
        let text = std::str::from_utf8(piece).expect("what is no frame is text");
        let lines = text.strip_suffix("\r\n").expect("text ends with a line");
        understood.lines.extend(lines.split("\r\n").map(str::to_owned));
        assert!(!lines.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n')), "{lines:?}");
    }
    understood
}

/// The frame of a face, made once for each number, size and first pixel: encoding takes longer than anything else here.
fn face_frame(sequence: u32, face: &[u8]) -> Rc<[u8]> {
    type Frames = HashMap<(u32, usize, u8), Rc<[u8]>>;
    thread_local!(static FRAMES: RefCell<Frames> = RefCell::default());
    let encode = || {
        let request = Request { sequence, kind: RequestKind::Classify { face } };
        encode(&request, &mut [0; ENCODE_BYTES]).expect("a face fits a frame").into()
    };
    FRAMES.with_borrow_mut(|frames| frames.entry((sequence, face.len(), face[0])).or_insert_with(encode).clone())
}

/// A face of its own for each number, without zeros and with.
fn face(number: u8) -> [u8; FACE_PIXELS] {
    std::array::from_fn(|pixel| number.wrapping_add((pixel as u8).wrapping_mul(number)))
}

/// A frame around any body.
fn frame(body: &[u8]) -> Vec<u8> {
    let body = [body, &crc32(body).to_le_bytes()].concat();
    // COBS: blocks of up to 254 bytes without a zero, each behind its length.
    let mut frame = Vec::new();
    for part in body.split(|&byte| byte == 0) {
        let mut chunks = part.chunks(254).peekable();
        if chunks.peek().is_none() {
            frame.push(1);
        }
        while let Some(chunk) = chunks.next() {
            frame.push(chunk.len() as u8 + 1);
            frame.extend(chunk);
            if chunk.len() == 254 && chunks.peek().is_none() {
                frame.push(1);
            }
        }
    }
    frame.push(0);
    frame
}

/// Plays the script. Its first byte says whether the device shows a face of its own, and whether it classifies one in the end,
/// which is slow.
///
/// # Panics
/// If the device does, or breaks what `shared::wire` promises.
pub fn run(bytes: &[u8]) {
    static FILE: OnceLock<AlignedBytes> = OnceLock::new();
    let file = FILE.get_or_init(|| AlignedBytes::new(MODEL));
    let model = Model::parse(file.as_slice()).expect("a seed");
    let mut arena = [0; 4096];
    let engine = Engine::new(&model, &mut arena).expect("the model is small");
    let link = Link::default();
    let mut script = Script(bytes);
    let first = script.byte();
    let (shows, classifies) = (first % 4 == 1, first / 4 % 8 == 1);
    let demo_faces = if shows { &DEMO[..] } else { &[] };
    let board = Board { stack_high_water: None, demo_faces, demo_interval_us: 300_000, boot: 7 };
    let mut bench = Bench { device: Device::new(engine, link.clone(), link.clone(), board), link };
    let banner = bench.send(&[]);
    assert_eq!((banner.lines.len(), banner.replies.len()), (2 + usize::from(shows), 0), "{banner:?}");

    let mut faces = 0;
    for _ in 0..MOST_STEPS {
        if script.0.is_empty() {
            break;
        }
        faces += step(&mut script, &mut bench, faces < MOST_FACES);
    }
    as_good_as_new(&mut bench, faces, classifies);
}

/// Plays one step, a face only if it `may`; gives the faces that it may have had classified.
fn step(script: &mut Script<'_>, bench: &mut Bench<'_, '_>, may: bool) -> u32 {
    let step = script.byte();
    let sequence = u32::from(step / 16);
    let kind = match step % 8 {
        0 => {
            bench.send(script.bytes(64));
            // A frame among them may hold a face, but 64 bytes are too few for one of the right size.
            return 0;
        }
        1 => {
            let body = script.bytes(255);
            bench.send(&frame(body));
            return 0;
        }
        2 => RequestKind::Hello {
            protocol: if (step / 8).is_multiple_of(2) { PROTOCOL_VERSION } else { script.byte().into() },
        },
        3 => RequestKind::Stats,
        4 => {
            let (output, mirror) = match script.byte() % 4 {
                0 => (Output::Text, false),
                1 => (Output::Text, true),
                2 => (Output::Frames, false),
                _ => (Output::Frames, true),
            };
            RequestKind::SetOptions(Options { output, smoothing: script.float(), threshold: script.float(), mirror })
        }
        5 => {
            bench.wait(u64::from(script.byte()) * 1000);
            return 0;
        }
        6 => {
            // A damaged frame, and what follows it without a delimiter.
            let mut damaged = frame(&[sequence as u8, 2]);
            let (at, by) = (usize::from(script.byte()) % damaged.len(), script.byte());
            damaged[at] ^= by;
            bench.send(&damaged);
            return 0;
        }
        _ if !may => RequestKind::Stats,
        _ => {
            // Two sizes in sixteen are wrong.
            let short = usize::from(step >= 0xe0);
            let face = face(script.byte() % 4);
            bench.ask(&Request { sequence, kind: RequestKind::Classify { face: &face[short..] } });
            return 1 - short as u32;
        }
    };
    bench.ask(&Request { sequence, kind });
    0
}

/// After anything, a device that is greeted tells the truth and classifies a face once.
fn as_good_as_new(bench: &mut Bench<'_, '_>, most_faces: u32, classifies: bool) {
    let ask = |bench: &mut Bench<'_, '_>, sequence, kind| bench.ask(&Request { sequence, kind });
    let hello = RequestKind::Hello { protocol: PROTOCOL_VERSION };
    assert_eq!(ask(bench, 1000, hello), Some(Kind::Hello));
    let Some(Kind::Stats { faces: before, bad_frames }) = ask(bench, 1001, RequestKind::Stats) else {
        panic!("no statistics")
    };
    assert!(before <= most_faces, "{before} faces counted of {most_faces} that were sent");
    if !classifies {
        return;
    }
    let face = face(9);
    let result = ask(bench, 1002, RequestKind::Classify { face: &face });
    assert!(matches!(result, Some(Kind::Result { .. })), "{result:?}");
    assert_eq!(ask(bench, 1002, RequestKind::Classify { face: &face }), result, "a retry has the same answer");
    let stats = Some(Kind::Stats { faces: before + 1, bad_frames });
    assert_eq!(ask(bench, 1003, RequestKind::Stats), stats, "a retry is counted once, and no good frame as a bad one");
}
