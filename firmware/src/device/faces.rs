//! Faces by themselves: those that a host sends, and built-in ones for a person at the port.

use embedded_io::{Read, ReadReady, Write};
use shared::{
    label::Emotion,
    preprocessing::FACE_PIXELS,
    wire::{Classified, ErrorCode, Output},
};

use super::{Clock, Device, led::Status};
use crate::{camera::Camera, engine::Engine, readout::Readout};

/// The built-in faces.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Demo {
    shown: u32,
    next_us: u64,
}

impl<S: Read + ReadReady + Write, C: Clock, V: Camera> Device<'_, '_, S, C, V> {
    /// A host's face.
    pub(super) fn classify(&mut self, face: &[u8; FACE_PIXELS]) -> Result<Classified, ErrorCode> {
        let (readout, microseconds) = self.infer(face)?;
        let readout = self.past.smooth(readout, &self.options);
        let result = classified(&self.engine, readout, microseconds);
        self.show(Status::of_face(&result));
        Ok(result)
    }

    /// The readout of a face by itself, and the microseconds that it took.
    pub(super) fn infer(&mut self, face: &[u8; FACE_PIXELS]) -> Result<(Readout, u32), ErrorCode> {
        self.work();
        let (readout, microseconds) = infer(&mut self.engine, &mut self.clock, self.options.mirror, face)?;
        self.stats.worst_microseconds = self.stats.worst_microseconds.max(microseconds);
        Ok((readout, microseconds))
    }

    /// Shows a demo face if one is due. It is not smoothed: it has nothing to do with the host's faces, nor with the demo face
    /// before it.
    pub(super) fn show_demo_face(&mut self, now: u64) -> Result<(), S::Error> {
        if self.options.output != Output::Text || self.board.demo_faces.is_empty() || now < self.demo.next_us {
            return Ok(());
        }
        self.demo.next_us = now.saturating_add(self.board.demo_interval_us);
        let index = self.demo.shown as usize % self.board.demo_faces.len();
        let Some(face) = self.board.demo_faces.get(index) else { return Ok(()) };
        self.demo.shown = self.demo.shown.wrapping_add(1);
        let Ok((readout, microseconds)) = self.infer(face) else { return Ok(()) };
        let readout = Readout::from_probabilities(readout.probabilities, self.options.threshold);
        let result = classified(&self.engine, readout, microseconds);
        self.show(Status::of_face(&result));
        self.print(&result, self.demo.shown)
    }
}

/// The readout of a face by itself, and the microseconds that it took.
pub(super) fn infer(
    engine: &mut Engine<'_, '_>,
    clock: &mut impl Clock,
    mirror: bool,
    face: &[u8; FACE_PIXELS],
) -> Result<(Readout, u32), ErrorCode> {
    let start = clock.microseconds();
    let readout = if mirror { engine.classify_mirrored(face) } else { engine.classify(face) };
    let readout = readout.map_err(|_| ErrorCode::Inference)?;
    Ok((readout, since(clock, start)))
}

/// Microseconds since `start`.
pub(super) fn since(clock: &mut impl Clock, start: u64) -> u32 {
    u32::try_from(clock.microseconds().saturating_sub(start)).unwrap_or(u32::MAX)
}

/// The result of the engine's last inference, as it is sent.
pub(super) fn classified(engine: &Engine<'_, '_>, readout: Readout, microseconds: u32) -> Classified {
    let Readout { label, margin, uncertain, probabilities, .. } = readout;
    Classified { probabilities, label, margin, uncertain, microseconds, logits: padded(engine.logits()) }
}

/// A model's logits as they travel, the lowest value beyond them.
pub fn padded(found: &[i8]) -> [i8; Emotion::COUNT] {
    let mut logits = [i8::MIN; Emotion::COUNT];
    for (slot, &logit) in logits.iter_mut().zip(found) {
        *slot = logit;
    }
    logits
}
