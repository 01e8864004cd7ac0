//! Against the direct sums of [`direct`](crate::convolution::direct), with every kind of vectors.

use super::*;
use crate::convolution::direct;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn random(rng: &mut ChaCha8Rng, len: usize) -> Vec<f32> {
    (0..len).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= 1e-5 * largest, "{what}: {found} for {expected} at {at}");
    }
}

#[test]
fn output_and_gradients_are_the_direct_sums_for_any_stride_padding_and_number_of_channels() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for (images, channels, outputs, size, kernel, stride, padding) in [
        (3, 16, 32, [24, 24], [3, 3], [2, 2], [[0, 1], [0, 1]]),
        (2, 20, 5, [13, 9], [3, 3], [2, 2], [[1, 1], [1, 1]]),
        (2, 3, 17, [11, 18], [5, 4], [3, 2], [[2, 0], [0, 3]]),
        (9, 33, 40, [5, 4], [2, 3], [1, 2], [[0, 0], [1, 1]]),
        (1, 1, 1, [7, 7], [7, 7], [2, 2], [[3, 3], [3, 3]]),
    ] {
        let shapes = ([images, channels, size[0], size[1]], [outputs, channels, kernel[0], kernel[1]]);
        let geometry = Geometry::new(shapes.0, shapes.1, stride, padding, 1).unwrap();
        let input = random(&mut rng, images * geometry.input_len());
        let weight = random(&mut rng, outputs * geometry.depth());
        let bias = random(&mut rng, outputs);
        let gradient = random(&mut rng, images * geometry.output_len());
        let expected = direct::forward_directly(&geometry, &input, &weight, &bias);
        let gradients = direct::backward_directly(&geometry, &input, &weight, &gradient, true);
        for vectors in Vectors::all() {
            let plan = Plan { vectors, ..Plan::new(&geometry) };
            let what = |pass: &str| format!("{pass}, {vectors:?}, {geometry:?}");
            let mut output = vec![f32::NAN; expected.len()];
            correlate(&plan, &input, &weight, &bias, &mut output);
            assert_close(&output, &expected, &what("output"));
            let mut target = vec![f32::NAN; input.len()];
            input_gradient(&plan, &weight, &gradient, &mut target);
            assert_close(&target, gradients.input.as_ref().unwrap(), &what("input gradient"));
            let (weight, bias) = weight_gradient(&plan, &input, &gradient);
            assert_close(&weight, &gradients.weight, &what("weight gradient"));
            assert_close(&bias, &gradients.bias, &what("bias gradient"));
        }
    }
}
