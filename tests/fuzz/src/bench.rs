//! A device, the host's side of its link, and what the device says.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use firmware::device::Device;
use serde::{Serialize, Serializer, ser::SerializeTuple};
use shared::{
    preprocessing::FACE_PIXELS,
    wire::{
        ENCODE_BYTES, ENCODE_PART_BYTES, Frame, FrameReader, FrameSize, Options, Reply, ReplyKind, Request,
        RequestKind, decode, encode,
    },
};

use crate::link::Link;

/// A device and the host's side of its link.
pub struct Bench<'model, 'arena> {
    /// The link.
    pub link: Link,
    /// The device at its other end.
    pub device: Device<'model, 'arena, Link, Link>,
    /// What it has said.
    pub heard: Heard,
    /// The picture that the script sends: its pixels, and how many of them the device said it has.
    pub picture: (usize, usize),
    /// Bytes of a model that the device said it has.
    pub stored: usize,
}

/// What a script made a device say, so that a test knows what it reaches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heard {
    /// Answers to faces.
    pub results: usize,
    /// Answers to pictures.
    pub seen: usize,
    /// Parts of pictures that were looked at.
    pub views: usize,
    /// Errors.
    pub errors: usize,
    /// Other replies.
    pub others: usize,
    /// Lines of text.
    pub lines: usize,
}

impl Heard {
    fn add(&mut self, said: &Said) {
        let count = |wanted: fn(&Kind) -> bool| said.replies.iter().filter(|(_, kind)| wanted(kind)).count();
        let (results, errors) = (count(|kind| matches!(kind, Kind::Result { .. })), count(|kind| *kind == Kind::Error));
        let (seen, views) =
            (count(|kind| matches!(kind, Kind::Seen { .. })), count(|kind| matches!(kind, Kind::View { .. })));
        self.results += results;
        self.errors += errors;
        self.seen += seen;
        self.views += views;
        self.others += said.replies.len() - results - errors - seen - views;
        self.lines += said.lines.len();
    }
}

/// What the device said at once.
#[derive(Debug, Default)]
pub struct Said {
    /// The replies in frames: sequence number and, in short, kind.
    pub replies: Vec<(u32, Kind)>,
    /// Lines of text.
    pub lines: Vec<String>,
}

/// A reply, in short.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Hello,
    Result { logits: Vec<i8> },
    Stats { faces: u32, pictures: u32, bad_frames: u32 },
    Options(Options),
    Error,
    Arrived { pixels: u32 },
    Seen { face: bool },
    View { size: FrameSize, offset: u32, pixels: Vec<u8> },
    Stored { bytes: u32 },
    Committed,
}

impl Bench<'_, '_> {
    /// Sends bytes, and takes what is said before the device waits again.
    pub fn send(&mut self, bytes: &[u8]) -> Said {
        self.link.send(bytes);
        let Ok(()) = self.device.poll();
        assert_eq!(self.link.unread(), 0, "the device reads what there is");
        let said = understand(&self.link.take());
        self.heard.add(&said);
        said
    }

    /// Lets time pass.
    pub fn wait(&mut self, microseconds: u64) -> Said {
        self.link.pass(microseconds);
        self.send(&[])
    }

    /// A request behind a delimiter: it has exactly one answer, with its number or in words.
    pub fn ask(&mut self, request: &Request<'_>) -> Option<Kind> {
        self.send(&[0]);
        let frame = match request.kind {
            RequestKind::Classify { face } => face_frame(request.sequence, face),
            RequestKind::PicturePart { .. } | RequestKind::UploadPart { .. } => {
                encode(request, &mut [0; ENCODE_BYTES]).expect("a part fits").into()
            }
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
        let mut reader = FrameReader::<ENCODE_PART_BYTES>::new();
        for &byte in piece {
            reader.push(byte);
        }
        if let Some(Frame::Whole(body)) = reader.push(0) {
            let Reply { sequence, kind } = decode(body).expect("a whole frame of the device is a reply");
            let kind = match kind {
                ReplyKind::Hello(_) => Kind::Hello,
                ReplyKind::Result(result) => Kind::Result { logits: result.logits.to_vec() },
                ReplyKind::Stats(stats) => {
                    Kind::Stats { faces: stats.faces, pictures: stats.pictures, bad_frames: stats.bad_frames }
                }
                ReplyKind::Options(options) => Kind::Options(options),
                ReplyKind::Error(_) => Kind::Error,
                ReplyKind::Arrived { pixels } => Kind::Arrived { pixels },
                ReplyKind::Seen(seen) => Kind::Seen { face: seen.face.is_some() },
                ReplyKind::View(part) => {
                    Kind::View { size: part.size, offset: part.offset, pixels: part.pixels.to_vec() }
                }
                ReplyKind::Stored { bytes } => Kind::Stored { bytes },
                ReplyKind::Committed => Kind::Committed,
                ReplyKind::Camera { .. } => panic!("the device has no camera"),
                ReplyKind::BootLoader => panic!("the device has no boot loader"),
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
pub fn face(number: u8) -> [u8; FACE_PIXELS] {
    std::array::from_fn(|pixel| number.wrapping_add((pixel as u8).wrapping_mul(number)))
}

/// A frame around any body of up to 255 bytes.
pub fn frame(body: &[u8]) -> Vec<u8> {
    encode(&Raw(body), &mut [0; 1024]).expect("short").to_vec()
}

/// Bytes that stand for themselves in a message.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|byte| tuple.serialize_element(byte))?;
        tuple.end()
    }
}
