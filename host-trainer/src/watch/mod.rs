//! Live: frame by frame to a face and its emotion, and what a person sees of it.
//!
//! ```text
//! mod.rs      the clock of a watcher
//! history.rs  the last minute, and how many frames a second
//! picture.rs  a frame with its face marked, as coloured pixels
//! draw.rs     all of it on the screen
//! screen.rs   the terminal: taken, drawn, given back
//! mqtt.rs     changes, published to a broker
//! ```

mod draw;
mod history;
mod mqtt;
mod picture;
mod screen;

use std::time::Instant;

use firmware::device::Clock;

pub use self::{
    history::History,
    mqtt::{Address, AddressError, Publisher},
    screen::{Screen, Wish},
};

/// Time since it was made.
#[derive(Clone, Copy, Debug)]
pub struct Since(pub Instant);

impl Clock for Since {
    fn microseconds(&mut self) -> u64 {
        self.0.elapsed().as_micros() as u64
    }
}

#[cfg(test)]
mod tests;
