//! Messages in frames.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::cobs_in_place::decode_cobs;
use crate::checksum::crc32;

const CRC_BYTES: usize = 4;

/// The buffer is too small for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeError;

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the buffer is too small for the message")
    }
}

impl core::error::Error for EncodeError {}

/// Encodes `message` as a frame in `buffer`, delimiter included. The first half of `buffer` holds the body meanwhile
/// ([`ENCODE_BYTES`](super::ENCODE_BYTES) is enough for any message).
///
/// # Errors
/// [`EncodeError`].
pub fn encode<'a>(message: &impl Serialize, buffer: &'a mut [u8]) -> Result<&'a [u8], EncodeError> {
    let (body, frame) = buffer.split_at_mut(buffer.len() / 2);
    let length = postcard::to_slice(message, body).map_err(|_| EncodeError)?.len();
    let crc = crc32(body.get(..length).ok_or(EncodeError)?);
    let end = length + CRC_BYTES;
    body.get_mut(length..end).ok_or(EncodeError)?.copy_from_slice(&crc.to_le_bytes());
    let body = body.get(..end).ok_or(EncodeError)?;
    if cobs::max_encoding_length(end) + 1 > frame.len() {
        return Err(EncodeError);
    }
    let length = cobs::encode(body, frame);
    *frame.get_mut(length).ok_or(EncodeError)? = 0;
    frame.get(..=length).ok_or(EncodeError)
}

/// Decodes the body of a frame, as [`FrameReader`] hands it out; `None` if it is no message of this version.
pub fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Some(message),
        _ => None,
    }
}

/// What a [`FrameReader`] found at the end of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// An undamaged frame's body, without the CRC.
    Whole(&'a [u8]),
    /// COBS or CRC is wrong.
    Corrupt,
    /// The frame was longer than the buffer.
    Oversized,
}

/// Collects bytes into frames in a buffer of `N` bytes. After any noise it is in step again at the next zero.
#[derive(Clone, Debug)]
pub struct FrameReader<const N: usize> {
    buffer: [u8; N],
    length: usize,
    overflowed: bool,
}

impl<const N: usize> Default for FrameReader<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> FrameReader<N> {
    /// An empty buffer.
    pub const fn new() -> Self {
        Self { buffer: [0; N], length: 0, overflowed: false }
    }

