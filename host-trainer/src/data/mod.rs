//! Labelled faces from wherever they come, in the order they come.
//!
//! ```text
//! source.rs      what --data means, and where faces are looked for without it
//! csv_file.rs    fer2013.csv, plain or gzipped
//! text_file.rs   files of comma-separated text, gzipped or not
//! folder.rs      train|validation|test/<emotion>/*.png|jpg|…
//! photographs.rs the same folders, with the largest face of each photograph
//! label_set.rs   which emotions the labels are
//! votes.rs       fer2013new.csv, the FER+ votes, and the labels that follow from them
//! duplicates.rs  faces of one split that are nearly faces of another
//! twins.rs       the same for one split and `Training`, kept in a file
//! held_out.rs    training faces that are kept aside to choose by
//! faces.rs       48x48 grey levels and labels, by split
//! cache.rs       the same, normalized, in one file that is read back in a moment
//! error.rs       what can be wrong, with file, line and column
//! ```

mod cache;
mod csv_file;
mod duplicates;
mod error;
mod faces;
mod folder;
mod held_out;
mod label_set;
mod photographs;
mod source;
mod text_file;
mod twins;
mod votes;

pub(crate) use self::faces::kept;
pub use self::{
    cache::{NormalizedDataset, NormalizedFaces, load_normalized},
    duplicates::{NEARLY_THE_SAME, near_duplicates},
    error::DataError,
    faces::{Dataset, Faces, Split},
    held_out::{Aside, keep_aside},
    label_set::LabelSet,
    photographs::FinderFile,
    source::{Source, SyntheticFaces, locate},
    twins::load_twins,
    votes::{FerPlus, VoteShares, read_ferplus, read_votes},
};

/// Told `(done, total)` in units of the source (bytes or faces) while faces are read.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

#[cfg(test)]
mod tests;
