//! Normalization in integers against the formula in double precision.

use firmware::normalization::{mirror, normalize, preprocess};
use proptest::{collection::vec, prelude::*};
use shared::preprocessing::{FACE_PIXELS, FACE_SIZE, Preprocessing};

type Face = [u8; FACE_PIXELS];

/// The 7-tap Gaussian, over 64.
const KERNEL: [f64; 7] = [2.0, 7.0, 14.0, 18.0, 14.0, 7.0, 2.0];

/// `37 (x - mu) / max(sigma, floor)` for every pixel: the direct double sum over the 7x7 neighbourhood.
fn exact(face: &Face, floor: f64) -> Vec<f64> {
    let reflect = |index: i64| {
        let last = FACE_SIZE as i64 - 1;
        let index = index.abs();
        if index > last { 2 * last - index } else { index }
    };
    let mut values = Vec::new();
    for y in 0..FACE_SIZE as i64 {
        for x in 0..FACE_SIZE as i64 {
            let (mut mean, mut square) = (0.0, 0.0);
            for (row, vertical) in KERNEL.into_iter().enumerate() {
                for (column, horizontal) in KERNEL.into_iter().enumerate() {
                    let (y, x) = (reflect(y + row as i64 - 3), reflect(x + column as i64 - 3));
                    let pixel = f64::from(face[y as usize * FACE_SIZE + x as usize]);
                    mean += vertical * horizontal / 4096.0 * pixel;
                    square += vertical * horizontal / 4096.0 * pixel * pixel;
                }
            }
            let sigma = (square - mean * mean).max(0.0).sqrt().max(floor);
            let difference = f64::from(face[y as usize * FACE_SIZE + x as usize]) - mean;
            values.push(if sigma == 0.0 { 0.0 } else { 37.0 * difference / sigma });
        }
    }
    values
}

fn normalized(face: &Face, sigma_floor: u16) -> [i8; FACE_PIXELS] {
    let mut out = [99; FACE_PIXELS];
    normalize(face, sigma_floor, &mut out);
    out
}

/// `37 (x - mu) / max(sigma, floor)` by mean and deviation of the whole face, held to `-127..=127`.
fn exact_global(face: &Face, floor: f64) -> Vec<f64> {
    let count = FACE_PIXELS as f64;
    let mean = face.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    let variance = face.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
    let sigma = variance.sqrt().max(floor);
    let value = |x: u8| if sigma == 0.0 { 0.0 } else { 37.0 * (f64::from(x) - mean) / sigma };
    face.iter().map(|&x| value(x).clamp(-127.0, 127.0)).collect()
}

/// A preprocessed face.
fn preprocessed(face: &Face, preprocessing: Preprocessing) -> Vec<i8> {
    let mut out = vec![99; preprocessing.values()];
    preprocess(preprocessing, face, &mut out);
    out
}

/// Grey levels from a seed, with `levels` distinct values.
fn noise(seed: u32, levels: u32) -> Face {
    let mut state = seed;
    core::array::from_fn(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 16) % levels * 255 / (levels - 1).max(1)) as u8
    })
}

/// A bright disc on a gradient.
fn smooth() -> Face {
    core::array::from_fn(|pixel| {
        let (y, x) = ((pixel / FACE_SIZE) as f64 - 20.0, (pixel % FACE_SIZE) as f64 - 26.0);
        (60.0 + 1.3 * x + 140.0 * (-(x * x + y * y) / 180.0).exp()) as u8
    })
}

