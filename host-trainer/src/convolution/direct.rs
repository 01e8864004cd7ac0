//! A batch convolved directly, image by image over the cores, forward and backward.
//!
//! The result does not depend on the number of threads: an output image is one task, and the weight gradient is summed
//! over chunks of [`CHUNK_IMAGES`] images in the order of the batch.

use super::geometry::Geometry;
use super::simd::{self, Correlated, Kernels, LANES, SLACK, Walk};
use rayon::prelude::*;
use std::cell::RefCell;

/// Images whose weight gradients one task adds up.
const CHUNK_IMAGES: usize = 2;

/// Working memory of one thread, kept from call to call: fresh pages would cost more than the copies made into them.
#[derive(Default)]
struct Buffers {
    input: Vec<f32>,
    gradient: Vec<f32>,
    sums: Vec<f32>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// The convolution's output, `[n, outputs, out_height, out_width]`, of `input` (`[n, channels, height, width]`) with
/// `weight` (`[outputs, channels, kernel_height, kernel_width]`) and one `bias` for each output channel.
pub(super) fn forward(geometry: &Geometry, input: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let scratch = geometry.padded_input();
    let depth = geometry.depth();
    let kernels = Kernels::pack(geometry.input_offsets(), geometry.outputs, geometry.output[1], |output, tap| {
        weight[output * depth + tap]
    });
    let [height, width] = geometry.output;
    let walk = Walk {
        size: geometry.output,
        source_row: geometry.stride[0] * scratch.pitch(),
        target_start: 0,
        target_steps: [height * width, width, 1],
    };
    let images = input.len() / geometry.input_len().max(1);
    let mut output = vec![0.0; images * geometry.output_len()];
    output.par_chunks_mut(geometry.output_len().max(1)).zip(input.par_chunks(geometry.input_len().max(1))).for_each(
        |(output, input)| {
            BUFFERS.with_borrow_mut(|buffers| {
                scratch.fill(input, &mut buffers.input, SLACK);
                simd::correlate(&kernels, &walk, &buffers.input, Some(bias), output);
            });
        },
    );
    output
}

/// The gradients of a loss with respect to a convolution's operands.
pub(super) struct Gradients {
    /// `[n, channels, height, width]`, if it was asked for.
    pub input: Option<Vec<f32>>,
    /// `[outputs, channels, kernel_height, kernel_width]`.
    pub weight: Vec<f32>,
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
    let task = Backward::new(geometry, weight);
    let image_len = geometry.input_len().max(1);
    let mut input_gradient = with_input.then(|| vec![0.0; input.len()]);
    let targets: Vec<Option<&mut [f32]>> = match &mut input_gradient {
        Some(target) => target.chunks_mut(CHUNK_IMAGES * image_len).map(Some).collect(),
        None => input.chunks(CHUNK_IMAGES * image_len).map(|_| None).collect(),
    };
    let chunks: Vec<_> = targets
        .into_par_iter()
        .zip(input.par_chunks(CHUNK_IMAGES * image_len))
        .zip(gradient.par_chunks(CHUNK_IMAGES * geometry.output_len().max(1)))
        .map(|((target, input), gradient)| {
            BUFFERS.with_borrow_mut(|buffers| task.chunk(input, gradient, target, buffers))
        })
        .collect();

    let mut weight = vec![0.0; geometry.outputs * geometry.depth()];
    let mut bias = vec![0.0; geometry.outputs];
    for (chunk_weight, chunk_bias) in &chunks {
        add(&mut weight, chunk_weight);
        add(&mut bias, chunk_bias);
    }
    Gradients { input: input_gradient, weight, bias }
}

fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

/// What all images of a backward pass share.
struct Backward<'a> {
    geometry: &'a Geometry,
    input_offsets: Vec<usize>,
    /// Kernels and walk of each phase of the input gradient.
    phases: Vec<(Kernels, Walk)>,
}

impl<'a> Backward<'a> {
    fn new(geometry: &'a Geometry, weight: &[f32]) -> Self {
        let scratch = geometry.padded_gradient(LANES);
        let [height, width] = geometry.input;
        let [stride_y, stride_x] = geometry.stride;
        let phases = geometry.gradient_phases(&scratch).into_iter().map(|phase| {
            let kernels = Kernels::pack(phase.offsets, geometry.channels, phase.size[1], |channel, tap| {
                weight[phase.taps[tap] + channel * phase.channel_stride]
            });
            let walk = Walk {
                size: phase.size,
                source_row: scratch.pitch(),
                target_start: phase.phase[0] * width + phase.phase[1],
                target_steps: [height * width, stride_y * width, stride_x],
            };
            (kernels, walk)
        });
        Self { geometry, input_offsets: geometry.input_offsets(), phases: phases.collect() }
    }

    /// The weight and bias gradients of some images; their input gradient goes to `target`.
    fn chunk(
        &self,
        input: &[f32],
        gradient: &[f32],
        mut target: Option<&mut [f32]>,
        buffers: &mut Buffers,
    ) -> (Vec<f32>, Vec<f32>) {
        let geometry = self.geometry;
        let padded_input = geometry.padded_input();
        let padded_gradient = geometry.padded_gradient(LANES);
        let [height, width] = geometry.output;
        let mut bias = vec![0.0; geometry.outputs];
        buffers.sums.clear();
        buffers.sums.resize(geometry.outputs * geometry.depth() * LANES, 0.0);

        let images = input.chunks(geometry.input_len().max(1)).zip(gradient.chunks(geometry.output_len().max(1)));
        for (image, (input, gradient)) in images.enumerate() {
            padded_input.fill(input, &mut buffers.input, SLACK);
            padded_gradient.fill(gradient, &mut buffers.gradient, SLACK);
            let correlated = Correlated {
                input: &buffers.input,
                input_offsets: &self.input_offsets,
                input_row: geometry.stride[0] * padded_input.pitch(),
                gradient: &buffers.gradient,
                gradient_start: padded_gradient.at(0, padded_gradient.before[0], padded_gradient.before[1]),
                gradient_steps: [padded_gradient.rows * padded_gradient.pitch(), padded_gradient.pitch()],
                output: [geometry.outputs, height, width],
            };
            simd::accumulate_weight_gradient(&correlated, &mut buffers.sums);
            for (sum, plane) in bias.iter_mut().zip(gradient.chunks_exact(height * width)) {
                *sum += sum_of(plane);
            }
            if let Some(target) = &mut target {
                let target = &mut target[image * geometry.input_len()..][..geometry.input_len()];
                for (kernels, walk) in &self.phases {
                    simd::correlate(kernels, walk, &buffers.gradient, None, target);
                }
            }
        }
        let weight = buffers.sums.chunks_exact(LANES).map(|lanes| lanes.iter().sum()).collect();
        (weight, bias)
    }
}

/// The sum, lane by lane: exact to more digits than one running sum, and several times as fast.
fn sum_of(values: &[f32]) -> f32 {
    let (vectors, rest) = values.as_chunks::<LANES>();
    let mut lanes = [0.0f32; LANES];
    for vector in vectors {
        for (lane, value) in lanes.iter_mut().zip(vector) {
            *lane += value;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}
