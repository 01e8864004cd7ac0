//! Time of the operators of the paper's network (17.2 million multiply-accumulates), on random weights and activations: the
//! kernels of this processor, and beside them those in plain Rust; and of the model that ships, all of it.
//!
//! `cargo bench -p firmware --bench network`

use std::hint::black_box;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use firmware::engine::Engine;
use firmware::kernels::{
    ConvArguments, FullyConnectedArguments, PoolArguments, conv2d, conv2d_scratch, fully_connected,
    fully_connected_scratch, max_pool2d, portable,
};
use shared::{
    model::{Aligned, Model},
    preprocessing::FACE_PIXELS,
    quantization::ChannelParameters,
    shape::{Padding, Shape, Window},
};

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

fn convolution(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, size: u16, kernel: u8, depth: u16, filters: u16) {
    let window = Window::square(kernel, 1, Padding::Same);
    let arguments = ConvArguments {
        window,
        input_shape: Shape::new(size, size, depth),
        output_shape: Shape::new(size, size, filters),
        input_offset: 128,
        output_offset: -128,
        activation_min: -128,
        activation_max: 127,
    };
    let input = noise(length(arguments.input_shape));
    let taps = window.taps() as usize * usize::from(depth);
    let weights = noise(taps * usize::from(filters));
    let channels = channels(filters.into());
    let mut output = vec![0; length(arguments.output_shape)];
    group.throughput(Throughput::Elements((taps * output.len()) as u64));
    let mut scratch = vec![0; conv2d_scratch(&window, arguments.input_shape, arguments.output_shape)];
    group.bench_function(name, |bencher| {
        bencher.iter(|| conv2d(&arguments, black_box(&input), &weights, &channels, &mut output, &mut scratch));
    });
    group.bench_function(format!("{name} portable"), |bencher| {
        bencher.iter(|| portable::conv2d(&arguments, black_box(&input), &weights, &channels, &mut output));
    });
}

fn dense(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, inputs: usize, units: usize) {
    let arguments =
        FullyConnectedArguments { input_offset: 128, output_offset: -128, activation_min: -128, activation_max: 127 };
    let (input, weights, channels, mut output) =
        (noise(inputs), noise(inputs * units), channels(units), vec![0; units]);
    group.throughput(Throughput::Elements((inputs * units) as u64));
    let mut scratch = vec![0; fully_connected_scratch(inputs)];
    group.bench_function(name, |bencher| {
        bencher.iter(|| fully_connected(&arguments, black_box(&input), &weights, &channels, &mut output, &mut scratch));
    });
    group.bench_function(format!("{name} portable"), |bencher| {
        bencher.iter(|| portable::fully_connected(&arguments, black_box(&input), &weights, &channels, &mut output));
    });
}

fn max_pool(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, size: u16, depth: u16) {
    let arguments = PoolArguments {
        window: Window::square(2, 2, Padding::Valid),
        input_shape: Shape::new(size, size, depth),
        output_shape: Shape::new(size / 2, size / 2, depth),
        activation_min: -128,
        activation_max: 127,
    };
    let input = noise(length(arguments.input_shape));
    let mut output = vec![0; length(arguments.output_shape)];
    group.throughput(Throughput::Elements(output.len() as u64));
    group.bench_function(name, |bencher| bencher.iter(|| max_pool2d(&arguments, black_box(&input), &mut output)));
}

fn network(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("levorse");
    convolution(&mut group, "conv 5x5 1-14 48x48", 48, 5, 1, 14);
    convolution(&mut group, "conv 5x5 14-14 48x48", 48, 5, 14, 14);
    max_pool(&mut group, "max-pool 2x2 48x48x14", 48, 14);
    convolution(&mut group, "conv 9x9 1-14 48x48", 48, 9, 1, 14);
    convolution(&mut group, "conv 7x7 14-8 24x24", 24, 7, 14, 8);
    convolution(&mut group, "conv 7x7 8-8 24x24", 24, 7, 8, 8);
    max_pool(&mut group, "max-pool 2x2 24x24x8", 24, 8);
    dense(&mut group, "fully connected 1152-144", 1152, 144);
    dense(&mut group, "fully connected 144-7", 144, 7);
    group.finish();
}

/// The model that ships, from grey levels to an emotion.
fn inference(criterion: &mut Criterion) {
    static MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!("../models/levorse.fer"));
    let model = Model::parse(&MODEL.0).expect("the model is sound");
    let mut arena = vec![0; Engine::arena_bytes(&model) as usize];
    let mut engine = Engine::new(&model, &mut arena).expect("large enough");
    let face: Vec<u8> = noise(FACE_PIXELS).into_iter().map(|value| value as u8).collect();
    let face = face.try_into().expect("a face");
    criterion.bench_function("levorse.fer", |bencher| {
        bencher.iter(|| engine.classify(black_box(&face)).map(|readout| readout.label));
    });
}

criterion_group!(benches, network, inference);
criterion_main!(benches);