/// Faces that bring out extremes: single pixels at every kind of place, checkerboards, stripes, steps, noise.
fn adversarial() -> Vec<Face> {
    let mut faces = vec![smooth(), [0; FACE_PIXELS], [255; FACE_PIXELS]];
    for place in [0, 1, 2, 3, 47, 48, 49, 24 * 48, 24 * 48 + 24, 24 * 48 + 47, 47 * 48, FACE_PIXELS - 1] {
        for (ground, pixel) in [(0, 255), (255, 0), (0, 1), (254, 255), (100, 103)] {
            let mut face = [ground; FACE_PIXELS];
            face[place] = pixel;
            faces.push(face);
        }
    }
    for period in 1..8 {
        faces.push(core::array::from_fn(|i| if (i / 48 / period + i % 48 / period) % 2 == 0 { 255 } else { 0 }));
        faces.push(core::array::from_fn(|i| if (i % 48).is_multiple_of(period) { 255 } else { 0 }));
        faces.push(core::array::from_fn(|i| {
            if (i / 48).is_multiple_of(period) && (i % 48).is_multiple_of(period) { 255 } else { 0 }
        }));
    }
    faces.push(core::array::from_fn(|i| if i % 48 < 24 { 0 } else { 255 }));
    faces.extend([2, 3, 17, 256].map(|levels| noise(levels, levels)));
    faces
}

/// Checks a face against the formula; returns how many of its pixels are not the nearest integer.
fn check(face: &Face, sigma_floor: u16) -> usize {
    let out = normalized(face, sigma_floor);
    let mut unequal = 0;
    for (index, (&q, exact)) in out.iter().zip(exact(face, f64::from(sigma_floor) / 256.0)).enumerate() {
        assert!((f64::from(q) - exact).abs() < 1.0, "pixel {index}: {q} instead of {exact}");
        assert!((-126..=126).contains(&q), "pixel {index}: {q}");
        unequal += usize::from(f64::from(q) != exact.round());
    }
    unequal
}

#[test]
fn integers_are_the_rounded_formula_and_never_exceed_126() {
    for sigma_floor in [0, 1, 256, 4 * 256, 16 * 256, u16::MAX] {
        for (index, face) in adversarial().iter().enumerate() {
            let unequal = check(face, sigma_floor);
            // Only exact halves, which a double may miss on either side, may differ.
            assert!(
                unequal <= 4,
                "face {index}, floor {sigma_floor}/256: {unequal} pixels are not the nearest integer"
            );
        }
    }
}

#[test]
fn a_bright_pixel_on_black_reaches_the_bound() {
    let mut face = [0; FACE_PIXELS];
    face[24 * FACE_SIZE + 24] = 255;
    let out = normalized(&face, 0);
    assert_eq!(out[24 * FACE_SIZE + 24], 126, "37 sqrt((1 - w0) / w0) = 126.2");
    assert_eq!(out[20 * FACE_SIZE + 24], 0, "beyond the kernel's reach there is nothing to see");
}

#[test]
fn a_flat_face_is_zero_at_every_brightness() {
    for level in 0..=255 {
        for sigma_floor in [0, 1, 1024] {
            assert_eq!(normalized(&[level; FACE_PIXELS], sigma_floor), [0; FACE_PIXELS], "level {level}");
        }
    }
}

#[test]
fn twice_the_contrast_at_another_brightness_is_the_same_face() {
    let face = noise(5, 100).map(|x| x / 3);
    let brighter = face.map(|x| 40 + 2 * x);
    assert_eq!(normalized(&face, 0), normalized(&brighter, 0));
    assert_ne!(normalized(&face, 4 * 256), normalized(&face, 200 * 256), "a floor above the deviation shows");
}

#[test]
fn a_mirrored_face_is_normalized_to_the_mirror_image() {
    let face = noise(9, 256);
    let mirror = |index: usize| index / FACE_SIZE * FACE_SIZE + FACE_SIZE - 1 - index % FACE_SIZE;
    let transpose = |index: usize| index % FACE_SIZE * FACE_SIZE + index / FACE_SIZE;
    let out = normalized(&face, 1024);
    assert_eq!(normalized(&core::array::from_fn(|i| face[mirror(i)]), 1024), core::array::from_fn(|i| out[mirror(i)]));
    assert_eq!(
        normalized(&core::array::from_fn(|i| face[transpose(i)]), 1024),
        core::array::from_fn(|i| out[transpose(i)])
    );
}

