//! A camera whose pictures are drawn: for an emulated board as a file, for the device on this host as a [`Camera`].

use std::convert::Infallible;
use std::fs;
use std::path::PathBuf;

use embedded_io::{ErrorType, Read, ReadReady, Write};
use firmware::camera::arducam_mega::Error;
use firmware::camera::{Camera, FrameSize, Progress};
use firmware::device::{Board, Clock, Device, Sight};
use firmware::engine::Engine;
use firmware::finder::search::memory_bytes;
use shared::{finder::Finder, model::Model};
use tests::drawn_picture::Picture;

/// Columns and rows of the camera's pictures.
pub const SIZE: FrameSize = FrameSize { columns: 320, rows: 240 };

/// What comes of a picture that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shot {
    /// It is read.
    Whole,
    /// It is never done.
    Hangs,
    /// The camera is taken away within it.
    Unplugged,
}

/// Pictures in their order, and what comes of each.
pub type Shots = Vec<(Picture, Shot)>;

/// Writes pictures as the camera sends them, each pixel's brightness and then colour.
pub fn write_pictures(shots: &Shots, path: &PathBuf) {
    let bytes = shots.iter().flat_map(|(picture, _)| {
        assert_eq!(picture.size, SIZE);
        picture.pixels.iter().enumerate().flat_map(|(index, &grey)| [grey, (index * 31 % 256) as u8])
    });
    fs::write(path, bytes.collect::<Vec<u8>>()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// The number of the first picture of which this comes; 0 if there is none.
pub fn number(shots: &Shots, wanted: Shot) -> String {
    shots.iter().position(|&(_, shot)| shot == wanted).map_or(0, |index| index + 1).to_string()
}

/// The lines that the device prints on this host after its banner, one a shot.
pub fn lines_of_the_host(model: &Model<'_>, finder: Finder<'_>, shots: &Shots) -> Vec<String> {
    let for_model = Engine::arena_bytes(model).expect("it fits") as usize;
    let for_finder = memory_bytes(&finder, SIZE.columns.into(), SIZE.rows.into()).expect("it fits");
    let (mut arena, mut picture) = (vec![0; for_model.max(for_finder)], vec![0; SIZE.pixels()]);
    let engine = Engine::new(model, &mut arena).unwrap();
    let board = Board { stack_high_water: None, demo_faces: &[], demo_interval_us: 0, boot: 0 };
    let camera = Some(Script { shots: shots.clone().into_iter(), current: None });
    let sight = Sight { finder, picture: &mut picture, largest: SIZE, camera };
    let device = Device::new(engine, Printer(Vec::new()), Steps(0), board);
    let mut device = device.with_sight(sight).unwrap_or_else(|error| panic!("{error}"));
    // Each poll reads the clock, and none takes longer than the camera is waited for.
    for _ in 0..shots.len() * 10_000 {
        let Ok(()) = device.poll();
    }
    let (_, Printer(text), _) = device.into_parts();
    let text = String::from_utf8(text).expect("text");
    text.lines().filter(|line| !line.is_empty()).skip(1).take(shots.len()).map(str::to_owned).collect()
}

/// A line without the time that it tells, which differs.
pub fn without_time(line: &str) -> String {
    let Some((before, behind)) = line.split_once(" ms  seq ") else { return line.into() };
    format!("{} ms  seq {behind}", before.trim_end_matches(|digit: char| digit.is_ascii_digit()))
}

/// Milliseconds from the beginning of each picture's transfer to the readout, of those that were read whole.
pub fn milliseconds(events: &str, shots: &Shots) -> Vec<u64> {
    let mut lines = events.lines().map(|line| {
        let (event, nanoseconds) = line.split_once(' ').unwrap();
        (event, nanoseconds.parse::<u64>().unwrap())
    });
    let transferred = shots.iter().filter(|(_, shot)| *shot != Shot::Hangs).map(|&(_, shot)| {
        let (_, begin) = lines.find(|&(event, _)| event == "transfer").expect("a picture was transferred");
        let (event, end) = lines.next().expect("a line was printed");
        assert_eq!(event, "line");
        (shot, (end - begin).div_ceil(1_000_000))
    });
    transferred.filter(|&(shot, _)| shot == Shot::Whole).map(|(_, time)| time).collect()
}

/// A camera that does what a script says.
struct Script {
    shots: std::vec::IntoIter<(Picture, Shot)>,
    current: Option<(Picture, Shot)>,
}

impl Camera for Script {
    type Error = Error;

    fn start(&mut self) -> Result<(), Error> {
        self.current = self.shots.next();
        Ok(())
    }

    fn fetch(&mut self, frame: &mut [u8]) -> Result<Progress, Error> {
        match &self.current {
            Some((picture, Shot::Whole)) => {
                frame[..picture.pixels.len()].copy_from_slice(&picture.pixels);
                Ok(Progress::Whole(picture.size))
            }
            Some((_, Shot::Unplugged)) => Err(Error::Lost(0)),
            Some((_, Shot::Hangs)) | None => Ok(Progress::Waiting),
        }
    }
}

/// A millisecond a look.
struct Steps(u64);

impl Clock for Steps {
    fn microseconds(&mut self) -> u64 {
        self.0 += 1000;
        self.0
    }
}

/// A serial port at which nobody types.
struct Printer(Vec<u8>);

impl ErrorType for Printer {
    type Error = Infallible;
}

impl Read for Printer {
    fn read(&mut self, _: &mut [u8]) -> Result<usize, Infallible> {
        Ok(0)
    }
}

impl ReadReady for Printer {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(false)
    }
}

impl Write for Printer {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
