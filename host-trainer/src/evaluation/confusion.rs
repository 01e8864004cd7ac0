//! The confusion matrix and what follows from it.

use serde::{Deserialize, Serialize};
use shared::label::Emotion;

use super::Table;
use crate::data::LabelSet;

/// How often each emotion was taken for each: rows are the labels, columns the answers, both in the order of the labels.
/// In JSON an array of as many rows as the label set has emotions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<Vec<u64>>", try_from = "Vec<Vec<u64>>")]
pub struct Confusion {
    labels: LabelSet,
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
    /// Counts pairs of label and answer, emotions of the set; what is none of them is not counted.
    pub fn new(labels: LabelSet, pairs: impl IntoIterator<Item = (Emotion, Emotion)>) -> Self {
        let mut confusion = Self { labels, ..Self::default() };
        pairs.into_iter().for_each(|(label, answer)| confusion.record(label, answer));
        confusion
    }

    /// The emotions of rows and columns.
    pub const fn labels(&self) -> LabelSet {
        self.labels
    }

    /// The counts: rows are the labels, columns the answers.
    pub fn counts(&self) -> impl ExactSizeIterator<Item = &[u64]> {
        let count = self.labels.count();
        self.counts[..count].iter().map(move |row| &row[..count])
    }

    /// Counts one face, unless label or answer is no emotion of the set.
    pub fn record(&mut self, label: Emotion, answer: Emotion) {
        if label.index().max(answer.index()) < self.labels.count() {
            self.counts[label.index()][answer.index()] += 1;
        }
    }

    /// Faces counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Faces answered right.
    pub fn correct(&self) -> u64 {
        self.counts.iter().enumerate().map(|(index, row)| row[index]).sum()
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

    /// Mean of the F1 scores of the set's emotions, each emotion counting alike; one that never occurs counts as 0.
    pub fn macro_f1(&self) -> f64 {
        let emotions = self.labels.emotions();
        emotions.iter().map(|&emotion| self.scores(emotion).f1).sum::<f64>() / emotions.len() as f64
    }

    /// The matrix with the emotions' names: counts, and the recall in the last column.
    pub fn table(&self) -> Table {
        let emotions = self.labels.emotions();
        let names = emotions.iter().map(|emotion| emotion.name());
        let mut table = Table::new(std::iter::once("label \\ answer").chain(names).chain(["recall"]));
        for (&emotion, counts) in emotions.iter().zip(self.counts()) {
            let counts = counts.iter().map(u64::to_string);
            let recall = format!("{:.1} %", 100.0 * self.scores(emotion).recall);
            table.row(std::iter::once(emotion.to_string()).chain(counts).chain([recall]));
        }
        table
    }
}

impl From<Confusion> for Vec<Vec<u64>> {
    fn from(confusion: Confusion) -> Self {
        confusion.counts().map(<[u64]>::to_vec).collect()
    }
}

impl TryFrom<Vec<Vec<u64>>> for Confusion {
    type Error = String;

    fn try_from(rows: Vec<Vec<u64>>) -> Result<Self, String> {
        let labels = LabelSet::with_count(rows.len()).filter(|set| rows.iter().all(|row| row.len() == set.count()));
        let labels = labels.ok_or("a confusion matrix has seven rows of seven counts, or eight of eight")?;
        let mut confusion = Self { labels, ..Self::default() };
        for (counts, row) in confusion.counts.iter_mut().zip(&rows) {
            counts[..row.len()].copy_from_slice(row);
        }
        Ok(confusion)
    }
}

fn quotient(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
