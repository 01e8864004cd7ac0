//! Everything needed to go on after an epoch, in one file.

use burn::{module::Module, optim::ModuleOptimizer, store::ModuleRecord, tensor::Bytes};
use serde::{Deserialize, Serialize};
use shared::checksum::crc32;

use super::{EpochMetrics, TrainingError};
use crate::network::Parameters;

/// First bytes of a checkpoint; the number counts versions.
const MAGIC: &[u8; 8] = b"FERCKPT3";

/// Those of checkpoints whose epochs have no figures of faces that choose nothing.
const MAGIC_2: &[u8; 8] = b"FERCKPT2";

/// Parameters, state of the optimizer and metrics after an epoch. On disk: magic, CRC-32 of the rest, postcard.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Checkpoint<M = EpochMetrics> {
    /// One entry per epoch.
    pub metrics: Vec<M>,
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

    /// Decodes a checkpoint of this version or the one before; `None` if it is cut short or damaged.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk()?;
        let (crc, body) = rest.split_first_chunk()?;
        if u32::from_le_bytes(*crc) != crc32(body) {
            return None;
        }
        match magic {
            MAGIC => postcard::from_bytes(body).ok(),
            MAGIC_2 => postcard::from_bytes::<Checkpoint<EpochMetrics2>>(body).ok().map(Self::from),
            _ => None,
        }
    }
}

/// What version 2 has of an epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct EpochMetrics2 {
    epoch: usize,
    train_loss: f64,
    train_accuracy: f64,
    validation_loss: f64,
    validation_accuracy: f64,
    seconds: f64,
    images_per_second: f64,
}

impl From<EpochMetrics2> for EpochMetrics {
    fn from(before: EpochMetrics2) -> Self {
        Self {
            epoch: before.epoch,
            train_loss: before.train_loss,
            train_accuracy: before.train_accuracy,
            validation_loss: before.validation_loss,
            validation_accuracy: before.validation_accuracy,
            seconds: before.seconds,
            images_per_second: before.images_per_second,
            validation_loss_all: None,
            validation_accuracy_all: None,
        }
    }
}

impl From<Checkpoint<EpochMetrics2>> for Checkpoint {
    fn from(before: Checkpoint<EpochMetrics2>) -> Self {
        let metrics = before.metrics.into_iter().map(EpochMetrics::from).collect();
        let Checkpoint { average, importance, parameters, optimizer, .. } = before;
        Self { metrics, average, importance, parameters, optimizer }
    }
}

#[cfg(test)]
impl Checkpoint {
    /// The bytes that version 2 wrote.
    pub fn encode_2(self) -> Vec<u8> {
        let before = |row: EpochMetrics| EpochMetrics2 {
            epoch: row.epoch,
            train_loss: row.train_loss,
            train_accuracy: row.train_accuracy,
            validation_loss: row.validation_loss,
            validation_accuracy: row.validation_accuracy,
            seconds: row.seconds,
            images_per_second: row.images_per_second,
        };
        let Checkpoint { metrics, average, importance, parameters, optimizer } = self;
        let metrics: Vec<_> = metrics.into_iter().map(before).collect();
        let body = postcard::to_stdvec(&Checkpoint { metrics, average, importance, parameters, optimizer });
        let body = body.expect("serializable");
        [MAGIC_2.as_slice(), &crc32(&body).to_le_bytes(), &body].concat()
    }
}

fn unfit(error: impl std::fmt::Display) -> TrainingError {
    TrainingError::Checkpoint(error.to_string())
}
