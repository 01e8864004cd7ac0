//! The board: what the firmware's main loop needs of an Arm MPS2 with FPGA image AN386 (Cortex-M4F) or AN505 (Cortex-M33),
//! as QEMU's `mps2-an386` and `mps2-an505` are.
//!
//! ```text
//! machine                          what differs between the two
//! uart  clock                      what programs run on
//! flash                            RAM in place of flash for models
//! wakeup                           sleeping until a byte or a timer tick arrives
//! bin clock                        an hour without a look at the clock
//! ```
#![no_std]

pub mod clock;
pub mod flash;
pub mod machine;
pub mod uart;
pub mod wakeup;

use cortex_m_board::reset;
use embedded_io::{Read, ReadReady, Write};
use embedded_storage::nor_flash::NorFlash;
use firmware::camera::{Camera, NoCamera};
use firmware::device::{Light, ModelFlash, NoLight};
use programs::{BareBoard, Counter, Parts};

use crate::clock::Clock;
use crate::uart::{BAUD, Uart};
use crate::wakeup::Wakeups;

/// An Arm MPS2.
#[derive(Debug)]
pub struct Board;

impl BareBoard for Board {
    const ARENA_BYTES: usize = 88 * 1024;
    const POOL_BYTES: usize = 1024 * 1024;

    fn start() -> Parts<impl Read + ReadReady + Write, impl Counter, impl FnMut(), impl Camera, impl Light> {
        let mut wakeups = Wakeups::enable();
        Parts {
            serial: Uart::uart0(BAUD),
            clock: Clock::timer0(),
            idle: move || {
                wakeups.wait();
                wakeups.forget();
            },
            // Nothing on this board differs from startup to startup.
            boot: 0,
            camera: None::<NoCamera>,
            light: NoLight,
        }
    }

    /// # Panics
    /// If it is called twice.
    fn models() -> Option<ModelFlash<impl NorFlash>> {
        Some(flash::take())
    }

    fn last_port() -> impl Write {
        Uart::uart0(BAUD)
    }

    fn halt() -> ! {
        reset()
    }
}
