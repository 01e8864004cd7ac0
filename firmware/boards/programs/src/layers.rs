//! What single layers take, and the same in plain Rust; both must agree. The layers are those that CMSIS-NN was measured on.

use embedded_io::Write;
use firmware::kernels::{
    self, ConvArguments, FullyConnectedArguments, PoolArguments, ShapeMismatch, conv2d_scratch,
    depthwise_conv2d_scratch, fully_connected_scratch, portable,
};
use shared::quantization::ChannelParameters;
use shared::shape::{Padding, Shape, Window};

use crate::memory::Sizes;
use crate::{print, random::Random};

/// A layer with everything but its data.
#[derive(Clone, Copy)]
enum Layer {
    Convolution(ConvArguments),
    Depthwise(ConvArguments),
    FullyConnected { inputs: usize, units: usize },
    MaxPool(PoolArguments),
}

/// With their names.
const LAYERS: [(&str, Layer); 15] = [
    ("L1", Layer::Convolution(convolution(48, 1, 5, 1, 14))),
    ("L2", Layer::Convolution(convolution(48, 14, 5, 1, 14))),
    ("L3", Layer::Convolution(convolution(24, 14, 7, 1, 8))),
    ("L4", Layer::Convolution(convolution(24, 8, 7, 1, 8))),
    ("W", Layer::Convolution(convolution(48, 1, 9, 1, 14))),
    ("A", Layer::Convolution(convolution(24, 16, 3, 1, 32))),
    ("B", Layer::Convolution(convolution(12, 64, 1, 1, 64))),
    ("C", Layer::Depthwise(convolution(12, 64, 3, 1, 64))),
    ("D", Layer::Convolution(convolution(24, 32, 3, 2, 64))),
    ("E", Layer::Convolution(convolution(12, 64, 3, 1, 64))),
    ("F", Layer::Convolution(convolution(48, 1, 3, 1, 16))),
    ("L5", Layer::FullyConnected { inputs: 1152, units: 144 }),
    ("L6", Layer::FullyConnected { inputs: 144, units: 7 }),
    ("P1", Layer::MaxPool(halving(48, 14))),
    ("P2", Layer::MaxPool(halving(24, 8))),
];

const fn convolution(side: u16, depth: u16, kernel: u8, stride: u8, filters: u16) -> ConvArguments {
    let output = side.div_ceil(stride as u16);
    ConvArguments {
        window: Window::square(kernel, stride, Padding::Same),
        input_shape: Shape::new(side, side, depth),
        output_shape: Shape::new(output, output, filters),
        groups: 1,
        input_offset: 128,
        output_offset: 3,
        activation_min: -128,
        activation_max: 127,
    }
}

const fn halving(side: u16, depth: u16) -> PoolArguments {
    PoolArguments {
        window: Window::square(2, 2, Padding::Valid),
        input_shape: Shape::new(side, side, depth),
        output_shape: Shape::new(side / 2, side / 2, depth),
        activation_min: -100,
        activation_max: 90,
    }
}

const FULLY_CONNECTED: FullyConnectedArguments =
    FullyConnectedArguments { input_offset: 128, output_offset: 3, activation_min: -100, activation_max: 127 };

impl Layer {
    const fn sizes(&self) -> Sizes {
        match self {
            Self::Convolution(ConvArguments { window, input_shape: x, output_shape: y, .. }) => Sizes {
                input: elements(*x),
                weights: window.taps() as usize * x.channels as usize * y.channels as usize,
                channels: y.channels as usize,
                output: elements(*y),
                scratch: conv2d_scratch(window, *x, *y),
            },
            Self::Depthwise(ConvArguments { window, input_shape: x, output_shape: y, .. }) => Sizes {
                input: elements(*x),
                weights: window.taps() as usize * x.channels as usize,
                channels: y.channels as usize,
                output: elements(*y),
                scratch: depthwise_conv2d_scratch(window, *x, *y),
            },
            Self::FullyConnected { inputs, units } => Sizes {
                input: *inputs,
                weights: *inputs * *units,
                channels: *units,
                output: *units,
                scratch: fully_connected_scratch(*inputs),
            },
            Self::MaxPool(PoolArguments { input_shape: x, output_shape: y, .. }) => {
                Sizes { input: elements(*x), weights: 0, channels: 0, output: elements(*y), scratch: 0 }
            }
        }
    }

