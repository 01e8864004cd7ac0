//! Time of single operators on random weights and activations, by this processor's kernels and by those in plain Rust, turn by
//! turn; and of the model that ships, all of it.
//!
//! `cargo bench -p firmware --bench network [-- PART OF A NAME]`
//!
//! Layers are those of the paper's network, as trained and folded, and of two others: 3x3 convolutions and depthwise-separable
//! ones. Of each the fastest of the turns counts; the ratio says how many times faster the processor's own kernel is.

use std::{hint::black_box, time::Instant};

use firmware::{
    engine::Engine,
    kernels::{
        ConvArguments, FullyConnectedArguments, PoolArguments, conv2d, conv2d_scratch, depthwise_conv2d,
        depthwise_conv2d_scratch, fully_connected, fully_connected_scratch, max_pool2d, portable,
    },
};
use shared::{
    model::{Aligned, Model},
    preprocessing::FACE_PIXELS,
    quantization::ChannelParameters,
    shape::{Padding, Shape, Window},
};

/// Turns of each of the two versions.
const ROUNDS: usize = 25;

/// Nanoseconds of a turn.
const TURN: f64 = 1e6;

fn main() {
    // cargo adds `--bench`.
    let part = std::env::args().skip(1).find(|argument| argument != "--bench").unwrap_or_default();
    let table = Table { part };
    println!("{:<38}{:>10}{:>11}{:>9}{:>14}{:>8}", "layer", "MACs", "ns", "MAC/ns", "portable ns", "ratio");
    println!("the paper's network");
    table.convolution("conv 5x5, 1 to 14, 48x48", 48, [5, 1], 1, 14);
    table.convolution("conv 5x5, 14 to 14, 48x48", 48, [5, 1], 14, 14);
    table.convolution("conv 9x9, 1 to 14, 48x48 (folded)", 48, [9, 1], 1, 14);
    table.max_pool("max-pool 2x2, 48x48x14", 48, 14);
    table.convolution("conv 7x7, 14 to 8, 24x24", 24, [7, 1], 14, 8);
    table.convolution("conv 7x7, 8 to 8, 24x24", 24, [7, 1], 8, 8);
    table.max_pool("max-pool 2x2, 24x24x8", 24, 8);
    table.dense("fully connected, 1152 to 144", 1152, 144);
    table.dense("fully connected, 144 to 7", 144, 7);
    println!("a network of 3x3 convolutions");
    table.convolution("conv 3x3, 1 to 16, 48x48", 48, [3, 1], 1, 16);
    table.convolution("conv 3x3 stride 2, 16 to 32, 48x48", 48, [3, 2], 16, 32);
    table.convolution("conv 3x3, 32 to 32, 24x24", 24, [3, 1], 32, 32);
    table.convolution("conv 3x3 stride 2, 32 to 64, 24x24", 24, [3, 2], 32, 64);
    table.convolution("conv 3x3, 64 to 64, 12x12", 12, [3, 1], 64, 64);
    table.convolution("conv 3x3 stride 2, 64 to 96, 12x12", 12, [3, 2], 64, 96);
    table.convolution("conv 3x3, 96 to 96, 6x6", 6, [3, 1], 96, 96);
    println!("a depthwise-separable network");
    table.depthwise("depthwise 3x3 stride 2, 48x48x16", 48, 2, 16);
    table.convolution("conv 1x1, 16 to 32, 24x24", 24, [1, 1], 16, 32);
    table.depthwise("depthwise 3x3, 24x24x32", 24, 1, 32);
    table.convolution("conv 1x1, 32 to 64, 24x24", 24, [1, 1], 32, 64);
    table.depthwise("depthwise 3x3, 12x12x64", 12, 1, 64);
    table.convolution("conv 1x1, 64 to 64, 12x12", 12, [1, 1], 64, 64);
    table.convolution("conv 1x1, 128 to 128, 6x6", 6, [1, 1], 128, 128);
    inference();
}

/// The layers whose names contain `part`, a line each.
struct Table {
    part: String,
}

