//! Single layers, by this processor's kernels and in plain Rust. The layers are those that CMSIS-NN was measured on.
//!
//! ```text
//! cargo run --release -p firmware --example layers             # a table: microseconds of both, which must agree
//! cargo run --release -p firmware --example layers -- L2 ours 3    # runs one that often, for counters of instructions
//! cargo run --release -p firmware --example layers -- network ours 3     # a whole inference of the model that ships
//! ```
//!
//! `firmware/benches/instructions.py` counts instructions with it, in emulation.

use std::{env, process::ExitCode, time::Instant};

use firmware::{
    engine::Engine,
    kernels::{
        self, ConvArguments, FullyConnectedArguments, PoolArguments, conv2d_scratch, depthwise_conv2d_scratch,
        fully_connected_scratch, portable,
    },
};
use shared::{
    model::{Aligned, Model},
    quantization::ChannelParameters,
    shape::{Padding, Shape, Window},
};

/// A layer with everything but its data.
#[derive(Clone, Copy)]
enum Operator {
    Convolution(ConvArguments),
    Depthwise(ConvArguments),
    FullyConnected { inputs: usize, units: usize },
    MaxPool(PoolArguments),
}

const LAYERS: [(&str, Operator); 15] = [
    ("L1", Operator::Convolution(convolution(48, 1, 5, 1, 14))),
    ("L2", Operator::Convolution(convolution(48, 14, 5, 1, 14))),
    ("L3", Operator::Convolution(convolution(24, 14, 7, 1, 8))),
    ("L4", Operator::Convolution(convolution(24, 8, 7, 1, 8))),
    ("W", Operator::Convolution(convolution(48, 1, 9, 1, 14))),
    ("A", Operator::Convolution(convolution(24, 16, 3, 1, 32))),
    ("B", Operator::Convolution(convolution(12, 64, 1, 1, 64))),
    ("C", Operator::Depthwise(convolution(12, 64, 3, 1, 64))),
    ("D", Operator::Convolution(convolution(24, 32, 3, 2, 64))),
    ("E", Operator::Convolution(convolution(12, 64, 3, 1, 64))),
    ("F", Operator::Convolution(convolution(48, 1, 3, 1, 16))),
    ("L5", Operator::FullyConnected { inputs: 1152, units: 144 }),
    ("L6", Operator::FullyConnected { inputs: 144, units: 7 }),
    ("P1", Operator::MaxPool(halving(48, 14))),
    ("P2", Operator::MaxPool(halving(24, 8))),
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

/// Repetitions of a layer in the table.
const REPETITIONS: u32 = 20;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    if arguments.is_empty() {
        LAYERS.iter().for_each(|(name, operator)| compare(name, Layer::new(*operator)));
        return ExitCode::SUCCESS;
    }
    let [name, version @ ("ours" | "plain"), repetitions] = arguments[..] else { return usage() };
    if let ("network", "ours", Ok(repetitions)) = (name, version, repetitions.parse()) {
        run_network(repetitions);
        return ExitCode::SUCCESS;
    }
    let (Some((_, operator)), Ok(repetitions)) = (LAYERS.iter().find(|layer| layer.0 == name), repetitions.parse())
    else {
        return usage();
    };
    let mut layer = Layer::new(*operator);
    for _ in 0..repetitions {
        if version == "ours" { layer.run() } else { layer.run_plain() }
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    let names: Vec<_> = LAYERS.iter().map(|layer| layer.0).collect();
    eprintln!("usage: layers [LAYER ours|plain REPETITIONS], with a layer of {}, or network", names.join(" "));
    ExitCode::from(2)
}

/// Classifies a face, from grey levels to the readout.
fn run_network(repetitions: u32) {
    static LEVORSE: &Aligned<[u8]> = &Aligned(*include_bytes!("../models/levorse.fer"));
    let model = Model::parse(&LEVORSE.0).expect("the model that ships is sound");
    let mut arena = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize];
    let mut engine = Engine::new(&model, &mut arena).expect("the arena is large enough");
    let face = std::array::from_fn(|pixel| (pixel * 37 % 251) as u8);
    for _ in 0..repetitions {
        engine.classify(&face).expect("a checked model runs");
    }
}

