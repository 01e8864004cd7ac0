//! Against burn's own convolution, which is slow but has been right for years.

use super::{Precision, conv2d};
use burn::tensor::module::conv2d as burn_conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

/// A convolution's shapes and its operands.
struct Case {
    n: usize,
    channels: usize,
    outputs: usize,
    groups: usize,
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [[usize; 2]; 2],
}

impl Case {
    fn random(rng: &mut ChaCha8Rng) -> Self {
        let kernel = [rng.random_range(1..8), rng.random_range(1..8)];
        let size = [rng.random_range(7..20), rng.random_range(7..40)];
        let mut pad = || rng.random_range(0..5);
        let padding = [[pad(), pad()], [pad(), pad()]];
        let stride = [rng.random_range(1..4), rng.random_range(1..4)];
        let groups = *[1, 1, 1, 2, 3, 7].choose(rng).unwrap();
        let mut most = |most: usize| rng.random_range(1..=most);
        let (n, channels, outputs) = (most(5), most(9).div_ceil(groups) * groups, most(35).div_ceil(groups) * groups);
        Self { n, channels, outputs, groups, size, kernel, stride, padding }
    }

    fn describe(&self) -> String {
        let Self { n, channels, outputs, groups, size, kernel, stride, padding } = self;
        format!(
            "{n}x{channels}x{size:?} to {outputs}, {groups} groups, kernel {kernel:?}, stride {stride:?}, padding {padding:?}"
        )
    }
}

fn random<const D: usize>(rng: &mut ChaCha8Rng, shape: [usize; D], device: &Device) -> Tensor<D> {
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// The output, and the gradients of a weighted sum of it with respect to x, weight and bias.
fn run(
    case: &Case,
    [x, weight]: [Tensor<4>; 2],
    bias: Tensor<1>,
    seed: u64,
    convolution: impl Fn(Tensor<4>, Tensor<4>, Tensor<1>, &Case) -> Tensor<4>,
) -> [Vec<f32>; 4] {
    let (x, weight, bias) = (x.require_grad(), weight.require_grad(), bias.require_grad());
    let output = convolution(x.clone(), weight.clone(), bias.clone(), case);
    let factors = random(&mut ChaCha8Rng::seed_from_u64(seed), output.dims(), &output.device());
    let grads = (output.clone() * factors).sum().backward();
    let [gx, gw] = [&x, &weight].map(|tensor| values(tensor.grad(&grads).unwrap()));
    [values(output), gx, gw, values(bias.grad(&grads).unwrap())]
}

fn ours(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, case: &Case) -> Tensor<4> {
    conv2d(x, weight, Some(bias), case.stride, case.padding, case.groups, Precision::F32)
}

fn burns(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, case: &Case) -> Tensor<4> {
    let [[top, bottom], [left, right]] = case.padding;
    let options = ConvOptions::new_with_padding(case.stride, [(top, bottom), (left, right)], [1, 1], case.groups);
    burn_conv2d(x, weight, Some(bias), options)
}

fn operands(case: &Case, rng: &mut ChaCha8Rng, device: &Device) -> ([Tensor<4>; 2], Tensor<1>) {
    let [height, width] = case.size;
    let x = random(rng, [case.n, case.channels, height, width], device);
    let weight = random(rng, [case.outputs, case.channels / case.groups, case.kernel[0], case.kernel[1]], device);
    ([x, weight], random(rng, [case.outputs], device))
}

/// The largest difference, relative to the largest value.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(1e-6f32, |most, value| most.max(value.abs()));
    a.iter().zip(b).fold(0.0f32, |most, (a, b)| most.max((a - b).abs())) / largest
}

/// Fails where output or gradients differ from burn's.
fn check(case: &Case, rng: &mut ChaCha8Rng, seed: u64) {
    let device = Device::flex().autodiff();
    let (images, bias) = operands(case, rng, &device);
    let found = run(case, images.clone(), bias.clone(), seed, ours);
    let expected = run(case, images, bias, seed, burns);
    for (what, (found, expected)) in
        ["output", "x gradient", "weight gradient", "bias gradient"].iter().zip(found.iter().zip(&expected))
    {
        let distance = distance(found, expected);
        assert!(distance <= 1e-4, "{what} is off by {distance:e} for {}", case.describe());
    }
}

#[test]
fn output_and_gradients_are_those_of_burn_for_any_shape_stride_and_padding() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for seed in 0..60 {
        let case = Case::random(&mut rng);
        check(&case, &mut rng, seed);
    }
}

