//! Pictures that a host sends in parts, and those that it looks at.

use embedded_io::{Read, ReadReady, Write};
use shared::{
    checksum::crc32,
    preprocessing::FACE_PIXELS,
    wire::{ENCODE_PART_BYTES, ErrorCode, FrameSize, Output, PART_BYTES, Reply, ReplyKind, View, ViewPart},
};

use super::{Clock, Device, led::Status, link::send, past::Past};
use crate::camera::Camera;

/// A picture is dropped if so long nothing comes of it, in microseconds.
const WAIT_US: u64 = 5_000_000;

/// A host from which nothing came for so long is gone, in microseconds.
const GONE_US: u64 = 10_000_000;

/// A host's picture that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming {
    size: FrameSize,
    video: bool,
    /// Pixels that have arrived.
    arrived: usize,
}

impl<S: Read + ReadReady + Write, C: Clock, V: Camera> Device<'_, '_, S, C, V> {
    pub(super) fn begin_picture(&mut self, size: FrameSize, video: bool) -> Result<ReplyKind<'static>, ErrorCode> {
        self.incoming = None;
        let sight = self.sight.as_mut().ok_or(ErrorCode::NoFinder)?;
        let largest = sight.largest;
        if !size.fits(largest) {
            return Err(ErrorCode::PictureSize { size, largest });
        }
        sight.forget();
        if let Some(watch) = &mut self.watch {
            watch.begin_anew();
        }
        self.incoming = Some(Incoming { size, video, arrived: 0 });
        Ok(ReplyKind::Arrived { pixels: 0 })
    }

    pub(super) fn take_part(&mut self, offset: u32, pixels: &[u8]) -> Result<ReplyKind<'static>, ErrorCode> {
        let sight = self.sight.as_mut().ok_or(ErrorCode::NoFinder)?;
        let incoming = self.incoming.as_mut().ok_or(ErrorCode::NoPicture)?;
        let Incoming { size, arrived, .. } = *incoming;
        if offset as usize != arrived {
            return Err(ErrorCode::PictureOrder { expected: arrived as u32, found: offset });
        }
        let end = arrived.saturating_add(pixels.len());
        let room = if end <= size.pixels() { sight.memory.get_mut(arrived..end) } else { None };
        let too_long = ErrorCode::PictureOrder { expected: size.pixels() as u32, found: end as u32 };
        let room = room.ok_or(too_long)?;
        room.copy_from_slice(pixels);
        incoming.arrived = end;
        Ok(ReplyKind::Arrived { pixels: end as u32 })
    }

    pub(super) fn end_picture(&mut self, crc: u32) -> Result<ReplyKind<'static>, ErrorCode> {
        let sight = self.sight.as_mut().ok_or(ErrorCode::NoFinder)?;
        let Incoming { size, video, arrived } = self.incoming.take().ok_or(ErrorCode::NoPicture)?;
        if arrived != size.pixels() {
            return Err(ErrorCode::PictureOrder { expected: arrived as u32, found: size.pixels() as u32 });
        }
        if crc32(sight.memory.get(..arrived).unwrap_or(&[])) != crc {
            return Err(ErrorCode::PictureChecksum);
        }
        if !video {
            self.past = Past::default();
        }
        if let Some(led) = &mut self.led {
            led.work();
        }
        let past = video.then_some(&mut self.past);
        let seen = sight.look(size, past, &mut self.engine, &mut self.clock, &self.options)?;
        self.show(Status::of_picture(&seen));
        self.stats.pictures = self.stats.pictures.saturating_add(1);
        self.stats.worst_microseconds = self.stats.worst_microseconds.max(seen.microseconds);
        Ok(ReplyKind::Seen(seen))
    }

    /// Sends a part of what the device looked at last.
    pub(super) fn reply_view(&mut self, sequence: u32, view: View, offset: u32) -> Result<(), S::Error> {
        let finished = if self.incoming.is_none() { self.finish_picture()? } else { Err(ErrorCode::NoView) };
        if let Err(error) = finished {
            return self.reply(sequence, ReplyKind::Error(error));
        }
        let mut face = [0; FACE_PIXELS];
        let seen = self.sight.as_ref().and_then(|sight| Some((sight.number, sight.view(view, &mut face)?)));
        let rest = seen.and_then(|(number, (size, pixels))| Some((number, size, pixels.get(offset as usize..)?)));
        let kind = match rest {
            Some((number, size, rest)) if !rest.is_empty() => {
                let pixels = rest.get(..PART_BYTES).unwrap_or(rest);
                if let Some(watch) = &mut self.watch
                    && pixels.len() < rest.len()
                {
                    // The host will ask for the rest, too.
                    watch.hold(self.clock.microseconds());
                }
                ReplyKind::View(ViewPart { number, size, offset, pixels })
            }
            _ => ReplyKind::Error(ErrorCode::NoView),
        };
        send(&mut self.serial, &Reply { sequence, kind }, &mut [0; ENCODE_PART_BYTES])
    }

    /// Forgets a picture whose host sends no more of it; and prints text again where a host that was told what the camera sees is
    /// gone.
    pub(super) fn drop_what_waits_too_long(&mut self, now: u64) {
        let silent = self.asked_us.map_or(u64::MAX, |asked| now.saturating_sub(asked));
        if silent >= WAIT_US {
            self.incoming = None;
        }
        if silent >= GONE_US && self.watch.is_some() {
            self.options.output = Output::Text;
        }
    }
}
