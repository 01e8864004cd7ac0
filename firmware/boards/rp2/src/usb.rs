//! The USB serial port (CDC-ACM), beside UART0. Its interrupt serves it at any time, so that a host finds it alive during an
//! inference.
//!
//! What the port does with bytes:
//!
//! - What a host sent is never lost: while the queue of received bytes has no room for a packet, the endpoint answers NAK, and the
//!   host sends the packet again.
//! - What the device says is dropped while nobody listens: the bus is not configured or asleep, or no terminal has the port open (DTR)
//!   and no host has sent anything. What waits is dropped when a terminal closes the port.
//! - A host that has the port open, but does not read, stops the device for 100 ms at most, once: then what does not fit is dropped
//!   until the host takes a packet again.
//! - When a terminal opens the port, or the bus is reset, a conversation begins: what came before is dropped where it was not read yet,
//!   ended by a delimiter where it was, and not answered any more.
//! - A terminal that closes the port at 1200 baud starts the boot loader.

mod identity;

use core::cell::RefCell;
use core::convert::Infallible;

use critical_section::Mutex;
use embedded_io::{ErrorType, Read, ReadReady, Write};
use firmware::device::Queue;
use usb_device::bus::UsbBusAllocator;
use usb_device::device::{StringDescriptors, UsbDevice, UsbDeviceBuilder, UsbDeviceState, UsbRev};
use usbd_serial::{CdcAcmClass, USB_CLASS_CDC};

use crate::boot_loader;
use crate::hal::clocks::UsbClock;
use crate::hal::usb::UsbBus;
use crate::pac::{self, interrupt};

#[cfg(feature = "rp2350")]
use crate::pac::{USB as Registers, USB_DPRAM as Memory};
#[cfg(feature = "rp2040")]
use crate::pac::{USBCTRL_DPRAM as Memory, USBCTRL_REGS as Registers};

/// Bytes of a packet, the most at full speed.
const PACKET: usize = 64;

/// Bytes that have arrived, and bytes that wait to be taken, at most.
const RECEIVED: usize = 1024;
const UNSENT: usize = 1024;

/// So long a host that reads nothing is waited for, in microseconds.
const PATIENCE_US: u64 = 100_000;

/// The rate at which closing the port starts the boot loader, a custom of Arduino's boards.
const BOOT_LOADER_BAUD: u32 = 1200;

/// Within so many cycles the host has fetched the answer to its request, which waits in the controller: two frames of USB.
const ANSWER_CYCLES: u32 = 300_000;

/// What the interrupt serves; none before the start.
static PORT: Mutex<RefCell<Option<&'static mut Port>>> = Mutex::new(RefCell::new(None));

struct Port {
    device: UsbDevice<'static, UsbBus>,
    class: CdcAcmClass<'static, UsbBus>,
    received: Queue<RECEIVED>,
    unsent: Queue<UNSENT>,
    /// The packet that was sent last is full, so a host waits for more, if only for an empty one.
    unended: bool,
    /// A terminal has the port open (DTR).
    terminal: bool,
    /// It was opened since [`opened`] was asked last.
    opened: bool,
    /// A host has sent something since it was configured, or since the terminal before closed the port.
    talks: bool,
    /// So many conversations began.
    conversation: u32,
    /// A host that should read has taken nothing for [`PATIENCE_US`].
    stalled: bool,
}

/// Starts the port: the host finds the device from now on.
///
/// # Panics
/// If it was started before.
pub fn start<T: FnMut() -> u64>(
    registers: Registers,
    memory: Memory,
    clock: UsbClock,
    resets: &mut pac::RESETS,
    now: T,
) -> UsbPort<T> {
    let bus = UsbBusAllocator::new(UsbBus::new(registers, memory, clock, true, resets));
    let bus = cortex_m::singleton!(: UsbBusAllocator<UsbBus> = bus).expect("the port is started once");
    let class = CdcAcmClass::new(bus, PACKET as u16);
    let mut strings = StringDescriptors::default().manufacturer(identity::MANUFACTURER).product(identity::PRODUCT);
    if let Some(number) = identity::serial_number() {
        strings = strings.serial_number(number);
    }
    let device = UsbDeviceBuilder::new(bus, identity::IDS)
        .strings(&[strings])
        .expect("one language fits")
        .usb_rev(UsbRev::Usb200)
        .device_class(USB_CLASS_CDC)
        .max_packet_size_0(PACKET as u8)
        .expect("a size that USB knows")
        .max_power(identity::MILLIAMPERES)
        .expect("no more than USB allows")
        .build();
    let port = cortex_m::singleton!(: Port = Port {
        device,
        class,
        received: Queue::new(),
        unsent: Queue::new(),
        unended: false,
        terminal: false,
        opened: false,
        talks: false,
        conversation: 0,
        stalled: false,
    });
    critical_section::with(|section| PORT.replace(section, port));
    // SAFETY: nothing relies on this interrupt being off; what it shares with the program is behind a critical section.
    unsafe { cortex_m::peripheral::NVIC::unmask(pac::Interrupt::USBCTRL_IRQ) };
    UsbPort { now, heard: 0, taken: None }
}

