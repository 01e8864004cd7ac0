//! Sums into outputs.

use bytemuck::cast;

use super::{
    super::ConvArguments,
    LANES,
    vector::{Ends, Requantizer, Vector, Words},
};

/// From the sums of a pixel to its outputs.
pub struct Writer<const VECTORS: usize> {
    requantizers: [Requantizer; VECTORS],
    ends: Ends,
    /// Outputs that there are; more are not written.
    count: usize,
}

impl<const VECTORS: usize> Writer<VECTORS> {
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
    #[inline]
    pub fn new(arguments: &ConvArguments, words: [&Words; VECTORS], count: usize) -> Self {
        let mut requantizers = [Requantizer::new(&[[0; LANES]; 5]); VECTORS];
        for (requantizer, words) in requantizers.iter_mut().zip(words) {
            *requantizer = Requantizer::new(words);
        }
        Self { requantizers, ends: Ends::new(arguments), count }
    }

    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
    #[inline]
    pub fn write(&self, mut sums: [Vector; VECTORS], to: &mut [i8]) {
        for (sums, requantizer) in sums.iter_mut().zip(&self.requantizers) {
            *sums = requantizer.apply(*sums);
        }
        let [a, b] = self.ends.outputs(sums[0], sums[VECTORS - 1]);
        if VECTORS == 2
            && self.count >= 2 * LANES
            && let Some(to) = to.first_chunk_mut()
        {
            *to = cast::<_, [i8; 2 * LANES]>([a, b]);
            return;
        }
        write_some(a, self.count, to);
        if VECTORS == 2
            && let Some(to) = to.get_mut(LANES..)
        {
            write_some(b, self.count.saturating_sub(LANES), to);
        }
    }
}

/// Writes the first `count` of the eight values, or all.
#[inline]
fn write_some(values: [i8; LANES], count: usize, to: &mut [i8]) {
    match to.first_chunk_mut::<LANES>() {
        Some(to) if count >= LANES => *to = values,
        Some(to) => {
            // What lies behind the pixel stays as it is, in one word.
            let mask = (1u64 << (8 * count)) - 1;
            *to = cast(cast::<_, u64>(values) & mask | cast::<_, u64>(*to) & !mask);
        }
        None => to.iter_mut().zip(values).take(count).for_each(|(to, value)| *to = value),
    }
}
