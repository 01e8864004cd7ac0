//! Replies in frames.

use embedded_io::{Read, ReadReady, Write};
use shared::wire::{ENCODE_REPLY_BYTES, Reply, ReplyKind, encode};

use super::{Clock, Device};
use crate::camera::Camera;

impl<S: Read + ReadReady + Write, C: Clock, V: Camera> Device<'_, '_, S, C, V> {
    pub(super) fn reply(&mut self, sequence: u32, kind: ReplyKind<'_>) -> Result<(), S::Error> {
        send(&mut self.serial, &Reply { sequence, kind }, &mut [0; ENCODE_REPLY_BYTES])
    }

    pub(super) fn reply_hello(&mut self, sequence: u32) -> Result<(), S::Error> {
        let kind = ReplyKind::Hello(self.hello());
        send(&mut self.serial, &Reply { sequence, kind }, &mut [0; ENCODE_REPLY_BYTES])
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
