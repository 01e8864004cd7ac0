//! Tiles and the ways of 32-bit floats against the direct sums of rounded factors.

use super::*;
use burn::tensor::DType;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn random(rng: &mut ChaCha8Rng, len: usize) -> Vec<f32> {
    (0..len).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// A shape, and operands of some images.
struct Case {
    geometry: Geometry,
    input: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    gradient: Vec<bf16>,
}

impl Case {
    fn new(rng: &mut ChaCha8Rng, images: usize, [channels, outputs]: [usize; 2], shapes: [[usize; 2]; 4]) -> Self {
        let [size, kernel, before, after] = shapes;
        let padding = [[before[0], after[0]], [before[1], after[1]]];
        let (input, weight) = ([images, channels, size[0], size[1]], [outputs, channels, kernel[0], kernel[1]]);
        let geometry = Geometry::new(input, weight, [1, 1], padding, 1).expect("a convolution");
        let [input, weight, bias, gradient] =
            [images * geometry.input_len(), outputs * geometry.depth(), outputs, images * geometry.output_len()]
                .map(|len| random(rng, len));
        let gradient = gradient.into_iter().map(bf16::nearest).collect();
        Self { geometry, input, weight, bias, gradient }
    }

    /// Shapes of networks, and others.
    fn all(rng: &mut ChaCha8Rng) -> Vec<Self> {
        let same = |channels, outputs, side| ([channels, outputs], [[side; 2], [3; 2], [1; 2], [1; 2]]);
        let mut cases: Vec<_> = [
            same(1, 8, 48),
            same(2, 24, 48),
            same(8, 32, 20),
            same(24, 24, 20),
            same(40, 64, 12),
            same(104, 40, 6),
            same(33, 9, 3),
            ([20, 60], [[6, 7], [1, 1], [0; 2], [0; 2]]),
            ([9, 17], [[11, 5], [5, 4], [0, 3], [4, 0]]),
            ([16, 16], [[7, 30], [3, 3], [2, 0], [0, 2]]),
            ([65, 8], [[9, 9], [2, 7], [1, 6], [3, 6]]),
        ]
        .map(|(channels, shapes)| Self::new(rng, 11, channels, shapes))
        .into();
        for _ in 0..20 {
            let mut from = |least: usize, most: usize| rng.random_range(least..=most);
            let kernel = [from(1, 5), from(1, 5)];
            let before = kernel.map(|side| from(0, side - 1));
            let shapes = [[from(5, 20), from(5, 40)], kernel, before, [from(0, 4), from(0, 4)]];
            let (images, channels) = (from(1, 9), [from(1, 40), from(8, 40)]);
            cases.push(Self::new(rng, images, channels, shapes));
        }
        cases
    }

    /// The direct sums of rounded factors.
    fn expected(&self) -> (Buffer, Gradients) {
        let (input, weight, gradient) = (rounded(&self.input), rounded(&self.weight), rounded(&self.gradient));
        let output = direct::forward_directly(&self.geometry, &input, &weight, &self.bias);
        (output, direct::backward_directly(&self.geometry, &input, &weight, &gradient, true))
    }
}

/// Fails where a value is not the one expected, or the bfloat16 nearest to it or beside that.
fn assert_close<T: Number>(found: &[T], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    let of_value = if T::dtype() == DType::BF16 { 1.0 / 256.0 } else { 0.0 };
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let most = 1e-5 * largest + of_value * expected.abs();
        assert!((found.widen() - expected).abs() <= most, "{what}: {found:?} for {expected} at {at}");
    }
}

/// A way to compute the passes.
type Forward<T> = fn(&Geometry, &[T], &[f32], &[f32]) -> Numbers<bf16>;
type Backward<T> = fn(&Geometry, Operands<'_, T>, bool) -> Gradients<T>;

fn check<T: Number>(forward: Forward<T>, backward: Backward<T>) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for case in Case::all(&mut rng) {
        let (expected_output, expected) = case.expected();
        let Case { geometry, weight, bias, gradient, .. } = &case;
        let input: Vec<T> = case.input.iter().map(|value| T::nearest(*value)).collect();
        let operands = Operands { input: &input, weight, gradient };
        let what = |pass: &str| format!("{pass} of {geometry:?} from {:?}", T::dtype());
        assert_close(&forward(geometry, &input, weight, bias), &expected_output, &what("output"));
        let found = backward(geometry, operands, true);
        let expected_input = expected.input.expect("asked for");
        assert_close(&found.input.expect("asked for"), &expected_input, &what("input gradient"));
        assert_close(&found.weight, &expected.weight, &what("weight gradient"));
        assert_close(&found.bias, &expected.bias, &what("bias gradient"));
        assert!(backward(geometry, operands, false).input.is_none());
    }
}

#[test]
fn without_tiles_sums_are_those_of_rounded_factors() {
    check::<f32>(forward_without_tiles, backward_without_tiles);
    check::<bf16>(forward_without_tiles, backward_without_tiles);
}

#[test]
fn with_what_this_processor_has_sums_are_those_of_rounded_factors() {
    check::<f32>(forward, backward);
    check::<bf16>(forward, backward);
}

#[test]
fn the_same_factors_give_the_same_bits_twice_and_on_any_number_of_threads() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let case = Case::new(&mut rng, 19, [24, 40], [[12, 10], [3, 3], [1, 1], [1, 1]]);
    let Case { geometry, input, weight, bias, gradient } = &case;
    let bits = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let output = forward(geometry, input, weight, bias);
            let gradients = backward(geometry, Operands { input, weight, gradient }, true);
            let input = gradients.input.expect("asked for");
            let output: Vec<f32> = output.iter().map(|value| value.widen()).collect();
            [&output[..], &input[..], &gradients.weight[..], &gradients.bias[..]]
                .map(|values| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>())
        })
    };
    let once = bits(1);
    for threads in [1, 2, 5] {
        assert!(bits(threads) == once, "other bits on {threads} threads");
    }
}

#[test]
fn what_is_no_number_reaches_the_sums() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut case = Case::new(&mut rng, 2, [9, 9], [[6, 6], [3, 3], [1, 1], [1, 1]]);
    case.input[5 * 6 + 5] = f32::NAN;
    let output = forward(&case.geometry, &case.input, &case.weight, &case.bias);
    let is_nan: Vec<bool> = output[..36].iter().map(|value| value.widen().is_nan()).collect();
    let expected: Vec<bool> = (0..36).map(|at| at / 6 >= 4 && at % 6 >= 4).collect();
    assert_eq!(is_nan, expected);
    case.input[5 * 6 + 5] = 0.0;
    let again = forward(&case.geometry, &case.input, &case.weight, &case.bias);
    assert!(again.iter().all(|value| value.widen().is_finite()), "nothing of it stays");
}
