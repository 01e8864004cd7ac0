//! The device's main loop: it reads faces and pictures from a serial link, or pictures from a camera, and writes answers. The same
//! code runs on a UART, a TCP socket, a pty and an in-memory pipe. [`shared::wire`] specifies the protocol.
//!
//! ```text
//! mod.rs      what arrives, and what is answered
//! faces.rs    faces by themselves
//! past.rs     faces and probabilities over time
//! sight.rs    what is to be seen in a picture
//! pictures.rs pictures that a host sends, and those that it looks at
//! watch.rs    the device's own camera
//! upload.rs   models that a host puts on it
//! flash_models.rs  those in flash
//! link.rs     replies in frames
//! text.rs     what a person reads
//! led.rs      a status LED
//! ports.rs    two serial ports as one link
//! queue.rs    bytes of a port that wait
//! ```
//!
//! Until a host says hello, the device prints text: a banner, and a line for each picture of its camera. Lines are, for example,
//!
//! ```text
//! happy 0.93  margin 0.88  face 52,31 61x61  212 ms  seq 41
//! no face  41 ms  seq 42
//! ```
//!
//! A device without a camera classifies built-in faces, so that a person sees emotions at once:
//!
//! ```text
//! happy 0.93  margin 0.88  18.4 ms  seq 41
//! ```

mod faces;
mod flash_models;
mod led;
mod link;
mod past;
mod pictures;
mod ports;
mod queue;
mod sight;
mod text;
mod upload;
mod watch;

pub use self::{
    faces::padded,
    flash_models::{FlashModels, ModelFlash},
    led::{Led, Light, NoLight},
    past::Past,
    ports::TwoPorts,
    queue::Queue,
    sight::{NoSight, Sight, see},
    text::{ReadoutLine, SeenLine},
    upload::ModelStore,
};

use embedded_io::{Read, ReadReady, Write};
use shared::{
    preprocessing::FACE_PIXELS,
    wire::{
        ErrorCode, FRAME_BYTES, Frame, FrameReader, Options, Output, PROTOCOL_VERSION, ReplyKind, Request, RequestKind,
        Stats, View, decode,
    },
};

use self::{faces::Demo, led::StatusLed, pictures::Incoming, sight::Held, watch::Watch};
use crate::{
    camera::{Camera, NoCamera},
    engine::Engine,
};

/// The shortest pause after a line that a person typed, in microseconds. Bytes of a frame follow each other at once.
const PAUSE_US: u64 = 20_000;

/// Time since startup.
pub trait Clock {
    /// Microseconds since startup.
    fn microseconds(&mut self) -> u64;
}

impl<C: Clock + ?Sized> Clock for &mut C {
    fn microseconds(&mut self) -> u64 {
        (**self).microseconds()
    }
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

/// The device: an engine that answers on a serial link, perhaps with a finder and a camera.
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
    /// Where models are kept.
    store: Option<&'arena mut dyn ModelStore>,
    /// Another model was kept.
    replaced: bool,
    boot_loader: Option<fn() -> !>,
    led: Option<StatusLed<'arena>>,
}

/// The answer to a request. Answers to hello and view are not kept: they are built anew each time.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Hello,
    View(View, u32),
    Plain(ReplyKind<'static>),
}

impl<'model, 'arena, S, C> Device<'model, 'arena, S, C> {
    /// A device that classifies faces and has sent nothing yet.
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
            store: None,
            replaced: false,
            boot_loader: None,
            led: None,
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
            store: self.store,
            replaced: self.replaced,
            boot_loader: self.boot_loader,
            led: self.led,
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
        let (mut arrived, mut heard) = ([0; 256], false);
        // What comes behind a commit is for the device with the new model.
        while !self.replaced && self.serial.read_ready()? {
            let count = self.serial.read(&mut arrived)?;
            if count == 0 {
                break;
            }
            heard = true;
            self.receive(arrived.get(..count).unwrap_or(&[]))?;
        }
        let now = self.clock.microseconds();
        if heard {
            self.heard_us = now;
        } else if now.saturating_sub(self.heard_us) >= PAUSE_US {
            self.answer_line()?;
        }
        self.drop_what_waits_too_long(now);
        let shown = match self.watch {
            Some(_) => self.watch(now),
            None => self.show_demo_face(now),
        };
        if let Some(led) = &mut self.led {
            led.update(self.clock.microseconds());
        }
        shown
    }

    /// Whether [`poll`](Self::poll) has nothing to go on with at once, so that whoever calls it may sleep a while.
    pub fn is_idle(&self) -> bool {
        self.watch.as_ref().is_none_or(Watch::is_idle)
    }

    /// Begins anew for a terminal that was opened: text, the banner first, until a host says hello.
    pub fn greet(&mut self) {
        self.greeted = false;
        self.options.output = Output::Text;
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

    fn receive(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        self.last = bytes.last().copied().unwrap_or(self.last);
        // The library looks for one byte by words, which is several times as quick as to split.
        if !bytes.contains(&0) {
            self.reader.extend(bytes);
            return Ok(());
        }
        let mut pieces = bytes.split(|&byte| byte == 0);
        // What stands behind the last delimiter, or is all, is not whole yet.
        let unfinished = pieces.next_back().unwrap_or(&[]);
        for piece in pieces {
            self.reader.extend(piece);
            self.end_frame()?;
        }
        self.reader.extend(unfinished);
        Ok(())
    }

    fn end_frame(&mut self) -> Result<(), S::Error> {
        match self.reader.push(0) {
            None => Ok(()),
            Some(Frame::Whole(whole)) => {
                // A copy, for the reader belongs to what answers as well; moving the reader would take several times as long.
                let mut body = heapless::Vec::<u8, FRAME_BYTES>::new();
                // Frames are no longer.
                let _ = body.extend_from_slice(whole);
                self.answer_frame(&body)
            }
            Some(Frame::Corrupt) => self.refuse(ErrorCode::Corrupt),
            Some(Frame::Oversized) => self.refuse(ErrorCode::Oversized),
        }
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
            Answer::Plain(ReplyKind::BootLoader) => self.leave(sequence),
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
            RequestKind::UploadBegin { model_bytes, crc } => self.begin_upload(model_bytes, crc),
            RequestKind::UploadPart { offset, bytes } => self.take_upload(offset, bytes),
            RequestKind::UploadCommit { face, logits } => self.commit_upload(face, logits),
            RequestKind::BootLoader => match self.boot_loader {
                Some(_) => Ok(ReplyKind::BootLoader),
                None => Err(ErrorCode::NoBootLoader),
            },
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
            wear: self.store.as_ref().and_then(|store| store.wear()),
            ..self.stats
        }
    }
}
