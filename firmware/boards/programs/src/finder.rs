//! What a full search of a frame takes, stage by stage: drawn frames, or those of the file that `FER_FRAMES` names at compile
//! time.

use core::hint::black_box;

use embedded_io::Write;
use firmware::{
    engine::{Caller, Runner},
    finder::{
        frame::Frame,
        search::{Effort, Search, confirm_square, memory_bytes, propose},
        shrink::{Scale, shrink},
        trees::scan,
        warp::{Square, warp},
    },
    normalization::standardize,
};
use shared::{
    finder::{Finder, WINDOW},
    model::Network,
};

use crate::model::FINDER;
use crate::scene::{DRAWN, HEIGHT, PIXELS, WIDTH, digest, draw};
use crate::{Counter, print, stack};

/// Frames of the file, if one was named.
static NAMED: &[[u8; PIXELS]] = include_bytes!(env!("FER_FRAMES_FILE")).as_chunks().0;

/// What the stages of a search took.
#[derive(Clone, Copy, Default)]
struct Work {
    /// Smaller pictures of the frame.
    levels: u64,
    /// Trees on the windows of all levels.
    trees: u64,
    /// Putting together the windows that pass.
    merging: u64,
    /// Squares of the frame for the network that confirms: warped and standardized.
    squares: u64,
    /// The network that confirms.
    confirming: u64,
    /// The rest: the network that places the eyes, its squares, and putting together the faces.
    eyes: u64,
    /// All of a search.
    whole: u64,
}

