//! Models to a device.

use std::io::{Read, Write};

use firmware::{
    device::padded,
    engine::{Engine, EngineError},
};
use shared::{
    checksum::crc32,
    label::Emotion,
    model::Model,
    preprocessing::FACE_PIXELS,
    wire::{ErrorCode, PART_BYTES, RequestKind, UPLOAD_ALIGNMENT},
};

use super::{
    Identity,
    client::{Answer, Client, LinkError, Notice},
};

/// How often an upload is begun or gone on with.
const ATTEMPTS: usize = 8;

/// A model, and what a device tests it with.
#[derive(Clone, Copy, Debug)]
pub struct Upload<'a> {
    /// The model file.
    pub file: &'a [u8],
    /// The CRC-32 by which the device names the model.
    pub model_crc: u32,
    /// Index of a drawn face that is part of the firmware.
    pub face: u8,
    /// The model's logits for it, the lowest value beyond them.
    pub logits: [i8; Emotion::COUNT],
}

impl<'a> Upload<'a> {
    /// The upload of `file`, in which `model` is, to be tested with the built-in `face` of this index.
    ///
    /// # Errors
    /// [`EngineError`] if the model cannot run here.
    pub fn new(
        file: &'a [u8],
        model: &Model<'_>,
        (index, face): (u8, &[u8; FACE_PIXELS]),
    ) -> Result<Self, EngineError> {
        let mut arena = vec![0; Engine::arena_bytes(model)? as usize];
        let logits = padded(Engine::new(model, &mut arena)?.run(face)?);
        Ok(Self { file, model_crc: model.crc(), face: index, logits })
    }
}

impl<S: Read + Write> Client<S> {
    /// Has the device keep a model and run it from now on. If an upload of the same model was broken off, this one goes on with it.
    /// `progress` gets the bytes that the device has, and all that there are. Gives what the device says of itself afterwards.
    ///
    /// # Errors
    /// [`LinkError::Refused`] if the device takes no models or not this one, which then changes nothing;
    /// [`LinkError::NotTakenUp`]; [`LinkError`].
    pub fn upload(
        &mut self,
        upload: &Upload<'_>,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Identity, LinkError> {
        let mut contents = upload.file.to_vec();
        contents.resize(contents.len().next_multiple_of(UPLOAD_ALIGNMENT), 0);
        let mut attempt = 1;
        let committed = loop {
            match self.send_model(upload, &contents, &mut progress) {
                // A restart in its middle, a host beside this one, or a page of flash that did not take its bytes.
                Err(LinkError::Refused(
                    ErrorCode::NoUpload | ErrorCode::UploadOrder { .. } | ErrorCode::UploadChecksum | ErrorCode::Store,
                )) if attempt < ATTEMPTS => {
                    // The reply to a commit may be lost; then the device runs the model, and knows of no upload.
                    if self.hello()?.model_crc == upload.model_crc {
                        break Ok(());
                    }
                    attempt += 1;
                    self.notices.push(Notice::Retried);
                }
                result => break result,
            }
        };
        committed?;
        // The banner of the device that begins anew, among the answers to this greeting, is no fault of the line.
        let notices = self.notices.len();
        let identity = self.hello()?;
        self.notices.truncate(notices);
        match identity.model_crc {
            runs if runs == upload.model_crc => Ok(identity),
            runs => Err(LinkError::NotTakenUp { sent: upload.model_crc, runs }),
        }
    }

    fn send_model(
        &mut self,
        upload: &Upload<'_>,
        contents: &[u8],
        progress: &mut impl FnMut(usize, usize),
    ) -> Result<(), LinkError> {
        let begin = RequestKind::UploadBegin { model_bytes: upload.file.len() as u32, crc: crc32(contents) };
        let mut stored = self.stored(begin)?;
        progress(stored, contents.len());
        while let Some(rest) = contents.get(stored..).filter(|rest| !rest.is_empty()) {
            let bytes = rest.get(..PART_BYTES).unwrap_or(rest);
            let expected = stored + bytes.len();
            stored = self.stored(RequestKind::UploadPart { offset: stored as u32, bytes })?;
            if stored != expected {
                return Err(LinkError::Mismatch);
            }
            progress(stored, contents.len());
        }
        match self.ask(RequestKind::UploadCommit { face: upload.face, logits: upload.logits })? {
            Answer::Committed => Ok(()),
            _ => Err(LinkError::Mismatch),
        }
    }

    /// Sends the beginning or a part of an upload, and gives the bytes that the device has then.
    fn stored(&mut self, kind: RequestKind<'_>) -> Result<usize, LinkError> {
        match self.ask(kind)? {
            Answer::Stored(bytes) => Ok(bytes as usize),
            _ => Err(LinkError::Mismatch),
        }
    }

    /// Has the device start its boot loader; the link is gone afterwards.
    ///
    /// # Errors
    /// [`LinkError::Refused`] if it has none that can be started so; [`LinkError`].
    pub fn start_boot_loader(&mut self) -> Result<(), LinkError> {
        match self.ask(RequestKind::BootLoader)? {
            Answer::BootLoader => Ok(()),
            _ => Err(LinkError::Mismatch),
        }
    }
}
