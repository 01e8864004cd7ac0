//! What every board runs. A board without an operating system implements [`BareBoard`] and gets the programs in `bare`; the
//! programs in `src/bin` are for a host, and for Linux on other processors.
//!
//! ```text
//! device      the firmware's main loop
//! profile     one inference, operator by operator
//! finder      full searches of frames, stage by stage
//! layers      single layers, counted, beside the same in plain Rust
//! agreement   random operators, by the processor's kernels and in plain Rust
//! random      numbers for layers and agreement
//! limits      sums at the limits of the arithmetic for agreement, and for tests on a host
//! memory      what agreement works on
//! scene       frames for finder
//! model       the network and the finder that ship with the firmware
//! store       models in the board's flash
//! stack       how deep the stack has been
//! ```
//!
//! A program that measures or compares ends with a line `end`.
#![no_std]

pub mod agreement;
#[cfg(target_os = "none")]
pub mod device;
#[cfg(target_os = "none")]
pub mod finder;
pub mod layers;
pub mod limits;
pub mod memory;
pub mod model;
#[cfg(target_os = "none")]
pub mod profile;
pub mod random;
pub mod scene;
#[cfg(target_os = "none")]
pub mod stack;
pub mod store;

use core::panic::PanicInfo;

use embedded_io::{Read, ReadReady, Write};
use embedded_storage::nor_flash::NorFlash;
use firmware::{
    camera::Camera,
    device::{Clock, Light, ModelFlash},
    store::NoFlash,
};

/// A board without an operating system. Its crate's library is called `board` and has a type `Board` that implements this; its
/// linker script names the ends of the stack, which startup paints, `_stack_end` and `_stack_start`.
pub trait BareBoard {
    /// Bytes for tensors and the kernels' working memory, in which the finder works as well. A model that needs more is refused at
    /// startup.
    const ARENA_BYTES: usize;

    /// Bytes for what the program `agreement` compares; it leaves out what needs more.
    const POOL_BYTES: usize;

    /// Starts the board; programs call it once, first of all.
    fn start() -> Parts<impl Read + ReadReady + Write, impl Counter, impl FnMut(), impl Camera, impl Light>;

    /// Starts the boot loader in place of the program, where there is one.
    const BOOT_LOADER: Option<fn() -> !> = None;

    /// The flash for models that hosts upload, where the board has room for them; programs call it once.
    fn models() -> Option<ModelFlash<impl NorFlash>> {
        None::<ModelFlash<NoFlash>>
    }

    /// Whether a terminal has opened the serial port since this was asked last, where a board can tell. Until it is asked, nothing of what
    /// the terminal sends is ready to be read.
    fn opened() -> bool {
        false
    }

    /// The serial port for a program that panicked, whoever has the port that [`start`](Self::start) gave.
    fn last_port() -> impl Write;

    /// Ends a program that panicked: a reset, or sleep for ever.
    fn halt() -> !;
}

/// What a program has of a board.
#[derive(Debug)]
pub struct Parts<S, C, I, V, L> {
    /// The serial port.
    pub serial: S,
    /// Time since startup.
    pub clock: C,
    /// Waits until a byte has arrived since the last call, or for a hundredth of a second at most; may return at once.
    pub idle: I,
    /// A number that differs from startup to startup where the board has one, else 0.
    pub boot: u32,
    /// The camera, if one was found.
    pub camera: Option<V>,
    /// The status LED.
    pub light: L,
}

/// Time since startup, and something finer that programs count.
pub trait Counter: Clock {
    /// What [`count`](Self::count) counts, in the plural.
    const UNIT: &'static str;

    /// How many of them there have been.
    fn count(&self) -> u64;

    /// What it counts, of a clock whose type has no name.
    fn unit(&self) -> &'static str {
        Self::UNIT
    }
}

/// Says why a program cannot go on.
pub fn print_last_words(info: &PanicInfo<'_>, mut serial: impl Write) {
    // Nothing is left to be done about a failure to print.
    let _ = write!(serial, "\r\n{info}\r\n");
    let _ = serial.flush();
}

/// Prints to a serial port. A program that measures can do nothing about a port that fails.
fn print(serial: &mut impl Write, text: core::fmt::Arguments<'_>) {
    let _ = serial.write_fmt(text);
}
