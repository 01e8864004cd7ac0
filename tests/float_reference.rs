//! A lowered network in real numbers, operator by operator, from the definitions of the operators.

use host_trainer::quantization::lower::{FloatOperator, Lowered};
use shared::{
    operator::{Activation, Conv2d, Operator, Pool2d, PoolKind},
    shape::{Shape, Window},
};

use crate::reference::{output_size, taps};

/// The logits of a face.
pub fn run_real(lowered: &Lowered, face: &[f64]) -> Vec<f64> {
    let mut tensors: Vec<Vec<f64>> = vec![Vec::new(); lowered.tensors.len()];
    tensors[0] = face.to_vec();
    let mut last = 0;
    for operator in &lowered.operators {
        let inputs: Vec<&[f64]> = operator.inputs.iter().map(|&tensor| tensors[tensor].as_slice()).collect();
        let output = run_operator(operator, &inputs, lowered.tensors[operator.inputs[0]].shape);
        last = operator.output;
        tensors[last] = output;
    }
    tensors.swap_remove(last)
}

fn run_operator(operator: &FloatOperator, inputs: &[&[f64]], shape: Shape) -> Vec<f64> {
    let input = inputs[0];
    let depth = usize::from(shape.channels);
    let mut output = match operator.operator {
        Operator::Conv2d(conv) => convolution(operator, conv, input, shape),
        Operator::DepthwiseConv2d(conv) => {
            let (window, outputs) = (conv.window, operator.biases.len());
            pixels(window, shape, outputs, |taps, c| {
                let kernel =
                    |row, column| operator.weights[(row * usize::from(window.kernel_width) + column) * outputs + c];
                let from = c / (outputs / depth);
                let products = taps
                    .iter()
                    .map(|&(row, column, y, x)| at(input, shape, y, x, from) * f64::from(kernel(row, column)));
                f64::from(operator.biases[c]) + products.sum::<f64>()
            })
        }
        Operator::Pool2d(fused) => pool(fused, input, shape),
        Operator::GlobalAveragePool => {
            let pixels = (input.len() / depth) as f64;
            (0..depth).map(|c| input.iter().skip(c).step_by(depth).sum::<f64>() / pixels).collect()
        }
        Operator::Add => input.iter().zip(inputs[1]).map(|(a, b)| a + b).collect(),
        // A factor for each channel comes around once a pixel.
        Operator::Mul => input.iter().zip(inputs[1].iter().cycle()).map(|(a, b)| a * b).collect(),
        Operator::Logistic => input.iter().map(|&x| 1.0 / (1.0 + (-x).exp())).collect(),
        Operator::FullyConnected(_) => {
            let row = |row: &[f32]| row.iter().zip(input).map(|(&w, x)| f64::from(w) * x).sum::<f64>();
            let rows = operator.weights.chunks_exact(input.len());
            rows.zip(&operator.biases).map(|(weights, &bias)| f64::from(bias) + row(weights)).collect()
        }
    };
    for value in &mut output {
        *value = match operator.activation {
            Activation::None => *value,
            Activation::Relu => value.max(0.0),
            Activation::Relu6 => value.clamp(0.0, 6.0),
        };
    }
    let Some(fused) = operator.pool else { return output };
    let convolved = operator.operator.output_shape(shape).expect("fits");
    pool(fused, &output, convolved)
}

/// Padding is left out of a pool.
fn pool(pool: Pool2d, input: &[f64], shape: Shape) -> Vec<f64> {
    pixels(pool.window, shape, shape.channels.into(), |taps, c| {
        let inside = |&&(_, _, y, x): &&Tap| in_range(shape, y, x);
        let values = taps.iter().filter(inside).map(|&(_, _, y, x)| at(input, shape, y, x, c));
        match pool.kind {
            PoolKind::Max => values.fold(f64::MIN, f64::max),
            PoolKind::Average => values.clone().sum::<f64>() / values.count() as f64,
        }
    })
}

/// With the set of weights for each pixel's place, which is told by the taps of the second kernel that fall inside.
fn convolution(operator: &FloatOperator, conv: Conv2d, input: &[f64], shape: Shape) -> Vec<f64> {
    let window = conv.window;
    let (height, width) = output_size(window, shape);
    let depth = usize::from(shape.channels) / usize::from(conv.groups);
    let (rows, columns) =
        operator.folding.map_or((1, 1), |pair| (usize::from(pair.kernel_height), usize::from(pair.kernel_width)));
    let filters = operator.biases.len() / (rows * columns);
    let filter = operator.weights.len() / operator.biases.len();
    // The first part has the most taps missing before, the last the most behind; in the middle none is missing.
    let part = |position: usize, length: usize, kernel: usize| {
        let before = (kernel - 1) / 2;
        let beyond = (0..kernel).filter(|tap| position + tap >= length + before).count();
        if beyond > 0 { before + beyond } else { before - (0..kernel).filter(|tap| position + tap < before).count() }
    };
    let mut output = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let set = part(y, height, rows) * columns + part(x, width, columns);
            for f in set * filters..(set + 1) * filters {
                let first = f % filters / (filters / usize::from(conv.groups)) * depth;
                let mut sum = f64::from(operator.biases[f]);
                for (row, column, input_y, input_x) in taps(window, shape, y, x) {
                    for c in 0..depth {
                        let tap = (row * usize::from(window.kernel_width) + column) * depth + c;
                        sum += at(input, shape, input_y, input_x, first + c)
                            * f64::from(operator.weights[f * filter + tap]);
                    }
                }
                output.push(sum);
            }
        }
    }
    output
}

/// Row and column of the kernel, row and column of the input.
type Tap = (usize, usize, i64, i64);

fn pixels(window: Window, shape: Shape, outputs: usize, value: impl Fn(&[Tap], usize) -> f64) -> Vec<f64> {
    let (height, width) = output_size(window, shape);
    let mut output = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let taps: Vec<Tap> = taps(window, shape, y, x).collect();
            output.extend((0..outputs).map(|c| value(&taps, c)));
        }
    }
    output
}

fn in_range(shape: Shape, y: i64, x: i64) -> bool {
    (0..i64::from(shape.height)).contains(&y) && (0..i64::from(shape.width)).contains(&x)
}

fn at(input: &[f64], shape: Shape, y: i64, x: i64, c: usize) -> f64 {
    if !in_range(shape, y, x) {
        return 0.0;
    }
    input[(y as usize * usize::from(shape.width) + x as usize) * usize::from(shape.channels) + c]
}
