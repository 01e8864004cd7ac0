//! Arducam Mega: a camera at SPI alone. The module sets up its sensor by itself, so there are no tables of registers.
//!
//! Registers are those of Arducam's "Mega SPI Camera Series Application Note" (September 2023); the order in which they are
//! written is that of its own library. SPI is of mode 0, at 8 MHz at most.

use core::fmt;

use embedded_hal::{
    delay::DelayNs,
    spi::{ErrorKind, Operation, SpiDevice},
};

use super::{Camera, FrameSize, Progress};

/// Set in the address of a register that is written.
const WRITE: u8 = 0x80;

const FIFO: u8 = 0x04;
const CLEAR_DONE: u8 = 1;
const START: u8 = 1 << 1;

const CONTROL: u8 = 0x07;
const RESET: u8 = 1 << 6;

/// The sensor's address at the module's own I2C; the same for all.
const SENSOR_ADDRESS: [u8; 2] = [0x0a, 0x78];

const FORMAT: u8 = 0x20;
const YUV: u8 = 3;

const RESOLUTION: u8 = 0x21;

const SENSOR: u8 = 0x40;
/// Of 5, 3, 5 and 3 megapixels.
const SENSORS: core::ops::RangeInclusive<u8> = 0x81..=0x84;

const STATE: u8 = 0x44;
/// The module has done what was written last.
const IDLE: u8 = 0b10;
const IDLE_BITS: u8 = 0b11;
/// A picture lies in the module's memory.
const DONE: u8 = 1 << 2;

/// Bytes of the picture, the lowest of three first.
const LENGTH: [u8; 3] = [0x45, 0x46, 0x47];

const BURST: u8 = 0x3c;

/// From one look for a module to the next, in milliseconds, and looks at most: it starts when the board does.
const PROBE_MS: u32 = 10;
const PROBES: u32 = 100;

/// Pixels that are read at once: a row of 320, two thirds of a millisecond at 8 MHz.
const PIECE: usize = 320;

/// Columns and rows of a picture, of those that the modules make and the core takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// 320x240.
    Qvga,
    /// 128x128.
    Square128,
    /// 96x96.
    Square96,
}

/// In which order brightness (Y) and colour (U, V) come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// Brightness first, as in Arducam's own examples.
    Yuyv,
    /// Colour first. Pictures that look like noise in the other order are in this one.
    Uyvy,
}

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Nothing answers: where the module's sensor should stand, this does.
    NoCamera(u8),
    /// The picture has another number of bytes than one of this resolution.
    Length {
        /// Bytes of such a picture.
        need: u32,
        /// What the module says.
        have: u32,
    },
    /// The module was reset or taken away while the picture was read; its state afterwards.
    Lost(u8),
    /// The memory for the picture is too small.
    Memory {
        /// Bytes of the picture.
        need: usize,
        /// Bytes there are.
        have: usize,
    },
    /// SPI itself.
    Bus(ErrorKind),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoCamera(sensor) => {
                write!(f, "no Arducam Mega answers (sensor {sensor:#04x}); check its power and the lines of SPI")
            }
            Error::Length { need, have } => {
                write!(
                    f,
                    "the picture has {have} bytes in place of {need}; check the lines of SPI, or make them shorter"
                )
            }
            Error::Lost(state) => {
                write!(f, "lost within a picture (state {state:#04x}); check its power and the lines of SPI")
            }
            Error::Memory { need, have } => {
                write!(f, "the memory has {have} bytes and a picture {need}; choose a lower resolution")
            }
            Error::Bus(error) => write!(f, "SPI: {error}"),
        }
    }
}

impl core::error::Error for Error {}

/// How far the module is. `Reset` to `Resolution` were written and wait until it is idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// In an unknown state.
    Unknown,
    /// It was reset and answers.
    Found,
    Reset,
    Format,
    Resolution,
    /// A picture is being taken.
    Exposed,
    /// It lies in the module's memory, and so many of its pixels were read.
    Reading(usize),
    /// Set up, with no picture.
    Ready,
}

/// A module at `spi`.
#[derive(Debug)]
pub struct ArducamMega<S, D> {
    spi: S,
    delay: D,
    resolution: Resolution,
    order: ByteOrder,
    step: Step,
}

impl<S: SpiDevice, D: DelayNs> ArducamMega<S, D> {
    /// Resets the module, and looks for it for a second.
    ///
    /// # Errors
    /// [`Error::NoCamera`] if there is none, [`Error::Bus`].
    pub fn probe(spi: S, delay: D, resolution: Resolution, order: ByteOrder) -> Result<Self, Error> {
        let mut camera = Self { spi, delay, resolution, order, step: Step::Unknown };
        camera.start()?;
        let mut sensor = 0;
        for _ in 0..PROBES {
            camera.delay.delay_ms(PROBE_MS);
            sensor = camera.register(SENSOR)?;
            if SENSORS.contains(&sensor) {
                camera.step = Step::Found;
                return Ok(camera);
            }
        }
        Err(Error::NoCamera(sensor))
    }

