//! The serial link: what a host and a device say to each other, byte by byte.
//!
//! # Frames, protocol version 2
//!
//! A frame is `COBS(body ++ CRC-32 of body, little-endian) ++ 0x00`, where the body is one message in postcard 1 and the
//! CRC is the one of model files ([`crate::checksum`]). COBS (Cheshire and Baker 1999) removes zeros, so a zero byte ends a
//! frame wherever it stands: after any noise, both sides are in step again at the next zero. Empty frames mean nothing and
//! may be sent to flush a line. Frames longer than [`FRAME_BYTES`] are refused.
//!
//! # Messages
//!
//! The host sends a [`Request`]. The device answers each with one [`Reply`] of the same sequence number. A request with
//! the number of the one before is a retry: the device sends the same reply again and does not count the face twice. So a
//! host sends a request with the same number until it has an answer. A frame that cannot be read is answered with a
//! [`Reply`] of number 0 and an [`ErrorCode`].
//!
//! Until a host says hello, a device prints text for people: a banner, and a line for each face. Hello switches to frames
//! and resets the smoothing; an option switches back to text. If a host receives text in place of a frame, the device was
//! restarted and must be greeted again. In text mode, a device answers a typed line with a hint, but only when nothing
//! follows it for 20 ms: a frame may begin like a typed line, and its bytes have to follow each other at once.
//!
//! # Versions
//!
//! 2: eight emotions in [`Classified`] instead of seven, the option [`mirror`](Options::mirror), and [`Hello`] tells the
//! model's labels and the options. 1: the first.

mod frame;
mod messages;

pub use self::{
    frame::{EncodeError, Frame, FrameReader, decode, encode},
    messages::{Classified, ErrorCode, Hello, Options, Output, Reply, ReplyKind, Request, RequestKind, Stats},
};

/// Version of frames and messages; both sides must speak the same.
pub const PROTOCOL_VERSION: u16 = 2;

/// Longest frame, delimiter included: a face with its envelope, and room for larger messages to come.
pub const FRAME_BYTES: usize = 2560;

/// A buffer for [`encode`] that is enough for any message.
pub const ENCODE_BYTES: usize = 2 * FRAME_BYTES;

/// A buffer for [`encode`] that is enough for any reply, of a model with the longest name.
pub const ENCODE_REPLY_BYTES: usize = 512;
