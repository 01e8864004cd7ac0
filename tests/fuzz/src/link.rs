//! A serial link in memory, and its clock: a device has one end, a test or a fuzz target the other.

use std::{cell::RefCell, convert::Infallible, rc::Rc};

use embedded_io::{ErrorType, Read, ReadReady, Write};
use firmware::device::Clock;

/// Both ends; the clock stands still but for [`pass`](Self::pass).
#[derive(Clone, Default)]
pub struct Link(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    to_device: Vec<u8>,
    /// How many of them the device has read.
    read: usize,
    from_device: Vec<u8>,
    now_us: u64,
}

impl Link {
    /// Sends bytes to the device, in place of all before.
    pub fn send(&self, bytes: &[u8]) {
        let state = &mut *self.0.borrow_mut();
        state.to_device.clear();
        state.to_device.extend_from_slice(bytes);
        state.read = 0;
    }

    /// How many bytes the device has not read yet.
    pub fn unread(&self) -> usize {
        let state = self.0.borrow();
        state.to_device.len() - state.read
    }

    /// Takes what the device has sent.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut().from_device)
    }

    /// Lets time pass.
    pub fn pass(&self, microseconds: u64) {
        self.0.borrow_mut().now_us += microseconds;
    }
}

impl ErrorType for Link {
    type Error = Infallible;
}

impl ReadReady for Link {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.unread() > 0)
    }
}

impl Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let state = &mut *self.0.borrow_mut();
        let unread = &state.to_device[state.read..];
        let count = buffer.len().min(unread.len());
        buffer[..count].copy_from_slice(&unread[..count]);
        state.read += count;
        Ok(count)
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.borrow_mut().from_device.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Clock for Link {
    fn microseconds(&mut self) -> u64 {
        self.0.borrow().now_us
    }
}
