//! What was seen, as text.

use std::io::{self, Write};

use firmware::{device::SeenLine, readout::Readout};
use pictures::{places::face_box, watcher::Sighting};
use serde::Serialize;
use shared::{
    label::Emotion,
    wire::{Classified, Seen},
};

use crate::cli::{
    answer::{Answer, FaceAnswer, answer},
    output::out,
};

/// The form of a line.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// As devices print it: `happy 0.93  margin 0.88  face 52,31 61x61  212 ms  seq 41`.
    Readout,
    Json,
    Csv,
}

/// What `--json` prints of a frame.
#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    seconds: f64,
    width: usize,
    height: usize,
    faces: Vec<FaceAnswer<'a>>,
    milliseconds: f64,
}

/// What is published of a frame with a face.
#[derive(Serialize)]
struct Message<'a> {
    #[serde(flatten)]
    face: FaceAnswer<'a>,
    width: usize,
    height: usize,
    seconds: f64,
    seq: u64,
}

/// What is published of a frame without one.
#[derive(Serialize)]
struct NoFace {
    label: Option<&'static str>,
    width: usize,
    height: usize,
    seconds: f64,
    seq: u64,
}

/// What is published when it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change(Option<(Emotion, bool)>);

impl Change {
    /// The label and whether it is uncertain, or that there is no face.
    pub fn of(sighting: &Sighting) -> Self {
        Self(sighting.seen.face.map(|face| (face.emotion.label, face.emotion.uncertain)))
    }
}

impl Form {
    /// Prints what stands above all lines.
    pub fn begin(self, emotions: &[Emotion]) -> io::Result<()> {
        if !matches!(self, Form::Csv) {
            return Ok(());
        }
        let emotions: Vec<&str> = emotions.iter().map(|emotion| emotion.name()).collect();
        writeln!(
            out(),
            "seq,seconds,label,confidence,margin,uncertain,left,top,right,bottom,{},milliseconds",
            emotions.join(",")
        )
    }

    /// The line of a frame, of a model that knows these emotions.
    pub fn line(self, sighting: &Sighting, emotions: &[Emotion]) -> serde_json::Result<String> {
        match self {
            Form::Readout => Ok(SeenLine { seen: &sighting.seen, sequence: sighting.number as u32 }.to_string()),
            Form::Csv => Ok(csv(sighting, emotions)),
            Form::Json => {
                let readout = readout(&sighting.seen);
                let Sighting { number, seconds, size: [width, height], .. } = *sighting;
                let faces = face(sighting, readout.as_ref(), emotions).into_iter().collect();
                let milliseconds = milliseconds(sighting);
                serde_json::to_string(&Line {
                    seq: number,
                    seconds: rounded(seconds),
                    width,
                    height,
                    faces,
                    milliseconds,
                })
            }
        }
    }
}

/// What is published of a frame.
pub fn message(sighting: &Sighting, emotions: &[Emotion]) -> serde_json::Result<String> {
    let Sighting { number: seq, seconds, size: [width, height], .. } = *sighting;
    let seconds = rounded(seconds);
    let readout = readout(&sighting.seen);
    match face(sighting, readout.as_ref(), emotions) {
        Some(face) => serde_json::to_string(&Message { face, width, height, seconds, seq }),
        None => serde_json::to_string(&NoFace { label: None, width, height, seconds, seq }),
    }
}

fn readout(seen: &Seen) -> Option<Readout> {
    let Classified { probabilities, label, margin, uncertain, .. } = seen.face?.emotion;
    let confidence = probabilities.get(label.index()).copied().unwrap_or(0.0);
    Some(Readout { label, confidence, margin, uncertain, probabilities })
}

fn face<'a>(sighting: &Sighting, readout: Option<&'a Readout>, emotions: &[Emotion]) -> Option<FaceAnswer<'a>> {
    let (readout, face, eyes) = (readout?, sighting.seen.face?, sighting.eyes?);
    Some(FaceAnswer { bounds: face_box(&eyes), eyes, score: face.score, answer: answer(readout, emotions) })
}

fn csv(sighting: &Sighting, emotions: &[Emotion]) -> String {
    let readout = readout(&sighting.seen);
    let face = match face(sighting, readout.as_ref(), emotions) {
        // Empty fields: label, confidence, margin, uncertain, the box, and the probabilities.
        None => ",".repeat(8 + emotions.len() - 1),
        Some(FaceAnswer { bounds, answer: Answer { label, confidence, margin, uncertain, probabilities }, .. }) => {
            let bounds = bounds.map(|place| format!("{place:.1}")).join(",");
            let probabilities: Vec<String> = probabilities.iter().map(|value| format!("{value:.4}")).collect();
            format!("{label},{confidence:.4},{margin:.4},{uncertain},{bounds},{}", probabilities.join(","))
        }
    };
    format!("{},{:.3},{face},{:.1}", sighting.number, sighting.seconds, milliseconds(sighting))
}

fn milliseconds(sighting: &Sighting) -> f64 {
    f64::from(sighting.seen.microseconds) / 1000.0
}

/// To milliseconds.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
