//! Fully connected operator: the sums of a few units at a time, of weights that are used once.
//!
//! One pointer walks along the activations and all rows of weights: registers hold the distances from it to the rows, and
//! the load of an activation, which is a word, moves it on by four. Hence four passes over a row:
//!
//! ```text
//! scratch   0  4  8 …  1  5  9 …  2  6 10 …  3  7 11 …    activations, a word each
//! ```
//!
//! The first units take the activations from where they are and write the words. What a row has beyond whole fours is in the
//! sums to begin with.

use shared::quantization::ChannelParameters;

use super::{
    super::super::{FullyConnectedArguments, ShapeMismatch, dot, filters, scratch::base::fully_connected_words, span},
    units::{Frame, UNITS, UNROLLED, multiply},
};

/// Passes over a row.
const PASSES: usize = size_of::<u32>();

/// Units that write the activations' words.
const FIRST: usize = 2;

const _: () = assert!(UNROLLED.is_power_of_two(), "these processors have no division");

/// The most inputs whose sum of products has less than 29 bits.
const MOST_INPUTS: usize = 1 << 13;

/// [`fully_connected`](crate::kernels::fully_connected), or `None` if there are too few inputs or too many, a parameter is
/// too large for the fast arithmetic, or the scratch is too small.
pub fn fully_connected(
    arguments: &FullyConnectedArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [u32],
) -> Option<Result<(), ShapeMismatch>> {
    let words = scratch.get_mut(..fully_connected_words(input.len()))?;
    if !(PASSES..=MOST_INPUTS).contains(&input.len()) || !fit(channels) {
        return None;
    }
    Some(run(arguments, input, weights, channels, output, words))
}

/// Whether all biases have less than 29 bits, and the last step of all channels is a shift to the right or none.
fn fit(channels: &[ChannelParameters]) -> bool {
    let (biases, shifts) = channels.iter().fold((0, 0), |(biases, shifts), channel| {
        (biases | channel.bias.wrapping_add(1 << 28) as u32, shifts | channel.shift.wrapping_add(31) as u32)
    });
    biases < 1 << 29 && shifts < 1 << 5
}

fn run(
    arguments: &FullyConnectedArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    words: &mut [u32],
) -> Result<(), ShapeMismatch> {
    let inputs = input.len();
    let channels = span(channels, 0, output.len())?;
    let weights = filters(weights, output.len(), inputs)?;
    let fours = inputs / PASSES;
    let rest = input.get(fours * PASSES..).unwrap_or(&[]);
    let mut frame = Frame {
        output: output.as_mut_ptr(),
        end: output.as_ptr(),
        output_offset: arguments.output_offset,
        activation_min: arguments.activation_min.into(),
        activation_max: arguments.activation_max.into(),
        channels: channels.as_ptr(),
        skipped: (fours.wrapping_neg() % UNROLLED) as u32,
        pass: (fours * PASSES) as u32,
        words: words.as_mut_ptr(),
        sums: [0; UNITS],
        // A single unit stands in for the second.
        row: if output.len() < FIRST { 0 } else { inputs },
        weights: weights.as_ptr(),
        input: input.as_ptr(),
        input_offset: arguments.input_offset,
    };
    let (mut done, mut most) = (0, FIRST);
    while done < output.len() {
        let count = most.min(output.len() - done);
        frame.end = frame.end.wrapping_add(count);
        if !rest.is_empty() {
            for (sum, row) in frame.sums.iter_mut().zip(weights.chunks_exact(inputs).skip(done)) {
                *sum = dot(rest, row.get(fours * PASSES..).unwrap_or(&[]), arguments.input_offset);
            }
        }
        // SAFETY: from the unit `done` on, where the frame's pointers are, `count` units have a row of `inputs` weights each,
        // parameters and an output; their activations are `fours` in each of the passes, as many as the words are, which the
        // first of these calls writes.
        unsafe {
            match (done, count) {
                (0, _) => multiply::<FIRST, 1>(&mut frame),
                (_, 1) => multiply::<1, 0>(&mut frame),
                (_, 2) => multiply::<2, 0>(&mut frame),
                (_, 3) => multiply::<3, 0>(&mut frame),
                (_, 4) => multiply::<4, 0>(&mut frame),
                _ => multiply::<UNITS, 0>(&mut frame),
            }
        }
        frame.weights = frame.weights.wrapping_add(count * inputs);
        (done, most) = (done + count, UNITS);
    }
    Ok(())
}
