//! Replies in frames.

use embedded_io::{Read, ReadReady, Write};
use shared::wire::{ENCODE_REPLY_BYTES, Reply, ReplyKind, encode};

use super::{Clock, Device};

impl<S: Read + ReadReady + Write, C: Clock> Device<'_, '_, S, C> {
    pub(super) fn reply(&mut self, sequence: u32, kind: ReplyKind<'_>) -> Result<(), S::Error> {
        send(&mut self.serial, &Reply { sequence, kind })
    }

    pub(super) fn reply_hello(&mut self, sequence: u32) -> Result<(), S::Error> {
        let hello = self.hello();
        send(&mut self.serial, &Reply { sequence, kind: ReplyKind::Hello(hello) })
    }
}

fn send<S: Write>(serial: &mut S, reply: &Reply<'_>) -> Result<(), S::Error> {
    let mut buffer = [0; ENCODE_REPLY_BYTES];
    // Every reply fits, as a model's name is short; the first delimiter ends whatever text came before.
    if let Ok(frame) = encode(reply, &mut buffer) {
        serial.write_all(&[0])?;
        serial.write_all(frame)?;
    }
    serial.flush()
}
