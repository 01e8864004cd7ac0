//! Makes the steps of a changed network fit each other again: shapes, places in the arena, weights, factors. Without it nearly
//! every change of an operator ends at the first check behind it.

use postcard::take_from_bytes;
use shared::{
    model::{FORMAT_VERSION, Header, OperationRecord, StepRecord, Task, Tensor, WeightOffsets},
    operator::logistic,
    quantization::{Quantization, Requantization},
    shape::Shape,
};

use crate::envelope::Contents;

/// Steps of the largest network that is mended.
const MOST_STEPS: usize = 40;

/// Mends what can be: up to the first step whose operator has no output for its input. The weight section grows to
/// `most_weights` bytes at most. Files of older versions stay as they are.
pub fn mend(contents: &mut Contents, most_weights: usize) {
    if contents.version != FORMAT_VERSION {
        return;
    }
    let Ok((header, mut rest)) = take_from_bytes::<Header<'_>>(&contents.header) else { return };
    let mut records = Vec::new();
    while let Ok((record, behind)) = take_from_bytes::<StepRecord>(rest)
        && records.len() < MOST_STEPS
    {
        records.push(record);
        rest = behind;
    }
    if let Some(written) = write(header, records, &mut contents.weights, most_weights) {
        contents.header = written;
    }
}

/// Header and records of a network whose steps fit each other; `None` if none is left.
pub fn write(
    mut header: Header<'_>,
    records: Vec<StepRecord>,
    weights: &mut Vec<u8>,
    most_weights: usize,
) -> Option<Vec<u8>> {
    if let Task::Faces(faces) = header.task {
        header.input.shape = Shape::new(48, 48, faces.preprocessing.channels());
        let (scale, zero_point) = (faces.preprocessing.scale(), faces.preprocessing.zero_point());
        header.input.quantization = Quantization { scale, zero_point };
    }
    header.input.quantization.scale = sound_scale(header.input.quantization.scale);
    let mut network =
        Mended { tensors: vec![(header.input, header.input)], end: end(&header.input), weights, most_weights };
    let records: Vec<StepRecord> = records.into_iter().map_while(|record| network.step(record)).collect();
    let count = u16::try_from(records.len()).ok().filter(|&count| count > 0)?;
    let last = [count as u8 - 1];
    let written = !header.outputs.is_empty() && header.outputs.iter().all(|&output| u16::from(output) < count);
    let header = Header {
        outputs: if written { header.outputs } else { &last },
        arena_bytes: network.end,
        step_count: count,
        weight_bytes: network.weights.len() as u32,
        ..header
    };
    let mut written = postcard::to_allocvec(&header).ok()?;
    for record in records {
        written.extend(postcard::to_allocvec(&record).ok()?);
    }
    Some(written)
}

struct Mended<'a> {
    /// Every tensor as it was, and as it is now.
    tensors: Vec<(Tensor, Tensor)>,
    /// End of the arena.
    end: u32,
    weights: &'a mut Vec<u8>,
    most_weights: usize,
}

