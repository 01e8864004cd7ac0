//! Loops compiled twice: for the vectors that every processor of the target has, and for AVX2.

use crate::number::Number;

/// Floats that a loop should treat alike.
const LANES: usize = 8;

/// A loop with its operands. `run` must be marked to be always inlined: what stays a call keeps the narrower registers.
pub(crate) trait Loop {
    /// What it finds.
    type Found;

    /// Runs it.
    fn run(self) -> Self::Found;
}

/// Runs a loop, compiled for AVX2 if the processor has it. Both versions round alike: nothing is fused or reordered.
#[inline(always)]
pub(crate) fn wide<W: Loop>(work: W) -> W::Found {
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

/// The sum, lane by lane.
pub(crate) fn sum<T: Number>(values: &[T]) -> f32 {
    wide(Sum(values))
}

struct Sum<'a, T>(&'a [T]);

impl<T: Number> Loop for Sum<'_, T> {
    type Found = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        sums(self.0, self.0, |value, _| [value])[0]
    }
}

/// Terms that are added up side by side: enough to hide the latency of an addition.
const SIDE_BY_SIDE: usize = 4 * LANES;

/// Sums of several functions of the pairs `(a, b)`, lane by lane: exact to more digits than one running sum.
#[inline(always)]
pub(crate) fn sums<T: Number, const N: usize>(a: &[T], b: &[T], terms: impl Fn(f32, f32) -> [f32; N]) -> [f32; N] {
    let mut lanes = [[0.0f32; SIDE_BY_SIDE]; N];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<SIDE_BY_SIDE>(), b.as_chunks::<SIDE_BY_SIDE>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..SIDE_BY_SIDE {
            let found = terms(a[lane].widen(), b[lane].widen());
            for (lanes, term) in lanes.iter_mut().zip(found) {
                lanes[lane] += term;
            }
        }
    }
    for (lane, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
        for (lanes, term) in lanes.iter_mut().zip(terms(a.widen(), b.widen())) {
            lanes[lane] += term;
        }
    }
    lanes.map(|lanes| lanes.iter().sum::<f32>())
}
