//! The trait of every setting of a recipe.

use crate::data::LabelSet;

/// A row of a report: what was set, and to what.
pub type Row = (&'static str, String);

/// A setting of a recipe, with its checks and its words.
pub trait Setting {
    /// Checks the values; an error names the key.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// Checks that the setting fits a network for these labels; an error names the key.
    fn check_labels(&self, _labels: LabelSet) -> Result<(), String> {
        Ok(())
    }

    /// The rows of a report; none where the setting is off.
    fn words(&self) -> Vec<Row>;
}

/// An absent setting is off.
impl<S: Setting> Setting for Option<S> {
    fn check(&self) -> Result<(), String> {
        self.as_ref().map_or(Ok(()), S::check)
    }

    fn check_labels(&self, labels: LabelSet) -> Result<(), String> {
        self.as_ref().map_or(Ok(()), |setting| setting.check_labels(labels))
    }

    fn words(&self) -> Vec<Row> {
        self.as_ref().map_or_else(Vec::new, S::words)
    }
}

/// Checks that `value` is a number from 0 on; an error calls it `name`.
pub fn check_not_negative(name: &str, value: f32) -> Result<(), String> {
    match value.is_finite() && value >= 0.0 {
        true => Ok(()),
        false => Err(format!("{name} is {value}; it must be a number from 0 on")),
    }
}

/// Checks that `value` is a number above 0; an error calls it `name`.
pub fn check_positive(name: &str, value: f32) -> Result<(), String> {
    match value.is_finite() && value > 0.0 {
        true => Ok(()),
        false => Err(format!("{name} is {value}; it must be above 0")),
    }
}

/// Checks that `value` is a share; an error calls it `name`.
pub fn check_share(name: &str, value: f64) -> Result<(), String> {
    match (0.0..=1.0).contains(&value) {
        true => Ok(()),
        false => Err(format!("{name} is {value}; it must be from 0 to 1")),
    }
}
