//! How good the answers stay when a face is lit or placed otherwise than in the data set.
//!
//! Each kind of change has several strengths, one of which changes nothing. Where a change has directions, the accuracy at a
//! strength is the mean over them.

use std::f32::consts::{FRAC_PI_2, PI};

use serde::{Deserialize, Serialize};
use shared::preprocessing::FACE_PIXELS;

use super::Table;
use crate::augmentation::{Change, Light, Transform};

/// Accuracies of one model under every change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Robustness {
    /// Name of the model.
    pub model: String,
    /// Share of the faces answered right as they are.
    pub unchanged: f64,
    /// One entry per kind of change.
    pub series: Vec<Series>,
}

/// Accuracies under one kind of change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// What is changed.
    pub change: String,
    /// What the strength is measured in; empty for a plain factor.
    pub unit: String,
    /// From the weakest to the strongest, the faces as they are among them.
    pub points: Vec<Point>,
}

/// Accuracy at one strength of a change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// In the series' unit.
    pub strength: f32,
    /// Share of the faces answered right.
    pub accuracy: f64,
}

/// A kind of change: its name, unit, the strengths, and what each does, in all its directions.
struct Kind {
    name: &'static str,
    unit: &'static str,
    strengths: &'static [f32],
    changes: fn(f32) -> Vec<Change>,
}

/// Right, down, left, up.
const DIRECTIONS: [f32; 4] = [0.0, FRAC_PI_2, PI, -FRAC_PI_2];

/// Grey levels that the strongest gradient of light adds at one edge and takes away at the other.
const GRADIENT: f32 = 64.0;

const KINDS: &[Kind] = &[
    Kind {
        name: "gamma",
        unit: "",
        strengths: &[0.5, 0.71, 1.0, 1.41, 2.0],
        changes: |gamma| vec![lit(Light { gamma, ..Light::UNCHANGED })],
    },
    Kind {
        name: "contrast",
        unit: "",
        strengths: &[0.5, 0.75, 1.0, 1.25, 1.5],
        changes: |contrast| vec![lit(Light { contrast, ..Light::UNCHANGED })],
    },
    Kind {
        name: "gradient of light",
        unit: "grey levels",
        strengths: &[0.0, 16.0, 32.0, 48.0, 64.0],
        changes: |gradient| DIRECTIONS.map(|direction| lit(Light { gradient, direction, ..Light::UNCHANGED })).into(),
    },
    Kind { name: "all three", unit: "of the strongest", strengths: &[0.0, 0.25, 0.5, 0.75, 1.0], changes: all_three },
    Kind {
        name: "shift",
        unit: "pixels",
        strengths: &[0.0, 3.0, 6.0],
        changes: |pixels| {
            let placed = |angle: f32| {
                placed(Transform { shift: [angle.sin() * pixels, angle.cos() * pixels], ..Transform::UNCHANGED })
            };
            DIRECTIONS.map(placed).into()
        },
    },
    Kind {
        name: "rotation",
        unit: "degrees",
        strengths: &[0.0, 10.0, 20.0],
        changes: |degrees| {
            [-degrees, degrees].map(|rotation| placed(Transform { rotation, ..Transform::UNCHANGED })).into()
        },
    },
    Kind {
        name: "scale",
        unit: "",
        strengths: &[0.85, 0.92, 1.0, 1.1, 1.2],
        changes: |scale| vec![placed(Transform { scale, ..Transform::UNCHANGED })],
    },
];

/// Darker and flatter, and brighter and harsher, each with a gradient in every direction.
fn all_three(share: f32) -> Vec<Change> {
    let lights = |direction: f32| {
        let gradient = GRADIENT * share;
        let dark =
            Light { gamma: 2f32.powf(share), contrast: 2f32.powf(-share), gradient, direction, ..Light::UNCHANGED };
        let bright = Light { gamma: 2f32.powf(-share), contrast: 1.5f32.powf(share), ..dark };
        [lit(dark), lit(bright)]
    };
    DIRECTIONS.into_iter().flat_map(lights).collect()
}

fn lit(light: Light) -> Change {
    Change { light, ..Change::NONE }
}

fn placed(transform: Transform) -> Change {
    Change { transform, ..Change::NONE }
}

impl Kind {
    fn is_unchanged(&self, strength: f32) -> bool {
        (self.changes)(strength).iter().all(Change::is_none)
    }
}

/// Data sets that [`measure`] has answered.
pub fn passes() -> usize {
    let strengths = KINDS.iter().flat_map(|kind| kind.strengths.iter().map(move |&strength| (kind, strength)));
    1 + strengths
        .filter(|(kind, strength)| !kind.is_unchanged(*strength))
        .map(|(kind, s)| (kind.changes)(s).len())
        .sum::<usize>()
}

