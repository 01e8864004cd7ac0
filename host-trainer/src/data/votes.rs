//! `fer2013new.csv`: the FER+ votes (Barsoum et al. 2016, "Training Deep Networks for Facial Expression Recognition with
//! Crowd-Sourced Label Distribution"), ten annotators a face, for the rows of `fer2013.csv` in their order.

use std::path::Path;

use shared::label::Emotion;

use super::{DataError, Split};

/// Columns of the file that are one of the seven emotions; the others are `contempt`, `unknown` and `NF` (no face).
const COLUMNS: [(&str, Emotion); Emotion::COUNT] = [
    ("anger", Emotion::Angry),
    ("disgust", Emotion::Disgust),
    ("fear", Emotion::Fear),
    ("happiness", Emotion::Happy),
    ("sadness", Emotion::Sad),
    ("surprise", Emotion::Surprise),
    ("neutral", Emotion::Neutral),
];

/// A face's shares of votes in the order of the labels, sum 1; `None` if nobody saw one of the seven emotions.
pub type VoteShares = Option<[f32; Emotion::COUNT]>;

/// The votes for the `faces` faces of `split`, in their order.
///
/// # Errors
/// [`DataError`] if the file cannot be read, a row is torn, or it has not as many rows of the split.
pub fn read_votes(path: &Path, split: Split, faces: usize) -> Result<Vec<VoteShares>, DataError> {
    let row_error = |error: csv::Error| {
        let line = error.position().map_or(0, csv::Position::line);
        DataError::Row { path: path.into(), line, problem: error.to_string() }
    };
    let file =
        std::fs::File::open(path).map_err(|error| DataError::Read { path: path.into(), error: error.to_string() })?;
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().map_err(row_error)?.clone();
    let column = |name: &'static str| {
        let found = header.iter().position(|field| field.trim().eq_ignore_ascii_case(name));
        let remedy = "the file must be FER+'s fer2013new.csv";
        found.ok_or(DataError::MissingColumn { path: path.into(), column: name, remedy })
    };
    let usage = column("Usage")?;
    let mut columns = Vec::with_capacity(COLUMNS.len());
    for (name, emotion) in COLUMNS {
        columns.push((name, column(name)?, emotion));
    }
    let mut votes = Vec::new();
    for record in reader.records() {
        let record = record.map_err(row_error)?;
        if !record.get(usage).is_some_and(|usage| usage.trim().eq_ignore_ascii_case(split.name())) {
            continue;
        }
        let mut counts = [0.0; Emotion::COUNT];
        for &(name, index, emotion) in &columns {
            let field = record.get(index).unwrap_or("").trim();
            let count: u8 = field.parse().map_err(|_| DataError::Field {
                path: path.into(),
                line: record.position().map_or(0, csv::Position::line),
                column: name,
                problem: format!("`{field}` is no number of votes"),
            })?;
            counts[emotion.index()] = f32::from(count);
        }
        let sum: f32 = counts.iter().sum();
        votes.push((sum > 0.0).then(|| counts.map(|count| count / sum)));
    }
    if votes.len() != faces {
        return Err(DataError::Votes { path: path.into(), split, rows: votes.len(), faces });
    }
    Ok(votes)
}
