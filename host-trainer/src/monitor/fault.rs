//! A link that loses, changes and repeats bytes, as bad wiring does; from a seed, so that a failure can be repeated.

use std::io::{self, Read, Write};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Probabilities for each byte.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// The byte is lost.
    pub drop: f64,
    /// One of its bits flips.
    pub flip: f64,
    /// The byte comes twice.
    pub repeat: f64,
}

/// A stream with faults in both directions.
#[derive(Debug)]
pub struct FaultInjector<S> {
    stream: S,
    faults: Faults,
    random: ChaCha8Rng,
}

impl<S> FaultInjector<S> {
    /// Puts faults between the caller and `stream`.
    pub fn new(stream: S, faults: Faults, seed: u64) -> Self {
        Self { stream, faults, random: ChaCha8Rng::seed_from_u64(seed) }
    }

    fn spoil(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut spoiled = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            if self.random.random_bool(self.faults.drop) {
                continue;
            }
            let flipped = self.random.random_bool(self.faults.flip);
            let byte = if flipped { byte ^ (1 << self.random.random_range(0..8)) } else { byte };
            spoiled.push(byte);
            if self.random.random_bool(self.faults.repeat) {
                spoiled.push(byte);
            }
        }
        spoiled
    }
}

impl<S: Read> Read for FaultInjector<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Half the buffer, because bytes can double.
        let mut half = vec![0; buffer.len().div_ceil(2)];
        let count = self.stream.read(&mut half)?;
        let spoiled = self.spoil(&half[..count]);
        if count > 0 && spoiled.is_empty() {
            // All were lost; zero bytes would mean that the stream is at its end.
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = spoiled.len().min(buffer.len());
        buffer[..length].copy_from_slice(&spoiled[..length]);
        Ok(length)
    }
}

impl<S: Write> Write for FaultInjector<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let spoiled = self.spoil(bytes);
        self.stream.write_all(&spoiled)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
