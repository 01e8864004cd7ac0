//! Against the direct sums, in double precision.

use super::*;
use crate::convolution::matrix::Vectors;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn random(rng: &mut ChaCha8Rng, len: usize) -> Vec<f32> {
    (0..len).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// The correlation by its definition.
fn direct(shape: Shape, source: &[f32], kernel: impl Fn(usize, usize, usize) -> f32) -> Vec<f64> {
    let [height, width] = shape.input;
    let image_len = shape.channels * height * width;
    let mut target = Vec::new();
    for image in source.chunks_exact(image_len) {
        for output in 0..shape.outputs {
            for at in 0..shape.output[0] * shape.output[1] {
                let (y, x) = (at / shape.output[1], at % shape.output[1]);
                let mut sum = 0.0;
                for channel in 0..shape.channels {
                    for tap in 0..9 {
                        let inside =
                            |at: usize, before: usize, size: usize| at.checked_sub(before).filter(|&at| at < size);
                        let row = inside(y + tap / 3, shape.before[0], height);
                        let column = inside(x + tap % 3, shape.before[1], width);
                        if let (Some(row), Some(column)) = (row, column) {
                            let value = image[(channel * height + row) * width + column];
                            sum += f64::from(value) * f64::from(kernel(output, channel, tap));
                        }
                    }
                }
                target.push(sum);
            }
        }
    }
    target
}

/// The gradient of the kernels by its definition.
fn direct_weight_gradient(shape: Shape, source: &[f32], gradient: &[f32]) -> Vec<f64> {
    let mut weight = Vec::new();
    let images = source.len() / (shape.channels * shape.input[0] * shape.input[1]);
    for output in 0..shape.outputs {
        for channel in 0..shape.channels {
            for tap in 0..9 {
                // One kernel of one tap: its correlation with the source is what the gradient multiplies.
                let one = Shape { outputs: 1, ..shape };
                let seen = direct(one, source, |_, c, t| f32::from(c == channel && t == tap));
                let pixels = shape.output[0] * shape.output[1];
                let gradients =
                    (0..images).flat_map(|image| &gradient[(image * shape.outputs + output) * pixels..][..pixels]);
                weight.push(seen.iter().zip(gradients).map(|(a, b)| a * f64::from(*b)).sum());
            }
        }
    }
    weight
}

fn assert_close(found: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0f64, |most, value| most.max(value.abs()));
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let distance = (f64::from(*found) - expected).abs();
        assert!(distance <= tolerance * largest, "{what}: {found} for {expected} at {at}");
    }
}

/// Shapes with and without whole tiles, vectors and blocks.
fn shapes() -> Vec<(Shape, usize)> {
    let mut shapes = Vec::new();
    for (channels, outputs, input, output, before, images) in [
        (16, 16, [12, 12], [12, 12], [1, 1], 3),
        (3, 20, [9, 7], [9, 7], [1, 1], 2),
        (17, 5, [6, 6], [6, 6], [1, 1], 9),
        (4, 33, [10, 21], [8, 19], [0, 0], 1),
        (2, 2, [3, 3], [5, 5], [2, 2], 2),
        (5, 7, [1, 2], [1, 2], [1, 1], 4),
        (20, 40, [26, 30], [26, 30], [1, 1], 1),
        (1, 1, [40, 5], [39, 6], [0, 2], 2),
    ] {
        shapes.push((Shape { channels, outputs, input, output, before }, images));
    }
    shapes
}

/// Both tiles with every kind of vectors.
fn kinds() -> impl Iterator<Item = (usize, Vectors)> {
    [3, 4].into_iter().flat_map(|tile| Vectors::all().map(move |vectors| (tile, vectors)))
}

#[test]
fn a_correlation_is_the_sum_of_the_definition_for_both_tiles() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for (shape, images) in shapes() {
        let source = random(&mut rng, images * shape.channels * shape.input[0] * shape.input[1]);
        let weight = random(&mut rng, shape.outputs * shape.channels * 9);
        let bias = random(&mut rng, shape.outputs);
        let kernel = |output: usize, channel: usize, tap: usize| weight[(output * shape.channels + channel) * 9 + tap];
        let pixels = shape.output[0] * shape.output[1];
        let mut expected = direct(shape, &source, kernel);
        for (at, value) in expected.iter_mut().enumerate() {
            *value += f64::from(bias[at / pixels % shape.outputs]);
        }
        for (tile, vectors) in kinds() {
            let plan = Plan { vectors, ..Plan::new(shape, tile) };
            let mut found = vec![f32::NAN; expected.len()];
            correlate(&plan, &source, kernel, Some(&bias), &mut found);
            assert_close(&found, &expected, 1e-5, &format!("tiles of {tile}, {vectors:?}, {shape:?}"));
        }
    }
}

#[test]
fn a_weight_gradient_is_the_sum_of_the_definition_for_both_tiles() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for (shape, images) in shapes().into_iter().filter(|(shape, _)| shape.channels * shape.outputs < 400) {
        let pixels = shape.output[0] * shape.output[1];
        let source = random(&mut rng, images * shape.channels * shape.input[0] * shape.input[1]);
        let gradient = random(&mut rng, images * shape.outputs * pixels);
        let expected = direct_weight_gradient(shape, &source, &gradient);
        let mut expected_bias = vec![0.0; shape.outputs];
        for (plane, values) in gradient.chunks_exact(pixels).enumerate() {
            expected_bias[plane % shape.outputs] += values.iter().map(|value| f64::from(*value)).sum::<f64>();
        }
        for (tile, vectors) in kinds() {
            let plan = Plan { vectors, ..Plan::new(shape, tile) };
            let (found, bias) = weight_gradient(&plan, &source, &gradient);
            assert_close(&found, &expected, 2e-5, &format!("tiles of {tile}, {vectors:?}, {shape:?}"));
            assert_close(&bias, &expected_bias, 1e-5, &format!("bias, {shape:?}"));
        }
    }
}
