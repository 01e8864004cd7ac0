//! Where each tensor lies in the arena, planned by lifetimes, and where working memory begins.

use std::ops::RangeInclusive;

use shared::{model::FusedPool, operator::Operator};

use super::lower::Lowered;

/// Fewest rows of a convolution in a band: with each band its weights are prepared anew, and of a folded one those
/// for the border as well.
const LEAST_BAND: u16 = 8;
const LEAST_BAND_FOLDED: u16 = 16;

/// Tensors begin at multiples of this many bytes, so that kernels may load words.
pub const ALIGNMENT: u32 = 16;

/// A tensor to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Size in bytes.
    pub bytes: u32,
    /// Lifetime: from the step that writes it to the last step that reads it.
    pub steps: RangeInclusive<usize>,
}

/// Where the tensors lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// First byte of each tensor, in the order they were given.
    pub offsets: Vec<u32>,
    /// Bytes of the arena.
    pub arena_bytes: u32,
}

/// Places the largest tensor first, each at the lowest offset where it overlaps no tensor that is alive at the same time
/// (greedy by size, as TensorFlow Lite's memory planner; Pisarchyk and Lee 2020, "Efficient Memory Management for Deep
/// Neural Net Inference", section 5). `None` if the arena would exceed 4 GiB.
pub fn plan(lifetimes: &[Lifetime]) -> Option<Plan> {
    let mut order: Vec<usize> = (0..lifetimes.len()).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(lifetimes[index].bytes), index));
    let mut offsets = vec![0u64; lifetimes.len()];
    let mut placed: Vec<usize> = Vec::with_capacity(lifetimes.len());
    for index in order {
        let tensor = &lifetimes[index];
        let mut neighbours: Vec<(u64, u64)> = placed
            .iter()
            .filter(|&&other| alive_together(&lifetimes[other], tensor))
            .map(|&other| (offsets[other], offsets[other] + u64::from(lifetimes[other].bytes)))
            .collect();
        neighbours.sort_unstable();
        offsets[index] = lowest_gap(&neighbours, tensor.bytes.into());
        placed.push(index);
    }
    let ends = offsets.iter().zip(lifetimes).map(|(offset, tensor)| offset + u64::from(tensor.bytes));
    let arena_bytes = u32::try_from(ends.max().unwrap_or(0)).ok()?;
    let offsets = offsets.into_iter().map(|offset| u32::try_from(offset).ok()).collect::<Option<_>>()?;
    Some(Plan { offsets, arena_bytes })
}

fn alive_together(a: &Lifetime, b: &Lifetime) -> bool {
    a.steps.start() <= b.steps.end() && b.steps.start() <= a.steps.end()
}

/// The lowest aligned offset at which `bytes` fit between the occupied ranges, which are sorted by their start.
fn lowest_gap(occupied: &[(u64, u64)], bytes: u64) -> u64 {
    let mut candidate = 0u64;
    for &(start, end) in occupied {
        if candidate + bytes <= start {
            break;
        }
        candidate = candidate.max(end.next_multiple_of(ALIGNMENT.into()));
    }
    candidate
}

/// The memory of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// First byte of each tensor.
    pub offsets: Vec<u32>,
    /// One for each operator.
    pub steps: Vec<StepPlace>,
    /// Bytes of the arena, bands included.
    pub arena_bytes: u32,
}

/// The memory of an operator beside its tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepPlace {
    /// First byte after all tensors that are alive while the operator runs.
    pub scratch_offset: u32,
    /// Rows of a fused pool's output that are made at a time; 0 without one.
    pub band_rows: u16,
}

/// Plans the memory of a network, or `None` if the arena would exceed 4 GiB. A fused pool gets the largest bands for which the
/// arena need not grow beyond what the rest of the network, or the least bands, take anyway.
pub fn places(lowered: &Lowered) -> Option<Places> {
    let (lifetimes, place_of) = lifetimes(lowered);
    let Plan { offsets, arena_bytes } = plan(&lifetimes)?;
    // No end lies beyond the arena's.
    let scratch_offset = |step: usize| {
        let alive = offsets.iter().zip(&lifetimes).filter(|(_, tensor)| tensor.steps.contains(&(step + 1)));
        let end = alive.map(|(offset, tensor)| offset + tensor.bytes).max().unwrap_or(0);
        end.checked_next_multiple_of(ALIGNMENT)
    };
    let scratch_offsets = (0..lowered.operators.len()).map(scratch_offset).collect::<Option<Vec<u32>>>()?;
    let band = |step: usize, band_rows: u16| {
        let operator = &lowered.operators[step];
        let convolved = operator.operator.output_shape(lowered.tensors[operator.inputs[0]].shape).ok()?;
        let pool = FusedPool { pool: operator.pool?, band_rows };
        Some((pool.rows(), pool.band_bytes(convolved)?))
    };
    let pooled_rows = |step: usize| lowered.tensors[lowered.operators[step].output].shape.height;
    let least = |step: usize| {
        let (rows, _) = band(step, 1)?;
        let folded = lowered.operators[step].folding.is_some();
        let least_band = if folded { LEAST_BAND_FOLDED } else { LEAST_BAND };
        let band_rows = least_band.div_ceil(rows.max(1)).min(pooled_rows(step));
        Some((band_rows, u64::from(scratch_offsets[step]) + u64::from(band(step, band_rows)?.1)))
    };
    let steps = 0..lowered.operators.len();
    // Working memory, even where a step takes none, begins inside the arena or at its end.
    let arena_bytes = scratch_offsets.iter().copied().fold(arena_bytes, u32::max);
    let bands = steps.clone().filter_map(|step| Some(least(step)?.1));
    let arena_bytes = u32::try_from(bands.fold(arena_bytes.into(), u64::max)).ok()?;
    let steps = steps.map(|step| {
        let scratch_offset = scratch_offsets[step];
        let room = arena_bytes - scratch_offset;
        let fits = |&rows: &u16| band(step, rows).is_some_and(|(_, bytes)| bytes <= room);
        let band_rows =
            least(step).map_or(0, |(least, _)| (least..=pooled_rows(step)).rev().find(fits).unwrap_or(least));
        StepPlace { scratch_offset, band_rows }
    });
    let steps = steps.collect();
    Some(Places { offsets: place_of.iter().map(|&place| offsets[place]).collect(), steps, arena_bytes })
}

