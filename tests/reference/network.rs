//! A whole network, step by step, every tensor in memory of its own.

use shared::{
    model::{Model, Network, Operation, Step, Tensor},
    operator::pool2d::{Pool2d, PoolKind},
    shape::Shape,
};

use super::{
    Ends, add, average_pool2d, conv2d, depthwise_conv2d, folded_conv2d, fully_connected, global_average_pool, logistic,
    max_pool2d, mul,
};

/// The logits of a face that is normalized already.
pub fn run(model: &Model<'_>, face: &[i8]) -> Vec<i8> {
    run_network(&model.network(), face).pop().expect("a model has an output")
}

/// The outputs of a network, in their order.
pub fn run_network(network: &Network<'_>, input: &[i8]) -> Vec<Vec<i8>> {
    let mut tensors: Vec<(Tensor, Vec<i8>)> = vec![(network.input(), input.to_vec())];
    for step in network.steps() {
        let (first, second) = step.inputs();
        let output = run_step(&step, &latest(&tensors, &first), second.map(|second| latest(&tensors, &second)));
        tensors.push((step.output, output));
    }
    network.outputs().map(|output| latest(&tensors, &output)).collect()
}

/// The latest tensor of this description, which is the one that the arena still holds.
fn latest(tensors: &[(Tensor, Vec<i8>)], wanted: &Tensor) -> Vec<i8> {
    let (_, values) = tensors.iter().rev().find(|(tensor, _)| tensor == wanted).expect("written before");
    values.clone()
}

fn run_step(step: &Step<'_>, input: &[i8], second: Option<Vec<i8>>) -> Vec<i8> {
    let (first_tensor, second_tensor) = step.inputs();
    let ends = Ends {
        input_zero_point: first_tensor.quantization.zero_point,
        output_zero_point: step.output.quantization.zero_point,
        activation: (step.activation_min, step.activation_max),
    };
    let shape = first_tensor.shape;
    let second = second.unwrap_or_default();
    let zero_points = (ends.input_zero_point, second_tensor.map_or(0, |tensor| tensor.quantization.zero_point));
    match step.operation {
        Operation::Conv2d(conv) => {
            let (window, weights, channels) = (conv.operator.window, conv.weights, conv.channels);
            let output = match conv.folding {
                None => conv2d(&ends, window, conv.operator.groups, input, shape, weights, channels),
                Some(folding) => folded_conv2d(&ends, (window, folding), input, shape, weights, channels),
            };
            match conv.pool {
                None => output,
                Some(band) => pool(band.fused.pool, &output, conv.convolved, (-128, 127)),
            }
        }
        Operation::DepthwiseConv2d(conv) => {
            depthwise_conv2d(&ends, conv.operator.window, input, shape, conv.weights, conv.channels)
        }
        Operation::Pool2d(step) => pool(step.operator, input, shape, ends.activation),
        Operation::FullyConnected(dense) => fully_connected(&ends, input, dense.weights, dense.channels),
        Operation::GlobalAveragePool(mean) => global_average_pool(&ends, mean.factor, input, shape.channels.into()),
        Operation::Add(step) => add(&ends, zero_points, &step.factors, input, &second),
        Operation::Mul(step) => mul(&ends, zero_points, step.factor, input, &second),
        Operation::Logistic(step) => logistic(step.table, input),
    }
}

fn pool(pool: Pool2d, input: &[i8], shape: Shape, activation: (i8, i8)) -> Vec<i8> {
    match pool.kind {
        PoolKind::Max => max_pool2d(pool.window, input, shape, activation),
        PoolKind::Average => average_pool2d(pool.window, input, shape, activation),
    }
}
