//! How long a board will take for a face, from the operators of its model.
//!
//! An operator takes so many cycles for each multiply-accumulate, for each value of its output, and for each weight that is widened. The
//! factors were fitted to what the boards' programs `profile` and `layers` count: cycles of an RP2040 in its emulator, which does not
//! know waits for flash, and instructions of a Cortex-M4 or M33, which take a cycle each at best. `firmware/images/README.md` tells how
//! near the estimates come.

use shared::image::Processor;
use shared::model::{Model, Operation, Step};
use shared::operator::{Pool2d, PoolKind};
use shared::preprocessing::Preprocessing;
use shared::shape::Shape;

/// Cycles of a processor for the parts of operators.
struct Costs {
    /// Normalization of a face over its neighbourhoods.
    local: f64,
    /// Normalization by the mean and the deviation of the face.
    global: f64,
    /// A convolution: a multiply-accumulate and a value of the output, its filters counted in fours; a weight, each time that it is
    /// widened.
    convolution: [f64; 3],
    /// A convolution that stands for two, and is computed in parts for the sake of the border: so much of a single one.
    folded: f64,
    /// A convolution in plain Rust, with groups or dilation: a multiply-accumulate, a value of the output.
    plain: [f64; 2],
    /// A depthwise convolution: a multiply-accumulate.
    depthwise: f64,
    /// A fully connected operator: a multiply-accumulate, a unit.
    connected: [f64; 2],
    /// A value that the maximum is taken of.
    maximum: f64,
    /// A value that a mean is taken of.
    mean: f64,
    /// A value of a sum or a product of two tensors. Not measured: as three of a mean, for three requantizations.
    pair: f64,
    /// A value that is looked up in a table. Not measured: as one that the maximum is taken of.
    table: f64,
}

/// Filters that are computed at a time.
const BLOCK: u64 = 4;

impl Costs {
    const fn of(processor: Processor) -> Self {
        match processor {
            Processor::CortexM0Plus => Self {
                local: 2_499_119.0,
                global: 204_726.0,
                convolution: [2.91, 74.7, 38.4],
                folded: 1.36,
                plain: [18.0, 100.0],
                depthwise: 24.6,
                connected: [4.5, 100.0],
                maximum: 13.5,
                mean: 17.4,
                pair: 52.0,
                table: 13.5,
            },
            Processor::CortexM33 => Self {
                local: 733_530.0,
                global: 58_284.0,
                convolution: [0.733, 22.3, 3.83],
                folded: 1.36,
                plain: [4.6, 60.0],
                depthwise: 4.2,
                connected: [1.2, 35.0],
                maximum: 1.5,
                mean: 9.8,
                pair: 30.0,
                table: 1.5,
            },
        }
    }

    fn normalization(&self, preprocessing: Preprocessing) -> f64 {
        match preprocessing {
            Preprocessing::Local { .. } => self.local,
            Preprocessing::Grey { .. } | Preprocessing::Global { .. } => self.global,
            Preprocessing::LocalAndGlobal { .. } => self.local + self.global,
        }
    }

    fn step(&self, step: &Step<'_>) -> f64 {
        let (input, output) = (values(step.input().shape), values(step.output.shape));
        let macs = step.macs() as f64;
        match step.operation {
            Operation::Conv2d(conv) => {
                let mut cycles = if conv.operator.is_plain() {
                    let [a_mac, a_value, a_weight] = self.convolution;
                    let filters = u64::from(conv.convolved.channels).max(1);
                    let whole = filters.next_multiple_of(BLOCK) as f64 / filters as f64;
                    // The weights are widened anew for every band of a fused pool. What the sets of a folded one take is in its factor.
                    let bands =
                        conv.pool.map_or(1.0, |band| (values(conv.convolved) / f64::from(band.bytes.max(1))).ceil());
                    let weights = conv.operator.weight_count(conv.input.shape) as f64 * bands;
                    let folded = if conv.folding.is_some() { self.folded } else { 1.0 };
                    folded * whole * (a_mac * macs + a_value * values(conv.convolved)) + a_weight * weights
                } else {
                    let [a_mac, a_value] = self.plain;
                    a_mac * macs + a_value * values(conv.convolved)
                };
                if let Some(band) = conv.pool {
                    cycles += self.pool(&band.fused.pool, output);
                }
                cycles
            }
            Operation::DepthwiseConv2d(_) => self.depthwise * macs,
            Operation::Pool2d(pool) => self.pool(&pool.operator, output),
            Operation::GlobalAveragePool(_) => self.mean * input,
            Operation::Add(_) | Operation::Mul(_) => self.pair * output,
            Operation::Logistic(_) => self.table * output,
            Operation::FullyConnected(_) => {
                let [a_mac, a_unit] = self.connected;
                a_mac * macs + a_unit * output
            }
        }
    }

    fn pool(&self, pool: &Pool2d, output: f64) -> f64 {
        let a_value = match pool.kind {
            PoolKind::Max => self.maximum,
            PoolKind::Average => self.mean,
        };
        a_value * output * f64::from(pool.window.taps())
    }
}

fn values(shape: Shape) -> f64 {
    f64::from(shape.height) * f64::from(shape.width) * f64::from(shape.channels)
}

/// Cycles of an inference, normalization included, on `processor`.
pub fn cycles(model: &Model<'_>, processor: Processor) -> u64 {
    let costs = Costs::of(processor);
    let steps: f64 = model.steps().map(|step| costs.step(&step)).sum();
    (costs.normalization(model.preprocessing()) + steps) as u64
}
