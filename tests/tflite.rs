//! The core's kernels against TensorFlow Lite's reference kernels, on the vectors of `goldens/tflite.json` and
//! `goldens/tflite_means.json`, which `goldens/make_tflite.py` wrote: every output byte equal.

use firmware::kernels::{
    self, AddArguments, ConvArguments, FullyConnectedArguments, MeanArguments, MulArguments, PoolArguments,
    ShapeMismatch,
};
use host_trainer::scales::logistic_table;
use serde::Deserialize;
use shared::{
    quantization::{AddParameters, ChannelParameters, Quantization, Requantization},
    shape::{Padding, Shape, Window},
};

#[derive(Deserialize)]
struct Case {
    name: String,
    operator: String,
    window: Option<WindowCase>,
    #[serde(default = "one")]
    groups: u16,
    activation: String,
    input: TensorCase,
    second_input: Option<TensorCase>,
    output: TensorCase,
    #[serde(default)]
    weight_scales: Vec<f64>,
    #[serde(default)]
    weights: Vec<i8>,
    #[serde(default)]
    biases: Vec<i32>,
    input_values: Vec<i8>,
    #[serde(default)]
    second_values: Vec<i8>,
    output_values: Vec<i8>,
}

#[derive(Clone, Copy, Deserialize)]
struct WindowCase {
    kernel: (u8, u8),
    stride: (u8, u8),
    #[serde(default = "not_dilated")]
    dilation: (u8, u8),
    padding: Padding,
}

fn not_dilated() -> (u8, u8) {
    (1, 1)
}

fn one() -> u16 {
    1
}

#[derive(Clone, Copy, Deserialize)]
struct TensorCase {
    shape: (u16, u16, u16),
    scale: f64,
    zero_point: i8,
}

impl TensorCase {
    fn shape(self) -> Shape {
        Shape::new(self.shape.0, self.shape.1, self.shape.2)
    }
}

impl Case {
    fn window(&self) -> Window {
        let WindowCase { kernel, stride, dilation, padding } = self.window.expect("this operator has a window");
        Window {
            kernel_height: kernel.0,
            kernel_width: kernel.1,
            stride_height: stride.0,
            stride_width: stride.1,
            dilation_height: dilation.0,
            dilation_width: dilation.1,
            padding,
        }
    }

    /// The clamp of an activation, as TensorFlow Lite quantizes it.
    fn activation(&self) -> (i8, i8) {
        let TensorCase { scale, zero_point, .. } = self.output;
        let quantize = |real: f64| (f64::from(zero_point) + (real / scale).round()).clamp(-128.0, 127.0) as i8;
        match self.activation.as_str() {
            "none" => (-128, 127),
            "relu" => (quantize(0.0), 127),
            "relu6" => (quantize(0.0), quantize(6.0)),
            other => panic!("{}: unknown activation {other}", self.name),
        }
    }

    fn channels(&self) -> Vec<ChannelParameters> {
        let channel = |(index, &bias): (usize, &i32)| {
            let weight_scale = self.weight_scales.get(index).unwrap_or(&self.weight_scales[0]);
            let factor = Requantization::from_real(self.input.scale * weight_scale / self.output.scale);
            let Requantization { multiplier, shift } = factor.expect("in range");
            ChannelParameters { bias, multiplier, shift }
        };
        self.biases.iter().enumerate().map(channel).collect()
    }

