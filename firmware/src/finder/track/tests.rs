extern crate std;

use std::{vec, vec::Vec};

use shared::{
    finder::{DEPTH, Finder, FinderHeader, Tree, WINDOW, encode},
    model::{self, AlignedBytes, Header, OperationRecord, StepRecord, StepSource, Task, Tensor, WeightOffsets},
    operator::{FullyConnected, fully_connected::FullyConnectedRecord},
    quantization::{ChannelParameters, Quantization, Requantization},
    shape::Shape,
};

use super::*;
use crate::finder::{
    search::{Effort, SQUARE_SIDE, memory_bytes},
    warp::Point,
};

const WIDTH: usize = 200;
const HEIGHT: usize = 140;

const TAKE: f32 = 4.5;
const KEEP: f32 = 1.8;

/// Contrasts of faces: one that is taken, one that is only kept, one that is neither.
const STRONG: i32 = 100;
const WEAK: i32 = 45;
const FAINT: i32 = 15;

/// Pixels of the networks' square along a side.
const SIDE: usize = 8;

/// What passes for a face here: a square of four bands, dark and bright by turns, on a grey ground.
#[derive(Clone, Copy)]
struct Bands {
    /// Its middle and its side, in pixels.
    x: i32,
    y: i32,
    side: i32,
    contrast: i32,
    /// How much brighter its right half is; the networks here take that for eyes further to the right.
    slant: i32,
}

const FACE: Bands = Bands { x: 50, y: 60, side: 56, contrast: STRONG, slant: 0 };
const SMALL: Bands = Bands { x: 150, y: 100, side: 34, ..FACE };

impl Bands {
    fn paint(&self, pixels: &mut [u8]) {
        let (left, top) = (self.x - self.side / 2, self.y - self.side / 2);
        for y in 0..self.side {
            for x in 0..self.side {
                let band = if 4 * y / self.side % 2 == 0 { -self.contrast } else { self.contrast };
                let half = if 2 * x < self.side { -self.slant } else { self.slant };
                pixels[(top + y) as usize * WIDTH + (left + x) as usize] = (128 + band + half) as u8;
            }
        }
    }

    /// Whether `face` is this one.
    fn is(&self, face: &Face) -> bool {
        let distance = self.side * 256 * 256 / SQUARE_SIDE;
        let y = self.y * 256 - distance * 2 / 5;
        let eyes = [-1, 1].map(|side| Point { x: self.x * 256 + side * distance / 2, y });
        let as_large = (4 * distance..6 * distance).contains(&(5 * face.eye_distance()));
        as_large && face.is_near(&Face { eyes, score: 0.0 })
    }
}

fn picture(faces: &[Bands]) -> Vec<u8> {
    let mut pixels = vec![128; WIDTH * HEIGHT];
    faces.iter().for_each(|face| face.paint(&mut pixels));
    pixels
}

/// A network whose logit is the contrast of four bands, and that may place the eyes by the slant.
fn network(places: bool) -> AlignedBytes {
    let band = |pixel: usize| if (pixel / SIDE / 2).is_multiple_of(2) { -1 } else { 1 };
    let half = |pixel: usize| if pixel % SIDE < SIDE / 2 { -4 } else { 4 };
    let unit = |unit: usize, pixel: usize| match unit {
        0 => band(pixel),
        1 | 3 if places => half(pixel),
        _ => 0,
    };
    let inputs = SIDE * SIDE;
    let weights = (0..5 * inputs).map(|index| unit(index / inputs, index % inputs)).collect();
    let Requantization { multiplier, shift } = Requantization::from_real(1.0 / 32.0).expect("in range");
    let input = Tensor {
        shape: Shape::new(SIDE as u16, SIDE as u16, 1),
        quantization: Quantization { scale: 1.0 / 37.0, zero_point: 0 },
        offset: 0,
    };
    let output = Tensor {
        shape: Shape::vector(5),
        quantization: Quantization { scale: 0.1, zero_point: 0 },
        offset: inputs as u32,
    };
    let operator = FullyConnected { units: 5 };
    let record = FullyConnectedRecord { operator, input, weights: WeightOffsets::default() };
    let operation = OperationRecord::FullyConnected(record);
    let step = StepRecord { operation, output, scratch_offset: 80, activation_min: -128, activation_max: 127 };
    let header = Header {
        name: "bands",
        input,
        outputs: &[0],
        arena_bytes: 80,
        macs: 5 * inputs as u64,
        training_hash: 0,
        weight_bytes: 0,
        step_count: 0,
        task: Task::Any,
    };
    let channels = vec![ChannelParameters { bias: 0, multiplier, shift }; 5];
    model::encode(&header, &[StepSource { record: step, weights, channels }]).expect("sound")
}

