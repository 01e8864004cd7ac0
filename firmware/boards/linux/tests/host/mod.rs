//! The program with a TCP port or a WebSocket, and a host there.

// Each file of tests is a program of its own, and none uses everything.
#![allow(dead_code, reason = "each file of tests uses a part")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use firmware::engine::Engine;
use shared::{
    checksum::crc32,
    label::Emotion,
    model::{AlignedBytes, Model},
    preprocessing::FACE_PIXELS,
    wire::{
        ENCODE_BYTES, ErrorCode, FRAME_BYTES, Frame, FrameReader, FrameSize, PART_BYTES, PROTOCOL_VERSION, Reply,
        ReplyKind, Request, RequestKind, Running, Seen, UPLOAD_ALIGNMENT, decode, encode,
    },
};

/// The drawn faces that are part of the program.
pub const FACES: &[[u8; FACE_PIXELS]] = include_bytes!("../../../../models/demo_faces.bin").as_chunks().0;

/// No answer takes longer, in emulation on a busy machine either.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The drawn face that a model is tested with before it is taken.
const TEST_FACE: usize = 3;

/// A running program; it ends with this value, however the test ends.
pub struct Device {
    process: Child,
    /// Where it listens.
    pub address: String,
}

impl Device {
    /// Starts a command that prints where it listens.
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let process = command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
        let mut device = Self { process, address: String::new() };
        let stdout = device.process.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut device.address).expect("readable");
        device.address.truncate(device.address.trim_end().len());
        if device.address.is_empty() {
            panic!("it ended: {}", device.kill());
        }
        device
    }

    /// Ends it by a signal that it cannot catch, in the middle of whatever it does; what it wrote to standard error.
    pub fn kill(mut self) -> String {
        let mut text = String::new();
        self.process.kill().expect("it runs");
        self.process.stderr.take().expect("piped").read_to_string(&mut text).expect("text");
        text
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a device says of itself, as far as it is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub model_crc: u32,
    /// Which model runs, if the device keeps models.
    pub running: Option<Running>,
}

/// What a link runs over.
pub trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// A host that has greeted a device.
pub struct Host {
    stream: Box<dyn Stream>,
    sequence: u32,
}

impl Host {
    pub fn greet(device: &Device) -> (Self, Identity) {
        let stream = TcpStream::connect(&device.address).expect("accepted");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream.set_nodelay(true).expect("set");
        Self::over(stream)
    }

    /// A host at the other end of a stream.
    pub fn over(stream: impl Stream + 'static) -> (Self, Identity) {
        let mut host = Self { stream: Box::new(stream), sequence: 0 };
        let identity = host.hello();
        (host, identity)
    }

    pub fn hello(&mut self) -> Identity {
        // The delimiter ends whatever stands on the line.
        self.stream.write_all(&[0]).expect("sent");
        self.ask(RequestKind::Hello { protocol: PROTOCOL_VERSION }, |kind| match kind {
            ReplyKind::Hello(hello) => {
                Identity { model_crc: hello.model_crc, running: hello.store.map(|store| store.running) }
            }
            other => panic!("{other:?} answers a hello"),
        })
    }

    /// The logits of a face.
    pub fn classify(&mut self, face: &[u8; FACE_PIXELS]) -> [i8; Emotion::COUNT] {
        self.ask(RequestKind::Classify { face }, |kind| match kind {
            ReplyKind::Result(result) => result.logits,
            other => panic!("{other:?} answers a face"),
        })
    }

    /// Asserts that it answers every drawn face as the core does here with this model.
    pub fn assert_answers(&mut self, file: &[u8]) {
        for face in FACES {
            assert_eq!(self.classify(face), logits(file, face));
        }
    }

    /// What the device sees in a picture on its own.
    pub fn look(&mut self, size: FrameSize, pixels: &[u8]) -> Seen {
        self.arrived(RequestKind::PictureBegin { size, video: false }, 0);
        for (index, part) in pixels.chunks(PART_BYTES).enumerate() {
            let offset = index * PART_BYTES;
            self.arrived(RequestKind::PicturePart { offset: offset as u32, pixels: part }, offset + part.len());
        }
        self.ask(RequestKind::PictureEnd { crc: crc32(pixels) }, |kind| match kind {
            ReplyKind::Seen(seen) => seen,
            other => panic!("{other:?} answers a picture"),
        })
    }

