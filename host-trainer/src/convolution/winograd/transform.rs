//! Tiles to points and points to tiles, with channels in the lanes: [`Tile`]'s transforms on columns, then on rows.

use super::tile::Tile;
use crate::convolution::matrix::{LANES, Lanes};

/// Where the values of a tile, or of a point, lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    /// Floats between neighbouring rows of a tile.
    pub row: usize,
    /// Floats between the matrices of neighbouring points.
    pub slab: usize,
}

/// `source` is a square of `POINTS` by `POINTS` pixels; writes each point.
///
/// # Safety
/// As [`Lanes`]; the square lies inside `source`'s slice, `POINTS * POINTS` vectors inside `target`'s.
#[inline(always)]
pub(super) unsafe fn input<L: Lanes, T: Tile<OUTPUTS, POINTS>, const OUTPUTS: usize, const POINTS: usize>(
    source: *const f32,
    target: *mut f32,
    steps: Steps,
) {
    // SAFETY: the contract above.
    unsafe {
        let mut half = [[L::splat(0.0); POINTS]; POINTS];
        for x in 0..POINTS {
            let mut column = [L::splat(0.0); POINTS];
            for (y, value) in column.iter_mut().enumerate() {
                *value = L::load(source.add(y * steps.row + x * LANES));
            }
            for (row, value) in half.iter_mut().zip(T::input(column)) {
                row[x] = value;
            }
        }
        for (y, row) in half.into_iter().enumerate() {
            for (x, value) in T::input(row).into_iter().enumerate() {
                value.store(target.add((y * POINTS + x) * steps.slab));
            }
        }
    }
}

/// Reads each point; writes a square of `OUTPUTS` by `OUTPUTS` pixels with `start` added.
///
/// # Safety
/// As [`input`].
#[inline(always)]
pub(super) unsafe fn output<L: Lanes, T: Tile<OUTPUTS, POINTS>, const OUTPUTS: usize, const POINTS: usize>(
    source: *const f32,
    target: *mut f32,
    steps: Steps,
    start: L,
) {
    // SAFETY: the contract above.
    unsafe {
        let mut half = [[L::splat(0.0); POINTS]; OUTPUTS];
        for x in 0..POINTS {
            let mut column = [L::splat(0.0); POINTS];
            for (y, value) in column.iter_mut().enumerate() {
                *value = L::load(source.add((y * POINTS + x) * steps.slab));
            }
            for (row, value) in half.iter_mut().zip(T::output(column)) {
                row[x] = value;
            }
        }
        for (y, row) in half.into_iter().enumerate() {
            for (x, value) in T::output(row).into_iter().enumerate() {
                value.plus(start).store(target.add(y * steps.row + x * LANES));
            }
        }
    }
}

/// `source` is a square of `OUTPUTS` by `OUTPUTS` gradients; writes each point.
///
/// # Safety
/// As [`input`].
#[inline(always)]
pub(super) unsafe fn gradient<L: Lanes, T: Tile<OUTPUTS, POINTS>, const OUTPUTS: usize, const POINTS: usize>(
    source: *const f32,
    target: *mut f32,
    steps: Steps,
) {
    // SAFETY: the contract above.
    unsafe {
        let mut half = [[L::splat(0.0); OUTPUTS]; POINTS];
        for x in 0..OUTPUTS {
            let mut column = [L::splat(0.0); OUTPUTS];
            for (y, value) in column.iter_mut().enumerate() {
                *value = L::load(source.add(y * steps.row + x * LANES));
            }
            for (row, value) in half.iter_mut().zip(T::gradient(column)) {
                row[x] = value;
            }
        }
        for (y, row) in half.into_iter().enumerate() {
            for (x, value) in T::gradient(row).into_iter().enumerate() {
                value.store(target.add((y * POINTS + x) * steps.slab));
            }
        }
    }
}

/// The points of the nine taps of [`LANES`] kernels.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
pub(super) unsafe fn kernel<L: Lanes, T: Tile<OUTPUTS, POINTS>, const OUTPUTS: usize, const POINTS: usize>(
    taps: &[[f32; LANES]; 9],
) -> [[L; POINTS]; POINTS] {
    // SAFETY: the contract above.
    unsafe {
        let mut half = [[L::splat(0.0); 3]; POINTS];
        for x in 0..3 {
            let mut column = [L::splat(0.0); 3];
            for (y, value) in column.iter_mut().enumerate() {
                *value = L::load(taps[y * 3 + x].as_ptr());
            }
            for (row, value) in half.iter_mut().zip(T::kernel(column)) {
                row[x] = value;
            }
        }
        let mut points = [[L::splat(0.0); POINTS]; POINTS];
        for (target, row) in points.iter_mut().zip(half) {
            *target = T::kernel(row);
        }
        points
    }
}

/// Reads each point; the gradients of the nine taps.
///
/// # Safety
/// As [`input`].
#[inline(always)]
pub(super) unsafe fn kernel_gradient<L: Lanes, T: Tile<OUTPUTS, POINTS>, const OUTPUTS: usize, const POINTS: usize>(
    source: *const f32,
    slab: usize,
) -> [[L; 3]; 3] {
    // SAFETY: the contract above.
    unsafe {
        let mut half = [[L::splat(0.0); POINTS]; 3];
        for x in 0..POINTS {
            let mut column = [L::splat(0.0); POINTS];
            for (y, value) in column.iter_mut().enumerate() {
                *value = L::load(source.add((y * POINTS + x) * slab));
            }
            for (row, value) in half.iter_mut().zip(T::kernel_gradient(column)) {
                row[x] = value;
            }
        }
        let mut taps = [[L::splat(0.0); 3]; 3];
        for (target, row) in taps.iter_mut().zip(half) {
            *target = T::kernel_gradient(row);
        }
        taps
    }
}
