extern crate std;

use std::{vec, vec::Vec};

use proptest::prelude::*;
use shared::finder::{DEPTH, Tree, WINDOW};

use super::{
    align::align,
    candidates::{Candidate, Candidates, MOST_PROPOSALS, sort_by_key},
    frame::{Frame, FrameError},
    search::{BELOW_EYES, Face, SQUARE_SIDE, propose},
    shrink::{Scale, shrink},
    trees::{STEP, scan},
    warp::{Point, Square, warp},
};

/// A picture whose grey level at a place is known in real numbers.
fn ramp(width: usize, height: usize) -> Vec<u8> {
    (0..width * height).map(|index| (index % width + 2 * (index / width)) as u8).collect()
}

#[test]
fn what_is_no_frame_is_refused_in_words() {
    let pixels = [0; 100];
    assert_eq!(Frame::new(&pixels, 0, 5, 5).unwrap_err(), FrameError::Size { width: 0, height: 5 });
    assert_eq!(Frame::new(&pixels, 10, 241, 10).unwrap_err(), FrameError::Size { width: 10, height: 241 });
    assert_eq!(Frame::new(&pixels, 10, 5, 9).unwrap_err(), FrameError::Stride { stride: 9, width: 10 });
    assert_eq!(Frame::new(&pixels, 10, 5, 23).unwrap_err(), FrameError::TooShort { need: 102, have: 100 });
    assert_eq!(
        Frame::new(&pixels, 10, 3, usize::MAX).unwrap_err(),
        FrameError::TooShort { need: usize::MAX, have: 100 }
    );
    // The last row may end where its pixels end.
    assert!(Frame::new(&pixels, 10, 5, 22).is_ok());
}

#[test]
fn a_stride_is_stepped_over() {
    let (narrow, wide) = (ramp(40, 30), ramp(64, 30));
    let padded: Vec<u8> =
        wide.chunks(64).zip(narrow.chunks(40)).flat_map(|(wide, narrow)| [narrow, &wide[40..]].concat()).collect();
    let (mut a, mut b) = ([0; 600], [1; 600]);
    let sizes = [(&narrow, 40, &mut a), (&padded, 64, &mut b)]
        .map(|(pixels, stride, level)| shrink(Frame::new(pixels, 40, 30, stride).unwrap(), Scale::FINEST, level));
    assert_eq!(sizes, [(26, 20); 2]);
    assert_eq!(a[..520], b[..520]);
}

#[test]
fn a_level_has_the_mean_of_what_its_pixels_cover() {
    // A ramp's mean over a cell of 2x2 pixels is the value in its middle.
    let pixels = ramp(60, 40);
    let mut level = [0; 600];
    let size = shrink(Frame::new(&pixels, 60, 40, 60).unwrap(), Scale(2 << 16), &mut level);
    assert_eq!(size, (30, 20));
    for (index, &grey) in level.iter().enumerate() {
        let (x, y) = (index % 30, index / 30);
        // Four times the mean: 4 (2 x + 0.5) + 8 (2 y + 0.5), and 2 for rounding.
        assert_eq!(u32::from(grey), (8 * x + 16 * y + 6 + 2) as u32 / 4, "{x} {y}");
    }
}

#[test]
fn scales_grow_by_a_fifth() {
    let scales: Vec<u32> =
        core::iter::successors(Some(Scale::FINEST), |scale| Some(scale.coarser())).take(4).map(|s| s.0).collect();
    assert_eq!(scales, [98304, 117960, 141552, 169860]);
}

/// One comparison: windows whose pixel (0, 0) is darker than pixel (15, 15) have a sum of 10, others of -10.
fn darker_above() -> Tree {
    let mut leaves = [-10; 1 << DEPTH];
    leaves[(1 << DEPTH) - 1] = 10;
    Tree { nodes: [[0, 255]; (1 << DEPTH) - 1], leaves, threshold: 0 }
}

#[test]
fn trees_turn_away_what_is_below_their_threshold_and_sums_add_up() {
    let (width, height) = (24, 20);
    let mut level = vec![9u8; width * height];
    // The lower right pixel of one window alone is darker than its upper left one.
    level[(2 + 15) * width + 4 + 15] = 3;
    let trees = [darker_above(), Tree { threshold: 20, ..darker_above() }];
    let mut found = Vec::new();
    scan(&level, width, height, &trees, |x, y, sum| found.push((x, y, sum)));
    let all =
        (0..=width - WINDOW).step_by(STEP).flat_map(|x| (0..=height - WINDOW).step_by(STEP).map(move |y| (x, y, 20)));
    assert_eq!(found, all.filter(|&(x, y, _)| (x, y) != (4, 2)).collect::<Vec<_>>());
    let mut none = 0;
    scan(&level, width, 15, &trees, |_, _, _| none += 1);
    scan(&level[..100], width, height, &trees, |_, _, _| none += 1);
    assert_eq!(none, 0, "too small, or not whole");
}

