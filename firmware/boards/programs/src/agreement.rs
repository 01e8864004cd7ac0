//! Random operators of every kind with every kind of parameters, such as do not fit, and such whose sums are at the limits of
//! the arithmetic, by this processor's kernels and in plain Rust: prints the first that differs, or how many agreed.

use core::fmt::Debug;

use bytemuck::Zeroable;
use embedded_io::Write;
use firmware::kernels::{
    self, ConvArguments, FullyConnectedArguments, Passing, PoolArguments, Region, ShapeMismatch, conv2d_scratch,
    depthwise_conv2d_scratch, fully_connected_scratch, portable,
};
use shared::finder::{Tree, WINDOW};
use shared::quantization::ChannelParameters;
use shared::shape::{Padding, Shape, Window};

use crate::memory::{Buffers, Memory, Sizes};
use crate::{
    limits::{FACTORS, biases},
    print,
    random::Random,
};

/// Trees that are compared at a time, some more than any version looks at first.
const MOST_TREES: usize = 12;

/// What an operator's input, weights and channels are.
#[derive(Clone, Copy)]
enum Data {
    Random,
    /// All the same: the value of the input, that of the weights, and the parameters.
    Constant(i8, i8, ChannelParameters),
}

/// What both versions of an operator get.
#[derive(Clone, Copy)]
struct Given {
    sizes: Sizes,
    data: Data,
    /// Whether both may refuse it.
    may_refuse: bool,
}

impl Given {
    /// What fits.
    fn fitting(sizes: Sizes, data: Data) -> Self {
        Self { sizes, data, may_refuse: false }
    }

    /// Random values of sizes that need not fit.
    fn any(sizes: Sizes) -> Self {
        Self { sizes, data: Data::Random, may_refuse: true }
    }
}

/// Two versions differ; which, is printed.
struct Different;

/// Compares so many operators of each kind, and prints to `serial`; those that are too large for the memory are left out and not
/// counted. Whether all agreed.
pub fn run(serial: &mut impl Write, memory: &mut impl Memory, count: u32) -> bool {
    let random = Random::new(2_463_534_242);
    let mut trial = Trial { serial, memory, random, agreed: 0 };
    let (Ok(limits), Ok(operators)) = (trial.limits(), trial.operators(count)) else { return false };
    print(trial.serial, format_args!("{operators} operators agree\r\n{limits} at the limits agree\r\nend\r\n"));
    true
}

struct Trial<'a, S, M> {
    serial: &'a mut S,
    memory: &'a mut M,
    random: Random,
    /// Comparisons so far.
    agreed: u32,
}

