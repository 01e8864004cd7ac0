//! Time of a full search of a frame by the finder that ships, and what it looks at: frames of noise and of drawn shapes.
//!
//! `cargo bench -p firmware --bench finder [-- FRAMES]`, where FRAMES is a file of 160x120 frames, 19,200 bytes each, that are
//! searched in place of those.

use std::{hint::black_box, time::Instant};

use firmware::finder::{
    frame::Frame,
    search::{Search, memory_bytes, propose},
};
use shared::{finder::Finder, model::Aligned};

static FINDER: &Aligned<[u8]> = &Aligned(*include_bytes!("../models/finder.ferf"));

const WIDTH: usize = 160;
const HEIGHT: usize = 120;

/// Searches of each frame, of which the fastest counts.
const ROUNDS: usize = 15;

fn main() {
    let file = std::env::args().skip(1).find(|argument| argument != "--bench");
    let frames = file.map_or_else(drawn, |file| std::fs::read(&file).unwrap_or_else(|error| panic!("{file}: {error}")));
    let finder = Finder::parse(&FINDER.0).expect("the finder that ships");
    let mut memory = vec![0i8; memory_bytes(&finder, WIDTH, HEIGHT).expect("a size")];
    let mut level = vec![0u8; WIDTH * HEIGHT];
    let mut times = Vec::new();
    println!("{:<7}{:>9}{:>9}{:>9}{:>11}{:>9}", "frame", "us", "trees us", "windows", "confirmed", "placed");
    for (index, pixels) in frames.chunks_exact(WIDTH * HEIGHT).enumerate() {
        let frame = Frame::new(pixels, WIDTH, HEIGHT, WIDTH).expect("a frame");
        let mut search = Search::new(&finder, &mut memory);
        let (mut whole, mut trees) = (f64::MAX, f64::MAX);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            black_box(search.faces(black_box(frame), finder.header.take).expect("enough memory"));
            whole = whole.min(start.elapsed().as_secs_f64());
            let start = Instant::now();
            black_box(propose(finder.trees, black_box(frame), &mut level));
            trees = trees.min(start.elapsed().as_secs_f64());
        }
        let effort = search.effort;
        println!(
            "{index:<7}{:>9.1}{:>9.1}{:>9}{:>11}{:>9}",
            whole * 1e6,
            trees * 1e6,
            effort.windows,
            effort.confirmed,
            effort.placed
        );
        times.push(whole * 1e6);
    }
    let mean = times.iter().sum::<f64>() / times.len().max(1) as f64;
    println!("mean {mean:.1} us, worst {:.1} us, of {} frames", times.iter().copied().fold(0.0, f64::max), times.len());
}

/// Frames of rectangles and discs of random grey, with noise, the same every time.
fn drawn() -> Vec<u8> {
    let mut state = 1u32;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let mut frames = Vec::new();
    for _ in 0..24 {
        let mut frame = vec![random(256) as u8; WIDTH * HEIGHT];
        for _ in 0..random(60) {
            let (x, y, size) = (random(WIDTH as u32) as i32, random(HEIGHT as u32) as i32, random(40) as i32 + 2);
            let (grey, round) = (random(256) as u8, random(2) == 0);
            for (index, pixel) in frame.iter_mut().enumerate() {
                let (dx, dy) = ((index % WIDTH) as i32 - x, (index / WIDTH) as i32 - y);
                let inside = if round { dx * dx + dy * dy < size * size } else { dx.abs() < size && dy.abs() < size };
                if inside {
                    *pixel = grey;
                }
            }
        }
        frame.iter_mut().for_each(|pixel| *pixel = pixel.saturating_add(random(9) as u8));
        frames.extend(frame);
    }
    frames
}
