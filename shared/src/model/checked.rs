//! A model that is known to be sound.

use super::{
    error::ModelError,
    raw::RawModel,
    record::{Arithmetic, FusedPool, Measurement, StepRecord, Tensor},
    validate::validate,
};
use crate::{
    folding::Folding, label::Emotion, operator::Operator, preprocessing::Preprocessing,
    quantization::ChannelParameters, shape::Shape,
};

/// A checked model, borrowed from the bytes of its file. It owns nothing, copies cheaply and needs no allocator.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    raw: RawModel<'a>,
}

/// One step of a checked model, ready to run.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// What is computed.
    pub operator: Operator,
    /// The pair of convolutions that it stands for, if it does.
    pub folding: Option<Folding>,
    /// The pool that takes its output band by band, if one does; [`Step::output`] is then the pool's.
    pub pool: Option<FusedPool>,
    /// The shape of the operator's output, before the pool.
    pub convolved: Shape,
    /// The (first) tensor read.
    pub input: Tensor,
    /// The second tensor read; there for [`Operator::Add`] and for nothing else.
    pub second_input: Option<Tensor>,
    /// The tensor written; it shares no byte with the inputs, but that of an addition may be its first input's place.
    pub output: Tensor,
    /// First byte of the arena behind everything that holds something while the step runs.
    pub scratch_offset: u32,
    /// Bytes from there on that a band of the operator's output takes; 0 without a fused pool.
    pub band_bytes: u32,
    /// Lower end of the clamp on the output.
    pub activation_min: i8,
    /// Upper end of the clamp on the output, not below the lower.
    pub activation_max: i8,
    /// Symmetric weights: convolution OHWI (as many sets of them as [`Step::folding`] says), depthwise HWC, fully connected units x inputs; empty for other operators.
    pub weights: &'a [i8],
    /// One entry an output channel, and likewise as many sets; empty for operators without weights.
    pub channels: &'a [ChannelParameters],
    /// Factors of operators that requantize without weights.
    pub arithmetic: Arithmetic,
}

impl<'a> Model<'a> {
    /// Checks a model file once and for all: envelope, CRC, and of every step the shapes, arena offsets, lifetimes,
    /// overlaps, weight ranges, multipliers and the range of its accumulators.
    ///
    /// # Errors
    /// A [`ModelError`] that names what is wrong and where. No byte string makes it panic.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ModelError> {
        let raw = RawModel::new(bytes)?;
        validate(&raw)?;
        Ok(Self { raw })
    }

    /// Name of the network.
    pub fn name(&self) -> &'a str {
        self.raw.header.name
    }

    /// The indices of the logits' emotions, in their order.
    pub fn label_indices(&self) -> &'a [u8] {
        self.raw.header.labels
    }

    /// The emotions of the logits, in their order.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = Emotion> + 'a {
        // `validate` refused every code that is no emotion.
        self.raw.header.labels.iter().map(|&code| Emotion::from_index(code.into()).unwrap_or(Emotion::Neutral))
    }

    /// What is done to the pixels first.
    pub fn preprocessing(&self) -> Preprocessing {
        self.raw.header.preprocessing
    }

    /// Divides the logits before softmax; positive.
    pub fn temperature(&self) -> f32 {
        self.raw.header.temperature
    }

    /// A readout whose confidence is below is `uncertain`; `0..=1`.
    pub fn threshold(&self) -> f32 {
        self.raw.header.threshold
    }

    /// Bytes of arena that an inference needs.
    pub fn arena_bytes(&self) -> u32 {
        self.raw.header.arena_bytes
    }

    /// Multiply-accumulates of an inference.
    pub fn macs(&self) -> u64 {
        self.raw.header.macs
    }

    /// How good the network was measured to be.
    pub fn measurement(&self) -> Measurement<'a> {
        self.raw.header.measurement
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

    /// The tensor that the preprocessed face is written to.
    pub fn input(&self) -> Tensor {
        self.raw.header.input
    }

    /// The tensor that holds the logits in the end.
    pub fn output(&self) -> Tensor {
        self.steps().last().map_or(self.raw.header.input, |step| step.output)
    }

    /// The steps in the order of execution, decoded from the file one by one.
    pub fn steps(&self) -> Steps<'a> {
        steps(&self.raw)
    }
}

/// Iterator over the [`Step`]s of a model.
#[derive(Clone, Debug)]
pub struct Steps<'a> {
    records: &'a [u8],
    remaining: u16,
    weights: &'a [u8],
}

pub(super) fn steps<'a>(raw: &RawModel<'a>) -> Steps<'a> {
    Steps { records: raw.records, remaining: raw.header.step_count, weights: raw.weights }
}

impl<'a> Steps<'a> {
    /// The next record as it stands in the file; `Ok(None)` after the last.
    pub(super) fn next_record(&mut self) -> Result<Option<StepRecord>, postcard::Error> {
        if self.remaining == 0 {
            return if self.records.is_empty() { Ok(None) } else { Err(postcard::Error::DeserializeBadEncoding) };
        }
        let (record, rest) = postcard::take_from_bytes(self.records)?;
        self.records = rest;
        self.remaining -= 1;
        Ok(Some(record))
    }

    /// The record together with its weights; `None` if they lie outside the weight section or are not aligned.
    pub(super) fn resolve(&self, record: &StepRecord) -> Option<Step<'a>> {
        let StepRecord { operator, folding, pool, input, second_input, output, scratch_offset, .. } = *record;
        let StepRecord { activation_min, activation_max, arithmetic, .. } = *record;
        let (convolved, _) = record.output_shapes().ok()?;
        let band_bytes = pool.map_or(Some(0), |pool| pool.band_bytes(convolved))?;
        let sets = folding.map_or(1, |folding| folding.sets());
        let count = usize::try_from(operator.weight_count(input.shape).checked_mul(sets.into())?).ok()?;
        let bytes = self.section(record.weights_offset, count)?;
        let channels = u32::from(operator.weighted_channels(input.shape)).checked_mul(sets)?;
        let parameter_bytes = usize::try_from(channels).ok()?.checked_mul(size_of::<ChannelParameters>())?;
        let parameters = self.section(record.channels_offset, parameter_bytes)?;
        Some(Step {
            operator,
            folding,
            pool,
            convolved,
            input,
            second_input,
            output,
            scratch_offset,
            band_bytes,
            activation_min,
            activation_max,
            weights: bytemuck::cast_slice(bytes),
            // An empty slice has no address that would have to be aligned.
            channels: if parameters.is_empty() { &[] } else { bytemuck::try_cast_slice(parameters).ok()? },
            arithmetic,
        })
    }

    fn section(&self, offset: u32, length: usize) -> Option<&'a [u8]> {
        if length == 0 {
            return Some(&[]);
        }
        let start = offset as usize;
        self.weights.get(start..start.checked_add(length)?)
    }
}

impl<'a> Iterator for Steps<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        // `validate` decoded and resolved every record before a `Model` was handed out.
        let record = self.next_record().ok()??;
        self.resolve(&record)
    }
}
