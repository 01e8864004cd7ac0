//! No flash.

use core::convert::Infallible;

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

/// The flash of a board that has none for models.
#[derive(Clone, Copy, Debug)]
pub enum NoFlash {}

/// Its errors, of which there are none.
#[derive(Clone, Copy, Debug)]
pub struct NoError(Infallible);

impl NorFlashError for NoError {
    fn kind(&self) -> NorFlashErrorKind {
        match self.0 {}
    }
}

impl ErrorType for NoFlash {
    type Error = NoError;
}

impl ReadNorFlash for NoFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, _: u32, _: &mut [u8]) -> Result<(), NoError> {
        match *self {}
    }

    fn capacity(&self) -> usize {
        match *self {}
    }
}

impl NorFlash for NoFlash {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, _: u32, _: u32) -> Result<(), NoError> {
        match *self {}
    }

    fn write(&mut self, _: u32, _: &[u8]) -> Result<(), NoError> {
        match *self {}
    }
}
