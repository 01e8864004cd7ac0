//! What can go wrong in training.

use std::path::PathBuf;

use crate::architecture::ArchitectureError;

/// Why a training ended without its result.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// A split has no faces.
    #[error("there are no {what} faces; name another data set with --data")]
    NoFaces {
        /// `training` or `validation`.
        what: &'static str,
    },
    /// Every face of an epoch is left out.
    #[error(
        "epoch {epoch} has no face to learn from: all are nearly validation faces, kept aside, without votes in a pretraining, or \
         of emotions whose class weight is 0"
    )]
    NothingToLearn {
        /// From 1.
        epoch: usize,
    },
    /// Images and labels do not belong together.
    #[error(
        "the {what} faces do not have the values that the preprocessing makes, or a label each that is one of the network's {emotions}"
    )]
    FacesDoNotFit {
        /// `training` or `validation`.
        what: &'static str,
        /// Emotions that the network knows.
        emotions: usize,
    },
    /// The recipe learns from teachers, and there are none.
    #[error(
        "the recipe has a `distillation`; name the teachers' run folders with --teachers RUN[,RUN…], or networks to train \
         before it in the recipe's `teachers`"
    )]
    NoTeachers,
    /// A teacher cannot see what its pupil sees, or knows more emotions.
    #[error(
        "a teacher has another `preprocessing` than its pupil, or knows emotions that the pupil does not; `same_views` needs \
         the same faces for both"
    )]
    TeacherDoesNotSuit,
    /// The loss is infinite or not a number.
    #[error("the loss became {loss} in epoch {epoch}, step {step}; {}: lower the learning rate", kept(*last_good))]
    NonFinite {
        /// From 1.
        epoch: usize,
        /// From 1.
        step: usize,
        /// The loss.
        loss: f64,
        /// The last epoch with a checkpoint; 0 if there is none.
        last_good: usize,
    },
    /// The recipe learns from votes that are not there.
    #[error("the recipe needs the FER+ votes; name their file with --votes (fer2013new.csv)")]
    NoVotes,
    /// The run's architecture does not parse.
    #[error(transparent)]
    Architecture(#[from] ArchitectureError),
    /// A file of the run cannot be written.
    #[error("{}: cannot be written: {error}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// The system's message.
        error: String,
    },
    /// A file of the run cannot be read.
    #[error("{}: cannot be read: {error}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The system's message, or what is wrong in it.
        error: String,
    },
    /// No whole checkpoint is left to go on from.
    #[error("{}: is damaged or missing, and no other checkpoint replaces it; start a new run with --out", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
    },
    /// Another program trains in the folder.
    #[error("{}: another program trains in this folder; wait for it, or choose another folder with --out", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// There are checkpoints in the folder of a new run.
    #[error("{}: holds checkpoints of a run whose config.toml is gone; choose another folder with --out", folder.display())]
    Leftovers {
        /// The folder.
        folder: PathBuf,
    },
    /// The run's data, or something else that it learned from, are others now.
    #[error("{}: {what}", folder.display())]
    Differs {
        /// The run's folder.
        folder: PathBuf,
        /// What differs, and what to do.
        what: String,
    },
    /// A new run would overwrite another.
    #[error("{}: holds a run already; continue it with --resume, or choose another folder with --out", folder.display())]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// A checkpoint belongs to another network.
    #[error("the checkpoint does not fit the run's architecture: {0}")]
    Checkpoint(String),
}

/// What is left of a training that failed after so many epochs.
fn kept(epochs: usize) -> String {
    match epochs {
        0 => "no epoch was finished, so nothing is kept".into(),
        _ => format!("the checkpoint of epoch {epochs} is kept"),
    }
}
