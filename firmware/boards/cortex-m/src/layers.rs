//! What single layers take, and the same in plain Rust; both must agree. The layers are those that CMSIS-NN was measured on.

use embedded_io::Write;
use firmware::kernels::{self, ConvArguments, FullyConnectedArguments, PoolArguments, portable};
use shared::quantization::ChannelParameters;
use shared::shape::{Padding, Shape, Window};

use crate::{print, random::Random};

/// Name, input, kernel, stride, output channels.
const CONVOLUTIONS: [(&str, Shape, u8, u8, u16); 10] = [
    ("L1", Shape::new(48, 48, 1), 5, 1, 14),
    ("L2", Shape::new(48, 48, 14), 5, 1, 14),
    ("L3", Shape::new(24, 24, 14), 7, 1, 8),
    ("L4", Shape::new(24, 24, 8), 7, 1, 8),
    ("W", Shape::new(48, 48, 1), 9, 1, 14),
    ("A", Shape::new(24, 24, 16), 3, 1, 32),
    ("B", Shape::new(12, 12, 64), 1, 1, 64),
    ("D", Shape::new(24, 24, 32), 3, 2, 64),
    ("E", Shape::new(12, 12, 64), 3, 1, 64),
    ("F", Shape::new(48, 48, 1), 3, 1, 16),
];

/// Name, inputs, units.
const FULLY_CONNECTED: [(&str, usize, usize); 2] = [("L5", 1152, 144), ("L6", 144, 7)];

/// Name and input.
const POOLS: [(&str, Shape); 2] = [("P1", Shape::new(48, 48, 14)), ("P2", Shape::new(24, 24, 8))];

/// Output channels of the widest layer.
const MOST_CHANNELS: usize = 144;

/// Weights of the largest layer.
const WEIGHTS: usize = 1152 * 144;

/// What the layers work on, all of it random, and what both versions make of it.
pub struct Memory {
    input: Aligned<{ 48 * 48 * 14 }>,
    ours: Aligned<{ 48 * 48 * 16 }>,
    plain: Aligned<{ 48 * 48 * 16 }>,
    scratch: Aligned<{ 32 * 1024 }>,
}

impl Memory {
    /// To begin with.
    pub const ZERO: Self =
        Self { input: Aligned::ZERO, ours: Aligned::ZERO, plain: Aligned::ZERO, scratch: Aligned::ZERO };
}

#[repr(align(16))]
struct Aligned<const N: usize>([i8; N]);

impl<const N: usize> Aligned<N> {
    const ZERO: Self = Self([0; N]);
}

/// Random weights, in flash as a model's are, and the numbers that follow them.
static RANDOM: (Aligned<WEIGHTS>, Random) = random_weights();

const fn random_weights() -> (Aligned<WEIGHTS>, Random) {
    let (mut weights, mut random) = ([0; _], Random::new(1));
    let mut index = 0;
    while index < WEIGHTS {
        weights[index] = random.next() as i8;
        index += 1;
    }
    (Aligned(weights), random)
}

/// Counts, and prints a line a layer.
struct Bench<'a, S, C> {
    serial: &'a mut S,
    count: C,
    memory: &'a mut Memory,
}

impl<S: Write, C: FnMut() -> u64> Bench<'_, S, C> {
    fn counted(count: &mut C, work: impl FnOnce()) -> u64 {
        let start = count();
        work();
        count() - start
    }

    /// Runs both versions on the input, the weights, an output and the scratch.
    fn layer(
        &mut self,
        name: &str,
        macs: u64,
        ours: impl FnOnce(&[i8], &[i8], &mut [i8], &mut [i8]),
        plain: impl FnOnce(&[i8], &[i8], &mut [i8]),
    ) {
        let (weights, _) = &RANDOM;
        let Memory { input, ours: found, plain: expected, scratch } = self.memory;
        found.0.fill(0);
        expected.0.fill(0);
        let ours = Self::counted(&mut self.count, || ours(&input.0, &weights.0, &mut found.0, &mut scratch.0));
        let plain = Self::counted(&mut self.count, || plain(&input.0, &weights.0, &mut expected.0));
        let verdict = if found.0 == expected.0 { "same" } else { "DIFFERENT" };
        let hundredths = (ours * 100).checked_div(macs).unwrap_or(0);
        let (whole, rest) = (hundredths / 100, hundredths % 100);
        print(self.serial, format_args!("{name:<4}{macs:>11}{ours:>14}{whole:>6}.{rest:02}{plain:>14}  {verdict}\r\n"));
    }
}

