//! A frame with its face marked, as pixels of a screen.

use cameras::GreyFrame;

/// A pixel of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixel {
    /// A grey level of the frame.
    Grey(u8),
    /// The box around the face, or an eye.
    Mark,
}

/// Pixels, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    pixels: Vec<Pixel>,
}

/// What is marked of a face, in pixels of the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// Left, top, right and bottom.
    pub bounds: [f32; 4],
    /// Its eyes.
    pub eyes: [[f32; 2]; 2],
}

impl Marked {
    /// The pixel at a place; black beyond the picture.
    pub fn pixel(&self, x: usize, y: usize) -> Pixel {
        match x < self.width {
            true => self.pixels.get(y * self.width + x).copied().unwrap_or(Pixel::Grey(0)),
            false => Pixel::Grey(0),
        }
    }

    fn mark(&mut self, x: isize, y: isize) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x < self.width
            && let Some(pixel) = self.pixels.get_mut(y * self.width + x)
        {
            *pixel = Pixel::Mark;
        }
    }
}

/// A frame, as large as it can be within `columns` x `rows`, with its face marked; mirrored if asked for.
pub fn marked(frame: &GreyFrame, mark: Option<&Mark>, columns: usize, rows: usize, mirrored: bool) -> Marked {
    let (columns, rows) = (columns.max(1), rows.max(1));
    let scale = (columns as f32 / frame.width() as f32).min(rows as f32 / frame.height() as f32);
    let length = |length: usize, most: usize| ((length as f32 * scale).round() as usize).clamp(1, most);
    let (width, height) = (length(frame.width(), columns), length(frame.height(), rows));
    let small = frame.fit(width, height);
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        let row = small.row(y * small.height() / height);
        for x in 0..width {
            let x = if mirrored { width - 1 - x } else { x };
            pixels.push(Pixel::Grey(row[x * small.width() / width]));
        }
    }
    let mut marked = Marked { width, height, pixels };
    let scale = [width as f32 / frame.width() as f32, height as f32 / frame.height() as f32];
    let column = |x: f32| {
        let x = ((x + 0.5) * scale[0]).floor() as isize;
        if mirrored { width as isize - 1 - x } else { x }
    };
    let row = |y: f32| ((y + 0.5) * scale[1]).floor() as isize;
    if let Some(Mark { bounds: [left, top, right, bottom], eyes }) = mark {
        let (left, right) = (column(*left).min(column(*right)), column(*left).max(column(*right)));
        let (top, bottom) = (row(*top), row(*bottom));
        // What lies beyond the picture is not drawn, however far it is.
        for x in left.max(-1)..=right.min(width as isize) {
            marked.mark(x, top);
            marked.mark(x, bottom);
        }
        for y in top.max(-1)..=bottom.min(height as isize) {
            marked.mark(left, y);
            marked.mark(right, y);
        }
        for [x, y] in eyes {
            marked.mark(column(*x), row(*y));
        }
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(marked: &Marked) -> Vec<String> {
        let letter = |pixel| match pixel {
            Pixel::Mark => '#',
            Pixel::Grey(level) => char::from(b'0' + level / 26),
        };
        (0..marked.height).map(|y| (0..marked.width).map(|x| letter(marked.pixel(x, y))).collect()).collect()
    }

    fn ramp(width: usize, height: usize) -> GreyFrame {
        let pixels = (0..width * height).map(|index| (index % width * 26) as u8).collect();
        GreyFrame::new(width, height, pixels).expect("pixels")
    }

    #[test]
    fn a_picture_fills_the_room_in_its_own_proportions() {
        let size = |width, height, columns, rows| {
            let marked = marked(&ramp(width, height), None, columns, rows, false);
            (marked.width, marked.height)
        };
        assert_eq!(size(8, 4, 8, 8), (8, 4));
        assert_eq!(size(8, 4, 16, 100), (16, 8));
        assert_eq!(size(640, 480, 40, 20), (27, 20));
        assert_eq!(size(5000, 20, 40, 20), (40, 1));
        assert_eq!(size(1, 1, 40, 20), (20, 20));
        assert_eq!(size(3, 3, 0, 0), (1, 1));
    }

    #[test]
    fn the_face_is_marked_where_it_is_also_in_the_mirror() {
        let frame = ramp(8, 6);
        let mark = Mark { bounds: [1.0, 1.0, 5.0, 5.0], eyes: [[2.0, 2.0], [4.0, 3.0]] };
        let expected = ["01234567", "0#####67", "0##34#67", "0#23##67", "0#234#67", "0#####67"];
        assert_eq!(rows(&marked(&frame, Some(&mark), 8, 6, false)), expected);
        let mirrored = rows(&marked(&frame, Some(&mark), 8, 6, true));
        let expected: Vec<String> = expected.iter().map(|row| row.chars().rev().collect()).collect();
        assert_eq!(mirrored, expected);
    }

    #[test]
    fn a_box_that_reaches_beyond_the_picture_is_cut() {
        let mark = Mark { bounds: [-1e9, 2.0, 1e9, 1e9], eyes: [[-5.0, -5.0], [99.0, 1.0]] };
        assert_eq!(rows(&marked(&ramp(4, 4), Some(&mark), 4, 4, false)), ["0123", "0123", "####", "0123"]);
    }
}
