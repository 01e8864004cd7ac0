//! Pictures to a device, and the pictures that it looked at.

use std::{
    io::{Read, Write},
    time::Duration,
};

use shared::{
    checksum::crc32,
    wire::{ErrorCode, FrameSize, PART_BYTES, RequestKind, Seen, View},
};

use super::client::{Answer, Client, LinkError, Notice};

/// How often a picture is sent from its beginning, or a view asked for from there.
const ATTEMPTS: usize = 8;

impl<S: Read + Write> Client<S> {
    /// Asks the device what is to be seen in a picture: `size.pixels()` grey levels, row by row. One of a `video` has the one before
    /// it as its past; others have none.
    ///
    /// # Errors
    /// [`LinkError::Refused`] if the device finds no faces or takes no picture of this size; [`LinkError`].
    pub fn look(&mut self, size: FrameSize, pixels: &[u8], video: bool) -> Result<Seen, LinkError> {
        let mut attempt = 1;
        loop {
            match self.send_picture(size, pixels, video) {
                // A restart in its middle, or a host beside this one.
                Err(LinkError::Refused(
                    ErrorCode::NoPicture | ErrorCode::PictureOrder { .. } | ErrorCode::PictureChecksum,
                )) if attempt < ATTEMPTS => {
                    attempt += 1;
                    self.notices.push(Notice::Retried);
                }
                result => return result,
            }
        }
    }

    fn send_picture(&mut self, size: FrameSize, pixels: &[u8], video: bool) -> Result<Seen, LinkError> {
        self.arrived(RequestKind::PictureBegin { size, video }, 0)?;
        for (index, part) in pixels.chunks(PART_BYTES).enumerate() {
            let offset = index * PART_BYTES;
            let kind = RequestKind::PicturePart { offset: offset as u32, pixels: part };
            self.arrived(kind, offset + part.len())?;
        }
        match self.ask(RequestKind::PictureEnd { crc: crc32(pixels) })? {
            Answer::Seen(seen) => Ok(seen),
            _ => Err(LinkError::Mismatch),
        }
    }

    /// Sends a part, after which the device must have so many pixels.
    fn arrived(&mut self, kind: RequestKind<'_>, pixels: usize) -> Result<(), LinkError> {
        match self.ask(kind)? {
            Answer::Arrived(arrived) if arrived as usize == pixels => Ok(()),
            _ => Err(LinkError::Mismatch),
        }
    }

    /// The picture that the device looked at last, or the face in it as the model saw it: its number, size and grey levels.
    ///
    /// # Errors
    /// [`LinkError::Refused`] if there is none, or the device's camera stopped; [`LinkError`].
    pub fn view(&mut self, view: View) -> Result<(u32, FrameSize, Vec<u8>), LinkError> {
        let mut pixels: Vec<u8> = Vec::new();
        let mut number = None;
        let mut attempt = 1;
        loop {
            let offset = pixels.len() as u32;
            let (part, arrived) = match self.ask(RequestKind::View { view, offset }) {
                Ok(Answer::View(part, arrived)) => (part, arrived),
                // The next picture is smaller.
                Err(LinkError::Refused(ErrorCode::NoView)) if offset > 0 && attempt < ATTEMPTS => {
                    attempt += 1;
                    pixels.clear();
                    continue;
                }
                Err(error) => return Err(error),
                Ok(_) => return Err(LinkError::Mismatch),
            };
            if offset > 0 && number != Some(part.number) && attempt < ATTEMPTS {
                // Another picture came between its parts.
                attempt += 1;
                pixels.clear();
                continue;
            }
            number = Some(part.number);
            let room = part.size.pixels().saturating_sub(pixels.len());
            if part.offset != offset || arrived.is_empty() || arrived.len() > room {
                return Err(LinkError::Mismatch);
            }
            pixels.extend(arrived);
            if pixels.len() == part.size.pixels() {
                return Ok((part.number, part.size, pixels));
            }
        }
    }

    /// What the device's own camera saw since the last call: the number of each picture, and what is in it.
    pub fn take_readouts(&mut self) -> Vec<(u32, Seen)> {
        std::mem::take(&mut self.readouts)
    }

    /// As [`take_readouts`](Self::take_readouts), after `time`. A host must ask for something, such as the statistics, every few
    /// seconds, or the device takes it for gone.
    ///
    /// # Errors
    /// [`LinkError::Io`].
    pub fn listen(&mut self, time: Duration) -> Result<Vec<(u32, Seen)>, LinkError> {
        self.hear(time)?;
        Ok(self.take_readouts())
    }
}
