//! The device's main loop: faces and pictures come over a serial link or from a camera, answers go back; the same code on a UART,
//! a TCP socket, a pty and an in-memory pipe. The protocol is [`shared::wire`]'s.
//!
//! ```text
//! mod.rs      what arrives, and what is answered
//! past.rs     faces and probabilities over time
//! sight.rs    what is to be seen in a picture
//! pictures.rs pictures that a host sends, and those that it looks at
//! watch.rs    the device's own camera
//! link.rs     replies in frames
//! text.rs     what a person reads
//! led.rs      a status LED
//! ```
//!
//! Until a host says hello, the device prints text: a banner, and a line for each of its camera's pictures, such as
//!
//! ```text
//! happy 0.93  margin 0.88  face 52,31 61x61  212 ms  seq 41
//! no face  41 ms  seq 42
//! ```
//!
//! A device without a camera shows faces that it has, so that a person sees emotions at once:
//!
//! ```text
//! happy 0.93  margin 0.88  18.4 ms  seq 41
//! ```

mod led;
mod link;
mod past;
mod pictures;
mod sight;
mod text;
mod watch;

pub use self::{
    led::StatusLed,
    past::Past,
    sight::{NoSight, Sight, see},
    text::{ReadoutLine, SeenLine},
};

use embedded_io::{Read, ReadReady, Write};
use shared::{
    label::Emotion,
    preprocessing::{FACE_PIXELS, FACE_SIZE},
    wire::{
        Classified, ErrorCode, FRAME_BYTES, FinderIdentity, Frame, FrameReader, Hello, Options, Output,
        PROTOCOL_VERSION, ReplyKind, Request, RequestKind, Stats, View, decode,
    },
};

use self::{pictures::Incoming, sight::Held, watch::Watch};
use crate::{
    camera::{Camera, NoCamera},
    engine::Engine,
    readout::Readout,
};

/// The shortest pause after a line that a person typed, in microseconds. Bytes of a frame follow each other at once.
const PAUSE_US: u64 = 20_000;

/// Time since startup.
pub trait Clock {
    /// Microseconds since startup.
    fn microseconds(&mut self) -> u64;
}

/// What differs from board to board.
#[derive(Clone, Copy, Debug)]
pub struct Board {
    /// The most bytes of stack that were ever in use, if the board can tell.
    pub stack_high_water: Option<fn() -> u32>,
    /// Faces to show a person while no host has said hello. A device with a camera shows none.
    pub demo_faces: &'static [[u8; FACE_PIXELS]],
    /// Microseconds between two of them.
    pub demo_interval_us: u64,
    /// A number that differs from startup to startup where the board has one (time, noise), else 0.
    pub boot: u32,
}

/// An engine at a serial link, perhaps with a finder and a camera.
#[derive(Debug)]
pub struct Device<'model, 'arena, S, C, V = NoCamera> {
    engine: Engine<'model, 'arena>,
    serial: S,
    clock: C,
    board: Board,
    reader: FrameReader<FRAME_BYTES>,
    /// The byte that arrived last, and when.
    last: u8,
    heard_us: u64,
    options: Options,
    /// Of the faces and pictures that the host sent since it set the options.
    past: Past,
    stats: Stats,
    /// The sequence number answered last, and the answer, for retries.
    answered: Option<(u32, Answer)>,
    /// When a request came last.
    asked_us: Option<u64>,
    demo: Demo,
    greeted: bool,
    /// The finder and the picture that it searches.
    sight: Option<Held<'model, 'arena>>,
    /// The host's picture that is under way.
    incoming: Option<Incoming>,
    watch: Option<Watch<V>>,
}

/// The answer to a request. Answers to hello and view are not kept: they are built anew each time.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Hello,
    View(View, u32),
    Plain(ReplyKind<'static>),
}

#[derive(Clone, Copy, Debug, Default)]
struct Demo {
    shown: u32,
    next_us: u64,
}

impl<'model, 'arena, S, C> Device<'model, 'arena, S, C> {
    /// A device that has said nothing yet, and that classifies faces.
    pub fn new(engine: Engine<'model, 'arena>, serial: S, clock: C, board: Board) -> Self {
        let threshold = engine.model().threshold();
        let options = Options { output: Output::Text, smoothing: 0.0, threshold, mirror: false };
        Self {
            engine,
            serial,
            clock,
            board,
            reader: FrameReader::new(),
            last: 0,
            heard_us: 0,
            options,
            past: Past::default(),
            stats: Stats::default(),
            answered: None,
            asked_us: None,
            demo: Demo::default(),
            greeted: false,
            sight: None,
            incoming: None,
            watch: None,
        }
    }