/// Measures the layers with `count`, which tells how many of `unit` there have been so far, and prints to `serial`.
pub fn run(serial: &mut impl Write, count: impl FnMut() -> u64, unit: &str, memory: &mut Memory) {
    let mut random = RANDOM.1.clone();
    memory.input.0.fill_with(|| random.next() as i8);
    let channels: [ChannelParameters; MOST_CHANNELS] = core::array::from_fn(|at| ChannelParameters {
        bias: random.next() as i32 >> 18,
        multiplier: (1 << 30) + (random.next() >> 2) as i32,
        shift: -8 - (at as i32 % 4),
    });
    print(serial, format_args!("{:<4}{:>11}{unit:>14}{:>9}{:>14}\r\n", "", "MACs", "a MAC", "plain Rust"));
    let mut bench = Bench { serial, count, memory };
    for (name, input_shape, kernel, stride, filters) in CONVOLUTIONS {
        let window = Window::square(kernel, stride, Padding::Same);
        convolution(&mut bench, name, window, input_shape, &channels[..filters.into()]);
    }
    depthwise(&mut bench, "C", Shape::new(12, 12, 64), &channels[..64]);
    for (name, inputs, units) in FULLY_CONNECTED {
        fully_connected(&mut bench, name, inputs, &channels[..units]);
    }
    for (name, input_shape) in POOLS {
        max_pool(&mut bench, name, input_shape);
    }
    print(bench.serial, format_args!("end\r\n"));
}

fn arguments(window: Window, input_shape: Shape, filters: usize) -> ConvArguments {
    let (height, width) = window.output_size(input_shape.height, input_shape.width).unwrap_or((0, 0));
    ConvArguments {
        window,
        input_shape,
        output_shape: Shape::new(height, width, filters as u16),
        groups: 1,
        input_offset: 128,
        output_offset: 3,
        activation_min: -128,
        activation_max: 127,
    }
}

fn convolution(
    bench: &mut Bench<'_, impl Write, impl FnMut() -> u64>,
    name: &str,
    window: Window,
    input: Shape,
    channels: &[ChannelParameters],
) {
    let arguments = arguments(window, input, channels.len());
    let macs = u64::from(arguments.output_shape.elements().unwrap_or(0))
        * u64::from(window.taps() * u32::from(input.channels));
    let bytes = kernels::conv2d_scratch(&window, input, arguments.output_shape);
    bench.layer(
        name,
        macs,
        |x, w, y, scratch| kernels::conv2d(&arguments, x, w, channels, y, &mut scratch[..bytes]).expect("it fits"),
        |x, w, y| portable::conv2d(&arguments, x, w, channels, y).expect("it fits"),
    );
}

fn depthwise(
    bench: &mut Bench<'_, impl Write, impl FnMut() -> u64>,
    name: &str,
    input: Shape,
    channels: &[ChannelParameters],
) {
    let window = Window::square(3, 1, Padding::Same);
    let arguments = arguments(window, input, channels.len());
    let macs = u64::from(arguments.output_shape.elements().unwrap_or(0)) * u64::from(window.taps());
    let bytes = kernels::depthwise_conv2d_scratch(&window, input, arguments.output_shape);
    bench.layer(
        name,
        macs,
        |x, w, y, scratch| {
            kernels::depthwise_conv2d(&arguments, x, w, channels, y, &mut scratch[..bytes]).expect("it fits");
        },
        |x, w, y| portable::depthwise_conv2d(&arguments, x, w, channels, y).expect("it fits"),
    );
}

fn fully_connected(
    bench: &mut Bench<'_, impl Write, impl FnMut() -> u64>,
    name: &str,
    inputs: usize,
    channels: &[ChannelParameters],
) {
    let arguments =
        FullyConnectedArguments { input_offset: 128, output_offset: 3, activation_min: -100, activation_max: 127 };
    let units = channels.len();
    let bytes = kernels::fully_connected_scratch(inputs);
    bench.layer(
        name,
        (inputs * units) as u64,
        |x, w, y, scratch| {
            let (x, y) = (&x[..inputs], &mut y[..units]);
            kernels::fully_connected(&arguments, x, w, channels, y, &mut scratch[..bytes]).expect("it fits");
        },
        |x, w, y| portable::fully_connected(&arguments, &x[..inputs], w, channels, &mut y[..units]).expect("it fits"),
    );
}

fn max_pool(bench: &mut Bench<'_, impl Write, impl FnMut() -> u64>, name: &str, input_shape: Shape) {
    let Shape { height, width, channels } = input_shape;
    let arguments = PoolArguments {
        window: Window::square(2, 2, Padding::Valid),
        input_shape,
        output_shape: Shape::new(height / 2, width / 2, channels),
        activation_min: -100,
        activation_max: 90,
    };
    bench.layer(
        name,
        0,
        |x, _, y, _| kernels::max_pool2d(&arguments, x, y).expect("it fits"),
        |x, _, y| portable::max_pool2d(&arguments, x, y).expect("it fits"),
    );
}
