//! The seven emotions, in FER2013's order.

use core::fmt;

use serde::{Deserialize, Serialize};

/// An emotion a face is labelled with; the discriminant is FER2013's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Emotion {
    /// FER2013 label 0.
    Angry = 0,
    /// FER2013 label 1.
    Disgust = 1,
    /// FER2013 label 2.
    Fear = 2,
    /// FER2013 label 3.
    Happy = 3,
    /// FER2013 label 4.
    Sad = 4,
    /// FER2013 label 5.
    Surprise = 5,
    /// FER2013 label 6.
    Neutral = 6,
}

impl Emotion {
    /// The number of emotions, and of a readout's probabilities.
    pub const COUNT: usize = 7;

    /// Every emotion, in the order of its index.
    pub const ALL: [Emotion; Self::COUNT] = [
        Emotion::Angry,
        Emotion::Disgust,
        Emotion::Fear,
        Emotion::Happy,
        Emotion::Sad,
        Emotion::Surprise,
        Emotion::Neutral,
    ];

    /// The emotion of a FER2013 label, `None` outside `0..7`.
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// The FER2013 label, `0..7`.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The lower-case English name, as folders of images and serial lines spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Emotion::Angry => "angry",
            Emotion::Disgust => "disgust",
            Emotion::Fear => "fear",
            Emotion::Happy => "happy",
            Emotion::Sad => "sad",
            Emotion::Surprise => "surprise",
            Emotion::Neutral => "neutral",
        }
    }

    /// The emotion with this [`name`](Self::name), compared without regard to ASCII case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|emotion| emotion.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Emotion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_and_name_lead_back_to_the_same_emotion() {
        for (index, emotion) in Emotion::ALL.into_iter().enumerate() {
            assert_eq!(emotion.index(), index);
            assert_eq!(Emotion::from_index(index), Some(emotion));
            assert_eq!(Emotion::from_name(emotion.name()), Some(emotion));
        }
    }

    #[test]
    fn a_label_of_9_is_no_emotion() {
        assert_eq!(Emotion::from_index(9), None);
        assert_eq!(Emotion::from_name("bored"), None);
    }
}
