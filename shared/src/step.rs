//! A step of a network: an operator with its tensors. As a model file stores it ([`StepRecord`]), and checked ([`Step`]), when it
//! can run.

use serde::{Deserialize, Serialize};

use crate::{
    operator::{
        Operator,
        add::AddStep,
        check::{StepError, WeightOffsets, WeightSection},
        conv2d::{Conv2dRecord, Conv2dStep},
        depthwise_conv2d::{DepthwiseConv2dRecord, DepthwiseConv2dStep},
        fully_connected::{FullyConnectedRecord, FullyConnectedStep},
        global_average_pool::MeanStep,
        logistic::{LogisticRecord, LogisticStep},
        mul::MulStep,
        pool2d::Pool2dStep,
    },
    quantization::ChannelParameters,
    shape::Shape,
    tensor::Tensor,
};

/// A step as stored in a model file, before anyone has checked it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The operator and its inputs.
    pub operation: OperationRecord,
    /// The tensor written.
    pub output: Tensor,
    /// First byte of the arena after all tensors that are alive while the step runs. The band of a fused pool begins there;
    /// working memory follows it.
    pub scratch_offset: u32,
    /// Lower end of the clamp on the output.
    pub activation_min: i8,
    /// Upper end of the clamp on the output.
    pub activation_max: i8,
}

/// Operator and inputs of a stored step. New operators are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum OperationRecord {
    /// [`Operator::Conv2d`].
    Conv2d(Conv2dRecord),
    /// [`Operator::DepthwiseConv2d`].
    DepthwiseConv2d(DepthwiseConv2dRecord),
    /// [`Operator::Pool2d`].
    Pool2d(Pool2dStep),
    /// [`Operator::GlobalAveragePool`].
    GlobalAveragePool(MeanStep),
    /// [`Operator::Add`].
    Add(AddStep),
    /// [`Operator::Mul`].
    Mul(MulStep),
    /// [`Operator::Logistic`].
    Logistic(LogisticRecord),
    /// [`Operator::FullyConnected`].
    FullyConnected(FullyConnectedRecord),
}

/// One step of a checked model, ready to run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step<'a> {
    /// The operator and its inputs.
    pub operation: Operation<'a>,
    /// The tensor written. It shares no byte with the inputs, except that an addition or a multiplication may overwrite its
    /// first input.
    pub output: Tensor,
    /// First byte of the arena after all tensors that are alive while the step runs.
    pub scratch_offset: u32,
    /// Lower end of the clamp on the output.
    pub activation_min: i8,
    /// Upper end of the clamp on the output, not below the lower.
    pub activation_max: i8,
}

