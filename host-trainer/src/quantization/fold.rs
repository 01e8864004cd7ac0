//! Savings that do not change the function of a network: pairs of convolutions with nothing between them become one, and
//! pools are fused with the convolution before them.

use std::ops::Range;

use shared::{
    folding::{Folding, pads_add_up},
    operator::{Activation, Conv2d, Operator, Pool2d},
    shape::{Padding, Window},
};

use super::lower::{FloatOperator, Lowered};

/// Folding pays if at most this share of a pair's multiply-accumulates remains; it costs additional sets of weights.
const WORTHWHILE: f64 = 0.75;

/// Bytes of weights that a folded convolution may take: what a board with 1 MiB of flash can spare.
const MOST_WEIGHT_BYTES: u64 = 64 * 1024;

/// Folds pairs of convolutions where that saves work. In exact arithmetic the network stays the same function; each weight
/// is a sum of products in `f64`, rounded once.
pub fn fold_convolutions(mut lowered: Lowered) -> Lowered {
    let mut second = 1;
    while second < lowered.operators.len() {
        match folded(&lowered, second) {
            Some((first, operator)) => {
                lowered.operators[second] = operator;
                lowered.operators.remove(first);
            }
            None => second += 1,
        }
    }
    without_unused_tensors(lowered)
}

/// Fuses pools with the convolution before them where no row of the convolution belongs to two rows of the pool.
pub fn fuse_pools(mut lowered: Lowered) -> Lowered {
    let mut pool = 1;
    while pool < lowered.operators.len() {
        let FloatOperator { operator, activation, ref inputs, output, .. } = lowered.operators[pool];
        match (operator, sole_writer(&lowered, inputs[0], pool)) {
            (Operator::Pool2d(fused), Some(writer))
                if activation == Activation::None
                    && matches!(lowered.operators[writer].operator, Operator::Conv2d(_))
                    && lowered.operators[writer].pool.is_none()
                    && has_bands(fused, lowered.tensors[inputs[0]].shape.height) =>
            {
                // The pool keeps the convolution's scale and zero point, so these are chosen for the layer before it.
                lowered.tensors[output].layer = lowered.tensors[inputs[0]].layer;
                lowered.operators[writer].pool = Some(fused);
                lowered.operators[writer].output = output;
                lowered.operators.remove(pool);
            }
            _ => pool += 1,
        }
    }
    without_unused_tensors(lowered)
}

/// Whether no two rows of the pool's output share a row of its input, over an input of `height` rows.
fn has_bands(pool: Pool2d, height: u16) -> bool {
    let window = pool.window;
    let stride = u16::from(window.stride_height);
    let whole = window.padding == Padding::Valid || height.is_multiple_of(stride.max(1));
    window.kernel_height == window.stride_height && whole
}

/// The operator that writes `tensor`, if `reader` alone reads it.
pub(super) fn sole_writer(lowered: &Lowered, tensor: usize, reader: usize) -> Option<usize> {
    let reads =
        lowered.operators.iter().flat_map(|operator| &operator.inputs).filter(|&&input| input == tensor).count();
    lowered.operators[..reader].iter().position(|operator| operator.output == tensor).filter(|_| reads == 1)
}

/// The operator before number `second` that it can be folded with, and both as one, if that saves work.
fn folded(lowered: &Lowered, second: usize) -> Option<(usize, FloatOperator)> {
    let b = &lowered.operators[second];
    let index = sole_writer(lowered, *b.inputs.first()?, second)?;
    let a = &lowered.operators[index];
    let (Operator::Conv2d(first), Operator::Conv2d(last)) = (a.operator, b.operator) else { return None };
    if !(first.is_plain() && last.is_plain()) {
        return None;
    }
    let (between, filters) = (first.filters, last.filters);
    let (first, last) = (first.window, last.window);
    let input = lowered.tensors[a.inputs[0]].shape;
    let window = together(first, last).ok()?;
    let convolution = Conv2d::new(window, filters);
    let operator = Operator::Conv2d(convolution);
    let pair = Folding { filters: between, kernel_height: last.kernel_height, kernel_width: last.kernel_width };
    let folding = Some(pair).filter(|_| window.padding == Padding::Same);
    let macs = a.operator.macs(input) + b.operator.macs(lowered.tensors[a.output].shape);
    let bytes = operator.weight_count(input) * folding.map_or(1, |folding| u64::from(folding.sets()));
    let worthwhile = operator.macs(input) as f64 <= WORTHWHILE * macs as f64 && bytes <= MOST_WEIGHT_BYTES;
    let fits = folding.is_none_or(|folding| folding.fits(convolution, input));
    if !(a.is_linear() && b.folding.is_none() && b.pool.is_none() && fits && worthwhile) {
        return None;
    }
    let pair = Pair { first, last, window, depth: input.channels.into(), a, b };
    let (mut weights, mut biases) = (Vec::new(), Vec::new());
    for row in 0..folding.map_or(1, |folding| folding.kernel_height) {
        for column in 0..folding.map_or(1, |folding| folding.kernel_width) {
            let rows = folding.map_or(0..last.kernel_height, |folding| folding.row_taps(row));
            let columns = folding.map_or(0..last.kernel_width, |folding| folding.column_taps(column));
            pair.multiply_out(rows, columns, &mut weights, &mut biases);
        }
    }
    Some((index, FloatOperator { operator, folding, inputs: a.inputs.clone(), weights, biases, ..b.clone() }))
}

