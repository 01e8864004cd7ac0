//! Random cases for the operators' tests: windows and inputs that they fit, quantization, factors.

use firmware::kernels::{ConvArguments, ShapeMismatch};
use programs::limits::{FACTORS, biases};
use proptest::{collection::vec, prelude::*};
use shared::{
    quantization::{ChannelParameters, Requantization},
    shape::{Padding, Shape, Window},
};
use tests::reference::{self, Ends};

/// A window and an input that it fits.
pub fn windowed() -> impl Strategy<Value = (Window, Shape)> {
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

pub fn ends() -> impl Strategy<Value = Ends> {
    (any::<i8>(), any::<i8>(), any::<i8>(), any::<i8>()).prop_map(|(input_zero_point, output_zero_point, a, b)| Ends {
        input_zero_point,
        output_zero_point,
        // Half of the ranges are the whole one, so that the clamp does not hide the sums.
        activation: if (a ^ b) & 1 == 0 { (-128, 127) } else { (a.min(b), a.max(b)) },
    })
}

/// A factor that brings sums of about `spread` to the range of an `i8`, at times far larger or smaller, at times 0.
pub fn factor(spread: f64) -> impl Strategy<Value = Requantization> {
    let multiplier = prop_oneof![1 => Just(0), 8 => (1i32 << 30)..=i32::MAX, 1 => Just(1 << 30), 1 => Just(i32::MAX)];
    let around = -(spread.log2() as i32 - 6);
    (multiplier, prop_oneof![8 => around - 2..=around + 2, 1 => -31..=0])
        .prop_map(move |(multiplier, shift)| Requantization { multiplier, shift: shift.clamp(-31, 3) })
}

pub fn channels(count: usize, spread: f64) -> impl Strategy<Value = Vec<ChannelParameters>> {
    let channel = (-100_000i32..100_000, factor(spread))
        .prop_map(|(bias, Requantization { multiplier, shift })| ChannelParameters { bias, multiplier, shift });
    vec(channel, count)
}

pub fn elements(shape: Shape) -> usize {
    usize::from(shape.height) * usize::from(shape.width) * usize::from(shape.channels)
}

pub fn with_size(shape: Shape, size: (usize, usize), channels: usize) -> Shape {
    Shape::new(size.0 as u16, size.1 as u16, if channels == 0 { shape.channels } else { channels as u16 })
}

/// What a convolution needs, with `filters` output channels (0: depthwise).
#[derive(Clone, Debug)]
pub struct Case {
    pub window: Window,
    pub groups: u16,
    pub shape: Shape,
    pub ends: Ends,
    pub input: Vec<i8>,
    pub weights: Vec<i8>,
    pub channels: Vec<ChannelParameters>,
}

impl Case {
    pub fn arguments(&self) -> ConvArguments {
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

pub fn case(windowed: impl Strategy<Value = (Window, Shape)>, depthwise: bool) -> impl Strategy<Value = Case> {
    case_with(windowed, 1usize..=35, depthwise)
}

pub fn case_with(
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
pub fn dilated() -> impl Strategy<Value = (Window, Shape)> {
    let dilated = (windowed(), 1u8..=3, 1u8..=3).prop_map(|((window, shape), dilation_height, dilation_width)| {
        (Window { dilation_height, dilation_width, ..window }, shape)
    });
    dilated.prop_filter("the window fits", |(window, input)| window.output_size(input.height, input.width).is_some())
}

/// Working memory as a kernel of this processor asks for, full of leftovers, and none, with which the portable one runs.
pub fn scratches(bytes: usize) -> [Vec<i8>; 2] {
    [vec![-77; bytes], Vec::new()]
}

/// Calls `kernel` with an output full of leftovers, once for each working memory: it must write `expected`.
pub fn assert_written(
    expected: &[i8],
    scratch_bytes: usize,
    kernel: impl Fn(&mut [i8], &mut [i8]) -> Result<(), ShapeMismatch>,
) -> Result<(), TestCaseError> {
    for mut scratch in scratches(scratch_bytes) {
        let mut output = vec![99; expected.len()];
        prop_assert_eq!(kernel(&mut output, &mut scratch), Ok(()));
        prop_assert_eq!(&output, expected);
    }
    Ok(())
}

/// Calls `check` with sums at the limits: every product has the same sign and is as large as one can be, and so are the biases.
/// `check` gets the quantization, the value of every input and the channel parameters; its weights are -128.
///
/// # Panics
/// If `check` fails.
pub fn at_the_limits(
    products: usize,
    outputs: usize,
    check: impl Fn(Ends, i8, Vec<ChannelParameters>) -> Result<(), TestCaseError>,
) {
    // A zero point, and an activation as far from it as there is, so that products with -128 are of this sign.
    for (sign, input_zero_point, activation) in [(1, 127i8, -128i8), (-1, -128, 127)] {
        let ends = Ends { input_zero_point, output_zero_point: -7, activation: (-128, 127) };
        let biases: Vec<i32> = biases(products).collect();
        assert!(biases.len() > 1, "no sum of {products} products reaches a limit and fits 32 bits");
        for bias in biases {
            for (multiplier, shift) in FACTORS {
                let channels = vec![ChannelParameters { bias: sign * bias, multiplier, shift }; outputs];
                check(ends, activation, channels)
                    .unwrap_or_else(|error| panic!("{products} products, bias {bias}, shift {shift}: {error}"));
            }
        }
    }
}
