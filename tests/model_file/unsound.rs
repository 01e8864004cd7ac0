//! Descriptions that are refused, each with its reason.

use shared::{
    folding::Folding,
    model::{EncodeError, FaceHeader, FusedPool, ModelError, OperationRecord, StepError, Task},
    operator::{
        Pool2d, ShapeError, add::AddStep, conv2d::Conv2dRecord, global_average_pool::MeanStep, mul::MulStep,
        pool2d::Pool2dStep,
    },
    preprocessing::Preprocessing,
    quantization::Requantization,
    shape::{Padding, Shape, Window},
};
use tests::sample_model::{SampleModel, sample_model};

/// The error that encoding reports after `change`.
fn unsound(change: impl FnOnce(&mut SampleModel)) -> ModelError {
    let mut sample = sample_model(1);
    change(&mut sample);
    match sample.encode() {
        Err(EncodeError::Unsound(error)) => error,
        other => panic!("expected an unsound model, got {:?}", other.map(|bytes| bytes.as_slice().len())),
    }
}

fn step(step: u16, error: StepError) -> ModelError {
    ModelError::Step { step, error }
}

pub fn faces(model: &mut SampleModel) -> &mut FaceHeader<'static> {
    let Task::Faces(faces) = &mut model.header.task else { panic!("the sample classifies faces") };
    faces
}

fn operation(model: &mut SampleModel, step: usize) -> &mut OperationRecord {
    &mut model.steps[step].record.operation
}

fn conv2d(model: &mut SampleModel, step: usize) -> &mut Conv2dRecord {
    let OperationRecord::Conv2d(conv) = operation(model, step) else { panic!("step {step} is no convolution") };
    conv
}

fn pool2d(model: &mut SampleModel, step: usize) -> &mut Pool2dStep {
    let OperationRecord::Pool2d(pool) = operation(model, step) else { panic!("step {step} is no pool") };
    pool
}

fn add(model: &mut SampleModel, step: usize) -> &mut AddStep {
    let OperationRecord::Add(add) = operation(model, step) else { panic!("step {step} is no addition") };
    add
}

fn mul(model: &mut SampleModel, step: usize) -> &mut MulStep {
    let OperationRecord::Mul(mul) = operation(model, step) else { panic!("step {step} is no multiplication") };
    mul
}

fn mean(model: &mut SampleModel, step: usize) -> &mut MeanStep {
    let OperationRecord::GlobalAveragePool(mean) = operation(model, step) else { panic!("step {step} is no mean") };
    mean
}

#[test]
fn unsound_descriptions_are_refused_with_the_step() {
    assert_eq!(unsound(|m| m.steps.clear()), ModelError::NoSteps);
    assert_eq!(unsound(|m| faces(m).labels = &[0, 1, 1]), ModelError::Labels);
    assert_eq!(unsound(|m| faces(m).labels = &[0, 8]), ModelError::Labels);
    assert_eq!(unsound(|m| faces(m).labels = &[]), ModelError::Labels);
    assert_eq!(unsound(|m| faces(m).labels = &[0, 1, 2]), ModelError::Logits);
    assert_eq!(unsound(|m| faces(m).temperature = f32::NAN), ModelError::Calibration);
    assert_eq!(unsound(|m| faces(m).threshold = 1.5), ModelError::Calibration);
    assert_eq!(unsound(|m| faces(m).preprocessing = Preprocessing::Grey { divisor: 1 }), ModelError::Input);
    assert_eq!(unsound(|m| m.header.arena_bytes = 3000), step(0, StepError::OutsideArena));
    assert_eq!(unsound(|m| m.steps[0].record.output.shape.width = 25), step(0, StepError::OutputShape));
    assert_eq!(unsound(|m| m.steps[0].record.output.offset = 2300), step(0, StepError::Overlap));
    assert_eq!(unsound(|m| m.steps[1].record.output.offset = u32::MAX), step(1, StepError::OutsideArena));
    assert_eq!(unsound(|m| add(m, 3).right = m.header.input), step(3, StepError::Inputs));
    assert_eq!(unsound(|m| pool2d(m, 5).input.offset += 16), step(5, StepError::DeadInput));
    let reversed = unsound(|m| {
        m.steps[0].record.activation_min = 1;
        m.steps[0].record.activation_max = 0;
    });
    assert_eq!(reversed, step(0, StepError::Quantization));
}

#[test]
fn outputs_are_tensors_that_hold_a_result_in_the_end() {
    assert_eq!(unsound(|m| m.header.outputs = &[]), ModelError::Outputs);
    assert_eq!(unsound(|m| m.header.outputs = &[17]), ModelError::Outputs, "there is no such step");
    assert_eq!(unsound(|m| m.header.outputs = &[3]), ModelError::Outputs, "the addition in place overwrote it");
    assert_eq!(unsound(|m| m.header.outputs = &[15]), ModelError::Logits, "not one a label");
    assert_eq!(unsound(|m| m.header.outputs = &[16, 15]), ModelError::Logits, "two outputs");
}

