//! What makes a network sound. Everything the kernels rely on is checked here and in the files of the operators, once.

use heapless::Vec;

use super::{
    error::ModelError,
    raw::RawModel,
    record::{Header, is_name},
    steps::steps,
};
use crate::{
    operator::check::StepError,
    step::{Step, StepRecord},
    tensor::Tensor,
};

/// Tensors that may hold a result at the same time: a bound on the checker's memory, far above what a network needs.
const LIVE_TENSORS: usize = 32;

/// A tensor that holds a result, with the number of the step that wrote it; `None` for the input.
type Live = Vec<(Option<u16>, Tensor), LIVE_TENSORS>;

pub(super) fn validate(raw: &RawModel<'_>) -> Result<(), ModelError> {
    check_header(&raw.header)?;
    let mut live = Live::new();
    let _ = live.push((None, raw.header.input));
    let mut remaining = steps(raw);
    let mut step = 0;
    loop {
        let error = |error: StepError| match error {
            StepError::Weights if !is_aligned(raw) => ModelError::Misaligned,
            error => ModelError::Step { step, error },
        };
        let Some(record) = remaining.next_record().map_err(error)? else { break };
        check_tensors(&record, raw.header.arena_bytes, &live).map_err(error)?;
        let resolved = remaining.resolve(&record).map_err(error)?;
        resolved.check().map_err(error)?;
        check_scratch(&resolved, raw.header.arena_bytes).map_err(error)?;
        drop_overwritten(&mut live, &resolved);
        live.push((Some(step), resolved.output)).map_err(|_| error(StepError::TooManyTensors))?;
        step += 1;
    }
    if step == 0 {
        return Err(ModelError::NoSteps);
    }
    let held = |&output: &u8| live.iter().any(|(writer, _)| *writer == Some(output.into()));
    if raw.header.outputs.is_empty() || !raw.header.outputs.iter().all(held) {
        return Err(ModelError::Outputs);
    }
    Ok(())
}

fn check_header(header: &Header<'_>) -> Result<(), ModelError> {
    if !is_name(header.name) {
        return Err(ModelError::Name);
    }
    let scale = header.input.quantization.scale;
    if !(scale.is_finite() && scale > 0.0) {
        return Err(ModelError::Input);
    }
    if !header.input.is_inside(header.arena_bytes) {
        return Err(ModelError::Step { step: 0, error: StepError::OutsideArena });
    }
    Ok(())
}

fn is_aligned(raw: &RawModel<'_>) -> bool {
    raw.weights.as_ptr().addr().is_multiple_of(4)
}

/// Shapes, lifetimes and places of the tensors of one step.
fn check_tensors(record: &StepRecord, arena: u32, live: &Live) -> Result<(), StepError> {
    if record.output.shape != record.output_shape()? {
        return Err(StepError::OutputShape);
    }
    record.check()?;
    if !record.output.is_inside(arena) {
        return Err(StepError::OutsideArena);
    }
    let (first, second) = record.inputs();
    for input in core::iter::once(first).chain(second) {
        if !live.iter().any(|(_, tensor)| *tensor == input) {
            return Err(StepError::DeadInput);
        }
        if input.overlaps(&record.output) && !(input == first && record.is_in_place()) {
            return Err(StepError::Overlap);
        }
    }
    Ok(())
}

/// The place of working memory: behind the step's tensors, and a band fits the arena.
fn check_scratch(step: &Step<'_>, arena: u32) -> Result<(), StepError> {
    let (first, second) = step.inputs();
    let mut tensors = [first, step.output].into_iter().chain(second);
    let behind = tensors.all(|tensor| tensor.range().is_some_and(|range| range.end <= step.scratch_offset));
    let end = step.scratch_offset.checked_add(step.band_bytes());
    if behind && end.is_some_and(|end| end <= arena) { Ok(()) } else { Err(StepError::Scratch) }
}

/// Drops tensors that the step overwrote, with its output or its working memory.
fn drop_overwritten(live: &mut Live, step: &Step<'_>) {
    live.retain(|(_, tensor)| {
        let kept = tensor.range().is_some_and(|range| range.end <= step.scratch_offset);
        kept && !tensor.overlaps(&step.output)
    });
}
