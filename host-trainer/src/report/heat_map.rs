//! The confusion matrix as a heat map.

use plotters::{
    coord::Shift,
    drawing::DrawingArea,
    element::Rectangle,
    prelude::DrawingBackend,
    style::{Color, FontTransform, RGBColor, WHITE, text_anchor::HPos},
};

use super::{
    Figure, ReportError,
    figure::{DrawingError, GRID, INK, Plot, Scale, render, thousands},
};
use crate::evaluation::EvaluationReport;

/// The darkest cell; lighter ones are mixed with white, so that brightness alone tells them apart.
const DARKEST: RGBColor = RGBColor(0, 68, 136);
/// Cells with a greater share are dark enough for white text.
const LIGHT_INK: f64 = 0.5;
/// Side of a cell.
const CELL: i32 = 78;
/// Upper left corner of the matrix.
const CORNER: (i32, i32) = (112, 116);
/// Right of the matrix and below it.
const MARGIN: (u32, u32) = (24, 20);

/// Draws the confusion matrix: in each cell the count, its share of the row below, and its shade that share.
///
/// # Errors
/// [`ReportError::Draw`] if the plotting library fails.
pub fn heat_map(title: &str, evaluation: &EvaluationReport) -> Result<Figure, ReportError> {
    render(&HeatMap { title, evaluation })
}

struct HeatMap<'a> {
    title: &'a str,
    evaluation: &'a EvaluationReport,
}

impl Plot for HeatMap<'_> {
    const NAME: &'static str = "confusion matrix";

    fn size(&self) -> (u32, u32) {
        let matrix = CELL as u32 * self.evaluation.confusion.labels().count() as u32;
        (CORNER.0 as u32 + matrix + MARGIN.0, CORNER.1 as u32 + matrix + MARGIN.1)
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), DrawingError<B>> {
        let emotions = self.evaluation.confusion.labels().emotions();
        let write = |text: &str, size, x, y| scale.write(area, text, size, INK, (x, y, HPos::Center));
        let middle = |start| start + CELL * emotions.len() as i32 / 2;
        write(self.title, 22, middle(CORNER.0), 22)?;
        let EvaluationReport { split, images, accuracy, macro_f1, .. } = self.evaluation;
        let images = thousands(*images);
        let subtitle = format!("{split}, {images} images: accuracy {accuracy:.4}, macro-F1 {macro_f1:.4}");
        write(&subtitle, 16, middle(CORNER.0), 50)?;
        write("answer of the network", 16, middle(CORNER.0), 78)?;
        let upright = scale.text(16, INK, HPos::Center).transform(FontTransform::Rotate270);
        area.draw_text("label", &upright, scale.at(18, middle(CORNER.1)))?;

        for emotion in emotions {
            let center = CELL * emotion.index() as i32 + CELL / 2;
            write(emotion.name(), 16, CORNER.0 + center, CORNER.1 - 14)?;
            scale.write(area, emotion.name(), 16, INK, (CORNER.0 - 10, CORNER.1 + center, HPos::Right))?;
        }
        for (row, counts) in self.evaluation.confusion.counts().enumerate() {
            let support = counts.iter().sum::<u64>().max(1);
            for (column, &count) in counts.iter().enumerate() {
                let corner = (CORNER.0 + CELL * column as i32, CORNER.1 + CELL * row as i32);
                draw_cell(area, scale, corner, count, count as f64 / support as f64)?;
            }
        }
        Ok(())
    }
}

fn draw_cell<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    scale: Scale,
    (x, y): (i32, i32),
    count: u64,
    share: f64,
) -> Result<(), DrawingError<B>> {
    let corners = [scale.at(x, y), scale.at(x + CELL, y + CELL)];
    area.draw(&Rectangle::new(corners, shade(share).filled()))?;
    area.draw(&Rectangle::new(corners, GRID.stroke_width(scale.length(1))))?;
    let ink = if share > LIGHT_INK { WHITE } else { INK };
    let (x, y) = (x + CELL / 2, y + CELL / 2);
    scale.write(area, &thousands(count), 19, ink, (x, y - 11, HPos::Center))?;
    scale.write(area, &format!("{:.1} %", 100.0 * share), 14, ink, (x, y + 12, HPos::Center))
}

/// White for 0, the darkest for 1.
fn shade(share: f64) -> RGBColor {
    let mix = |dark: u8, white: u8| (f64::from(white) + share * (f64::from(dark) - f64::from(white))).round() as u8;
    RGBColor(mix(DARKEST.0, WHITE.0), mix(DARKEST.1, WHITE.1), mix(DARKEST.2, WHITE.2))
}
