//! Models that a host puts on a device.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::image::Processor;

/// Bytes to which the model file of an upload is filled up with zeros, as in a [slot](crate::slot).
pub const UPLOAD_ALIGNMENT: usize = 16;

/// Where a device keeps models, and what it can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreIdentity<'a> {
    /// The board's name, such as `pico`.
    pub board: &'a str,
    /// Bytes of memory for the tensors of a model and the kernels' working memory.
    pub arena_bytes: u32,
    /// What its kernels use, if a host can tell from it how much that is.
    pub processor: Option<Processor>,
    /// Most bytes of a model file.
    pub model_bytes: u32,
    /// The oldest and the newest format of model files that the firmware reads.
    pub formats: [u16; 2],
    /// Which model runs.
    pub running: Running,
}

/// Which of a device's models runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Running {
    /// The one that is part of the firmware.
    BuiltIn,
    /// The one of the first slot.
    A,
    /// The one of the second slot.
    B,
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Running::BuiltIn => "built in",
            Running::A => "slot A",
            Running::B => "slot B",
        })
    }
}

/// How often parts of a store were erased, since it was first used. Flash wears out by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wear {
    /// Erasures of the sector of slot A that was erased most often.
    pub slot_a: u32,
    /// The same of slot B.
    pub slot_b: u32,
    /// The same of the journal.
    pub journal: u32,
}

/// Why a device does not take a model that arrived whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unfit {
    /// Its format is none that the firmware reads.
    Format {
        /// The file's.
        found: u16,
        /// The newest that the firmware reads.
        newest: u16,
    },
    /// It is no sound model file.
    Broken,
    /// It needs more memory than the device has.
    Arena {
        /// Bytes that it needs.
        need: u32,
        /// Bytes there are.
        have: u32,
    },
    /// The device has no built-in face of this index.
    NoFace,
    /// It gives other logits for the built-in face than the host says.
    Logits,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Unfit::Format { found, newest } => {
                write!(f, "the model has format {found} and the firmware reads {newest} at most; update the firmware")
            }
            Unfit::Broken => write!(f, "it is no sound model file"),
            Unfit::Arena { need, have } => write!(f, "the model needs {need} bytes of RAM and the device has {have}"),
            Unfit::NoFace => {
                write!(f, "the device has no such built-in face; update the older of firmware and host program")
            }
            Unfit::Logits => {
                write!(
                    f,
                    "the model gave other logits on the device than on the host; update the older of firmware and host program"
                )
            }
        }
    }
}
