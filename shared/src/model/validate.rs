//! What makes a model sound. Everything the kernels rely on is checked here, once.

use heapless::Vec;

use super::{
    checked::{Step, steps},
    error::ModelError,
    raw::RawModel,
    record::{Arithmetic, FusedPool, Header, StepRecord, Tensor, is_name},
};
use crate::{
    label::Emotion,
    operator::Operator,
    preprocessing::FACE_SIZE,
    quantization::{AddParameters, Quantization, Requantization},
    shape::Shape,
};

/// Tensors that may hold a result at the same time: a bound on the checker's memory, far above what a network needs.
const LIVE_TENSORS: usize = 32;

/// Largest magnitude of an activation minus its zero point.
const LARGEST_INPUT: i64 = 255;

/// Largest magnitude of a weight.
const LARGEST_WEIGHT: i64 = 128;

pub(super) fn validate(raw: &RawModel<'_>) -> Result<(), ModelError> {
    check_header(&raw.header)?;
    let mut live: Vec<Tensor, LIVE_TENSORS> = Vec::new();
    let _ = live.push(raw.header.input);
    let mut remaining = steps(raw);
    let mut index = 0;
    let mut output = None;
    while let Some(record) = remaining.next_record().map_err(|_| ModelError::Record { step: index })? {
        check_tensors(&record, index, raw.header.arena_bytes, &live)?;
        let step = remaining.resolve(&record).ok_or_else(|| unresolved(raw, index))?;
        check_arithmetic(&step, index)?;
        check_scratch(&step, index, raw.header.arena_bytes)?;
        follow(&mut live, &step).map_err(|()| ModelError::TooManyTensors { step: index })?;
        output = Some(record.output);
        index += 1;
    }
    match output {
        None => Err(ModelError::NoSteps),
        Some(tensor) if tensor.shape == Shape::vector(raw.header.labels.len() as u16) => Ok(()),
        Some(_) => Err(ModelError::Logits),
    }
}

fn check_header(header: &Header<'_>) -> Result<(), ModelError> {
    if !is_name(header.name) {
        return Err(ModelError::Name);
    }
    let mut seen = [false; Emotion::COUNT];
    for &code in header.labels {
        match seen.get_mut(usize::from(code)) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(ModelError::Labels),
        }
    }
    if header.labels.is_empty() {
        return Err(ModelError::Labels);
    }
    let temperature = header.temperature.is_finite() && header.temperature > 0.0;
    if !temperature || !(0.0..=1.0).contains(&header.threshold) {
        return Err(ModelError::Calibration);
    }
    let preprocessing = header.preprocessing;
    let shape = Shape::new(FACE_SIZE as u16, FACE_SIZE as u16, preprocessing.channels());
    let quantization = Quantization { scale: preprocessing.scale(), zero_point: preprocessing.zero_point() };
    let real = quantization.scale.is_finite();
    if !real || header.input.shape != shape || header.input.quantization != quantization {
        return Err(ModelError::Input);
    }
    if !inside(&header.input, header.arena_bytes) {
        return Err(ModelError::OutsideArena { step: 0 });
    }
    Ok(())
}

fn unresolved(raw: &RawModel<'_>, step: u16) -> ModelError {
    if raw.weights.as_ptr().addr().is_multiple_of(4) { ModelError::Weights { step } } else { ModelError::Misaligned }
}

/// Shapes, lifetimes and places of the tensors of one step.
fn check_tensors(record: &StepRecord, step: u16, arena: u32, live: &[Tensor]) -> Result<(), ModelError> {
    let (convolved, expected) = record.output_shapes().map_err(|error| ModelError::Shape { step, error })?;
    if record.output.shape != expected {
        return Err(ModelError::OutputShape { step });
    }
    let folds = record.folding.is_none_or(|folding| folding.fits(record.operator, record.input.shape));
    if !folds || !record.pool.is_none_or(|pool| can_be_fused(record.operator, convolved, pool)) {
        return Err(ModelError::Fusion { step });
    }
    let second = record.second_input;
    let inputs_fit = second.is_some() == (record.operator.input_count() == 2)
        && second.is_none_or(|tensor| tensor.shape == record.input.shape);
    if !inputs_fit {
        return Err(ModelError::Inputs { step });
    }
    if !inside(&record.output, arena) {
        return Err(ModelError::OutsideArena { step });
    }
    for input in core::iter::once(record.input).chain(second) {
        if !live.contains(&input) {
            return Err(ModelError::DeadInput { step });
        }
        if overlap(&input, &record.output) && !is_in_place(record, &input) {
            return Err(ModelError::Overlap { step });
        }
    }
    Ok(())
}