#[test]
fn windows_at_one_place_are_one_proposal_and_the_best_comes_first() {
    let window = |x: i32, y: i32, side: i32, sum: i16| Candidate { middle: Point { x, y }, side, sum };
    let mut candidates = Candidates::default();
    for candidate in [window(1000, 1000, 600, 10), window(1100, 1000, 600, 30), window(5000, 900, 600, 90)] {
        candidates.add(candidate);
    }
    // Another size at the same place is another proposal.
    candidates.add(window(1000, 1000, 2000, 5));
    let merged = candidates.merged();
    assert_eq!(merged[..], [window(5000, 900, 600, 90), window(1075, 1000, 600, 30), window(1000, 1000, 2000, 5)]);
}

#[test]
fn the_order_of_windows_does_not_count_and_too_many_lose_the_worst() {
    let window = |index: i32| Candidate {
        middle: Point { x: index % 50 * 3000, y: index / 50 * 3000 },
        side: 600,
        sum: (index * 37 % 1009) as i16,
    };
    let merged = |order: &mut dyn Iterator<Item = i32>| {
        let mut candidates = Candidates::default();
        order.for_each(|index| candidates.add(window(index)));
        candidates.merged()
    };
    let (forward, backward) = (merged(&mut (0..1000)), merged(&mut (0..1000).rev()));
    assert_eq!(forward, backward);
    let sums: Vec<i16> = forward.iter().map(|candidate| candidate.sum).collect();
    let mut best: Vec<i16> = (0..1000).map(|index| window(index).sum).collect();
    best.sort_by_key(|sum| -sum);
    assert_eq!(sums, best[..MOST_PROPOSALS]);
}

#[test]
fn a_short_list_is_sorted_and_equal_keys_stay_in_order() {
    let mut list: Vec<(i32, usize)> = (0..96).map(|index| (index * 37 % 11, index as usize)).collect();
    let mut expected = list.clone();
    expected.sort_by_key(|&(key, _)| key);
    sort_by_key(&mut list, |&(key, _)| key);
    assert_eq!(list, expected);
    sort_by_key(&mut [] as &mut [i32], |&key| key);
}

/// The grey level of a ramp at a place in 1/256 pixels, in real numbers; beyond its border its edge goes on.
fn ramp_at(place: Point, width: usize, height: usize) -> f64 {
    let clamp = |value: i32, length: usize| (f64::from(value) / 256.0).clamp(0.0, length as f64 - 1.0);
    clamp(place.x, width) + 2.0 * clamp(place.y, height)
}

#[test]
fn a_warp_interpolates_between_pixels() {
    let (width, height) = (80, 60);
    let pixels = ramp(width, height);
    let frame = Frame::new(&pixels, width, height, width).unwrap();
    for (x, y) in [(6000, 0), (0, 6000), (5000, 3100), (-4000, 4000), (9000, -2500), (1500, 300)] {
        let square = Square { middle: Point { x: 9800, y: 7300 }, side: Point { x, y } };
        let mut out = [0; 24 * 24];
        warp(frame, square, 24, &mut out);
        for (index, &grey) in out.iter().enumerate() {
            let part = |cell: usize| ((2 * cell as i32 + 1) * 65536 / 48) - 32768;
            let place = square.place(part(index % 24), part(index / 24));
            let right = ramp_at(place, width, height);
            assert!((f64::from(grey) - right).abs() < 1.0, "{x} {y} pixel {index}: {grey}, not {right}");
        }
    }
}

#[test]
fn an_aligned_face_has_its_eyes_where_the_classifiers_know_them() {
    // Two bright points as eyes, on a line that climbs.
    let (width, height) = (120, 90);
    let mut pixels = vec![0u8; width * height];
    let eyes = [(40usize, 50usize), (68, 38)];
    for (x, y) in eyes {
        pixels[y * width + x] = 255;
    }
    let frame = Frame::new(&pixels, width, height, width).unwrap();
    let face = Face { eyes: eyes.map(|(x, y)| Point { x: x as i32 * 256, y: y as i32 * 256 }), score: 1.0 };
    let aligned = align(frame, &face);
    let brightest = |columns: core::ops::Range<usize>| {
        let of = (0..48 * 48).filter(|index| columns.contains(&(index % 48))).max_by_key(|&index| aligned[index]);
        of.map(|index| ((index % 48) as f64, (index / 48) as f64)).unwrap()
    };
    // 2.8 eye distances are 48 pixels, so they are 17.14 apart, at 38.5 % of the height.
    for ((x, y), right) in [(brightest(0..24), 24.0 - 8.57 - 0.5), (brightest(24..48), 24.0 + 8.57 - 0.5)] {
        assert!((x - right).abs() <= 0.8, "{x} {right}");
        assert!((y - (0.385 * 48.0 - 0.5)).abs() <= 0.8, "{y}");
    }
}

