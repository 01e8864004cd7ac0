//! Requests and replies, with retries.

use std::{
    io::{ErrorKind, Read, Write},
    time::{Duration, Instant},
};

use shared::{
    preprocessing::FACE_PIXELS,
    wire::{
        Classified, ENCODE_BYTES, ErrorCode, FRAME_BYTES, Frame, FrameReader, Options, PROTOCOL_VERSION, Reply,
        ReplyKind, Request, RequestKind, Seen, Stats, ViewPart, decode, encode,
    },
};

use super::Identity;

/// How often a request is sent before the device counts as silent.
const ATTEMPTS: u32 = 8;

/// A part of the banner that a device prints when it starts.
const BANNER: &[u8] = b"fer firmware ";

/// Parts of what a device prints for people: its banner, a readout, what it says of its camera, its answer to what it does not
/// understand. In the middle of a conversation they mean that the device was restarted, for until then it speaks in frames.
const TEXTS: [&[u8]; 5] = [BANNER, b"  margin ", b"no face  ", b"the camera stopped: ", b"host-trainer monitor"];

/// Bytes of the longest.
const LONGEST_TEXT: usize = 20;

/// Readouts of the device's camera that are kept until somebody takes them, the newest.
const READOUTS: usize = 64;

/// Received bytes that an error shows.
const SHOWN: usize = 40;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The link broke.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// No byte came.
    #[error(
        "the device is silent: no answer to {attempts} tries of {milliseconds} ms; check the port and the baud rate, and \
         that no other program holds the port"
    )]
    Silent {
        /// Number of tries.
        attempts: u32,
        /// Milliseconds that each try waited.
        milliseconds: u128,
    },
    /// Bytes came, but no reply.
    #[error(
        "no answer to {attempts} tries of {milliseconds} ms; {bytes} bytes came that are none, such as `{beginning}`: check the \
         baud rate, the line to the device, and that this firmware runs on it"
    )]
    NoAnswerAmong {
        /// Number of tries.
        attempts: u32,
        /// Milliseconds that each try waited.
        milliseconds: u128,
        /// Number of bytes that came.
        bytes: u64,
        /// The first of them, with escapes for those that cannot be printed.
        beginning: String,
    },
    /// The device refused the request.
    #[error("the device says: {0}")]
    Refused(ErrorCode),
    /// The reply is of another kind than the request.
    #[error("the device's answer does not fit the question; update the older of firmware and host program")]
    Mismatch,
    /// The device kept a model and then started another.
    #[error(
        "the device kept model {sent:08x} but runs {runs:08x}; upload it again, and if that does not help, update its firmware"
    )]
    NotTakenUp {
        /// CRC-32 of the model file that was sent.
        sent: u32,
        /// CRC-32 of the one that runs.
        runs: u32,
    },
}

/// Something that happened on the way to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The device was restarted and has been greeted again.
    Restarted,
    /// A request had to be sent again.
    Retried,
    /// The device's own camera stopped.
    CameraStopped,
}

/// A conversation with a device over a stream whose reads time out.
#[derive(Debug)]
pub struct Client<S> {
    stream: S,
    reader: FrameReader<FRAME_BYTES>,
    recent: Vec<u8>,
    /// Number of bytes since the request was first sent, and the first of them.
    arrived: (u64, Vec<u8>),
    /// Whether a whole frame came since then that is no reply of this version.
    foreign: bool,
    sequence: u32,
    timeout: Duration,
    boot: Option<u32>,
    /// The options that were set, to be set again after a restart of the device.
    options: Option<Options>,
    options_hold: bool,
    pub(super) notices: Vec<Notice>,
    /// What the device's camera saw meanwhile: the number of the picture, and what is in it.
    pub(super) readouts: Vec<(u32, Seen)>,
}

/// An answer without borrowed text.
pub(super) enum Answer {
    Hello(Identity, u16),
    Result(Classified),
    Stats(Stats),
    Options(Options),
    Arrived(u32),
    Seen(Seen),
    Stored(u32),
    Committed,
    BootLoader,
    /// A part of a view, and its pixels.
    View(ViewPart<'static>, Vec<u8>),
}

/// How one try ended.
enum Outcome {
    Answer(Answer),
    Refused(ErrorCode),
    Damaged,
    Restarted,
    Timeout,
}

impl<S: Read + Write> Client<S> {
    /// A conversation that has not begun. `timeout` is the time limit of one try; it must exceed the device's inference time.
    pub fn new(stream: S, timeout: Duration) -> Self {
        Self {
            stream,
            reader: FrameReader::new(),
            recent: Vec::new(),
            arrived: (0, Vec::new()),
            foreign: false,
            sequence: 0,
            timeout,
            boot: None,
            options: None,
            options_hold: true,
            notices: Vec::new(),
            readouts: Vec::new(),
        }
    }

