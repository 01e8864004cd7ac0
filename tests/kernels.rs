//! Every kernel of the core against the naive reference, bit for bit, over random shapes, windows, offsets and factors.

use firmware::kernels::{
    self, AddArguments, ConvArguments, FullyConnectedArguments, MeanArguments, MulArguments, PoolArguments, Region,
    ShapeMismatch, dot, dot_tile,
};
use proptest::{collection::vec, prelude::*};
use shared::{
    quantization::{AddParameters, ChannelParameters, Requantization},
    shape::{Padding, Shape, Window},
};
use tests::reference::{self, Ends};

/// A window and an input that it fits.
fn windowed() -> impl Strategy<Value = (Window, Shape)> {
    let window = (1u8..=7, 1u8..=7, 1u8..=3, 1u8..=3, any::<bool>());
    let input = (1u16..=11, 1u16..=11, 1u16..=19);
    (window, input)
        .prop_map(|((kernel_height, kernel_width, stride_height, stride_width, same), (height, width, channels))| {
            let padding = if same { Padding::Same } else { Padding::Valid };
            let window = Window::new([kernel_height, kernel_width], [stride_height, stride_width], padding);
            (window, Shape::new(height, width, channels))
        })
        .prop_filter("the window fits", |(window, input)| window.output_size(input.height, input.width).is_some())
}

fn ends() -> impl Strategy<Value = Ends> {
    (any::<i8>(), any::<i8>(), any::<i8>(), any::<i8>()).prop_map(|(input_zero_point, output_zero_point, a, b)| Ends {
        input_zero_point,
        output_zero_point,
        // Half of the ranges are the whole one, so that the clamp does not hide the sums.
        activation: if (a ^ b) & 1 == 0 { (-128, 127) } else { (a.min(b), a.max(b)) },
    })
}

/// A factor that brings sums of about `spread` to the range of an `i8`, at times far larger or smaller, at times 0.
fn factor(spread: f64) -> impl Strategy<Value = Requantization> {
    let multiplier = prop_oneof![1 => Just(0), 8 => (1i32 << 30)..=i32::MAX, 1 => Just(1 << 30), 1 => Just(i32::MAX)];
    let around = -(spread.log2() as i32 - 6);
    (multiplier, prop_oneof![8 => around - 2..=around + 2, 1 => -31..=0])
        .prop_map(move |(multiplier, shift)| Requantization { multiplier, shift: shift.clamp(-31, 3) })
}

fn channels(count: usize, spread: f64) -> impl Strategy<Value = Vec<ChannelParameters>> {
    let channel = (-100_000i32..100_000, factor(spread))
        .prop_map(|(bias, Requantization { multiplier, shift })| ChannelParameters { bias, multiplier, shift });
    vec(channel, count)
}

fn elements(shape: Shape) -> usize {
    usize::from(shape.height) * usize::from(shape.width) * usize::from(shape.channels)
}

fn with_size(shape: Shape, size: (usize, usize), channels: usize) -> Shape {
    Shape::new(size.0 as u16, size.1 as u16, if channels == 0 { shape.channels } else { channels as u16 })
}

/// What a convolution needs, with `filters` output channels (0: depthwise).
#[derive(Clone, Debug)]
struct Case {
    window: Window,
    groups: u16,
    shape: Shape,
    ends: Ends,
    input: Vec<i8>,
    weights: Vec<i8>,
    channels: Vec<ChannelParameters>,
}

impl Case {
    fn arguments(&self) -> ConvArguments {
        let size = reference::output_size(self.window, self.shape);
        ConvArguments {
            window: self.window,
            input_shape: self.shape,
            output_shape: with_size(self.shape, size, self.channels.len()),
            groups: self.groups,
            input_offset: -i32::from(self.ends.input_zero_point),
            output_offset: self.ends.output_zero_point.into(),
            activation_min: self.ends.activation.0,
            activation_max: self.ends.activation.1,
        }
    }
}

fn case(windowed: impl Strategy<Value = (Window, Shape)>, depthwise: bool) -> impl Strategy<Value = Case> {
    case_with(windowed, 1usize..=35, depthwise)
}

