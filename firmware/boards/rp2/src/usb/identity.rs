//! Who the device says it is.

use usb_device::device::UsbVidPid;

/// The numbers that V-USB lends to serial ports (CDC-ACM) whose strings tell them apart.
pub const IDS: UsbVidPid = UsbVidPid(0x16c0, 0x27dd);

/// Its maker.
pub const MANUFACTURER: &str = "fer";

/// Its name.
#[cfg(feature = "rp2040")]
pub const PRODUCT: &str = "Facial expressions (pico)";
#[cfg(feature = "rp2350")]
pub const PRODUCT: &str = "Facial expressions (pico2)";

/// What it takes from the bus at most, its camera included, in mA.
pub const MILLIAMPERES: usize = 250;

/// Its serial number: sixteen digits of the number that its flash chip has, or its processor where that has one. A board that tells none
/// goes without; the host then tells two boards apart by their sockets.
///
/// # Panics
/// If it is asked for twice.
pub fn serial_number() -> Option<&'static str> {
    let mut number = number()?;
    let digits = cortex_m::singleton!(: [u8; 16] = [0; 16]).expect("it is asked for once");
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789ABCDEF"[(number % 16) as usize];
        number /= 16;
    }
    core::str::from_utf8(digits).ok()
}

#[cfg(feature = "rp2040")]
fn number() -> Option<u64> {
    crate::flash::number()
}

#[cfg(feature = "rp2350")]
fn number() -> Option<u64> {
    let chip = crate::hal::rom_data::sys_info_api::chip_info().ok()??;
    Some(u64::from(chip.wafer_id) << 32 | u64::from(chip.device_id))
}
