//! TensorFlow Lite's own outputs, which `goldens/make_tflite.py` wrote to `goldens/tflite.json`: every byte of a kernel's must
//! be equal.

use firmware::kernels::{ConvArguments, PoolArguments, ShapeMismatch};
use serde::Deserialize;
use shared::{
    quantization::{ChannelParameters, Requantization},
    shape::{Padding, Shape, Window},
};

/// A call of an operator.
#[derive(Deserialize)]
pub struct Case {
    pub name: String,
    operator: String,
    window: Option<WindowCase>,
    #[serde(default = "one")]
    pub groups: u16,
    activation: String,
    pub input: TensorCase,
    pub second_input: Option<TensorCase>,
    pub output: TensorCase,
    #[serde(default)]
    weight_scales: Vec<f64>,
    #[serde(default)]
    pub weights: Vec<i8>,
    #[serde(default)]
    biases: Vec<i32>,
    pub input_values: Vec<i8>,
    #[serde(default)]
    pub second_values: Vec<i8>,
    pub output_values: Vec<i8>,
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
pub struct TensorCase {
    pub shape: (u16, u16, u16),
    pub scale: f64,
    pub zero_point: i8,
}

impl TensorCase {
    pub fn shape(self) -> Shape {
        Shape::new(self.shape.0, self.shape.1, self.shape.2)
    }
}

impl Case {
    pub fn window(&self) -> Window {
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

    pub fn input_offset(&self) -> i32 {
        -i32::from(self.input.zero_point)
    }

    pub fn output_offset(&self) -> i32 {
        self.output.zero_point.into()
    }

    /// The second input of an operator that takes two: its offset, and the scales of both inputs and of the output.
    pub fn second(&self) -> (i32, [f32; 3]) {
        let second = self.second_input.unwrap_or_else(|| panic!("{}: no second input", self.name));
        (-i32::from(second.zero_point), [self.input.scale, second.scale, self.output.scale].map(|scale| scale as f32))
    }

    pub fn convolution(&self, groups: u16) -> ConvArguments {
        let (activation_min, activation_max) = self.activation();
        ConvArguments {
            window: self.window(),
            input_shape: self.input.shape(),
            output_shape: self.output.shape(),
            groups,
            input_offset: self.input_offset(),
            output_offset: self.output_offset(),
            activation_min,
            activation_max,
        }
    }

    pub fn pool(&self) -> PoolArguments {
        let (activation_min, activation_max) = self.activation();
        let (input_shape, output_shape) = (self.input.shape(), self.output.shape());
        PoolArguments { window: self.window(), input_shape, output_shape, activation_min, activation_max }
    }

    /// The clamp of an activation, as TensorFlow Lite quantizes it.
    pub fn activation(&self) -> (i8, i8) {
        let TensorCase { scale, zero_point, .. } = self.output;
        let quantize = |real: f64| (f64::from(zero_point) + (real / scale).round()).clamp(-128.0, 127.0) as i8;
        match self.activation.as_str() {
            "none" => (-128, 127),
            "relu" => (quantize(0.0), 127),
            "relu6" => (quantize(0.0), quantize(6.0)),
            other => panic!("{}: unknown activation {other}", self.name),
        }
    }

    pub fn channels(&self) -> Vec<ChannelParameters> {
        let channel = |(index, &bias): (usize, &i32)| {
            let weight_scale = self.weight_scales.get(index).unwrap_or(&self.weight_scales[0]);
            let factor = Requantization::from_real(self.input.scale * weight_scale / self.output.scale);
            let Requantization { multiplier, shift } = factor.expect("in range");
            ChannelParameters { bias, multiplier, shift }
        };
        self.biases.iter().enumerate().map(channel).collect()
    }
}

/// Runs `kernel` on every call of `operator`, of which there must be `least`; it gets an output full of leftovers.
///
/// # Panics
/// If a byte differs.
pub fn check(operator: &str, least: usize, kernel: impl Fn(&Case, &mut [i8]) -> Result<(), ShapeMismatch>) {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../goldens/tflite.json")).expect("the file is well-formed");
    let cases: Vec<Case> = cases.into_iter().filter(|case| case.operator == operator).collect();
    assert!(cases.len() >= least, "{} calls of {operator}", cases.len());
    let mut failures = Vec::new();
    for case in &cases {
        assert!(!case.output_values.is_empty(), "{}: no outputs", case.name);
        let mut output = vec![99; case.output_values.len()];
        kernel(case, &mut output).unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        let differing = output.iter().zip(&case.output_values).filter(|(ours, theirs)| ours != theirs).count();
        if differing > 0 {
            failures.push(format!("{}: {differing} of {} outputs differ", case.name, output.len()));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
