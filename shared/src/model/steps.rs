//! The steps of a model file, decoded one by one.

use super::{
    raw::{RawModel, Version},
    version_2::StepRecord2,
};
use crate::{
    operator::check::{StepError, WeightSection},
    step::{Step, StepRecord},
};

/// Iterator over the [`Step`]s of a network.
#[derive(Clone, Debug)]
pub struct Steps<'a> {
    version: Version,
    records: &'a [u8],
    remaining: u16,
    weights: WeightSection<'a>,
}

pub(super) fn steps<'a>(raw: &RawModel<'a>) -> Steps<'a> {
    Steps {
        version: raw.version,
        records: raw.records,
        remaining: raw.header.step_count,
        weights: WeightSection(raw.weights),
    }
}

impl<'a> Steps<'a> {
    /// The next record as it stands in the file; `Ok(None)` after the last.
    pub(super) fn next_record(&mut self) -> Result<Option<StepRecord>, StepError> {
        if self.remaining == 0 {
            return if self.records.is_empty() { Ok(None) } else { Err(StepError::Record) };
        }
        let (record, rest) = match self.version {
            Version::Two => {
                let (record, rest) =
                    postcard::take_from_bytes::<StepRecord2>(self.records).map_err(|_| StepError::Record)?;
                (record.record()?, rest)
            }
            Version::Three => postcard::take_from_bytes(self.records).map_err(|_| StepError::Record)?,
        };
        self.records = rest;
        self.remaining -= 1;
        Ok(Some(record))
    }

    /// The step of a record.
    pub(super) fn resolve(&self, record: &StepRecord) -> Result<Step<'a>, StepError> {
        record.resolve(self.weights)
    }
}

impl<'a> Iterator for Steps<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        // `validate` decoded and resolved every record before a `Network` was handed out.
        let record = self.next_record().ok()??;
        self.resolve(&record).ok()
    }
}
