//! Replies in frames.

use embedded_io::{Read, ReadReady, Write};
use shared::{
    preprocessing::FACE_SIZE,
    wire::{ENCODE_REPLY_BYTES, FinderIdentity, Hello, PROTOCOL_VERSION, Reply, ReplyKind, encode},
};

use super::{Clock, Device};
use crate::camera::Camera;

impl<'model, S: Read + ReadReady + Write, C: Clock, V: Camera> Device<'model, '_, S, C, V> {
    pub(super) fn reply(&mut self, sequence: u32, kind: ReplyKind<'_>) -> Result<(), S::Error> {
        send(&mut self.serial, &Reply { sequence, kind }, &mut [0; ENCODE_REPLY_BYTES])
    }

    pub(super) fn reply_hello(&mut self, sequence: u32) -> Result<(), S::Error> {
        let kind = ReplyKind::Hello(self.hello());
        send(&mut self.serial, &Reply { sequence, kind }, &mut [0; ENCODE_REPLY_BYTES])
    }

    /// What the device says of itself.
    pub(super) fn hello(&self) -> Hello<'model> {
        let model = self.engine.model();
        Hello {
            protocol: PROTOCOL_VERSION,
            firmware: env!("CARGO_PKG_VERSION"),
            model: model.name(),
            model_crc: model.crc(),
            arena_bytes: model.arena_bytes(),
            face_size: FACE_SIZE as u16,
            boot: self.board.boot,
            labels: model.label_indices(),
            options: self.options,
            finder: self.sight.as_ref().map(|sight| FinderIdentity { crc: sight.finder.crc, largest: sight.largest }),
            camera: self.watch.is_some(),
            store: self.store.as_ref().map(|store| store.identity()),
        }
    }

    /// Answers, then starts the boot loader.
    pub(super) fn leave(&mut self, sequence: u32) -> Result<(), S::Error> {
        self.reply(sequence, ReplyKind::BootLoader)?;
        match self.boot_loader {
            Some(start) => start(),
            None => Ok(()),
        }
    }
}

/// Sends a reply, which `buffer` is large enough for.
pub(super) fn send<S: Write>(serial: &mut S, reply: &Reply<'_>, buffer: &mut [u8]) -> Result<(), S::Error> {
    // Every reply fits, as a model's name is short; the first delimiter ends whatever text came before.
    if let Ok(frame) = encode(reply, buffer) {
        serial.write_all(&[0])?;
        serial.write_all(frame)?;
    }
    serial.flush()
}