/// Runs both versions and prints a line.
fn compare(name: &str, mut layer: Layer) {
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..REPETITIONS).for_each(|_| work());
        start.elapsed().as_secs_f64() * 1e6 / f64::from(REPETITIONS)
    };
    let plain_time = time(&mut || layer.run_plain());
    let plain = layer.output.clone();
    layer.output.fill(0);
    let our_time = time(&mut || layer.run());
    assert!(layer.output == plain, "{name}: outputs differ");
    println!("{name:<3} ours {our_time:>9.1} us, plain Rust {plain_time:>9.1} us, {:.2}", our_time / plain_time);
}

/// A layer with random data.
struct Layer {
    operator: Operator,
    input: Vec<i8>,
    weights: Vec<i8>,
    channels: Vec<ChannelParameters>,
    output: Vec<i8>,
    scratch: Vec<i8>,
}

impl Layer {
    fn new(operator: Operator) -> Self {
        let elements = |shape: Shape| shape.elements().expect("small") as usize;
        let (input, output, weights, channels, scratch) = match operator {
            Operator::Convolution(ConvArguments { window, input_shape: x, output_shape: y, .. }) => {
                let weights = window.taps() as usize * usize::from(x.channels) * usize::from(y.channels);
                (elements(x), elements(y), weights, y.channels.into(), conv2d_scratch(&window, x, y))
            }
            Operator::Depthwise(ConvArguments { window, input_shape: x, output_shape: y, .. }) => {
                let weights = window.taps() as usize * usize::from(x.channels);
                (elements(x), elements(y), weights, y.channels.into(), depthwise_conv2d_scratch(&window, x, y))
            }
            Operator::FullyConnected { inputs, units } => {
                (inputs, units, inputs * units, units, fully_connected_scratch(inputs))
            }
            Operator::MaxPool(PoolArguments { input_shape: x, output_shape: y, .. }) => {
                (elements(x), elements(y), 0, 0, 0)
            }
        };
        // Numerical Recipes' linear congruential generator.
        let mut state = 1u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        };
        Self {
            operator,
            input: (0..input).map(|_| random() as i8).collect(),
            weights: (0..weights).map(|_| random() as i8).collect(),
            channels: (0..channels as i32)
                .map(|at| ChannelParameters {
                    bias: random() as i32 >> 10,
                    multiplier: (1 << 30) + (random() << 5) as i32,
                    shift: -8 - at % 4,
                })
                .collect(),
            output: vec![0; output],
            scratch: vec![0; scratch],
        }
    }

    /// By this processor's kernels.
    fn run(&mut self) {
        let Self { input: x, weights: w, channels, output: y, scratch, .. } = self;
        let result = match &self.operator {
            Operator::Convolution(arguments) => kernels::conv2d(arguments, x, w, channels, y, scratch),
            Operator::Depthwise(arguments) => kernels::depthwise_conv2d(arguments, x, w, channels, y, scratch),
            Operator::FullyConnected { .. } => kernels::fully_connected(&FULLY_CONNECTED, x, w, channels, y, scratch),
            Operator::MaxPool(arguments) => kernels::max_pool2d(arguments, x, y),
        };
        result.expect("the layer fits");
    }

    /// In plain Rust.
    fn run_plain(&mut self) {
        let Self { input: x, weights: w, channels, output: y, .. } = self;
        let result = match &self.operator {
            Operator::Convolution(arguments) => portable::conv2d(arguments, x, w, channels, y),
            Operator::Depthwise(arguments) => portable::depthwise_conv2d(arguments, x, w, channels, y),
            Operator::FullyConnected { .. } => portable::fully_connected(&FULLY_CONNECTED, x, w, channels, y),
            Operator::MaxPool(arguments) => portable::max_pool2d(arguments, x, y),
        };
        result.expect("the layer fits");
    }
}
