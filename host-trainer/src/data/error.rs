//! What can be wrong with labelled faces.

use std::path::PathBuf;

use super::Split;

/// Why faces cannot be read. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// The path leads nowhere, or reading failed.
    #[error("{}: {error}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's message.
        error: String,
    },
    /// The gzip stream ends early or is damaged.
    #[error("{}: the gzip file is cut short or damaged ({error}); download it again", path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        error: String,
    },
    /// The file is of another kind.
    #[error("{}: this is {what}; {remedy}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
        /// The remedy.
        remedy: &'static str,
    },
    /// A pipe is to be read more than once.
    #[error(
        "{}: this is a pipe, which can be read only once, and faces are read more than once; write them to a file and name \
         that",
        path.display()
    )]
    Pipe {
        /// The pipe.
        path: PathBuf,
    },
    /// The header lacks a column.
    #[error("{}, line 1: there is no column `{column}`; {remedy}", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
        /// The remedy.
        remedy: &'static str,
    },
    /// A field is not what its column holds.
    #[error("{}, line {line}, column {column}: {problem}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// Which line.
        line: u64,
        /// Name of the column.
        column: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A row is not CSV.
    #[error("{}, line {line}: {problem}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// Which line.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// The votes belong to other faces.
    #[error("{}: {rows} rows of votes for {faces} {split} faces; both must come from the same FER2013", path.display())]
    Votes {
        /// The file.
        path: PathBuf,
        /// The split.
        split: Split,
        /// Rows of the split.
        rows: usize,
        /// Faces of the split.
        faces: usize,
    },
    /// There is no face in the source.
    #[error("{}: no faces; {remedy}", path.display())]
    NoFaces {
        /// The file or folder.
        path: PathBuf,
        /// The remedy.
        remedy: &'static str,
    },
    /// Faces are to be found in what is no folder of photographs.
    #[error(
        "faces are found in a folder of photographs, not in {description}; name the folder with --data, or leave --find-faces out"
    )]
    NoPhotographs {
        /// The source in words.
        description: String,
    },
    /// The name of a folder is no emotion and no split.
    #[error("{}: a folder here must be named {expected}", path.display())]
    FolderName {
        /// The folder.
        path: PathBuf,
        /// The allowed names.
        expected: &'static str,
    },
    /// The source has no face in this split.
    #[error("{description} has no {split} faces (in a folder of images: {}/), but {}", split.folder(), names(present))]
    EmptySplit {
        /// The source in words.
        description: String,
        /// The split that was asked for.
        split: Split,
        /// The splits that have faces.
        present: Vec<Split>,
    },
}

fn names(splits: &[Split]) -> String {
    if splits.is_empty() {
        "none at all".into()
    } else {
        splits.iter().map(|split| split.name()).collect::<Vec<_>>().join(" and ")
    }
}
