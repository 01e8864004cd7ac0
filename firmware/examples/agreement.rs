//! Random convolutions, plain and depthwise, fully connected operators and pools, and such whose sums are at the limits of the
//! arithmetic, by this processor's kernels and in plain Rust: how many agreed, or a panic with the first that differs. For
//! processors on which the property tests do not run, and for sanitizers.
//!
//! `cargo run --release -p firmware --example agreement`, with the number of operators of each kind behind `--`

use std::fmt::Debug;

use firmware::kernels::{
    ConvArguments, FullyConnectedArguments, PoolArguments, Region, ShapeMismatch, conv2d_region, conv2d_scratch,
    depthwise_conv2d, depthwise_conv2d_scratch, fully_connected, fully_connected_scratch, max_pool2d, portable,
};
use shared::{
    quantization::ChannelParameters,
    shape::{Padding, Shape, Window},
};

/// Operators of each kind.
const COUNT: u32 = 2_000;

/// Xorshift with the shifts 13, 7 and 17 (Marsaglia 2003, "Xorshift RNGs", section 3).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as u32
    }

    /// `1..=most`.
    fn up_to(&mut self, most: u32) -> u32 {
        1 + self.next() % most
    }

    fn one_in(&mut self, count: u32) -> bool {
        self.next().is_multiple_of(count)
    }

    fn values(&mut self, count: usize) -> Vec<i8> {
        (0..count).map(|_| self.next() as i8).collect()
    }

    fn channels(&mut self, count: usize) -> Vec<ChannelParameters> {
        let channel = |_| ChannelParameters {
            bias: (self.next() as i32) >> 12,
            multiplier: if self.one_in(16) { 0 } else { (1 << 30) + (self.next() >> 2) as i32 },
            shift: 2 - (self.next() % 24) as i32,
        };
        (0..count).map(channel).collect()
    }

    /// Offsets of input and output, lower and upper end of the clamp.
    fn ends(&mut self) -> FullyConnectedArguments {
        let (a, b) = (self.next() as i8, self.next() as i8);
        let (activation_min, activation_max) = if self.one_in(2) { (-128, 127) } else { (a.min(b), a.max(b)) };
        let (input_offset, output_offset) = ((self.next() % 256) as i32 - 127, (self.next() % 256) as i32 - 128);
        FullyConnectedArguments { input_offset, output_offset, activation_min, activation_max }
    }
}

fn main() {
    let mut random = Random(88_172_645_463_325_252);
    let count =
        std::env::args().nth(1).map_or(COUNT, |count| count.parse().expect("a number of operators of each kind"));
    for index in 0..count {
        convolution(&mut random);
        depthwise(&mut random);
        dense(&mut random);
        pool(&mut random);
        what_does_not_fit(&mut random);
        if index % 8 == 0 {
            by_sixteens(&mut random);
        }
    }
    println!("{} operators agree", 4 * count + count.div_ceil(8));
    println!("{} at the limits agree", limits());
}

/// A window and an input that it fits.
fn windowed(random: &mut Random) -> (Window, Shape, (u16, u16)) {
    loop {
        let kernel = [random.up_to(9) as u8, random.up_to(9) as u8];
        let stride = [random.up_to(3) as u8, random.up_to(3) as u8];
        let window = Window::new(kernel, stride, if random.one_in(2) { Padding::Same } else { Padding::Valid });
        let input = Shape::new(random.up_to(13) as u16, random.up_to(13) as u16, random.up_to(24) as u16);
        if let Some(output) = window.output_size(input.height, input.width) {
            return (window, input, output);
        }
    }
}

/// A convolution with up to so many filters, or a depthwise one with none.
fn arguments(random: &mut Random, most_filters: u32) -> ConvArguments {
    let (window, input_shape, (height, width)) = windowed(random);
    let filters = if most_filters == 0 { input_shape.channels } else { random.up_to(most_filters) as u16 };
    with_ends(&random.ends(), window, input_shape, Shape::new(height, width, filters))
}

