//! A checked network: steps, arena, any input and outputs.

use super::{
    error::ModelError,
    raw::RawModel,
    record::Header,
    steps::{Steps, steps},
    validate::validate,
};
use crate::tensor::Tensor;

/// A checked network, borrowed from the bytes of its file. It owns nothing, copies cheaply and needs no allocator. It
/// may have any task; a [`Model`](super::Model) is a network that classifies faces.
#[derive(Clone, Copy, Debug)]
pub struct Network<'a> {
    raw: RawModel<'a>,
}

impl<'a> Network<'a> {
    /// Reads and checks a model file: envelope, CRC, and for every step its shapes, arena offsets, lifetimes,
    /// overlaps, weight ranges, multipliers and the range of its accumulators.
    ///
    /// # Errors
    /// A [`ModelError`] that names what is wrong and where. No byte string makes it panic.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ModelError> {
        let raw = RawModel::new(bytes)?;
        validate(&raw)?;
        Ok(Self { raw })
    }

    /// What the header says.
    pub(super) fn header(&self) -> &Header<'a> {
        &self.raw.header
    }

    /// Name of the network.
    pub fn name(&self) -> &'a str {
        self.raw.header.name
    }

    /// Bytes of arena that an inference needs.
    pub fn arena_bytes(&self) -> u32 {
        self.raw.header.arena_bytes
    }

    /// Multiply-accumulates of an inference.
    pub fn macs(&self) -> u64 {
        self.raw.header.macs
    }

    /// Hash of the training configuration.
    pub fn training_hash(&self) -> u64 {
        self.raw.header.training_hash
    }

    /// Bytes of the weight section.
    pub fn weight_bytes(&self) -> u32 {
        self.raw.header.weight_bytes
    }

    /// CRC-32 of the file, its identity on the wire.
    pub fn crc(&self) -> u32 {
        self.raw.crc
    }

    /// The tensor that is written before the first step.
    pub fn input(&self) -> Tensor {
        self.raw.header.input
    }

    /// The tensors that hold the network's answer after the last step.
    pub fn outputs(&self) -> impl Iterator<Item = Tensor> + use<'a> {
        let steps = self.steps();
        self.raw.header.outputs.iter().filter_map(move |&step| Some(steps.clone().nth(step.into())?.output))
    }

    /// The [steps](crate::step::Step) in the order of execution, decoded from the file one by one.
    pub fn steps(&self) -> Steps<'a> {
        steps(&self.raw)
    }
}
