//! The device's main loop: it reads faces from a serial link and writes answers. The same code runs on a UART, a TCP
//! socket, a pty and an in-memory pipe. [`shared::wire`] specifies the protocol.
//!
//! Until a host says hello, the device prints text: a banner, and a line for each face that it classifies. A board without a
//! camera has built-in faces for this, so that a person sees emotions at once. A line is, for example,
//!
//! ```text
//! happy 0.93  margin 0.88  18.4 ms  seq 41
//! ```

mod led;
mod link;
mod text;

pub use self::{led::StatusLed, text::ReadoutLine};

use embedded_io::{Read, ReadReady, Write};
use shared::{
    preprocessing::{FACE_PIXELS, FACE_SIZE},
    wire::{
        Classified, ErrorCode, FRAME_BYTES, Frame, FrameReader, Hello, Options, Output, PROTOCOL_VERSION, ReplyKind,
        Request, RequestKind, Stats, decode,
    },
};

use crate::{engine::Engine, readout::Readout};

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
    /// Faces to show a person while no host has said hello.
    pub demo_faces: &'static [[u8; FACE_PIXELS]],
    /// Microseconds between two of them.
    pub demo_interval_us: u64,
    /// A number that differs from startup to startup where the board has one (time, noise), else 0.
    pub boot: u32,
}

/// The device: an engine that answers on a serial link.
#[derive(Debug)]
pub struct Device<'model, 'arena, S, C> {
    engine: Engine<'model, 'arena>,
    serial: S,
    clock: C,
    board: Board,
    reader: FrameReader<FRAME_BYTES>,
    /// The byte that arrived last, and when.
    last: u8,
    heard_us: u64,
    options: Options,
    /// The smoothed probabilities of the faces that the host sent since it set the options.
    smoothed: Option<[f32; shared::label::Emotion::COUNT]>,
    stats: Stats,
    /// The sequence number answered last, and the answer, for retries.
    answered: Option<(u32, Answer)>,
    demo: Demo,
    greeted: bool,
}

/// The answer to a request. The answer to hello is not kept: it is built anew each time.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Hello,
    Plain(ReplyKind<'static>),
}

#[derive(Clone, Copy, Debug, Default)]
struct Demo {
    shown: u32,
    next_us: u64,
}

impl<'model, 'arena, S: Read + ReadReady + Write, C: Clock> Device<'model, 'arena, S, C> {
    /// A device that has sent nothing yet.
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
            smoothed: None,
            stats: Stats::default(),
            answered: None,
            demo: Demo::default(),
            greeted: false,
        }
    }

    /// Answers what has arrived, or else shows a demo face when one is due. Returns at once when there is nothing to do. Call
    /// it again and again.
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
        self.show_demo_face(now)
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
        // A hello begins a new conversation, whose numbers begin again.
        let retried = self.answered.filter(|(last, _)| *last == sequence && !matches!(kind, RequestKind::Hello { .. }));
        let answer = match retried {
            Some((_, answer)) => answer,
            None => self.answer(kind),
        };
        self.answered = Some((sequence, answer));
        match answer {
            Answer::Hello => self.reply_hello(sequence),
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
                self.smoothed = None;
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
        };
        Answer::Plain(result.unwrap_or_else(ReplyKind::Error))
    }

    fn set(&mut self, options: Options) -> Result<Options, ErrorCode> {
        if !(0.0..1.0).contains(&options.smoothing) || !(0.0..=1.0).contains(&options.threshold) {
            return Err(ErrorCode::Options);
        }
        self.options = options;
        self.smoothed = None;
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
        let readout = self.smooth(readout);
        Ok(self.classified(readout, microseconds))
    }

    /// The readout of a face by itself, and the microseconds that it took.
    fn infer(&mut self, face: &[u8; FACE_PIXELS]) -> Result<(Readout, u32), ErrorCode> {
        let start = self.clock.microseconds();
        let readout =
            if self.options.mirror { self.engine.classify_mirrored(face) } else { self.engine.classify(face) };
        let readout = readout.map_err(|_| ErrorCode::Inference)?;
        let elapsed = self.clock.microseconds().saturating_sub(start);
        let microseconds = u32::try_from(elapsed).unwrap_or(u32::MAX);
        self.stats.worst_microseconds = self.stats.worst_microseconds.max(microseconds);
        Ok((readout, microseconds))
    }

    /// The result of the last inference, as it is sent.
    fn classified(&self, readout: Readout, microseconds: u32) -> Classified {
        let Readout { label, margin, uncertain, probabilities, .. } = readout;
        let mut logits = [i8::MIN; shared::label::Emotion::COUNT];
        for (slot, &logit) in logits.iter_mut().zip(self.engine.logits()) {
            *slot = logit;
        }
        Classified { probabilities, label, margin, uncertain, microseconds, logits }
    }

    /// The exponential average of the probabilities, as the options ask.
    fn smooth(&mut self, readout: Readout) -> Readout {
        let past = self.options.smoothing;
        let mut probabilities = readout.probabilities;
        if let Some(smoothed) = self.smoothed.filter(|_| past > 0.0) {
            for (now, before) in probabilities.iter_mut().zip(smoothed) {
                *now = past * before + (1.0 - past) * *now;
            }
        }
        self.smoothed = Some(probabilities);
        Readout::from_probabilities(probabilities, self.options.threshold)
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
        let result = self.classified(readout, microseconds);
        self.print(&result, self.demo.shown)
    }
}
