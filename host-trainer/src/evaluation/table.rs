//! Tables for people.

use std::fmt;

/// Rows under a header. The first column is left-aligned, as it names the row; the others are right-aligned, as numbers are,
/// unless [`left`](Self::left) says otherwise.
///
/// [`Display`](fmt::Display) aligns for a terminal, [`markdown`](Self::markdown) writes a Markdown table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    left: usize,
}

impl Table {
    /// A table with these columns and no rows.
    pub fn new<T: Into<String>>(header: impl IntoIterator<Item = T>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), rows: Vec::new(), left: 1 }
    }

    /// The same table with its first `columns` columns left-aligned: those with words.
    #[must_use]
    pub fn left(self, columns: usize) -> Self {
        Self { left: columns, ..self }
    }

    /// Adds a row; cells beyond the header's are dropped, missing ones are empty.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let mut row: Vec<String> = cells.into_iter().map(Into::into).collect();
        row.resize(self.header.len(), String::new());
        self.rows.push(row);
    }

    /// The table in Markdown, with a line feed at its end.
    pub fn markdown(&self) -> String {
        let escaped = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = (0..self.header.len()).map(|column| if column < self.left { "---|" } else { "---:|" });
        let mut text = escaped(&self.header);
        text.push('|');
        text.extend(rule);
        text.push('\n');
        text.extend(self.rows.iter().map(|row| escaped(row)));
        text
    }

    fn widths(&self) -> Vec<usize> {
        let rows = || std::iter::once(&self.header).chain(&self.rows);
        (0..self.header.len()).map(|column| rows().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for (index, row) in std::iter::once(&self.header).chain(&self.rows).enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                let gap = if column == 0 { "" } else { "  " };
                match column {
                    _ if column >= self.left => write!(f, "{gap}{cell:>width$}")?,
                    // Padding at the end of a line would only be trailing spaces.
                    _ if column + 1 == row.len() => write!(f, "{gap}{cell}")?,
                    _ => write!(f, "{gap}{cell:<width$}")?,
                }
            }
        }
        Ok(())
    }
}
