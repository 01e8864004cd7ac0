//! How the boards' 2 MiB of flash are divided, and what an image says of it. A Pico 2 has 4 MiB, of which it uses as much as a Pico.

use firmware::finder::frame::{MOST_COLUMNS, MOST_ROWS};
use programs::BareBoard as _;
use shared::image::{FlashLayout, ImageHeader, Processor, Region};
use shared::wire::FrameSize;

use crate::Board;

/// Where everything lies. The linker keeps a program within the firmware's part: FLASH in the boards' memory.x ends with it.
pub const FLASH: FlashLayout = FlashLayout {
    firmware: Region { offset: 0, bytes: 0xf_0000 },
    journal: Region { offset: 0xf_8000, bytes: 0x8000 },
    slots: [Region { offset: 0x10_0000, bytes: 0x8_0000 }, Region { offset: 0x18_0000, bytes: 0x8_0000 }],
};

/// Bytes of RAM, all banks together, and the kernels that run.
const CHIP: (u32, Processor) =
    if cfg!(feature = "rp2040") { (264 * 1024, Processor::CortexM0Plus) } else { (520 * 1024, Processor::CortexM33) };

/// The header of the image of the board with this name.
pub const fn header(board: &str) -> ImageHeader<'_> {
    ImageHeader {
        board,
        version: env!("CARGO_PKG_VERSION"),
        processor: CHIP.1,
        ram_bytes: CHIP.0,
        arena_bytes: Board::ARENA_BYTES as u32,
        largest: FrameSize { columns: MOST_COLUMNS as u16, rows: MOST_ROWS as u16 },
        flash: FLASH,
    }
}