/// The window of two convolutions in a row.
///
/// # Errors
/// Why the two cannot be one.
pub fn together(first: Window, last: Window) -> Result<Window, &'static str> {
    // A window of one pixel has no padding, whatever it says.
    let padding = |window: Window| if window.taps() == 1 { None } else { Some(window.padding) };
    let padding = match (padding(first), padding(last)) {
        (Some(a), Some(b)) if a != b => return Err("one pads its input and the other does not"),
        (a, b) => a.or(b).unwrap_or(Padding::Same),
    };
    let stride_of = |window: Window| (window.stride_height, window.stride_width);
    if stride_of(first) != (1, 1) {
        return Err("the first has a stride");
    }
    if padding == Padding::Same && stride_of(last) != (1, 1) {
        return Err("the second has a stride, and they pad their input");
    }
    let kernel = |a: u8, b: u8| {
        if padding == Padding::Same && !pads_add_up(a, b) {
            return Err("both kernels are even, and their padding does not add up to that of a single one");
        }
        if a == 0 || b == 0 {
            return Err("a kernel is empty");
        }
        let sum = u16::from(a) + u16::from(b);
        u8::try_from(sum - 1).map_err(|_| "a single kernel would be larger than 255")
    };
    Ok(Window {
        kernel_height: kernel(first.kernel_height, last.kernel_height)?,
        kernel_width: kernel(first.kernel_width, last.kernel_width)?,
        padding,
        ..last
    })
}

/// Two convolutions, `a` before `b`, and the window of both together.
struct Pair<'a> {
    first: Window,
    last: Window,
    window: Window,
    depth: usize,
    a: &'a FloatOperator,
    b: &'a FloatOperator,
}

impl Pair<'_> {
    /// Appends weights (`[C_OUT][KERNEL_H][KERNEL_W][C_IN]`) and biases of the composition, of which the second kernel has
    /// the taps `rows` x `columns` alone.
    fn multiply_out(&self, rows: Range<u8>, columns: Range<u8>, weights: &mut Vec<f32>, biases: &mut Vec<f32>) {
        let size = |window: Window| (usize::from(window.kernel_height), usize::from(window.kernel_width));
        let ((first_height, first_width), (_, last_width)) = (size(self.first), size(self.last));
        let (height, width) = size(self.window);
        let between = self.a.biases.len();
        let filter = self.b.weights.len() / self.b.biases.len().max(1);
        for (last, &bias) in self.b.weights.chunks_exact(filter.max(1)).zip(&self.b.biases) {
            let mut sums = vec![0f64; height * width * self.depth];
            let mut bias = f64::from(bias);
            for row in usize::from(rows.start)..usize::from(rows.end) {
                for column in usize::from(columns.start)..usize::from(columns.end) {
                    let factors = &last[(row * last_width + column) * between..][..between];
                    let filters = self.a.weights.chunks_exact(first_height * first_width * self.depth);
                    for ((&factor, first), &first_bias) in factors.iter().zip(filters).zip(&self.a.biases) {
                        bias += f64::from(factor) * f64::from(first_bias);
                        for (y, line) in first.chunks_exact(first_width * self.depth).enumerate() {
                            let start = ((row + y) * width + column) * self.depth;
                            for (sum, &weight) in sums[start..].iter_mut().zip(line) {
                                *sum += f64::from(factor) * f64::from(weight);
                            }
                        }
                    }
                }
            }
            weights.extend(sums.into_iter().map(|sum| sum as f32));
            biases.push(bias as f32);
        }
    }
}

/// Drops tensors that no operator reads or writes any more.
pub(super) fn without_unused_tensors(mut lowered: Lowered) -> Lowered {
    let used = |tensor: usize| {
        tensor == 0 || lowered.operators.iter().any(|op| op.output == tensor || op.inputs.contains(&tensor))
    };
    let kept: Vec<usize> = (0..lowered.tensors.len()).filter(|&tensor| used(tensor)).collect();
    let number = |tensor: usize| kept.iter().position(|&kept| kept == tensor).unwrap_or(0);
    for operator in &mut lowered.operators {
        operator.output = number(operator.output);
        operator.inputs.iter_mut().for_each(|input| *input = number(*input));
    }
    lowered.tensors = kept.iter().map(|&tensor| lowered.tensors[tensor].clone()).collect();
    lowered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_are_too_large_together_are_not_folded() {
        let window = |kernel_height, kernel_width| Window {
            kernel_height,
            kernel_width,
            ..Window::square(1, 1, Padding::Valid)
        };
        assert_eq!(together(window(128, 3), window(128, 5)), Ok(window(255, 7)));
        assert_eq!(together(window(3, 1), window(1, 255)), Ok(window(3, 255)));
        for (a, b) in [(128, 129), (129, 128), (255, 2), (2, 255), (255, 255), (0, 3), (3, 0)] {
            assert!(together(window(a, 1), window(b, 1)).is_err(), "{a} and {b} rows");
            assert!(together(window(1, a), window(1, b)).is_err(), "{a} and {b} columns");
        }
    }
}
