//! The device's own camera: one picture after the other, while no host asks for anything.

use embedded_io::{Read, ReadReady, Write};
use shared::wire::{ErrorCode, FrameSize, Output, ReplyKind, Seen};

use super::{Clock, Device, PAUSE_US, led::Status, past::Past};
use crate::camera::{Camera, Progress};

/// So long after a request the camera rests, in microseconds: a host that asks again finds the device listening.
const REST_US: u64 = 250_000;

/// So long a picture is kept for a host that asks for it part by part, in microseconds: longer than it waits for an answer.
const HOLD_US: u64 = 3_000_000;

/// A camera that makes no picture in so long has stopped, in microseconds.
const STOPPED_US: u64 = 3_000_000;

/// From a failure of the camera to the next try, in microseconds.
const RETRY_US: u64 = 1_000_000;

/// A camera, and how far its next picture is.
#[derive(Debug)]
pub(super) struct Watch<V> {
    camera: V,
    state: State,
    /// Of the camera's pictures.
    pub(super) past: Past,
    /// It rests until then.
    held_until_us: u64,
    /// It was said that the camera stopped.
    said: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No picture is under way; the next one is begun then.
    Begin { at_us: u64 },
    /// One is, since then.
    Waiting { since_us: u64 },
    /// A part of it has been written.
    Partial { since_us: u64 },
}

/// What came of the camera.
enum Came {
    Nothing,
    Picture(FrameSize),
    /// It stopped; what it says is printed already.
    Stopped,
}

impl<V> Watch<V> {
    pub(super) fn new(camera: V) -> Self {
        Self { camera, state: State::Begin { at_us: 0 }, past: Past::default(), held_until_us: 0, said: false }
    }

    /// Whether the next piece of a picture is not to be expected at once.
    pub(super) fn is_idle(&self) -> bool {
        !matches!(self.state, State::Partial { .. })
    }

    /// Drops the picture that is under way.
    pub(super) fn begin_anew(&mut self) {
        if matches!(self.state, State::Waiting { .. } | State::Partial { .. }) {
            self.state = State::Begin { at_us: 0 };
        }
    }

    /// Lets the camera rest for a host that asks for the picture part by part.
    pub(super) fn hold(&mut self, now: u64) {
        self.held_until_us = now.saturating_add(HOLD_US);
    }
}

impl<S: Read + ReadReady + Write, C: Clock, V: Camera> Device<'_, '_, S, C, V> {
    /// Goes on with the camera's picture, unless a host is busy.
    pub(super) fn watch(&mut self, now: u64) -> Result<(), S::Error> {
        let Some(watch) = &mut self.watch else { return Ok(()) };
        let asked = self.asked_us.is_some_and(|asked| now.saturating_sub(asked) < REST_US);
        if asked || self.incoming.is_some() || now < watch.held_until_us {
            // By the time that the host is done, the picture would be stale.
            watch.begin_anew();
            return Ok(());
        }
        let arriving = !self.reader.pending().is_empty() && now.saturating_sub(self.heard_us) < PAUSE_US;
        if arriving { Ok(()) } else { self.fetch(now).map(drop) }
    }

    /// Makes sure that the picture in the memory is whole: finishes one of which a part was written, waits for the first.
    pub(super) fn finish_picture(&mut self) -> Result<Result<(), ErrorCode>, S::Error> {
        loop {
            let Some(watch) = &self.watch else { return Ok(Ok(())) };
            if self.sight.as_ref().is_none_or(|sight| sight.size.is_some()) {
                return Ok(Ok(()));
            }
            let failed = watch.said && matches!(watch.state, State::Begin { .. });
            let now = self.clock.microseconds();
            if failed || matches!(self.fetch(now)?, Came::Stopped) {
                return Ok(Err(ErrorCode::Camera));
            }
        }
    }

    /// Fetches a piece of a picture; looks at the picture once it is whole, and tells what is to be seen.
    fn fetch(&mut self, now: u64) -> Result<Came, S::Error> {
        let came = self.fetch_piece(now)?;
        let (Came::Picture(size), Some(watch), Some(sight)) = (&came, &mut self.watch, &mut self.sight) else {
            return Ok(came);
        };
        if let Some(led) = &mut self.led {
            led.work();
        }
        let past = Some(&mut watch.past);
        let seen = sight.look(*size, past, &mut self.engine, &mut self.clock, &self.options);
        let number = sight.number;
        match seen {
            Ok(seen) => {
                watch.said = false;
                self.stats.worst_microseconds = self.stats.worst_microseconds.max(seen.microseconds);
                self.show(Status::of_picture(&seen));
                self.tell(number, &seen)?;
            }
            Err(error) => self.stop(now, error)?,
        }
        Ok(came)
    }

    fn fetch_piece(&mut self, now: u64) -> Result<Came, S::Error> {
        let (Some(watch), Some(sight)) = (&mut self.watch, &mut self.sight) else { return Ok(Came::Nothing) };
        let since_us = match watch.state {
            State::Begin { at_us } if now < at_us => return Ok(Came::Nothing),
            State::Begin { .. } => {
                if let Err(error) = watch.camera.start() {
                    return self.stop(now, error).map(|()| Came::Stopped);
                }
                watch.state = State::Waiting { since_us: now };
                now
            }
            State::Waiting { since_us } | State::Partial { since_us } => since_us,
        };
        match watch.camera.fetch(sight.memory) {
            Err(error) => return self.stop(now, error).map(|()| Came::Stopped),
            Ok(Progress::Whole(size)) => {
                watch.state = State::Begin { at_us: 0 };
                return Ok(Came::Picture(size));
            }
            Ok(Progress::Waiting) => {}
            Ok(Progress::Partial) => {
                sight.forget();
                watch.state = State::Partial { since_us };
            }
        }
        if now.saturating_sub(since_us) < STOPPED_US {
            return Ok(Came::Nothing);
        }
        self.stop(now, "no picture for 3 s; check the camera and the line to it").map(|()| Came::Stopped)
    }

    /// Tells once that the camera stopped, and tries again later.
    fn stop(&mut self, now: u64, why: impl core::fmt::Display) -> Result<(), S::Error> {
        let Some(watch) = &mut self.watch else { return Ok(()) };
        watch.state = State::Begin { at_us: now.saturating_add(RETRY_US) };
        watch.past = Past::default();
        let said = core::mem::replace(&mut watch.said, true);
        self.show(Status::Fault);
        if said {
            return Ok(());
        }
        match self.options.output {
            Output::Text => self.print_stopped(why),
            Output::Frames => self.reply(0, ReplyKind::Error(ErrorCode::Camera)),
        }
    }

    /// Tells what the camera sees.
    fn tell(&mut self, number: u32, seen: &Seen) -> Result<(), S::Error> {
        match self.options.output {
            Output::Text => self.print_seen(seen, number),
            Output::Frames => self.reply(0, ReplyKind::Camera { number, seen: *seen }),
        }
    }
}
