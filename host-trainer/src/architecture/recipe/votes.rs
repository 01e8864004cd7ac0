//! `votes` and `pretraining_epochs`.

use super::setting::{Row, Setting, check_share};

pub struct Votes {
    pub share: f32,
    pub pretraining_epochs: usize,
}

impl Setting for Votes {
    fn check(&self) -> Result<(), String> {
        check_share("`votes`", self.share.into())
    }

    fn words(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        if self.share > 0.0 {
            rows.push(("FER+ votes", format!("{} of the target", self.share)));
        }
        if self.pretraining_epochs > 0 {
            rows.push(("pretraining", format!("{} epochs on FER+ votes", self.pretraining_epochs)));
        }
        rows
    }
}
