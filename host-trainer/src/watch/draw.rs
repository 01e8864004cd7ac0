//! What is watched, on the screen.

use pictures::places::face_box;
use ratatui::{
    Frame,
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::Paragraph,
};
use shared::{label::Emotion, wire::Classified};

use super::{
    picture::{Mark, Marked, Pixel, marked},
    screen::View,
};

/// The box around the face.
const MARK: Color = Color::Green;

/// Columns of the panel beside the picture.
const PANEL: u16 = 32;

/// Below this size there is room for the answer alone.
const SMALL: (u16, u16) = (60, 16);

pub(super) fn draw(frame: &mut Frame<'_>, view: &View) {
    let area = frame.area();
    let answer = answer(view);
    if area.width < SMALL.0 || area.height < SMALL.1 {
        let lines = vec![answer, title(view), help()];
        return frame.render_widget(Paragraph::new(lines), area);
    }
    let [top, middle, strip, axis, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(area);
    let [picture, _, panel] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(2), Constraint::Length(PANEL)]).areas(middle);
    frame.render_widget(title(view), top);
    draw_picture(frame.buffer_mut(), view, picture);
    draw_panel(frame, view, answer, panel);
    draw_strip(frame, view, strip, axis);
    frame.render_widget(help(), bottom);
}

fn title(view: &View) -> Line<'static> {
    let mut words = String::new();
    if let Some((frame, sighting)) = &view.last {
        words += &format!("  {}x{}  frame {}", frame.width(), frame.height(), sighting.number);
    }
    if let Some(rate) = view.history.frames_a_second() {
        words += &format!("  {rate:.1} frames/s");
    }
    for (count, what) in view.lost.into_iter().zip(["broken", "dropped"]) {
        if count > 0 {
            words += &format!("  {count} {what}");
        }
    }
    Line::from(vec![Span::styled(view.name.clone(), Style::new().bold()), Span::raw(words)])
}

fn help() -> Line<'static> {
    Line::from("q or Ctrl-C: end").style(Style::new().add_modifier(Modifier::DIM))
}

/// The answer for the last frame, in a line.
fn answer(view: &View) -> Line<'static> {
    match &view.last {
        None => Line::from("no frame yet"),
        Some((_, sighting)) => match sighting.seen.face {
            None => Line::from("no face"),
            Some(face) => {
                let Classified { label, uncertain, .. } = face.emotion;
                let doubt = if uncertain { "  uncertain" } else { "" };
                let words = format!("{label} {:.2}{doubt}", confidence(&face.emotion));
                Line::from(words).style(Style::new().fg(colour(label)).bold())
            }
        },
    }
}

fn confidence(emotion: &Classified) -> f32 {
    emotion.probabilities.get(emotion.label.index()).copied().unwrap_or(0.0)
}

fn draw_picture(buffer: &mut Buffer, view: &View, area: Rect) {
    let Some((frame, sighting)) = &view.last else { return };
    let mark = sighting.eyes.map(|eyes| Mark { bounds: face_box(&eyes), eyes });
    // Two pixels a cell, one above the other: they are about square.
    let (columns, rows) = (usize::from(area.width), 2 * usize::from(area.height));
    let picture: Marked = marked(frame, mark.as_ref(), columns, rows, view.mirrored);
    let colour = |pixel| match pixel {
        Pixel::Mark => MARK,
        Pixel::Grey(level) if view.true_colour => Color::Rgb(level, level, level),
        Pixel::Grey(level) => Color::Indexed(indexed(level)),
    };
    let left = (columns - picture.width) / 2;
    for y in 0..picture.height.div_ceil(2) {
        for x in 0..picture.width {
            let place = (area.x + (left + x) as u16, area.y + y as u16);
            let Some(cell) = buffer.cell_mut(place) else { continue };
            let (upper, lower) = (picture.pixel(x, 2 * y), picture.pixel(x, 2 * y + 1));
            cell.set_char('▀').set_fg(colour(upper)).set_bg(colour(lower));
        }
    }
}

/// The nearest grey of a terminal with 256 colours: black, 24 steps from 8 to 238, white.
fn indexed(level: u8) -> u8 {
    match level {
        0..4 => 16,
        4..247 => 232 + (level.saturating_sub(3) / 10).min(23),
        _ => 231,
    }
}

fn draw_panel(frame: &mut Frame<'_>, view: &View, answer: Line<'static>, area: Rect) {
    let face = view.last.as_ref().and_then(|(_, sighting)| sighting.seen.face);
    let mut lines = vec![answer, Line::default()];
    let width = usize::from(area.width).saturating_sub(18);
    for emotion in &view.emotions {
        let probability = face.and_then(|face| face.emotion.probabilities.get(emotion.index()).copied()).unwrap_or(0.0);
        let filled = ((probability * width as f32).round() as usize).min(width);
        lines.push(Line::from(vec![
            of_strip(Some(Some(*emotion))),
            Span::raw(format!(" {emotion:<9} {probability:.2} ")),
            Span::styled("█".repeat(filled), Style::new().fg(colour(*emotion))),
        ]));
    }
    lines.push(Line::default());
    if let Some((_, sighting)) = &view.last {
        if let Some(face) = face {
            let side = face.bounds.side;
            lines.push(Line::from(format!("margin {:.2}", face.emotion.margin)));
            lines.push(Line::from(format!("face {},{} {side}x{side}", face.bounds.left, face.bounds.top)));
        }
        lines.push(Line::from(format!("{:.1} ms", f64::from(sighting.seen.microseconds) / 1000.0)));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn draw_strip(frame: &mut Frame<'_>, view: &View, area: Rect, axis: Rect) {
    let now = view.last.as_ref().map_or(0.0, |(_, sighting)| sighting.seconds);
    let spans: Vec<Span<'_>> = view.history.strip(now, usize::from(area.width)).into_iter().map(of_strip).collect();
    frame.render_widget(Line::from(spans), area);
    let (start, end) = ("60 s ago", "now");
    let gap = usize::from(axis.width).saturating_sub(start.len() + end.len());
    let words = format!("{start}{}{end}", " ".repeat(gap));
    frame.render_widget(Line::from(words).style(Style::new().add_modifier(Modifier::DIM)), axis);
}

/// A part of the last minute: a letter for the emotion, as the panel explains it.
fn of_strip(answer: Option<Option<Emotion>>) -> Span<'static> {
    match answer {
        None => Span::raw(" "),
        Some(None) => Span::raw("·"),
        Some(Some(emotion)) => Span::styled(letter(emotion), Style::new().fg(Color::Black).bg(colour(emotion))),
    }
}

fn letter(emotion: Emotion) -> &'static str {
    match emotion {
        Emotion::Angry => "a",
        Emotion::Disgust => "d",
        Emotion::Fear => "f",
        Emotion::Happy => "h",
        Emotion::Sad => "s",
        Emotion::Surprise => "!",
        Emotion::Neutral => "n",
        Emotion::Contempt => "c",
    }
}

fn colour(emotion: Emotion) -> Color {
    match emotion {
        Emotion::Angry => Color::Red,
        Emotion::Disgust => Color::Green,
        Emotion::Fear => Color::Magenta,
        Emotion::Happy => Color::Yellow,
        Emotion::Sad => Color::Blue,
        Emotion::Surprise => Color::Cyan,
        Emotion::Neutral => Color::Gray,
        Emotion::Contempt => Color::LightRed,
    }
}
