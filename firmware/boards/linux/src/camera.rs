//! A camera of this machine, or a video on standard input, as the device's camera.

use std::{
    io::stdin,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use anyhow::Context;
use cameras::{Arrival, CameraError, Feed, Next, Size, Source, Turn};
use firmware::camera::{Camera, FrameSize, Progress};

/// What a camera is asked for; it may give others, which are made smaller.
const SIZE: (usize, usize) = (640, 480);

/// The device itself notices a camera that gives no frames.
const PATIENCE: Duration = Duration::MAX;

/// Where frames come from, always the newest one.
pub struct Frames {
    origin: Origin,
    turn: Turn,
    largest: FrameSize,
    feed: Option<Feed>,
    /// Dropped at the end of standard input, for whoever holds the other end.
    open: Option<Sender<()>>,
    failed: Option<String>,
}

#[derive(Debug)]
enum Origin {
    Device(PathBuf, Size),
    StandardInput,
}

impl Frames {
    /// The camera of this name, or, for `-`, the video on standard input. Frames are turned, then made smaller than `largest`.
    ///
    /// # Errors
    /// If there is no such camera.
    pub fn open(name: &Path, turn: Turn, largest: FrameSize) -> anyhow::Result<Self> {
        let origin = match name == Path::new("-") {
            true => Origin::StandardInput,
            false => Origin::Device(name.into(), Size::new(SIZE.0, SIZE.1).context("a size")?),
        };
        let source = match &origin {
            Origin::Device(path, size) => cameras::camera(path, *size)?,
            Origin::StandardInput => cameras::stream(stdin(), "standard input".into(), None),
        };
        Ok(Self { origin, turn, largest, feed: Some(started(source)), open: None, failed: None })
    }

    /// Whether frames come on standard input.
    pub fn on_standard_input(&self) -> bool {
        matches!(self.origin, Origin::StandardInput)
    }

    /// An end that is closed when the video is over.
    pub fn end(&mut self) -> Receiver<()> {
        let (open, end) = channel();
        self.open = Some(open);
        end
    }

    /// Why standard input could not be read to its end, if it could not.
    pub fn failure(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Nothing more comes of this feed. A camera is opened anew by [`start`](Camera::start).
    fn give_up(&mut self, problem: String, failed: bool) -> String {
        self.feed = None;
        self.open = None;
        self.failed = failed.then(|| problem.clone());
        problem
    }
}

/// Nobody needs a frame once there is a newer one.
fn started(source: Source) -> Feed {
    Feed::start(Source { live: true, ..source }, PATIENCE)
}

impl Camera for Frames {
    type Error = String;

    fn start(&mut self) -> Result<(), String> {
        match (&self.feed, &self.origin) {
            (Some(_), _) => Ok(()),
            (None, Origin::StandardInput) => Err("the video on standard input is over".into()),
            (None, Origin::Device(path, size)) => {
                let source = cameras::camera(path, *size).map_err(|error: CameraError| error.to_string())?;
                self.feed = Some(started(source));
                Ok(())
            }
        }
    }

    fn fetch(&mut self, frame: &mut [u8]) -> Result<Progress, String> {
        let Some(feed) = &mut self.feed else { return Ok(Progress::Waiting) };
        match feed.next(Duration::ZERO) {
            Ok(Next::Nothing) => Ok(Progress::Waiting),
            // The next one may be whole.
            Ok(Next::Arrival(Arrival::Broken { .. })) => Ok(Progress::Waiting),
            Ok(Next::Arrival(Arrival::Frame(arrived))) => {
                let turned = arrived.turned(self.turn);
                let fit = turned.fit(self.largest.columns.into(), self.largest.rows.into());
                let room = frame.get_mut(..fit.pixels().len()).ok_or("the frame is too large")?;
                room.copy_from_slice(fit.pixels());
                Ok(Progress::Whole(FrameSize { columns: fit.width() as u16, rows: fit.height() as u16 }))
            }
            Ok(Next::End) => Err(self.give_up("the video is over".into(), false)),
            Err(error) => Err(self.give_up(error.to_string(), true)),
        }
    }
}
