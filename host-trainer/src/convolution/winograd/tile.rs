//! The transforms of Winograd's minimal filtering for kernels of three (Lavin and Gray 2016, "Fast Algorithms for
//! Convolutional Neural Networks", section 4), in one dimension; two dimensions apply them to rows and columns.
//!
//! `outputs = A' ((G kernel) * (B' input))`, where `*` multiplies element by element. Gradients follow by transposing:
//! of the kernel, `G' ((A gradient) * (B' input))`.

use crate::convolution::matrix::Lanes;

/// A tile of `OUTPUTS` outputs, which `POINTS = OUTPUTS + 2` inputs and as many products make.
///
/// # Safety
/// Of every method: the processor has the instructions of `L`.
pub(super) trait Tile<const OUTPUTS: usize, const POINTS: usize> {
    /// `B' input`.
    unsafe fn input<L: Lanes>(input: [L; POINTS]) -> [L; POINTS];

    /// `A' products`.
    unsafe fn output<L: Lanes>(products: [L; POINTS]) -> [L; OUTPUTS];

    /// `A gradient`.
    unsafe fn gradient<L: Lanes>(gradient: [L; OUTPUTS]) -> [L; POINTS];

    /// `G kernel`.
    unsafe fn kernel<L: Lanes>(kernel: [L; 3]) -> [L; POINTS];

    /// `G' products`.
    unsafe fn kernel_gradient<L: Lanes>(products: [L; POINTS]) -> [L; 3];
}

/// F(4, 3): interpolation at 0, 1, -1, 2, -2 and infinity.
pub(super) struct Four;

// SAFETY of every method: arithmetic alone, with instructions that the caller vouches for.
impl Tile<4, 6> for Four {
    #[inline(always)]
    unsafe fn input<L: Lanes>([d0, d1, d2, d3, d4, d5]: [L; 6]) -> [L; 6] {
        unsafe {
            let (even, odd) = (d4.plus_times(-4.0, d2), d3.plus_times(-4.0, d1));
            let (near, far) = (d4.minus(d2), d3.minus(d1).times(2.0));
            [
                d4.plus_times(4.0, d0).plus_times(-5.0, d2),
                even.plus(odd),
                even.minus(odd),
                near.plus(far),
                near.minus(far),
                d5.plus_times(4.0, d1).plus_times(-5.0, d3),
            ]
        }
    }

    #[inline(always)]
    unsafe fn output<L: Lanes>([m0, m1, m2, m3, m4, m5]: [L; 6]) -> [L; 4] {
        unsafe {
            let (even, odd) = (m1.plus(m2), m1.minus(m2));
            let (far_even, far_odd) = (m3.plus(m4), m3.minus(m4));
            [
                m0.plus(even).plus(far_even),
                odd.plus_times(2.0, far_odd),
                even.plus_times(4.0, far_even),
                m5.plus(odd).plus_times(8.0, far_odd),
            ]
        }
    }

    #[inline(always)]
    unsafe fn gradient<L: Lanes>([y0, y1, y2, y3]: [L; 4]) -> [L; 6] {
        unsafe {
            let (even, odd) = (y0.plus(y2), y1.plus(y3));
            let (far_even, far_odd) = (y0.plus_times(4.0, y2), y1.plus_times(4.0, y3).times(2.0));
            [y0, even.plus(odd), even.minus(odd), far_even.plus(far_odd), far_even.minus(far_odd), y3]
        }
    }

    #[inline(always)]
    unsafe fn kernel<L: Lanes>([g0, g1, g2]: [L; 3]) -> [L; 6] {
        unsafe {
            let (near, side) = (g0.plus(g2).times(-1.0 / 6.0), g1.times(-1.0 / 6.0));
            let (far, far_side) = (g0.times(1.0 / 24.0).plus_times(1.0 / 6.0, g2), g1.times(1.0 / 12.0));
            [g0.times(0.25), near.plus(side), near.minus(side), far.plus(far_side), far.minus(far_side), g2]
        }
    }

    #[inline(always)]
    unsafe fn kernel_gradient<L: Lanes>([u0, u1, u2, u3, u4, u5]: [L; 6]) -> [L; 3] {
        unsafe {
            let (near, side) = (u1.plus(u2).times(-1.0 / 6.0), u1.minus(u2).times(-1.0 / 6.0));
            let (far, far_side) = (u3.plus(u4), u3.minus(u4));
            [
                near.plus_times(0.25, u0).plus_times(1.0 / 24.0, far),
                side.plus_times(1.0 / 12.0, far_side),
                u5.plus(near).plus_times(1.0 / 6.0, far),
            ]
        }
    }
}

/// F(3, 3): interpolation at 0, 1, -1, 2 and infinity.
pub(super) struct Three;

// SAFETY of every method: arithmetic alone, with instructions that the caller vouches for.
impl Tile<3, 5> for Three {
    #[inline(always)]
    unsafe fn input<L: Lanes>([d0, d1, d2, d3, d4]: [L; 5]) -> [L; 5] {
        unsafe {
            let (upper, lower) = (d3.minus(d1), d2.minus(d0));
            [
                upper.plus_times(-2.0, lower),
                d3.minus(d2).plus_times(-2.0, d1),
                d3.plus_times(-3.0, d2).plus_times(2.0, d1),
                upper,
                d4.minus(d2).plus_times(-2.0, upper),
            ]
        }
    }

    #[inline(always)]
    unsafe fn output<L: Lanes>([m0, m1, m2, m3, m4]: [L; 5]) -> [L; 3] {
        unsafe {
            let even = m1.plus(m2);
            [m0.plus(even).plus(m3), m1.minus(m2).plus_times(2.0, m3), m4.plus(even).plus_times(4.0, m3)]
        }
    }

    #[inline(always)]
    unsafe fn gradient<L: Lanes>([y0, y1, y2]: [L; 3]) -> [L; 5] {
        unsafe {
            let even = y0.plus(y2);
            [y0, even.plus(y1), even.minus(y1), y0.plus_times(2.0, y1).plus_times(4.0, y2), y2]
        }
    }

    #[inline(always)]
    unsafe fn kernel<L: Lanes>([g0, g1, g2]: [L; 3]) -> [L; 5] {
        unsafe {
            let even = g0.plus(g2);
            [
                g0.times(0.5),
                even.plus(g1).times(-0.5),
                even.minus(g1).times(-1.0 / 6.0),
                g0.plus_times(2.0, g1).plus_times(4.0, g2).times(1.0 / 6.0),
                g2,
            ]
        }
    }

    #[inline(always)]
    unsafe fn kernel_gradient<L: Lanes>([u0, u1, u2, u3, u4]: [L; 5]) -> [L; 3] {
        unsafe {
            let (one, minus, two) = (u1.times(-0.5), u2.times(-1.0 / 6.0), u3.times(1.0 / 6.0));
            let even = one.plus(minus);
            [
                even.plus(two).plus_times(0.5, u0),
                one.minus(minus).plus_times(2.0, two),
                even.plus(u4).plus_times(4.0, two),
            ]
        }
    }
}
