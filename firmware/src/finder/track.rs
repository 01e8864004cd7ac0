//! Follows a face from frame to frame: it is looked for first where it was in the frame before.

use super::{
    frame::Frame,
    search::{Face, Search},
};
use crate::engine::EngineError;

/// Frames in a row that a face is followed without a full search; the next one has one.
pub const FULL_SEARCH: u8 = 8;

/// The face that answers from frame to frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracker {
    followed: Option<Face>,
    since_search: u8,
}

impl Tracker {
    /// Stops following a face.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// The face of the next frame of a video: the one that is followed, else the largest. A new face needs the score
    /// `FinderHeader::take`, a face that is followed only the score `FinderHeader::keep`.
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