fn case_with(
    windowed: impl Strategy<Value = (Window, Shape)>,
    filters: impl Strategy<Value = usize>,
    depthwise: bool,
) -> impl Strategy<Value = Case> {
    (windowed, ends(), filters).prop_flat_map(move |((window, shape), ends, filters)| {
        let depth = usize::from(shape.channels);
        let (outputs, filter) = if depthwise { (depth, 1) } else { (filters, depth) };
        let groups = if depthwise { shape.channels } else { 1 };
        let products = window.taps() as usize * filter;
        let spread = 5000.0 * (products as f64).sqrt();
        (vec(any::<i8>(), elements(shape)), vec(any::<i8>(), products * outputs), channels(outputs, spread))
            .prop_map(move |(input, weights, channels)| Case { window, groups, shape, ends, input, weights, channels })
    })
}

/// Windows with a dilation of up to three, and inputs that they fit.
fn dilated() -> impl Strategy<Value = (Window, Shape)> {
    let dilated = (windowed(), 1u8..=3, 1u8..=3).prop_map(|((window, shape), dilation_height, dilation_width)| {
        (Window { dilation_height, dilation_width, ..window }, shape)
    });
    dilated.prop_filter("the window fits", |(window, input)| window.output_size(input.height, input.width).is_some())
}

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

/// Windows of one pixel, which convolutions treat apart.
fn pointwise() -> impl Strategy<Value = (Window, Shape)> {
    windowed().prop_map(|(window, shape)| (Window { kernel_height: 1, kernel_width: 1, ..window }, shape))
}

/// Working memory as a kernel of this processor asks for, full of leftovers, and none, with which the portable one runs.
fn scratches(bytes: usize) -> [Vec<i8>; 2] {
    [vec![-77; bytes], Vec::new()]
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
    for mut scratch in scratches(kernels::conv2d_scratch(window, *shape, arguments.output_shape)) {
        let mut output = vec![99; expected.len()];
        prop_assert_eq!(kernels::conv2d(&arguments, input, weights, channels, &mut output, &mut scratch), Ok(()));
        prop_assert_eq!(&output, &expected);
    }
    Ok(())
}

