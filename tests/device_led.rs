//! What a device's status LED tells while it works.

use std::{cell::RefCell, convert::Infallible, rc::Rc};

use embedded_io::{ErrorType, Read, ReadReady, Write};
use firmware::{
    camera::{Camera, FrameSize, Progress},
    device::{Board, Clock, Device, Light, Sight},
    engine::Engine,
    finder::search::memory_bytes,
};
use shared::{
    finder::Finder,
    model::{Aligned, Model},
    preprocessing::FACE_PIXELS,
};

static EDGE: &Aligned<[u8]> = &Aligned(*include_bytes!("../firmware/models/edge.fer"));
static FINDER: &Aligned<[u8]> = &Aligned(*include_bytes!("../firmware/models/finder.ferf"));
static FACES: &[[u8; FACE_PIXELS]] = include_bytes!("../firmware/models/demo_faces.bin").as_chunks().0;

/// Microseconds from one look at the clock to the next.
const STEP_US: u64 = 1000;

/// From one face to the next.
const INTERVAL_US: u64 = 3_000_000;

/// The time, and when the LED was lit and made dark.
#[derive(Default)]
struct Log {
    now: u64,
    changes: Vec<(u64, bool)>,
    text: Vec<u8>,
}

#[derive(Clone, Default)]
struct Bench(Rc<RefCell<Log>>);

impl Clock for Bench {
    fn microseconds(&mut self) -> u64 {
        self.0.borrow_mut().now += STEP_US;
        self.0.borrow().now
    }
}

impl Light for Bench {
    fn set(&mut self, lit: bool) {
        let now = self.0.borrow().now;
        self.0.borrow_mut().changes.push((now, lit));
    }
}

impl ErrorType for Bench {
    type Error = Infallible;
}

impl Read for Bench {
    fn read(&mut self, _: &mut [u8]) -> Result<usize, Infallible> {
        Ok(0)
    }
}

impl ReadReady for Bench {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(false)
    }
}

impl Write for Bench {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.borrow_mut().text.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A camera that is broken.
struct Broken;

impl Camera for Broken {
    type Error = &'static str;

    fn start(&mut self) -> Result<(), Self::Error> {
        Err("it is broken")
    }

    fn fetch(&mut self, _: &mut [u8]) -> Result<Progress, Self::Error> {
        Err("it is broken")
    }
}

/// Milliseconds from one change of the LED to the next, of those between two times.
fn lengths(changes: &[(u64, bool)], from: u64, to: u64) -> Vec<u64> {
    let times: Vec<_> = changes.iter().map(|&(at, _)| at).filter(|at| (from..to).contains(at)).collect();
    times.windows(2).map(|pair| (pair[1] - pair[0]) / 1000).collect()
}

#[test]
fn a_certain_answer_lights_it_an_uncertain_one_makes_it_blink_and_then_it_waits() {
    let model = Model::parse(&EDGE.0).expect("it ships");
    let mut arena = vec![0; Engine::arena_bytes(&model).expect("small") as usize];
    let (bench, mut light) = (Bench::default(), Bench::default());
    light.0 = Rc::clone(&bench.0);
    let board = Board { stack_high_water: None, demo_faces: &FACES[..2], demo_interval_us: INTERVAL_US, boot: 0 };
    let engine = Engine::new(&model, &mut arena).expect("large enough");
    let device: Device<'_, '_, _, _> = Device::new(engine, bench.clone(), bench.clone(), board);
    let mut device = device.with_light(&mut light);
    while bench.0.borrow().now < 2 * INTERVAL_US {
        let Ok(()) = device.poll();
    }
    let log = bench.0.borrow();
    let text = String::from_utf8_lossy(&log.text);
    let lines: Vec<_> = text.lines().filter(|line| line.contains("  seq ")).collect();
    assert!(lines.len() == 2 && !lines[0].contains("uncertain") && lines[1].contains("uncertain"), "{lines:?}");
    // Dark while it works, lit for two seconds and a flash; then dark until the next face.
    let near = |found: u64, expected: u64| found.abs_diff(expected) <= 10;
    let first = lengths(&log.changes, 0, INTERVAL_US - 100_000);
    assert!(first.len() == 2 && near(first[1], 2060), "{first:?}");
    let second = lengths(&log.changes, INTERVAL_US - 100_000, INTERVAL_US + 1_900_000);
    assert!(second.len() >= 17 && second[1..].iter().all(|&length| near(length, 100)), "{second:?}");
}

#[test]
fn a_broken_camera_is_a_fault_with_three_flashes() {
    let model = Model::parse(&EDGE.0).expect("it ships");
    let finder = Finder::parse(&FINDER.0).expect("it ships");
    let largest = FrameSize { columns: 160, rows: 120 };
    let need =
        memory_bytes(&finder, 160, 120).expect("small").max(Engine::arena_bytes(&model).expect("small") as usize);
    let (mut arena, mut picture) = (vec![0; need], vec![0; largest.pixels()]);
    let (bench, mut light) = (Bench::default(), Bench::default());
    light.0 = Rc::clone(&bench.0);
    let board = Board { stack_high_water: None, demo_faces: &[], demo_interval_us: 0, boot: 0 };
    let engine = Engine::new(&model, &mut arena).expect("large enough");
    let sight = Sight { finder, picture: &mut picture, largest, camera: Some(Broken) };
    let device = Device::new(engine, bench.clone(), bench.clone(), board).with_sight(sight).expect("enough");
    let mut device = device.with_light(&mut light);
    // Until it tries again.
    while bench.0.borrow().now < 900_000 {
        let Ok(()) = device.poll();
    }
    let log = bench.0.borrow();
    assert!(String::from_utf8_lossy(&log.text).contains("the camera stopped: it is broken"));
    let lit: Vec<_> = log.changes.iter().map(|&(_, lit)| lit).collect();
    assert_eq!(lit, [true, false, true, false, true, false]);
    let lengths = lengths(&log.changes, 0, 900_000);
    assert!(
        lengths.iter().zip([60, 190, 60, 190, 60]).all(|(found, expected)| found.abs_diff(expected) <= 10),
        "{lengths:?}"
    );
}
