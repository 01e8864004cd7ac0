//! Random operators of every kind with every kind of parameters, and such whose sums are at the limits of the arithmetic, by
//! this processor's kernels and in plain Rust: prints the first that differs, or how many agreed.

use core::fmt::Debug;

use embedded_io::Write;
use firmware::kernels::{self, ConvArguments, FullyConnectedArguments, PoolArguments, Region, ShapeMismatch, portable};
use shared::quantization::ChannelParameters;
use shared::shape::{Padding, Shape, Window};

use crate::{print, random};

/// Operators of each kind.
const COUNT: u32 = 250;

/// Sides of an input, channels and sides of a window at most.
const MOST_SIDE: u32 = 13;
const MOST_CHANNELS: u32 = 24;
const MOST_KERNEL: u32 = 7;

const INPUT: usize = (MOST_SIDE * MOST_SIDE * MOST_CHANNELS) as usize;
const WEIGHTS: usize = (MOST_CHANNELS * MOST_CHANNELS * MOST_KERNEL * MOST_KERNEL) as usize;
const SCRATCH: usize = 64 * 1024;

/// What the operators work on, and what both versions make of it.
pub struct Memory {
    input: [i8; INPUT],
    weights: [i8; WEIGHTS],
    ours: [i8; INPUT],
    plain: [i8; INPUT],
    scratch: [i8; SCRATCH],
}

impl Memory {
    /// To begin with.
    pub const ZERO: Self = Self { input: [0; _], weights: [0; _], ours: [0; _], plain: [0; _], scratch: [0; _] };
}

/// Random operators.
struct Random(random::Random);

impl Random {
    fn next(&mut self) -> u32 {
        self.0.next()
    }

    /// `1..=most`.
    fn up_to(&mut self, most: u32) -> u32 {
        1 + self.next() % most
    }

    /// True once in so many times.
    fn one_in(&mut self, count: u32) -> bool {
        self.next().is_multiple_of(count)
    }

    fn window(&mut self) -> Window {
        let kernel = [self.up_to(MOST_KERNEL) as u8, self.up_to(MOST_KERNEL) as u8];
        let stride = [self.up_to(3) as u8, self.up_to(3) as u8];
        Window::new(kernel, stride, if self.one_in(2) { Padding::Same } else { Padding::Valid })
    }

    fn shape(&mut self) -> Shape {
        // Many a multiple of four, for which there are paths of their own.
        let channels = if self.one_in(2) { 4 * self.up_to(6) } else { self.up_to(MOST_CHANNELS) };
        Shape::new(self.up_to(MOST_SIDE) as u16, self.up_to(MOST_SIDE) as u16, channels as u16)
    }

    /// All of an output, or a part of it.
    fn region(&mut self, output: Shape) -> Region {
        if self.one_in(2) {
            return Region::whole(output);
        }
        let [top, left] = [output.height, output.width].map(|size| (self.next() % u32::from(size)) as u16);
        let height = self.up_to((output.height - top).into()) as u16;
        Region { top, left, height, width: self.up_to((output.width - left).into()) as u16 }
    }

    /// Lower and upper end of a clamp.
    fn clamp(&mut self) -> (i8, i8) {
        if self.one_in(2) {
            return (-128, 127);
        }
        let (a, b) = (self.next() as i8, self.next() as i8);
        (a.min(b), a.max(b))
    }

    fn channel(&mut self) -> ChannelParameters {
        // Some so large that no shift to the right is left, some zero.
        let shift = 1 - (self.next() % 16) as i32;
        let multiplier = if self.one_in(16) { 0 } else { (1 << 30) + (self.next() >> 2) as i32 };
        ChannelParameters { bias: self.next() as i32 >> 14, multiplier, shift }
    }

    fn convolution(&mut self, filters: Option<u16>) -> ConvArguments {
        loop {
            let (window, input_shape) = (self.window(), self.shape());
            let (activation_min, activation_max) = self.clamp();
            let filters = filters.unwrap_or(input_shape.channels);
            let Some((height, width)) = window.output_size(input_shape.height, input_shape.width) else { continue };
            return ConvArguments {
                window,
                input_shape,
                output_shape: Shape::new(height, width, filters),
                groups: 1,
                input_offset: (self.next() % 256) as i32 - 127,
                output_offset: (self.next() % 256) as i32 - 128,
                activation_min,
                activation_max,
            };
        }
    }
}

