//! The two ends of a link: a device with a model, and what a test reads and writes.

use std::{
    io::{Read, Write},
    sync::LazyLock,
    time::{Duration, Instant},
};

use firmware::device::Board;
use host_trainer::{
    monitor::{DeviceEnd, HostEnd, pipe, run_device},
    synthetic,
};
use shared::{
    model::{AlignedBytes, Model},
    preprocessing::FACE_PIXELS,
    wire::{
        ENCODE_BYTES, ErrorCode, FRAME_BYTES, Frame, FrameReader, PROTOCOL_VERSION, Reply, ReplyKind, Request,
        RequestKind, decode, encode,
    },
};
use tests::{lasting, sample_model::sample_model};

pub const TIMEOUT: Duration = Duration::from_secs(5);

pub fn board(demo_faces: &'static [[u8; FACE_PIXELS]]) -> Board {
    Board { stack_high_water: None, demo_faces, demo_interval_us: 1_000, boot: 0 }
}

/// The model of every device here, except where a test names another.
pub fn sample() -> Model<'static> {
    static SAMPLE: LazyLock<Model<'static>> =
        LazyLock::new(|| lasting::model(sample_model(1).encode().expect("the sample is sound")));
    *SAMPLE
}

/// A model that ships, whose answers to drawn faces are less alike than the sample's.
pub fn pico() -> Model<'static> {
    lasting::model(AlignedBytes::new(include_bytes!("../../firmware/models/pico.fer")))
}

/// Runs a device at one end of a pipe and `host` at the other.
pub fn with_device<T>(host: impl FnOnce(HostEnd) -> T) -> T {
    with_board(board(&[]), host)
}

pub fn with_board<T>(board: Board, host: impl FnOnce(HostEnd) -> T) -> T {
    let (host_end, device_end) = pipe();
    run_both(board, host_end, device_end, host)
}

pub fn run_both<T>(board: Board, host_end: HostEnd, device_end: DeviceEnd, host: impl FnOnce(HostEnd) -> T) -> T {
    with_model(&sample(), board, (host_end, device_end), host)
}

pub fn with_model<T>(
    model: &Model<'_>,
    board: Board,
    (host_end, device_end): (HostEnd, DeviceEnd),
    host: impl FnOnce(HostEnd) -> T,
) -> T {
    std::thread::scope(|scope| {
        let device = scope.spawn(|| run_device(model, device_end, board));
        let result = host(host_end);
        device.join().expect("the device does not panic").expect("the model runs");
        result
    })
}

pub fn face(index: u64) -> [u8; FACE_PIXELS] {
    synthetic::face(9, index).pixels
}

pub fn frame(request: &Request<'_>) -> Vec<u8> {
    encode(request, &mut [0; ENCODE_BYTES]).expect("fits").to_vec()
}

/// Greets the device, which then answers in frames.
pub fn greet(host: &mut HostEnd) -> FrameReader<FRAME_BYTES> {
    let mut reader = FrameReader::new();
    let hello = Request { sequence: 1, kind: RequestKind::Hello { protocol: PROTOCOL_VERSION } };
    host.write_all(&frame(&hello)).expect("sent");
    assert_eq!(next_reply(host, &mut reader), (1, None));
    reader
}

/// Reads until a frame arrives.
pub fn next_reply(host: &mut HostEnd, reader: &mut FrameReader<FRAME_BYTES>) -> (u32, Option<ErrorCode>) {
    let deadline = Instant::now() + TIMEOUT;
    let mut byte = [0];
    while Instant::now() < deadline {
        if host.read(&mut byte).is_err() {
            continue;
        }
        if let Some(Frame::Whole(body)) = reader.push(byte[0]) {
            let reply: Reply<'_> = decode(body).expect("a reply");
            let error = match reply.kind {
                ReplyKind::Error(error) => Some(error),
                _ => None,
            };
            return (reply.sequence, error);
        }
    }
    panic!("the device does not answer");
}

pub fn read_text(host: &mut HostEnd, until: &str) -> String {
    let deadline = Instant::now() + TIMEOUT;
    let (mut text, mut buffer) = (Vec::new(), [0; 64]);
    while Instant::now() < deadline {
        if let Ok(count) = host.read(&mut buffer) {
            text.extend(&buffer[..count]);
        }
        let shown = String::from_utf8_lossy(&text);
        if shown.contains(until) {
            return shown.into_owned();
        }
    }
    panic!("`{until}` did not come; what came: {}", String::from_utf8_lossy(&text));
}
