//! Against burn's own operations, and against the slopes that small steps show.

use super::{Pool, batch_norm, fake_quantize, global_average_pool, max_pool2d, relu, widened};
use burn::module::Param;
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{DType, Device, Tensor, TensorData, activation, module, ops::MaxPoolOptions};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shared::quantization::Quantization;

fn random<const D: usize>(seed: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// The largest difference, relative to the largest value.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(1e-6f32, |most, value| most.max(value.abs()));
    a.iter().zip(b).fold(0.0f32, |most, (a, b)| most.max((a - b).abs())) / largest
}

/// The output of `layer`, and the gradient of a weighted sum of it with respect to `x`.
fn run(x: &Tensor<4>, layer: impl Fn(Tensor<4>) -> Tensor<4>) -> [Vec<f32>; 2] {
    let x = x.clone().require_grad();
    let output = layer(x.clone());
    let factors = random(99, output.dims(), &output.device());
    let grads = (output.clone() * factors).sum().backward();
    [values(output), values(x.grad(&grads).unwrap())]
}

fn check(x: &Tensor<4>, ours: impl Fn(Tensor<4>) -> Tensor<4>, burns: impl Fn(Tensor<4>) -> Tensor<4>) {
    let (found, expected) = (run(x, ours), run(x, burns));
    for (what, (found, expected)) in ["output", "gradient"].iter().zip(found.iter().zip(&expected)) {
        let distance = distance(found, expected);
        assert!(distance <= 1e-4, "{what} is off by {distance:e} for {:?}", x.dims());
    }
}

/// A batch normalization with scales, shifts and running statistics of its own.
fn layer(channels: usize, device: &Device) -> BatchNorm {
    let mut layer = BatchNormConfig::new(channels).init(device);
    layer.gamma = Param::from_data((random(11, [channels], device) + 1.5).into_data(), device);
    layer.beta = Param::from_data(random(12, [channels], device).into_data(), device);
    layer
}

/// Output, gradients of x, gamma and beta, running mean and variance.
fn normalized(x: &Tensor<4>, forward: impl Fn(&BatchNorm, Tensor<4>) -> Tensor<4>) -> [Vec<f32>; 6] {
    // A clone would share the running statistics.
    let (x, layer) = (x.clone().require_grad(), layer(x.dims()[1], &x.device()));
    let output = forward(&layer, x.clone());
    let factors = random(98, output.dims(), &output.device());
    let grads = (output.clone() * factors).sum().backward();
    [
        values(output),
        values(x.grad(&grads).unwrap()),
        values(layer.gamma.val().grad(&grads).unwrap()),
        values(layer.beta.val().grad(&grads).unwrap()),
        values(layer.running_mean.value_sync()),
        values(layer.running_var.value_sync()),
    ]
}