fn with_ends(ends: &FullyConnectedArguments, window: Window, input_shape: Shape, output_shape: Shape) -> ConvArguments {
    let FullyConnectedArguments { input_offset, output_offset, activation_min, activation_max } = *ends;
    let groups = 1;
    ConvArguments {
        window,
        input_shape,
        output_shape,
        groups,
        input_offset,
        output_offset,
        activation_min,
        activation_max,
    }
}

fn elements(shape: Shape) -> usize {
    shape.elements().expect("small") as usize
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

/// A convolution, plain and depthwise, and a pool of which something does not fit, most of the time: the same refusals.
fn what_does_not_fit(random: &mut Random) {
    let (mut window, mut input_shape, (height, width)) = windowed(random);
    let mut output_shape = Shape { height, width, ..input_shape };
    if random.one_in(2) {
        window = Window::square(2, 2, Padding::Valid);
        output_shape = Shape { height: input_shape.height / 2, width: input_shape.width / 2, ..output_shape };
    }
    let depth = usize::from(input_shape.channels);
    let mut input = random.values(elements(input_shape));
    let mut weights =
        random.values(usize::from(window.kernel_height) * usize::from(window.kernel_width) * depth * depth);
    let mut channels = random.channels(depth);
    let mut length = elements(output_shape);
    match random.next() % 12 {
        0 => output_shape.height = output_shape.height.wrapping_sub(1),
        1 => output_shape.width = output_shape.width.saturating_sub(1),
        2 => output_shape.channels -= 1,
        3 => input_shape.width = 1,
        4 => input_shape.height = 0,
        5 => input_shape.channels = 0,
        6 => window.kernel_width = 0,
        7 => window.stride_height = 0,
        8 => input.truncate(input.len() - 1),
        9 => weights.truncate(weights.len() - 1),
        10 => channels.truncate(depth - 1),
        _ => length = length.saturating_sub(1),
    }
    let ends = random.ends();
    let arguments = with_ends(&ends, window, input_shape, output_shape);
    let FullyConnectedArguments { activation_min, activation_max, .. } = ends;
    let pool = PoolArguments { window, input_shape, output_shape, activation_min, activation_max };
    let [mut ours, mut plain] = [vec![77; length], vec![77; length]];
    let mut scratch = vec![55; conv2d_scratch(&window, input_shape, output_shape)];
    let region = Region::whole(output_shape);
    let results = [
        conv2d_region(&arguments, region, &input, &weights, &channels, &mut ours, &mut scratch),
        portable::conv2d_region(&arguments, region, &input, &weights, &channels, &mut plain),
    ];
    assert_same(results, [&ours, &plain], &arguments);
    let [mut ours, mut plain] = [vec![77; length], vec![77; length]];
    let mut scratch = vec![55; depthwise_conv2d_scratch(&window, input_shape, output_shape)];
    let results = [
        depthwise_conv2d(&arguments, &input, &weights, &channels, &mut ours, &mut scratch),
        portable::depthwise_conv2d(&arguments, &input, &weights, &channels, &mut plain),
    ];
    assert_same(results, [&ours, &plain], &("depthwise", arguments));
    let [mut ours, mut plain] = [vec![77; length], vec![77; length]];
    let results = [max_pool2d(&pool, &input, &mut ours), portable::max_pool2d(&pool, &input, &mut plain)];
    assert_same(results, [&ours, &plain], &pool);
    let [mut ours, mut plain] = [vec![77; channels.len()], vec![77; channels.len()]];
    let mut scratch = vec![55; fully_connected_scratch(input.len())];
    let results = [
        fully_connected(&ends, &input, &weights, &channels, &mut ours, &mut scratch),
        portable::fully_connected(&ends, &input, &weights, &channels, &mut plain),
    ];
    assert_same(results, [&ours, &plain], &("fully connected", input.len(), weights.len()));
}

/// Both refused, or both gave the same.
fn assert_same(results: [Result<(), ShapeMismatch>; 2], [ours, plain]: [&[i8]; 2], what: &dyn Debug) {
    assert_eq!(results[0], results[1], "{what:?}");
    assert!(results[0].is_err() || ours == plain, "{what:?}: {ours:?} instead of {plain:?}");
}

/// Operators whose sums are at the limits of the arithmetic: how many there were.
fn limits() -> u32 {
    let mut count = 0;
    for (sign, input_offset, activation) in [(1, -127, -128i8), (-1, 128, 127)] {
        let ends =
            FullyConnectedArguments { input_offset, output_offset: -7, activation_min: -128, activation_max: 127 };
        // Without filters: depthwise. The last sums more than 2^30.
        for (size, kernel, depth, filters) in [(4, 1, 8, 4), (8, 3, 16, 16), (5, 3, 8, 0), (1, 1, 40_000, 2)] {
            let window = Window::square(kernel, 1, Padding::Valid);
            let input_shape = Shape::new(size, size, depth);
            let (height, width) = window.output_size(size, size).expect("it fits");
            let output_shape = Shape::new(height, width, if filters == 0 { depth } else { filters });
            let products = window.taps() as usize * if filters == 0 { 1 } else { usize::from(depth) };
            let outputs = usize::from(output_shape.channels);
            let arguments = with_ends(&ends, window, input_shape, output_shape);
            let (input, weights) = (vec![activation; elements(input_shape)], vec![-128; products * outputs]);
            for (bias, (multiplier, shift)) in biases(products).flat_map(|bias| FACTORS.map(|factor| (bias, factor))) {
                let channels = vec![ChannelParameters { bias: sign * bias, multiplier, shift }; outputs];
                if filters == 0 {
                    compare_depthwise(&arguments, &input, &weights, &channels);
                } else {
                    compare_convolutions(&arguments, Region::whole(output_shape), &input, &weights, &channels);
                    compare_dense(&ends, &vec![activation; products], &weights, &channels);
                }
                count += 1;
            }
        }
    }
    count
}

/// Any convolution.
fn convolution(random: &mut Random) {
    let arguments = arguments(random, 35);
    convolve(random, &arguments);
}

/// 3x3, step by step, with channels by the sixteen: what most networks are made of, and some kernels treat apart.
fn by_sixteens(random: &mut Random) {
    let padding = if random.one_in(2) { Padding::Same } else { Padding::Valid };
    let window = Window::square(3, 1, padding);
    let (inputs, outputs) = (16 * random.up_to(3) as u16, 16 * random.up_to(3) as u16);
    let input_shape = Shape::new(2 + random.up_to(28) as u16, 2 + random.up_to(28) as u16, inputs);
    let (height, width) = window.output_size(input_shape.height, input_shape.width).expect("it fits");
    let arguments = with_ends(&random.ends(), window, input_shape, Shape::new(height, width, outputs));
    convolve(random, &arguments);
}

fn convolve(random: &mut Random, arguments: &ConvArguments) {
    let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
    let Shape { height, width, channels: filters } = output_shape;
    let filters = usize::from(filters);
    let input = random.values(elements(input_shape));
    let weights = random.values(window.taps() as usize * usize::from(input_shape.channels) * filters);
    let channels = random.channels(filters);
    let [top, left] = [height, width].map(|size| (random.next() % u32::from(size)) as u16);
    let region = Region {
        top,
        left,
        height: random.up_to((height - top).into()) as u16,
        width: random.up_to((width - left).into()) as u16,
    };
    let region = if random.one_in(2) { Region::whole(output_shape) } else { region };
    compare_convolutions(arguments, region, &input, &weights, &channels);
}

fn compare_convolutions(
    arguments: &ConvArguments,
    region: Region,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
) {
    let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
    let length = usize::from(region.height) * usize::from(output_shape.width) * channels.len();
    // What lies outside of the region has to stay as it was.
    let (mut ours, mut plain) = (vec![77; length], vec![77; length]);
    let mut scratch = vec![55; conv2d_scratch(&window, input_shape, output_shape)];
    let results = (
        conv2d_region(arguments, region, input, weights, channels, &mut ours, &mut scratch),
        portable::conv2d_region(arguments, region, input, weights, channels, &mut plain),
    );
    assert_eq!(results, (Ok(()), Ok(())), "{arguments:?}, {region:?}");
    assert_eq!(ours, plain, "{arguments:?}, {region:?}");
}

fn depthwise(random: &mut Random) {
    let arguments = arguments(random, 0);
    let ConvArguments { window, input_shape, .. } = arguments;
    let depth = usize::from(input_shape.channels);
    let input = random.values(elements(input_shape));
    let weights = random.values(window.taps() as usize * depth);
    let channels = random.channels(depth);
    compare_depthwise(&arguments, &input, &weights, &channels);
}

fn compare_depthwise(arguments: &ConvArguments, input: &[i8], weights: &[i8], channels: &[ChannelParameters]) {
    let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
    let (mut ours, mut plain) = (vec![77; elements(output_shape)], vec![77; elements(output_shape)]);
    let mut scratch = vec![55; depthwise_conv2d_scratch(&window, input_shape, output_shape)];
    let results = (
        depthwise_conv2d(arguments, input, weights, channels, &mut ours, &mut scratch),
        portable::depthwise_conv2d(arguments, input, weights, channels, &mut plain),
    );
    assert_eq!(results, (Ok(()), Ok(())), "{arguments:?}");
    assert_eq!(ours, plain, "{arguments:?}");
}

fn dense(random: &mut Random) {
    let (units, inputs) = (random.up_to(20) as usize, random.up_to(300) as usize);
    let arguments = random.ends();
    let (input, weights) = (random.values(inputs), random.values(inputs * units));
    let channels = random.channels(units);
    compare_dense(&arguments, &input, &weights, &channels);
}

fn compare_dense(arguments: &FullyConnectedArguments, input: &[i8], weights: &[i8], channels: &[ChannelParameters]) {
    let (units, inputs) = (channels.len(), input.len());
    let (mut ours, mut plain) = (vec![77; units], vec![77; units]);
    let mut scratch = vec![55; fully_connected_scratch(inputs)];
    let results = (
        fully_connected(arguments, input, weights, channels, &mut ours, &mut scratch),
        portable::fully_connected(arguments, input, weights, channels, &mut plain),
    );
    assert_eq!(results, (Ok(()), Ok(())), "{arguments:?}, {inputs} inputs");
    assert_eq!(ours, plain, "{arguments:?}, {inputs} inputs");
}

fn pool(random: &mut Random) {
    let (mut window, mut input_shape, _) = windowed(random);
    if random.one_in(2) {
        window = Window::square(2, 2, window.padding);
        input_shape = Shape { height: input_shape.height + 1, width: input_shape.width + 1, ..input_shape };
    }
    let (height, width) = window.output_size(input_shape.height, input_shape.width).expect("it fits");
    let output_shape = Shape { height, width, ..input_shape };
    let FullyConnectedArguments { activation_min, activation_max, .. } = random.ends();
    let arguments = PoolArguments { window, input_shape, output_shape, activation_min, activation_max };
    let input = random.values(elements(input_shape));
    let (mut ours, mut plain) = (vec![77; elements(output_shape)], vec![77; elements(output_shape)]);
    let results = (max_pool2d(&arguments, &input, &mut ours), portable::max_pool2d(&arguments, &input, &mut plain));
    assert_eq!(results, (Ok(()), Ok(())), "{arguments:?}");
    assert_eq!(ours, plain, "{arguments:?}");
}