    /// Greets the device; this switches it to framed output.
    ///
    /// # Errors
    /// [`LinkError::Refused`] if it speaks another version of the protocol; [`LinkError::Silent`].
    pub fn hello(&mut self) -> Result<Identity, LinkError> {
        match self.ask(RequestKind::Hello { protocol: PROTOCOL_VERSION })? {
            Answer::Hello(identity, PROTOCOL_VERSION) => {
                if self.boot.replace(identity.boot).is_some_and(|before| before != identity.boot) {
                    self.notices.push(Notice::Restarted);
                }
                self.options_hold = self.options.is_none_or(|options| options == identity.options);
                Ok(identity)
            }
            Answer::Hello(_, device) => Err(LinkError::Refused(ErrorCode::Protocol { device, host: PROTOCOL_VERSION })),
            _ => Err(LinkError::Mismatch),
        }
    }

    /// Asks the device to classify a face of 48x48 grey levels.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn classify(&mut self, face: &[u8; FACE_PIXELS]) -> Result<Classified, LinkError> {
        match self.ask(RequestKind::Classify { face })? {
            Answer::Result(result) => Ok(result),
            _ => Err(LinkError::Mismatch),
        }
    }

    /// The device's counters since it started.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn stats(&mut self) -> Result<Stats, LinkError> {
        match self.ask(RequestKind::Stats)? {
            Answer::Stats(stats) => Ok(stats),
            _ => Err(LinkError::Mismatch),
        }
    }

    /// Sets options and returns those now in force. With text output the device answers classifications in text, which this
    /// client cannot read. A device that is restarted meanwhile gets them again.
    ///
    /// # Errors
    /// [`LinkError::Refused`] if one is out of range; [`LinkError`].
    pub fn set_options(&mut self, options: Options) -> Result<Options, LinkError> {
        match self.ask(RequestKind::SetOptions(options))? {
            Answer::Options(options) => {
                self.options = Some(options);
                Ok(options)
            }
            _ => Err(LinkError::Mismatch),
        }
    }

    /// What happened since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Gives back the stream.
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// Sends a request until there is a reply. Retries keep its number, so a device that has answered it sends that answer
    /// again: whatever the line loses, a face is classified, counted and smoothed once. Only a device that was restarted,
    /// which knows of no earlier answer, is greeted again and gets a new number.
    pub(super) fn ask(&mut self, kind: RequestKind<'_>) -> Result<Answer, LinkError> {
        let is_hello = matches!(kind, RequestKind::Hello { .. });
        // Before it is greeted, a device prints readouts; and with its banner it says that it was not there until now.
        let texts = if is_hello { &TEXTS[..1] } else { &TEXTS };
        self.sequence = self.sequence.wrapping_add(1).max(1);
        self.arrived = (0, Vec::new());
        self.foreign = false;
        let mut sequence = self.sequence;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                self.notices.push(Notice::Retried);
            }
            if !self.options_hold && !is_hello {
                self.greet_again()?;
                sequence = self.sequence;
                if !self.options_hold {
                    continue;
                }
            }
            match self.try_once(Request { sequence, kind }, texts)? {
                Outcome::Answer(answer) => return Ok(answer),
                Outcome::Refused(error) => return Err(LinkError::Refused(error)),
                Outcome::Damaged | Outcome::Timeout => {}
                Outcome::Restarted if is_hello => {}
                Outcome::Restarted => {
                    self.notices.push(Notice::Restarted);
                    self.greet_again()?;
                    sequence = self.sequence;
                }
            }
        }
        if self.foreign {
            return Err(LinkError::Mismatch);
        }
        let (attempts, milliseconds) = (ATTEMPTS, self.timeout.as_millis());
        Err(match &self.arrived {
            (0, _) => LinkError::Silent { attempts, milliseconds },
            (bytes, first) => {
                let beginning = first.escape_ascii().to_string();
                LinkError::NoAnswerAmong { attempts, milliseconds, bytes: *bytes, beginning }
            }
        })
    }

    /// Greets a device that was restarted between two tries of another question, which then goes on with a new number. Options that
    /// the device forgot are set again.
    fn greet_again(&mut self) -> Result<(), LinkError> {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let request = Request { sequence: self.sequence, kind: RequestKind::Hello { protocol: PROTOCOL_VERSION } };
        let mut held = None;
        if let Outcome::Answer(Answer::Hello(identity, _)) = self.try_once(request, &[])? {
            held = Some(identity.options);
            if self.boot.replace(identity.boot).is_some_and(|before| before != identity.boot) {
                self.notices.push(Notice::Restarted);
            }
        }
        self.sequence = self.sequence.wrapping_add(1).max(1);
        if let Some(options) = self.options.filter(|options| held != Some(*options)) {
            let request = Request { sequence: self.sequence, kind: RequestKind::SetOptions(options) };
            held = match self.try_once(request, &TEXTS)? {
                Outcome::Answer(Answer::Options(options)) => Some(options),
                _ => None,
            };
            self.sequence = self.sequence.wrapping_add(1).max(1);
        }
        self.options_hold = self.options.is_none() || self.options == held;
        Ok(())
    }

    /// Sends a request once. One of `texts` among the received bytes ends the try.
    fn try_once(&mut self, request: Request<'_>, texts: &[&[u8]]) -> Result<Outcome, LinkError> {
        let mut buffer = vec![0; ENCODE_BYTES];
        let frame = encode(&request, &mut buffer).map_err(|_| LinkError::Mismatch)?;
        // The first delimiter ends whatever noise came before.
        self.stream.write_all(&[0])?;
        self.stream.write_all(frame)?;
        self.stream.flush()?;
        let deadline = Instant::now() + self.timeout;
        while Instant::now() < deadline {
            if let Some(outcome) = self.read(request.sequence, texts)? {
                return Ok(outcome);
            }
        }
        Ok(Outcome::Timeout)
    }

    /// Reads what has arrived, or waits for the stream's time limit.
    fn read(&mut self, sequence: u32, texts: &[&[u8]]) -> Result<Option<Outcome>, LinkError> {
        let mut arrived = [0; 512];
        let count = match self.stream.read(&mut arrived) {
            Ok(0) => return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into()),
            Ok(count) => count,
            Err(error)
                if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                0
            }
            Err(error) => return Err(error.into()),
        };
        let (bytes, first) = &mut self.arrived;
        *bytes += count as u64;
        first.extend(arrived[..count].iter().take(SHOWN - first.len()));
        let mut outcome = None;
        for &byte in &arrived[..count] {
            // What comes behind the answer is of the device's camera.
            let received = self.receive(byte, sequence, texts);
            outcome = outcome.or(received);
        }
        Ok(outcome)
    }

    /// Reads for a while what the device says by itself.
    ///
    /// # Errors
    /// [`LinkError::Io`].
    pub(super) fn hear(&mut self, time: Duration) -> Result<(), LinkError> {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            // No request has this number.
            self.read(0, &[])?;
        }
        Ok(())
    }

    fn receive(&mut self, byte: u8, sequence: u32, texts: &[&[u8]]) -> Option<Outcome> {
        if self.recent.len() == LONGEST_TEXT {
            self.recent.remove(0);
        }
        self.recent.push(byte);
        if texts.iter().any(|text| self.recent.ends_with(text)) {
            self.recent.clear();
            return Some(Outcome::Restarted);
        }
        // Damaged replies and text are passed over: the time runs out, or the right reply comes.
        let Frame::Whole(body) = self.reader.push(byte)? else { return None };
        let Some(Reply { sequence: answered, kind }) = decode(body) else {
            // Its checksum is right: another version wrote it.
            self.foreign = true;
            return None;
        };
        match kind {
            ReplyKind::Camera { number, seen } => {
                if self.readouts.len() == READOUTS {
                    self.readouts.remove(0);
                }
                self.readouts.push((number, seen));
                None
            }
            ReplyKind::Error(ErrorCode::Camera) if answered == 0 => {
                self.notices.push(Notice::CameraStopped);
                None
            }
            ReplyKind::Error(ErrorCode::Corrupt | ErrorCode::Oversized) if answered == 0 => Some(Outcome::Damaged),
            ReplyKind::Error(ErrorCode::Unknown) if answered == 0 => Some(Outcome::Refused(ErrorCode::Unknown)),
            // A late reply to an earlier request.
            _ if answered != sequence => None,
            ReplyKind::Error(error) => Some(Outcome::Refused(error)),
            ReplyKind::Hello(hello) => Some(Outcome::Answer(Answer::Hello(hello.into(), hello.protocol))),
            ReplyKind::Result(result) => Some(Outcome::Answer(Answer::Result(result))),
            ReplyKind::Stats(stats) => Some(Outcome::Answer(Answer::Stats(stats))),
            ReplyKind::Options(options) => Some(Outcome::Answer(Answer::Options(options))),
            ReplyKind::Arrived { pixels } => Some(Outcome::Answer(Answer::Arrived(pixels))),
            ReplyKind::Stored { bytes } => Some(Outcome::Answer(Answer::Stored(bytes))),
            ReplyKind::Committed => Some(Outcome::Answer(Answer::Committed)),
            ReplyKind::BootLoader => Some(Outcome::Answer(Answer::BootLoader)),
            ReplyKind::Seen(seen) => Some(Outcome::Answer(Answer::Seen(seen))),
            ReplyKind::View(part) => {
                Some(Outcome::Answer(Answer::View(ViewPart { pixels: &[], ..part }, part.pixels.to_vec())))
            }
        }
    }
}
