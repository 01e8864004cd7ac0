//! A batch convolved directly, image by image over the cores, forward and backward.
//!
//! The result does not depend on the number of threads: an output image is one task, and the weight gradient is summed
//! over chunks of images in the order of the batch.

use super::geometry::{Geometry, Scratch};
use super::scratch::Padded;
use super::simd::{self, Across, Blocked, Correlated, Kernels, LANES, STRIP_PIXELS, Walk};
use super::{columns, winograd};
use crate::memory::{Buffer, Numbers};
use rayon::prelude::*;
use std::cell::RefCell;

/// Working memory of one thread.
#[derive(Default)]
struct Buffers {
    input: Padded,
    gradient: Padded,
    blocked: Blocked,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// The convolution's output, `[n, outputs, out_height, out_width]`, of `input` (`[n, channels, height, width]`) with
/// `weight` (`[outputs, channels, kernel_height, kernel_width]`) and one `bias` for each output channel.
pub(super) fn forward(geometry: &Geometry, input: &[f32], weight: &[f32], bias: &[f32]) -> Buffer {
    if let Some(plan) = winograd::forward_plan(geometry) {
        let mut output = empty_output(geometry, input);
        let kernel =
            |output: usize, channel: usize, tap: usize| weight[(output * geometry.channels + channel) * 9 + tap];
        winograd::correlate(&plan, input, kernel, Some(bias), &mut output);
        return output;
    }
    if let Some(plan) = columns::plan(geometry) {
        let mut output = empty_output(geometry, input);
        columns::correlate(&plan, input, weight, bias, &mut output);
        return output;
    }
    forward_directly(geometry, input, weight, bias)
}

/// Room for the outputs of as many images as `input` has.
fn empty_output(geometry: &Geometry, input: &[f32]) -> Buffer {
    let images = input.len() / (geometry.groups * geometry.input_len().max(1));
    Buffer::new(images * geometry.groups * geometry.output_len())
}

/// [`forward`] by direct sums, whatever the shape.
pub(super) fn forward_directly(geometry: &Geometry, input: &[f32], weight: &[f32], bias: &[f32]) -> Buffer {
    let mut output = empty_output(geometry, input);
    let (depth, outputs) = (geometry.depth(), geometry.outputs);
    let [height, width] = geometry.output;
    let across = Across::choose(outputs, depth, width, 1);
    let scratch = geometry.padded_input(across == Across::Pixels);
    let kernels: Vec<Kernels> = (0..geometry.groups)
        .map(|group| {
            Kernels::pack(across, geometry.input_offsets(&scratch), outputs, |output, tap| {
                weight[(group * outputs + output) * depth + tap]
            })
        })
        .collect();
    let walk = Walk::new(across, geometry.output, scratch.steps(geometry.stride), 0, [height * width, width, 1]);
    let plain = scratch.is_plain() && (across == Across::Channels || width >= LANES);
    let (input_len, output_len) = (geometry.input_len().max(1), geometry.output_len().max(1));
    output.par_chunks_mut(geometry.groups * output_len).zip(input.par_chunks(geometry.groups * input_len)).for_each(
        |(output, input)| {
            BUFFERS.with_borrow_mut(|buffers| {
                let groups = input.chunks_exact(input_len).zip(output.chunks_exact_mut(output_len));
                for ((kernels, bias), (input, output)) in kernels.iter().zip(bias.chunks_exact(outputs)).zip(groups) {
                    let source = if plain { input } else { buffers.input.fill(&scratch, 0, input) };
                    simd::correlate(kernels, &walk, source, Some(bias), output);
                }
            });
        },
    );
    output
}

/// The gradients of a loss with respect to a convolution's operands.
pub(super) struct Gradients<T = f32> {
    /// `[n, channels, height, width]`, if it was asked for.
    pub input: Option<Numbers<T>>,
    /// `[outputs, channels, kernel_height, kernel_width]`.
    pub weight: Buffer,
    /// `[outputs]`.
    pub bias: Vec<f32>,
}

/// The gradients, from the forward pass's `input` and `weight` and the `gradient` of its output.
pub(super) fn backward(
    geometry: &Geometry,
    input: &[f32],
    weight: &[f32],
    gradient: &[f32],
    with_input: bool,
) -> Gradients {
    if let Some(plan) = columns::plan(geometry) {
        let input_gradient = with_input.then(|| {
            let mut target = Buffer::new(input.len());
            columns::input_gradient(&plan, weight, gradient, &mut target);
            target
        });
        let (weight, bias) = columns::weight_gradient(&plan, input, gradient);
        return Gradients { input: input_gradient, weight, bias };
    }
    let input_gradient = match winograd::backward_plan(geometry) {
        Some(plan) if with_input => {
            let mut target = Buffer::new(input.len());
            let turned = |channel: usize, output: usize, tap: usize| {
                weight[(output * geometry.channels + channel) * 9 + 8 - tap]
            };
            winograd::correlate(&plan, gradient, turned, None, &mut target);
            Some(target)
        }
        _ => None,
    };
    let input_left = with_input && input_gradient.is_none();
    match winograd::forward_plan(geometry) {
        Some(plan) if !input_left => {
            let (weight, bias) = winograd::weight_gradient(&plan, input, gradient);
            Gradients { input: input_gradient, weight, bias }
        }
        _ => {
            let direct = backward_directly(geometry, input, weight, gradient, input_left);
            Gradients { input: input_gradient.or(direct.input), ..direct }
        }
    }
}

/// [`backward`] by direct sums, whatever the shape.
pub(super) fn backward_directly(
    geometry: &Geometry,
    input: &[f32],
    weight: &[f32],
    gradient: &[f32],
    with_input: bool,
) -> Gradients {
    let mut input_gradient = with_input.then(|| Buffer::new(input.len()));
    let task = Backward::new(geometry, weight, with_input);
    // As many images as make a strip of the weight gradient, but so few that a batch of 32 keeps four cores busy.
    let chunk = (STRIP_PIXELS / (geometry.output[0] * geometry.output[1]).max(1)).clamp(1, 8);
    let input_len = chunk * geometry.groups * geometry.input_len().max(1);
    let targets: Vec<Option<&mut [f32]>> = match &mut input_gradient {
        Some(target) => target.chunks_mut(input_len).map(Some).collect(),
        None => input.chunks(input_len).map(|_| None).collect(),
    };
    let chunks: Vec<_> = targets
        .into_par_iter()
        .zip(input.par_chunks(input_len))
        .zip(gradient.par_chunks(chunk * geometry.groups * geometry.output_len().max(1)))
        .map(|((target, input), gradient)| {
            BUFFERS.with_borrow_mut(|buffers| task.chunk(input, gradient, target, buffers))
        })
        .collect();

    let mut weight = Buffer::zeros(geometry.groups * geometry.outputs * geometry.depth());
    let mut bias = vec![0.0; geometry.groups * geometry.outputs];
    for (chunk_weight, chunk_bias) in &chunks {
        add(&mut weight, chunk_weight);
        add(&mut bias, chunk_bias);
    }
    Gradients { input: input_gradient, weight, bias }
}

pub(super) fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

/// What all images of a backward pass share.
struct Backward<'a> {
    geometry: &'a Geometry,
    padded_input: Scratch,
    padded_gradient: Scratch,
    input_offsets: Vec<usize>,
    /// What lies in the lanes for the weight gradient.
    across: Across,
    /// Walk of each phase of the input gradient, with the kernels of each group.
    phases: Vec<(Walk, Vec<Kernels>)>,
    /// Whether some pixels of the input gradient belong to no phase and stay zero.
    some_stay_zero: bool,
}

