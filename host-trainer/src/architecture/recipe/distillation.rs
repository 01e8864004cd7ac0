//! `distillation` and `teachers`.

use serde::{Deserialize, Serialize};

use super::setting::{Row, Setting, check_positive, check_share};

/// Most [`views`](Distillation::views): more are hardly ever seen again, and their answers fill a disk.
const MOST_VIEWS: usize = 1000;

/// Learning from teachers (Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network", section 2): the loss is
/// `(1 - share) label loss + share temperature^2 cross entropy(teachers, network)`, both softened by the temperature.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distillation {
    /// The teachers' part of the loss, 0 to 1.
    pub share: f32,
    /// Divides the logits, of the teachers and of the network.
    #[serde(default = "one")]
    pub temperature: f32,
    /// Begins with the weights of the first teacher, which must be a network of the same layers (Furlanello et al. 2018,
    /// "Born Again Neural Networks", begin anew; to go on takes fewer epochs). `train --start` names other weights in their place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warm_start: bool,
    /// Asks the teachers anew about every face as the network sees it, augmented and blended, instead of once about the face
    /// as it is: there are no answers to learn by heart, at the price of the teachers' forward passes (Beyer et al. 2022,
    /// "Knowledge distillation: A good teacher is patient and consistent").
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same_views: bool,
    /// With `same_views`: so many epochs have views of their own, and later epochs show these again, their batches in another order. The
    /// teachers are asked about each view once; their answers are kept in the run's folder. Without it, no view comes twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub views: Option<usize>,
}

fn one() -> f32 {
    1.0
}

impl Setting for Distillation {
    fn check(&self) -> Result<(), String> {
        check_share("the `share` of the `distillation`", self.share.into())?;
        check_positive("the `temperature` of the `distillation`", self.temperature)?;
        match self.views {
            Some(_) if !self.same_views => {
                Err("the `distillation` has `views`, which are for teachers that see them: `same_views = true`".into())
            }
            Some(views) if !(1..=MOST_VIEWS).contains(&views) => {
                Err(format!("the `views` of the `distillation` must be 1 to {MOST_VIEWS}, not {views}"))
            }
            _ => Ok(()),
        }
    }

    fn words(&self) -> Vec<Row> {
        let Distillation { share, temperature, warm_start, same_views, views } = self;
        let views = match (same_views, views) {
            (false, _) => String::new(),
            (true, None) => "; teachers see the faces as the network does".into(),
            (true, Some(views)) => format!("; teachers see the faces as the network does, in {views} views each"),
        };
        let start = if *warm_start { "; begins with the first one's weights" } else { "" };
        vec![("distillation", format!("{share} of the loss, at temperature {temperature}{views}{start}"))]
    }
}

/// A distillation, whose views need the same faces in every epoch.
pub struct Views {
    pub distillation: Option<Distillation>,
    pub of_the_same_faces: bool,
}

impl Setting for Views {
    fn check(&self) -> Result<(), String> {
        self.distillation.check()?;
        let views = self.distillation.and_then(|distillation| distillation.views);
        if views.is_none() || self.of_the_same_faces {
            return Ok(());
        }
        let error = "the `views` of the `distillation` show the same faces in every epoch: they go neither with \
                     `pretraining_epochs` nor with `reweighting`";
        Err(error.into())
    }

    fn words(&self) -> Vec<Row> {
        self.distillation.words()
    }
}

/// The networks that are trained first to teach; without a distillation there is nothing to teach.
pub struct Teachers<'a> {
    pub names: &'a [String],
    pub distilled: bool,
}

impl Setting for Teachers<'_> {
    fn check(&self) -> Result<(), String> {
        match self.distilled || self.names.is_empty() {
            true => Ok(()),
            false => Err("`teachers` are named and there is no `distillation`".into()),
        }
    }

    fn words(&self) -> Vec<Row> {
        if self.names.is_empty() { Vec::new() } else { vec![("teachers", self.names.join(", "))] }
    }
}