impl Work {
    const NAMES: [&'static str; 7] = ["levels", "trees", "merging", "squares", "confirming", "eyes", "whole"];

    fn stages(&self) -> [u64; 7] {
        [self.levels, self.trees, self.merging, self.squares, self.confirming, self.eyes, self.whole]
    }
}

/// Searches every frame and prints a line each to `serial`, then what a search takes on average and at most. A frame is drawn into
/// `drawing`.
///
/// # Panics
/// If the finder is not sound, or `memory` is too small for it.
pub fn run(serial: &mut impl Write, clock: &impl Counter, memory: &mut [i8], drawing: &mut [u8; PIXELS]) {
    let finder = Finder::parse(&FINDER.0).unwrap_or_else(|error| panic!("the finder: {error}"));
    let need = memory_bytes(&finder, WIDTH, HEIGHT).unwrap_or_else(|error| panic!("the finder: {error}"));
    let memory = memory.get_mut(..need).unwrap_or_else(|| panic!("the finder needs {need} bytes of memory"));
    print(
        serial,
        format_args!("{:<6}{:>8}{:>10}{:>7}{:>6}{:>10}", "frame", "windows", "confirmed", "placed", "faces", "digest"),
    );
    Work::NAMES.iter().for_each(|name| print(serial, format_args!("{name:>12}")));
    print(serial, format_args!("  {}\r\n", clock.unit()));
    let (mut sums, mut most, mut frames) = ([0; 7], [0; 7], 0);
    let count = if NAMED.is_empty() { DRAWN } else { NAMED.len() };
    for index in 0..count {
        let pixels = match NAMED.get(index) {
            Some(frame) => frame,
            None => {
                draw(index, drawing);
                &*drawing
            }
        };
        let frame = Frame::new(pixels, WIDTH, HEIGHT, WIDTH).expect("the size of a frame");
        let mut search = Search::new(&finder, memory);
        let start = clock.count();
        let faces = search.faces(black_box(frame), finder.header.take).expect("enough memory");
        let whole = clock.count() - start;
        let effort = search.effort;
        let work = stages(&finder, frame, memory, clock, whole, effort);
        let [windows, confirmed, placed] = [effort.windows, effort.confirmed, effort.placed];
        print(
            serial,
            format_args!("{index:<6}{windows:>8}{confirmed:>10}{placed:>7}{:>6}{:>10x}", faces.len(), digest(&faces)),
        );
        work.stages().iter().for_each(|stage| print(serial, format_args!("{stage:>12}")));
        print(serial, format_args!("\r\n"));
        sums.iter_mut().zip(work.stages()).for_each(|(sum, stage)| *sum += stage);
        most.iter_mut().zip(work.stages()).for_each(|(most, stage)| *most = stage.max(*most));
        frames += 1;
    }
    print(serial, format_args!("{:<47}", "mean"));
    sums.iter().for_each(|sum| print(serial, format_args!("{:>12}", sum / frames)));
    print(serial, format_args!("\r\n{:<37}", "most"));
    most.iter().for_each(|most| print(serial, format_args!("{most:>12}")));
    print(serial, format_args!("\r\n"));
    for (name, network) in [("confirms", &finder.confirm), ("places eyes", &finder.eyes)] {
        print(serial, format_args!("network that {name}\r\n"));
        operators(serial, network, memory, clock);
    }
    let stack = stack::high_water_mark();
    print(serial, format_args!("{need} bytes of memory, {stack} bytes of stack\r\nend\r\n"));
}

/// What each stage of a search takes by itself; a whole one took `whole` and computed `effort`. A search does not look at every
/// proposal: the network that confirms, and its squares, count as often as it ran, at the mean of all proposals.
fn stages(
    finder: &Finder<'_>,
    frame: Frame<'_>,
    memory: &mut [i8],
    clock: &impl Counter,
    whole: u64,
    effort: Effort,
) -> Work {
    let mut work = Work { whole, ..Work::default() };
    let mut scale = Scale::FINEST;
    loop {
        let level: &mut [u8] = bytemuck::cast_slice_mut(memory);
        let start = clock.count();
        let (width, height) = shrink(black_box(frame), scale, level);
        let shrunk = clock.count();
        work.levels += shrunk - start;
        if width < WINDOW || height < WINDOW {
            break;
        }
        scan(level, width, height, finder.trees, |x, y, sum| {
            black_box((x, y, sum));
        });
        work.trees += clock.count() - shrunk;
        scale = scale.coarser();
    }
    let start = clock.count();
    let (proposals, _) = propose(finder.trees, frame, bytemuck::cast_slice_mut(memory));
    work.merging = (clock.count() - start).saturating_sub(work.levels + work.trees);
    for proposal in &proposals {
        let (square, network) = look(finder, &finder.confirm, frame, confirm_square(proposal), memory, clock);
        work.squares += square;
        work.confirming += network;
    }
    let [of, runs] = [proposals.len() as u64, u64::from(effort.confirmed)];
    (work.squares, work.confirming) = (work.squares * runs / of.max(1), work.confirming * runs / of.max(1));
    let before = work.levels + work.trees + work.merging + work.squares + work.confirming;
    Work { eyes: whole.saturating_sub(before), ..work }
}

/// What the square of a network takes, and the network.
fn look(
    finder: &Finder<'_>,
    network: &Network<'_>,
    frame: Frame<'_>,
    square: Square,
    memory: &mut [i8],
    clock: &impl Counter,
) -> (u64, u64) {
    let size = usize::from(network.input().shape.width);
    let (picture, arena) = memory.split_at_mut(size * size);
    let picture: &mut [u8] = bytemuck::cast_slice_mut(picture);
    let start = clock.count();
    warp(black_box(frame), square, size, picture);
    let mut runner = Runner::new(network, arena).expect("enough memory");
    standardize(picture, finder.header.sigma_floor, runner.input().expect("a checked network has one"));
    let ready = clock.count();
    runner.run().expect("a checked network runs");
    (ready - start, clock.count() - ready)
}

/// Calls a kernel and does nothing else.
struct Directly;

impl Caller for Directly {
    fn call<R>(&mut self, kernel: impl FnOnce() -> R) -> R {
        kernel()
    }
}

/// Prints what the operators of a network take.
fn operators(serial: &mut impl Write, network: &Network<'_>, memory: &mut [i8], clock: &impl Counter) {
    let mut runner = Runner::new(network, memory).expect("enough memory");
    let mut start = clock.count();
    let done = runner.run_steps(&mut Directly, |_, step| {
        let (name, macs, counted) = (step.operator().name(), step.macs(), clock.count() - start);
        print(serial, format_args!("{name:<20}{macs:>12} MACs{counted:>12} {}\r\n", clock.unit()));
        start = clock.count();
    });
    done.expect("a checked network runs");
}