#[test]
fn a_product_is_checked_as_other_operators_are() {
    assert_eq!(unsound(|m| mul(m, 11).right.shape = Shape::vector(9)), step(11, StepError::Inputs));
    let factor = |multiplier, shift| Requantization { multiplier, shift };
    assert_eq!(unsound(|m| mul(m, 11).factor = factor(5, 0)), step(11, StepError::Quantization));
    assert_eq!(
        unsound(|m| mul(m, 11).factor = factor(1 << 30, 16)),
        step(11, StepError::Accumulator),
        "255 * 255 * 2^16"
    );
    assert_eq!(unsound(|m| m.steps[10].record.output.quantization.zero_point = 0), step(10, StepError::Quantization));
    assert_eq!(unsound(|m| m.steps[10].record.activation_min = 0), step(10, StepError::Quantization));
    assert!(matches!(
        unsound(|m| conv2d(m, 12).operator.groups = 3),
        ModelError::Step { step: 12, error: StepError::Shape(_) }
    ));
    assert_eq!(
        unsound(|m| pool2d(m, 5).operator.window.dilation_width = 2),
        step(5, shape_error("MaxPool2D", 12, 12, 6))
    );
}

fn shape_error(operator: &'static str, height: u16, width: u16, channels: u16) -> StepError {
    StepError::Shape(ShapeError { operator, input: Shape::new(height, width, channels) })
}

#[test]
fn a_tensor_that_was_overwritten_cannot_be_read() {
    let error = unsound(|m| {
        // The addition in place overwrote the first sum: it is gone when the same addition comes once more.
        let repeated = m.steps[4].clone();
        m.steps.truncate(5);
        m.steps.push(repeated);
    });
    assert_eq!(error, step(5, StepError::DeadInput));
}

#[test]
fn working_memory_over_a_tensor_of_its_step_is_refused() {
    let depthwise = |m: &mut SampleModel| m.steps[2].record.output.range().expect("small");
    let error = unsound(|m| m.steps[2].record.scratch_offset = depthwise(m).end - 1);
    assert_eq!(error, step(2, StepError::Scratch));
    let error = unsound(|m| m.steps[0].record.scratch_offset = m.header.arena_bytes - 10);
    assert_eq!(error, step(0, StepError::Scratch), "the band reaches beyond the arena");
}

#[test]
fn what_cannot_be_folded_or_fused_is_refused() {
    let fusion = step(0, StepError::Fusion);
    let folding = |change: fn(&mut Folding)| unsound(|m| change(conv2d(m, 0).folding.as_mut().expect("folded")));
    assert_eq!(folding(|folding| folding.kernel_height = 0), fusion);
    assert_eq!(folding(|folding| folding.kernel_width = 9), fusion);
    assert_eq!(folding(|folding| folding.filters = 0), fusion);
    assert_eq!(folding(|folding| folding.kernel_width = 200), fusion);
    let pool = |change: fn(&mut FusedPool)| unsound(|m| change(conv2d(m, 0).pool.as_mut().expect("fused")));
    assert_eq!(pool(|pool| pool.band_rows = 0), fusion);
    assert_eq!(pool(|pool| pool.band_rows = 25), fusion);
    let overlapping = unsound(|m| {
        let window = Window::square(3, 2, Padding::Same);
        conv2d(m, 0).pool = Some(FusedPool { pool: Pool2d::max(window), band_rows: 5 });
    });
    assert_eq!(overlapping, fusion, "rows of the pool share rows of the convolution");
}

#[test]
fn arithmetic_that_could_overflow_is_refused() {
    assert_eq!(unsound(|m| m.steps[0].channels[2].multiplier = 5), step(0, StepError::Quantization));
    assert_eq!(unsound(|m| m.steps[0].channels[2].shift = 31), step(0, StepError::Quantization));
    assert_eq!(unsound(|m| m.steps[0].channels[2].shift = 30), step(0, StepError::Accumulator));
    assert_eq!(unsound(|m| m.steps[0].channels[1].bias = i32::MIN), step(0, StepError::Accumulator));
    assert_eq!(unsound(|m| m.steps[0].record.output.quantization.scale = 0.0), step(0, StepError::Quantization));
    assert_eq!(unsound(|m| m.steps[5].record.output.quantization.scale = 0.5), step(5, StepError::Quantization));
    let factor = |multiplier, shift| Requantization { multiplier, shift };
    let huge = factor(1 << 30, 30);
    assert_eq!(unsound(|m| mean(m, 8).factor = huge), step(8, StepError::Accumulator));
    for factor in [factor(-1, -3), factor(1 << 30, 31), factor(1 << 30, -32)] {
        assert_eq!(unsound(|m| mean(m, 8).factor = factor), step(8, StepError::Quantization));
    }
    // Of 2^k - 1 pixels a mean has a multiplier that is not normalized.
    for factor in [factor(0, 0), factor(1 << 29, -3), factor(i32::MAX, -31)] {
        let mut sample = sample_model(1);
        mean(&mut sample, 8).factor = factor;
        assert!(sample.encode().is_ok(), "{factor:?}");
    }
}

#[test]
fn a_window_of_size_zero_is_an_error() {
    let error = unsound(|m| {
        conv2d(m, 0).operator.window.stride_width = 0;
    });
    assert!(matches!(error, ModelError::Step { step: 0, error: StepError::Shape(_) }), "{error}");
}
