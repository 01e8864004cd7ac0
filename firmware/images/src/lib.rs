//! Ready images of boards, and the files that put them and models onto a board.
//!
//! ```text
//! uf2        the format that a boot loader takes
//! contents   what a file puts into flash: firmware, journal, slot
//! fit        whether a board can hold a model
//! estimate   how long a board will take for a face
//! make       the images, compiled anew
//! page       the generated files of the page in the browser
//! ```
//!
//! The images lie beside this crate's sources and are part of it, so that whoever has the program needs neither a compiler for a board
//! nor a network. `cargo run -p images` makes them again.

pub mod contents;
pub mod estimate;
pub mod fit;
#[cfg(feature = "make")]
pub mod make;
#[cfg(feature = "make")]
pub mod page;
pub mod uf2;

use shared::image::{ImageError, ImageHeader};

use crate::uf2::Family;

/// Where flash begins in the address space of both chips.
pub const FLASH_START: u32 = 0x1000_0000;

/// A board with a boot loader that takes UF2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Board {
    /// A Raspberry Pi Pico.
    Pico,
    /// A Raspberry Pi Pico 2.
    Pico2,
}

impl Board {
    /// All boards.
    pub const ALL: [Self; 2] = [Board::Pico, Board::Pico2];

    /// The name, which is that of its folder and of the option.
    pub const fn name(self) -> &'static str {
        match self {
            Board::Pico => "pico",
            Board::Pico2 => "pico2",
        }
    }

    /// The board of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|board| board.name() == name)
    }

    /// What people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Board::Pico => "Raspberry Pi Pico",
            Board::Pico2 => "Raspberry Pi Pico 2",
        }
    }

    /// The name of its drive while it is in its boot loader, and the `Board-ID` in the drive's `INFO_UF2.TXT`.
    pub const fn drive(self) -> &'static str {
        match self {
            Board::Pico => "RPI-RP2",
            Board::Pico2 => "RP2350",
        }
    }

    /// Its chip.
    pub const fn family(self) -> Family {
        match self {
            Board::Pico => Family::Rp2040,
            Board::Pico2 => Family::Rp2350Arm,
        }
    }

    /// The processor's clock in MHz, as the firmware sets it.
    pub const fn megahertz(self) -> u32 {
        match self {
            Board::Pico => 125,
            Board::Pico2 => 150,
        }
    }

    /// What its program is compiled for.
    pub const fn target(self) -> &'static str {
        match self {
            Board::Pico => "thumbv6m-none-eabi",
            Board::Pico2 => "thumbv8m.main-none-eabihf",
        }
    }

    /// The ready firmware, which begins where flash begins.
    pub const fn firmware(self) -> &'static [u8] {
        match self {
            Board::Pico => include_bytes!("../pico.bin"),
            Board::Pico2 => include_bytes!("../pico2.bin"),
        }
    }

    /// The model that is part of the ready firmware, a file of `firmware/models`.
    pub const fn model(self) -> &'static str {
        match self {
            Board::Pico => "pico.fer",
            Board::Pico2 => "edge.fer",
        }
    }

    /// What the ready firmware says of itself.
    ///
    /// # Errors
    /// None for the images that are part of this crate; a test reads them.
    pub fn header(self) -> Result<ImageHeader<'static>, ImageError> {
        ImageHeader::find(self.firmware())
    }
}