impl<S: Write, M: Memory> Trial<'_, S, M> {
    /// Random operators: how many were compared.
    fn operators(&mut self, count: u32) -> Result<u32, Different> {
        let before = self.agreed;
        for index in 0..count {
            self.any_convolution()?;
            self.any_depthwise()?;
            self.any_fully_connected()?;
            self.any_max_pool()?;
            self.any_trees()?;
            self.what_does_not_fit()?;
            if index % 8 == 0 {
                self.by_sixteens()?;
            }
        }
        Ok(self.agreed - before)
    }

    /// Operators whose sums are at the limits of the arithmetic: how many were compared.
    fn limits(&mut self) -> Result<u32, Different> {
        let before = self.agreed;
        for (sign, input_offset, activation) in [(1, -127, -128i8), (-1, 128, 127)] {
            let ends =
                FullyConnectedArguments { input_offset, output_offset: -7, activation_min: -128, activation_max: 127 };
            // Without filters: depthwise. The last sums more than 2^30.
            for (size, kernel, depth, filters) in [(4, 1, 8, 4), (8, 3, 16, 16), (5, 3, 8, 0), (1, 1, 33_000, 2)] {
                let window = Window::square(kernel, 1, Padding::Valid);
                let Some((height, width)) = window.output_size(size, size) else { continue };
                let output_shape = Shape::new(height, width, if filters == 0 { depth } else { filters });
                let arguments = with_ends(&ends, window, Shape::new(size, size, depth), output_shape);
                let products = window.taps() as usize * if filters == 0 { 1 } else { usize::from(depth) };
                for bias in biases(products) {
                    for (multiplier, shift) in FACTORS {
                        let channel = ChannelParameters { bias: sign * bias, multiplier, shift };
                        let data = Data::Constant(activation, -128, channel);
                        if filters == 0 {
                            self.depthwise(&arguments, data)?;
                        } else {
                            self.convolution(&arguments, Region::whole(output_shape), data)?;
                            self.fully_connected(&ends, products, filters.into(), data)?;
                        }
                    }
                }
            }
        }
        Ok(self.agreed - before)
    }

    /// Any convolution, or any part of one.
    fn any_convolution(&mut self) -> Result<(), Different> {
        let (window, input_shape, (height, width)) = self.random.windowed();
        let output_shape = Shape::new(height, width, self.random.up_to(35) as u16);
        let arguments = with_ends(&self.random.ends(), window, input_shape, output_shape);
        let region = self.random.region(output_shape);
        self.convolution(&arguments, region, Data::Random)
    }

    /// 3x3, step by step, with channels by the sixteen: what most networks are made of, and some kernels treat apart.
    fn by_sixteens(&mut self) -> Result<(), Different> {
        let padding = if self.random.one_in(2) { Padding::Same } else { Padding::Valid };
        let window = Window::square(3, 1, padding);
        let [inputs, outputs] = [16 * self.random.up_to(3) as u16, 16 * self.random.up_to(3) as u16];
        let input_shape = Shape::new(2 + self.random.up_to(28) as u16, 2 + self.random.up_to(28) as u16, inputs);
        let Some((height, width)) = window.output_size(input_shape.height, input_shape.width) else { return Ok(()) };
        let output_shape = Shape::new(height, width, outputs);
        let arguments = with_ends(&self.random.ends(), window, input_shape, output_shape);
        let region = self.random.region(output_shape);
        self.convolution(&arguments, region, Data::Random)
    }

    fn any_depthwise(&mut self) -> Result<(), Different> {
        let (window, input_shape, (height, width)) = self.random.windowed();
        let arguments = with_ends(
            &self.random.ends(),
            window,
            input_shape,
            Shape { height, width, channels: input_shape.channels },
        );
        self.depthwise(&arguments, Data::Random)
    }

    fn any_fully_connected(&mut self) -> Result<(), Different> {
        let units = self.random.up_to(24) as usize;
        // Many a multiple of eight, for which there are paths of their own.
        let inputs = if self.random.one_in(4) { self.random.up_to(320) } else { 8 * self.random.up_to(40) };
        let ends = self.random.ends();
        self.fully_connected(&ends, inputs as usize, units, Data::Random)
    }

    fn any_max_pool(&mut self) -> Result<(), Different> {
        let (mut window, mut input_shape, _) = self.random.windowed();
        if self.random.one_in(2) {
            window = Window::square(2, 2, window.padding);
            input_shape = Shape { height: input_shape.height + 1, width: input_shape.width + 1, ..input_shape };
        }
        let Some((height, width)) = window.output_size(input_shape.height, input_shape.width) else { return Ok(()) };
        let FullyConnectedArguments { activation_min, activation_max, .. } = self.random.ends();
        let output_shape = Shape { height, width, ..input_shape };
        let pool = PoolArguments { window, input_shape, output_shape, activation_min, activation_max };
        let sizes = Sizes { input: elements(input_shape), output: elements(output_shape), ..Sizes::default() };
        self.max_pool(&pool, Given::fitting(sizes, Data::Random))
    }

    /// A few trees on neighbouring windows, of which many pass. Some versions look at several windows at once first.
    fn any_trees(&mut self) -> Result<(), Different> {
        let trees = self.random.up_to(MOST_TREES as u32) as usize;
        let width = WINDOW + 2 * self.random.up_to(20) as usize;
        let windows = (width - WINDOW) / 2 + 1;
        let (input, weights) = (width * WINDOW, trees * size_of::<Tree>());
        let sizes = Sizes { input, weights, output: 3 * windows, ..Sizes::default() };
        self.compare(&("trees", trees, width), Given::fitting(sizes, Data::Random), |version, memory| {
            let level: &[u8] = bytemuck::cast_slice(memory.input);
            let mut forest = [Tree::zeroed(); MOST_TREES];
            for (tree, bytes) in forest.iter_mut().zip(memory.weights.chunks_exact(size_of::<Tree>())) {
                *tree = bytemuck::pod_read_unaligned(bytemuck::cast_slice(bytes));
                // So that a sum of leaves is below about half of them.
                tree.threshold >>= 8;
            }
            let forest = &forest[..trees];
            let passing = Passing::new(level, [0, WINDOW], width, forest);
            let output = match version {
                Version::Ours => &mut *memory.ours,
                Version::Plain => &mut *memory.plain,
            };
            for (x, output) in (0..).step_by(2).zip(output.chunks_exact_mut(3)) {
                let mut window = [0; WINDOW * WINDOW];
                for (to, row) in window.chunks_exact_mut(WINDOW).zip(level.chunks_exact(width)) {
                    to.copy_from_slice(&row[x..x + WINDOW]);
                }
                let sum = match version {
                    Version::Ours if !passing.contains(x, 0) => None,
                    Version::Ours => kernels::tree_sum(&window, forest),
                    Version::Plain => portable::tree_sum(&window, forest),
                };
                let [low, high] = sum.unwrap_or(0).to_le_bytes();
                output.copy_from_slice(&[low as i8, high as i8, i8::from(sum.is_some())]);
            }
            Ok(())
        })
    }

    fn convolution(&mut self, arguments: &ConvArguments, region: Region, data: Data) -> Result<(), Different> {
        let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
        let filters = usize::from(output_shape.channels);
        let sizes = Sizes {
            input: elements(input_shape),
            weights: window.taps() as usize * usize::from(input_shape.channels) * filters,
            channels: filters,
            output: usize::from(region.height) * usize::from(output_shape.width) * filters,
            scratch: conv2d_scratch(&window, input_shape, output_shape),
        };
        self.convolution_of(arguments, region, Given::fitting(sizes, data))
    }

    fn convolution_of(&mut self, arguments: &ConvArguments, region: Region, given: Given) -> Result<(), Different> {
        self.compare(&(arguments, region), given, |version, memory| {
            let Buffers { input, weights, channels, ours, plain, scratch } = memory;
            match version {
                Version::Ours => kernels::conv2d_region(arguments, region, input, weights, channels, ours, scratch),
                Version::Plain => portable::conv2d_region(arguments, region, input, weights, channels, plain),
            }
        })
    }

    fn depthwise(&mut self, arguments: &ConvArguments, data: Data) -> Result<(), Different> {
        let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
        let depth = usize::from(input_shape.channels);
        let sizes = Sizes {
            input: elements(input_shape),
            weights: window.taps() as usize * depth,
            channels: depth,
            output: elements(output_shape),
            scratch: depthwise_conv2d_scratch(&window, input_shape, output_shape),
        };
        self.depthwise_of(arguments, Given::fitting(sizes, data))
    }

    fn depthwise_of(&mut self, arguments: &ConvArguments, given: Given) -> Result<(), Different> {
        self.compare(&("depthwise", arguments), given, |version, memory| {
            let Buffers { input, weights, channels, ours, plain, scratch } = memory;
            match version {
                Version::Ours => kernels::depthwise_conv2d(arguments, input, weights, channels, ours, scratch),
                Version::Plain => portable::depthwise_conv2d(arguments, input, weights, channels, plain),
            }
        })
    }

    fn fully_connected(
        &mut self,
        ends: &FullyConnectedArguments,
        inputs: usize,
        units: usize,
        data: Data,
    ) -> Result<(), Different> {
        let scratch = fully_connected_scratch(inputs);
        let sizes = Sizes { input: inputs, weights: inputs * units, channels: units, output: units, scratch };
        self.fully_connected_of(ends, Given::fitting(sizes, data))
    }

    fn fully_connected_of(&mut self, ends: &FullyConnectedArguments, given: Given) -> Result<(), Different> {
        self.compare(&(ends, given.sizes), given, |version, memory| {
            let Buffers { input, weights, channels, ours, plain, scratch } = memory;
            match version {
                Version::Ours => kernels::fully_connected(ends, input, weights, channels, ours, scratch),
                Version::Plain => portable::fully_connected(ends, input, weights, channels, plain),
            }
        })
    }

    fn max_pool(&mut self, pool: &PoolArguments, given: Given) -> Result<(), Different> {
        self.compare(pool, given, |version, memory| match version {
            Version::Ours => kernels::max_pool2d(pool, memory.input, memory.ours),
            Version::Plain => portable::max_pool2d(pool, memory.input, memory.plain),
        })
    }

    /// A convolution, plain and depthwise, a pool and a fully connected operator of which something does not fit, most of the
    /// time: the same refusals.
    fn what_does_not_fit(&mut self) -> Result<(), Different> {
        let (mut window, mut input_shape, (height, width)) = self.random.windowed();
        let mut output_shape = Shape { height, width, ..input_shape };
        if self.random.one_in(2) {
            window = Window::square(2, 2, Padding::Valid);
            output_shape = Shape { height: input_shape.height / 2, width: input_shape.width / 2, ..output_shape };
        }
        let depth = usize::from(input_shape.channels);
        let mut sizes = Sizes {
            input: elements(input_shape),
            weights: window.taps() as usize * depth * depth,
            channels: depth,
            output: elements(output_shape),
            scratch: 0,
        };
        match self.random.next() % 12 {
            0 => output_shape.height = output_shape.height.wrapping_sub(1),
            1 => output_shape.width = output_shape.width.saturating_sub(1),
            2 => output_shape.channels -= 1,
            3 => input_shape.width = 1,
            4 => input_shape.height = 0,
            5 => input_shape.channels = 0,
            6 => window.kernel_width = 0,
            7 => window.stride_height = 0,
            8 => sizes.input -= 1,
            9 => sizes.weights -= 1,
            10 => sizes.channels -= 1,
            _ => sizes.output = sizes.output.saturating_sub(1),
        }
        let ends = self.random.ends();
        let arguments = with_ends(&ends, window, input_shape, output_shape);
        let FullyConnectedArguments { activation_min, activation_max, .. } = ends;
        let pool = PoolArguments { window, input_shape, output_shape, activation_min, activation_max };
        let region = Region::whole(output_shape);
        let with = |scratch| Given::any(Sizes { scratch, ..sizes });
        let scratch = conv2d_scratch(&window, input_shape, output_shape);
        self.convolution_of(&arguments, region, with(scratch))?;
        let scratch = depthwise_conv2d_scratch(&window, input_shape, output_shape);
        self.depthwise_of(&arguments, with(scratch))?;
        self.max_pool(&pool, Given::any(sizes))?;
        let sizes = Sizes { output: sizes.channels, scratch: fully_connected_scratch(sizes.input), ..sizes };
        self.fully_connected_of(&ends, Given::any(sizes))
    }
}

