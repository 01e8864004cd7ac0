//! Models that a host puts on the device.

use core::fmt;

use embedded_io::{Read, ReadReady, Write};
use shared::{
    label::Emotion,
    model::{Model, ModelError},
    preprocessing::FACE_PIXELS,
    wire::{ErrorCode, ReplyKind, StoreIdentity, Unfit, Wear},
};

use super::{Clock, Device};
use crate::{
    camera::Camera,
    engine::{Engine, EngineError},
};

/// Where a device keeps models: two places, of which one is written while the model of the other runs. Contents are a model file,
/// filled up with zeros to a multiple of 16 bytes.
///
/// Errors are [`ErrorCode::ModelSize`], [`ErrorCode::NoUpload`], [`ErrorCode::UploadOrder`], [`ErrorCode::UploadChecksum`] and
/// [`ErrorCode::Store`].
pub trait ModelStore: fmt::Debug {
    /// What a host is told.
    fn identity(&self) -> StoreIdentity<'static>;

    /// How often it was erased, if it wears out by that.
    fn wear(&self) -> Option<Wear>;

    /// Begins an upload, or goes on with one of the same size and checksum. Gives the bytes of the contents that are there already.
    ///
    /// # Errors
    /// If the model is too large, or the store fails.
    fn begin(&mut self, model_bytes: u32, crc: u32) -> Result<u32, ErrorCode>;

    /// Takes the next bytes of the contents, which begin at `offset`. Gives the bytes that are there now.
    ///
    /// # Errors
    /// If they do not follow what is there, go beyond the end, or the store fails.
    fn take(&mut self, offset: u32, bytes: &[u8]) -> Result<u32, ErrorCode>;

    /// The model file, at a multiple of 16 in memory, once it is whole and its checksum is right.
    ///
    /// # Errors
    /// If it is not whole, or not what was sent.
    fn whole(&mut self) -> Result<&[u8], ErrorCode>;

    /// Makes the model that is whole the one that starts next, even if the power is cut on the way: then that one or the one before does.
    ///
    /// # Errors
    /// If it is not whole, or the store fails.
    fn commit(&mut self) -> Result<(), ErrorCode>;
}

impl<'arena, S, C, V> Device<'_, 'arena, S, C, V> {
    /// Has the device take models from hosts.
    #[must_use]
    pub fn with_store(mut self, store: &'arena mut dyn ModelStore) -> Self {
        self.store = Some(store);
        self
    }

    /// Has the device start a boot loader when a host asks for it.
    #[must_use]
    pub fn with_boot_loader(mut self, start: fn() -> !) -> Self {
        self.boot_loader = Some(start);
        self
    }

    /// Whether another model was kept. Whoever runs the device begins anew with it.
    pub fn is_replaced(&self) -> bool {
        self.replaced
    }
}

impl<S: Read + ReadReady + Write, C: Clock, V: Camera> Device<'_, '_, S, C, V> {
    pub(super) fn begin_upload(&mut self, model_bytes: u32, crc: u32) -> Result<ReplyKind<'static>, ErrorCode> {
        let store = self.store.as_mut().ok_or(ErrorCode::NoStore)?;
        store.begin(model_bytes, crc).map(|bytes| ReplyKind::Stored { bytes })
    }

    pub(super) fn take_upload(&mut self, offset: u32, bytes: &[u8]) -> Result<ReplyKind<'static>, ErrorCode> {
        let store = self.store.as_mut().ok_or(ErrorCode::NoStore)?;
        store.take(offset, bytes).map(|bytes| ReplyKind::Stored { bytes })
    }

    pub(super) fn commit_upload(
        &mut self,
        face: u8,
        logits: [i8; Emotion::COUNT],
    ) -> Result<ReplyKind<'static>, ErrorCode> {
        let store = self.store.as_mut().ok_or(ErrorCode::NoStore)?;
        let face = self.board.demo_faces.get(usize::from(face)).ok_or(ErrorCode::Unfit(Unfit::NoFace))?;
        let found = logits_of(store.whole()?, self.engine.arena(), face).map_err(ErrorCode::Unfit)?;
        if found != logits {
            return Err(ErrorCode::Unfit(Unfit::Logits));
        }
        store.commit()?;
        self.replaced = true;
        Ok(ReplyKind::Committed)
    }
}

/// The logits that the model of a file gives for a face, the lowest value beyond them.
fn logits_of(file: &[u8], arena: &mut [i8], face: &[u8; FACE_PIXELS]) -> Result<[i8; Emotion::COUNT], Unfit> {
    let model = Model::parse(file).map_err(|error| match error {
        ModelError::UnsupportedVersion { found, supported } => Unfit::Format { found, newest: supported },
        _ => Unfit::Broken,
    })?;
    let unfit = |error| match error {
        EngineError::ArenaTooSmall { need, have } => {
            Unfit::Arena { need, have: u32::try_from(have).unwrap_or(u32::MAX) }
        }
        _ => Unfit::Broken,
    };
    let mut engine = Engine::new(&model, arena).map_err(unfit)?;
    Ok(super::faces::padded(engine.run(face).map_err(unfit)?))
}