    /// Multiplications and additions, those with padding included; none for a pool.
    fn macs(&self) -> usize {
        let Sizes { weights, output, .. } = self.sizes();
        match self {
            Self::Convolution(ConvArguments { output_shape, .. })
            | Self::Depthwise(ConvArguments { output_shape, .. }) => {
                weights * output / usize::from(output_shape.channels)
            }
            Self::FullyConnected { .. } => weights,
            Self::MaxPool(_) => 0,
        }
    }
}

const fn elements(shape: Shape) -> usize {
    shape.height as usize * shape.width as usize * shape.channels as usize
}

/// Of each the most that a layer has.
const MOST: Sizes = {
    let mut most = LAYERS[0].1.sizes();
    let mut index = 1;
    while index < LAYERS.len() {
        let sizes = LAYERS[index].1.sizes();
        most = Sizes {
            input: larger(most.input, sizes.input),
            weights: larger(most.weights, sizes.weights),
            channels: larger(most.channels, sizes.channels),
            output: larger(most.output, sizes.output),
            scratch: larger(most.scratch, sizes.scratch),
        };
        index += 1;
    }
    most
};

const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// What the layers work on, all of it random, and what both versions make of it.
#[derive(Debug)]
pub struct Memory {
    input: Aligned<{ MOST.input }>,
    ours: Aligned<{ MOST.output }>,
    plain: Aligned<{ MOST.output }>,
    scratch: Aligned<{ MOST.scratch }>,
}

impl Memory {
    /// To begin with.
    pub const ZERO: Self =
        Self { input: Aligned::ZERO, ours: Aligned::ZERO, plain: Aligned::ZERO, scratch: Aligned::ZERO };
}

#[derive(Debug)]
#[repr(align(16))]
struct Aligned<const N: usize>([i8; N]);

impl<const N: usize> Aligned<N> {
    const ZERO: Self = Self([0; N]);
}

/// Random weights, in flash as a model's are, and the numbers that follow them.
static RANDOM: (Aligned<{ MOST.weights }>, Random) = random_weights();

const fn random_weights() -> (Aligned<{ MOST.weights }>, Random) {
    let (mut weights, mut random) = ([0; _], Random::new(1));
    let mut index = 0;
    while index < MOST.weights {
        weights[index] = random.next() as i8;
        index += 1;
    }
    (Aligned(weights), random)
}

/// All layers on random data.
struct Bench<'a> {
    channels: [ChannelParameters; MOST.channels],
    memory: &'a mut Memory,
}

impl<'a> Bench<'a> {
    fn new(memory: &'a mut Memory) -> Self {
        let mut random = RANDOM.1.clone();
        memory.input.0.fill_with(|| random.next() as i8);
        let channels = core::array::from_fn(|at| ChannelParameters {
            bias: random.next() as i32 >> 18,
            multiplier: (1 << 30) + (random.next() >> 2) as i32,
            shift: -8 - (at as i32 % 4),
        });
        Self { channels, memory }
    }

    /// By the kernels of this processor.
    fn ours(&mut self, layer: &Layer) -> Result<(), ShapeMismatch> {
        let Sizes { input, weights, channels, output, scratch } = layer.sizes();
        let (x, w, c) = (&self.memory.input.0[..input], &RANDOM.0.0[..weights], &self.channels[..channels]);
        let (y, scratch) = (&mut self.memory.ours.0[..output], &mut self.memory.scratch.0[..scratch]);
        match layer {
            Layer::Convolution(arguments) => kernels::conv2d(arguments, x, w, c, y, scratch),
            Layer::Depthwise(arguments) => kernels::depthwise_conv2d(arguments, x, w, c, y, scratch),
            Layer::FullyConnected { .. } => kernels::fully_connected(&FULLY_CONNECTED, x, w, c, y, scratch),
            Layer::MaxPool(arguments) => kernels::max_pool2d(arguments, x, y),
        }
    }

