//! The emotions: FER2013's seven in its order, and the eighth of FER+.

use core::fmt;

use serde::{Deserialize, Serialize};

/// An emotion a face is labelled with; the discriminant of the first seven is FER2013's label.
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
    /// In FER+ only (Barsoum et al. 2016).
    Contempt = 7,
}

impl Emotion {
    /// The number of emotions, and of a readout's probabilities.
    pub const COUNT: usize = 8;

    /// Every emotion, in the order of its index.
    pub const ALL: [Emotion; Self::COUNT] = [
        Emotion::Angry,
        Emotion::Disgust,
        Emotion::Fear,
        Emotion::Happy,
        Emotion::Sad,
        Emotion::Surprise,
        Emotion::Neutral,
        Emotion::Contempt,
    ];

    /// The seven of FER2013, which are the first of [`ALL`](Self::ALL).
    pub const FER2013: [Emotion; 7] = {
        let [angry, disgust, fear, happy, sad, surprise, neutral, _] = Self::ALL;
        [angry, disgust, fear, happy, sad, surprise, neutral]
    };

    /// The emotion of an index, which for FER2013's seven is their label; `None` outside `0..8`.
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// The index in [`ALL`](Self::ALL), `0..8`; for FER2013's seven, their label.
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
            Emotion::Contempt => "contempt",
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
    fn the_seven_of_fer2013_come_first() {
        assert_eq!(Emotion::ALL[..7], Emotion::FER2013);
        assert_eq!(Emotion::ALL[7], Emotion::Contempt);
    }

    #[test]
    fn a_label_of_9_is_no_emotion() {
        assert_eq!(Emotion::from_index(9), None);
        assert_eq!(Emotion::from_name("bored"), None);
    }
}
