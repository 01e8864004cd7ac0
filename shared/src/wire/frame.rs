//! Messages in frames.

use core::fmt;

use serde::{Deserialize, Serialize};

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

    fn finish(&mut self, length: usize) -> Option<&[u8]> {
        let frame = self.buffer.get_mut(..length)?;
        let length = cobs::decode_in_place(frame).ok()?;
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
            Classified, ENCODE_BYTES, ENCODE_REPLY_BYTES, ErrorCode, FRAME_BYTES, Hello, Options, Output,
            PROTOCOL_VERSION, Reply, ReplyKind, Request, RequestKind, Stats,
        },
        *,
    };
    use crate::{label::Emotion, model::MOST_NAME_BYTES};

    fn hello() -> Request<'static> {
        Request { sequence: 1, kind: RequestKind::Hello { protocol: PROTOCOL_VERSION } }
    }

    #[test]
    fn a_hello_is_pinned_byte_by_byte() {
        let mut buffer = [0; 64];
        let frame = encode(&hello(), &mut buffer).expect("fits");
        // Body: sequence 1, kind 0 (hello), protocol 2; COBS replaces the one zero.
        let crc = crc32(&[1, 0, 2]).to_le_bytes();
        assert_eq!(frame[..2], [2, 1]);
        assert_eq!(frame[2..4], [6, 2]);
        assert_eq!(frame[4..], [crc[0], crc[1], crc[2], crc[3], 0]);
    }

    #[test]
    fn an_error_reply_is_pinned_byte_by_byte() {
        let mut body = [0; 16];
        let reply = Reply { sequence: 300, kind: ReplyKind::Error(ErrorCode::Oversized) };
        assert_eq!(postcard::to_slice(&reply, &mut body).expect("fits"), [0xac, 0x02, 4, 1]);
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
            bad_frames: u32::MAX,
            worst_microseconds: u32::MAX,
            stack_high_water: Some(u32::MAX),
        };
        let replies = [
            ReplyKind::Hello(hello),
            ReplyKind::Result(classified),
            ReplyKind::Stats(stats),
            ReplyKind::Options(options),
            ReplyKind::Error(ErrorCode::FaceSize { need: u32::MAX, have: u32::MAX }),
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
