//! Faces and probabilities over time.

use shared::{label::Emotion, wire::Options};

use crate::{
    engine::EngineError,
    finder::{
        frame::Frame,
        search::{Face, Search},
        track::Tracker,
    },
    readout::Readout,
};

/// What is remembered of the pictures and faces of one source. A new one remembers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past {
    tracker: Tracker,
    face: Option<Face>,
    smoothed: Option<[f32; Emotion::COUNT]>,
}

impl Past {
    /// The face that answers for the next picture of a video. What was smoothed belongs to the face before: it is forgotten where
    /// that is lost or another answers.
    pub(super) fn follow(
        &mut self,
        search: &mut Search<'_, '_>,
        frame: Frame<'_>,
    ) -> Result<Option<Face>, EngineError> {
        let last = self.face;
        self.face = self.tracker.next(search, frame)?;
        if !self.face.zip(last).is_some_and(|(face, last)| face.is_near(&last)) {
            self.smoothed = None;
        }
        Ok(self.face)
    }

    /// The exponential average of the probabilities, as the options ask.
    pub(super) fn smooth(&mut self, readout: Readout, options: &Options) -> Readout {
        let past = options.smoothing;
        let mut probabilities = readout.probabilities;
        if let Some(smoothed) = self.smoothed.filter(|_| past > 0.0) {
            for (now, before) in probabilities.iter_mut().zip(smoothed) {
                *now = past * before + (1.0 - past) * *now;
            }
        }
        self.smoothed = Some(probabilities);
        Readout::from_probabilities(probabilities, options.threshold)
    }
}
