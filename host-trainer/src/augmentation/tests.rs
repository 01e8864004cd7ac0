use proptest::prelude::*;
use rand::SeedableRng;

use super::{geometry::Transform, light::Light, *};
use crate::synthetic;

fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn face() -> [u8; FACE_PIXELS] {
    synthetic::face(1, 3).pixels
}

const UNMOVED: Transform = Transform { flip: false, shift: [0.0, 0.0], rotation: 0.0, scale: 1.0 };

fn everything() -> Augmentation {
    Augmentation {
        flip: true,
        shift: 4.0,
        rotation: 12.0,
        scale: 0.15,
        brightness: 25.0,
        contrast: 0.3,
        gamma: 0.6,
        gradient: 40.0,
        erasing: 0.5,
    }
}

#[test]
fn off_leaves_every_pixel_as_it_is() {
    assert!(Augmentation::default().is_off() && !everything().is_off());
    assert_eq!(Augmentation::default().apply(&face(), &mut random(1)), face());
}

#[test]
fn a_flip_mirrors_about_half_of_the_faces_and_changes_nothing_else() {
    let mirrored = geometry::transform(&face(), &Transform { flip: true, ..UNMOVED });
    assert_eq!(geometry::transform(&mirrored, &Transform { flip: true, ..UNMOVED }), face());
    let flip = Augmentation { flip: true, ..Augmentation::default() };
    let mut random = random(2);
    let flipped = (0..400).filter(|_| flip.apply(&face(), &mut random) == mirrored).count();
    assert!((140..260).contains(&flipped), "{flipped} of 400");
}

#[test]
fn a_shift_by_whole_pixels_moves_them_and_repeats_the_border() {
    let moved = geometry::transform(&face(), &Transform { shift: [2.0, -3.0], ..UNMOVED });
    for y in 0..FACE_SIZE {
        for x in 0..FACE_SIZE {
            let (from_y, from_x) = (y.saturating_sub(2), (x + 3).min(FACE_SIZE - 1));
            assert_eq!(moved[y * FACE_SIZE + x], face()[from_y * FACE_SIZE + from_x], "{y} {x}");
        }
    }
}

#[test]
fn a_quarter_turn_moves_rows_to_columns_clockwise_and_a_mirror_comes_before_it() {
    let turned = geometry::transform(&face(), &Transform { rotation: 90.0, ..UNMOVED });
    let both = geometry::transform(&face(), &Transform { rotation: 90.0, flip: true, ..UNMOVED });
    for y in 0..FACE_SIZE {
        for x in 0..FACE_SIZE {
            let last = FACE_SIZE - 1;
            // The upper edge becomes the right one.
            let difference = turned[x * FACE_SIZE + last - y].abs_diff(face()[y * FACE_SIZE + x]);
            assert!(difference <= 1, "{y} {x}");
            let difference = both[x * FACE_SIZE + last - y].abs_diff(face()[y * FACE_SIZE + last - x]);
            assert!(difference <= 1, "{y} {x} mirrored");
        }
    }
}

#[test]
fn scaling_keeps_the_centre_and_moves_the_rest_outwards() {
    // Grey levels that grow evenly across: twice the size is half the slope.
    let ramp: [u8; FACE_PIXELS] = std::array::from_fn(|i| (i % FACE_SIZE * 4 + 20) as u8);
    let larger = geometry::transform(&ramp, &Transform { scale: 2.0, ..UNMOVED });
    for (x, &found) in larger[..FACE_SIZE].iter().enumerate() {
        let expected = 20.0 + 4.0 * (23.5 + (x as f32 - 23.5) / 2.0);
        assert!((f32::from(found) - expected).abs() <= 0.51, "{x}: {found} {expected}");
    }
}

const SAME: Light = Light { gamma: 1.0, contrast: 1.0, brightness: 0.0, gradient: 0.0, direction: 0.0 };

fn lit(light: Light) -> [u8; FACE_PIXELS] {
    let mut face = face();
    light.apply(&mut face);
    face
}

fn mean(face: &[u8]) -> f64 {
    face.iter().map(|&grey| f64::from(grey)).sum::<f64>() / face.len() as f64
}

#[test]
fn light_changes_what_its_name_says() {
    assert_eq!(lit(SAME), face());
    let brighter = lit(Light { brightness: 30.0, ..SAME });
    assert!(brighter.iter().zip(face()).all(|(&after, before)| after == before.saturating_add(30)));
    let flatter = lit(Light { contrast: 0.5, ..SAME });
    assert!((mean(&flatter) - mean(&face())).abs() < 1.0, "contrast keeps the mean");
    let spread = |face: &[u8]| face.iter().max().zip(face.iter().min()).map(|(max, min)| max - min);
    assert!(spread(&flatter) < spread(&face()));
    let darker = lit(Light { gamma: 2.0, ..SAME });
    let squared = |grey: u8| (f32::from(grey) * f32::from(grey) / 255.0).round() as u8;
    assert!(darker.iter().zip(face()).all(|(&after, before)| after.abs_diff(squared(before)) <= 1));
}

#[test]
fn a_gradient_adds_on_one_side_what_it_takes_on_the_other() {
    let mut grey = [128; FACE_PIXELS];
    Light { gradient: 40.0, ..SAME }.apply(&mut grey);
    assert_eq!((grey[0], grey[FACE_SIZE - 1], grey[24 * FACE_SIZE]), (88, 168, 88));
}

#[test]
fn erasing_takes_a_rectangle_of_the_promised_area() {
    let erasing = Augmentation { erasing: 1.0, ..Augmentation::default() };
    let mut random = random(7);
    // A chessboard of black and white: noise around the mean is neither.
    let board: [u8; FACE_PIXELS] = std::array::from_fn(|i| if (i + i / FACE_SIZE).is_multiple_of(2) { 0 } else { 255 });
    for _ in 0..200 {
        let erased = erasing.apply(&board, &mut random).iter().filter(|&&grey| grey != 0 && grey != 255).count();
        let share = erased as f32 / FACE_PIXELS as f32;
        assert!((0.015..=0.215).contains(&share), "{share}");
    }
}

#[test]
fn settings_that_mean_nothing_are_named() {
    let with = |change: fn(&mut Augmentation)| {
        let mut augmentation = everything();
        change(&mut augmentation);
        augmentation.check()
    };
    assert_eq!(with(|_| {}), Ok(()));
    assert!(with(|a| a.shift = -1.0).is_err_and(|text| text.contains("`shift`") && text.contains("0 to 24")));
    assert!(with(|a| a.erasing = 1.5).is_err_and(|text| text.contains("`erasing`")));
    assert!(with(|a| a.gamma = f32::NAN).is_err_and(|text| text.contains("`gamma`")));
}

#[test]
fn one_setting_does_not_change_the_random_numbers_of_the_others() {
    let shifted = |flip| Augmentation { shift: 5.0, flip, ..Augmentation::default() };
    let (mut with, mut without) = (random(5), random(5));
    for _ in 0..20 {
        shifted(true).apply(&face(), &mut with);
        shifted(false).apply(&face(), &mut without);
        assert_eq!(with.get_word_pos(), without.get_word_pos());
    }
}

proptest! {
    #[test]
    fn a_seed_gives_the_same_copy(seed in any::<u64>(), index in 0u64..50) {
        let face = synthetic::face(1, index).pixels;
        prop_assert_eq!(everything().apply(&face, &mut random(seed)), everything().apply(&face, &mut random(seed)));
    }
}