    /// Has the device find faces in pictures, those of its camera if there is one.
    ///
    /// # Errors
    /// [`NoSight`] if memory is missing. The engine's arena serves the finder as well.
    pub fn with_sight<V: Camera>(
        mut self,
        sight: Sight<'model, 'arena, V>,
    ) -> Result<Device<'model, 'arena, S, C, V>, NoSight> {
        let (held, camera) = sight.check(self.engine.arena().len())?;
        Ok(Device {
            engine: self.engine,
            serial: self.serial,
            clock: self.clock,
            board: self.board,
            reader: self.reader,
            last: self.last,
            heard_us: self.heard_us,
            options: self.options,
            past: self.past,
            stats: self.stats,
            answered: self.answered,
            asked_us: self.asked_us,
            demo: self.demo,
            greeted: self.greeted,
            sight: Some(held),
            incoming: self.incoming,
            watch: camera.map(Watch::new),
        })
    }
}

impl<'model, 'arena, S: Read + ReadReady + Write, C: Clock, V: Camera> Device<'model, 'arena, S, C, V> {
    /// Answers what has arrived, or else goes on with the camera's picture, or shows a demo face when one is due. Takes as long as a
    /// search and an inference when there is one to do, else about a millisecond. Call it again and again.
    ///
    /// # Errors
    /// The serial link's.
    pub fn poll(&mut self) -> Result<(), S::Error> {
        if !self.greeted {
            self.greeted = true;
            self.banner()?;
        }
        let (mut arrived, mut heard) = ([0; 64], false);
        while self.serial.read_ready()? {
            let count = self.serial.read(&mut arrived)?;
            if count == 0 {
                break;
            }
            heard = true;
            for &byte in arrived.get(..count).unwrap_or(&[]) {
                self.receive(byte)?;
            }
        }
        let now = self.clock.microseconds();
        if heard {
            self.heard_us = now;
        } else if now.saturating_sub(self.heard_us) >= PAUSE_US {
            self.answer_line()?;
        }
        self.drop_what_waits_too_long(now);
        match self.watch {
            Some(_) => self.watch(now),
            None => self.show_demo_face(now),
        }
    }

    /// Whether [`poll`](Self::poll) has nothing to go on with at once, so that whoever calls it may sleep a while.
    pub fn is_idle(&self) -> bool {
        self.watch.as_ref().is_none_or(Watch::is_idle)
    }

    /// Answers a typed line with a hint.
    fn answer_line(&mut self) -> Result<(), S::Error> {
        if self.options.output == Output::Text && text::is_line(self.reader.pending(), self.last) {
            self.reader.clear();
            self.last = 0;
            return self.hint();
        }
        Ok(())
    }

    /// Gives back the engine, the serial link and the clock.
    pub fn into_parts(self) -> (Engine<'model, 'arena>, S, C) {
        (self.engine, self.serial, self.clock)
    }

    fn receive(&mut self, byte: u8) -> Result<(), S::Error> {
        self.last = byte;
        if byte != 0 {
            // Nothing ends here; the reader stays where it is, for copying it at every byte would cost more than a UART
            // leaves time for.
            self.reader.push(byte);
            return Ok(());
        }
        // The frame borrows the reader's buffer, which answering does not touch.
        let mut reader = core::mem::take(&mut self.reader);
        let result = match reader.push(byte) {
            None => Ok(()),
            Some(Frame::Whole(body)) => self.answer_frame(body),
            Some(Frame::Corrupt) => self.refuse(ErrorCode::Corrupt),
            Some(Frame::Oversized) => self.refuse(ErrorCode::Oversized),
        };
        self.reader = reader;
        result
    }

    fn refuse(&mut self, error: ErrorCode) -> Result<(), S::Error> {
        self.stats.bad_frames = self.stats.bad_frames.saturating_add(1);
        match self.options.output {
            Output::Text => self.hint(),
            Output::Frames => self.reply(0, ReplyKind::Error(error)),
        }
    }

    fn answer_frame(&mut self, body: &[u8]) -> Result<(), S::Error> {
        let Some(Request { sequence, kind }) = decode(body) else {
            return self.reply(0, ReplyKind::Error(ErrorCode::Unknown));
        };
        self.asked_us = Some(self.clock.microseconds());
        // A hello begins a new conversation, whose numbers begin again.
        let retried = self.answered.filter(|(last, _)| *last == sequence && !matches!(kind, RequestKind::Hello { .. }));
        let answer = match retried {
            Some((_, answer)) => answer,
            None => self.answer(kind),
        };
        self.answered = Some((sequence, answer));
        match answer {
            Answer::Hello => self.reply_hello(sequence),
            Answer::View(view, offset) => self.reply_view(sequence, view, offset),
            Answer::Plain(ReplyKind::Seen(seen)) if self.options.output == Output::Text => {
                self.print_seen(&seen, sequence)
            }
            Answer::Plain(ReplyKind::Result(result)) if self.options.output == Output::Text => {
                self.print(&result, sequence)
            }
            Answer::Plain(kind) => self.reply(sequence, kind),
        }
    }

