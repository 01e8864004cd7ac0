//! A picture with boxes, eyes and labels drawn on it.

use image::RgbImage;
use plotters::{
    prelude::{BitMapBackend, Circle, IntoDrawingArea, Rectangle},
    style::{
        Color, IntoFont, RGBColor, ShapeStyle, TextStyle, WHITE,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{
    ReportError,
    figure::{FONT, register},
};

/// Of boxes and what lies behind labels.
const MARK: RGBColor = RGBColor(0, 150, 80);

/// What is drawn of a face.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// Left, top, right, bottom in pixels.
    pub bounds: [f32; 4],
    /// Its eyes.
    pub eyes: [[f32; 2]; 2],
    /// What stands above the box.
    pub label: String,
}

/// Draws annotations on a picture.
///
/// # Errors
/// [`ReportError::Draw`].
pub fn annotate(picture: &mut RgbImage, annotations: &[Annotation]) -> Result<(), ReportError> {
    register();
    let size = picture.dimensions();
    let error = |problem: String| ReportError::Draw { figure: "annotated picture", problem };
    let area = BitMapBackend::with_buffer(picture, size).into_drawing_area();
    let line = (size.0.min(size.1) / 250).clamp(1, 8);
    for Annotation { bounds, eyes, label } in annotations {
        let [left, top, right, bottom] = bounds.map(|place| place.round() as i32);
        let stroke = ShapeStyle { color: MARK.to_rgba(), filled: false, stroke_width: line };
        area.draw(&Rectangle::new([(left, top), (right, bottom)], stroke)).map_err(|e| error(e.to_string()))?;
        for [x, y] in eyes {
            let dot = ShapeStyle { color: MARK.to_rgba(), filled: true, stroke_width: 0 };
            let place = (x.round() as i32, y.round() as i32);
            area.draw(&Circle::new(place, line as i32 + 1, dot)).map_err(|e| error(e.to_string()))?;
        }
        let height = ((right - left) / 7).clamp(11, 64);
        let text = TextStyle {
            font: (FONT, height).into_font(),
            color: WHITE.to_backend_color(),
            pos: Pos::new(HPos::Left, VPos::Top),
        };
        let (wide, high) = area.estimate_text_size(label, &text).map_err(|e| error(e.to_string()))?;
        // Above the box, or in it where the picture ends.
        let above = top - high as i32 - 2;
        let y = if above >= 0 { above } else { top.max(0) + 2 };
        let x = left.min(size.0 as i32 - wide as i32 - 4).max(0);
        let behind = ShapeStyle { color: MARK.to_rgba(), filled: true, stroke_width: 0 };
        let plate = [(x, y), (x + wide as i32 + 4, y + high as i32 + 2)];
        area.draw(&Rectangle::new(plate, behind)).map_err(|e| error(e.to_string()))?;
        area.draw_text(label, &text, (x + 2, y)).map_err(|e| error(e.to_string()))?;
    }
    area.present().map_err(|e| error(e.to_string()))
}
