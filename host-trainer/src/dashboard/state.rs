//! The state of the run.

/// Facts that do not change during the run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Name of the network.
    pub name: String,
    /// Anything worth a line: name and value.
    pub rows: Vec<(String, String)>,
    /// Epochs in all.
    pub epochs: usize,
}

/// A finished step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepNow {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Images of this epoch that are done.
    pub done: usize,
    /// Images of an epoch.
    pub total: usize,
    /// Mean over the epoch so far.
    pub loss: f64,
    /// Share of right answers over the epoch so far.
    pub accuracy: f64,
    /// Images a second in this epoch so far.
    pub images_per_second: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
}

/// A finished epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EpochRow {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Mean over the epoch.
    pub train_loss: f64,
    /// Share of right answers over the epoch.
    pub train_accuracy: f64,
    /// Mean after the epoch.
    pub validation_loss: f64,
    /// Share of right answers after the epoch.
    pub validation_accuracy: f64,
    /// The same over all validation images, where some choose nothing.
    pub validation_accuracy_all: Option<f64>,
    /// Duration in seconds.
    pub seconds: f64,
}

/// Everything that is on the screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    pub facts: Facts,
    pub now: StepNow,
    pub epochs: Vec<EpochRow>,
    /// Whether the run ends after this step.
    pub stopping: bool,
}

impl State {
    pub fn new(facts: Facts) -> Self {
        Self { facts, ..Self::default() }
    }

    pub fn step(&mut self, step: StepNow) {
        self.now = step;
    }

    pub fn epoch(&mut self, epoch: EpochRow) {
        self.epochs.retain(|row| row.epoch != epoch.epoch);
        self.epochs.push(epoch);
    }

    /// The epoch with the best validation accuracy, the first of equals.
    pub fn best(&self) -> Option<&EpochRow> {
        self.epochs
            .iter()
            .reduce(|best, row| if row.validation_accuracy > best.validation_accuracy { row } else { best })
    }

    /// Share of this epoch that is done.
    pub fn epoch_share(&self) -> f64 {
        (self.now.done as f64 / self.now.total.max(1) as f64).clamp(0.0, 1.0)
    }

    /// Share of the run that is done.
    pub fn run_share(&self) -> f64 {
        let done = self.now.epoch.saturating_sub(1) as f64 + self.epoch_share();
        (done / self.facts.epochs.max(1) as f64).clamp(0.0, 1.0)
    }

    /// Seconds until the epoch's last step, and until the last epoch's.
    pub fn seconds_left(&self) -> Option<(f64, f64)> {
        let rate = self.now.images_per_second;
        if !(rate.is_finite() && rate > 0.0) {
            return None;
        }
        let of_epoch = self.now.total.saturating_sub(self.now.done) as f64;
        let of_others = (self.facts.epochs.saturating_sub(self.now.epoch) * self.now.total) as f64;
        Some((of_epoch / rate, (of_epoch + of_others) / rate))
    }

    /// Points of epoch and value; the epoch under way is the last of the training's. Values that are not finite are left out.
    pub fn curve(&self, of_epoch: fn(&EpochRow) -> f64, of_now: Option<fn(&StepNow) -> f64>) -> Vec<(f64, f64)> {
        let finished = self.epochs.iter().map(|row| (row.epoch as f64, of_epoch(row)));
        let under_way = self.now.done > 0 && self.epochs.iter().all(|row| row.epoch != self.now.epoch);
        let at = self.now.epoch.saturating_sub(1) as f64 + self.epoch_share();
        let now = of_now.filter(|_| under_way).map(|of_now| (at, of_now(&self.now)));
        finished.chain(now).filter(|point| point.1.is_finite()).collect()
    }
}
