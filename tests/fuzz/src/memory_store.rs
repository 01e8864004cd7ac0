//! A device's store in memory: no flash, no files, and nothing of the code that it is tested with.

use firmware::device::ModelStore;
use shared::{
    checksum::crc32,
    image::Processor,
    model::{AlignedBytes, FORMAT_VERSION, OLDEST_VERSION},
    wire::{ErrorCode, Running, StoreIdentity, Wear},
};

/// Two places for models, and what there is of an upload.
#[derive(Debug, Default)]
pub struct MemoryStore {
    /// The models that were kept, the newest last.
    pub kept: Vec<AlignedBytes>,
    /// Bytes of memory that the device has for tensors.
    pub arena_bytes: u32,
    /// The board's name, as a host is told.
    pub board: &'static str,
    /// What its kernels use, likewise.
    pub processor: Option<Processor>,
    /// Most bytes of a model file.
    pub most: u32,
    /// What is asked for after so many parts fails, until it is asked once more.
    pub fails_after: Option<usize>,
    /// Parts that were taken.
    pub parts: usize,
    upload: Option<(u32, u32, Vec<u8>)>,
    whole: Option<AlignedBytes>,
}

impl MemoryStore {
    /// Room for models of up to so many bytes.
    pub fn new(arena_bytes: u32, most: u32) -> Self {
        Self { arena_bytes, most, board: "memory", ..Self::default() }
    }

    /// The newest model that was kept.
    pub fn newest(&self) -> Option<AlignedBytes> {
        self.kept.last().map(|file| AlignedBytes::new(file.as_slice()))
    }

    fn running(&self) -> Running {
        match self.kept.len() {
            0 => Running::BuiltIn,
            count if count % 2 == 1 => Running::A,
            _ => Running::B,
        }
    }
}

impl ModelStore for MemoryStore {
    fn identity(&self) -> StoreIdentity<'static> {
        let (arena_bytes, model_bytes, running) = (self.arena_bytes, self.most, self.running());
        let formats = [OLDEST_VERSION, FORMAT_VERSION];
        StoreIdentity { board: self.board, arena_bytes, processor: self.processor, model_bytes, formats, running }
    }

    fn wear(&self) -> Option<Wear> {
        Some(Wear { slot_a: self.kept.len() as u32, slot_b: 0, journal: 0 })
    }

    fn begin(&mut self, model_bytes: u32, crc: u32) -> Result<u32, ErrorCode> {
        if model_bytes == 0 || model_bytes > self.most {
            return Err(ErrorCode::ModelSize { bytes: model_bytes, most: self.most });
        }
        self.whole = None;
        match &self.upload {
            Some((bytes, checksum, arrived)) if (*bytes, *checksum) == (model_bytes, crc) => Ok(arrived.len() as u32),
            _ => {
                self.upload = Some((model_bytes, crc, Vec::new()));
                Ok(0)
            }
        }
    }

    fn take(&mut self, offset: u32, bytes: &[u8]) -> Result<u32, ErrorCode> {
        if self.fails_after == Some(self.parts) {
            self.fails_after = None;
            return Err(ErrorCode::Store);
        }
        let (model_bytes, _, arrived) = self.upload.as_mut().ok_or(ErrorCode::NoUpload)?;
        if offset as usize != arrived.len() {
            return Err(ErrorCode::UploadOrder { expected: arrived.len() as u32, found: offset });
        }
        let (end, all) = (arrived.len() + bytes.len(), model_bytes.next_multiple_of(16));
        if end > all as usize {
            return Err(ErrorCode::UploadOrder { expected: all, found: end as u32 });
        }
        arrived.extend(bytes);
        self.parts += 1;
        Ok(end as u32)
    }

    fn whole(&mut self) -> Result<&[u8], ErrorCode> {
        let (model_bytes, crc, arrived) = self.upload.as_ref().ok_or(ErrorCode::NoUpload)?;
        let all = model_bytes.next_multiple_of(16);
        if arrived.len() != all as usize {
            return Err(ErrorCode::UploadOrder { expected: arrived.len() as u32, found: all });
        }
        if crc32(arrived) != *crc {
            self.upload = None;
            return Err(ErrorCode::UploadChecksum);
        }
        Ok(self.whole.insert(AlignedBytes::new(&arrived[..*model_bytes as usize])).as_slice())
    }

    fn commit(&mut self) -> Result<(), ErrorCode> {
        self.kept.push(self.whole.take().ok_or(ErrorCode::NoUpload)?);
        self.upload = None;
        Ok(())
    }
}