#[test]
fn a_box_reaches_from_brow_to_chin() {
    let face = Face { eyes: [Point { x: 50 * 256, y: 40 * 256 }, Point { x: 70 * 256, y: 40 * 256 }], score: 0.0 };
    let bounds = face.bounds();
    // 2.4 distances of 20 pixels; its middle 0.55 of them below the eyes.
    assert_eq!((bounds.left, bounds.top, bounds.side), (36, 27, 48));
    assert_eq!(face.eye_distance(), 20 * 256);
    let tilted = Face { eyes: [Point { x: 0, y: 0 }, Point { x: 3 * 256, y: 4 * 256 }], score: 0.0 };
    assert_eq!(tilted.eye_distance(), 5 * 256);
}

#[test]
fn a_square_around_eyes_has_them_where_they_belong() {
    let eyes = [Point { x: 5000, y: 4000 }, Point { x: 9000, y: 7000 }];
    let square = Square::around_eyes(eyes, SQUARE_SIDE, BELOW_EYES);
    for (eye, along) in eyes.iter().zip([-128, 128]) {
        let place = square.place((along << 16) / SQUARE_SIDE, -(BELOW_EYES << 16) / SQUARE_SIDE);
        assert!((place.x - eye.x).abs() <= 12 && (place.y - eye.y).abs() <= 12, "{place:?} {eye:?}");
    }
}

fn points() -> impl Strategy<Value = Point> {
    (any::<i32>(), any::<i32>()).prop_map(|(x, y)| Point { x, y })
}

/// The windows that pass, by comparisons of the level's own pixels.
fn scanned_slowly(level: &[u8], width: usize, height: usize, trees: &[Tree]) -> Vec<(usize, usize, i16)> {
    let mut found = Vec::new();
    for x in (0..=width - WINDOW).step_by(STEP) {
        for y in (0..=height - WINDOW).step_by(STEP) {
            let pixel = |code: u8| level[(y + usize::from(code) / WINDOW) * width + x + usize::from(code) % WINDOW];
            let mut sum = Some(0i16);
            for tree in trees {
                let mut node = 0;
                while let Some(&[a, b]) = tree.nodes.get(node) {
                    node = 2 * node + 1 + usize::from(pixel(a) <= pixel(b));
                }
                let leaf = i16::from(tree.leaves[node - tree.nodes.len()]);
                sum = sum.map(|sum| sum.saturating_add(leaf)).filter(|&sum| sum >= tree.threshold);
            }
            found.extend(sum.map(|sum| (x, y, sum)));
        }
    }
    found
}

/// A pixel of a warped square by its definition, in 64 bits and with divisions.
fn warped_slowly(frame: Frame<'_>, square: Square, size: i64, column: i64, row: i64) -> u8 {
    let step = |side: i32| i64::from(side.clamp(-(1 << 20), 1 << 20)) * 256 / size;
    let (dx, dy) = (step(square.side.x), step(square.side.y));
    let samples = ((dx.abs().max(dy.abs()) + 49152) >> 16).clamp(1, 8);
    let (sx, sy) = (dx / samples, dy / samples);
    let half = |d: i64| d * (size * samples - 1) / 2;
    let mut sum = 0;
    for (i, j) in (0..samples).flat_map(|j| (0..samples).map(move |i| (i, j))) {
        let (u, v) = (column * samples + i, row * samples + j);
        let x = (i64::from(square.middle.x) << 8) - half(sx) + half(sy) + u * sx - v * sy;
        let y = (i64::from(square.middle.y) << 8) - half(sy) - half(sx) + u * sy + v * sx;
        let (last_x, last_y) = (frame.width() as i64 - 1, frame.height() as i64 - 1);
        let (x, y) = (x.clamp(0, last_x << 16), y.clamp(0, last_y << 16));
        let pixel = |x: i64, y: i64| i64::from(frame.row(y.min(last_y) as usize)[x.min(last_x) as usize]);
        let (left, top, right, down) = (x >> 16, y >> 16, (x >> 8) & 255, (y >> 8) & 255);
        let mix = |y: i64| pixel(left, y) * (256 - right) + pixel(left + 1, y) * right;
        sum += (mix(top) * (256 - down) + mix(top + 1) * down) >> 8;
    }
    let count = samples * samples;
    ((sum + 128 * count) / (256 * count)) as u8
}