#[derive(Clone, Copy)]
enum Version {
    Ours,
    Plain,
}

impl<S: Write, M: Memory> Trial<'_, S, M> {
    /// Runs both versions on the same data. Both may refuse only where that is allowed.
    fn compare(
        &mut self,
        what: &dyn Debug,
        given: Given,
        run: impl Fn(Version, &mut Buffers<'_>) -> Result<(), ShapeMismatch>,
    ) -> Result<(), Different> {
        let Self { memory, random, serial, .. } = self;
        let Some(mut memory) = memory.buffers(given.sizes) else { return Ok(()) };
        match given.data {
            Data::Random => {
                memory.input.fill_with(|| random.next() as i8);
                memory.weights.fill_with(|| random.next() as i8);
                // One large factor would send all channels of an operator the slow way.
                let fast = !random.one_in(4);
                memory.channels.fill_with(|| random.channel(fast));
            }
            Data::Constant(input, weights, channel) => {
                memory.input.fill(input);
                memory.weights.fill(weights);
                memory.channels.fill(channel);
            }
        }
        // What lies outside of the result has to stay as it was.
        memory.ours.fill(77);
        memory.plain.fill(77);
        memory.scratch.fill(55);
        let results = [run(Version::Ours, &mut memory), run(Version::Plain, &mut memory)];
        let same = match results {
            [Ok(()), Ok(())] => memory.ours == memory.plain,
            [Err(ShapeMismatch), Err(ShapeMismatch)] => given.may_refuse,
            _ => false,
        };
        if same {
            self.agreed += 1;
            return Ok(());
        }
        let at = memory.ours.iter().zip(memory.plain.iter()).position(|(ours, plain)| ours != plain);
        print(*serial, format_args!("different at {at:?}, {results:?}: {what:?}\r\nend\r\n"));
        Err(Different)
    }
}

fn with_ends(ends: &FullyConnectedArguments, window: Window, input_shape: Shape, output_shape: Shape) -> ConvArguments {
    let FullyConnectedArguments { input_offset, output_offset, activation_min, activation_max } = *ends;
    ConvArguments {
        window,
        input_shape,
        output_shape,
        groups: 1,
        input_offset,
        output_offset,
        activation_min,
        activation_max,
    }
}

/// Of a shape of these operators, all of which are small.
fn elements(shape: Shape) -> usize {
    shape.elements().unwrap_or(0) as usize
}
