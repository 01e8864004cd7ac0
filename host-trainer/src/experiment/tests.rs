use super::*;
use crate::{architecture::Architecture, training::EpochMetrics};

fn architecture(experiments: &[Experiment], name: &str) -> Architecture {
    let experiment = experiments.iter().find(|experiment| experiment.name == name).expect("there");
    Architecture::parse(name, &experiment.source).expect("checked when it was read")
}

fn paper() -> Vec<Experiment> {
    parse(PAPER.0, PAPER.1).expect("sound")
}

/// The TOML examples of the README.
fn examples() -> Vec<&'static str> {
    let blocks = include_str!("../../README.md").split("```toml\n").skip(1);
    blocks.map(|rest| rest.split("```").next().expect("a block has an end")).collect()
}

#[test]
fn the_examples_of_the_readme_mean_what_they_say() {
    let [network, experiment] = examples()[..] else { panic!("two examples") };
    let recipe = Architecture::parse("mine.toml", network).expect("sound").recipe;
    assert_eq!((recipe.batch_size, recipe.augmentation.shift, recipe.average_decay), (128, 4.0, Some(0.999)));
    let experiments = parse("mine.toml", experiment).expect("sound");
    assert_eq!((experiments[0].name.as_str(), experiments[0].seeds), ("wider", 3));
}

#[test]
fn an_experiment_from_a_network_with_a_teacher_has_none() {
    let text = "[[experiment]]\nname = \"mine\"\ntitle = \"mine\"\nfrom = \"pico\"\n";
    let recipe = architecture(&parse("mine.toml", text).expect("sound"), "mine").recipe;
    let pico = Architecture::find("pico").expect("built in").recipe;
    assert!(recipe.distillation.is_none() && recipe.teachers.is_empty() && pico.distillation.is_some());
    assert_eq!((recipe.optimizer, recipe.augmentation), (pico.optimizer, pico.augmentation));
}

#[test]
fn the_papers_final_network_is_the_built_in_one() {
    let (experiments, built_in) = (paper(), Architecture::find("levorse").expect("built in"));
    let last = architecture(&experiments, "final");
    assert_eq!((last.layers, last.recipe), (built_in.layers, built_in.recipe));
    assert_eq!(last.preprocessing, built_in.preprocessing);
}

#[test]
fn every_preset_of_the_future_work_is_a_network_that_differs_from_the_baseline() {
    let experiments = parse(FUTURE_WORK.0, FUTURE_WORK.1).expect("sound");
    let baseline = architecture(&experiments, "baseline");
    for experiment in &experiments[1..] {
        let other = architecture(&experiments, &experiment.name);
        assert!(other.layers != baseline.layers || other.recipe != baseline.recipe, "{}", experiment.name);
    }
    let separable = architecture(&experiments, "vertical-horizontal");
    assert_eq!(separable.layers[0].name, "conv2d_1");
    assert!(separable.macs(1) < baseline.macs(1));
    assert_eq!(architecture(&experiments, "spatial-dropout").layers.len(), baseline.layers.len() + 2);
}

#[test]
fn an_experiment_that_continues_another_differs_in_its_epochs_alone() {
    let mut compared = 0;
    for experiments in [paper(), parse(FUTURE_WORK.0, FUTURE_WORK.1).expect("sound")] {
        for experiment in &experiments {
            let Some(shorter) = &experiment.continues else { continue };
            let (long, mut short) = (architecture(&experiments, &experiment.name), architecture(&experiments, shorter));
            compared += 1;
            assert!(long.recipe.epochs > short.recipe.epochs);
            short.recipe.epochs = long.recipe.epochs;
            assert_eq!(
                (long.layers, long.recipe, long.preprocessing),
                (short.layers, short.recipe, short.preprocessing)
            );
        }
    }
    assert!(compared >= 3, "{compared} experiments continue another");
}

