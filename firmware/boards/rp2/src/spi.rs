//! SPI that does not rest between bytes.

use embedded_hal::spi::{ErrorType, SpiBus};
use embedded_hal_nb::{nb, spi::FullDuplex};

/// Bytes of the chip's queues.
const QUEUE: usize = 8;

/// A bus whose queue of bytes to send is kept filled while it reads. The library's own sends a byte once the one before has
/// come back.
#[derive(Debug)]
pub struct Queued<B>(pub B);

impl<B: ErrorType> ErrorType for Queued<B> {
    type Error = B::Error;
}

impl<B: SpiBus + FullDuplex<u8>> SpiBus for Queued<B> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        let (first, all) = (QUEUE.min(bytes.len()), bytes.len());
        for _ in 0..first {
            nb::block!(FullDuplex::write(&mut self.0, 0))?;
        }
        // So many are under way that none finds the queue full when it comes back.
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = nb::block!(FullDuplex::read(&mut self.0))?;
            if index + first < all {
                nb::block!(FullDuplex::write(&mut self.0, 0))?;
            }
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        SpiBus::write(&mut self.0, bytes)
    }

    fn transfer(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), Self::Error> {
        self.0.transfer(read, write)
    }

    fn transfer_in_place(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.transfer_in_place(bytes)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        SpiBus::flush(&mut self.0)
    }
}