    /// In plain Rust.
    fn plain(&mut self, layer: &Layer) -> Result<(), ShapeMismatch> {
        let Sizes { input, weights, channels, output, .. } = layer.sizes();
        let (x, w, c) = (&self.memory.input.0[..input], &RANDOM.0.0[..weights], &self.channels[..channels]);
        let y = &mut self.memory.plain.0[..output];
        match layer {
            Layer::Convolution(arguments) => portable::conv2d(arguments, x, w, c, y),
            Layer::Depthwise(arguments) => portable::depthwise_conv2d(arguments, x, w, c, y),
            Layer::FullyConnected { .. } => portable::fully_connected(&FULLY_CONNECTED, x, w, c, y),
            Layer::MaxPool(arguments) => portable::max_pool2d(arguments, x, y),
        }
    }

    /// Whether both have made the same of it.
    fn same(&self, layer: &Layer) -> bool {
        let length = layer.sizes().output;
        self.memory.ours.0[..length] == self.memory.plain.0[..length]
    }
}

/// What a number of runs take, on average; the layers are known to fit.
fn counted(count: &mut impl FnMut() -> u64, runs: u32, mut work: impl FnMut() -> Result<(), ShapeMismatch>) -> u64 {
    let start = count();
    (0..runs).for_each(|_| work().expect("the layer fits"));
    (count() - start) / u64::from(runs.max(1))
}

/// Measures every layer so many times with `count`, which tells how many of `unit` there have been so far, and prints a line a
/// layer to `serial`. Whether both versions gave the same.
pub fn run(
    serial: &mut impl Write,
    mut count: impl FnMut() -> u64,
    unit: &str,
    runs: u32,
    memory: &mut Memory,
) -> bool {
    let mut bench = Bench::new(memory);
    let mut all_same = true;
    print(serial, format_args!("{:<4}{:>11}{unit:>14}{:>9}{:>14}\r\n", "", "MACs", "a MAC", "plain Rust"));
    for (name, layer) in &LAYERS {
        bench.memory.ours.0.fill(0);
        bench.memory.plain.0.fill(0);
        let ours = counted(&mut count, runs, || bench.ours(layer));
        let plain = counted(&mut count, runs, || bench.plain(layer));
        let same = bench.same(layer);
        all_same &= same;
        let (macs, verdict) = (layer.macs() as u64, if same { "same" } else { "DIFFERENT" });
        let hundredths = (ours * 100).checked_div(macs).unwrap_or(0);
        let (whole, rest) = (hundredths / 100, hundredths % 100);
        print(serial, format_args!("{name:<4}{macs:>11}{ours:>14}{whole:>6}.{rest:02}{plain:>14}  {verdict}\r\n"));
    }
    print(serial, format_args!("end\r\n"));
    all_same
}

/// Which kernels run.
#[derive(Clone, Copy, Debug)]
pub enum Version {
    /// Those of this processor.
    Ours,
    /// Those in plain Rust.
    Plain,
}

/// Runs one layer so many times, for counters of instructions. Whether there is one of this name.
pub fn repeat(name: &str, version: Version, runs: u32, memory: &mut Memory) -> bool {
    let Some((_, layer)) = LAYERS.iter().find(|layer| layer.0 == name) else { return false };
    let mut bench = Bench::new(memory);
    for _ in 0..runs {
        let result = match version {
            Version::Ours => bench.ours(layer),
            Version::Plain => bench.plain(layer),
        };
        result.expect("the layer fits");
    }
    true
}
