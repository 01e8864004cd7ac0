//! Any bytes as a script of what a host sends to a device, and when: raw bytes, frames around any body, requests of every
//! kind, damaged ones, pauses. Every request gets its one answer, and in the end the device is as good as new. Every other device
//! finds faces, and gets pictures in parts as well.

use std::sync::OnceLock;

use firmware::{
    camera::NoCamera,
    device::{Board, Device, Sight},
    engine::Engine,
    finder::search::memory_bytes,
};
use shared::{
    checksum::crc32,
    finder::Finder,
    label::Emotion,
    model::{Aligned, AlignedBytes, Model},
    preprocessing::{FACE_PIXELS, FACE_SIZE},
    wire::{FrameSize, Options, Output, PART_BYTES, PROTOCOL_VERSION, Request, RequestKind, UPLOAD_ALIGNMENT, View},
};

use crate::{
    bench::{Bench, Heard, Kind, face, frame},
    link::Link,
    memory_store::MemoryStore,
};

/// A face that the device shows by itself.
static DEMO: [[u8; FACE_PIXELS]; 1] = [[99; FACE_PIXELS]];

/// The smallest classifier of faces: a mean and two units.
const MODEL: &[u8] = include_bytes!("../seeds/model/smallest_classifier.fer");

/// The finder that ships.
static FINDER: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../firmware/models/finder.ferf"));

/// The largest picture that a device takes; larger ones are slow.
const LARGEST: FrameSize = FrameSize { columns: 60, rows: 40 };

/// The picture that is sent in the end, on which there is no face.
const LAST_PICTURE: [u8; 12] = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8];

/// What a script plays at most; the more it plays, the fewer are tried. Faces are slow.
const MOST_STEPS: usize = 12;
const MOST_FACES: u32 = 2;

/// The face that is classified in the end.
const LAST_FACE: u8 = 9;

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

/// Plays the script. Its first byte says whether the device shows a face of its own, whether it classifies one in the end, which is
/// slow, and whether it finds faces, or else takes
/// models. What was said between the banner and the end is counted.
///
/// # Panics
/// If the device does, or breaks what `shared::wire` promises.
pub fn run(bytes: &[u8]) -> Heard {
    static FILE: OnceLock<AlignedBytes> = OnceLock::new();
    let file = FILE.get_or_init(|| AlignedBytes::new(MODEL));
    let model = Model::parse(file.as_slice()).expect("a seed");
    // Once: its checksum takes longer than most scripts.
    static PARSED: OnceLock<Finder<'static>> = OnceLock::new();
    let finder = *PARSED.get_or_init(|| Finder::parse(&FINDER.0).expect("it ships"));
    let mut script = Script(bytes);
    let first = script.byte();
    let (shows, classifies, finds) = (first % 4 == 1, first / 4 % 8 == 1, first / 32 % 2 == 1);
    let need = |finder| memory_bytes(finder, LARGEST.columns.into(), LARGEST.rows.into()).expect("small");
    let mut arena = vec![0; if finds { need(&finder).max(4096) } else { 4096 }];
    let mut picture = [0; LARGEST.pixels()];
    let mut engine = Engine::new(&model, &mut arena).expect("the model is small");
    static LAST: OnceLock<Vec<i8>> = OnceLock::new();
    let last = LAST.get_or_init(|| engine.run(&face(LAST_FACE)).expect("a checked model runs").to_vec());
    static SHOWN: OnceLock<Vec<i8>> = OnceLock::new();
    let shown = SHOWN.get_or_init(|| engine.run(&DEMO[0]).expect("a checked model runs").to_vec());
    let link = Link::default();
    let demo_faces = if shows { &DEMO[..] } else { &[] };
    let board = Board { stack_high_water: None, demo_faces, demo_interval_us: 300_000, boot: 7 };
    let device = Device::new(engine, link.clone(), link.clone(), board);
    let sight = Sight { finder, picture: &mut picture, largest: LARGEST, camera: None::<NoCamera> };
    let device = if finds { device.with_sight(sight).expect("enough memory") } else { device };
    // A device that finds no faces takes models.
    let mut store = MemoryStore::new(4096, 4096);
    let device = if finds { device } else { device.with_store(&mut store) };
    let mut bench = Bench { link, device, heard: Heard::default(), picture: (0, 0), stored: 0 };
    let banner = bench.send(&[]);
    assert_eq!((banner.lines.len(), banner.replies.len()), (2 + usize::from(shows), 0), "{banner:?}");

    bench.heard = Heard::default();
    let mut faces = 0;
    for _ in 0..MOST_STEPS {
        if script.0.is_empty() {
            break;
        }
        let code = script.byte();
        match code % 12 {
            kind @ 8.. if finds => picture_step(kind, code / 16, &mut script, &mut bench),
            kind @ 8..11 => upload_step(kind, code / 16, &mut script, &mut bench, shown),
            _ => faces += step(code, &mut script, &mut bench, faces < MOST_FACES),
        }
        // It took a model; whoever runs a device begins anew with that.
        if bench.device.is_replaced() {
            let heard = bench.heard;
            drop(bench);
            let kept = store.newest().expect("it was kept");
            assert!(kept.as_slice() == MODEL, "what was sent is kept");
            return heard;
        }
    }
    let heard = bench.heard;
    as_good_as_new(&mut bench, faces, classifies.then_some(last));
    if finds {
        looks_once(&mut bench);
    }
    heard
}

