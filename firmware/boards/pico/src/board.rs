//! A Pico's parts: clocks, UART0 at GPIO 0 and 1, the LED at GPIO 25.

use cortex_m_board::clock::Clock;
use rp2040_hal::clocks::{Clock as _, init_clocks_and_plls};
use rp2040_hal::fugit::RateExtU32;
use rp2040_hal::gpio::bank0::{Gpio0, Gpio1, Gpio25};
use rp2040_hal::gpio::{FunctionSioOutput, FunctionUart, Pin, Pins, PullDown, PullNone};
use rp2040_hal::uart::{DataBits, Enabled, StopBits, UartConfig, UartPeripheral};
use rp2040_hal::{Sio, Timer, Watchdog, pac};

/// Bits a second of the serial port: eight data bits, no parity, one stop bit.
pub const BAUD: u32 = 115_200;

/// The crystal of the board, in Hz.
const CRYSTAL_HZ: u32 = 12_000_000;

/// The serial port.
pub type Uart = UartPeripheral<Enabled, pac::UART0, (SerialPin<Gpio0>, SerialPin<Gpio1>)>;

type SerialPin<P> = Pin<P, FunctionUart, PullNone>;

/// The parts in use, ready.
pub struct Parts<M> {
    /// UART0, output at GPIO 0, input at GPIO 1.
    pub uart: Uart,
    /// The LED of the board.
    pub led: Pin<Gpio25, FunctionSioOutput, PullDown>,
    /// Time since now.
    pub clock: Clock<M>,
}

/// Starts the board.
///
/// # Panics
/// If it was started before.
pub fn start() -> Parts<impl Fn() -> u64> {
    let pac::Peripherals {
        mut RESETS,
        CLOCKS,
        IO_BANK0,
        PADS_BANK0,
        PLL_SYS,
        PLL_USB,
        SIO,
        TIMER,
        UART0,
        WATCHDOG,
        XOSC,
        ..
    } = pac::Peripherals::take().expect("the board is started once");
    let mut watchdog = Watchdog::new(WATCHDOG);
    let clocks = init_clocks_and_plls(CRYSTAL_HZ, XOSC, CLOCKS, PLL_SYS, PLL_USB, &mut RESETS, &mut watchdog)
        .unwrap_or_else(|_| panic!("the crystal does not give the clocks that it should"));
    let timer = Timer::new(TIMER, &mut RESETS, &clocks);
    let pins = Pins::new(IO_BANK0, PADS_BANK0, Sio::new(SIO).gpio_bank0, &mut RESETS);
    let uart = UartPeripheral::new(UART0, (pins.gpio0.reconfigure(), pins.gpio1.reconfigure()), &mut RESETS)
        .enable(UartConfig::new(BAUD.Hz(), DataBits::Eight, None, StopBits::One), clocks.peripheral_clock.freq())
        .expect("the clock is fast enough for the serial port");
    let clock = Clock::start(move || timer.get_counter().ticks(), clocks.system_clock.freq().to_MHz());
    Parts { uart, led: pins.gpio25.reconfigure(), clock }
}