/// Measures, for the model of this name, `accuracy(faces)` of `faces` (2,304 grey levels each) as they are and under every change.
///
/// # Errors
/// The errors of `accuracy`.
pub fn measure<E>(
    model: &str,
    faces: &[u8],
    mut accuracy: impl FnMut(&[u8]) -> Result<f64, E>,
) -> Result<Robustness, E> {
    let unchanged = accuracy(faces)?;
    let mut series = Vec::new();
    for kind in KINDS {
        let mut points = Vec::new();
        for &strength in kind.strengths {
            if kind.is_unchanged(strength) {
                points.push(Point { strength, accuracy: unchanged });
                continue;
            }
            let changes = (kind.changes)(strength);
            let mut sum = 0.0;
            for change in &changes {
                let changed: Vec<u8> =
                    faces.as_chunks::<FACE_PIXELS>().0.iter().flat_map(|face| change.apply(face)).collect();
                sum += accuracy(&changed)?;
            }
            points.push(Point { strength, accuracy: sum / changes.len() as f64 });
        }
        series.push(Series { change: kind.name.into(), unit: kind.unit.into(), points });
    }
    Ok(Robustness { model: model.into(), unchanged, series })
}

/// A row per change and strength, two columns per model: its accuracy, and the difference to the faces as they are in percentage
/// points.
pub fn table(models: &[Robustness]) -> Table {
    let columns = models.iter().flat_map(|measured| [measured.model.clone(), "difference".into()]);
    let mut table = Table::new(["change".into(), "strength".to_string()].into_iter().chain(columns)).left(2);
    let Some(first) = models.first() else { return table };
    for (kind, series) in first.series.iter().enumerate() {
        for (index, Point { strength, .. }) in series.points.iter().enumerate() {
            let mut row = vec![series.change.clone(), format!("{strength} {}", series.unit).trim_end().into()];
            for measured in models {
                let point = measured.series.get(kind).and_then(|series| series.points.get(index));
                let Some(Point { accuracy, .. }) = point else { continue };
                row.push(format!("{accuracy:.4}"));
                row.push(format!("{:+.1}", 100.0 * (accuracy - measured.unchanged)));
            }
            table.row(row);
        }
    }
    table
}

/// The same as CSV: `model,change,strength,unit,accuracy,difference`.
pub fn csv(models: &[Robustness]) -> String {
    let mut text = String::from("model,change,strength,unit,accuracy,difference\n");
    for Robustness { model, unchanged, series } in models {
        for Series { change, unit, points } in series {
            for Point { strength, accuracy } in points {
                let difference = accuracy - unchanged;
                text += &format!("{model},{change},{strength},{unit},{accuracy:.6},{difference:.6}\n");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faces() -> Vec<u8> {
        (0..3 * FACE_PIXELS).map(|index| (40 + index * 7919 % 170) as u8).collect()
    }

    #[test]
    fn every_strength_but_that_of_no_change_shows_other_faces_and_the_mean_over_directions_counts() {
        let faces = faces();
        let mut calls = 0;
        let measured = measure("one", &faces, |shown| {
            let same = shown.iter().zip(&faces).filter(|(a, b)| a == b).count() as f64 / faces.len() as f64;
            calls += 1;
            assert_eq!(shown.len(), faces.len());
            Ok::<_, ()>(same)
        })
        .expect("no error");
        assert_eq!(calls, passes());
        assert_eq!(measured.unchanged, 1.0);
        for series in &measured.series {
            let unchanged = series.points.iter().filter(|point| point.accuracy == 1.0).count();
            assert_eq!(unchanged, 1, "{}: {:?}", series.change, series.points);
            assert!(series.points.is_sorted_by(|a, b| a.strength < b.strength), "{}", series.change);
        }
        let strengths = measured.series.iter().map(|series| series.points.len()).sum::<usize>();
        let both = [measured.clone(), Robustness { model: "two".into(), unchanged: 0.5, ..measured }];
        assert_eq!(csv(&both).lines().count(), 1 + 2 * strengths);
        let text = table(&both).to_string();
        assert_eq!(text.lines().count(), 1 + strengths);
        let unchanged = text.lines().find(|line| line.starts_with("gamma") && line.contains(" 1 ")).expect("a row");
        assert!(unchanged.ends_with("1.0000        +0.0  1.0000       +50.0"), "{unchanged}");
    }

    #[test]
    fn an_error_ends_the_measurement() {
        let mut left = 3;
        let result = measure("one", &faces(), |_| {
            left -= 1;
            if left == 0 { Err("broken") } else { Ok(0.5) }
        });
        assert_eq!(result, Err("broken"));
    }
}
