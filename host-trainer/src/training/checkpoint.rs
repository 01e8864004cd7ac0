//! Everything needed to go on after an epoch, in one file.

use burn::{module::Module, optim::ModuleOptimizer, store::ModuleRecord, tensor::Bytes};
use serde::{Deserialize, Serialize};
use shared::checksum::crc32;

use super::{EpochMetrics, TrainingError};
use crate::network::Parameters;

/// First bytes of a checkpoint; the number counts versions.
const MAGIC: &[u8; 8] = b"FERCKPT2";

/// Parameters, state of the optimizer and metrics after an epoch. On disk: magic, CRC-32 of the rest, postcard.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    /// One entry an epoch.
    pub metrics: Vec<EpochMetrics>,
    /// Steps and values of the running mean of the parameters, if there is one.
    pub average: Option<(u64, Vec<f32>)>,
    /// Importance weights of the images; empty before they are known.
    pub importance: Vec<f32>,
    parameters: Vec<u8>,
    optimizer: Vec<u8>,
}

impl Checkpoint {
    /// Takes a copy of everything.
    pub fn new(
        parameters: &Parameters,
        optimizer: &ModuleOptimizer,
        average: Option<(u64, Vec<f32>)>,
        importance: &[f32],
        metrics: &[EpochMetrics],
    ) -> Result<Self, TrainingError> {
        Ok(Self {
            metrics: metrics.to_vec(),
            average,
            importance: importance.to_vec(),
            parameters: parameters.clone().into_record().into_bytes().map_err(unfit)?.to_vec(),
            optimizer: optimizer.into_bytes().map_err(unfit)?.to_vec(),
        })
    }

    /// Parameters and optimizer as they were; the arguments are fresh ones of the same architecture.
    pub fn restore(
        &self,
        parameters: Parameters,
        optimizer: ModuleOptimizer,
    ) -> Result<(Parameters, ModuleOptimizer), TrainingError> {
        let optimizer = optimizer.from_bytes(Bytes::from_bytes_vec(self.optimizer.clone())).map_err(unfit)?;
        Ok((self.restore_parameters(parameters)?, optimizer))
    }

    /// The parameters as they were.
    pub fn restore_parameters(&self, parameters: Parameters) -> Result<Parameters, TrainingError> {
        let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(self.parameters.clone())).map_err(unfit)?;
        parameters.try_load_record(record).map_err(unfit)
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Result<Vec<u8>, TrainingError> {
        let body = postcard::to_stdvec(self).map_err(|error| TrainingError::Checkpoint(error.to_string()))?;
        Ok([MAGIC.as_slice(), &crc32(&body).to_le_bytes(), &body].concat())
    }

    /// `None` for bytes that are no whole, undamaged checkpoint.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (crc, body) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
        if u32::from_le_bytes(*crc) != crc32(body) {
            return None;
        }
        postcard::from_bytes(body).ok()
    }
}

fn unfit(error: impl std::fmt::Display) -> TrainingError {
    TrainingError::Checkpoint(error.to_string())
}
