//! Records of format version 2, which are read and never written: classifiers of faces, the operators of that time, and the last
//! step's output as the only one.

use serde::Deserialize;

use super::record::{FaceHeader, Header, Measurement, Task};
use crate::{
    folding::Folding,
    operator::{
        Conv2d, DepthwiseConv2d, FullyConnected, Pool2d,
        add::AddStep,
        check::{StepError, WeightOffsets},
        conv2d::{Conv2dRecord, FusedPool},
        depthwise_conv2d::DepthwiseConv2dRecord,
        fully_connected::FullyConnectedRecord,
        global_average_pool::MeanStep,
        pool2d::Pool2dStep,
    },
    preprocessing::Preprocessing,
    quantization::{AddParameters, Requantization},
    shape::Padding,
    step::{OperationRecord, StepRecord},
    tensor::Tensor,
};

/// Every value of a byte: [`Header::outputs`] borrows the number of the last step from here.
static NUMBERS: [u8; 256] = {
    let mut numbers = [0; 256];
    let mut number = 0;
    while number < 256 {
        numbers[number] = number as u8;
        number += 1;
    }
    numbers
};

#[derive(Deserialize)]
pub(super) struct Header2<'a> {
    name: &'a str,
    labels: &'a [u8],
    preprocessing: Preprocessing,
    input: Tensor,
    temperature: f32,
    threshold: f32,
    arena_bytes: u32,
    macs: u64,
    #[serde(borrow)]
    measurement: Measurement<'a>,
    training_hash: u64,
    weight_bytes: u32,
    step_count: u16,
}

impl<'a> Header2<'a> {
    /// Converts the header to the current version.
    pub fn header(&self) -> Header<'a> {
        let Self { name, labels, preprocessing, input, temperature, threshold, arena_bytes, macs, .. } = *self;
        let Self { measurement, training_hash, weight_bytes, step_count, .. } = *self;
        let last = usize::from(step_count).wrapping_sub(1);
        Header {
            name,
            input,
            outputs: NUMBERS.get(last..).and_then(|numbers| numbers.get(..1)).unwrap_or(&[]),
            arena_bytes,
            macs,
            training_hash,
            weight_bytes,
            step_count,
            task: Task::Faces(FaceHeader { labels, preprocessing, temperature, threshold, measurement }),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct StepRecord2 {
    operator: Operator2,
    folding: Option<Folding>,
    pool: Option<FusedPool2>,
    input: Tensor,
    second_input: Option<Tensor>,
    output: Tensor,
    scratch_offset: u32,
    activation_min: i8,
    activation_max: i8,
    weights_offset: u32,
    channels_offset: u32,
    arithmetic: Arithmetic2,
}

#[derive(Clone, Copy, Deserialize)]
enum Operator2 {
    Conv2d { window: Window2, filters: u16 },
    DepthwiseConv2d { window: Window2 },
    MaxPool2d { window: Window2 },
    AveragePool2d { window: Window2 },
    GlobalAveragePool,
    Add,
    FullyConnected { units: u16 },
}

#[derive(Clone, Copy, Deserialize)]
struct Window2 {
    kernel_height: u8,
    kernel_width: u8,
    stride_height: u8,
    stride_width: u8,
    padding: Padding,
}

#[derive(Clone, Copy, Deserialize)]
struct FusedPool2 {
    operator: Operator2,
    band_rows: u16,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
enum Arithmetic2 {
    None,
    Mean(Requantization),
    Add(AddParameters),
}

impl Window2 {
    fn window(self) -> crate::shape::Window {
        let Self { kernel_height, kernel_width, stride_height, stride_width, padding } = self;
        crate::shape::Window::new([kernel_height, kernel_width], [stride_height, stride_width], padding)
    }
}

impl FusedPool2 {
    fn pool(self) -> Result<FusedPool, StepError> {
        let Self { operator, band_rows } = self;
        match operator {
            Operator2::MaxPool2d { window } => Ok(FusedPool { pool: Pool2d::max(window.window()), band_rows }),
            Operator2::AveragePool2d { window } => Ok(FusedPool { pool: Pool2d::average(window.window()), band_rows }),
            _ => Err(StepError::Fusion),
        }
    }
}

impl StepRecord2 {
    /// Converts the step to the current version.
    ///
    /// # Errors
    /// [`StepError`] for what the current version lacks: a folded pool, an addition of one tensor, a mean without a factor.
    pub fn record(&self) -> Result<StepRecord, StepError> {
        let Self { input, output, scratch_offset, activation_min, activation_max, folding, arithmetic, .. } = *self;
        let weights = WeightOffsets { weights: self.weights_offset, channels: self.channels_offset };
        let is_conv = matches!(self.operator, Operator2::Conv2d { .. });
        if !is_conv && (folding.is_some() || self.pool.is_some()) {
            return Err(StepError::Fusion);
        }
        if matches!(self.operator, Operator2::Add) != self.second_input.is_some() {
            return Err(StepError::Inputs);
        }
        let pool = self.pool.map(FusedPool2::pool).transpose()?;
        let operation = match (self.operator, arithmetic, self.second_input) {
            (Operator2::Conv2d { window, filters }, Arithmetic2::None, _) => {
                let operator = Conv2d::new(window.window(), filters);
                OperationRecord::Conv2d(Conv2dRecord { operator, input, folding, pool, weights })
            }
            (Operator2::DepthwiseConv2d { window }, Arithmetic2::None, _) => {
                let operator = DepthwiseConv2d::new(window.window());
                OperationRecord::DepthwiseConv2d(DepthwiseConv2dRecord { operator, input, weights })
            }
            (Operator2::MaxPool2d { window }, Arithmetic2::None, _) => {
                OperationRecord::Pool2d(Pool2dStep { operator: Pool2d::max(window.window()), input })
            }
            (Operator2::AveragePool2d { window }, Arithmetic2::None, _) => {
                OperationRecord::Pool2d(Pool2dStep { operator: Pool2d::average(window.window()), input })
            }
            (Operator2::GlobalAveragePool, Arithmetic2::Mean(factor), _) => {
                OperationRecord::GlobalAveragePool(MeanStep { input, factor })
            }
            (Operator2::Add, Arithmetic2::Add(factors), Some(right)) => {
                OperationRecord::Add(AddStep { left: input, right, factors })
            }
            (Operator2::FullyConnected { units }, Arithmetic2::None, _) => {
                OperationRecord::FullyConnected(FullyConnectedRecord {
                    operator: FullyConnected { units },
                    input,
                    weights,
                })
            }
            _ => return Err(StepError::Quantization),
        };
        Ok(StepRecord { operation, output, scratch_offset, activation_min, activation_max })
    }
}