impl<'a> Backward<'a> {
    fn new(geometry: &'a Geometry, weight: &[f32], with_input: bool) -> Self {
        let padded_gradient = geometry.padded_gradient(LANES);
        let [height, width] = geometry.input;
        let [stride_y, stride_x] = geometry.stride;
        let group_len = geometry.outputs * geometry.depth();
        let phases = if with_input { geometry.gradient_phases(&padded_gradient) } else { Vec::new() };
        let phases = phases.into_iter().map(|phase| {
            let across = Across::choose(geometry.channels, phase.taps.len(), phase.size[1], stride_x);
            let kernels = weight.chunks_exact(group_len.max(1)).map(|weight| {
                Kernels::pack(across, phase.offsets.clone(), geometry.channels, |channel, tap| {
                    weight[phase.taps[tap] + channel * phase.channel_stride]
                })
            });
            let start = phase.phase[0] * width + phase.phase[1];
            let steps = [height * width, stride_y * width, stride_x];
            (Walk::new(across, phase.size, padded_gradient.steps([1, 1]), start, steps), kernels.collect())
        });
        let phases: Vec<_> = phases.collect();
        let some_stay_zero = phases.len() < stride_y.min(height) * stride_x.min(width);
        let across = Across::choose(geometry.outputs, geometry.depth(), geometry.output[1], 1);
        let padded_input = geometry.padded_input(across == Across::Pixels);
        let input_offsets = geometry.input_offsets(&padded_input);
        Self { geometry, padded_input, padded_gradient, input_offsets, across, phases, some_stay_zero }
    }

