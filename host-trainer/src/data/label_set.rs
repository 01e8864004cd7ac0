//! Which emotions faces are labelled with.

use serde::{Deserialize, Serialize};
use shared::label::Emotion;

/// The emotions of a task: the first seven or all eight of [`Emotion::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum LabelSet {
    /// FER2013's seven, as its file labels the faces.
    #[default]
    #[serde(rename = "fer")]
    #[value(name = "fer")]
    Fer2013,
    /// FER+'s eight, contempt among them, by the majority of its votes: see [`read_ferplus`](super::read_ferplus).
    #[serde(rename = "ferplus")]
    #[value(name = "ferplus", help = "FER+'s eight, contempt among them, by the majority of its votes")]
    FerPlus,
}

impl LabelSet {
    /// The emotions, in the order of their labels.
    pub const fn emotions(self) -> &'static [Emotion] {
        match self {
            LabelSet::Fer2013 => &Emotion::FER2013,
            LabelSet::FerPlus => &Emotion::ALL,
        }
    }

    /// How many emotions there are.
    pub const fn count(self) -> usize {
        self.emotions().len()
    }

    /// The set with so many emotions.
    pub fn with_count(count: usize) -> Option<Self> {
        [LabelSet::Fer2013, LabelSet::FerPlus].into_iter().find(|set| set.count() == count)
    }

    /// The smallest set that has all these emotions.
    pub fn of(emotions: impl IntoIterator<Item = Emotion>) -> Self {
        let eighth = emotions.into_iter().any(|emotion| !LabelSet::Fer2013.emotions().contains(&emotion));
        if eighth { LabelSet::FerPlus } else { LabelSet::Fer2013 }
    }

    /// Whether it is FER2013's, which needs no mention.
    pub fn is_fer2013(&self) -> bool {
        *self == LabelSet::Fer2013
    }

    /// Faces of a data set in words, such as `fer2013.csv with FER+ labels`.
    pub fn describe(self, data: &str) -> String {
        match self {
            LabelSet::Fer2013 => data.into(),
            LabelSet::FerPlus => format!("{data} with FER+ labels"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_are_the_beginning_of_all_emotions() {
        assert_eq!((LabelSet::Fer2013.count(), LabelSet::FerPlus.count()), (7, 8));
        for set in [LabelSet::Fer2013, LabelSet::FerPlus] {
            assert_eq!(set.emotions(), &Emotion::ALL[..set.count()]);
            assert_eq!(LabelSet::with_count(set.count()), Some(set));
        }
        assert_eq!(LabelSet::with_count(6), None);
    }

    #[test]
    fn contempt_alone_makes_it_ferplus() {
        assert_eq!(LabelSet::of([Emotion::Happy, Emotion::Neutral]), LabelSet::Fer2013);
        assert_eq!(LabelSet::of([Emotion::Contempt]), LabelSet::FerPlus);
    }
}