impl Table {
    fn line(&self, name: &str, products: usize, mut ours: impl FnMut(), mut plain: impl FnMut()) {
        if !name.contains(&self.part) {
            return;
        }
        let counts = [count_of_a_turn(&mut ours), count_of_a_turn(&mut plain)];
        let (mut ours_ns, mut plain_ns) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours_ns.push(nanoseconds(counts[0], &mut ours));
            plain_ns.push(nanoseconds(counts[1], &mut plain));
        }
        let (ours, plain) = (least(ours_ns), least(plain_ns));
        let rate = products as f64 / ours;
        println!("{name:<38}{products:>10}{ours:>11.0}{rate:>9.1}{plain:>14.0}{:>8.2}", plain / ours);
    }

    /// A square kernel and its stride, over `size` x `size` pixels.
    fn convolution(&self, name: &str, size: u16, [kernel, stride]: [u8; 2], depth: u16, filters: u16) {
        let window = Window::square(kernel, stride, Padding::Same);
        let arguments = arguments(window, size, depth, filters);
        let input = noise(length(arguments.input_shape));
        let taps = window.taps() as usize * usize::from(depth);
        let (weights, channels) = (noise(taps * usize::from(filters)), channels(filters.into()));
        let pixels = length(arguments.output_shape);
        let (mut output, mut plain) = (vec![0; pixels], vec![0; pixels]);
        let mut scratch = vec![0; conv2d_scratch(&window, arguments.input_shape, arguments.output_shape)];
        self.line(
            name,
            taps * pixels,
            || conv2d(&arguments, black_box(&input), &weights, &channels, &mut output, &mut scratch).expect("they fit"),
            || portable::conv2d(&arguments, black_box(&input), &weights, &channels, &mut plain).expect("they fit"),
        );
    }

    /// 3x3, over `size` x `size` pixels.
    fn depthwise(&self, name: &str, size: u16, stride: u8, depth: u16) {
        let window = Window::square(3, stride, Padding::Same);
        let arguments = arguments(window, size, depth, depth);
        let input = noise(length(arguments.input_shape));
        let taps = window.taps() as usize;
        let (weights, channels) = (noise(taps * usize::from(depth)), channels(depth.into()));
        let pixels = length(arguments.output_shape);
        let (mut output, mut plain) = (vec![0; pixels], vec![0; pixels]);
        let mut scratch = vec![0; depthwise_conv2d_scratch(&window, arguments.input_shape, arguments.output_shape)];
        self.line(
            name,
            taps * pixels,
            || {
                let input = black_box(&input);
                depthwise_conv2d(&arguments, input, &weights, &channels, &mut output, &mut scratch).expect("they fit");
            },
            || {
                let input = black_box(&input);
                portable::depthwise_conv2d(&arguments, input, &weights, &channels, &mut plain).expect("they fit");
            },
        );
    }

    fn dense(&self, name: &str, inputs: usize, units: usize) {
        let arguments = FullyConnectedArguments {
            input_offset: 128,
            output_offset: -128,
            activation_min: -128,
            activation_max: 127,
        };
        let (input, weights, channels) = (noise(inputs), noise(inputs * units), channels(units));
        let (mut output, mut plain) = (vec![0; units], vec![0; units]);
        let mut scratch = vec![0; fully_connected_scratch(inputs)];
        self.line(
            name,
            inputs * units,
            || {
                let input = black_box(&input);
                fully_connected(&arguments, input, &weights, &channels, &mut output, &mut scratch).expect("they fit");
            },
            || {
                let input = black_box(&input);
                portable::fully_connected(&arguments, input, &weights, &channels, &mut plain).expect("they fit");
            },
        );
    }

    fn max_pool(&self, name: &str, size: u16, depth: u16) {
        let arguments = PoolArguments {
            window: Window::square(2, 2, Padding::Valid),
            input_shape: Shape::new(size, size, depth),
            output_shape: Shape::new(size / 2, size / 2, depth),
            activation_min: -128,
            activation_max: 127,
        };
        let input = noise(length(arguments.input_shape));
        let values = length(arguments.output_shape);
        let (mut output, mut plain) = (vec![0; values], vec![0; values]);
        self.line(
            name,
            0,
            || max_pool2d(&arguments, black_box(&input), &mut output).expect("they fit"),
            || portable::max_pool2d(&arguments, black_box(&input), &mut plain).expect("they fit"),
        );
    }
}

/// The model that ships, from grey levels to an emotion and from a normalized face to logits.
fn inference() {
    static MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!("../models/levorse.fer"));
    let model = Model::parse(&MODEL.0).expect("the model is sound");
    let mut arena = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize];
    let mut engine = Engine::new(&model, &mut arena).expect("large enough");
    let normalized: Vec<i8> = noise(FACE_PIXELS);
    let grey: Vec<u8> = normalized.iter().map(|&value| value as u8).collect();
    let grey = grey.try_into().expect("a face");
    let mut time = |name: &str, inference: &mut dyn FnMut(&mut Engine<'_, '_>)| {
        let mut inference = || inference(&mut engine);
        let count = count_of_a_turn(&mut inference);
        let times = (0..ROUNDS).map(|_| nanoseconds(count, &mut inference)).collect();
        println!("{name:<48}{:>11.0}", least(times));
    };
    println!("levorse.fer, an inference");
    time("from grey levels to an emotion", &mut |engine| {
        black_box(engine.classify(black_box(&grey)).expect("it runs"));
    });
    time("from a normalized face to logits", &mut |engine| {
        black_box(engine.run_normalized(black_box(&normalized)).expect("it runs"));
    });
}

fn arguments(window: Window, size: u16, depth: u16, filters: u16) -> ConvArguments {
    let (height, width) = window.output_size(size, size).expect("the window fits");
    ConvArguments {
        window,
        input_shape: Shape::new(size, size, depth),
        output_shape: Shape::new(height, width, filters),
        groups: 1,
        input_offset: 128,
        output_offset: -128,
        activation_min: -128,
        activation_max: 127,
    }
}

/// Values without any structure.
fn noise(length: usize) -> Vec<i8> {
    let mut state = 1u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 24) as i8).max(-127)
        })
        .collect()
}

fn length(shape: Shape) -> usize {
    usize::from(shape.height) * usize::from(shape.width) * usize::from(shape.channels)
}

fn channels(count: usize) -> Vec<ChannelParameters> {
    vec![ChannelParameters { bias: 1000, multiplier: 1 << 30, shift: -10 }; count]
}

/// How often `operation` runs in about [`TURN`].
fn count_of_a_turn(operation: &mut impl FnMut()) -> u32 {
    let once = nanoseconds(1, operation).min(nanoseconds(1, operation));
    (TURN / once).clamp(1.0, 1e5) as u32
}

/// Nanoseconds of one of `count` runs.
fn nanoseconds(count: u32, operation: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..count {
        operation();
    }
    start.elapsed().as_nanos() as f64 / f64::from(count)
}

fn least(values: Vec<f64>) -> f64 {
    values.into_iter().fold(f64::INFINITY, f64::min)
}
