//! Tables of text. Widths are those on a terminal: wide characters count twice, and colours do not count.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Between two columns.
const GAP: &str = "  ";

/// The side of its column that a cell is aligned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// A column with its cells, the title first.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) side: Side,
    pub(crate) cells: Vec<Cell>,
}

/// A text on one line, and its colour.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) color: Option<&'static str>,
}

const RESET: &str = "\u{1b}[0m";

impl Cell {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            color: None,
        }
    }
}

impl Column {
    pub(crate) fn new(side: Side, title: &str, cells: impl IntoIterator<Item = Cell>) -> Self {
        let title = std::iter::once(Cell::new(title));
        Self {
            side,
            cells: title.chain(cells).collect(),
        }
    }

    pub(crate) fn width(&self) -> usize {
        let widths = self.cells.iter().map(|cell| cell.text.width());
        widths.max().unwrap_or_default()
    }

    /// Shortens the cells that are wider than this.
    pub(crate) fn cut(&mut self, width: usize) {
        for cell in &mut self.cells {
            cell.text = cut(&cell.text, width);
        }
    }
}

/// The width of a table of these columns.
pub(crate) fn width(columns: &[Column]) -> usize {
    let gaps = GAP.len() * columns.len().saturating_sub(1);
    columns.iter().map(Column::width).sum::<usize>() + gaps
}

/// The lines of a table, without trailing blanks.
pub(crate) fn lines(columns: &[Column]) -> String {
    let widths: Vec<_> = columns.iter().map(Column::width).collect();
    let rows = columns.iter().map(|column| column.cells.len()).max();
    let mut lines = String::new();
    for row in 0..rows.unwrap_or_default() {
        let mut line = String::new();
        for (column, width) in columns.iter().zip(&widths) {
            if let Some(cell) = column.cells.get(row) {
                push(&mut line, cell, column.side, *width);
            }
            line.push_str(GAP);
        }
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
}

fn push(line: &mut String, cell: &Cell, side: Side, width: usize) {
    let padding = " ".repeat(width - cell.text.width());
    if side == Side::Right {
        line.push_str(&padding);
    }
    match cell.color {
        Some(color) => line.extend([color, &cell.text, RESET]),
        None => line.push_str(&cell.text),
    }
    if side == Side::Left {
        line.push_str(&padding);
    }
}

/// The text in at most this many columns, with … in place of what is cut.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut left = width.saturating_sub(1);
    for character in text.chars() {
        let needed = character.width().unwrap_or_default();
        if needed > left {
            break;
        }
        left -= needed;
        cut.push(character);
    }
    if width > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_whatever_is_in_them() {
        let red = Some("\u{1b}[31m");
        let name = ["日本", "a", "päron"].map(Cell::new);
        let state = ["x", "Failed", ""].map(|text| Cell {
            color: red.filter(|_| text == "Failed"),
            ..Cell::new(text)
        });
        let columns = [
            Column::new(Side::Left, "NAME", name),
            Column::new(Side::Left, "STATE", state),
            Column::new(Side::Right, "RUN", ["1", "20"].map(Cell::new)),
        ];
        assert_eq!(width(&columns), 5 + 2 + 6 + 2 + 3);
        assert_eq!(
            lines(&columns),
            "NAME   STATE   RUN\n日本   x         1\na      \u{1b}[31mFailed\u{1b}[0m   20\npäron\n"
        );
    }

    #[test]
    fn what_is_cut_has_no_more_columns_than_it_may() {
        for (text, width, expected) in [
            ("orders", 6, "orders"),
            ("orders", 5, "orde…"),
            ("orders", 1, "…"),
            ("orders", 0, ""),
            ("日本語", 4, "日…"),
            ("日本語", 5, "日本…"),
            ("", 0, ""),
        ] {
            assert_eq!(cut(text, width), expected, "{text} in {width}");
        }
    }
}