/// Whether a terminal has opened the port since this was asked last. Until it is asked, nothing is ready to be read.
pub fn opened() -> bool {
    with(|port| core::mem::take(&mut port.opened))
}

/// # Panics
/// If the port has not been started.
fn with<R>(access: impl FnOnce(&mut Port) -> R) -> R {
    critical_section::with(|section| access(PORT.borrow_ref_mut(section).as_deref_mut().expect("the port was started")))
}

#[interrupt]
fn USBCTRL_IRQ() {
    with(Port::serve);
}

impl Port {
    fn serve(&mut self) {
        self.device.poll(&mut [&mut self.class]);
        if self.device.state() == UsbDeviceState::Default {
            // The bus was reset.
            self.begin();
        }
        let terminal = self.class.dtr();
        if terminal != self.terminal {
            self.terminal = terminal;
            if terminal {
                self.opened = true;
                self.begin();
            } else {
                self.hush();
                // A reset of the bus sets another rate.
                if self.class.line_coding().data_rate() == BOOT_LOADER_BAUD {
                    cortex_m::asm::delay(ANSWER_CYCLES);
                    boot_loader::start();
                }
            }
        }
        self.receive();
        self.send();
    }

    /// Begins a conversation.
    fn begin(&mut self) {
        self.hush();
        self.received.clear();
        self.received.push(&[0]);
        self.conversation = self.conversation.wrapping_add(1);
    }

    /// Drops what waits for a listener who has gone.
    fn hush(&mut self) {
        self.unsent.clear();
        (self.unended, self.talks, self.stalled) = (false, false, false);
    }

    /// Fetches packets while there is room for them.
    fn receive(&mut self) {
        let mut packet = [0; PACKET];
        while self.received.room() >= PACKET {
            let Ok(count) = self.class.read_packet(&mut packet) else { return };
            self.talks = true;
            self.received.push(packet.get(..count).unwrap_or(&[]));
        }
        // The endpoint stays full, which is a NAK to the host, and must not interrupt again and again meanwhile.
        let endpoint = self.class.read_ep().address().index();
        // SAFETY: writing ones clears flags of this register; that of the full endpoint only tells what its buffer tells as well.
        unsafe { (*Registers::ptr()).buff_status().write(|w| w.bits(1 << (2 * endpoint + 1))) };
    }

    /// Hands the next packet to the controller, if it has sent the one before.
    fn send(&mut self) {
        if self.unsent.is_empty() && !self.unended {
            return;
        }
        let first = self.unsent.first();
        let packet = first.get(..PACKET).unwrap_or(first);
        let Ok(count) = self.class.write_packet(packet) else { return };
        self.unsent.drop(count);
        (self.unended, self.stalled) = (count == PACKET, false);
    }

    /// Whether somebody listens.
    fn is_open(&self) -> bool {
        self.device.state() == UsbDeviceState::Configured && (self.terminal || self.talks)
    }

    fn read(&mut self, buffer: &mut [u8]) -> usize {
        let count = self.received.take(buffer);
        self.receive();
        count
    }

    /// Takes what fits; `None` if nobody listens.
    fn write(&mut self, bytes: &[u8]) -> Option<usize> {
        if !self.is_open() {
            return None;
        }
        let count = self.unsent.push(bytes);
        self.send();
        if count == 0 && self.stalled { None } else { Some(count) }
    }
}

/// The program's end of the port.
#[derive(Debug)]
pub struct UsbPort<T> {
    /// Microseconds since startup.
    now: T,
    /// The conversation that was read last.
    heard: u32,
    /// Whether the message that is being written is taken, or dropped; none is being written at first.
    taken: Option<bool>,
}

impl<T> ErrorType for UsbPort<T> {
    type Error = Infallible;
}

impl<T> ReadReady for UsbPort<T> {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        // The banner comes before the answer to what a terminal sends as soon as it has opened the port.
        Ok(with(|port| !port.received.is_empty() && !port.opened))
    }
}

impl<T> Read for UsbPort<T> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        loop {
            let (count, conversation) = with(|port| (port.read(buffer), port.conversation));
            if count > 0 || buffer.is_empty() {
                self.heard = conversation;
                return Ok(count);
            }
        }
    }
}

impl<T: FnMut() -> u64> Write for UsbPort<T> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let Some(&first) = bytes.first() else { return Ok(0) };
        // A frame, which begins with a delimiter, is an answer.
        let taken = *self.taken.get_or_insert_with(|| first != 0 || with(|port| port.conversation) == self.heard);
        if !taken {
            return Ok(bytes.len());
        }
        let mut start = None;
        loop {
            match with(|port| port.write(bytes)) {
                None => {
                    self.taken = Some(false);
                    return Ok(bytes.len());
                }
                Some(0) => {
                    let now = (self.now)();
                    if now - *start.get_or_insert(now) >= PATIENCE_US {
                        with(|port| port.stalled = true);
                    }
                }
                Some(count) => return Ok(count),
            }
        }
    }

    /// Ends a message; its bytes are on their way.
    fn flush(&mut self) -> Result<(), Infallible> {
        self.taken = None;
        Ok(())
    }
}
