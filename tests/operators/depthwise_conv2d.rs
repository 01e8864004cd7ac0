//! Depthwise convolution, also with several filters a channel.

use firmware::kernels;
use proptest::{collection::vec, prelude::*};
use shared::shape::{Padding, Shape, Window};
use tests::reference;

use crate::{
    cases::{Case, assert_written, at_the_limits, case, channels, dilated, elements, ends, windowed},
    tflite,
};

/// Depthwise convolutions with up to four filters a channel, most of them dilated.
fn multiplied() -> impl Strategy<Value = Case> {
    (dilated(), ends(), 1usize..=4).prop_flat_map(|((window, shape), ends, multiplier)| {
        let outputs = usize::from(shape.channels) * multiplier;
        let products = window.taps() as usize;
        let spread = 5000.0 * (products as f64).sqrt();
        let groups = shape.channels;
        (vec(any::<i8>(), elements(shape)), vec(any::<i8>(), products * outputs), channels(outputs, spread))
            .prop_map(move |(input, weights, channels)| Case { window, groups, shape, ends, input, weights, channels })
    })
}

fn check_depthwise(case: &Case) -> Result<(), TestCaseError> {
    let Case { window, shape, ends, input, weights, channels, .. } = case;
    let arguments = case.arguments();
    let expected = reference::depthwise_conv2d(ends, *window, input, *shape, weights, channels);
    let scratch = kernels::depthwise_conv2d_scratch(window, *shape, arguments.output_shape);
    assert_written(&expected, scratch, |output, scratch| {
        kernels::depthwise_conv2d(&arguments, input, weights, channels, output, scratch)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_depthwise_convolution_is_the_references(case in prop_oneof![case(windowed(), true), multiplied()]) {
        check_depthwise(&case)?;
    }
}

#[test]
fn sums_at_the_limits_are_the_references() {
    let (window, shape) = (Window::square(3, 1, Padding::Valid), Shape::new(5, 5, 8));
    let (products, outputs) = (window.taps() as usize, usize::from(shape.channels));
    at_the_limits(products, outputs, |ends, activation, channels| {
        let (input, weights) = (vec![activation; elements(shape)], vec![-128; products * outputs]);
        check_depthwise(&Case { window, groups: 1, shape, ends, input, weights, channels })
    });
}

#[test]
fn every_byte_is_tensorflow_lites() {
    tflite::check("depthwise_conv2d", 7, |case, output| {
        let arguments = case.convolution(1);
        let (window, input, convolved) = (arguments.window, arguments.input_shape, arguments.output_shape);
        let mut scratch = vec![0; kernels::depthwise_conv2d_scratch(&window, input, convolved)];
        kernels::depthwise_conv2d(&arguments, &case.input_values, &case.weights, &case.channels(), output, &mut scratch)
    });
}