/// Plays one step, a face only if it `may`; gives the faces that it may have had classified.
fn step(step: u8, script: &mut Script<'_>, bench: &mut Bench<'_, '_>, may: bool) -> u32 {
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
        2 => RequestKind::Hello { protocol: if step & 8 == 0 { PROTOCOL_VERSION } else { script.byte().into() } },
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

/// Plays a step with a picture: its beginning, a part, its end, a view. One in four is wrong.
fn picture_step(kind: u8, sequence: u8, script: &mut Script<'_>, bench: &mut Bench<'_, '_>) {
    let sequence = u32::from(sequence);
    // Grey levels of their own for each place, some of them 0.
    let pixels: [u8; 2 * LARGEST.pixels()] = std::array::from_fn(|pixel| (pixel * pixel % 251) as u8);
    let (size, arrived) = bench.picture;
    let wrong = script.byte();
    match kind {
        8 => {
            let (columns, rows) = (u16::from(script.byte() % 64), u16::from(script.byte() % 48));
            let size = FrameSize { columns, rows };
            let kind = RequestKind::PictureBegin { size, video: wrong % 2 == 1 };
            if let Some(Kind::Arrived { pixels: 0 }) = bench.ask(&Request { sequence, kind }) {
                bench.picture = (size.pixels(), 0);
            }
        }
        9 => {
            let offset = if wrong % 4 == 3 { usize::from(wrong) * 9 } else { arrived };
            let rest = if wrong % 4 == 2 { 1 + size } else { size.saturating_sub(offset) };
            let length = rest.min(usize::from(script.byte()) * 8).min(PART_BYTES).min(LARGEST.pixels());
            let part = pixels.get(offset..offset + length).unwrap_or(&[]);
            let kind = RequestKind::PicturePart { offset: offset as u32, pixels: part };
            if let Some(Kind::Arrived { pixels }) = bench.ask(&Request { sequence, kind }) {
                bench.picture.1 = pixels as usize;
            }
        }
        10 => {
            let crc = crc32(pixels.get(..size).unwrap_or(&[])) ^ u32::from(wrong % 4 == 3);
            bench.ask(&Request { sequence, kind: RequestKind::PictureEnd { crc } });
        }
        _ => {
            let view = if wrong.is_multiple_of(2) { View::Picture } else { View::Face };
            let offset = u32::from(wrong / 2) * 32;
            // A retry has the view that was asked for under the same number. No picture is as large as a face.
            let face = FrameSize { columns: FACE_SIZE as u16, rows: FACE_SIZE as u16 };
            let kind = RequestKind::View { view, offset };
            if let Some(Kind::View { size, offset, pixels: seen }) = bench.ask(&Request { sequence, kind })
                && size != face
            {
                assert!(pixels[offset as usize..].starts_with(&seen) && !seen.is_empty(), "what was sent is shown");
            }
        }
    }
}

/// Plays a step of an upload of the device's own model: its beginning, a part, its end. One in four is wrong.
fn upload_step(kind: u8, sequence: u8, script: &mut Script<'_>, bench: &mut Bench<'_, '_>, shown: &[i8]) {
    let sequence = u32::from(sequence);
    let mut contents = MODEL.to_vec();
    contents.resize(contents.len().next_multiple_of(UPLOAD_ALIGNMENT), 0);
    let wrong = script.byte() % 4 == 3;
    let kind = match kind {
        8 => {
            let crc = crc32(&contents) ^ u32::from(wrong);
            RequestKind::UploadBegin { model_bytes: MODEL.len() as u32 + 9000 * u32::from(wrong && crc % 2 == 1), crc }
        }
        9 => {
            let offset = bench.stored.saturating_add(usize::from(wrong)).min(contents.len());
            let length = (usize::from(script.byte()) * 8).min(PART_BYTES).min(contents.len() - offset);
            RequestKind::UploadPart { offset: offset as u32, bytes: &contents[offset..offset + length] }
        }
        _ => {
            let mut logits = [i8::MIN; Emotion::COUNT];
            logits[..shown.len()].copy_from_slice(shown);
            logits[0] ^= i8::from(wrong);
            RequestKind::UploadCommit { face: 0, logits }
        }
    };
    if let Some(Kind::Stored { bytes }) = bench.ask(&Request { sequence, kind }) {
        assert!(bytes as usize <= contents.len());
        bench.stored = bytes as usize;
    }
}

/// A greeted device that finds faces looks at a picture, rightly and once.
fn looks_once(bench: &mut Bench<'_, '_>) {
    let mut sequence = 2000;
    let mut ask = |kind: RequestKind<'_>, again: bool| {
        sequence += u32::from(!again);
        bench.ask(&Request { sequence, kind })
    };
    let pictures = |answer: Option<Kind>| match answer {
        Some(Kind::Stats { pictures, .. }) => pictures,
        other => panic!("{other:?}"),
    };
    let before = pictures(ask(RequestKind::Stats, false));
    let size = FrameSize { columns: 4, rows: 3 };
    assert_eq!(ask(RequestKind::PictureBegin { size, video: false }, false), Some(Kind::Arrived { pixels: 0 }));
    let part = RequestKind::PicturePart { offset: 0, pixels: &LAST_PICTURE };
    for again in [false, true] {
        assert_eq!(ask(part, again), Some(Kind::Arrived { pixels: 12 }));
    }
    for again in [false, true] {
        let end = RequestKind::PictureEnd { crc: crc32(&LAST_PICTURE) };
        assert_eq!(ask(end, again), Some(Kind::Seen { face: false }));
    }
    let view = RequestKind::View { view: View::Picture, offset: 0 };
    let Some(Kind::View { pixels, .. }) = ask(view, false) else { panic!("no view") };
    assert_eq!(pixels, LAST_PICTURE);
    assert_eq!(pictures(ask(RequestKind::Stats, false)), before + 1, "a retry is counted once");
}