/// Operator and inputs of a checked step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operation<'a> {
    /// [`Operator::Conv2d`].
    Conv2d(Conv2dStep<'a>),
    /// [`Operator::DepthwiseConv2d`].
    DepthwiseConv2d(DepthwiseConv2dStep<'a>),
    /// [`Operator::Pool2d`].
    Pool2d(Pool2dStep),
    /// [`Operator::GlobalAveragePool`].
    GlobalAveragePool(MeanStep),
    /// [`Operator::Add`].
    Add(AddStep),
    /// [`Operator::Mul`].
    Mul(MulStep),
    /// [`Operator::Logistic`].
    Logistic(LogisticStep<'a>),
    /// [`Operator::FullyConnected`].
    FullyConnected(FullyConnectedStep<'a>),
}

impl StepRecord {
    /// The operator alone.
    pub fn operator(&self) -> Operator {
        match self.operation {
            OperationRecord::Conv2d(conv) => Operator::Conv2d(conv.operator),
            OperationRecord::DepthwiseConv2d(conv) => Operator::DepthwiseConv2d(conv.operator),
            OperationRecord::Pool2d(pool) => Operator::Pool2d(pool.operator),
            OperationRecord::GlobalAveragePool(_) => Operator::GlobalAveragePool,
            OperationRecord::Add(_) => Operator::Add,
            OperationRecord::Mul(_) => Operator::Mul,
            OperationRecord::Logistic(_) => Operator::Logistic,
            OperationRecord::FullyConnected(dense) => Operator::FullyConnected(dense.operator),
        }
    }

    /// The tensors read: the first, and the second of operators that take two.
    pub fn inputs(&self) -> (Tensor, Option<Tensor>) {
        match self.operation {
            OperationRecord::Conv2d(conv) => (conv.input, None),
            OperationRecord::DepthwiseConv2d(conv) => (conv.input, None),
            OperationRecord::Pool2d(pool) => (pool.input, None),
            OperationRecord::GlobalAveragePool(mean) => (mean.input, None),
            OperationRecord::Add(add) => (add.left, Some(add.right)),
            OperationRecord::Mul(mul) => (mul.left, Some(mul.right)),
            OperationRecord::Logistic(logistic) => (logistic.input, None),
            OperationRecord::FullyConnected(dense) => (dense.input, None),
        }
    }

    /// The first tensor read.
    pub fn input(&self) -> Tensor {
        self.inputs().0
    }

    /// Sets where its weights begin in the weight section; does nothing for operators without weights.
    pub fn set_weights(&mut self, offsets: WeightOffsets) {
        match &mut self.operation {
            OperationRecord::Conv2d(conv) => conv.weights = offsets,
            OperationRecord::DepthwiseConv2d(conv) => conv.weights = offsets,
            OperationRecord::FullyConnected(dense) => dense.weights = offsets,
            OperationRecord::Logistic(logistic) => logistic.table_offset = offsets.weights,
            OperationRecord::Pool2d(_)
            | OperationRecord::GlobalAveragePool(_)
            | OperationRecord::Add(_)
            | OperationRecord::Mul(_) => {}
        }
    }

    /// The shape that the output must have.
    pub(crate) fn output_shape(&self) -> Result<Shape, StepError> {
        match self.operation {
            OperationRecord::Conv2d(conv) => conv.output_shape(),
            _ => self.operator().output_shape(self.input().shape).map_err(StepError::Shape),
        }
    }

    /// Checks that operator, inputs, folding and fused pool fit each other.
    pub(crate) fn check(&self) -> Result<(), StepError> {
        let (first, second) = self.inputs();
        let takes = |second: Tensor| self.operator().takes_second(first.shape, second.shape) == Some(true);
        if !second.is_none_or(takes) {
            return Err(StepError::Inputs);
        }
        match self.operation {
            OperationRecord::Conv2d(conv) => conv.check(),
            _ => Ok(()),
        }
    }

    /// Whether the output overwrites the first input, value by value.
    pub(crate) fn is_in_place(&self) -> bool {
        let (left, right) = match self.operation {
            OperationRecord::Add(add) => (add.left, add.right),
            OperationRecord::Mul(mul) => (mul.left, mul.right),
            _ => return false,
        };
        self.output.offset == left.offset && !right.overlaps(&left)
    }

    /// The step with its weights.
    pub(crate) fn resolve<'a>(&self, section: WeightSection<'a>) -> Result<Step<'a>, StepError> {
        let StepRecord { operation, output, scratch_offset, activation_min, activation_max } = *self;
        let operation = match operation {
            OperationRecord::Conv2d(conv) => Operation::Conv2d(conv.resolve(section)?),
            OperationRecord::DepthwiseConv2d(conv) => Operation::DepthwiseConv2d(conv.resolve(section)?),
            OperationRecord::Pool2d(pool) => Operation::Pool2d(pool),
            OperationRecord::GlobalAveragePool(mean) => Operation::GlobalAveragePool(mean),
            OperationRecord::Add(add) => Operation::Add(add),
            OperationRecord::Mul(mul) => Operation::Mul(mul),
            OperationRecord::Logistic(logistic) => Operation::Logistic(logistic.resolve(section)?),
            OperationRecord::FullyConnected(dense) => Operation::FullyConnected(dense.resolve(section)?),
        };
        Ok(Step { operation, output, scratch_offset, activation_min, activation_max })
    }
}

impl<'a> Step<'a> {
    /// The operator alone.
    pub fn operator(&self) -> Operator {
        match self.operation {
            Operation::Conv2d(conv) => Operator::Conv2d(conv.operator),
            Operation::DepthwiseConv2d(conv) => Operator::DepthwiseConv2d(conv.operator),
            Operation::Pool2d(pool) => Operator::Pool2d(pool.operator),
            Operation::GlobalAveragePool(_) => Operator::GlobalAveragePool,
            Operation::Add(_) => Operator::Add,
            Operation::Mul(_) => Operator::Mul,
            Operation::Logistic(_) => Operator::Logistic,
            Operation::FullyConnected(dense) => Operator::FullyConnected(dense.operator),
        }
    }

    /// The tensors read: the first, and the second of operators that take two.
    pub fn inputs(&self) -> (Tensor, Option<Tensor>) {
        match self.operation {
            Operation::Conv2d(conv) => (conv.input, None),
            Operation::DepthwiseConv2d(conv) => (conv.input, None),
            Operation::Pool2d(pool) => (pool.input, None),
            Operation::GlobalAveragePool(mean) => (mean.input, None),
            Operation::Add(add) => (add.left, Some(add.right)),
            Operation::Mul(mul) => (mul.left, Some(mul.right)),
            Operation::Logistic(logistic) => (logistic.input, None),
            Operation::FullyConnected(dense) => (dense.input, None),
        }
    }

    /// The first tensor read.
    pub fn input(&self) -> Tensor {
        self.inputs().0
    }

    /// Weights or table, and channel parameters; empty for operators without.
    pub fn weights(&self) -> (&'a [i8], &'a [ChannelParameters]) {
        match self.operation {
            Operation::Conv2d(conv) => (conv.weights, conv.channels),
            Operation::DepthwiseConv2d(conv) => (conv.weights, conv.channels),
            Operation::FullyConnected(dense) => (dense.weights, dense.channels),
            Operation::Logistic(logistic) => (logistic.table, &[]),
            Operation::Pool2d(_) | Operation::GlobalAveragePool(_) | Operation::Add(_) | Operation::Mul(_) => {
                (&[], &[])
            }
        }
    }

    /// Multiply-accumulates, as the step runs.
    pub fn macs(&self) -> u64 {
        self.operator().macs(self.input().shape)
    }

    /// Bytes of a band of the convolution, from [`scratch_offset`](Self::scratch_offset) on; 0 without a fused pool.
    pub fn band_bytes(&self) -> u32 {
        match self.operation {
            Operation::Conv2d(conv) => conv.pool.map_or(0, |band| band.bytes),
            _ => 0,
        }
    }

    /// Checks the ranges of all factors, shifts, sums and clamps.
    pub(crate) fn check(&self) -> Result<(), StepError> {
        let scale = self.output.quantization.scale;
        if !(scale.is_finite() && scale > 0.0) || self.activation_min > self.activation_max {
            return Err(StepError::Quantization);
        }
        match &self.operation {
            Operation::Conv2d(conv) => conv.check(),
            Operation::DepthwiseConv2d(conv) => conv.check(),
            Operation::Pool2d(pool) => pool.check(&self.output),
            Operation::GlobalAveragePool(mean) => mean.check(),
            Operation::Add(add) => add.check(),
            Operation::Mul(mul) => mul.check(),
            Operation::Logistic(logistic) => logistic.check(&self.output, (self.activation_min, self.activation_max)),
            Operation::FullyConnected(dense) => dense.check(),
        }
    }
}
