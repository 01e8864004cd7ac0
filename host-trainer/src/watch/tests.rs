use std::time::Instant;

use cameras::GreyFrame;
use pictures::{
    places::face_box,
    watcher::{Manner, Sighting, Watcher, arena_bytes},
};
use ratatui::{Terminal, backend::TestBackend};
use shared::{finder::Finder, label::Emotion, model::Model};

use super::{draw::draw, screen::View, *};
use crate::{cli::DEFAULT_FINDER, cli::DEFAULT_MODEL, synthetic};

/// A grey ramp with one drawn face at this place, enlarged.
fn frame([width, height]: [usize; 2], face: Option<([usize; 2], usize)>) -> (GreyFrame, [[f32; 2]; 2]) {
    let mut pixels: Vec<u8> = (0..width * height).map(|index| (90 + index % width * 60 / width) as u8).collect();
    let drawn = synthetic::face(9, 3);
    let Some(([left, top], scale)) = face else {
        return (GreyFrame::new(width, height, pixels).expect("pixels"), [[0.0; 2]; 2]);
    };
    for y in (0..48 * scale).filter(|y| top + y < height) {
        for x in (0..48 * scale).filter(|x| left + x < width) {
            pixels[(top + y) * width + left + x] = drawn.pixels[y / scale * 48 + x / scale];
        }
    }
    let place = |value: f32, start: usize| (value + 0.5) * scale as f32 - 0.5 + start as f32;
    (GreyFrame::new(width, height, pixels).expect("pixels"), drawn.eyes.map(|[x, y]| [place(x, left), place(y, top)]))
}

fn look(frames: &[GreyFrame], smoothing: f32) -> Vec<Sighting> {
    let (model, finder) =
        (Model::parse(&DEFAULT_MODEL.0).expect("a model"), Finder::parse(&DEFAULT_FINDER.0).expect("a finder"));
    let mut arena = vec![0; arena_bytes(&model, &finder).expect("it runs")];
    let manner = Manner { smoothing, mirror: false };
    let mut watcher = Watcher::new(&model, &finder, &mut arena, manner).expect("it runs");
    let look = |(index, frame)| watcher.look(frame, index as f64, &mut Since(Instant::now())).expect("it runs");
    frames.iter().enumerate().map(look).collect()
}

#[test]
fn a_face_is_placed_in_the_pixels_of_its_frame_however_large_that_is() {
    for (size, place, scale) in [([320, 240], [120, 70], 2), ([1280, 960], [480, 280], 8)] {
        let (frame, eyes) = frame(size, Some((place, scale)));
        let sighting = look(&[frame], 0.0)[0];
        let found = sighting.eyes.expect("a face");
        let apart = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
        let most = apart(eyes[0], eyes[1]) / 6.0;
        assert!(apart(found[0], eyes[0]) < most && apart(found[1], eyes[1]) < most, "{found:?} {eyes:?}");
        let bounds = sighting.seen.face.expect("a face").bounds;
        let [left, top, right, _] = face_box(&found);
        let near = |place: i32, exact: f32| (place as f32 - exact).abs() <= scale as f32;
        assert!(near(bounds.left, left) && near(bounds.top, top) && near(bounds.side, right - left), "{bounds:?}");
        assert_eq!((sighting.size, sighting.number), (size, 1));
    }
}

#[test]
fn frames_without_a_face_have_none_whatever_their_size() {
    let black = GreyFrame::new(320, 240, vec![0; 320 * 240]).expect("pixels");
    let mut frames = vec![black];
    frames.extend([[1, 1], [5000, 20], [20, 5000], [640, 480]].map(|size| frame(size, None).0));
    for sighting in look(&frames, 0.5) {
        assert_eq!((sighting.seen.face, sighting.eyes), (None, None), "{:?}", sighting.size);
    }
}

#[test]
fn smoothing_keeps_some_of_the_frame_before() {
    let (first, _) = frame([160, 120], Some(([50, 40], 1)));
    let dimmed: Vec<u8> = first.pixels().iter().map(|&level| level / 2 + 60).collect();
    let mut turned = dimmed.clone();
    // Another mouth, for another answer.
    turned[(40 + 34) * 160 + 60..(40 + 34) * 160 + 88].fill(20);
    let second = GreyFrame::new(160, 120, turned).expect("pixels");
    let probabilities = |smoothing| {
        let sightings = look(&[first.clone(), second.clone()], smoothing);
        [0, 1].map(|index: usize| sightings[index].seen.face.expect("a face").emotion.probabilities)
    };
    let (plain, smoothed) = (probabilities(0.0), probabilities(0.75));
    assert_ne!(plain[0], plain[1]);
    for emotion in 0..Emotion::COUNT {
        let expected = 0.75 * plain[0][emotion] + 0.25 * plain[1][emotion];
        assert!((smoothed[1][emotion] - expected).abs() < 1e-5, "{smoothed:?} {plain:?}");
    }
}

fn view(last: Option<(GreyFrame, Sighting)>) -> View {
    let mut history = History::default();
    for second in 0..90 {
        history.add(f64::from(second) / 2.0, (second < 40).then_some(Emotion::Happy));
    }
    let emotions = Emotion::FER2013.to_vec();
    View { name: "/dev/video0".into(), emotions, mirrored: false, true_colour: false, last, history, lost: [1, 23] }
}

fn screen(view: &View, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen in memory");
    terminal.draw(|frame| draw(frame, view)).expect("draws");
    terminal
}

#[test]
fn the_screen_shows_the_frame_the_answer_and_the_last_minute() {
    let (frame, _) = frame([320, 240], Some(([120, 70], 2)));
    let sighting = Sighting { seconds: 44.5, ..look(std::slice::from_ref(&frame), 0.0)[0] };
    let label = sighting.seen.face.expect("a face").emotion.label.name();
    for (width, height) in [(80, 24), (120, 40), (200, 50)] {
        let terminal = screen(&view(Some((frame.clone(), sighting))), width, height);
        let text = terminal.backend().to_string();
        let expected = [
            "/dev/video0  320x240  frame 1  2.0 frames/s  1 broken  23 dropped",
            label,
            "surprise",
            "neutral",
            "margin 0.",
            "face 1",
            "▀▀▀▀▀▀▀▀▀▀",
            "hhhhh",
            "·····",
            "60 s ago",
            "q or Ctrl-C: end",
        ];
        for words in expected {
            assert!(text.contains(words), "{width}x{height} should show `{words}`\n{text}");
        }
        let green = |cell: &&ratatui::buffer::Cell| cell.symbol() == "▀" && cell.fg == ratatui::style::Color::Green;
        assert!(terminal.backend().buffer().content().iter().filter(green).count() > 8, "the box\n{text}");
    }
}

#[test]
fn the_screen_says_what_there_is_not() {
    let text = |last, width, height| screen(&view(last), width, height).backend().to_string();
    assert!(text(None, 80, 24).contains("no frame yet"));
    let (empty, _) = frame([160, 120], None);
    let sighting = look(std::slice::from_ref(&empty), 0.0)[0];
    for (width, height) in [(80, 24), (40, 5), (12, 3)] {
        assert!(text(Some((empty.clone(), sighting)), width, height).contains("no face"), "{width}x{height}");
    }
    for (width, height) in [(1, 1), (200, 1), (1, 60), (60, 16)] {
        screen(&view(Some((empty.clone(), sighting))), width, height);
    }
}
