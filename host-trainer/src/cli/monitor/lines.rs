//! What `monitor` prints of an answer.

use std::io::{self, Write};

use pictures::places::{face_box, in_larger};
use serde::Serialize;
use shared::{
    label::Emotion,
    wire::{Classified, FaceBox, FrameSize, Seen, SeenFace},
};

use crate::{
    cli::{
        answer::{Answer, FaceAnswer},
        output::{err, out},
    },
    image_file::ImageError,
};

/// The answer to a face by itself.
#[derive(Serialize)]
struct FaceLine<'a> {
    face: &'a str,
    #[serde(flatten)]
    answer: Answer<'a>,
    milliseconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'static str>,
}

/// What was seen in a picture: a file by its name, a frame by its number.
#[derive(Serialize)]
struct PictureLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    faces: Vec<FaceAnswer<'a>>,
    milliseconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'static str>,
}

/// What `--json` prints of a face that could not be read.
#[derive(Serialize)]
struct Unread<'a> {
    face: &'a str,
    error: &'a str,
}

/// Right answers so far, of so many whose emotion is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Score {
    pub right: usize,
    pub known: usize,
}

impl Score {
    /// Counts an answer; `expected` is the emotion if it is known. No answer is wrong.
    pub fn add(&mut self, answer: Option<Emotion>, expected: Option<Emotion>) {
        self.known += usize::from(expected.is_some());
        self.right += usize::from(expected.is_some() && answer == expected);
    }

    pub fn accuracy(self) -> f64 {
        self.right as f64 / self.known as f64
    }
}

/// How answers are printed.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    pub json: bool,
    /// Emotions of the model, the first ones of all.
    pub emotions: usize,
}

/// A picture that was sent: what it is called, its size, and that of what was sent of it.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    pub name: Name<'a>,
    pub width: u32,
    pub height: u32,
    pub sent: FrameSize,
}

#[derive(Clone, Copy, Debug)]
pub enum Name<'a> {
    File(&'a str),
    Frame(u32),
}

impl Printer {
    pub fn face(&self, name: &str, result: &Classified, expected: Option<Emotion>, score: Score) -> anyhow::Result<()> {
        if self.json {
            let answer = self.answer(result);
            let milliseconds = milliseconds(result.microseconds);
            let line = FaceLine { face: name, answer, milliseconds, expected: expected.map(Emotion::name) };
            return print_json(&line);
        }
        let Classified { label, margin, microseconds, .. } = *result;
        let (confidence, milliseconds) = (confidence(result), milliseconds(microseconds));
        let (doubt, truth) = (doubt(result), truth(expected, score));
        writeln!(out(), "{name}: {label} {confidence:.2}  margin {margin:.2}  {milliseconds:.1} ms{doubt}{truth}")?;
        Ok(())
    }

    /// What was seen in a picture that was sent, in the picture's own pixels.
    pub fn picture(
        &self,
        picture: Sent<'_>,
        seen: &Seen,
        expected: Option<Emotion>,
        score: Score,
    ) -> anyhow::Result<()> {
        let Sent { name, width, height, sent } = picture;
        let scale = [width as f32 / f32::from(sent.columns), height as f32 / f32::from(sent.rows)];
        let (file, frame) = match name {
            Name::File(file) => (Some(file), None),
            Name::Frame(frame) => (None, Some(frame)),
        };
        if self.json {
            let faces = seen.face.iter().map(|face| self.face_answer(face, scale)).collect();
            let (width, height) = (Some(width), Some(height));
            let (milliseconds, expected) = (milliseconds(seen.microseconds), expected.map(Emotion::name));
            return print_json(&PictureLine { file, frame, width, height, faces, milliseconds, expected });
        }
        let [left, top, right, bottom] = match &seen.face {
            Some(face) => face_box(&eyes(face, scale)).map(|place| place.round() as i32),
            None => [0; 4],
        };
        let place = format!("face {left},{top} {}x{}", right - left, bottom - top);
        let text = readout(seen, &place) + &truth(expected, score);
        match name {
            Name::File(file) => writeln!(out(), "{file}: {text}")?,
            Name::Frame(frame) => writeln!(out(), "{text}  seq {frame}")?,
        }
        Ok(())
    }

    /// What the device's own camera saw.
    pub fn camera(&self, number: u32, seen: &Seen) -> anyhow::Result<()> {
        if self.json {
            let faces = seen.face.iter().map(|face| self.face_answer(face, [1.0; 2])).collect();
            let milliseconds = milliseconds(seen.microseconds);
            let frame = Some(number);
            let line =
                PictureLine { file: None, frame, width: None, height: None, faces, milliseconds, expected: None };
            return print_json(&line);
        }
        let FaceBox { left, top, side } = seen.face.map_or(FaceBox { left: 0, top: 0, side: 0 }, |face| face.bounds);
        writeln!(out(), "{}  seq {number}", readout(seen, &format!("face {left},{top} {side}x{side}")))?;
        Ok(())
    }

    pub fn unread(&self, name: &str, error: &ImageError) -> anyhow::Result<()> {
        match self.json {
            true => print_json(&Unread { face: name, error: &error.problem }),
            false => Ok(writeln!(err(), "error: {error}")?),
        }
    }

    fn answer<'a>(&self, result: &'a Classified) -> Answer<'a> {
        let Classified { label, margin, uncertain, ref probabilities, .. } = *result;
        let probabilities = &probabilities[..self.emotions.min(probabilities.len())];
        Answer { label: label.name(), confidence: confidence(result), margin, uncertain, probabilities }
    }

    fn face_answer<'a>(&self, face: &'a SeenFace, scale: [f32; 2]) -> FaceAnswer<'a> {
        let eyes = eyes(face, scale);
        FaceAnswer { bounds: face_box(&eyes), eyes, score: face.score, answer: self.answer(&face.emotion) }
    }
}

/// A face's eyes in the pixels of a picture that is `scale` times as large as what was sent of it.
fn eyes(face: &SeenFace, scale: [f32; 2]) -> [[f32; 2]; 2] {
    face.eyes.map(|eye| in_larger(eye.map(|place| place as f32 / 256.0), scale))
}

fn readout(seen: &Seen, place: &str) -> String {
    let milliseconds = milliseconds(seen.microseconds).round();
    let Some(face) = &seen.face else { return format!("no face  {milliseconds} ms") };
    let Classified { label, margin, .. } = face.emotion;
    let (confidence, doubt) = (confidence(&face.emotion), doubt(&face.emotion));
    format!("{label} {confidence:.2}  margin {margin:.2}  {place}  {milliseconds} ms{doubt}")
}

fn confidence(result: &Classified) -> f32 {
    result.probabilities[result.label.index()]
}

fn milliseconds(microseconds: u32) -> f64 {
    f64::from(microseconds) / 1000.0
}

fn doubt(result: &Classified) -> &'static str {
    if result.uncertain { "  uncertain" } else { "" }
}

fn truth(expected: Option<Emotion>, score: Score) -> String {
    expected.map_or(String::new(), |label| format!("  is {label}  accuracy {:.3}", score.accuracy()))
}

fn print_json(line: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(line)?;
    let written: io::Result<()> = writeln!(out(), "{text}");
    Ok(written?)
}