/// After anything, a device that is greeted tells the truth. If the `logits` of the last face are given, it classifies that face,
/// rightly and once.
fn as_good_as_new(bench: &mut Bench<'_, '_>, most_faces: u32, logits: Option<&Vec<i8>>) {
    let ask = |bench: &mut Bench<'_, '_>, sequence, kind| bench.ask(&Request { sequence, kind });
    let hello = RequestKind::Hello { protocol: PROTOCOL_VERSION };
    assert_eq!(ask(bench, 1000, hello), Some(Kind::Hello));
    let Some(Kind::Stats { faces: before, pictures, bad_frames }) = ask(bench, 1001, RequestKind::Stats) else {
        panic!("no statistics")
    };
    assert!(before <= most_faces, "{before} faces counted of {most_faces} that were sent");
    let Some(logits) = logits else { return };
    let face = face(LAST_FACE);
    let result = ask(bench, 1002, RequestKind::Classify { face: &face });
    let Some(Kind::Result { logits: found }) = &result else { panic!("{result:?}") };
    assert_eq!(&found[..logits.len()], logits);
    assert_eq!(ask(bench, 1002, RequestKind::Classify { face: &face }), result, "a retry has the same answer");
    let stats = Some(Kind::Stats { faces: before + 1, pictures, bad_frames });
    assert_eq!(ask(bench, 1003, RequestKind::Stats), stats, "a retry is counted once, and no good frame as a bad one");
}
