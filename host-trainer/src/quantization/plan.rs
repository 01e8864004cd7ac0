//! Where each tensor lies in the arena, planned by lifetimes.

use std::ops::RangeInclusive;

/// Tensors begin at multiples of this many bytes, so that kernels may load words.
pub const ALIGNMENT: u32 = 16;

/// A tensor that wants a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Bytes.
    pub bytes: u32,
    /// From the step that writes it to the last step that reads it.
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
/// Neural Net Inference", section 5).
pub fn plan(lifetimes: &[Lifetime]) -> Plan {
    let mut order: Vec<usize> = (0..lifetimes.len()).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(lifetimes[index].bytes), index));
    let mut offsets = vec![0; lifetimes.len()];
    let mut placed: Vec<usize> = Vec::with_capacity(lifetimes.len());
    for index in order {
        let tensor = &lifetimes[index];
        let mut neighbours: Vec<(u32, u32)> = placed
            .iter()
            .filter(|&&other| alive_together(&lifetimes[other], tensor))
            .map(|&other| (offsets[other], offsets[other] + lifetimes[other].bytes))
            .collect();
        neighbours.sort_unstable();
        offsets[index] = lowest_gap(&neighbours, tensor.bytes);
        placed.push(index);
    }
    let arena_bytes = offsets.iter().zip(lifetimes).map(|(offset, tensor)| offset + tensor.bytes).max().unwrap_or(0);
    Plan { offsets, arena_bytes }
}

fn alive_together(a: &Lifetime, b: &Lifetime) -> bool {
    a.steps.start() <= b.steps.end() && b.steps.start() <= a.steps.end()
}

/// The lowest aligned offset at which `bytes` fit between the occupied ranges, which are sorted by their start.
fn lowest_gap(occupied: &[(u32, u32)], bytes: u32) -> u32 {
    let mut candidate = 0u32;
    for &(start, end) in occupied {
        if candidate + bytes <= start {
            break;
        }
        candidate = candidate.max(end.next_multiple_of(ALIGNMENT));
    }
    candidate
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
        let plan = plan(&chain);
        assert_eq!(plan.arena_bytes, 64_512);
    }

    #[test]
    fn tensors_alive_together_never_overlap_and_begin_aligned() {
        let tensors: Vec<Lifetime> = (0..40u32)
            .map(|i| lifetime(1 + i * 7919 % 3001, (i as usize) % 13, (i as usize) % 13 + (i as usize) % 5))
            .collect();
        let plan = plan(&tensors);
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
        let plan = plan(&[lifetime(100, 0, 2), lifetime(100, 0, 1), lifetime(100, 1, 2)]);
        let mut offsets = plan.offsets.clone();
        offsets.sort_unstable();
        assert_eq!(offsets, [0, 112, 224]);
    }
}
