//! `loss`.

use serde::{Deserialize, Serialize};

use super::setting::{Row, Setting};

/// What is minimized, mean over the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// `-sum target log softmax(logits)`.
    #[default]
    CategoricalCrossEntropy,
    /// `sum max(0, 1 - y logits)^2` with `y = 2 target - 1`: one L2-SVM per emotion against the rest (Tang 2013, "Deep
    /// Learning using Linear Support Vector Machines", equation 9). The penalty of the weights is `regularization.l2`.
    SquaredHinge,
}

impl Setting for Loss {
    fn words(&self) -> Vec<Row> {
        let loss = match self {
            Loss::CategoricalCrossEntropy => "categorical cross entropy",
            Loss::SquaredHinge => "squared hinge, one emotion against the rest (L2-SVM)",
        };
        vec![("loss", loss.into())]
    }
}