#[test]
fn presets_that_mean_nothing_are_errors_that_name_them() {
    let preset = |rest: &str| format!("[[experiment]]\nname = \"a\"\ntitle = \"t\"\n{rest}");
    let continued = |change: &str| {
        let b = format!("[[experiment]]\nname = \"b\"\ntitle = \"t\"\nfrom = \"a\"\ncontinues = \"a\"\n{change}\n");
        preset("from = \"levorse\"\n") + &b
    };
    let cases = [
        (preset("from = \"nowhere\""), "a: `nowhere` is neither before it nor built in"),
        (
            preset("from = \"levorse\"\nlayer = { conv2d_9 = { kernel = 3 } }"),
            "a: it changes a layer that is not there",
        ),
        (preset("from = \"levorse\"").replace("\"a\"", "\"a/b\""), "a/b: a name is made of letters"),
        (preset("from = \"levorse\"\nall = { conv2d = { kernel = 0 } }"), "a: "),
        (preset("from = \"levorse\"\nrecipe = { epochs = 0 }"), "must be at least 1"),
        (preset("from = \"levorse\"\ncontinues = \"b\""), "a: `b`, which it continues, is not before it"),
        (
            continued("recipe = { epochs = 50, label_smoothing = 0.1 }"),
            "b: it cannot continue `a`: the two differ in more",
        ),
        (continued("layer = { conv2d_1 = { filters = 3 } }"), "b: it cannot continue `a`: the two differ in more"),
        (continued("recipe = { epochs = 5 }"), "b: it cannot continue `a`: it is the shorter one"),
        (
            continued("recipe = { epochs = 500 }").replace("from = \"levorse\"", "from = \"mentor\""),
            "b: it cannot continue `a`: how it trains in an epoch depends on how many there are",
        ),
    ];
    for (text, expected) in cases {
        let error = parse("x.toml", &text).expect_err(&text).to_string();
        assert!(error.contains(expected), "{error}\nshould contain\n{expected}");
    }
}

fn measured(seed: u64, accuracy: f64) -> Measured {
    let epoch = |epoch| EpochMetrics {
        epoch,
        train_loss: 1.0,
        train_accuracy: 0.5,
        validation_loss: 1.0,
        validation_accuracy: 0.4,
        seconds: 1.0,
        images_per_second: 1.0,
        validation_loss_all: None,
        validation_accuracy_all: None,
    };
    Measured {
        experiment: "two-blocks-50".into(),
        seed,
        epochs: vec![epoch(1), epoch(2)],
        kept_epoch: 2,
        accuracy,
        macro_f1: 0.3,
        int8_accuracy: Some(accuracy),
        int8_bytes: Some(1234),
        not_quantized: None,
        parameters: 180_965,
        macs: 17_230_320,
        failure: (seed == 2).then(|| Failure { epoch: 3, step: 4, loss: "NaN".into() }),
    }
}

#[test]
fn a_row_is_the_mean_over_the_seeds_and_tells_of_losses_that_were_no_numbers() {
    let experiments = paper();
    let rows = rows(&experiments, &[measured(1, 0.4), measured(2, 0.5)]);
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].best_validation, rows[0].seeds), (0.45, 2));
    assert!((rows[0].spread.expect("two") - 0.005f64.sqrt()).abs() < 1e-9);
    let text = markdown(&experiments, &rows);
    assert!(text.contains("0.141 / – | 0.500 / 0.400 | 0.4500 ± 0.0707 (2 seeds)"), "{text}");
    assert!(text.contains("180,965 | 17,230,320 | 1,234 B"), "{text}");
    assert!(text.contains("paper: loss becomes NaN after 30 epochs; loss NaN in epoch 3, step 4 (seed 2)"), "{text}");
    let csv = String::from_utf8(csv(&rows).expect("writes")).expect("text");
    assert!(csv.lines().nth(1).is_some_and(|line| line.starts_with("two-blocks-50,")), "{csv}");
}
