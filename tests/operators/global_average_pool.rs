//! The mean over all pixels, TensorFlow Lite's `MEAN`.

use firmware::kernels::{self, MeanArguments, ShapeMismatch};
use proptest::{collection::vec, prelude::*};
use serde::Deserialize;
use shared::{quantization::Requantization, shape::Shape};
use tests::reference;

use crate::{
    cases::{ends, factor},
    tflite::{self, TensorCase},
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mean_over_all_pixels_is_the_references(
        ends in ends(),
        (depth, input) in (1usize..20, 1usize..150).prop_flat_map(|(c, pixels)| (Just(c), vec(any::<i8>(), c * pixels))),
        // As the quantizer writes it, and normalized, as it stands in older files.
        factor in prop_oneof![factor(5000.0), (0i32..=i32::MAX, -15..=0i32).prop_map(|(multiplier, shift)| {
            Requantization { multiplier, shift }
        })],
    ) {
        let (activation_min, activation_max) = ends.activation;
        let arguments = MeanArguments {
            input_offset: -i32::from(ends.input_zero_point),
            output_offset: ends.output_zero_point.into(),
            factor,
            activation_min,
            activation_max,
        };
        let mut output = vec![99; depth];
        prop_assert_eq!(kernels::global_average_pool(&arguments, &input, &mut output), Ok(()));
        prop_assert_eq!(output, reference::global_average_pool(&ends, factor, &input, depth));
    }

    #[test]
    fn a_mean_has_the_references_multiplier(
        input_scale in (0.5f32..1.0, -20i32..=20).prop_map(|(m, e)| m * 2f32.powi(e)),
        output_scale in (0.5f32..1.0, -8i32..=20).prop_map(|(m, e)| m * 2f32.powi(e)),
        pixels in prop_oneof![1u32..5000, any::<u32>().prop_map(|pixels| pixels.max(1))],
    ) {
        let Requantization { multiplier, shift } =
            Requantization::of_mean(input_scale, output_scale, pixels).expect("in range");
        let quotient = f64::from(input_scale) / f64::from(output_scale);
        prop_assert_eq!((multiplier, shift), reference::mean_multiplier(quotient, pixels));
    }
}

/// The mean over all pixels, with the factor that the quantizer gives it.
fn mean(input: TensorCase, output: TensorCase, values: &[i8], means: &mut [i8]) -> Result<(), ShapeMismatch> {
    let Shape { height, width, .. } = input.shape();
    let pixels = u32::from(height) * u32::from(width);
    let factor = Requantization::of_mean(input.scale as f32, output.scale as f32, pixels).expect("in range");
    let arguments = MeanArguments {
        input_offset: -i32::from(input.zero_point),
        output_offset: output.zero_point.into(),
        factor,
        activation_min: i8::MIN,
        activation_max: i8::MAX,
    };
    kernels::global_average_pool(&arguments, values, means)
}

/// A mean of values that are drawn again here, so that the file has the outputs alone.
#[derive(Deserialize)]
struct MeanCase {
    input: TensorCase,
    output: TensorCase,
    seed: u32,
    output_values: Vec<i8>,
}

impl MeanCase {
    /// As `channel_values` of `make_tflite.py` draws them: around a value of its own for every channel.
    fn input_values(&self) -> Vec<i8> {
        let mut state = self.seed;
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as i32
        };
        let Shape { height, width, channels } = self.input.shape();
        let centres: Vec<i32> = (0..channels).map(|_| byte() - 128).collect();
        (0..u32::from(height) * u32::from(width))
            .flat_map(|_| {
                centres.iter().map(|centre| (centre + byte() % 64 - 32).clamp(-128, 127) as i8).collect::<Vec<_>>()
            })
            .collect()
    }
}

#[test]
fn every_mean_is_tensorflow_lites() {
    let cases: Vec<MeanCase> =
        serde_json::from_str(include_str!("../goldens/tflite_means.json")).expect("the file is well-formed");
    for case in &cases {
        let mut means = vec![99; case.output_values.len()];
        mean(case.input, case.output, &case.input_values(), &mut means).expect("it fits");
        assert_eq!(means, case.output_values, "{:?}", case.input.shape());
    }
    let outputs: usize = cases.iter().map(|case| case.output_values.len()).sum();
    assert!(outputs >= 5_000, "{outputs} outputs");
}

#[test]
fn every_byte_is_tensorflow_lites() {
    tflite::check("mean", 3, |case, output| mean(case.input, case.output, &case.input_values, output));
}