    /// Takes a byte; at the end of a frame, returns what it found.
    pub fn push(&mut self, byte: u8) -> Option<Frame<'_>> {
        if byte != 0 {
            match self.buffer.get_mut(self.length) {
                Some(slot) => {
                    *slot = byte;
                    self.length += 1;
                }
                None => self.overflowed = true,
            }
            return None;
        }
        let (length, overflowed) = (self.length, self.overflowed);
        self.clear();
        match length {
            _ if overflowed => Some(Frame::Oversized),
            0 => None,
            _ => Some(self.finish(length).map_or(Frame::Corrupt, Frame::Whole)),
        }
    }

    /// Takes bytes among which there is no delimiter.
    pub fn extend(&mut self, bytes: &[u8]) {
        match self.buffer.get_mut(self.length..self.length + bytes.len()) {
            Some(place) if !self.overflowed => {
                place.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            _ => self.overflowed = true,
        }
    }

    fn finish(&mut self, length: usize) -> Option<&[u8]> {
        let frame = self.buffer.get_mut(..length)?;
        let length = decode_cobs(frame)?;
        let (body, crc) = self.buffer.get(..length)?.split_last_chunk::<CRC_BYTES>()?;
        (crc32(body) == u32::from_le_bytes(*crc)).then_some(body)
    }

    /// The bytes of the unfinished frame.
    pub fn pending(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or(&[])
    }

    /// Drops the unfinished frame.
    pub fn clear(&mut self) {
        self.length = 0;
        self.overflowed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            Classified, ENCODE_BYTES, ENCODE_PART_BYTES, ENCODE_REPLY_BYTES, ErrorCode, FRAME_BYTES, FaceBox,
            FinderIdentity, FrameSize, Hello, Options, Output, PART_BYTES, PROTOCOL_VERSION, Reply, ReplyKind, Request,
            RequestKind, Running, Seen, SeenFace, Stats, StoreIdentity, Unfit, View, ViewPart, Wear,
        },
        *,
    };
    use crate::{image::Processor, label::Emotion, model::MOST_NAME_BYTES};

    fn hello() -> Request<'static> {
        Request { sequence: 1, kind: RequestKind::Hello { protocol: PROTOCOL_VERSION } }
    }

    #[test]
    fn bytes_at_once_are_the_same_as_one_by_one() {
        let mut buffer = [0; 64];
        let frame = encode(&hello(), &mut buffer).expect("fits");
        let mut reader = FrameReader::<16>::new();
        reader.extend(&frame[..3]);
        reader.extend(&frame[3..frame.len() - 1]);
        assert_eq!(reader.push(0), Some(Frame::Whole(&[1, 0, PROTOCOL_VERSION as u8])));
        reader.extend(&[1; 10]);
        reader.extend(&[1; 7]);
        reader.extend(&[1]);
        assert_eq!(reader.push(0), Some(Frame::Oversized));
        reader.extend(&[]);
        assert_eq!(reader.push(0), None);
    }

    #[test]
    fn a_hello_is_pinned_byte_by_byte() {
        let mut buffer = [0; 64];
        let frame = encode(&hello(), &mut buffer).expect("fits");
        // Body: sequence 1, kind 0 (hello), protocol 3; COBS replaces the one zero.
        let crc = crc32(&[1, 0, 3]).to_le_bytes();
        assert_eq!(frame[..2], [2, 1]);
        assert_eq!(frame[2..4], [6, 3]);
        assert_eq!(frame[4..], [crc[0], crc[1], crc[2], crc[3], 0]);
    }

    #[test]
    fn an_error_reply_is_pinned_byte_by_byte() {
        let mut body = [0; 16];
        let reply = Reply { sequence: 300, kind: ReplyKind::Error(ErrorCode::Oversized) };
        assert_eq!(postcard::to_slice(&reply, &mut body).expect("fits"), [0xac, 0x02, 4, 1]);
    }

    /// Every version must be able to read these two, or it cannot say what is to be updated.
    #[test]
    fn versions_tell_each_other_apart_in_bytes_that_never_change() {
        let hello = |protocol| [1, 0, protocol];
        for protocol in [1, 2, 3, 4] {
            let request = Request { sequence: 1, kind: RequestKind::Hello { protocol } };
            assert_eq!(decode(&hello(protocol as u8)), Some(request));
        }
        // Sequence 1, kind 4 (error), error 3 (protocol), the device's, the host's.
        let refused =
            |device, host| Reply { sequence: 1, kind: ReplyKind::Error(ErrorCode::Protocol { device, host }) };
        assert_eq!(decode(&[1, 4, 3, 2, 3]), Some(refused(2, 3)));
        assert_eq!(postcard::to_slice(&refused(3, 2), &mut [0; 16]).expect("fits"), [1, 4, 3, 3, 2]);
    }

    #[test]
    fn a_picture_is_pinned_byte_by_byte() {
        let bytes = |request: Request<'_>| {
            let mut body = [0; 32];
            let length = postcard::to_slice(&request, &mut body).expect("fits").len();
            assert_eq!(decode(&body[..length]), Some(request));
            (body, length)
        };
        let size = FrameSize { columns: 320, rows: 240 };
        let pinned: [(RequestKind<'_>, &[u8]); 4] = [
            // The number 300, the kind, then 320 and 240 as varints, and whether it is of a video.
            (RequestKind::PictureBegin { size, video: true }, &[0xac, 2, 4, 0xc0, 2, 0xf0, 1, 1]),
            (RequestKind::PicturePart { offset: 1024, pixels: &[7, 0, 255] }, &[0xac, 2, 5, 0x80, 8, 3, 7, 0, 255]),
            (RequestKind::PictureEnd { crc: 0xffff_ffff }, &[0xac, 2, 6, 255, 255, 255, 255, 15]),
            (RequestKind::View { view: View::Face, offset: 1024 }, &[0xac, 2, 7, 1, 0x80, 8]),
        ];
        for (kind, expected) in pinned {
            let (body, length) = bytes(Request { sequence: 300, kind });
            assert_eq!(body[..length], *expected, "{kind:?}");
        }
    }

    #[test]
    fn an_upload_is_pinned_byte_by_byte() {
        let requests: [(RequestKind<'_>, &[u8]); 4] = [
            (RequestKind::UploadBegin { model_bytes: 300, crc: 0x1_0000 }, &[1, 8, 0xac, 2, 0x80, 0x80, 4]),
            (RequestKind::UploadPart { offset: 1024, bytes: &[7, 0, 255] }, &[1, 9, 0x80, 8, 3, 7, 0, 255]),
            // Eight logits, as bytes of two's complement.
            (
                RequestKind::UploadCommit { face: 3, logits: [-1, 5, 0, 0, 0, 0, 0, -128] },
                &[1, 10, 3, 255, 5, 0, 0, 0, 0, 0, 128],
            ),
            (RequestKind::BootLoader, &[1, 11]),
        ];
        for (kind, expected) in requests {
            let mut body = [0; 32];
            let request = Request { sequence: 1, kind };
            assert_eq!(postcard::to_slice(&request, &mut body).expect("fits"), expected);
            assert_eq!(decode(expected), Some(request));
        }
        let unfit = ErrorCode::Unfit(Unfit::Arena { need: 300, have: 2 });
        let replies: [(ReplyKind<'_>, &[u8]); 4] = [
            (ReplyKind::Stored { bytes: 1024 }, &[1, 9, 0x80, 8]),
            (ReplyKind::Committed, &[1, 10]),
            (ReplyKind::BootLoader, &[1, 11]),
            (ReplyKind::Error(unfit), &[1, 4, 19, 2, 0xac, 2, 2]),
        ];
        for (kind, expected) in replies {
            let mut body = [0; 32];
            assert_eq!(
                postcard::to_slice(&Reply { sequence: 1, kind }, &mut body).expect("fits"),
                expected,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn what_was_seen_is_pinned_byte_by_byte() {
        let mut body = [0; 128];
        let nobody = Seen { face: None, microseconds: 300 };
        let camera = Reply { sequence: 0, kind: ReplyKind::Camera { number: 5, seen: nobody } };
        assert_eq!(postcard::to_slice(&camera, &mut body).expect("fits"), [0, 8, 5, 0, 0xac, 2]);
        let seen = Seen { face: Some(seen_face()), microseconds: 9 };
        let reply = Reply { sequence: 1, kind: ReplyKind::Seen(seen) };
        let bytes = postcard::to_slice(&reply, &mut body).expect("fits");
        // The box in zigzag varints, four places of eyes likewise, a score of 1.0; the emotion begins with probabilities.
        assert_eq!(bytes[..10], [1, 6, 1, 3, 4, 8, 2, 4, 6, 8]);
        assert_eq!(bytes[10..18], [0, 0, 0x80, 0x3f, 0, 0, 0, 0]);
        // Eight probabilities, happy, no margin, certain, 7 us, eight logits; then the time of all.
        assert_eq!(bytes.len(), 14 + 32 + 1 + 4 + 1 + 1 + 8 + 1);
        assert_eq!(bytes[46..53], [3, 0, 0, 0, 0, 0, 7]);
        assert_eq!(bytes[61], 9);
        let part = ViewPart { number: 5, size: FrameSize { columns: 3, rows: 2 }, offset: 0, pixels: &[1, 2] };
        let reply = Reply { sequence: 1, kind: ReplyKind::View(part) };
        assert_eq!(postcard::to_slice(&reply, &mut body).expect("fits"), [1, 7, 5, 3, 2, 0, 2, 1, 2]);
    }

    fn seen_face() -> SeenFace {
        let emotion = Classified {
            probabilities: [0.0; Emotion::COUNT],
            label: Emotion::Happy,
            margin: 0.0,
            uncertain: false,
            microseconds: 7,
            logits: [0; Emotion::COUNT],
        };
        SeenFace { bounds: FaceBox { left: -2, top: 2, side: 4 }, eyes: [[1, 2], [3, 4]], score: 1.0, emotion }
    }

    #[test]
    fn the_longest_parts_of_pictures_fit() {
        let pixels = [9; PART_BYTES];
        let request =
            Request { sequence: u32::MAX, kind: RequestKind::PicturePart { offset: u32::MAX, pixels: &pixels } };
        let mut buffer = [0; ENCODE_BYTES];
        assert!(encode(&request, &mut buffer).expect("fits").len() <= FRAME_BYTES);
        let size = FrameSize { columns: u16::MAX, rows: u16::MAX };
        let part = ViewPart { number: u32::MAX, size, offset: u32::MAX, pixels: &pixels };
        let reply = Reply { sequence: u32::MAX, kind: ReplyKind::View(part) };
        assert!(encode(&reply, &mut [0; ENCODE_PART_BYTES]).is_ok());
    }

    #[test]
    fn a_face_fits_a_frame_and_comes_back() {
        let face = [7u8; 2304];
        let request = Request { sequence: u32::MAX, kind: RequestKind::Classify { face: &face } };
        let mut buffer = [0; ENCODE_BYTES];
        let frame = encode(&request, &mut buffer).expect("fits");
        assert!(frame.len() <= FRAME_BYTES);
        let mut reader = FrameReader::<FRAME_BYTES>::new();
        let (last, rest) = frame.split_last().expect("not empty");
        assert!(rest.iter().all(|&byte| reader.push(byte).is_none()));
        match reader.push(*last) {
            Some(Frame::Whole(body)) => assert_eq!(decode::<Request<'_>>(body), Some(request)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_longest_replies_fit_the_buffer_of_a_device() {
        let name = core::str::from_utf8(&[b'x'; MOST_NAME_BYTES]).expect("letters");
        let options = Options { output: Output::Frames, smoothing: f32::MAX, threshold: f32::MAX, mirror: true };
        let hello = Hello {
            protocol: u16::MAX,
            firmware: "100.100.100-candidate.100",
            model: name,
            model_crc: u32::MAX,
            arena_bytes: u32::MAX,
            face_size: u16::MAX,
            boot: u32::MAX,
            labels: &[0, 1, 2, 3, 4, 5, 6, 7],
            options,
            finder: Some(FinderIdentity { crc: u32::MAX, largest: FrameSize { columns: u16::MAX, rows: u16::MAX } }),
            camera: true,
            store: Some(StoreIdentity {
                board: "a board's long name: 32 letters..",
                arena_bytes: u32::MAX,
                processor: Some(Processor::CortexM33),
                model_bytes: u32::MAX,
                formats: [u16::MAX; 2],
                running: Running::B,
            }),
        };
        let classified = Classified {
            probabilities: [f32::MAX; Emotion::COUNT],
            label: Emotion::Contempt,
            margin: f32::MAX,
            uncertain: true,
            microseconds: u32::MAX,
            logits: [i8::MIN; Emotion::COUNT],
        };
        let stats = Stats {
            uptime_ms: u64::MAX,
            faces: u32::MAX,
            pictures: u32::MAX,
            bad_frames: u32::MAX,
            worst_microseconds: u32::MAX,
            stack_high_water: Some(u32::MAX),
            wear: Some(Wear { slot_a: u32::MAX, slot_b: u32::MAX, journal: u32::MAX }),
        };
        let bounds = FaceBox { left: i32::MIN, top: i32::MIN, side: i32::MAX };
        let face = SeenFace { bounds, eyes: [[i32::MIN; 2]; 2], score: f32::MAX, emotion: classified };
        let seen = Seen { face: Some(face), microseconds: u32::MAX };
        let replies = [
            ReplyKind::Seen(seen),
            ReplyKind::Camera { number: u32::MAX, seen },
            ReplyKind::Arrived { pixels: u32::MAX },
            ReplyKind::Hello(hello),
            ReplyKind::Result(classified),
            ReplyKind::Stats(stats),
            ReplyKind::Options(options),
            ReplyKind::Error(ErrorCode::FaceSize { need: u32::MAX, have: u32::MAX }),
            ReplyKind::Error(ErrorCode::Unfit(Unfit::Arena { need: u32::MAX, have: u32::MAX })),
        ];
        for kind in replies {
            let reply = Reply { sequence: u32::MAX, kind };
            assert!(encode(&reply, &mut [0; ENCODE_REPLY_BYTES]).is_ok(), "{reply:?}");
        }
    }

    #[test]
    fn after_noise_the_reader_is_in_step_at_the_next_zero() {
        let mut buffer = [0; 64];
        let frame = encode(&hello(), &mut buffer).expect("fits");
        let mut reader = FrameReader::<32>::new();
        for byte in 1..=255u8 {
            assert_eq!(reader.push(byte), None);
        }
        assert_eq!(reader.push(0), Some(Frame::Oversized));
        assert_eq!(reader.push(9), None);
        assert_eq!(reader.push(0), Some(Frame::Corrupt));
        assert_eq!(reader.push(0), None, "an empty frame means nothing");
        let found = frame.iter().filter(|&&byte| matches!(reader.push(byte), Some(Frame::Whole(_)))).count();
        assert_eq!(found, 1);
    }

    #[test]
    fn a_buffer_that_is_too_small_is_an_error() {
        for size in 0..17 {
            assert_eq!(encode(&hello(), &mut [0; 17][..size]), Err(EncodeError), "{size}");
        }
    }
}
