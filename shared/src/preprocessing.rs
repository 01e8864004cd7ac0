//! What is done to the pixels before the network sees them.

use serde::{Deserialize, Serialize};

/// Rows and columns of a face.
pub const FACE_SIZE: usize = 48;

/// Pixels of a face, row by row.
pub const FACE_PIXELS: usize = FACE_SIZE * FACE_SIZE;

/// The kind of preprocessing and its parameters; it travels in the model file, so that the device does what training did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Preprocessing {
    /// Local intensity normalization over the Gaussian 7x7 neighbourhood: one channel, `q = round(37 x')`, scale 1/37,
    /// zero point 0.
    Local {
        /// Floor of the local standard deviation, in 1/256 grey levels; keeps flat areas from becoming noise.
        sigma_floor: u16,
    },
    /// The grey levels themselves: one channel, `x = grey / divisor`, `q = grey - 128`, scale `1 / divisor`, zero point -128.
    Grey {
        /// 255 gives values of 0 to 1, 1 the bytes as they are; 0 makes no scale and is refused by `Model::parse`.
        divisor: u16,
    },
}

impl Preprocessing {
    /// The input scale of local normalization: one step of `q` is 1/37 of a local standard deviation.
    pub const LOCAL_STEPS: i32 = 37;

    /// Scale of the network's input tensor.
    pub const fn scale(&self) -> f32 {
        match self {
            Preprocessing::Local { .. } => 1.0 / Self::LOCAL_STEPS as f32,
            Preprocessing::Grey { divisor } => 1.0 / *divisor as f32,
        }
    }

    /// Zero point of the network's input tensor.
    pub const fn zero_point(&self) -> i8 {
        match self {
            Preprocessing::Local { .. } => 0,
            Preprocessing::Grey { .. } => -128,
        }
    }

    /// Channels of the network's input tensor.
    pub const fn channels(&self) -> u16 {
        match self {
            Preprocessing::Local { .. } | Preprocessing::Grey { .. } => 1,
        }
    }
}
