//! The state on the screen.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style, Stylize},
    symbols::Marker,
    text::{Line, Span},
    widgets::{Axis, Block, Borders, Chart, Dataset, Gauge, GraphType, Paragraph, Row, Table},
};

use super::state::{EpochRow, State, StepNow};

/// Readable on dark and on light terminals.
const TRAINING: Color = Color::Blue;
const VALIDATION: Color = Color::Red;

/// Below this size there is room for the numbers alone.
const SMALL: (u16, u16) = (60, 16);

pub(super) fn draw(frame: &mut Frame<'_>, state: &State) {
    let area = frame.area();
    if area.width < SMALL.0 || area.height < SMALL.1 {
        let lines = [title(state), Line::from(numbers(state)), Line::from(time_left(state)), help(state)];
        return frame.render_widget(Paragraph::new(lines.to_vec()), area);
    }
    let facts = (state.facts.rows.len() as u16).min(if area.height >= 30 { 8 } else { 0 });
    let rows = area.height.saturating_sub(facts + 16).clamp(3, 12);
    let [top, gauges, numbers_line, charts, table, facts_area, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Length(1),
        Constraint::Min(8),
        Constraint::Length(rows),
        Constraint::Length(facts),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(title(state), top);
    draw_gauges(frame, state, gauges);
    frame.render_widget(Line::from(numbers(state)), numbers_line);
    let [accuracy, loss] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(charts);
    draw_chart(
        frame,
        state,
        accuracy,
        "accuracy",
        |row| row.train_accuracy,
        |row| row.validation_accuracy,
        |now| now.accuracy,
    );
    draw_chart(frame, state, loss, "loss", |row| row.train_loss, |row| row.validation_loss, |now| now.loss);
    draw_epochs(frame, state, table);
    draw_facts(frame, state, facts_area);
    frame.render_widget(help(state), bottom);
}

fn title(state: &State) -> Line<'static> {
    let name = Span::styled(state.facts.name.clone(), Style::new().bold());
    Line::from(vec![name, Span::raw(format!("  epoch {} of {}", state.now.epoch.max(1), state.facts.epochs))])
}

fn help(state: &State) -> Line<'static> {
    if state.stopping {
        return Line::from("stopping after this step; the run can be resumed".bold());
    }
    Line::from("q or Ctrl-C: stop after this step and keep the run").style(Style::new().add_modifier(Modifier::DIM))
}

fn numbers(state: &State) -> String {
    let StepNow { loss, accuracy, images_per_second, learning_rate, .. } = state.now;
    let best = state.best().map(|best| {
        let all = best.validation_accuracy_all.map(|all| format!(", with twins {all:.4}")).unwrap_or_default();
        format!("  best {:.4}{all} (epoch {})", best.validation_accuracy, best.epoch)
    });
    format!(
        "loss {loss:.4}  accuracy {accuracy:.4}  {images_per_second:.0} images/s  rate {learning_rate:.1e}{}",
        best.unwrap_or_default()
    )
}

fn time_left(state: &State) -> String {
    match state.seconds_left() {
        Some((epoch, run)) => format!("{} left of the epoch, {} of the run", duration(epoch), duration(run)),
        None => String::new(),
    }
}

/// `42 s`, `12 min 05 s`, `3 h 07 min`.
pub(super) fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6000 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

fn draw_gauges(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let left = state.seconds_left();
    let gauges = [
        ("epoch", state.epoch_share(), left.map(|left| left.0)),
        ("run  ", state.run_share(), left.map(|left| left.1)),
    ];
    for (index, (name, share, seconds)) in gauges.into_iter().enumerate() {
        let line = Rect { y: area.y + index as u16, height: 1, ..area };
        let left = seconds.map(|seconds| format!("{} left", duration(seconds))).unwrap_or_default();
        // Beside the bar: over it, the text would be read in two colours.
        let [text, bar] = Layout::horizontal([Constraint::Length(29), Constraint::Fill(1)]).areas(line);
        frame.render_widget(format!("{name} {:3.0} %  {left}", share * 100.0), text);
        let gauge = Gauge::default().ratio(share).label("").gauge_style(Style::new().fg(TRAINING));
        frame.render_widget(gauge.use_unicode(true), bar);
    }
}

fn draw_chart(
    frame: &mut Frame<'_>,
    state: &State,
    area: Rect,
    name: &'static str,
    training: fn(&EpochRow) -> f64,
    validation: fn(&EpochRow) -> f64,
    now: fn(&StepNow) -> f64,
) {
    let (training, validation) = (state.curve(training, Some(now)), state.curve(validation, None));
    let values = || training.iter().chain(&validation).map(|point| point.1);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
    let space = ((high - low) * 0.1).max(0.005);
    let bounds = [(low - space).max(0.0), high + space];
    let last = state.now.epoch.max(state.epochs.len()).max(2) as f64;
    let line = |name, color, points| {
        Dataset::default().name(name).marker(Marker::Braille).graph_type(GraphType::Line).style(color).data(points)
    };
    let datasets = vec![line("training", TRAINING, &training), line("validation", VALIDATION, &validation)];
    let epochs = Axis::default().bounds([0.0, last]).labels(["0".to_string(), format!("{last:.0}")]);
    let middle = (bounds[0] + bounds[1]) / 2.0;
    let labels = [bounds[0], middle, bounds[1]].map(|value| format!("{value:.3}"));
    let chart = Chart::new(datasets)
        .block(Block::new().borders(Borders::TOP).title(Line::from(vec![
            Span::styled(format!(" {name}: "), Style::new().bold()),
            Span::styled("training ", TRAINING),
            Span::styled("validation ", VALIDATION),
        ])))
        .legend_position(None)
        .x_axis(epochs)
        .y_axis(Axis::default().bounds(bounds).labels(labels));
    frame.render_widget(chart, area);
}

fn draw_epochs(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let best = state.best().map(|best| best.epoch);
    let room = usize::from(area.height.saturating_sub(2));
    let first = state.epochs.len().saturating_sub(room);
    let passed_over = state.epochs.iter().any(|row| row.validation_accuracy_all.is_some());
    let rows = state.epochs[first..].iter().map(|row| {
        let mark = if best == Some(row.epoch) { " *" } else { "" };
        let mut cells = vec![
            format!("{}{mark}", row.epoch),
            format!("{:.4}", row.train_loss),
            format!("{:.4}", row.train_accuracy),
            format!("{:.4}", row.validation_loss),
            format!("{:.4}", row.validation_accuracy),
        ];
        if passed_over {
            cells.push(row.validation_accuracy_all.map(|all| format!("{all:.4}")).unwrap_or_default());
        }
        cells.push(duration(row.seconds));
        let style = if best == Some(row.epoch) { Style::new().bold() } else { Style::new() };
        Row::new(cells).style(style)
    });
    let mut header = vec!["epoch", "loss", "accuracy", "val. loss", "val. accuracy", "time"];
    if passed_over {
        header.insert(5, "with twins");
    }
    let widths = vec![Constraint::Fill(1); header.len()];
    let table = Table::new(rows, widths)
        .header(Row::new(header).style(Style::new().add_modifier(Modifier::DIM)))
        .block(Block::new().borders(Borders::TOP).title(" epochs (* best) "));
    frame.render_widget(table, area);
}

fn draw_facts(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let width = state.facts.rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = state.facts.rows.iter().map(|(name, value)| {
        let name = Span::styled(format!("{name:width$}  "), Style::new().add_modifier(Modifier::DIM));
        Line::from(vec![name, Span::raw(value.clone())])
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
}
