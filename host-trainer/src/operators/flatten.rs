//! `flatten`.

use burn::tensor::Tensor;
use shared::shape::Shape;

use super::{Node, node::as_vector};
use crate::graph::{Graph, Value};

pub fn output_shape(input: Shape) -> Result<Shape, String> {
    let length = input.elements().and_then(|n| u16::try_from(n).ok());
    Ok(Shape::vector(length.ok_or("more than 65,535 values")?))
}

pub fn forward(input: Tensor<4>) -> Tensor<4> {
    let [images, channels, height, width] = input.dims();
    input.reshape([images, channels * height * width, 1, 1])
}

pub fn onnx(node: &Node<'_>, graph: &mut Graph, input: Value) -> Value {
    as_vector(graph, input, node.named("output"))
}
