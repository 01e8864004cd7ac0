//! `fer2013new.csv`: the FER+ votes (Barsoum et al. 2016, "Training Deep Networks for Facial Expression Recognition with
//! Crowd-Sourced Label Distribution"), ten annotators a face, for the rows of `fer2013.csv` in their order.

use std::path::Path;

use shared::label::Emotion;

use super::{
    DataError, Split,
    text_file::{TextFile, missing_column},
};

/// Columns of the file with votes for an emotion, in the order of the labels; then what is none: unknown, and no face.
const COLUMNS: [&str; Emotion::COUNT + 2] =
    ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral", "contempt", "unknown", "NF"];

/// A face's shares of votes in the order of the labels, sum 1; `None` if there are none.
pub type VoteShares = Option<[f32; Emotion::COUNT]>;

/// What the annotators of FER+ say of a face.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FerPlus {
    /// What more than half of them see; `None` if that is no emotion, or if there is no such majority.
    pub label: Option<Emotion>,
    /// The votes for the eight emotions, single ones left out.
    pub shares: VoteShares,
}

/// The votes of a row, in the order of [`COLUMNS`], and whether it names an image.
struct Row {
    votes: [u8; COLUMNS.len()],
    named: bool,
}

/// The votes for the `faces` faces of `split`, in their order: the shares of FER2013's seven emotions, all votes counted.
///
/// # Errors
/// [`DataError`] if the file cannot be read, a row is torn, or it has not as many rows of the split.
pub fn read_votes(path: &Path, split: Split, faces: usize) -> Result<Vec<VoteShares>, DataError> {
    let rows = rows(path, split, faces)?;
    Ok(rows.iter().map(|row| shares(&row.votes[..Emotion::FER2013.len()])).collect())
}

/// The labels and votes of FER+ for the `faces` faces of `split`, in their order, by the majority protocol of its authors:
/// what has a single vote is taken for a mistake and counts as none; of the votes that are left, those for "unknown" and "no
/// face" among them, the largest must be more than half. A row that names no image has neither label nor votes.
///
/// # Errors
/// As [`read_votes`].
pub fn read_ferplus(path: &Path, split: Split, faces: usize) -> Result<Vec<FerPlus>, DataError> {
    Ok(rows(path, split, faces)?.into_iter().map(judge).collect())
}

fn judge(Row { votes, named }: Row) -> FerPlus {
    if !named {
        return FerPlus::default();
    }
    let votes = votes.map(|votes| if votes > 1 { votes } else { 0 });
    let sum: u32 = votes.iter().map(|&votes| u32::from(votes)).sum();
    // Two cannot both have more than half; places behind the emotions are none.
    let label = votes.iter().position(|&votes| 2 * u32::from(votes) > sum).and_then(Emotion::from_index);
    FerPlus { label, shares: shares(&votes[..Emotion::COUNT]) }
}

/// Counts of the first emotions as shares of their sum.
fn shares(votes: &[u8]) -> VoteShares {
    let mut counts = [0.0; Emotion::COUNT];
    for (count, &votes) in counts.iter_mut().zip(votes) {
        *count = f32::from(votes);
    }
    let sum: f32 = counts.iter().sum();
    (sum > 0.0).then(|| counts.map(|count| count / sum))
}

/// The rows of a split, as many as it has `faces`.
fn rows(path: &Path, split: Split, faces: usize) -> Result<Vec<Row>, DataError> {
    let row_error = |error: csv::Error| {
        let line = error.position().map_or(0, csv::Position::line);
        DataError::Row { path: path.into(), line, problem: error.to_string() }
    };
    let TextFile { reader, start, .. } = TextFile::open(path)?;
    let mut reader = csv::Reader::from_reader(reader);
    let header = reader.byte_headers().map_err(row_error)?.clone();
    let column = |name: &'static str| {
        let found = header.iter().position(|field| field.trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
        found.ok_or_else(|| missing_column(&start, path, name, "the file must be FER+'s fer2013new.csv"))
    };
    let (usage, image) = (column("Usage")?, column("Image name")?);
    let mut columns = [0; COLUMNS.len()];
    for (index, name) in columns.iter_mut().zip(COLUMNS) {
        *index = column(name)?;
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(row_error)?;
        let field = |index: usize| record.get(index).unwrap_or("").trim();
        if !field(usage).eq_ignore_ascii_case(split.name()) {
            continue;
        }
        let mut votes = [0; COLUMNS.len()];
        for ((votes, name), index) in votes.iter_mut().zip(COLUMNS).zip(columns) {
            *votes = field(index).parse().map_err(|_| DataError::Field {
                path: path.into(),
                line: record.position().map_or(0, csv::Position::line),
                column: name,
                problem: format!("`{}` is no number of votes", field(index)),
            })?;
        }
        rows.push(Row { votes, named: !field(image).is_empty() });
    }
    if rows.len() != faces {
        return Err(DataError::Votes { path: path.into(), split, rows: rows.len(), faces });
    }
    Ok(rows)
}
