//! Where a device's frames come from.
//!
//! A camera on a slow bus needs a tenth of a second for a frame, and in that time a serial port without much of a buffer must be
//! read. So a frame is fetched in pieces, each of about a millisecond, and the device looks at its port between them.

pub mod arducam_mega;

use core::fmt;

pub use shared::wire::FrameSize;

/// A source of grey frames, of which the device looks at one at a time.
pub trait Camera {
    /// Why there is no frame, in words that a person at the serial port reads, with the remedy.
    type Error: fmt::Display;

    /// Begins a new frame, as fresh as there is. One that was not fetched whole is dropped; so are frames that came meanwhile.
    ///
    /// # Errors
    /// If the camera does not answer. The device says so and begins again after a while.
    fn start(&mut self) -> Result<(), Self::Error>;

    /// Fetches the next piece of the frame into `frame`, which is the same memory, with the pieces before in it, until the frame is
    /// whole: grey levels row by row, without gaps, from its beginning on. Takes about a millisecond at most and never waits.
    ///
    /// # Errors
    /// If the camera stopped, or if `frame` is too small. The device says so and begins again after a while.
    fn fetch(&mut self, frame: &mut [u8]) -> Result<Progress, Self::Error>;
}

impl<V: Camera + ?Sized> Camera for &mut V {
    type Error = V::Error;

    fn start(&mut self) -> Result<(), Self::Error> {
        (**self).start()
    }

    fn fetch(&mut self, frame: &mut [u8]) -> Result<Progress, Self::Error> {
        (**self).fetch(frame)
    }
}

/// How far a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing of it was written yet: what `frame` held is still there.
    Waiting,
    /// A part of it was written.
    Partial,
    /// It is whole.
    Whole(FrameSize),
}

/// The camera of a board that has none.
#[derive(Clone, Copy, Debug)]
pub enum NoCamera {}

impl Camera for NoCamera {
    type Error = core::convert::Infallible;

    fn start(&mut self) -> Result<(), Self::Error> {
        match *self {}
    }

    fn fetch(&mut self, _: &mut [u8]) -> Result<Progress, Self::Error> {
        match *self {}
    }
}