/// Lets windows pass in which bright bands are brighter than dark ones, down the middle of the window.
fn tree() -> Tree {
    let pixel = |row: usize| (row * WINDOW + WINDOW / 2) as u8;
    let mut nodes = [[0; 2]; (1 << DEPTH) - 1];
    let comparisons = [(6, 1), (6, 10), (14, 10), (14, 1), (5, 11)];
    for (depth, (bright, dark)) in comparisons.into_iter().enumerate() {
        // The first node of each row of the tree: that of windows that passed all before.
        nodes[(1 << depth) - 1] = [pixel(bright), pixel(dark)];
    }
    let mut leaves = [-10; 1 << DEPTH];
    leaves[0] = 10;
    Tree { nodes, leaves, threshold: 0 }
}

fn with_search<T>(test: impl FnOnce(&mut Search<'_, '_>) -> T) -> T {
    let header = FinderHeader {
        trees: 0,
        confirm_bytes: 0,
        eyes_bytes: 0,
        // Far more than the deviation of any square here, so that contrasts show.
        sigma_floor: 148 * 256,
        confirm: 0.0,
        take: TAKE,
        keep: KEEP,
    };
    let (confirm, eyes) = (network(false), network(true));
    let file = encode(&header, &[tree()], confirm.as_slice(), eyes.as_slice()).expect("sound");
    let finder = Finder::parse(file.as_slice()).expect("sound");
    let mut memory = vec![0; memory_bytes(&finder, WIDTH, HEIGHT).expect("small")];
    test(&mut Search::new(&finder, &mut memory))
}

/// The face that answers for a picture of these, and whether the whole picture was searched for it.
fn next(tracker: &mut Tracker, search: &mut Search<'_, '_>, faces: &[Bands]) -> (Option<Face>, bool) {
    let pixels = picture(faces);
    let frame = Frame::new(&pixels, WIDTH, HEIGHT, WIDTH).expect("a frame");
    let face = tracker.next(search, frame).expect("the memory is large enough");
    let looked_again = matches!(search.effort, Effort { windows: 0, confirmed: 1, .. });
    (face, !looked_again)
}

/// All faces of a picture, whatever their scores are.
fn all(search: &mut Search<'_, '_>, faces: &[Bands]) -> Vec<Face> {
    let pixels = picture(faces);
    let frame = Frame::new(&pixels, WIDTH, HEIGHT, WIDTH).expect("a frame");
    search.faces(frame, f32::MIN).expect("the memory is large enough").to_vec()
}

/// Whether the score is one that is kept and not taken.
fn is_only_kept(face: &Face) -> bool {
    (KEEP..TAKE).contains(&face.score)
}

/// What the other tests begin with.
#[test]
fn contrasts_have_scores_on_their_sides_of_the_limits() {
    with_search(|search| {
        for side in [FACE.side, SMALL.side] {
            let score = |search: &mut Search<'_, '_>, contrast| {
                let painted = Bands { contrast, side, ..FACE };
                let faces = all(search, &[painted]);
                assert!(faces.iter().any(|face| painted.is(face)), "{faces:?}");
                faces[0].score
            };
            let [strong, weak, faint] = [STRONG, WEAK, FAINT].map(|contrast| score(search, contrast));
            assert!(strong >= TAKE && (KEEP..TAKE).contains(&weak) && faint < KEEP, "{strong} {weak} {faint}");
        }
        assert_eq!(all(search, &[]), [], "an empty picture has no face");
    });
}