    /// Columns and rows of its pictures.
    pub fn size(&self) -> FrameSize {
        match self.resolution {
            Resolution::Qvga => FrameSize { columns: 320, rows: 240 },
            Resolution::Square128 => FrameSize { columns: 128, rows: 128 },
            Resolution::Square96 => FrameSize { columns: 96, rows: 96 },
        }
    }

    fn register(&mut self, address: u8) -> Result<u8, Error> {
        // The module needs the time of a byte to have its answer.
        let mut bytes = [address, 0, 0];
        self.spi.transfer_in_place(&mut bytes).map_err(bus)?;
        let [.., value] = bytes;
        Ok(value)
    }

    fn set(&mut self, register: u8, value: u8) -> Result<(), Error> {
        self.spi.write(&[register | WRITE, value]).map_err(bus)?;
        self.delay.delay_ms(1);
        Ok(())
    }

    fn expose(&mut self) -> Result<Step, Error> {
        self.set(FIFO, CLEAR_DONE)?;
        self.set(FIFO, START)?;
        Ok(Step::Exposed)
    }

    /// Goes on with what [`start`](Camera::start) began: the step that follows, which may be the same.
    fn advance(&mut self) -> Result<Step, Error> {
        let state = self.register(STATE)?;
        let idle = state & IDLE_BITS == IDLE;
        match self.step {
            Step::Reset if idle => {
                let [register, address] = SENSOR_ADDRESS;
                self.set(register, address)?;
                self.set(FORMAT, YUV).map(|()| Step::Format)
            }
            Step::Format if idle => {
                let code = match self.resolution {
                    Resolution::Qvga => 1,
                    Resolution::Square96 => 10,
                    Resolution::Square128 => 11,
                };
                self.set(RESOLUTION, code).map(|()| Step::Resolution)
            }
            Step::Resolution if idle => self.expose(),
            Step::Exposed if state & DONE != 0 => self.measure().map(|()| Step::Reading(0)),
            step => Ok(step),
        }
    }

    /// Whether the picture has as many bytes as it should. A few more may stand behind it.
    fn measure(&mut self) -> Result<(), Error> {
        let mut have = 0;
        for register in LENGTH.into_iter().rev() {
            have = have << 8 | u32::from(self.register(register)?);
        }
        let need = 2 * self.size().pixels() as u32;
        if (need..2 * need).contains(&have) { Ok(()) } else { Err(Error::Length { need, have }) }
    }

    /// Reads the pixels of the picture that follow those that were read, as many as `grey` has. `first` are the first ones.
    fn read(&mut self, first: bool, grey: &mut [u8]) -> Result<(), Error> {
        let mut first = first;
        for grey in grey.chunks_mut(PIECE) {
            let mut bytes = [0; 2 * PIECE];
            let (bytes, _) = bytes.split_at_mut(2 * grey.len());
            // The module needs the time of a byte to begin, and only then.
            let command: &[u8] = if core::mem::take(&mut first) { &[BURST, 0] } else { &[BURST] };
            self.spi.transaction(&mut [Operation::Write(command), Operation::Read(bytes)]).map_err(bus)?;
            for (grey, &[one, other]) in grey.iter_mut().zip(bytes.as_chunks().0) {
                *grey = if self.order == ByteOrder::Yuyv { one } else { other };
            }
        }
        Ok(())
    }

    fn fetch_piece(&mut self, frame: &mut [u8]) -> Result<Progress, Error> {
        let size = self.size();
        let (need, have) = (size.pixels(), frame.len());
        let frame = frame.get_mut(..need).ok_or(Error::Memory { need, have })?;
        let Step::Reading(taken) = self.step else {
            self.step = self.advance()?;
            return Ok(Progress::Waiting);
        };
        let rest = frame.get_mut(taken..).unwrap_or(&mut []);
        let (piece, _) = rest.split_at_mut(rest.len().min(size.columns.into()));
        self.read(taken == 0, piece)?;
        let taken = taken + piece.len();
        self.step = Step::Reading(taken);
        if taken < need {
            return Ok(Progress::Partial);
        }
        let state = self.register(STATE)?;
        if state & (DONE | IDLE_BITS) != DONE | IDLE {
            return Err(Error::Lost(state));
        }
        self.step = Step::Ready;
        Ok(Progress::Whole(size))
    }
}

impl<S: SpiDevice, D: DelayNs> Camera for ArducamMega<S, D> {
    type Error = Error;

    fn start(&mut self) -> Result<(), Error> {
        self.step = match core::mem::replace(&mut self.step, Step::Unknown) {
            Step::Found => Step::Reset,
            Step::Ready | Step::Reading(_) => self.expose()?,
            // It was lost, or does not get ready: everything anew.
            _ => self.set(CONTROL, RESET).map(|()| Step::Reset)?,
        };
        Ok(())
    }

    fn fetch(&mut self, frame: &mut [u8]) -> Result<Progress, Error> {
        let result = self.fetch_piece(frame);
        if result.is_err() {
            self.step = Step::Unknown;
        }
        result
    }
}

fn bus(error: impl embedded_hal::spi::Error) -> Error {
    Error::Bus(error.kind())
}

#[cfg(test)]
mod tests;
