//! The serial link: what a host and a device say to each other, byte by byte.
//!
//! # Frames, protocol version 3
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
//! # Pictures
//!
//! A device whose [`Hello`] names a finder takes grey pictures of up to [`FinderIdentity::largest`], as a camera makes them, and
//! answers with the face in them. On this page a frame is what travels, and a picture what is seen.
//!
//! | request | contents | reply |
//! |---|---|---|
//! | picture begin | columns, rows, whether it follows another in a video | arrived: 0 pixels |
//! | picture part, again and again | pixels before it, up to [`PART_BYTES`] grey levels, row by row | arrived: pixels so far |
//! | picture end | CRC-32 of all pixels | seen: box, eyes, score and emotion, or no face; the time |
//!
//! Each of them is a request with a number of its own, and repeated by it as any other. So a part that is lost is sent again, and
//! one that comes twice counts once. A part with a new number must begin where the last one ended, and the end must come after the
//! last pixel, with the right checksum: else there is an error that says what was expected, and the host begins again. Hello and
//! 5 s without a request drop a picture that is under way.
//!
//! A picture of a video is searched near the last face, which is followed, and its probabilities are smoothed as the options ask.
//! One on its own has no past, and is none for the next. A retry changes nothing of either.
//!
//! A device with a camera looks at its pictures by itself. It prints a line for each in text mode; to a host that has said hello it
//! sends a [`Camera`](ReplyKind::Camera), or an [`ErrorCode::Camera`] when the camera stops, both with sequence number 0. It
//! does not look for 250 ms after a request, so that a host that asks without long pauses is answered at once; and a
//! host from which nothing comes for 10 s is gone: a device with a camera prints text again.
//!
//! View asks for the picture that the device looked at last, or for the face in it, from a pixel on; the reply is a [`ViewPart`]. A
//! host asks for one part after the other, until it has all of them with the same number. For 3 s after each but the last the
//! device's camera takes no other picture.
//!
//! # Models
//!
//! A device whose [`Hello`] names a store takes another model. Its memory for tensors, the size of a model file and its format stand
//! there, so that a host refuses what the device cannot run before it sends a byte.
//!
//! | request | contents | reply |
//! |---|---|---|
//! | upload begin | bytes of the model file, CRC-32 of the contents: the file, filled up with zeros to a multiple of 16 | stored: bytes that it has |
//! | upload part, again and again | bytes before it, up to [`PART_BYTES`] of the contents | stored: bytes so far |
//! | upload commit | a built-in face and the logits that the model gives for it | committed |
//!
//! A begin with the size and the checksum of an upload that was broken off, by the line or by a power cut, goes on with it: the reply
//! tells where. Any other begin drops what was under way. The model before answers until the commit. At the commit the device checks
//! the checksum, reads the model as any other, and runs it on the built-in face. A model that fails changes nothing. One that passes takes over at
//! once, as after a restart: the device prints its banner and must be greeted again, and [`Hello`] then names the new model.
//! If the reply to a commit is lost, the greeting tells whether it was done.
//!
//! Boot loader starts the boot loader of a device that has one, so that new firmware can be copied onto it.
//!
//! # Versions
//!
//! 3: pictures and models; [`Hello`] tells the finder, whether there is a camera, and the store; [`Stats`] the number of pictures and the wear.
//! 2: eight emotions in [`Classified`] instead of seven, the option [`mirror`](Options::mirror), and [`Hello`] tells the
//! model's labels and the options. 1: the first.

mod cobs_in_place;
mod frame;
mod messages;
mod picture;
mod upload;

pub use self::{
    frame::{EncodeError, Frame, FrameReader, decode, encode},
    messages::{Classified, ErrorCode, Hello, Options, Output, Reply, ReplyKind, Request, RequestKind, Stats},
    picture::{FaceBox, FinderIdentity, FrameSize, Seen, SeenFace, View, ViewPart},
    upload::{Running, StoreIdentity, UPLOAD_ALIGNMENT, Unfit, Wear},
};

/// Version of frames and messages; both sides must speak the same.
pub const PROTOCOL_VERSION: u16 = 3;

/// Longest frame, delimiter included: a face with its envelope, and room for larger messages to come.
pub const FRAME_BYTES: usize = 2560;

/// A buffer for [`encode`] that is enough for any message.
pub const ENCODE_BYTES: usize = 2 * FRAME_BYTES;

/// A buffer for [`encode`] that is enough for any reply without pixels, of a model with the longest name.
pub const ENCODE_REPLY_BYTES: usize = 512;

/// Most pixels of a part of a picture.
pub const PART_BYTES: usize = 1024;

/// A buffer for [`encode`] that is enough for a reply with pixels.
pub const ENCODE_PART_BYTES: usize = 2 * (PART_BYTES + 64);