#[test]
fn a_face_is_taken_from_the_high_score_on_and_kept_down_to_the_low_one() {
    with_search(|search| {
        let mut tracker = Tracker::default();
        let weak = Bands { contrast: WEAK, ..FACE };
        assert_eq!(next(&mut tracker, search, &[weak]).0, None, "nobody was there before");
        let (taken, _) = next(&mut tracker, search, &[FACE]);
        assert!(taken.is_some_and(|face| FACE.is(&face) && face.score >= TAKE), "{taken:?}");
        for _ in 0..2 * FULL_SEARCH + 4 {
            let (kept, _) = next(&mut tracker, search, &[weak]);
            assert!(kept.is_some_and(|face| weak.is(&face) && is_only_kept(&face)), "{kept:?}");
        }
    });
}

#[test]
fn a_face_below_the_low_score_is_lost_and_has_to_be_taken_anew() {
    with_search(|search| {
        let mut tracker = Tracker::default();
        assert!(next(&mut tracker, search, &[FACE]).0.is_some());
        let faint = Bands { contrast: FAINT, ..FACE };
        assert_eq!(next(&mut tracker, search, &[faint]), (None, true), "and the whole picture was searched");
        assert_eq!(next(&mut tracker, search, &[Bands { contrast: WEAK, ..FACE }]).0, None);
        assert!(next(&mut tracker, search, &[FACE]).0.is_some());
        assert_eq!(next(&mut tracker, search, &[]), (None, true));
    });
}

#[test]
fn the_whole_picture_is_searched_once_in_so_many_frames_while_a_face_is_followed() {
    with_search(|search| {
        let mut tracker = Tracker::default();
        let period = usize::from(FULL_SEARCH) + 1;
        for frame in 0..3 * period {
            let (face, searched) = next(&mut tracker, search, &[FACE]);
            assert!(face.is_some_and(|face| FACE.is(&face)), "frame {frame}");
            assert_eq!(searched, frame.is_multiple_of(period), "frame {frame}");
        }
    });
}

#[test]
fn the_whole_picture_is_searched_in_every_frame_while_nobody_is_followed() {
    with_search(|search| {
        let mut tracker = Tracker::default();
        for contrast in [WEAK, FAINT, WEAK, WEAK] {
            assert_eq!(next(&mut tracker, search, &[Bands { contrast, ..FACE }]), (None, true));
        }
    });
}

#[test]
fn of_several_the_largest_answers_whatever_the_scores() {
    with_search(|search| {
        let large = Bands { contrast: 65, ..FACE };
        for faces in [[large, SMALL], [SMALL, large]] {
            let found = all(search, &faces);
            assert!(SMALL.is(&found[0]), "the small one has the better score: {found:?}");
            let (face, _) = next(&mut Tracker::default(), search, &faces);
            assert!(face.is_some_and(|face| large.is(&face)), "{face:?}");
        }
    });
}

#[test]
fn a_face_that_is_followed_goes_on_answering_beside_a_larger_one_until_it_is_lost() {
    with_search(|search| {
        let mut tracker = Tracker::default();
        assert!(next(&mut tracker, search, &[SMALL]).0.is_some_and(|face| SMALL.is(&face)));
        let weak = Bands { contrast: WEAK, ..SMALL };
        let mut searches = 0;
        for frame in 0..3 * FULL_SEARCH {
            let (face, searched) = next(&mut tracker, search, &[FACE, weak]);
            assert!(face.is_some_and(|face| weak.is(&face)), "frame {frame}: {face:?}");
            searches += u32::from(searched);
        }
        assert_eq!(searches, 2);
        let (face, searched) = next(&mut tracker, search, &[FACE]);
        assert!(searched && face.is_some_and(|face| FACE.is(&face)), "the other answers at once: {face:?}");
    });
}