    /// The weight and bias gradients of some images; their input gradient goes to `target`.
    fn chunk(
        &self,
        input: &[f32],
        gradient: &[f32],
        mut target: Option<&mut [f32]>,
        buffers: &mut Buffers,
    ) -> (Buffer, Vec<f32>) {
        let Self { geometry, padded_input, padded_gradient, .. } = self;
        let [height, width] = geometry.output;
        let (input_len, output_len) = (geometry.input_len().max(1), geometry.output_len().max(1));
        let group_len = geometry.outputs * geometry.depth();
        let images = gradient.len() / (geometry.groups * output_len);
        let mut weight = Buffer::zeros(geometry.groups * group_len);
        let mut bias = vec![0.0; geometry.groups * geometry.outputs];
        for group in 0..geometry.groups {
            let bias = &mut bias[group * geometry.outputs..][..geometry.outputs];
            for image in 0..images {
                let at = image * geometry.groups + group;
                let gradient = &gradient[at * output_len..][..output_len];
                buffers.input.fill(padded_input, image, &input[at * input_len..][..input_len]);
                buffers.gradient.fill(padded_gradient, image, gradient);
                for (sum, plane) in bias.iter_mut().zip(gradient.chunks_exact(height * width)) {
                    *sum += sum_of(plane);
                }
                if let Some(target) = &mut target {
                    let source = buffers.gradient.slot(padded_gradient, image);
                    self.input_gradient(group, source, &mut target[at * input_len..][..input_len]);
                }
            }
            let correlated = Correlated {
                images,
                input: buffers.input.values(),
                input_image: Padded::slot_len(padded_input),
                input_offsets: &self.input_offsets,
                input_steps: padded_input.steps(geometry.stride),
                gradient: buffers.gradient.values(),
                gradient_image: Padded::slot_len(padded_gradient),
                gradient_start: padded_gradient.at(0, padded_gradient.before[0], padded_gradient.before[1]),
                gradient_steps: [padded_gradient.rows * padded_gradient.pitch(), padded_gradient.pitch()],
                output: [geometry.outputs, height, width],
            };
            let weight = &mut weight[group * group_len..][..group_len];
            simd::accumulate_weight_gradient(self.across, &correlated, weight, &mut buffers.blocked);
        }
        (weight, bias)
    }

    fn input_gradient(&self, group: usize, source: &[f32], target: &mut [f32]) {
        if self.some_stay_zero {
            target.fill(0.0);
        }
        for (walk, kernels) in &self.phases {
            simd::correlate(&kernels[group], walk, source, None, target);
        }
    }
}

/// The sum, lane by lane: exact to more digits than one running sum, and several times as fast.
pub(super) fn sum_of(values: &[f32]) -> f32 {
    let (vectors, rest) = values.as_chunks::<LANES>();
    let mut lanes = [0.0f32; LANES];
    for vector in vectors {
        for (lane, value) in lanes.iter_mut().zip(vector) {
            *lane += value;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}