/// Whether bands of a convolution are all that bands of the pool need.
fn can_be_fused(operator: Operator, convolved: Shape, pool: FusedPool) -> bool {
    let (Operator::MaxPool2d { window } | Operator::AveragePool2d { window }) = pool.operator else { return false };
    let rows = u32::from(convolved.height) / u32::from(window.stride_height.max(1));
    matches!(operator, Operator::Conv2d { .. })
        && window.kernel_height == window.stride_height
        && window
            .output_size(convolved.height, convolved.width)
            .is_some_and(|(height, _)| u32::from(height) <= rows && (1..=height).contains(&pool.band_rows))
}

/// Whether the output takes the place of the first input, each value that of the value that it is made of.
fn is_in_place(record: &StepRecord, input: &Tensor) -> bool {
    record.operator == Operator::Add
        && *input == record.input
        && record.output.offset == input.offset
        && record.second_input.is_some_and(|second| !overlap(&second, input))
}

/// The place of working memory: behind the step's tensors, and a band fits the arena.
fn check_scratch(step: &Step<'_>, index: u16, arena: u32) -> Result<(), ModelError> {
    let tensors = [Some(step.input), step.second_input, Some(step.output)];
    let behind =
        tensors.iter().flatten().all(|tensor| tensor.range().is_some_and(|range| range.end <= step.scratch_offset));
    let end = step.scratch_offset.checked_add(step.band_bytes);
    if behind && end.is_some_and(|end| end <= arena) { Ok(()) } else { Err(ModelError::Scratch { step: index }) }
}

/// Ranges of everything a step multiplies, shifts, sums and clamps.
fn check_arithmetic(step: &Step<'_>, index: u16) -> Result<(), ModelError> {
    let quantization = ModelError::Quantization { step: index };
    let accumulator = ModelError::Accumulator { step: index };
    let Quantization { scale, .. } = step.output.quantization;
    if !(scale.is_finite() && scale > 0.0) || step.activation_min > step.activation_max {
        return Err(quantization);
    }
    let same_scale = step.input.quantization == step.output.quantization;
    let pixels = i64::from(step.input.shape.height) * i64::from(step.input.shape.width);
    match (step.operator, step.arithmetic) {
        (Operator::MaxPool2d { .. } | Operator::AveragePool2d { .. }, Arithmetic::None) if same_scale => Ok(()),
        (Operator::GlobalAveragePool, Arithmetic::Mean(factor)) if factor.is_valid_in_a_mean() => {
            if fits(pixels * LARGEST_INPUT, factor) { Ok(()) } else { Err(accumulator) }
        }
        (Operator::Add, Arithmetic::Add(AddParameters { left, right, output })) => {
            // With factors below one nothing in an addition can overflow: 2 * 255 * 2^20 < 2^30.
            let sound = [left, right, output].iter().all(|factor| factor.is_valid() && factor.shift <= 0);
            if sound { Ok(()) } else { Err(quantization) }
        }
        (
            Operator::Conv2d { .. } | Operator::DepthwiseConv2d { .. } | Operator::FullyConnected { .. },
            Arithmetic::None,
        ) => check_channels(step, quantization, accumulator),
        _ => Err(quantization),
    }
}

fn check_channels(step: &Step<'_>, quantization: ModelError, accumulator: ModelError) -> Result<(), ModelError> {
    let products = step.weights.len().checked_div(step.channels.len()).unwrap_or(0) as i64;
    let largest_sum = products.saturating_mul(LARGEST_INPUT * LARGEST_WEIGHT);
    for channel in step.channels {
        if !channel.requantization().is_valid() {
            return Err(quantization);
        }
        let largest = largest_sum.saturating_add(i64::from(channel.bias).abs());
        if !fits(largest, channel.requantization()) {
            return Err(accumulator);
        }
    }
    Ok(())
}

/// Whether `magnitude`, shifted left as `factor` asks, fits an `i32`.
fn fits(magnitude: i64, factor: Requantization) -> bool {
    magnitude <= i64::from(i32::MAX >> factor.shift.max(0))
}

fn inside(tensor: &Tensor, arena: u32) -> bool {
    tensor.range().is_some_and(|range| range.end <= arena)
}

fn overlap(a: &Tensor, b: &Tensor) -> bool {
    match (a.range(), b.range()) {
        (Some(a), Some(b)) => a.start < b.end && b.start < a.end,
        _ => true,
    }
}

/// Takes note that the step has run: what its output or its working memory overlaps is gone.
fn follow(live: &mut Vec<Tensor, LIVE_TENSORS>, step: &Step<'_>) -> Result<(), ()> {
    let kept = |tensor: &Tensor| tensor.range().is_some_and(|range| range.end <= step.scratch_offset);
    live.retain(|tensor| kept(tensor) && !overlap(tensor, &step.output));
    live.push(step.output).map_err(|_| ())
}
