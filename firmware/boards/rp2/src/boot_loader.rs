//! The boot loader in the chip's ROM, which appears as a drive at USB.

/// Starts it in place of the program.
#[cfg(feature = "rp2040")]
pub fn start() -> ! {
    crate::hal::rom_data::reset_to_usb_boot(0, 0)
}

/// Starts it in place of the program.
#[cfg(feature = "rp2350")]
pub fn start() -> ! {
    use crate::hal::reboot::{RebootArch, RebootKind, reboot};

    reboot(RebootKind::BootSel { picoboot_disabled: false, msd_disabled: false }, RebootArch::Normal)
}