const PARTS: [&str; 6] =
    ["output", "x gradient", "gamma gradient", "beta gradient", "running mean", "running variance"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn batch_normalization_is_burns_with_or_without_a_relu_behind_it(
        images in 1usize..11, channels in 1usize..10, height in 1usize..14, width in 2usize..14,
        mean in -3.0f32..3.0, rectify: bool, seed: u64,
    ) {
        let device = Device::flex().autodiff();
        let x = random(seed, [images, channels, height, width], &device) + mean;
        let found = normalized(&x, |layer, x| batch_norm(layer, x, rectify));
        let expected = normalized(&x, |layer, x| {
            let output = layer.forward(x);
            if rectify { activation::relu(output) } else { output }
        });
        // Few values have a small variance, which magnifies the rounding of both.
        let most = if images * height * width < 16 { 1e-3 } else { 1e-4 };
        for (what, (found, expected)) in PARTS.iter().zip(found.iter().zip(&expected)) {
            let distance = distance(found, expected);
            prop_assert!(distance <= most, "{what} is off by {distance:e}");
        }
    }

    #[test]
    fn max_pooling_is_burns_for_any_window(
        images in 1usize..5, channels in 1usize..12, height in 6usize..20, width in 6usize..20,
        kernel in (1usize..5, 1usize..5), stride in (1usize..4, 1usize..4), seed: u64, halve: bool,
    ) {
        let device = Device::flex().autodiff();
        let kernel = if halve { [2, 2] } else { [kernel.0, kernel.1] };
        let stride = if halve { [2, 2] } else { [stride.0, stride.1] };
        let pad = kernel.map(|side| if halve { 0 } else { side / 2 });
        let (height, width) = if halve { (height / 2 * 2, width / 2 * 2) } else { (height, width) };
        let x = random(seed, [images, channels, height, width], &device);
        let pool = Pool { kernel, stride, padding: pad.map(|pad| [pad; 2]) };
        check(&x, |x| max_pool2d(x, pool), |x| {
            let mut options = MaxPoolOptions::new(kernel).with_stride(stride);
            options.padding = pad.map(|pad| (pad, pad));
            module::max_pool2d(x, options)
        });
    }

    #[test]
    fn relu_and_global_average_pooling_are_burns(
        images in 1usize..40, channels in 1usize..12, height in 1usize..20, width in 1usize..20, seed: u64,
    ) {
        let device = Device::flex().autodiff();
        let x = random(seed, [images, channels, height, width], &device);
        check(&x, relu, activation::relu);
        check(&x, global_average_pool, |x| x.mean_dim(2).mean_dim(3));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn fake_quantization_is_quantization_and_back(
        images in 1usize..5, channels in 1usize..12, scale in 0.003f32..0.05, zero_point: i8, seed: u64,
    ) {
        let quantization = Quantization { scale, zero_point };
        let x = random(seed, [images, channels, 7, 9], &Device::flex().autodiff()) * 4.0;
        let [found, gradient] = run(&x, |x| fake_quantize(x, quantization));
        let factors = values(random::<4>(99, x.dims(), &Device::flex()));
        for (index, x) in values(x).into_iter().enumerate() {
            let exact = f64::from(x) / f64::from(scale) + f64::from(zero_point);
            // Halves aside, which go away from zero.
            prop_assume!((exact.fract().abs() - 0.5).abs() > 1e-3);
            let step = exact.round() as f32;
            let q = step.clamp(-128.0, 127.0);
            prop_assert!((found[index] - quantization.dequantize(q as i8)).abs() <= 1e-6, "{x}: {}", found[index]);
            prop_assert_eq!(gradient[index], if q == step { factors[index] } else { 0.0 }, "gradient at {}", x);
        }
    }
}

/// The largest difference, relative to the largest value, of output and gradient in bfloat16 from those in 32-bit floats of the same
/// numbers.
fn distance_in_bfloat16(x: &Tensor<4>, layer: impl Fn(Tensor<4>) -> Tensor<4>) -> f32 {
    let halves = x.clone().cast(DType::BF16);
    let same = halves.clone().cast(DType::F32);
    let expected = run(&same, &layer);
    // Widened, the output can be weighted; its gradient is made bfloat16 again.
    let found = run(&halves, |x| widened(layer(x)));
    distance(&found[0], &expected[0]).max(distance(&found[1], &expected[1]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn in_bfloat16_every_layer_gives_what_it_gives_in_32_bits_rounded(
        images in 1usize..9, channels in 1usize..6, height in 1usize..9, width in 1usize..40, rectify: bool, seed: u64,
    ) {
        let device = Device::flex().autodiff();
        let x = random(seed, [images, channels, height * 2, width * 2], &device);
        let halves = Pool { kernel: [2; 2], stride: [2; 2], padding: [[0; 2]; 2] };
        let wide = Pool { kernel: [2, 3], stride: [1; 2], padding: [[0; 2], [1, 1]] };
        // A bfloat16 has a relative error of 1/512 at most; overlapping windows add up several, and a batch normalization subtracts.
        for (what, most, found) in [
            ("relu", 1.0 / 256.0, distance_in_bfloat16(&x, relu)),
            ("global average pooling", 1.0 / 256.0, distance_in_bfloat16(&x, global_average_pool)),
            ("max pooling", 1.0 / 256.0, distance_in_bfloat16(&x, |x| max_pool2d(x, halves))),
            ("max pooling of overlapping windows", 1.0 / 50.0, distance_in_bfloat16(&x, |x| max_pool2d(x, wide))),
            ("batch normalization", 1.0 / 50.0, distance_in_bfloat16(&x, |x| {
                batch_norm(&layer(channels, &device), x, rectify)
            })),
        ] {
            prop_assert!(found <= most, "{what} is off by {found:e}");
        }
    }
}

/// Compares the gradient of `loss` at `x` with differences over five points that lie `step` apart (exact to its fourth
/// power).
fn check_slopes(x: &Tensor<4>, step: f32, loss: impl Fn(Tensor<4>) -> Tensor<4>) {
    let device = x.device();
    let [_, gradient] = run(x, &loss);
    let sum = |x: Tensor<4>| -> f64 {
        let output = loss(x);
        let factors = values(random(99, output.dims(), &device));
        values(output).iter().zip(factors).map(|(a, b)| f64::from(*a) * f64::from(b)).sum()
    };
    let count = gradient.len();
    let found: Vec<f32> = (0..count)
        .map(|at| {
            let at_steps = |steps: f32| {
                let mut shift = vec![0.0f32; count];
                shift[at] = steps * step;
                sum(x.clone() + Tensor::<4>::from_data(TensorData::new(shift, x.dims()), &device))
            };
            let (near, far) = (at_steps(1.0) - at_steps(-1.0), at_steps(2.0) - at_steps(-2.0));
            ((8.0 * near - far) / f64::from(12.0 * step)) as f32
        })
        .collect();
    let distance = distance(&gradient, &found);
    assert!(distance <= 1e-4, "the gradient is {distance:e} off the slope for {:?}", x.dims());
}

#[test]
fn every_gradient_is_the_slope_that_a_small_step_shows() {
    let device = Device::flex().autodiff();
    for shape in [[2, 3, 4, 4], [1, 5, 3, 6], [4, 2, 5, 2], [3, 1, 4, 8]] {
        // Far from each other and from zero, so that no step changes which value is largest or passes, and with few
        // digits, so that a step is not rounded.
        let count: usize = shape.iter().product();
        let ladder = (0..count).map(|at| ((at * 37 % count) as f32 - (count / 2) as f32 + 0.25) / 32.0);
        let ladder = Tensor::from_data(TensorData::new(ladder.collect::<Vec<_>>(), shape), &device);
        let batch_norms = layer(shape[1], &device);
        check_slopes(&ladder, 0.04, |x| batch_norm(&batch_norms, x, false));
        check_slopes(&ladder, 1.0 / 512.0, relu);
        check_slopes(&ladder, 1.0 / 512.0, global_average_pool);
        let pool = Pool { kernel: [3, 2], stride: [1, 2], padding: [[1, 1], [0, 0]] };
        check_slopes(&ladder, 1.0 / 512.0, |x| max_pool2d(x, pool));
        let halves = Pool { kernel: [2; 2], stride: [2; 2], padding: [[0; 2]; 2] };
        check_slopes(&ladder, 1.0 / 512.0, |x| max_pool2d(x, halves));
    }
}

#[test]
fn the_same_inputs_give_the_same_bits_on_any_number_of_threads() {
    let device = Device::flex().autodiff();
    let x = random(5, [13, 6, 12, 10], &device);
    let bits = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let halves = Pool { kernel: [2; 2], stride: [2; 2], padding: [[0; 2]; 2] };
        let parts = pool.install(|| {
            let normalized = normalized(&x, |layer, x| batch_norm(layer, x, true));
            [&run(&x, relu)[..], &run(&x, global_average_pool), &run(&x, |x| max_pool2d(x, halves)), &normalized]
                .concat()
        });
        parts.iter().map(|part| part.iter().map(|value| value.to_bits()).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let once = bits(1);
    for threads in [2, 5] {
        assert!(bits(threads) == once, "other bits on {threads} threads");
    }
}

#[test]
fn a_batch_normalization_that_answers_uses_the_running_statistics() {
    let device = Device::flex();
    let x = random(6, [3, 4, 5, 5], &device);
    let norm = layer(4, &device);
    norm.running_mean.update(random(7, [4], &device));
    norm.running_var.update(random::<1>(8, [4], &device) + 2.0);
    let before = values(norm.running_mean.value_sync());
    for rectify in [false, true] {
        let found = values(batch_norm(&norm, x.clone(), rectify));
        let burns = norm.forward(x.clone());
        let burns = if rectify { activation::relu(burns) } else { burns };
        assert!(distance(&found, &values(burns)) <= 1e-6);
    }
    assert_eq!(values(norm.running_mean.value_sync()), before);
}

#[test]
fn a_value_that_is_no_number_stays_visible() {
    let device = Device::flex();
    let mut image = vec![0.5f32; 16];
    image[5] = f32::NAN;
    let x: Tensor<4> = Tensor::from_data(TensorData::new(image, [1, 1, 4, 4]), &device);
    assert!(values(relu(x.clone()))[5].is_nan());
    assert!(values(fake_quantize(x.clone(), Quantization { scale: 0.1, zero_point: 0 }))[5].is_nan());
    let halves = Pool { kernel: [2; 2], stride: [2; 2], padding: [[0; 2]; 2] };
    assert!(values(max_pool2d(x.clone(), halves))[0].is_nan());
    let threes = Pool { kernel: [3; 2], stride: [1; 2], padding: [[0; 2]; 2] };
    assert!(values(max_pool2d(x, threes))[0].is_nan());
}

#[test]
fn a_tensor_that_somebody_else_holds_is_not_overwritten() {
    let device = Device::flex();
    let x = random(7, [1, 1, 50, 100], &device);
    let before = values(x.clone());
    let _ = relu(x.clone());
    assert_eq!(values(x), before);
}
