//! Loops compiled twice: for the vectors that every processor of the target has, and for AVX2.

/// Floats that a loop should treat alike.
pub(super) const LANES: usize = 8;

/// Runs `work`, with AVX2 if the processor has it. Loops inside it, in closures or functions that are always inlined,
/// then use its registers. Both versions round alike: nothing is fused or reordered.
#[inline(always)]
pub(super) fn wide<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor was just found to have AVX2.
            return unsafe { with_avx2(work) };
        }
    }
    work()
}

/// Sums of several functions of the pairs `(a, b)`, lane by lane: exact to more digits than one running sum.
#[inline(always)]
pub(super) fn sums<const N: usize>(a: &[f32], b: &[f32], terms: impl Fn(f32, f32) -> [f32; N]) -> [f32; N] {
    let mut lanes = [[0.0f32; LANES]; N];
    let (a_vectors, a_rest) = a.as_chunks::<LANES>();
    let (b_vectors, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_vectors.iter().zip(b_vectors) {
        for lane in 0..LANES {
            let terms = terms(a[lane], b[lane]);
            for (sums, term) in lanes.iter_mut().zip(terms) {
                sums[lane] += term;
            }
        }
    }
    let mut sums = lanes.map(|lanes| lanes.iter().sum::<f32>());
    for (a, b) in a_rest.iter().zip(b_rest) {
        for (sum, term) in sums.iter_mut().zip(terms(*a, *b)) {
            *sum += term;
        }
    }
    sums
}
