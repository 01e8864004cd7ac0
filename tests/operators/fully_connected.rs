//! Fully connected operators.

use firmware::kernels::{self, FullyConnectedArguments};
use proptest::{collection::vec, prelude::*};
use shared::quantization::ChannelParameters;
use tests::reference::{self, Ends};

use crate::{
    cases::{assert_written, at_the_limits, channels, ends},
    tflite,
};

fn check_fully_connected(
    ends: &Ends,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
) -> Result<(), TestCaseError> {
    let (activation_min, activation_max) = ends.activation;
    let arguments = FullyConnectedArguments {
        input_offset: -i32::from(ends.input_zero_point),
        output_offset: ends.output_zero_point.into(),
        activation_min,
        activation_max,
    };
    let expected = reference::fully_connected(ends, input, weights, channels);
    assert_written(&expected, kernels::fully_connected_scratch(input.len()), |output, scratch| {
        kernels::fully_connected(&arguments, input, weights, channels, output, scratch)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_fully_connected_operator_is_the_references(
        ends in ends(),
        (input, weights, channels) in (1usize..200, 1usize..20).prop_flat_map(|(inputs, units)| {
            (vec(any::<i8>(), inputs), vec(any::<i8>(), inputs * units), channels(units, 5000.0 * (inputs as f64).sqrt()))
        }),
    ) {
        check_fully_connected(&ends, &input, &weights, &channels)?;
    }
}

#[test]
fn sums_at_the_limits_are_the_references() {
    // The last sums more than 2^30.
    for (inputs, units) in [(8, 4), (144, 16), (40_000, 2)] {
        at_the_limits(inputs, units, |ends, activation, channels| {
            check_fully_connected(&ends, &vec![activation; inputs], &vec![-128; inputs * units], &channels)
        });
    }
}

#[test]
fn every_byte_is_tensorflow_lites() {
    tflite::check("fully_connected", 4, |case, output| {
        let (activation_min, activation_max) = case.activation();
        let (input_offset, output_offset) = (case.input_offset(), case.output_offset());
        let arguments = FullyConnectedArguments { input_offset, output_offset, activation_min, activation_max };
        let mut scratch = vec![0; kernels::fully_connected_scratch(case.input_values.len())];
        let channels = case.channels();
        kernels::fully_connected(&arguments, &case.input_values, &case.weights, &channels, output, &mut scratch)
    });
}