#[test]
fn standardization_of_the_whole_face_is_the_rounded_formula_held_to_127() {
    for sigma_floor in [0, 1, 256, 4 * 256, u16::MAX] {
        for (index, face) in adversarial().iter().enumerate() {
            let out = preprocessed(face, Preprocessing::Global { sigma_floor });
            for (pixel, (&q, exact)) in out.iter().zip(exact_global(face, f64::from(sigma_floor) / 256.0)).enumerate() {
                let distance = (f64::from(q) - exact).abs();
                assert!(distance <= 0.5 + 1e-9, "face {index}, pixel {pixel}: {q} instead of {exact}");
            }
        }
    }
}

#[test]
fn a_lone_pixel_is_held_at_the_limit() {
    let mut face = [10; FACE_PIXELS];
    face[100] = 255;
    let out = preprocessed(&face, Preprocessing::Global { sigma_floor: 0 });
    assert_eq!((out[100], out[0]), (127, -1), "48 deviations above, a fiftieth below");
}

#[test]
fn two_channels_are_both_normalizations_pixel_by_pixel() {
    let face = noise(7, 256);
    let (local_floor, global_floor) = (1024, 300);
    let both = preprocessed(&face, Preprocessing::LocalAndGlobal { local_floor, global_floor });
    let local = preprocessed(&face, Preprocessing::Local { sigma_floor: local_floor });
    let global = preprocessed(&face, Preprocessing::Global { sigma_floor: global_floor });
    assert!(both.iter().step_by(2).eq(&local), "the first channel");
    assert!(both.iter().skip(1).step_by(2).eq(&global), "the second channel");
    assert_ne!(local, global);
}

#[test]
fn an_output_that_is_too_short_gets_the_pixels_that_fit() {
    let face = noise(3, 256);
    for preprocessing in [
        Preprocessing::Local { sigma_floor: 256 },
        Preprocessing::Global { sigma_floor: 256 },
        Preprocessing::Grey { divisor: 255 },
        Preprocessing::LocalAndGlobal { local_floor: 256, global_floor: 256 },
    ] {
        let whole = preprocessed(&face, preprocessing);
        let mut short = vec![99; 1001];
        preprocess(preprocessing, &face, &mut short);
        assert_eq!(short[..1000], whole[..1000]);
        let expected = if preprocessing.channels() == 1 { whole[1000] } else { 99 };
        assert_eq!(short[1000], expected, "half a pixel is none");
    }
}

/// The face left for right.
fn mirrored(face: &Face) -> Face {
    std::array::from_fn(|index| face[index / FACE_SIZE * FACE_SIZE + FACE_SIZE - 1 - index % FACE_SIZE])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_faces_are_the_rounded_formula(pixels in vec(any::<u8>(), FACE_PIXELS), sigma_floor: u16) {
        let face: Face = pixels.try_into().expect("as many as a face has");
        prop_assert!(check(&face, sigma_floor) <= 4);
    }

    #[test]
    fn a_mirrored_input_is_that_of_the_mirrored_face_bit_by_bit(
        pixels in vec(any::<u8>(), FACE_PIXELS),
        (one, other) in any::<(u16, u16)>(),
    ) {
        let face: Face = pixels.try_into().expect("as many as a face has");
        let kinds = [
            Preprocessing::Local { sigma_floor: one },
            Preprocessing::Global { sigma_floor: one },
            Preprocessing::LocalAndGlobal { local_floor: one, global_floor: other },
            Preprocessing::Grey { divisor: 255 },
        ];
        for preprocessing in kinds {
            let mut values = preprocessed(&face, preprocessing);
            mirror(preprocessing, &mut values);
            prop_assert_eq!(&values, &preprocessed(&mirrored(&face), preprocessing), "{:?}", preprocessing);
        }
    }

    /// Few bright pixels on a dark ground: the largest magnitudes there are.
    #[test]
    fn sparse_faces_stay_within_126(
        ground: u8,
        pixels in vec((0..FACE_PIXELS, any::<u8>()), 1..40),
        sigma_floor in prop_oneof![Just(0u16), 0u16..4096],
    ) {
        let mut face = [ground; FACE_PIXELS];
        for (place, level) in pixels {
            face[place] = level;
        }
        prop_assert!(check(&face, sigma_floor) <= 4);
    }
}
