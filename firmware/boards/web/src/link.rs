//! Requests to a device at a serial link, and its replies. Who sends them, waits and tries again is the page
//! (`docs/page/link.js`); what travels is [`shared::wire`]'s.

use anyhow::{Context, ensure};
use firmware::{device::padded, engine::Engine};
use serde::Serialize;
use shared::{
    checksum::crc32,
    model::{AlignedBytes, Model},
    preprocessing::FACE_PIXELS,
    wire::{
        ENCODE_BYTES, FRAME_BYTES, Frame, FrameReader, PART_BYTES, Reply, ReplyKind, Request, RequestKind,
        UPLOAD_ALIGNMENT, decode, encode,
    },
};

use crate::core::drawn_face;

/// Bytes of the longest line of text that is told.
const LONGEST_LINE: usize = 200;

/// The drawn face that a device tests an uploaded model with.
const TEST_FACE: u8 = 0;

/// What arrives on a link.
#[derive(Debug, Default)]
pub struct Incoming {
    reader: FrameReader<FRAME_BYTES>,
    line: Vec<u8>,
}

/// The bytes of a request, behind a delimiter that ends whatever noise came before.
///
/// # Errors
/// If it does not fit into a frame.
pub fn request(sequence: u32, kind: RequestKind<'_>) -> anyhow::Result<Vec<u8>> {
    let mut buffer = vec![0; ENCODE_BYTES];
    let frame = encode(&Request { sequence, kind }, &mut buffer)?;
    Ok([&[0], frame].concat())
}

/// Classify, of 48x48 grey levels.
///
/// # Errors
/// For another number of them.
pub fn classify(sequence: u32, face: &[u8]) -> anyhow::Result<Vec<u8>> {
    ensure!(face.len() == FACE_PIXELS, "a face of {} pixels; it has {FACE_PIXELS}", face.len());
    request(sequence, RequestKind::Classify { face })
}

/// A part of a picture.
///
/// # Errors
/// If it is too long.
pub fn picture_part(sequence: u32, offset: u32, pixels: &[u8]) -> anyhow::Result<Vec<u8>> {
    ensure!(pixels.len() <= PART_BYTES, "a part of {} pixels; it has {PART_BYTES} at most", pixels.len());
    request(sequence, RequestKind::PicturePart { offset, pixels })
}

/// The end of a picture, of all its pixels.
///
/// # Errors
/// None.
pub fn picture_end(sequence: u32, pixels: &[u8]) -> anyhow::Result<Vec<u8>> {
    request(sequence, RequestKind::PictureEnd { crc: crc32(pixels) })
}

/// A model file's contents, as they are uploaded.
pub fn contents(model: &[u8]) -> Vec<u8> {
    let mut contents = model.to_vec();
    contents.resize(model.len().next_multiple_of(UPLOAD_ALIGNMENT), 0);
    contents
}

/// The beginning of an upload of a model file.
///
/// # Errors
/// None.
pub fn upload_begin(sequence: u32, model: &[u8]) -> anyhow::Result<Vec<u8>> {
    let kind = RequestKind::UploadBegin { model_bytes: model.len() as u32, crc: crc32(&contents(model)) };
    request(sequence, kind)
}

/// A part of it.
///
/// # Errors
/// If it is too long.
pub fn upload_part(sequence: u32, offset: u32, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    ensure!(bytes.len() <= PART_BYTES, "a part of {} bytes; it has {PART_BYTES} at most", bytes.len());
    request(sequence, RequestKind::UploadPart { offset, bytes })
}

/// Its end: the model's logits for a drawn face go with it, and the device computes them as well.
///
/// # Errors
/// If the file is no model.
pub fn upload_commit(sequence: u32, model: &[u8]) -> anyhow::Result<Vec<u8>> {
    let bytes = AlignedBytes::new(model);
    let model = Model::parse(bytes.as_slice())?;
    let mut arena = vec![0; Engine::arena_bytes(&model)? as usize];
    let face = drawn_face(TEST_FACE.into()).context("there is no drawn face")?;
    let logits = padded(Engine::new(&model, &mut arena)?.run(face)?);
    request(sequence, RequestKind::UploadCommit { face: TEST_FACE, logits })
}

/// What arrived, as the page reads it.
#[derive(Serialize)]
#[serde(untagged)]
enum Arrived<'a> {
    Reply {
        #[serde(flatten)]
        reply: Reply<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    Text {
        text: String,
    },
    Damaged {
        damaged: bool,
    },
    /// A whole frame that is no reply of this version.
    Foreign {
        foreign: bool,
    },
}

impl Incoming {
    /// Takes bytes that arrived, and tells what they complete, as a JSON array.
    ///
    /// # Errors
    /// None.
    pub fn receive(&mut self, bytes: &[u8]) -> anyhow::Result<String> {
        let mut arrived: Vec<String> = Vec::new();
        for &byte in bytes {
            if let Some(text) = self.line(byte) {
                arrived.push(serde_json::to_string(&Arrived::Text { text })?);
            }
            let Some(frame) = self.reader.push(byte) else { continue };
            let told = match frame {
                Frame::Whole(body) => match decode::<Reply<'_>>(body) {
                    Some(reply) => {
                        let error = match reply.kind {
                            ReplyKind::Error(code) => Some(code.to_string()),
                            _ => None,
                        };
                        Arrived::Reply { reply, error }
                    }
                    None => Arrived::Foreign { foreign: true },
                },
                Frame::Corrupt | Frame::Oversized => Arrived::Damaged { damaged: true },
            };
            arrived.push(serde_json::to_string(&told)?);
        }
        Ok(format!("[{}]", arrived.join(",")))
    }

    /// A line for people that ends with this byte.
    fn line(&mut self, byte: u8) -> Option<String> {
        match byte {
            b'\n' => {
                let line = String::from_utf8(std::mem::take(&mut self.line)).ok()?;
                Some(line).filter(|line| !line.is_empty())
            }
            b' '..=b'~' if self.line.len() < LONGEST_LINE => {
                self.line.push(byte);
                None
            }
            b'\r' => None,
            _ => {
                self.line.clear();
                None
            }
        }
    }
}
