//! Convolution: plain, dilated, of groups, pointwise, by regions.

use firmware::kernels::{self, Region, ShapeMismatch};
use proptest::{collection::vec, prelude::*};
use shared::shape::{Padding, Shape, Window};
use tests::reference;

use crate::{
    cases::{
        Case, assert_written, at_the_limits, case, case_with, channels, dilated, elements, ends, scratches, windowed,
    },
    tflite,
};

/// Convolutions of several groups, most of them dilated.
fn grouped() -> impl Strategy<Value = Case> {
    (dilated(), ends(), 1u16..=4, 1usize..=5, 1u16..=6).prop_flat_map(
        |((window, shape), ends, groups, filters, depth)| {
            let shape = Shape { channels: depth * groups, ..shape };
            let outputs = filters * usize::from(groups);
            let products = window.taps() as usize * usize::from(depth);
            let spread = 5000.0 * (products as f64).sqrt();
            (vec(any::<i8>(), elements(shape)), vec(any::<i8>(), products * outputs), channels(outputs, spread))
                .prop_map(move |(input, weights, channels)| Case {
                    window,
                    groups,
                    shape,
                    ends,
                    input,
                    weights,
                    channels,
                })
        },
    )
}

/// Windows of one pixel, which convolutions treat apart.
fn pointwise() -> impl Strategy<Value = (Window, Shape)> {
    windowed().prop_map(|(window, shape)| (Window { kernel_height: 1, kernel_width: 1, ..window }, shape))
}

/// 3x3, step by step, as most networks have it; with channels by the sixteen, for which some kernels have a way of their own.
fn by_sixteens() -> impl Strategy<Value = Case> {
    let window = any::<bool>().prop_map(|same| {
        let padding = if same { Padding::Same } else { Padding::Valid };
        Window::square(3, 1, padding)
    });
    let shape = (3u16..=27, 3u16..=27, 1u16..=3).prop_map(|(height, width, c)| Shape::new(height, width, 16 * c));
    case_with((window, shape), (1usize..=3).prop_map(|count| 16 * count), false)
}

fn check_convolution(case: &Case) -> Result<(), TestCaseError> {
    let Case { window, groups, shape, ends, input, weights, channels } = case;
    let arguments = case.arguments();
    let expected = reference::conv2d(ends, *window, *groups, input, *shape, weights, channels);
    let scratch = kernels::conv2d_scratch(window, *shape, arguments.output_shape);
    assert_written(&expected, scratch, |output, scratch| {
        kernels::conv2d(&arguments, input, weights, channels, output, scratch)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_convolution_is_the_references(case in case(windowed(), false)) {
        check_convolution(&case)?;
    }

    #[test]
    fn a_convolution_of_groups_is_the_references(case in grouped()) {
        check_convolution(&case)?;
    }

    #[test]
    fn a_pointwise_convolution_is_the_references(case in case(pointwise(), false)) {
        check_convolution(&case)?;
    }

    #[test]
    fn a_convolution_by_sixteens_is_the_references(case in by_sixteens()) {
        check_convolution(&case)?;
    }

    /// A part of the output, which the reference has no notion of: those columns of the rows of the whole, and no others.
    #[test]
    fn a_region_of_a_convolution_is_that_part_of_it(
        case in prop_oneof![case(windowed(), false), by_sixteens(), grouped()],
        seed in any::<[u16; 4]>(),
    ) {
        let Case { window, shape, input, weights, channels, .. } = &case;
        let arguments = case.arguments();
        let output = arguments.output_shape;
        let (top, left) = (seed[0] % output.height, seed[1] % output.width);
        let (height, width) = (seed[2] % (output.height - top + 1), seed[3] % (output.width - left + 1));
        let region = Region { top, left, height, width };
        let whole = reference::conv2d(&case.ends, *window, case.groups, input, *shape, weights, channels);
        for mut scratch in scratches(kernels::conv2d_scratch(window, *shape, output)) {
            let row = usize::from(output.width) * usize::from(output.channels);
            let rows = &whole[usize::from(top) * row..usize::from(top + height) * row];
            let mut part = vec![99; rows.len()];
            let result = kernels::conv2d_region(&arguments, region, input, weights, channels, &mut part, &mut scratch);
            prop_assert_eq!(result, Ok(()));
            for (index, (part, whole)) in part.iter().zip(rows).enumerate() {
                let x = (index % row / usize::from(output.channels)) as u16;
                let inside = (left..left + width).contains(&x);
                prop_assert_eq!(*part, if inside { *whole } else { 99 });
            }
        }
        let outside = Region { width: output.width - left + 1, ..region };
        let mut part = whole.clone();
        let result = kernels::conv2d_region(&arguments, outside, input, weights, channels, &mut part, &mut []);
        prop_assert_eq!(result, Err(ShapeMismatch));
    }

    /// Whatever the lengths are, a kernel gives a result or an error.
    #[test]
    fn slices_that_do_not_fit_are_errors(
        case in case(windowed(), false),
        (input, weights, channels, output) in (0usize..4, 0usize..4, 0usize..2, 0usize..4),
    ) {
        let arguments = case.arguments();
        let cut = |values: &[i8], by: usize| values[..values.len().saturating_sub(by)].to_vec();
        let (cut_input, cut_weights) = (cut(&case.input, input), cut(&case.weights, weights));
        let cut_channels = &case.channels[channels.min(case.channels.len())..];
        let mut cut_output = vec![0; elements(arguments.output_shape).saturating_sub(output)];
        let complete = input + weights + channels + output == 0;
        for mut scratch in scratches(kernels::conv2d_scratch(&case.window, case.shape, arguments.output_shape)) {
            let result =
                kernels::conv2d(&arguments, &cut_input, &cut_weights, cut_channels, &mut cut_output, &mut scratch);
            prop_assert_eq!(result, if complete { Ok(()) } else { Err(ShapeMismatch) });
        }
    }
}

#[test]
fn sums_at_the_limits_are_the_references() {
    // The last sums more than 2^30.
    for (size, kernel, depth, filters) in [(4, 1u8, 8u16, 4usize), (8, 3, 16, 16), (1, 1, 40_000, 2)] {
        let (window, shape) = (Window::square(kernel, 1, Padding::Valid), Shape::new(size, size, depth));
        let products = window.taps() as usize * usize::from(depth);
        at_the_limits(products, filters, |ends, activation, channels| {
            let (input, weights) = (vec![activation; elements(shape)], vec![-128; products * filters]);
            check_convolution(&Case { window, groups: 1, shape, ends, input, weights, channels })
        });
    }
}

#[test]
fn every_byte_is_tensorflow_lites() {
    tflite::check("conv2d", 15, |case, output| {
        let arguments = case.convolution(case.groups);
        let (window, input, convolved) = (arguments.window, arguments.input_shape, arguments.output_shape);
        let mut scratch = vec![0; kernels::conv2d_scratch(&window, input, convolved)];
        kernels::conv2d(&arguments, &case.input_values, &case.weights, &case.channels(), output, &mut scratch)
    });
}
