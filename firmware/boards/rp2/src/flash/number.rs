//! The number that every flash chip of the kinds on a Pico has. An RP2040 has none itself.

use super::{Functions, setup};

/// The command that asks for it (Winbond W25Q16JV, 8.2.21), four bytes that mean nothing, and room for the number.
const COMMAND: u8 = 0x4b;
const SKIPPED: usize = 5;
const BYTES: usize = SKIPPED + size_of::<u64>();

/// The select line of the flash, and what drives it (RP2040 datasheet, 2.19.6.2).
const SELECT: usize = 0x4001_800c;
const OUTPUT: u32 = 0b11 << 8;
const LOW: u32 = 0b10 << 8;
const HIGH: u32 = 0b11 << 8;

/// The serial interface of the flash: its state, and its bytes (4.10.13).
const STATE: usize = 0x1800_0028;
const MAY_SEND: u32 = 1 << 1;
const HAS_RECEIVED: u32 = 1 << 3;
const DATA: usize = 0x1800_0060;

/// Bytes that may be on their way at most; the interface keeps 16.
const ON_THEIR_WAY: usize = 14;

/// The flash chip's number; `None` if it tells none.
pub fn number() -> Option<u64> {
    let mut bytes = [0; BYTES];
    bytes[0] = COMMAND;
    let setup = setup();
    let functions = Functions::of(&setup);
    // The compiler must not call it as if it were near: it lies farther away than an instruction reaches.
    let in_ram: unsafe extern "C" fn(&Functions, &mut [u8; BYTES]) = core::hint::black_box(ask_in_ram);
    critical_section::with(|_| {
        // SAFETY: interrupts are off; the second core and DMA are idle. The pointers are those of the boot ROM for functions of
        // these types.
        unsafe { in_ram(&functions, &mut bytes) }
    });
    let number = u64::from_be_bytes(*bytes.last_chunk()?);
    (number != 0 && number != u64::MAX).then_some(number)
}

/// Exchanges bytes with the flash chip. Startup copies this function to RAM with all that is in `.data`.
///
/// It reads nothing that is in flash and calls nothing by name, not even a check of bounds.
///
/// # Safety
/// Interrupts are off and nobody else uses flash. The functions are what they are called.
#[inline(never)]
#[unsafe(link_section = ".data.ram_func")]
unsafe extern "C" fn ask_in_ram(functions: &Functions, bytes: &mut [u8; BYTES]) {
    let [select, state, data] = [
        core::ptr::with_exposed_provenance_mut::<u32>(SELECT),
        core::ptr::with_exposed_provenance_mut::<u32>(STATE),
        core::ptr::with_exposed_provenance_mut::<u32>(DATA),
    ];
    let bytes = bytes.as_mut_ptr();
    // SAFETY: the order is that of the datasheet, and what it says of the registers, which exist for the life of the program. Both
    // places are below the length of `bytes`. The rest is the caller's.
    unsafe {
        (functions.connect)();
        (functions.exit_xip)();
        select.write_volatile(select.read_volatile() & !OUTPUT | LOW);
        let (mut sent, mut received) = (0, 0);
        while received < BYTES {
            let now = state.read_volatile();
            if now & MAY_SEND != 0 && sent < BYTES && sent - received < ON_THEIR_WAY {
                data.write_volatile(u32::from(bytes.add(sent).read()));
                sent += 1;
            }
            if now & HAS_RECEIVED != 0 && received < sent {
                bytes.add(received).write(data.read_volatile() as u8);
                received += 1;
            }
        }
        select.write_volatile(select.read_volatile() & !OUTPUT | HIGH);
        (functions.flush)();
        (functions.setup)();
    }
}