    /// What the core's kernel makes of the case.
    fn run(&self) -> Result<Vec<i8>, ShapeMismatch> {
        let (activation_min, activation_max) = self.activation();
        let (input_offset, output_offset) = (-i32::from(self.input.zero_point), self.output.zero_point.into());
        let (input_shape, output_shape) = (self.input.shape(), self.output.shape());
        let convolution = |groups| ConvArguments {
            window: self.window(),
            input_shape,
            output_shape,
            groups,
            input_offset,
            output_offset,
            activation_min,
            activation_max,
        };
        let pool =
            || PoolArguments { window: self.window(), input_shape, output_shape, activation_min, activation_max };
        let (input, weights, channels) = (&self.input_values, &self.weights, &self.channels());
        let mut output = vec![99; self.output_values.len()];
        match self.operator.as_str() {
            "conv2d" => {
                let mut scratch = vec![0; kernels::conv2d_scratch(&self.window(), input_shape, output_shape)];
                kernels::conv2d(&convolution(self.groups), input, weights, channels, &mut output, &mut scratch)?
            }
            "depthwise_conv2d" => {
                let mut scratch = vec![0; kernels::depthwise_conv2d_scratch(&self.window(), input_shape, output_shape)];
                let arguments = convolution(1);
                kernels::depthwise_conv2d(&arguments, input, weights, channels, &mut output, &mut scratch)?
            }
            "max_pool2d" => kernels::max_pool2d(&pool(), input, &mut output)?,
            "average_pool2d" => kernels::average_pool2d(&pool(), input, &mut output)?,
            "fully_connected" => {
                let arguments = FullyConnectedArguments { input_offset, output_offset, activation_min, activation_max };
                let mut scratch = vec![0; kernels::fully_connected_scratch(input.len())];
                kernels::fully_connected(&arguments, input, weights, channels, &mut output, &mut scratch)?;
            }
            "mean" => {
                output = mean(self.input, self.output, input)?;
            }
            "add" => {
                let second = self.second_input.expect("an addition has two inputs");
                let scales = [self.input.scale, second.scale, self.output.scale].map(|scale| scale as f32);
                let factors = AddParameters::from_scales(scales[0], scales[1], scales[2]).expect("in range");
                let (left_offset, right_offset) = (input_offset, -i32::from(second.zero_point));
                let arguments =
                    AddArguments { left_offset, right_offset, output_offset, factors, activation_min, activation_max };
                kernels::add(&arguments, input, &self.second_values, &mut output)?;
            }
            "mul" => {
                let second = self.second_input.expect("a multiplication has two inputs");
                let scales = [self.input.scale, second.scale, self.output.scale].map(|scale| scale as f32);
                let factor = Requantization::of_product(scales[0], scales[1], scales[2]).expect("in range");
                let (left_offset, right_offset) = (input_offset, -i32::from(second.zero_point));
                let arguments =
                    MulArguments { left_offset, right_offset, output_offset, factor, activation_min, activation_max };
                kernels::mul(&arguments, input, &self.second_values, &mut output)?;
                let mut product = input.clone();
                kernels::mul_assign(&arguments, &mut product, &self.second_values)?;
                assert_eq!(product, output, "{}: in place", self.name);
            }
            "logistic" => {
                let TensorCase { scale, zero_point, .. } = self.input;
                let table = logistic_table(Quantization { scale: scale as f32, zero_point });
                kernels::logistic(&table, input, &mut output)?;
            }
            other => panic!("{}: unknown operator {other}", self.name),
        }
        Ok(output)
    }
}

/// The mean over all pixels, with the factor that the quantizer gives it.
fn mean(input: TensorCase, output: TensorCase, values: &[i8]) -> Result<Vec<i8>, ShapeMismatch> {
    let Shape { height, width, .. } = input.shape();
    let pixels = u32::from(height) * u32::from(width);
    let factor = Requantization::of_mean(input.scale as f32, output.scale as f32, pixels).expect("in range");
    let arguments = MeanArguments {
        input_offset: -i32::from(input.zero_point),
        output_offset: output.zero_point.into(),
        factor,
        activation_min: i8::MIN,
        activation_max: i8::MAX,
    };
    let mut means = vec![99; usize::from(output.shape().channels)];
    kernels::global_average_pool(&arguments, values, &mut means)?;
    Ok(means)
}

#[derive(Deserialize)]
struct MeanCase {
    input: TensorCase,
    output: TensorCase,
    seed: u32,
    output_values: Vec<i8>,
}

impl MeanCase {
    /// As `channel_values` of `make_tflite.py` draws them: around a value of its own for every channel.
    fn input_values(&self) -> Vec<i8> {
        let mut state = self.seed;
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as i32
        };
        let Shape { height, width, channels } = self.input.shape();
        let centres: Vec<i32> = (0..channels).map(|_| byte() - 128).collect();
        (0..u32::from(height) * u32::from(width))
            .flat_map(|_| {
                centres.iter().map(|centre| (centre + byte() % 64 - 32).clamp(-128, 127) as i8).collect::<Vec<_>>()
            })
            .collect()
    }
}

#[test]
fn every_mean_is_tensorflow_lites() {
    let cases: Vec<MeanCase> =
        serde_json::from_str(include_str!("goldens/tflite_means.json")).expect("the file is well-formed");
    for case in &cases {
        let means = mean(case.input, case.output, &case.input_values()).expect("it fits");
        assert_eq!(means, case.output_values, "{:?}", case.input.shape());
    }
    let outputs: usize = cases.iter().map(|case| case.output_values.len()).sum();
    assert!(outputs >= 5_000, "{outputs} outputs");
}

#[test]
fn every_output_byte_is_tensorflow_lites() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("goldens/tflite.json")).expect("the file is well-formed");
    let mut failures = Vec::new();
    for case in &cases {
        let output = case.run().unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        let differing = output.iter().zip(&case.output_values).filter(|(ours, theirs)| ours != theirs).count();
        if differing > 0 {
            failures.push(format!("{}: {differing} of {} outputs differ", case.name, output.len()));
        }
    }
    assert!(cases.len() > 35);
    assert!(failures.is_empty(), "{failures:#?}");
}
