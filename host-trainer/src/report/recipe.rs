//! A recipe in words.

use crate::{
    architecture::{
        Architecture, Balanced, ClassWeights, Distillation, Loss, Noise, Optimizer, ProgressiveResizing, Recipe,
        Refinement, Schedule,
    },
    training::Configuration,
};

/// What was set and to what; settings that are off do not appear.
pub fn recipe_rows(architecture: &Architecture, configuration: &Configuration) -> Vec<(String, String)> {
    let recipe = &architecture.recipe;
    let loss = match recipe.loss {
        Loss::CategoricalCrossEntropy => "categorical cross entropy",
        Loss::SquaredHinge => "squared hinge, one emotion against the rest (L2-SVM)",
    };
    let mut rows = Vec::new();
    if !configuration.labels.is_fer2013() {
        rows.push(("labels", "majority of the FER+ votes, 8 emotions".to_string()));
    }
    rows.extend([("loss", loss.to_string()), ("optimizer", optimizer(recipe.optimizer))]);
    rows.push(("learning rate", schedule(recipe.schedule)));
    rows.extend(options(recipe));
    let start = configuration.start.as_ref().map_or("Glorot uniform, biases zero", |_| "those of a trained network");
    rows.push(("weights at the start", start.into()));
    rows.push(("images a step", configuration.batch_size.to_string()));
    rows.push(("epochs", configuration.epochs.to_string()));
    rows.push(("seed", configuration.seed.to_string()));
    rows.into_iter().map(|(what, which)| (what.to_string(), which)).collect()
}

fn optimizer(optimizer: Optimizer) -> String {
    match optimizer {
        Optimizer::RmsProp { learning_rate, rho, epsilon } => {
            format!("RMSprop, learning rate {learning_rate}, rho {rho}, epsilon {epsilon:e}")
        }
        Optimizer::Sgd { learning_rate, momentum, nesterov } => {
            let kind = if nesterov { "Nesterov's momentum" } else { "momentum" };
            format!("SGD, learning rate {learning_rate}, {kind} {momentum}")
        }
        Optimizer::Adam { learning_rate, beta_1, beta_2, epsilon } => {
            format!("Adam, learning rate {learning_rate}, beta {beta_1} and {beta_2}, epsilon {epsilon:e}")
        }
    }
}

fn schedule(schedule: Schedule) -> String {
    let after =
        |warm_up: f64| if warm_up > 0.0 { format!(" after {warm_up} epochs of warm-up") } else { String::new() };
    match schedule {
        Schedule::Constant { warm_up } => format!("constant{}", after(warm_up)),
        Schedule::Step { every, factor, warm_up } => {
            format!("times {factor} every {every} epochs{}", after(warm_up))
        }
        Schedule::Cosine { last, warm_up } => format!("half a cosine to {last} of itself{}", after(warm_up)),
        Schedule::OneCycle { rise, first, last } => {
            format!("one cycle from {first} over {} % of the epochs to 1, then to {last:e}", rise * 100.0)
        }
    }
}

fn options(recipe: &Recipe) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let regularization = recipe.regularization;
    for (what, value) in
        [("L1", regularization.l1), ("L2", regularization.l2), ("weight decay", regularization.weight_decay)]
    {
        if value > 0.0 {
            rows.push((what, value.to_string()));
        }
    }
    if recipe.label_smoothing > 0.0 {
        rows.push(("label smoothing", recipe.label_smoothing.to_string()));
    }
    if recipe.distinct {
        rows.push(("left out", "training faces that are nearly validation faces".into()));
    }
    match &recipe.class_weights {
        Some(ClassWeights::Named(Balanced::Balanced)) => rows.push(("class weights", "balanced".into())),
        Some(ClassWeights::Given(weights)) => rows.push(("class weights", format!("{weights:?}"))),
        None => {}
    }
    if !recipe.logit_adjustment.is_empty() {
        rows.push(("added to the logits", format!("{:?}", recipe.logit_adjustment)));
    }
    if recipe.votes > 0.0 {
        rows.push(("FER+ votes", format!("{} of the target", recipe.votes)));
    }
    if recipe.pretraining_epochs > 0 {
        rows.push(("pretraining", format!("{} epochs on FER+ votes", recipe.pretraining_epochs)));
    }
    if !recipe.teachers.is_empty() {
        rows.push(("teachers", recipe.teachers.join(", ")));
    }
    if let Some(Distillation { share, temperature, warm_start, same_views }) = recipe.distillation {
        let views = if same_views { "; teachers see the faces as the network does" } else { "" };
        let start = if warm_start { "; begins with the first one's weights" } else { "" };
        rows.push(("distillation", format!("{share} of the loss, at temperature {temperature}{views}{start}")));
    }
    if let Some(reweighting) = recipe.reweighting {
        let noise = match reweighting.noise {
            Noise::Anchors => "estimated at the surest images",
            Noise::Votes => "counted from FER+ votes",
            Noise::Rates(_) => "given",
        };
        rows.push(("importance weights", format!("after {} epochs, noise rates {noise}", reweighting.after)));
    }
    if let Some(Refinement { epochs, learning_rate }) = recipe.refinement {
        rows.push(("refinement", format!("{epochs} epochs with the core's rounding, learning rate {learning_rate}")));
    }
    if let Some(radius) = recipe.sharpness_aware {
        rows.push(("sharpness-aware", format!("within a radius of {radius}")));
    }
    if let Some(decay) = recipe.average_decay {
        rows.push(("mean of the weights", format!("decay {decay}")));
    }
    if let Some(alpha) = recipe.mixup {
        rows.push(("mixup", format!("shares from Beta({alpha}, {alpha})")));
    }
    if let Some(ProgressiveResizing { start, share }) = recipe.progressive_resizing {
        rows.push(("progressive resizing", format!("from {start} pixels a side, over {share} of the epochs")));
    }
    if !recipe.augmentation.is_off() {
        let text = toml::to_string(&recipe.augmentation).unwrap_or_default();
        rows.push(("augmentation", text.trim().replace('\n', ", ")));
    }
    if let Some(patience) = recipe.early_stopping {
        rows.push(("early stopping", format!("after {patience} epochs that are no better")));
    }
    rows
}
