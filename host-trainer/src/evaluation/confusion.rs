//! The confusion matrix and what follows from it.

use serde::{Deserialize, Serialize};
use shared::label::Emotion;

use super::Table;

/// How often each emotion was taken for each: rows are the labels, columns the answers, both in FER2013's order.
/// In JSON an array of seven rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confusion {
    counts: [[u64; Emotion::COUNT]; Emotion::COUNT],
}

/// How well one emotion is found. A quotient of zero by zero is 0, as scikit-learn has it with `zero_division=0`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// Share of the answers with this emotion that are right.
    pub precision: f64,
    /// Share of the faces with this label that are found.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Faces with this label.
    pub support: u64,
}

impl Confusion {
    /// A matrix of these counts: rows are the labels, columns the answers.
    pub const fn new(counts: [[u64; Emotion::COUNT]; Emotion::COUNT]) -> Self {
        Self { counts }
    }

    /// The counts: rows are the labels, columns the answers.
    pub const fn counts(&self) -> &[[u64; Emotion::COUNT]; Emotion::COUNT] {
        &self.counts
    }

    /// Counts one face.
    pub fn record(&mut self, label: Emotion, answer: Emotion) {
        self.counts[label.index()][answer.index()] += 1;
    }

    /// Faces counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Faces answered right.
    pub fn correct(&self) -> u64 {
        Emotion::ALL.into_iter().map(|emotion| self.counts[emotion.index()][emotion.index()]).sum()
    }

    /// Share of the faces answered right; 0 of no faces.
    pub fn accuracy(&self) -> f64 {
        quotient(self.correct(), self.total())
    }

    /// The scores of one emotion.
    pub fn scores(&self, emotion: Emotion) -> ClassScores {
        let index = emotion.index();
        let found = self.counts[index][index];
        let support = self.counts[index].iter().sum();
        let answers: u64 = self.counts.iter().map(|row| row[index]).sum();
        ClassScores {
            precision: quotient(found, answers),
            recall: quotient(found, support),
            f1: quotient(2 * found, support + answers),
            support,
        }
    }

    /// Mean of the seven F1 scores, each emotion counting alike; one that never occurs counts as 0.
    pub fn macro_f1(&self) -> f64 {
        Emotion::ALL.into_iter().map(|emotion| self.scores(emotion).f1).sum::<f64>() / Emotion::COUNT as f64
    }

    /// The matrix with the emotions' names: counts, and the recall in the last column.
    pub fn table(&self) -> Table {
        let names = Emotion::ALL.into_iter().map(Emotion::name);
        let mut table = Table::new(std::iter::once("label \\ answer").chain(names).chain(["recall"]));
        for emotion in Emotion::ALL {
            let counts = self.counts[emotion.index()].iter().map(u64::to_string);
            let recall = format!("{:.1} %", 100.0 * self.scores(emotion).recall);
            table.row(std::iter::once(emotion.to_string()).chain(counts).chain([recall]));
        }
        table
    }
}

impl FromIterator<(Emotion, Emotion)> for Confusion {
    /// Counts pairs of label and answer.
    fn from_iter<I: IntoIterator<Item = (Emotion, Emotion)>>(pairs: I) -> Self {
        let mut confusion = Self::default();
        pairs.into_iter().for_each(|(label, answer)| confusion.record(label, answer));
        confusion
    }
}

fn quotient(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
