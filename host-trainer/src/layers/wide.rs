//! Loops compiled twice: for the vectors that every processor of the target has, and for AVX2.

/// Floats that a loop should treat alike.
pub(super) const LANES: usize = 8;

/// A loop with its operands. `run` must be marked to be always inlined: what stays a call keeps the narrower registers.
pub(super) trait Loop {
    /// What it finds.
    type Found;

    /// Runs it.
    fn run(self) -> Self::Found;
}

/// Runs a loop, compiled for AVX2 if the processor has it. Both versions round alike: nothing is fused or reordered.
#[inline(always)]
pub(super) fn wide<W: Loop>(work: W) -> W::Found {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn with_avx2<W: Loop>(work: W) -> W::Found {
            work.run()
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor was just found to have AVX2.
            return unsafe { with_avx2(work) };
        }
    }
    work.run()
}

/// Pairs whose terms are found together: loops long enough to be vectorized, terms that stay in the first-level cache.
const BLOCK: usize = 64;

/// Sums of several functions of the pairs `(a, b)`, lane by lane: exact to more digits than one running sum.
#[inline(always)]
pub(super) fn sums<const N: usize>(a: &[f32], b: &[f32], terms: impl Fn(f32, f32) -> [f32; N]) -> [f32; N] {
    let mut lanes = [[0.0f32; LANES]; N];
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let mut found = [[0.0f32; BLOCK]; N];
        for (at, (a, b)) in a.iter().zip(b).enumerate() {
            for (found, term) in found.iter_mut().zip(terms(*a, *b)) {
                found[at & (BLOCK - 1)] = term;
            }
        }
        for (lanes, found) in lanes.iter_mut().zip(&found) {
            for vector in found.as_chunks::<LANES>().0 {
                for (lane, term) in lanes.iter_mut().zip(vector) {
                    *lane += term;
                }
            }
        }
    }
    lanes.map(|lanes| lanes.iter().sum::<f32>())
}