    fn arrived(&mut self, kind: RequestKind<'_>, expected: usize) {
        self.ask(kind, |kind| match kind {
            ReplyKind::Arrived { pixels } => assert_eq!(pixels as usize, expected),
            other => panic!("{other:?} answers a part of a picture"),
        });
    }

    /// Why the device begins no upload.
    pub fn refused(&mut self, file: &[u8]) -> ErrorCode {
        let kind = RequestKind::UploadBegin { model_bytes: file.len() as u32, crc: crc32(&contents(file)) };
        self.ask(kind, |kind| match kind {
            ReplyKind::Error(error) => error,
            other => panic!("{other:?} answers an upload"),
        })
    }

    /// Begins an upload; the bytes that the device has of it.
    pub fn begin(&mut self, file: &[u8]) -> usize {
        let crc = crc32(&contents(file));
        self.stored(RequestKind::UploadBegin { model_bytes: file.len() as u32, crc })
    }

    /// Sends the bytes of an upload from one place to another.
    pub fn send(&mut self, file: &[u8], from: usize, to: usize) {
        let contents = contents(file);
        let mut at = from;
        for part in contents[from..to.min(contents.len())].chunks(PART_BYTES) {
            let stored = self.stored(RequestKind::UploadPart { offset: at as u32, bytes: part });
            at += part.len();
            assert_eq!(stored, at, "every byte is there");
        }
    }

    /// Ends an upload.
    pub fn commit(&mut self, file: &[u8]) -> Result<(), ErrorCode> {
        let logits = logits(file, &FACES[TEST_FACE]);
        self.ask(RequestKind::UploadCommit { face: TEST_FACE as u8, logits }, |kind| match kind {
            ReplyKind::Committed => Ok(()),
            ReplyKind::Error(error) => Err(error),
            other => panic!("{other:?} answers a commit"),
        })
    }

    /// Puts a model on; what the device says of itself afterwards.
    pub fn upload(&mut self, file: &[u8]) -> Identity {
        let from = self.begin(file);
        self.send(file, from, usize::MAX);
        self.commit(file).expect("it is taken");
        self.hello()
    }

    fn stored(&mut self, kind: RequestKind<'_>) -> usize {
        self.ask(kind, |kind| match kind {
            ReplyKind::Stored { bytes } => bytes as usize,
            other => panic!("{other:?} answers an upload"),
        })
    }

    /// Applies `read` to the answer to a request.
    fn ask<T>(&mut self, kind: RequestKind<'_>, read: impl FnOnce(ReplyKind<'_>) -> T) -> T {
        self.sequence += 1;
        let mut buffer = [0; ENCODE_BYTES];
        let request = encode(&Request { sequence: self.sequence, kind }, &mut buffer).expect("it fits");
        self.stream.write_all(request).expect("sent");
        let mut reader = FrameReader::<FRAME_BYTES>::new();
        let mut byte = [0];
        loop {
            self.stream.read_exact(&mut byte).expect("the device has fallen silent");
            // What is no frame is text, which devices print until they are greeted.
            let Some(Frame::Whole(body)) = reader.push(byte[0]) else { continue };
            let reply: Reply<'_> = decode(body).expect("a reply");
            assert_eq!(reply.sequence, self.sequence, "{reply:?}");
            return read(reply.kind);
        }
    }
}

/// What an upload of a model file sends.
fn contents(file: &[u8]) -> Vec<u8> {
    let mut contents = file.to_vec();
    contents.resize(file.len().next_multiple_of(UPLOAD_ALIGNMENT), 0);
    contents
}

/// The CRC that a model file has in its header.
pub fn model_crc(file: &[u8]) -> u32 {
    Model::parse(AlignedBytes::new(file).as_slice()).expect("a sound model").crc()
}

/// The logits of a face as the core computes them here.
pub fn logits(file: &[u8], face: &[u8; FACE_PIXELS]) -> [i8; Emotion::COUNT] {
    let file = AlignedBytes::new(file);
    let model = Model::parse(file.as_slice()).expect("a sound model");
    let mut arena = vec![0; Engine::arena_bytes(&model).expect("small") as usize];
    let mut engine = Engine::new(&model, &mut arena).expect("large enough");
    let mut logits = [i8::MIN; Emotion::COUNT];
    let found = engine.run(face).expect("a sound model runs");
    logits[..found.len()].copy_from_slice(found);
    logits
}