/// The lifetimes to place in the arena, and which of them is each tensor's. A tensor lives from the step that writes it to the
/// last step that reads it; the input is written before the first step, the logits outlive the last. Steps count from 1
/// here. A sum or a product takes the place of its first operand where nothing reads that any more.
fn lifetimes(lowered: &Lowered) -> (Vec<Lifetime>, Vec<usize>) {
    let end = lowered.operators.len() + 1;
    let last_read = |tensor: usize| {
        lowered.operators.iter().rposition(|operator| operator.inputs.contains(&tensor)).map_or(end, |step| step + 1)
    };
    let mut lifetimes: Vec<Lifetime> = Vec::new();
    let mut place_of: Vec<usize> = Vec::new();
    for (tensor, description) in lowered.tensors.iter().enumerate() {
        let writer = lowered.operators.iter().position(|operator| operator.output == tensor);
        let written = writer.map_or(0, |step| step + 1);
        let replaced = writer.map(|step| &lowered.operators[step]).and_then(|operator| match operator.inputs[..] {
            [left, right] if in_place(operator.operator) && left != right && last_read(left) == written => {
                // Tensors are in the order of the steps that write them.
                place_of.get(left).copied()
            }
            _ => None,
        });
        match replaced {
            Some(place) => {
                let start = *lifetimes[place].steps.start();
                lifetimes[place].steps = start..=last_read(tensor);
                place_of.push(place);
            }
            None => {
                // Shapes of an architecture fit: a feature map has at most 48 x 48 x 65,535 values.
                let bytes = description.shape.elements().unwrap_or(u32::MAX);
                lifetimes.push(Lifetime { bytes, steps: written..=last_read(tensor) });
                place_of.push(lifetimes.len() - 1);
            }
        }
    }
    (lifetimes, place_of)
}

/// Whether the output may take the place of the first input.
fn in_place(operator: Operator) -> bool {
    matches!(operator, Operator::Add | Operator::Mul)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifetime(bytes: u32, first: usize, last: usize) -> Lifetime {
        Lifetime { bytes, steps: first..=last }
    }

    #[test]
    fn a_chain_needs_only_its_two_largest_neighbours() {
        let chain = [lifetime(2304, 0, 1), lifetime(32_256, 1, 2), lifetime(32_256, 2, 3), lifetime(8_064, 3, 4)];
        let plan = plan(&chain).expect("small");
        assert_eq!(plan.arena_bytes, 64_512);
    }

    #[test]
    fn tensors_alive_together_never_overlap_and_begin_aligned() {
        let tensors: Vec<Lifetime> = (0..40u32)
            .map(|i| lifetime(1 + i * 7919 % 3001, (i as usize) % 13, (i as usize) % 13 + (i as usize) % 5))
            .collect();
        let plan = plan(&tensors).expect("small");
        for (i, a) in tensors.iter().enumerate() {
            assert_eq!(plan.offsets[i] % ALIGNMENT, 0);
            for (j, b) in tensors.iter().enumerate().skip(i + 1) {
                let disjoint =
                    plan.offsets[i] + a.bytes <= plan.offsets[j] || plan.offsets[j] + b.bytes <= plan.offsets[i];
                assert!(disjoint || !alive_together(a, b), "tensors {i} and {j} overlap");
            }
        }
    }

    #[test]
    fn a_residual_input_stays_until_it_is_added() {
        let plan = plan(&[lifetime(100, 0, 2), lifetime(100, 0, 1), lifetime(100, 1, 2)]).expect("small");
        let mut offsets = plan.offsets.clone();
        offsets.sort_unstable();
        assert_eq!(offsets, [0, 112, 224]);
    }

    #[test]
    fn an_arena_of_more_than_4_gib_is_no_plan() {
        let half = lifetime(1 << 31, 0, 1);
        let rest = |bytes| lifetime(bytes, 0, 1);
        assert_eq!(plan(&[half.clone(), rest(i32::MAX as u32)]).map(|plan| plan.arena_bytes), Some(u32::MAX));
        assert_eq!(plan(&[half.clone(), rest(1 << 31)]), None);
        assert_eq!(plan(&[half.clone(), half.clone(), half]), None);
    }

    #[test]
    fn working_memory_begins_inside_the_arena_of_the_smallest_network() {
        use crate::quantization::lower::{FloatOperator, FloatTensor};
        use shared::{
            operator::{Activation, FullyConnected},
            shape::Shape,
        };

        let tensor = |shape| FloatTensor { shape, layer: None };
        let operator = FloatOperator {
            operator: Operator::FullyConnected(FullyConnected { units: 7 }),
            folding: None,
            pool: None,
            activation: Activation::None,
            inputs: vec![0],
            output: 1,
            weights: Vec::new(),
            biases: Vec::new(),
        };
        let tensors = vec![tensor(Shape::new(48, 48, 1)), tensor(Shape::vector(7))];
        let places = places(&Lowered { tensors, operators: vec![operator] }).expect("small");
        assert_eq!((places.offsets[1], places.steps[0].scratch_offset, places.arena_bytes), (2304, 2320, 2320));
    }
}
