//! Max and average pooling.

use serde::{Deserialize, Serialize};

use super::check::StepError;
use crate::{
    shape::{Shape, Window},
    tensor::Tensor,
};

/// Maximum or mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PoolKind {
    /// The largest value.
    Max,
    /// The mean.
    Average,
}

/// Maximum or mean over a window, for each channel. Padding takes no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pool2d {
    /// Maximum or mean.
    pub kind: PoolKind,
    /// Kernel, stride and padding; never dilated.
    pub window: Window,
}

impl Pool2d {
    /// The largest value under a window.
    pub const fn max(window: Window) -> Self {
        Self { kind: PoolKind::Max, window }
    }

    /// The mean of the values under a window.
    pub const fn average(window: Window) -> Self {
        Self { kind: PoolKind::Average, window }
    }

    /// TensorFlow's name.
    pub const fn name(&self) -> &'static str {
        match self.kind {
            PoolKind::Max => "MaxPool2D",
            PoolKind::Average => "AveragePool2D",
        }
    }

    /// The shape of the output; `None` if the window does not fit or is dilated.
    pub fn output_shape(&self, input: Shape) -> Option<Shape> {
        let (height, width) = self.window.output_size(input.height, input.width)?;
        (!self.window.is_dilated()).then_some(Shape::new(height, width, input.channels))
    }
}

/// A pool in a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pool2dStep {
    /// What is computed.
    pub operator: Pool2d,
    /// The tensor read.
    pub input: Tensor,
}

impl Pool2dStep {
    /// Checks that the output has the scale and the zero point of the input.
    pub(crate) fn check(&self, output: &Tensor) -> Result<(), StepError> {
        if self.input.quantization == output.quantization { Ok(()) } else { Err(StepError::Quantization) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{operator::Operator, shape::Padding};

    #[test]
    fn a_window_larger_than_a_valid_input_has_no_output() {
        let operator = Operator::Pool2d(Pool2d::max(Window::square(5, 1, Padding::Valid)));
        assert!(operator.output_shape(Shape::new(4, 9, 3)).is_err());
    }

    #[test]
    fn a_pool_is_never_dilated() {
        let window = Window { dilation_width: 2, ..Window::square(2, 1, Padding::Same) };
        assert_eq!(Pool2d::average(window).output_shape(Shape::new(4, 9, 3)), None);
    }
}
