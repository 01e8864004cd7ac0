//! The convolution as an operation of burn's backends: on `Flex`, and differentiable on `Autodiff<Flex>`.

use super::direct::Gradients;
use super::geometry::Geometry;
use super::reduced::{self, Operands};
use super::{Precision, direct};
use crate::memory::{tensor, values};
use crate::number::{Number, by_number};
use burn::backend::autodiff::{
    Autodiff,
    checkpoint::base::Checkpointer,
    checkpoint::strategy::CheckpointStrategy,
    grads::Gradients as Grads,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::{Backend, TensorMetadata, backend_extension, tensor::FloatTensor};
use burn::tensor::Shape;
use burn_flex::{Flex, FlexTensor};

/// Strides, paddings, groups and precision of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Step between neighbouring outputs, down and across.
    pub stride: [usize; 2],
    /// Zeros around the input, `[[top, bottom], [left, right]]`.
    pub padding: [[usize; 2]; 2],
    /// Convolutions side by side: group `g` of the outputs sees group `g` of the channels alone.
    pub groups: usize,
    /// What the factors are rounded to.
    pub precision: Precision,
}

/// Convolutions that a backend computes itself.
#[backend_extension(Flex, Autodiff)]
pub trait ConvolutionBackend: Backend {
    /// The convolution of `x` (`[n, channels, height, width]`) with `weight` (`[outputs, channels / groups, kernel_height,
    /// kernel_width]`) plus `bias` (`[outputs]`). Where the precision rounds, the output is of bfloat16, and `x` may be.
    fn direct_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        steps: Steps,
    ) -> FloatTensor<Self>;

    /// The gradients of [`direct_conv2d`](Self::direct_conv2d) with respect to `x` (if `with_input`; otherwise an
    /// empty tensor), `weight` and `bias`, from the gradient of its output.
    fn direct_conv2d_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        steps: Steps,
        with_input: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

fn geometry(x: &FlexTensor, weight: &FlexTensor, steps: Steps) -> Geometry {
    let input: [usize; 4] = x.shape().dims();
    let kernel: [usize; 4] = weight.shape().dims();
    Geometry::new(input, kernel, steps.stride, steps.padding, steps.groups)
        .unwrap_or_else(|| panic!("no convolution of {input:?} with {kernel:?} and {steps:?}"))
}

/// The gradients of the input (empty if there is none), the weight and the bias, of these `[input, weight]` shapes.
fn into_tensors<T: Number>(
    gradients: Gradients<T>,
    [input, weight]: [[usize; 4]; 2],
) -> (FlexTensor, FlexTensor, FlexTensor) {
    let input = match gradients.input {
        Some(gradient) => gradient.into_tensor(input),
        None => FlexTensor::empty(Shape::from([0]), T::dtype()),
    };
    let outputs = weight[0];
    (input, gradients.weight.into_tensor(weight), tensor(gradients.bias, [outputs]))
}

impl ConvolutionBackend for Flex {
    fn direct_conv2d(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, steps: Steps) -> FlexTensor {
        let geometry = geometry(&x, &weight, steps);
        let (x, weight, bias) = (x.to_contiguous(), weight.to_contiguous(), bias.to_contiguous());
        let [height, width] = geometry.output_shape;
        let shape = [x.shape()[0], geometry.groups * geometry.outputs, height, width];
        let (weight, bias) = (values(&weight), values(&bias));
        if steps.precision.rounds(&geometry) {
            let output = by_number!(x.dtype(), T => reduced::forward::<T>(&geometry, values(&x), weight, bias));
            return output.into_tensor(shape);
        }
        direct::forward(&geometry, values(&x), weight, bias).into_tensor(shape)
    }

    fn direct_conv2d_backward(
        x: FlexTensor,
        weight: FlexTensor,
        gradient: FlexTensor,
        steps: Steps,
        with_input: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let geometry = geometry(&x, &weight, steps);
        let (x, weight, gradient) = (x.to_contiguous(), weight.to_contiguous(), gradient.to_contiguous());
        let shapes = [x.shape().dims::<4>(), weight.shape().dims()];
        let weight = values(&weight);
        if steps.precision.rounds(&geometry) {
            return by_number!(x.dtype(), T => {
                let operands = Operands::<T> { input: values(&x), weight, gradient: values(&gradient) };
                into_tensors(reduced::backward(&geometry, operands, with_input), shapes)
            });
        }
        let gradients = direct::backward(&geometry, values(&x), weight, values(&gradient), with_input);
        into_tensors(gradients, shapes)
    }
}

/// The backward step of a convolution.
#[derive(Debug)]
struct Convolution;

impl<B: ConvolutionBackend> Backward<B, 3> for Convolution {
    type State = (FloatTensor<B>, FloatTensor<B>, Steps);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Grads, _checkpointer: &mut Checkpointer) {
        let [x_node, weight_node, bias_node] = ops.parents;
        let (x, weight, steps) = ops.state;
        let gradient = grads.consume::<B>(&ops.node);
        let (x, weight, bias) = B::direct_conv2d_backward(x, weight, gradient, steps, x_node.is_some());
        for (node, gradient) in [(x_node, x), (weight_node, weight), (bias_node, bias)] {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: ConvolutionBackend, C: CheckpointStrategy> ConvolutionBackend for Autodiff<B, C> {
    fn direct_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        steps: Steps,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let (x, weight) = (x.into_primitive(), weight.into_primitive());
        let output = B::direct_conv2d(x.clone(), weight.clone(), bias.into_primitive(), steps);
        match Convolution.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, weight, steps), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn direct_conv2d_backward(
        _x: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        _gradient: FloatTensor<Self>,
        _steps: Steps,
        _with_input: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        panic!("the gradient of a convolution is not differentiable")
    }
}
