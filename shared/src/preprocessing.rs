//! Preprocessing of a face's pixels before the network reads them.

use serde::{Deserialize, Serialize};

/// Rows and columns of a face.
pub const FACE_SIZE: usize = 48;

/// Pixels of a face, row by row.
pub const FACE_PIXELS: usize = FACE_SIZE * FACE_SIZE;

/// The kind of preprocessing and its parameters. The model file holds it, so that the device preprocesses as training did.
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
        /// 255 gives values of 0 to 1, 1 the bytes as they are; `Model::parse` refuses 0.
        divisor: u16,
    },
    /// Standardization by mean and deviation of the whole image: one channel, `q = round(37 x')` clamped to `-127..=127`,
    /// which is 3.43 deviations; scale 1/37, zero point 0.
    Global {
        /// Floor of the image's standard deviation, in 1/256 grey levels.
        sigma_floor: u16,
    },
    /// Two channels of the same scale: the output of `Local`, then that of `Global`.
    LocalAndGlobal {
        /// Floor of the local standard deviation, in 1/256 grey levels.
        local_floor: u16,
        /// Floor of the image's standard deviation, in 1/256 grey levels.
        global_floor: u16,
    },
}

impl Preprocessing {
    /// The input scale of normalization: one step of `q` is 1/37 of a standard deviation.
    pub const STEPS: i32 = 37;

    /// Scale of the network's input tensor.
    pub const fn scale(&self) -> f32 {
        match self {
            Preprocessing::Grey { divisor } => 1.0 / *divisor as f32,
            Preprocessing::Local { .. } | Preprocessing::Global { .. } | Preprocessing::LocalAndGlobal { .. } => {
                1.0 / Self::STEPS as f32
            }
        }
    }

    /// Zero point of the network's input tensor.
    pub const fn zero_point(&self) -> i8 {
        match self {
            Preprocessing::Grey { .. } => -128,
            Preprocessing::Local { .. } | Preprocessing::Global { .. } | Preprocessing::LocalAndGlobal { .. } => 0,
        }
    }

    /// Channels of the network's input tensor.
    pub const fn channels(&self) -> u16 {
        match self {
            Preprocessing::Local { .. } | Preprocessing::Grey { .. } | Preprocessing::Global { .. } => 1,
            Preprocessing::LocalAndGlobal { .. } => 2,
        }
    }

    /// Values of the network's input tensor, `[48, 48, channels]`.
    pub const fn values(&self) -> usize {
        FACE_PIXELS * self.channels() as usize
    }
}
