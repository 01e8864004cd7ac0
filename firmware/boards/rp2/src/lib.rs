//! A Pico's or a Pico 2's parts: clocks, USB, UART0 at GPIO 0 and 1, SPI0 with a camera at GPIO 16 to
//! 19, the LED at GPIO 25. Their chips, RP2040 and RP2350, have them in
//! common but for the timer.
#![no_std]

mod boot_loader;
pub mod flash;
pub mod layout;
mod spi;
mod usb;

#[cfg(feature = "rp2350")]
use rp235x_hal as hal;
#[cfg(feature = "rp2040")]
use rp2040_hal as hal;

use core::convert::Infallible;
use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m_board::clock::Clock;
use cortex_m_board::reset;
use embedded_hal_bus::spi::ExclusiveDevice;
use embedded_io::{ErrorType, Read, ReadReady, Write};
use embedded_storage::nor_flash::NorFlash;
use firmware::camera::Camera;
use firmware::camera::arducam_mega::{ArducamMega, ByteOrder, Error, Resolution};
use firmware::device::{Led, Light, ModelFlash, TwoPorts};
use hal::clocks::{Clock as _, init_clocks_and_plls};
use hal::fugit::RateExtU32;
use hal::gpio::{FunctionSioOutput, FunctionSpi, FunctionUart, Pins, PullDown, PullNone, PullUp};
use hal::spi::Spi;
use hal::uart::{DataBits, StopBits, UartConfig, UartPeripheral};
use hal::{Sio, Timer, Watchdog, pac, sio};
use programs::{BareBoard, Counter, Parts};

use crate::spi::Queued;

/// The board's name.
const NAME: &str = if cfg!(feature = "rp2040") { "pico" } else { "pico2" };

/// Bits a second of the serial port: eight data bits, no parity, one stop bit.
const BAUD: u32 = 115_200;

/// The clock of SPI, in MHz: the camera's maker recommends no more.
const SPI_MHZ: u32 = 8;

/// Columns and rows of the camera's pictures.
const RESOLUTION: Resolution = Resolution::Qvga;

/// The order of their bytes. Where faces are not found and the picture looks like noise, it is the other one.
const BYTE_ORDER: ByteOrder = ByteOrder::Yuyv;

/// The crystal of the board, in Hz.
const CRYSTAL_HZ: u32 = 12_000_000;

/// A Pico or a Pico 2.
#[derive(Debug)]
pub struct Board;

impl BareBoard for Board {
    // What stack, picture and ports leave. A Pico keeps a sixth of its RAM for what its programs will need.
    const ARENA_BYTES: usize = if cfg!(feature = "rp2040") { 72 * 1024 } else { 320 * 1024 };
    const POOL_BYTES: usize = 180 * 1024;