struct Trial<'a, S> {
    serial: &'a mut S,
    memory: &'a mut Memory,
}

impl<S: Write> Trial<'_, S> {
    /// Both versions, from the same input and weights; `false` if they differ or refuse.
    fn agree(
        &mut self,
        what: &dyn Debug,
        ours: impl FnOnce(&[i8], &[i8], &mut [i8], &mut [i8]) -> Result<(), ShapeMismatch>,
        plain: impl FnOnce(&[i8], &[i8], &mut [i8]) -> Result<(), ShapeMismatch>,
    ) -> bool {
        self.compare(what, false, ours, plain)
    }

    /// As [`agree`](Self::agree), where both may refuse.
    fn compare(
        &mut self,
        what: &dyn Debug,
        may_refuse: bool,
        ours: impl FnOnce(&[i8], &[i8], &mut [i8], &mut [i8]) -> Result<(), ShapeMismatch>,
        plain: impl FnOnce(&[i8], &[i8], &mut [i8]) -> Result<(), ShapeMismatch>,
    ) -> bool {
        let Memory { input, weights, ours: found, plain: expected, scratch } = self.memory;
        // What lies outside the result has to stay as it was.
        found.fill(77);
        expected.fill(77);
        let results = (ours(input, weights, found, scratch), plain(input, weights, expected));
        match results {
            (Ok(()), Ok(())) if found == expected => return true,
            (Err(ShapeMismatch), Err(ShapeMismatch)) if may_refuse => return true,
            _ => {}
        }
        let at = found.iter().zip(expected.iter()).position(|(found, expected)| found != expected);
        print(self.serial, format_args!("different at {at:?}, {results:?}: {what:?}\r\nend\r\n"));
        false
    }
}