    fn answer(&mut self, kind: RequestKind<'_>) -> Answer {
        let result = match kind {
            RequestKind::Hello { protocol } if protocol != PROTOCOL_VERSION => {
                Err(ErrorCode::Protocol { device: PROTOCOL_VERSION, host: protocol })
            }
            RequestKind::Hello { .. } => {
                self.options.output = Output::Frames;
                self.past = Past::default();
                self.incoming = None;
                return Answer::Hello;
            }
            RequestKind::Classify { face } => match <&[u8; FACE_PIXELS]>::try_from(face) {
                Ok(face) => self.classify(face).map(|result| {
                    self.stats.faces = self.stats.faces.saturating_add(1);
                    ReplyKind::Result(result)
                }),
                Err(_) => Err(ErrorCode::FaceSize { need: FACE_PIXELS as u32, have: face.len() as u32 }),
            },
            RequestKind::Stats => Ok(ReplyKind::Stats(self.stats())),
            RequestKind::SetOptions(options) => self.set(options).map(ReplyKind::Options),
            RequestKind::PictureBegin { size, video } => self.begin_picture(size, video),
            RequestKind::PicturePart { offset, pixels } => self.take_part(offset, pixels),
            RequestKind::PictureEnd { crc } => self.end_picture(crc),
            RequestKind::View { view, offset } => return Answer::View(view, offset),
        };
        Answer::Plain(result.unwrap_or_else(ReplyKind::Error))
    }

    fn set(&mut self, options: Options) -> Result<Options, ErrorCode> {
        if !(0.0..1.0).contains(&options.smoothing) || !(0.0..=1.0).contains(&options.threshold) {
            return Err(ErrorCode::Options);
        }
        self.options = options;
        self.past = Past::default();
        if let Some(watch) = &mut self.watch {
            watch.past = Past::default();
        }
        Ok(options)
    }

    fn stats(&mut self) -> Stats {
        Stats {
            uptime_ms: self.clock.microseconds() / 1000,
            stack_high_water: self.board.stack_high_water.map(|measure| measure()),
            ..self.stats
        }
    }

    /// A host's face.
    fn classify(&mut self, face: &[u8; FACE_PIXELS]) -> Result<Classified, ErrorCode> {
        let (readout, microseconds) = self.infer(face)?;
        let readout = self.past.smooth(readout, &self.options);
        Ok(classified(&self.engine, readout, microseconds))
    }

    /// The readout of a face by itself, and the microseconds that it took.
    fn infer(&mut self, face: &[u8; FACE_PIXELS]) -> Result<(Readout, u32), ErrorCode> {
        let (readout, microseconds) = infer(&mut self.engine, &mut self.clock, self.options.mirror, face)?;
        self.stats.worst_microseconds = self.stats.worst_microseconds.max(microseconds);
        Ok((readout, microseconds))
    }

    fn hello(&self) -> Hello<'model> {
        let model = self.engine.model();
        Hello {
            protocol: PROTOCOL_VERSION,
            firmware: env!("CARGO_PKG_VERSION"),
            model: model.name(),
            model_crc: model.crc(),
            arena_bytes: model.arena_bytes(),
            face_size: FACE_SIZE as u16,
            boot: self.board.boot,
            labels: model.label_indices(),
            options: self.options,
            finder: self.sight.as_ref().map(|sight| FinderIdentity { crc: sight.finder.crc, largest: sight.largest }),
            camera: self.watch.is_some(),
        }
    }

    /// Shows a demo face if one is due. It is not smoothed: it has nothing to do with the host's faces, nor with the demo face
    /// before it.
    fn show_demo_face(&mut self, now: u64) -> Result<(), S::Error> {
        if self.options.output != Output::Text || self.board.demo_faces.is_empty() || now < self.demo.next_us {
            return Ok(());
        }
        self.demo.next_us = now.saturating_add(self.board.demo_interval_us);
        let index = self.demo.shown as usize % self.board.demo_faces.len();
        let Some(face) = self.board.demo_faces.get(index) else { return Ok(()) };
        self.demo.shown = self.demo.shown.wrapping_add(1);
        let Ok((readout, microseconds)) = self.infer(face) else { return Ok(()) };
        let readout = Readout::from_probabilities(readout.probabilities, self.options.threshold);
        let result = classified(&self.engine, readout, microseconds);
        self.print(&result, self.demo.shown)
    }
}

/// The readout of a face by itself, and the microseconds that it took.
fn infer(
    engine: &mut Engine<'_, '_>,
    clock: &mut impl Clock,
    mirror: bool,
    face: &[u8; FACE_PIXELS],
) -> Result<(Readout, u32), ErrorCode> {
    let start = clock.microseconds();
    let readout = if mirror { engine.classify_mirrored(face) } else { engine.classify(face) };
    let readout = readout.map_err(|_| ErrorCode::Inference)?;
    Ok((readout, since(clock, start)))
}

/// Microseconds since `start`.
fn since(clock: &mut impl Clock, start: u64) -> u32 {
    u32::try_from(clock.microseconds().saturating_sub(start)).unwrap_or(u32::MAX)
}

/// The result of the engine's last inference, as it is sent.
fn classified(engine: &Engine<'_, '_>, readout: Readout, microseconds: u32) -> Classified {
    let Readout { label, margin, uncertain, probabilities, .. } = readout;
    let mut logits = [i8::MIN; Emotion::COUNT];
    for (slot, &logit) in logits.iter_mut().zip(engine.logits()) {
        *slot = logit;
    }
    Classified { probabilities, label, margin, uncertain, microseconds, logits }
}
