//! Faces over time: what was there a moment ago is looked for where it was.

use super::{
    frame::Frame,
    search::{Face, Search},
};
use crate::engine::EngineError;

/// Frames from one full search to the next while a face is followed.
pub const FULL_SEARCH: u8 = 8;

/// The face that answers from frame to frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracker {
    followed: Option<Face>,
    since_search: u8,
}

impl Tracker {
    /// Forgets the face that it follows.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// The face that answers for the next frame of a video: the one that is followed, else the largest. It is taken from the
    /// finder's high score on, and followed down to its low one.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooSmall`] if the search's memory is too small for the frame.
    pub fn next(&mut self, search: &mut Search<'_, '_>, frame: Frame<'_>) -> Result<Option<Face>, EngineError> {
        let header = search.finder().header;
        if let Some(last) = self.followed
            && self.since_search < FULL_SEARCH
        {
            let face = search.again(frame, &last)?;
            if face.score >= header.keep && face.is_near(&last) {
                self.since_search += 1;
                self.followed = Some(face);
                return Ok(self.followed);
            }
        }
        let faces = search.faces(frame, header.keep)?;
        let followed = self.followed.and_then(|last| faces.iter().find(|face| face.is_near(&last)));
        let taken = faces.iter().filter(|face| face.score >= header.take);
        self.followed = followed.or_else(|| taken.max_by_key(|face| face.eye_distance())).copied();
        self.since_search = 0;
        Ok(self.followed)
    }
}

#[cfg(test)]
mod tests;