    /// # Panics
    /// If the board was started before.
    fn start() -> Parts<impl Read + ReadReady + Write, impl Counter, impl FnMut(), impl Camera, impl Light> {
        // SAFETY: nobody has taken a lock yet; a reset leaves those that the program before it held.
        unsafe { sio::spinlock_reset() };
        let pac::Peripherals {
            mut RESETS,
            CLOCKS,
            IO_BANK0,
            PADS_BANK0,
            PLL_SYS,
            PLL_USB,
            SIO,
            SPI0,
            #[cfg(feature = "rp2040")]
                TIMER: timer,
            #[cfg(feature = "rp2350")]
                TIMER0: timer,
            UART0,
            #[cfg(feature = "rp2350")]
                USB: usb_registers,
            #[cfg(feature = "rp2040")]
                USBCTRL_DPRAM: usb_memory,
            #[cfg(feature = "rp2040")]
                USBCTRL_REGS: usb_registers,
            #[cfg(feature = "rp2350")]
                USB_DPRAM: usb_memory,
            WATCHDOG,
            XOSC,
            ..
        } = pac::Peripherals::take().expect("the board is started once");
        let mut watchdog = Watchdog::new(WATCHDOG);
        let clocks = init_clocks_and_plls(CRYSTAL_HZ, XOSC, CLOCKS, PLL_SYS, PLL_USB, &mut RESETS, &mut watchdog)
            .unwrap_or_else(|_| panic!("the crystal does not give the clocks that it should"));
        #[cfg(feature = "rp2040")]
        let timer = Timer::new(timer, &mut RESETS, &clocks);
        #[cfg(feature = "rp2350")]
        let timer = Timer::new_timer0(timer, &mut RESETS, &clocks);
        let pins = Pins::new(IO_BANK0, PADS_BANK0, Sio::new(SIO).gpio_bank0, &mut RESETS);
        let now = move || timer.get_counter().ticks();
        // First: what follows may take a second, in which a host already asks.
        let usb = usb::start(usb_registers, usb_memory, clocks.usb_clock, &mut RESETS, now);
        let tx = pins.gpio0.reconfigure::<FunctionUart, PullNone>();
        // Without an adapter the line is silent.
        let rx = pins.gpio1.reconfigure::<FunctionUart, PullUp>();
        let mut uart = UartPeripheral::new(UART0, (tx, rx), &mut RESETS)
            .enable(UartConfig::new(BAUD.Hz(), DataBits::Eight, None, StopBits::One), clocks.peripheral_clock.freq())
            .expect("the clock is fast enough for the serial port");
        let led = pins.gpio25.reconfigure::<FunctionSioOutput, PullDown>();
        let spi = (
            pins.gpio19.reconfigure::<FunctionSpi, PullNone>(),
            // Without a camera all bits of it are zeros.
            pins.gpio16.reconfigure::<FunctionSpi, PullDown>(),
            pins.gpio18.reconfigure::<FunctionSpi, PullNone>(),
        );
        let spi = Spi::<_, _, _, 8>::new(SPI0, spi).init(
            &mut RESETS,
            clocks.peripheral_clock.freq(),
            SPI_MHZ.MHz(),
            embedded_hal::spi::MODE_0,
        );
        let select = pins.gpio17.reconfigure::<FunctionSioOutput, PullNone>();
        let Ok(spi) = ExclusiveDevice::new(Queued(spi), select, timer);
        let camera = ArducamMega::probe(spi, timer, RESOLUTION, BYTE_ORDER).inspect_err(|error| {
            if !matches!(error, Error::NoCamera(0)) {
                // Something is there; why it is no camera is worth a line.
                let _ = write!(uart, "\r\n{error}\r\n");
            }
        });
        Parts {
            serial: TwoPorts::new(uart, usb, now),
            clock: Clock::start(now, clocks.system_clock.freq().to_MHz()),
            idle: core::hint::spin_loop,
            // Nothing on this board differs from startup to startup.
            boot: 0,
            camera: camera.ok(),
            light: Led(led),
        }
    }

    fn opened() -> bool {
        usb::opened()
    }

    const BOOT_LOADER: Option<fn() -> !> = Some(boot_loader::start);

    /// # Panics
    /// If it is called twice.
    fn models() -> Option<ModelFlash<impl NorFlash>> {
        static TAKEN: AtomicBool = AtomicBool::new(false);
        // One core, and no interrupt calls this.
        assert!(!TAKEN.load(Ordering::Relaxed), "the flash is taken once");
        TAKEN.store(true, Ordering::Relaxed);
        // SAFETY: there is one of it, as was just checked. The second core sleeps and DMA is idle. Of what is mapped, the store has
        // only that slot changed of which no model runs, and no slice of it is kept.
        let flash = unsafe { flash::Flash::new() };
        let mapped = |place| flash::mapped(place).unwrap_or(&[]);
        Some(ModelFlash { flash, layout: flash::LAYOUT, mapped, board: NAME })
    }

    fn last_port() -> impl Write {
        // SAFETY: the registers of UART0 exist for the life of the program, which the one that had the port never goes on with.
        LastPort(unsafe { &*pac::UART0::ptr() })
    }

    fn halt() -> ! {
        reset()
    }
}

/// UART0, driven by its registers.
struct LastPort(&'static pac::uart0::RegisterBlock);

impl ErrorType for LastPort {
    type Error = Infallible;
}

impl Write for LastPort {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for &byte in bytes {
            while self.0.uartfr().read().txff().bit_is_set() {}
            // SAFETY: the register takes any byte.
            self.0.uartdr().write(|w| unsafe { w.data().bits(byte) });
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        while self.0.uartfr().read().busy().bit_is_set() {}
        Ok(())
    }
}
