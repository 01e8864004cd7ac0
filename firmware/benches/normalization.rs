//! Time to normalize a face. 32,298 faces in 4 s on one core are 123 us a face.
//!
//! `cargo bench -p firmware --bench normalization`

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use firmware::normalization::normalize;
use shared::preprocessing::{FACE_PIXELS, FACE_SIZE};

/// 4 grey levels, as the paper's network has it.
const SIGMA_FLOOR: u16 = 4 * 256;

/// Grey levels without any structure.
fn noise() -> [u8; FACE_PIXELS] {
    let mut state = 1u32;
    core::array::from_fn(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
}

/// A bright disc on a gradient, as smooth as a face out of focus.
fn smooth() -> [u8; FACE_PIXELS] {
    core::array::from_fn(|pixel| {
        let (y, x) = ((pixel / FACE_SIZE) as f32 - 24.0, (pixel % FACE_SIZE) as f32 - 24.0);
        (60.0 + x + 140.0 * (-(x * x + y * y) / 200.0).exp()) as u8
    })
}

fn normalization(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("normalization");
    group.throughput(Throughput::Elements(1));
    for (name, face) in [("noise", noise()), ("smooth", smooth()), ("flat", [128; FACE_PIXELS])] {
        let mut out = [0; FACE_PIXELS];
        group.bench_function(name, |bencher| bencher.iter(|| normalize(black_box(&face), SIGMA_FLOOR, &mut out)));
    }
    group.finish();
}

criterion_group!(benches, normalization);
criterion_main!(benches);