impl Mended<'_> {
    fn step(&mut self, mut record: StepRecord) -> Option<StepRecord> {
        let before = record.output;
        for input in inputs(&mut record.operation) {
            *input = self.tensor(*input);
        }
        let (first, second) = record.inputs();
        record.output.shape = output_shape(&record)?;
        record.output.quantization.scale = sound_scale(record.output.quantization.scale);
        if record.activation_min > record.activation_max {
            (record.activation_min, record.activation_max) = (record.activation_max, record.activation_min);
        }
        self.fit_operation(&mut record)?;
        // What overlaps an input without being in its place, and what is far away, goes to the end.
        let in_place = second.is_some_and(|second| record.output.offset == first.offset && !second.overlaps(&first));
        let overlaps = |input: Tensor| record.output.overlaps(&input);
        if record.output.range().is_none_or(|range| range.end > self.end.saturating_add(64))
            || (!in_place && (overlaps(first) || second.is_some_and(overlaps)))
        {
            record.output.offset = self.end;
        }
        let (start, band) = (record.scratch_offset, band_bytes(&record)?);
        let behind = [first, record.output].into_iter().chain(second).map(|tensor| end(&tensor)).max()?;
        record.scratch_offset = if start > self.end.saturating_add(64) { self.end } else { start }.max(behind);
        self.end = self.end.max(record.scratch_offset.checked_add(band)?);
        self.tensors.push((before, record.output));
        Some(record)
    }

    /// What became of a tensor; of one that nobody wrote, any.
    fn tensor(&self, wanted: Tensor) -> Tensor {
        let found = self.tensors.iter().rev().find(|(before, now)| *before == wanted || *now == wanted);
        let (_, now) = found.unwrap_or(&self.tensors[wanted.offset as usize % self.tensors.len()]);
        *now
    }

    /// What an operator asks of its tensors, weights and factors.
    fn fit_operation(&mut self, record: &mut StepRecord) -> Option<()> {
        let shape = record.input().shape;
        let (operator, output) = (record.operator(), record.output.shape);
        match &mut record.operation {
            OperationRecord::Conv2d(conv) => {
                if let Some(fused) = &mut conv.pool {
                    fused.band_rows = fused.band_rows.clamp(1, output.height);
                }
                let sets = conv.folding.map_or(1, |folding| folding.sets()) as usize;
                let count = usize::try_from(operator.weight_count(shape)).ok()?;
                let channels = usize::from(operator.weighted_channels(shape)).checked_mul(sets)?;
                conv.weights = self.weighted(conv.weights, count.checked_mul(sets)?, channels)?;
            }
            OperationRecord::DepthwiseConv2d(conv) => {
                let count = usize::try_from(operator.weight_count(shape)).ok()?;
                conv.weights = self.weighted(conv.weights, count, operator.weighted_channels(shape).into())?;
            }
            OperationRecord::FullyConnected(dense) => {
                let count = usize::try_from(operator.weight_count(shape)).ok()?;
                dense.weights = self.weighted(dense.weights, count, operator.weighted_channels(shape).into())?;
            }
            OperationRecord::Logistic(logistic) => {
                logistic.table_offset = self.place(logistic.table_offset, logistic::TABLE, 1)?;
                record.output.quantization = logistic::OUTPUT;
                (record.activation_min, record.activation_max) = (i8::MIN, i8::MAX);
            }
            OperationRecord::Pool2d(pool) => record.output.quantization = pool.input.quantization,
            OperationRecord::GlobalAveragePool(mean) => {
                mean.factor = Requantization { multiplier: mean.factor.multiplier & i32::MAX, ..sound(mean.factor) };
            }
            OperationRecord::Add(add) => {
                let factors = &mut add.factors;
                for factor in [&mut factors.left, &mut factors.right, &mut factors.output] {
                    *factor = sound(*factor);
                }
            }
            OperationRecord::Mul(mul) => mul.factor = sound(mul.factor),
        }
        Some(())
    }

    fn weighted(&mut self, offsets: WeightOffsets, count: usize, channels: usize) -> Option<WeightOffsets> {
        let weights = self.place(offsets.weights, count, 1)?;
        let start = self.place(offsets.channels & !3, channels.checked_mul(12)?, 4)?;
        let parameters = self.weights.get_mut(start as usize..)?.chunks_exact_mut(12).take(channels);
        for channel in parameters {
            let word = |at: usize| i32::from_le_bytes([channel[at], channel[at + 1], channel[at + 2], channel[at + 3]]);
            let factor = sound(Requantization { multiplier: word(4), shift: word(8) });
            let bias = word(0) >> 10;
            channel[..4].copy_from_slice(&bias.to_le_bytes());
            channel[4..8].copy_from_slice(&factor.multiplier.to_le_bytes());
            channel[8..].copy_from_slice(&factor.shift.to_le_bytes());
        }
        Some(WeightOffsets { weights, channels: start })
    }

    /// The offset of `count` bytes of weights, from `offset` on if that is in the section, which grows as far as it may.
    fn place(&mut self, offset: u32, count: usize, alignment: usize) -> Option<u32> {
        let start = (offset as usize).min(self.weights.len()).next_multiple_of(alignment);
        let end = start.checked_add(count).filter(|&end| end <= self.most_weights.max(self.weights.len()))?;
        for index in self.weights.len()..end {
            self.weights.push((index * index * 13 + index * 7) as u8);
        }
        Some(start as u32)
    }
}

fn inputs(operation: &mut OperationRecord) -> Vec<&mut Tensor> {
    match operation {
        OperationRecord::Conv2d(conv) => vec![&mut conv.input],
        OperationRecord::DepthwiseConv2d(conv) => vec![&mut conv.input],
        OperationRecord::Pool2d(pool) => vec![&mut pool.input],
        OperationRecord::GlobalAveragePool(mean) => vec![&mut mean.input],
        OperationRecord::Logistic(logistic) => vec![&mut logistic.input],
        OperationRecord::FullyConnected(dense) => vec![&mut dense.input],
        OperationRecord::Add(add) => vec![&mut add.left, &mut add.right],
        OperationRecord::Mul(mul) => vec![&mut mul.left, &mut mul.right],
    }
}

/// The shape of the output, behind a fused pool; `None` if there is none.
fn output_shape(record: &StepRecord) -> Option<Shape> {
    let shape = record.operator().output_shape(record.input().shape).ok()?;
    match record.operation {
        OperationRecord::Conv2d(conv) => conv.pool.map_or(Some(shape), |fused| fused.pool.output_shape(shape)),
        _ => Some(shape),
    }
}

fn band_bytes(record: &StepRecord) -> Option<u32> {
    match record.operation {
        OperationRecord::Conv2d(conv) => {
            let convolved = record.operator().output_shape(conv.input.shape).ok()?;
            conv.pool.map_or(Some(0), |fused| fused.band_bytes(convolved))
        }
        _ => Some(0),
    }
}

fn end(tensor: &Tensor) -> u32 {
    tensor.range().map_or(u32::MAX, |range| range.end)
}

/// A factor in its range, with a shift that is never to the left.
fn sound(factor: Requantization) -> Requantization {
    let multiplier = if factor.multiplier == 0 { 0 } else { factor.multiplier & i32::MAX | 1 << 30 };
    let shift = if (-31..=0).contains(&factor.shift) { factor.shift } else { -(factor.shift & 15) };
    Requantization { multiplier, shift }
}

fn sound_scale(scale: f32) -> f32 {
    if scale.is_finite() && scale > 0.0 { scale } else { 0.05 }
}
