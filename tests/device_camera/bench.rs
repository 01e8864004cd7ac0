//! A device with a camera, of which a test holds the other ends: the link, the clock and the camera.

use std::{cell::RefCell, collections::VecDeque, convert::Infallible, rc::Rc};

use embedded_io::{ErrorType, Read, ReadReady, Write};
use firmware::{
    camera::{Camera, FrameSize, Progress},
    device::{Board, Clock, Device, Sight},
    engine::Engine,
    finder::search::memory_bytes,
};
use shared::{
    finder::Finder,
    model::Model,
    wire::{
        ENCODE_BYTES, ErrorCode, FRAME_BYTES, Frame, FrameReader, Reply, ReplyKind, Request, RequestKind, Seen, decode,
        encode,
    },
};
use tests::drawn_picture::{Followed, Picture};

use crate::{FINDER, LARGEST, PICO, arena_bytes};

/// A serial link, a clock and a camera, of which the test holds the other ends.
#[derive(Clone, Default)]
pub struct Bench(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    to_device: VecDeque<u8>,
    from_device: Vec<u8>,
    now_us: u64,
    /// What the camera does next; nothing when there is no more.
    camera: VecDeque<Step>,
    /// How often a frame was begun.
    begun: usize,
    /// It cannot begin any frame.
    unplugged: bool,
}

#[derive(Clone)]
pub enum Step {
    Waiting,
    /// Writes this over the frame's beginning.
    Partial(u8),
    Whole(Picture),
    Error,
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
    /// Each look at the clock takes a microsecond, so that a device that waits for something does not wait for ever.
    fn microseconds(&mut self) -> u64 {
        let state = &mut *self.0.borrow_mut();
        state.now_us += 1;
        state.now_us
    }
}

impl Camera for Bench {
    type Error = &'static str;

    fn start(&mut self) -> Result<(), &'static str> {
        let state = &mut *self.0.borrow_mut();
        state.begun += 1;
        if state.unplugged { Err("there is none") } else { Ok(()) }
    }

    fn fetch(&mut self, frame: &mut [u8]) -> Result<Progress, &'static str> {
        let step = self.0.borrow_mut().camera.pop_front();
        match step.unwrap_or(Step::Waiting) {
            Step::Waiting => Ok(Progress::Waiting),
            Step::Partial(grey) => {
                frame[..100].fill(grey);
                Ok(Progress::Partial)
            }
            Step::Whole(Picture { size, pixels }) => {
                // What does not fit is for the device to notice.
                let length = pixels.len().min(frame.len());
                frame[..length].copy_from_slice(&pixels[..length]);
                Ok(Progress::Whole(size))
            }
            Step::Error => Err("a wire is loose"),
        }
    }
}

/// What the device said: lines of text, or messages.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    Line(String),
    Seen { number: u32, seen: Option<Followed> },
    Answer(u32),
    Refused(u32, ErrorCode),
    View { number: u32, size: FrameSize, pixels: Vec<u8> },
}

/// A device on the bench.
pub struct Tested<'model, 'arena> {
    pub device: Device<'model, 'arena, Bench, Bench, Bench>,
    bench: Bench,
}

impl Tested<'_, '_> {
    /// Lets time pass, in steps of a millisecond.
    pub fn wait(&mut self, milliseconds: u64) -> Vec<Said> {
        for _ in 0..milliseconds {
            self.bench.0.borrow_mut().now_us += 1000;
            let Ok(()) = self.device.poll();
        }
        self.said()
    }

    pub fn said(&mut self) -> Vec<Said> {
        let bytes = std::mem::take(&mut self.bench.0.borrow_mut().from_device);
        let mut reader = FrameReader::<FRAME_BYTES>::new();
        let mut said = Vec::new();
        for piece in bytes.split(|&byte| byte == 0).filter(|piece| !piece.is_empty()) {
            piece.iter().for_each(|&byte| assert!(reader.push(byte).is_none()));
            if let Some(Frame::Whole(body)) = reader.push(0) {
                let Reply { sequence, kind } = decode(body).expect("a reply");
                said.push(match kind {
                    ReplyKind::Camera { number, seen } => {
                        assert_eq!(sequence, 0);
                        Said::Seen { number, seen: in_short(&seen) }
                    }
                    ReplyKind::Error(error) => Said::Refused(sequence, error),
                    ReplyKind::View(part) => {
                        Said::View { number: part.number, size: part.size, pixels: part.pixels.to_vec() }
                    }
                    _ => Said::Answer(sequence),
                });
                continue;
            }
            let text = String::from_utf8(piece.to_vec()).expect("what is no frame is text");
            said.extend(text.lines().filter(|line| !line.is_empty()).map(|line| Said::Line(line.into())));
        }
        said
    }

    pub fn camera(&mut self, steps: impl IntoIterator<Item = Step>) {
        self.bench.0.borrow_mut().camera.extend(steps);
    }

    /// Whether the camera can begin a frame from now on.
    pub fn set_unplugged(&mut self, unplugged: bool) {
        self.bench.0.borrow_mut().unplugged = unplugged;
    }

    /// Has the camera do nothing more than its next `count` steps.
    pub fn drop_steps_after(&mut self, count: usize) {
        self.bench.0.borrow_mut().camera.truncate(count);
    }

    /// Sends a request, and gives what is said within a millisecond.
    pub fn ask(&mut self, sequence: u32, kind: RequestKind<'_>) -> Vec<Said> {
        let frame = encode(&Request { sequence, kind }, &mut [0; ENCODE_BYTES]).expect("fits").to_vec();
        self.bench.0.borrow_mut().to_device.extend(frame);
        self.wait(1)
    }

    pub fn begun(&self) -> usize {
        self.bench.0.borrow().begun
    }
}

fn in_short(seen: &Seen) -> Option<Followed> {
    seen.face.map(|face| (face.eyes, face.emotion.probabilities))
}

/// Runs a test with a device whose camera waits.
pub fn with_device(test: impl FnOnce(Tested<'_, '_>)) {
    let model = Model::parse(&PICO.0).expect("it ships");
    let finder = Finder::parse(&FINDER.0).expect("it ships");
    let need = memory_bytes(&finder, 320, 240).expect("a size").max(arena_bytes(&model));
    let (mut arena, mut picture) = (vec![0; need], vec![0; LARGEST.pixels()]);
    let bench = Bench::default();
    let board = Board { stack_high_water: None, demo_faces: &[[9; 2304]], demo_interval_us: 1000, boot: 0 };
    let engine = Engine::new(&model, &mut arena).expect("large enough");
    let sight = Sight { finder, picture: &mut picture, largest: LARGEST, camera: Some(bench.clone()) };
    let device = Device::new(engine, bench.clone(), bench.clone(), board).with_sight(sight).expect("large enough");
    let mut tested = Tested { device, bench };
    let banner = tested.wait(1);
    let Some(Said::Line(line)) = banner.first() else { panic!("{banner:?}") };
    assert!(line.contains(&format!("  finder {:08x} 320x240  protocol 3", finder.crc)), "{line}");
    assert_eq!(banner.len(), 1, "a device with a camera shows no faces of its own");
    test(tested);
}
