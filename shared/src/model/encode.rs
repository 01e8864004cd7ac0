//! Writing a model file, and owning one on the heap.

extern crate alloc;

use alloc::{vec, vec::Vec};
use core::fmt;

use bytemuck::{Pod, Zeroable};

use super::{
    error::ModelError,
    faces::Model,
    network::Network,
    raw::{CRC_BYTES, FORMAT_VERSION, MAGIC, PREFIX_BYTES, WEIGHT_ALIGNMENT},
    record::{Header, Task},
};
use crate::{checksum, operator::check::WeightOffsets, quantization::ChannelParameters, step::StepRecord};

/// One step to be written: its record, its weights and its channel parameters.
#[derive(Clone, Debug)]
pub struct StepSource {
    /// The record; its offsets into the weight section are ignored.
    pub record: StepRecord,
    /// Weights or table in the layout of [`Step::weights`](super::Step::weights).
    pub weights: Vec<i8>,
    /// Channel parameters.
    pub channels: Vec<ChannelParameters>,
}

/// Writes a model file. `step_count` and `weight_bytes` of `header` are filled in.
///
/// # Errors
/// [`EncodeError::TooLarge`]; [`EncodeError::Unsound`] if the result would not pass [`Network::parse`] or, for a classifier of
/// faces, [`Model::new`].
/// So a file that cannot run is never written.
pub fn encode(header: &Header<'_>, steps: &[StepSource]) -> Result<AlignedBytes, EncodeError> {
    let mut section = Vec::new();
    let mut records = Vec::new();
    for step in steps {
        let mut record = step.record;
        let weights = append(&mut section, bytemuck::cast_slice(&step.weights))?;
        let channels = append(&mut section, bytemuck::cast_slice(&step.channels))?;
        record.set_weights(WeightOffsets { weights, channels });
        records.extend(postcard::to_allocvec(&record).map_err(|_| EncodeError::TooLarge)?);
    }
    let step_count = u16::try_from(steps.len()).map_err(|_| EncodeError::TooLarge)?;
    let weight_bytes = u32::try_from(section.len()).map_err(|_| EncodeError::TooLarge)?;
    let header = Header { step_count, weight_bytes, ..*header };
    let mut head = postcard::to_allocvec(&header).map_err(|_| EncodeError::TooLarge)?;
    head.extend(records);

    let weights_start = (PREFIX_BYTES + head.len()).next_multiple_of(WEIGHT_ALIGNMENT);
    let length = weights_start + section.len() + CRC_BYTES;
    let mut file = Vec::with_capacity(length);
    file.extend(MAGIC);
    file.extend(FORMAT_VERSION.to_le_bytes());
    file.extend([0, 0]);
    file.extend(u32::try_from(length).map_err(|_| EncodeError::TooLarge)?.to_le_bytes());
    file.extend(u32::try_from(head.len()).map_err(|_| EncodeError::TooLarge)?.to_le_bytes());
    file.extend(head);
    file.resize(weights_start, 0);
    file.extend(section);
    file.extend(checksum::crc32(&file).to_le_bytes());

    let file = AlignedBytes::new(&file);
    let network = Network::parse(file.as_slice()).map_err(EncodeError::Unsound)?;
    if let Task::Faces(_) = header.task {
        Model::new(network).map_err(EncodeError::Unsound)?;
    }
    Ok(file)
}

/// Appends `bytes` at the next multiple of [`WEIGHT_ALIGNMENT`] and gives their offset; 0 for no bytes.
fn append(section: &mut Vec<u8>, bytes: &[u8]) -> Result<u32, EncodeError> {
    if bytes.is_empty() {
        return Ok(0);
    }
    section.resize(section.len().next_multiple_of(WEIGHT_ALIGNMENT), 0);
    let offset = u32::try_from(section.len()).map_err(|_| EncodeError::TooLarge)?;
    section.extend_from_slice(bytes);
    Ok(offset)
}

/// Why a model could not be written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EncodeError {
    /// More than 65,535 steps or 4 GiB.
    TooLarge,
    /// The description is not a sound model.
    Unsound(ModelError),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeError::TooLarge => write!(f, "the model exceeds 65,535 steps or 4 GiB"),
            EncodeError::Unsound(error) => write!(f, "the model cannot run: {error}"),
        }
    }
}

impl core::error::Error for EncodeError {}

/// Bytes on the heap, aligned to 16, so that a model file can be read in place.
#[derive(Clone, Debug)]
pub struct AlignedBytes {
    blocks: Vec<Block>,
    length: usize,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(16))]
struct Block([u8; 16]);

impl AlignedBytes {
    /// A copy of `bytes`.
    pub fn new(bytes: &[u8]) -> Self {
        let mut blocks = vec![Block([0; 16]); bytes.len().div_ceil(16)];
        bytemuck::cast_slice_mut::<Block, u8>(&mut blocks)[..bytes.len()].copy_from_slice(bytes);
        Self { blocks, length: bytes.len() }
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.blocks)[..self.length]
    }
}