fn check_depthwise(case: &Case) -> Result<(), TestCaseError> {
    let Case { window, shape, ends, input, weights, channels, .. } = case;
    let arguments = case.arguments();
    let expected = reference::depthwise_conv2d(ends, *window, input, *shape, weights, channels);
    for mut scratch in scratches(kernels::depthwise_conv2d_scratch(window, *shape, arguments.output_shape)) {
        let mut output = vec![99; expected.len()];
        let result = kernels::depthwise_conv2d(&arguments, input, weights, channels, &mut output, &mut scratch);
        prop_assert_eq!(result, Ok(()));
        prop_assert_eq!(&output, &expected);
    }
    Ok(())
}

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
    for mut scratch in scratches(kernels::fully_connected_scratch(input.len())) {
        let mut output = vec![99; channels.len()];
        let result = kernels::fully_connected(&arguments, input, weights, channels, &mut output, &mut scratch);
        prop_assert_eq!(result, Ok(()));
        prop_assert_eq!(&output, &expected);
    }
    Ok(())
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

    #[test]
    fn a_depthwise_convolution_is_the_references(case in prop_oneof![case(windowed(), true), multiplied()]) {
        check_depthwise(&case)?;
    }

    #[test]
    fn pools_are_the_references(
        (window, shape, input) in windowed()
            .prop_flat_map(|(window, shape)| (Just(window), Just(shape), vec(any::<i8>(), elements(shape)))),
        ends in ends(),
    ) {
        let output_shape = with_size(shape, reference::output_size(window, shape), 0);
        let (activation_min, activation_max) = ends.activation;
        let arguments = PoolArguments { window, input_shape: shape, output_shape, activation_min, activation_max };
        let mut output = vec![99; elements(output_shape)];
        prop_assert_eq!(kernels::max_pool2d(&arguments, &input, &mut output), Ok(()));
        prop_assert_eq!(&output, &reference::max_pool2d(window, &input, shape, ends.activation));
        prop_assert_eq!(kernels::average_pool2d(&arguments, &input, &mut output), Ok(()));
        prop_assert_eq!(&output, &reference::average_pool2d(window, &input, shape, ends.activation));
    }

    #[test]
    fn a_fully_connected_operator_is_the_references(
        ends in ends(),
        (input, weights, channels) in (1usize..200, 1usize..20).prop_flat_map(|(inputs, units)| {
            (vec(any::<i8>(), inputs), vec(any::<i8>(), inputs * units), channels(units, 5000.0 * (inputs as f64).sqrt()))
        }),
    ) {
        check_fully_connected(&ends, &input, &weights, &channels)?;
    }

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
    fn an_addition_is_the_references(
        ends in ends(),
        right_zero_point: i8,
        scales in (0.001f32..1.0, 0.001f32..1.0, 0.001f32..1.0),
        pairs in vec(any::<(i8, i8)>(), 1..300),
    ) {
        let factors = AddParameters::from_scales(scales.0, scales.1, scales.2).expect("in range");
        prop_assume!(factors.output.shift <= 0);
        let (activation_min, activation_max) = ends.activation;
        let arguments = AddArguments {
            left_offset: -i32::from(ends.input_zero_point),
            right_offset: -i32::from(right_zero_point),
            output_offset: ends.output_zero_point.into(),
            factors,
            activation_min,
            activation_max,
        };
        let (left, right): (Vec<i8>, Vec<i8>) = pairs.into_iter().unzip();
        let mut output = vec![99; left.len()];
        prop_assert_eq!(kernels::add(&arguments, &left, &right, &mut output), Ok(()));
        let zero_points = (ends.input_zero_point, right_zero_point);
        prop_assert_eq!(output, reference::add(&ends, zero_points, &factors, &left, &right));
    }

    #[test]
    fn a_multiplication_is_the_references(
        ends in ends(),
        right_zero_point: i8,
        factor in factor(5000.0),
        (left, right) in (1usize..20, 1usize..30, any::<bool>()).prop_flat_map(|(depth, pixels, broadcast)| {
            (vec(any::<i8>(), depth * pixels), vec(any::<i8>(), if broadcast { depth } else { depth * pixels }))
        }),
    ) {
        let (activation_min, activation_max) = ends.activation;
        let arguments = MulArguments {
            left_offset: -i32::from(ends.input_zero_point),
            right_offset: -i32::from(right_zero_point),
            output_offset: ends.output_zero_point.into(),
            factor,
            activation_min,
            activation_max,
        };
        let expected = reference::mul(&ends, (ends.input_zero_point, right_zero_point), factor, &left, &right);
        let mut output = vec![99; left.len()];
        prop_assert_eq!(kernels::mul(&arguments, &left, &right, &mut output), Ok(()));
        prop_assert_eq!(&output, &expected);
        let mut product = left.clone();
        prop_assert_eq!(kernels::mul_assign(&arguments, &mut product, &right), Ok(()));
        prop_assert_eq!(&product, &expected);
        prop_assert_eq!(kernels::mul(&arguments, &left[1..], &right, &mut output), Err(ShapeMismatch));
    }

    #[test]
    fn a_logistic_function_is_its_table(table in vec(any::<i8>(), 256), input in vec(any::<i8>(), 1..300)) {
        let table = table.try_into().expect("256 values");
        let mut output = vec![99; input.len()];
        prop_assert_eq!(kernels::logistic(&table, &input, &mut output), Ok(()));
        prop_assert_eq!(output, reference::logistic(&table, &input));
        prop_assert_eq!(kernels::logistic(&table, &input, &mut vec![0; input.len() + 1]), Err(ShapeMismatch));
    }

    #[test]
    fn a_tile_is_four_dot_products(
        x in vec(any::<i8>(), 0..300),
        seed in vec(any::<i8>(), 1200),
        input_offset in -127..=128,
    ) {
        let rows: Vec<&[i8]> = seed.chunks(300).map(|row| &row[..x.len()]).collect();
        let sums = dot_tile(&x, [rows[0], rows[1], rows[2], rows[3]], input_offset);
        for (row, sum) in rows.into_iter().zip(sums) {
            let expected: i64 = x.iter().zip(row).map(|(&x, &w)| (i64::from(x) + i64::from(input_offset)) * i64::from(w)).sum();
            prop_assert_eq!(i64::from(sum), expected);
            prop_assert_eq!(i64::from(dot(&x, row, input_offset)), expected);
        }
    }

    #[test]
    fn requantization_is_the_references(
        // Every magnitude alike, both signs.
        x in (any::<i32>(), 0u32..32).prop_map(|(x, shift)| x >> shift),
        multiplier in (1i32 << 30)..=i32::MAX,
        shift in -31..=30i32,
    ) {
        let factor = Requantization { multiplier, shift };
        prop_assume!((i64::from(x) << shift.max(0)) == i64::from(x << shift.max(0)));
        prop_assert_eq!(i64::from(factor.apply(x)), reference::requantize(x.into(), factor));
    }

    #[test]
    fn a_real_factor_becomes_the_references_multiplier(factor in (0.5f64..1.0, -45i32..=30).prop_map(|(m, e)| m * 2f64.powi(e))) {
        let Requantization { multiplier, shift } = Requantization::from_real(factor).expect("in range");
        prop_assert_eq!((multiplier, shift), reference::quantize_multiplier(factor));
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

    #[test]
    fn probabilities_are_the_exact_softmax_within_a_percent(
        logits in vec(-256i16..=254, 8),
        scale in 0.001f32..1.0,
        temperature in 0.05f32..10.0,
    ) {
        let mut probabilities = [f32::NAN; 8];
        kernels::softmax(&logits, scale, temperature, &mut probabilities);
        let largest = f64::from(*logits.iter().max().expect("eight"));
        let exponential = |&q: &i16| (f64::from(scale) * (f64::from(q) - largest) / f64::from(temperature)).exp();
        let exponentials: Vec<f64> = logits.iter().map(exponential).collect();
        for (probability, exponential) in probabilities.iter().zip(&exponentials) {
            let exact = exponential / exponentials.iter().sum::<f64>();
            prop_assert!((f64::from(*probability) - exact).abs() < 0.01 * exact + 1e-6, "{probability} instead of {exact}");
        }
        prop_assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
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

/// Biases that take the sum of so many of the largest products to the limits of some kernel's fast arithmetic and of 32 bits,
/// and none; as in a model, what may be summed fits 32 bits.
fn biases(products: usize) -> impl Iterator<Item = i32> {
    let (largest, products) = (products as i64 * 255 * 128, products as i64);
    let limits = [1 << 28, 1 << 29, 1 << 30, i64::from(i32::MAX)].into_iter();
    // A product is counted as 259 * 128 where the offset is added apart.
    let biases = limits.flat_map(move |limit| [limit - largest, limit - products * 259 * 128]);
    let around = biases.flat_map(|bias| [bias - 1, bias, bias + 1]).chain([0]);
    around.filter(move |bias| largest + bias.abs() <= i32::MAX.into()).map(|bias| bias as i32)
}

#[test]
fn sums_at_the_limits_are_the_references() {
    // A zero point, and an activation as far from it as there is, so that products with -128 are of this sign.
    for (sign, input_zero_point, activation) in [(1, 127i8, -128i8), (-1, -128, 127)] {
        let ends = Ends { input_zero_point, output_zero_point: -7, activation: (-128, 127) };
        // Without filters: depthwise. The last sums more than 2^30.
        for (size, kernel, depth, filters) in [(4, 1u8, 8u16, 4usize), (8, 3, 16, 16), (5, 3, 8, 0), (1, 1, 40_000, 2)]
        {
            let (window, shape) = (Window::square(kernel, 1, Padding::Valid), Shape::new(size, size, depth));
            let products = window.taps() as usize * if filters == 0 { 1 } else { usize::from(depth) };
            let outputs = if filters == 0 { usize::from(depth) } else { filters };
            let (input, weights) = (vec![activation; elements(shape)], vec![-128; products * outputs]);
            let mut case = Case { window, groups: 1, shape, ends, input, weights, channels: Vec::new() };
            for bias in biases(products) {
                for (multiplier, shift) in [(1 << 30, -22), (i32::MAX, -23), (i32::MAX, -1), (1 << 30, -31)] {
                    case.channels = vec![ChannelParameters { bias: sign * bias, multiplier, shift }; outputs];
                    let result = if filters == 0 {
                        check_depthwise(&case)
                    } else {
                        let input = vec![activation; products];
                        check_convolution(&case)
                            .and_then(|()| check_fully_connected(&ends, &input, &case.weights, &case.channels))
                    };
                    result.unwrap_or_else(|error| panic!("bias {bias}, shift {shift}, {window:?}: {error}"));
                }
            }
        }
    }
}

#[test]
fn a_softmax_at_the_ends_of_its_range_stays_a_distribution() {
    for temperature in [f32::MIN_POSITIVE, 1e-6, 1.0, 1e6, f32::MAX] {
        for scale in [f32::MIN_POSITIVE, 1e-6, 1.0, 1e6, f32::MAX] {
            let mut probabilities = [0.0; 7];
            let logits = [-128, 127, 0, 1, -1, 126, 127];
            kernels::softmax(&logits, scale, temperature, &mut probabilities);
            let sum: f32 = probabilities.iter().sum();
            assert!((sum - 1.0).abs() < 1e-5, "scale {scale:e}, temperature {temperature:e}: {probabilities:?}");
            assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)), "{probabilities:?}");
            assert_eq!(probabilities[1], probabilities[6]);
        }
    }
}