/// Compares the operators, and prints to `serial`.
pub fn run(serial: &mut impl Write, memory: &mut Memory) {
    let mut random = Random(random::Random::new(2_463_534_242));
    let mut trial = Trial { serial, memory };
    let Some(limits) = limits_agree(&mut trial) else { return };
    trial.memory.input.fill_with(|| random.next() as i8);
    trial.memory.weights.fill_with(|| random.next() as i8);
    if all_agree(&mut random, &mut trial) {
        print(trial.serial, format_args!("{} operators agree\r\n{limits} at the limits agree\r\nend\r\n", 4 * COUNT));
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

/// Multipliers and shifts with which a sum at a limit is not always beyond the clamp, and such with which it is.
const FACTORS: [(i32, i32); 4] = [(1 << 30, -22), (i32::MAX, -23), (i32::MAX, -1), (1 << 30, -31)];

/// Operators whose sums are at the limits of the arithmetic: how many there were, if all agree.
fn limits_agree(trial: &mut Trial<'_, impl Write>) -> Option<u32> {
    let mut count = 0;
    trial.memory.weights.fill(-128);
    for (sign, input_offset, activation) in [(1, -127, -128i8), (-1, 128, 127)] {
        trial.memory.input.fill(activation);
        // Without filters: depthwise.
        for (size, kernel, depth, filters) in [(4, 1, 8, 4), (8, 3, 16, 16), (5, 3, 8, 0)] {
            let window = Window::square(kernel, 1, Padding::Valid);
            let input_shape = Shape::new(size, size, depth);
            let (height, width) = window.output_size(size, size)?;
            let arguments = ConvArguments {
                window,
                input_shape,
                output_shape: Shape::new(height, width, if filters == 0 { depth } else { filters }),
                groups: 1,
                input_offset,
                output_offset: -7,
                activation_min: -128,
                activation_max: 127,
            };
            let products = window.taps() as usize * if filters == 0 { 1 } else { usize::from(depth) };
            for (bias, (multiplier, shift)) in biases(products).flat_map(|bias| FACTORS.map(|factor| (bias, factor))) {
                let channel = ChannelParameters { bias: sign * bias, multiplier, shift };
                if !agree_with(trial, &arguments, filters == 0, channel) {
                    return None;
                }
                count += 1;
            }
        }
    }
    Some(count)
}

/// An operator with the same parameters for every channel; of one that is not depthwise, a fully connected one as well.
fn agree_with(
    trial: &mut Trial<'_, impl Write>,
    arguments: &ConvArguments,
    depthwise: bool,
    channel: ChannelParameters,
) -> bool {
    let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
    let channels = [channel; MOST_CHANNELS as usize];
    let channels = &channels[..output_shape.channels.into()];
    let what = (arguments, channel);
    if depthwise {
        let bytes = kernels::depthwise_conv2d_scratch(&window, input_shape, output_shape);
        return trial.agree(
            &what,
            |x, w, y, scratch| kernels::depthwise_conv2d(arguments, x, w, channels, y, &mut scratch[..bytes]),
            |x, w, y| portable::depthwise_conv2d(arguments, x, w, channels, y),
        );
    }
    let bytes = kernels::conv2d_scratch(&window, input_shape, output_shape);
    let inputs = window.taps() as usize * usize::from(input_shape.channels);
    let ConvArguments { input_offset, output_offset, activation_min, activation_max, .. } = *arguments;
    let ends = FullyConnectedArguments { input_offset, output_offset, activation_min, activation_max };
    let dense_bytes = kernels::fully_connected_scratch(inputs);
    let units = channels.len();
    trial.agree(
        &what,
        |x, w, y, scratch| kernels::conv2d(arguments, x, w, channels, y, &mut scratch[..bytes]),
        |x, w, y| portable::conv2d(arguments, x, w, channels, y),
    ) && trial.agree(
        &(ends, channel),
        |x, w, y, scratch| {
            let scratch = &mut scratch[..dense_bytes];
            kernels::fully_connected(&ends, &x[..inputs], w, channels, &mut y[..units], scratch)
        },
        |x, w, y| portable::fully_connected(&ends, &x[..inputs], w, channels, &mut y[..units]),
    )
}

fn all_agree(random: &mut Random, trial: &mut Trial<'_, impl Write>) -> bool {
    (0..COUNT).all(|_| {
        let channels: [ChannelParameters; MOST_CHANNELS as usize] = core::array::from_fn(|_| random.channel());
        // One large factor would send all channels of an operator the slow way.
        let fast = !random.one_in(4);
        let channels = channels.map(|channel| ChannelParameters {
            shift: if fast { channel.shift.min(-1) } else { channel.shift },
            ..channel
        });
        convolution(random, trial, &channels)
            && depthwise(random, trial, &channels)
            && fully_connected(random, trial, &channels)
            && max_pool(random, trial)
            && what_does_not_fit(random, trial, &channels)
    })
}

/// A convolution, plain and depthwise, and a pool of which something does not fit, most of the time: the same refusals.
fn what_does_not_fit(random: &mut Random, trial: &mut Trial<'_, impl Write>, channels: &[ChannelParameters]) -> bool {
    let ConvArguments { mut window, mut input_shape, mut output_shape, .. } = random.convolution(None);
    if random.one_in(2) {
        window = Window::square(2, 2, Padding::Valid);
        output_shape = Shape { height: input_shape.height / 2, width: input_shape.width / 2, ..output_shape };
    }
    match random.next() % 8 {
        0 => output_shape.height = output_shape.height.wrapping_sub(1),
        1 => output_shape.width = output_shape.width.saturating_sub(1),
        2 => output_shape.channels -= 1,
        3 => input_shape.width = 1,
        4 => input_shape.height = 0,
        5 => input_shape.channels = 0,
        6 => window.kernel_width = 0,
        _ => window.stride_height = 0,
    }
    let (input_offset, output_offset, activation_min, activation_max) = (-3, 5, -128, 127);
    let arguments = ConvArguments {
        window,
        input_shape,
        output_shape,
        groups: 1,
        input_offset,
        output_offset,
        activation_min,
        activation_max,
    };
    let pool = PoolArguments { window, input_shape, output_shape, activation_min, activation_max };
    let bytes = kernels::conv2d_scratch(&window, input_shape, output_shape).min(SCRATCH);
    let depthwise_bytes = kernels::depthwise_conv2d_scratch(&window, input_shape, output_shape).min(SCRATCH);
    trial.compare(
        &arguments,
        true,
        |x, w, y, scratch| kernels::conv2d(&arguments, x, w, channels, y, &mut scratch[..bytes]),
        |x, w, y| portable::conv2d(&arguments, x, w, channels, y),
    ) && trial.compare(
        &("depthwise", arguments),
        true,
        |x, w, y, scratch| kernels::depthwise_conv2d(&arguments, x, w, channels, y, &mut scratch[..depthwise_bytes]),
        |x, w, y| portable::depthwise_conv2d(&arguments, x, w, channels, y),
    ) && trial.compare(
        &pool,
        true,
        |x, _, y, _| kernels::max_pool2d(&pool, x, y),
        |x, _, y| portable::max_pool2d(&pool, x, y),
    )
}

fn convolution(random: &mut Random, trial: &mut Trial<'_, impl Write>, channels: &[ChannelParameters]) -> bool {
    let filters = random.up_to(MOST_CHANNELS) as u16;
    let arguments = random.convolution(Some(filters));
    let channels = &channels[..filters.into()];
    let bytes = kernels::conv2d_scratch(&arguments.window, arguments.input_shape, arguments.output_shape);
    let region = random.region(arguments.output_shape);
    trial.agree(
        &(arguments, region),
        |x, w, y, scratch| kernels::conv2d_region(&arguments, region, x, w, channels, y, &mut scratch[..bytes]),
        |x, w, y| portable::conv2d_region(&arguments, region, x, w, channels, y),
    )
}

fn depthwise(random: &mut Random, trial: &mut Trial<'_, impl Write>, channels: &[ChannelParameters]) -> bool {
    let arguments = random.convolution(None);
    let channels = &channels[..arguments.input_shape.channels.into()];
    let bytes = kernels::depthwise_conv2d_scratch(&arguments.window, arguments.input_shape, arguments.output_shape);
    trial.agree(
        &arguments,
        |x, w, y, scratch| kernels::depthwise_conv2d(&arguments, x, w, channels, y, &mut scratch[..bytes]),
        |x, w, y| portable::depthwise_conv2d(&arguments, x, w, channels, y),
    )
}

fn fully_connected(random: &mut Random, trial: &mut Trial<'_, impl Write>, channels: &[ChannelParameters]) -> bool {
    let (units, eights) = (random.up_to(MOST_CHANNELS) as usize, !random.one_in(4));
    let inputs = if eights { 8 * random.up_to(40) } else { random.up_to(320) } as usize;
    let (activation_min, activation_max) = random.clamp();
    let arguments = FullyConnectedArguments {
        input_offset: (random.next() % 256) as i32 - 127,
        output_offset: (random.next() % 256) as i32 - 128,
        activation_min,
        activation_max,
    };
    let channels = &channels[..units];
    let bytes = kernels::fully_connected_scratch(inputs);
    trial.agree(
        &(arguments, inputs, units),
        |x, w, y, scratch| {
            let scratch = &mut scratch[..bytes];
            kernels::fully_connected(&arguments, &x[..inputs], w, channels, &mut y[..units], scratch)
        },
        |x, w, y| portable::fully_connected(&arguments, &x[..inputs], w, channels, &mut y[..units]),
    )
}

fn max_pool(random: &mut Random, trial: &mut Trial<'_, impl Write>) -> bool {
    let arguments = random.convolution(None);
    let halves = random.one_in(2);
    let window = if halves { Window::square(2, 2, Padding::Valid) } else { arguments.window };
    let Shape { height, width, channels } = arguments.input_shape;
    let Some((out_height, out_width)) = window.output_size(height, width) else { return true };
    let arguments = PoolArguments {
        window,
        input_shape: arguments.input_shape,
        output_shape: Shape::new(out_height, out_width, channels),
        activation_min: arguments.activation_min,
        activation_max: arguments.activation_max,
    };
    trial.agree(
        &arguments,
        |x, _, y, _| kernels::max_pool2d(&arguments, x, y),
        |x, _, y| portable::max_pool2d(&arguments, x, y),
    )
}