/// Squares in a frame and around it, of all sizes that differ, and some far away.
fn squares() -> impl Strategy<Value = Square> {
    let near = (-30_000..60_000i32, -30_000..60_000i32).prop_map(|(x, y)| Point { x, y });
    let side = (-150_000..150_000i32, -150_000..150_000i32).prop_map(|(x, y)| Point { x, y });
    (prop_oneof![9 => near, 1 => points()], prop_oneof![9 => side, 1 => points()])
        .prop_map(|(middle, side)| Square { middle, side })
}

proptest! {
    #[test]
    fn a_level_is_searched_as_by_its_own_pixels(
        (width, height, seed) in (16usize..40, 16usize..200, any::<u32>()),
        trees in prop::collection::vec((prop::array::uniform31(any::<[u8; 2]>()), prop::array::uniform32(any::<i8>())), 1..5),
    ) {
        let mut random = seed;
        let mut noise = || {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 24) as u8
        };
        let level: Vec<u8> = (0..width * height).map(|_| noise()).collect();
        let trees: Vec<Tree> = trees.into_iter().map(|(nodes, leaves)| Tree { nodes, leaves, threshold: -20 }).collect();
        let mut found = Vec::new();
        scan(&level, width, height, &trees, |x, y, sum| found.push((x, y, sum)));
        // High levels are searched in parts.
        found.sort_unstable();
        prop_assert_eq!(found, scanned_slowly(&level, width, height, &trees));
    }

    #[test]
    fn a_square_is_warped_as_by_its_definition(
        square in squares(), size in 1usize..20, (width, height) in (1usize..90, 1usize..90), padding in 0usize..3, seed in any::<u8>(),
    ) {
        let stride = width + padding;
        let pixels: Vec<u8> = (0..stride * height).map(|index| (index * index * 31 + 7 * index) as u8 ^ seed).collect();
        // The last row ends where its pixels end.
        let frame = Frame::new(&pixels[..stride * height - padding], width, height, stride).unwrap();
        let mut out = vec![0; size * size];
        warp(frame, square, size, &mut out);
        for (index, &pixel) in out.iter().enumerate() {
            let (column, row) = ((index % size) as i64, (index / size) as i64);
            prop_assert_eq!(pixel, warped_slowly(frame, square, size as i64, column, row), "{} {}", column, row);
        }
    }

    #[test]
    fn a_level_is_the_mean_of_four_pixels_each(
        (width, height) in (1usize..120, 1usize..90), scale in 65_536u32..1_000_000, seed in any::<u8>(),
    ) {
        let pixels: Vec<u8> = (0..width * height).map(|index| (index * index * 31 + 7 * index) as u8 ^ seed).collect();
        let mut level = vec![0; width * height];
        let size = shrink(Frame::new(&pixels, width, height, width).unwrap(), Scale(scale), &mut level);
        // There are no rows without a column.
        let height = if Scale(scale).cells(width) == 0 { 0 } else { height };
        prop_assert_eq!(size, (Scale(scale).cells(width), Scale(scale).cells(height)));
        for (index, &grey) in level[..size.0 * size.1].iter().enumerate() {
            let ends = |cell: usize| [1, 3].map(|part| (cell as u32 * scale + scale / 4 * part) as usize >> 16);
            let (columns, rows) = (ends(index % size.0), ends(index / size.0));
            let four = rows.map(|y| columns.map(|x| u32::from(pixels[y * width + x]))).into_iter().flatten();
            prop_assert_eq!(u32::from(grey), (four.sum::<u32>() + 2) / 4, "{}", index);
        }
    }

    #[test]
    fn no_frame_and_no_trees_panic(
        width in 1usize..64, height in 1usize..64, room in 0usize..4096,
        nodes in prop::array::uniform31(any::<[u8; 2]>()), threshold in any::<i16>(), grey in any::<u8>(),
    ) {
        let pixels = vec![grey; width * height];
        let frame = Frame::new(&pixels, width, height, width).unwrap();
        let tree = Tree { nodes, leaves: [i8::MAX; 32], threshold };
        let mut level = vec![0; room];
        let (proposals, windows) = propose(&[tree; 3], frame, &mut level);
        prop_assert_eq!(proposals.is_empty(), windows == 0);
    }

    #[test]
    fn no_square_panics(middle in points(), side in points(), size in 0usize..70, a in points(), b in points()) {
        let pixels = ramp(31, 17);
        let frame = Frame::new(&pixels, 31, 17, 31).unwrap();
        let mut out = vec![0; size * size];
        warp(frame, Square { middle, side }, size, &mut out);
        let face = Face { eyes: [a, b], score: f32::NAN };
        let _ = (align(frame, &face), face.bounds(), face.eye_distance(), face.is_near(&face));
    }
}