#[test]
fn output_and_gradients_are_those_of_burn_for_the_shapes_that_networks_have() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let same = |kernel: usize| [[kernel / 2, kernel / 2]; 2];
    for (channels, outputs, groups, side, kernel, stride) in [
        (1, 14, 1, 48, 5, 1),
        (14, 14, 1, 48, 5, 1),
        (14, 8, 1, 24, 7, 1),
        (8, 20, 1, 12, 1, 1),
        (8, 20, 1, 12, 1, 2),
        (16, 24, 1, 24, 3, 2),
        (12, 12, 12, 24, 3, 1),
        (12, 12, 12, 24, 3, 2),
        (12, 8, 4, 12, 3, 1),
        (16, 32, 1, 24, 3, 1),
        (16, 32, 1, 24, 3, 2),
        (20, 40, 1, 6, 3, 1),
        (64, 64, 1, 6, 1, 1),
        (9, 48, 1, 3, 3, 1),
    ] {
        let (size, kernel_size, stride) = ([side; 2], [kernel; 2], [stride; 2]);
        let case = Case { n: 5, channels, outputs, groups, size, kernel: kernel_size, stride, padding: same(kernel) };
        check(&case, &mut rng, 3);
    }
}

/// Compares every gradient with the slope that a step of one shows: the loss is linear in each operand, so that a large step
/// is as exact as a small one and drowns the rounding.
fn check_slopes(case: &Case, rng: &mut ChaCha8Rng) {
    let device = Device::flex().autodiff();
    let ([x, weight], bias) = operands(case, rng, &device);
    let [_, gx, gw, gb] = run(case, [x.clone(), weight.clone()], bias.clone(), 5, ours);
    let loss = |x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>| -> f64 {
        let output = ours(x, weight, bias, case);
        let factors = random(&mut ChaCha8Rng::seed_from_u64(5), output.dims(), &device);
        values(output).iter().zip(values(factors)).map(|(a, b)| f64::from(*a) * f64::from(b)).sum()
    };
    let check = |what: &str, gradient: &[f32], at_step: &dyn Fn(usize, f32) -> f64| {
        let slopes: Vec<f32> =
            (0..gradient.len()).map(|at| ((at_step(at, 1.0) - at_step(at, -1.0)) / 2.0) as f32).collect();
        let distance = distance(gradient, &slopes);
        assert!(distance <= 1e-4, "{what} gradient is {distance:e} off the slope for {}", case.describe());
    };
    check("x", &gx, &|at, step| loss(stepped(&x, at, step), weight.clone(), bias.clone()));
    check("weight", &gw, &|at, step| loss(x.clone(), stepped(&weight, at, step), bias.clone()));
    check("bias", &gb, &|at, step| loss(x.clone(), weight.clone(), stepped(&bias, at, step)));
}

/// `tensor` with `step` added to one value.
fn stepped<const D: usize>(tensor: &Tensor<D>, at: usize, step: f32) -> Tensor<D> {
    let mut changed = values(tensor.clone());
    changed[at] += step;
    Tensor::from_data(TensorData::new(changed, tensor.dims()), &tensor.device())
}

#[test]
fn every_gradient_is_the_slope_that_a_step_shows() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for _ in 0..6 {
        let mut case = Case::random(&mut rng);
        (case.n, case.kernel, case.size) = (2, case.kernel.map(|side| side.min(4)), case.size.map(|side| side.min(9)));
        check_slopes(&case, &mut rng);
    }
}

#[test]
fn the_same_inputs_give_the_same_bits_twice_and_on_any_number_of_threads() {
    let device = Device::flex().autodiff();
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let (size, padding) = ([24; 2], [[2; 2]; 2]);
    for outputs in [9, 16] {
        let case = Case { n: 7, channels: 5, outputs, groups: 1, size, kernel: [5; 2], stride: [1; 2], padding };
        let (images, bias) = operands(&case, &mut rng, &device);
        let bits = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| run(&case, images.clone(), bias.clone(), 7, ours));
            found.map(|values| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>())
        };
        let once = bits(1);
        for threads in [1, 2, 5] {
            assert!(bits(threads) == once, "other bits on {threads} threads for {outputs} outputs");
        }
    }
}

#[test]
fn views_are_convolved_as_the_images_they_show_and_a_missing_bias_is_zero() {
    let device = Device::flex();
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let x = random(&mut rng, [2, 9, 11, 3], &device).permute([0, 3, 1, 2]);
    let weight = random(&mut rng, [4, 3, 3, 3], &device).flip([2, 3]);
    let padding = [[1; 2]; 2];
    let found = values(conv2d(x.clone(), weight.clone(), None, [1; 2], padding, 1, Precision::F32));
    let options = ConvOptions::new([1; 2], [1; 2], [1; 2], 1);
    let expected = values(burn_conv2d(x, weight, None::<Tensor<1>>, options));
    assert!(distance(&found, &expected) <= 1e-4, "off by {}", distance(&found, &expected));
}

#[test]
fn operands_without_a_gradient_get_none() {
    let device = Device::flex().autodiff();
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let x = random(&mut rng, [3, 1, 8, 8], &device);
    let weight = random(&mut rng, [2, 1, 3, 3], &device).require_grad();
    let grads = conv2d(x.clone(), weight.clone(), None, [1; 2], [[1; 2]; 2], 1, Precision::F32).sum().backward();
    assert!(x.grad(&grads).is_none());
    assert_eq!(weight.grad(&grads).map(|gradient| gradient.dims()), Some([2, 1, 3, 3]));
}