#[test]
fn a_face_that_moved_a_little_is_found_again_although_it_is_only_kept() {
    with_search(|search| {
        let mut tracker = Tracker::default();
        assert!(next(&mut tracker, search, &[FACE]).0.is_some());
        // A band further down, where the bands of the old place are the other way round.
        let moved = Bands { y: FACE.y + FACE.side / 4, contrast: WEAK, ..FACE };
        let (face, searched) = next(&mut tracker, search, &[moved]);
        assert!(searched, "it is not where it was");
        assert!(face.is_some_and(|face| moved.is(&face) && is_only_kept(&face)), "{face:?}");
    });
}

#[test]
fn a_face_that_goes_on_moving_is_looked_for_where_it_was_last() {
    with_search(|search| {
        let mut tracker = Tracker::default();
        assert!(next(&mut tracker, search, &[FACE]).0.is_some());
        // The slant makes the networks place the eyes further to the right, where the face goes: in all by more than the distance
        // of its eyes.
        for frame in 1..=i32::from(FULL_SEARCH) {
            let moved = Bands { x: FACE.x + 4 * frame, slant: 20, ..FACE };
            let (face, searched) = next(&mut tracker, search, &[moved]);
            assert!(!searched && face.is_some_and(|face| moved.is(&face)), "frame {frame}: {face:?}");
        }
    });
}

#[test]
fn a_face_elsewhere_is_another_and_is_not_kept() {
    with_search(|search| {
        let mut tracker = Tracker::default();
        assert!(next(&mut tracker, search, &[FACE]).0.is_some());
        let elsewhere = Bands { x: FACE.x + FACE.side, contrast: WEAK, ..FACE };
        assert!(all(search, &[elsewhere]).iter().any(|face| elsewhere.is(face) && is_only_kept(face)));
        assert_eq!(next(&mut tracker, search, &[elsewhere]), (None, true));
    });
}

#[test]
fn eyes_that_are_placed_far_from_where_they_were_are_not_the_same_face() {
    with_search(|search| {
        let mut tracker = Tracker::default();
        let (last, _) = next(&mut tracker, search, &[FACE]);
        let last = last.expect("it is taken");
        let slanting = Bands { contrast: WEAK, slant: 75, ..FACE };
        let pixels = picture(&[slanting]);
        let frame = Frame::new(&pixels, WIDTH, HEIGHT, WIDTH).expect("a frame");
        let again = search.again(frame, &last).expect("the memory is large enough");
        assert!(is_only_kept(&again) && !again.is_near(&last), "{again:?}");
        assert_eq!(next(&mut tracker, search, &[slanting]), (None, true));
    });
}

#[test]
fn a_reset_forgets_the_face() {
    with_search(|search| {
        let mut tracker = Tracker::default();
        assert!(next(&mut tracker, search, &[SMALL]).0.is_some_and(|face| SMALL.is(&face)));
        tracker.reset();
        assert_eq!(next(&mut tracker, search, &[Bands { contrast: WEAK, ..SMALL }]), (None, true));
        assert!(next(&mut tracker, search, &[SMALL]).0.is_some());
        tracker.reset();
        let (face, searched) = next(&mut tracker, search, &[SMALL, FACE]);
        assert!(searched && face.is_some_and(|face| FACE.is(&face)), "{face:?}");
    });
}

#[test]
fn too_little_memory_is_an_error_and_the_face_is_still_followed_afterwards() {
    with_search(|search| {
        let mut tracker = Tracker::default();
        let pixels = picture(&[FACE]);
        let frame = Frame::new(&pixels, WIDTH, HEIGHT, WIDTH).expect("a frame");
        let finder = search.finder();
        let mut next_in = |memory: usize| tracker.next(&mut Search::new(&finder, &mut vec![0; memory]), frame);
        let enough = memory_bytes(&finder, WIDTH, HEIGHT).expect("small");
        let error = EngineError::ArenaTooSmall { need: enough as u32, have: enough - 1 };
        assert_eq!(next_in(enough - 1), Err(error));
        let first = next_in(enough).expect("enough");
        assert!(first.is_some_and(|face| FACE.is(&face)));
        let error = next_in(10).expect_err("not enough for a network");
        assert!(matches!(error, EngineError::ArenaTooSmall { have: 10, .. }), "{error}");
        // Looking again takes far less than searching.
        assert_eq!(next_in(enough - 1), Ok(first));
    });
}
