//! Aligned text that fits a terminal; pure, knows nothing of regions.
//!
//! Names, labels and log lines come from strangers: every cell is stripped of control characters,
//! or one could steer the terminal of whoever looks.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Narrower than this a first column is not cut: then the line is.
const LEAST_NAME: usize = 12;

/// A titled table. The first column is text, aligned left; the others hold numbers, aligned right.
#[derive(Clone, Debug, Default)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// True when the last column is text, too.
    ends_in_text: bool,
}

impl Table {
    /// A table with these column titles.
    pub fn new(header: &[&str]) -> Self {
        Table {
            header: header.iter().map(|title| (*title).to_owned()).collect(),
            rows: Vec::new(),
            ends_in_text: false,
        }
    }

    /// The same with text in the last column.
    pub fn ending_in_text(self) -> Self {
        Table {
            ends_in_text: true,
            ..self
        }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.header.len());
        self.rows
            .push(cells.iter().map(|cell| printable(cell)).collect());
    }

    /// True when there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The title line and at most `most` rows, each at most `width` columns wide; says how many
    /// rows are left out.
    fn lines(&self, width: usize, most: usize) -> Vec<String> {
        let shown = if self.rows.len() > most {
            most.saturating_sub(1)
        } else {
            self.rows.len()
        };
        let all = || std::iter::once(&self.header).chain(&self.rows[..shown]);
        let mut widths = vec![0; self.header.len()];
        for row in all() {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = cell.width().max(*widest);
            }
        }
        let numbers: usize = widths.iter().skip(1).map(|width| width + 2).sum();
        if let Some(first) = widths.first_mut() {
            *first = (*first).min(width.saturating_sub(numbers).max(LEAST_NAME));
        }
        let mut lines: Vec<String> = all().map(|row| self.line(row, &widths, width)).collect();
        if shown < self.rows.len() {
            lines.push(shorten(
                &format!("… {} more", self.rows.len() - shown),
                width,
            ));
        }
        lines
    }

    fn line(&self, row: &[String], widths: &[usize], width: usize) -> String {
        let mut text = String::new();
        for (at, (cell, column)) in row.iter().zip(widths).enumerate() {
            let cell = shorten(cell, *column);
            let gap = " ".repeat(column - cell.width().min(*column));
            let is_text = at == 0 || (self.ends_in_text && at + 1 == row.len());
            let (left, right) = if is_text {
                ("", gap.as_str())
            } else {
                (gap.as_str(), "")
            };
            let between = if at == 0 { "" } else { "  " };
            text.extend([between, left, &cell, right]);
        }
        shorten(text.trim_end(), width)
    }
}

/// Free lines, then tables with an empty line before each; at most `height` lines. Tables without
/// rows are left out, the longest give way first, then the last.
pub fn page(head: &[String], tables: &[Table], width: usize, height: usize) -> Vec<String> {
    let mut lines: Vec<String> = head
        .iter()
        .map(|text| shorten(&printable(text), width))
        .collect();
    let tables: Vec<&Table> = tables.iter().filter(|table| !table.is_empty()).collect();
    let mut most: Vec<usize> = tables.iter().map(|table| table.rows.len()).collect();
    let used = |most: &[usize]| lines.len() + most.iter().map(|rows| rows + 2).sum::<usize>();
    while used(&most) > height {
        match most.iter_mut().max() {
            Some(longest) if *longest > 1 => *longest -= 1,
            // A title without a row says nothing: the last tables go.
            Some(_) => drop(most.pop()),
            None => break,
        }
    }
    for (table, most) in tables.iter().zip(most) {
        lines.push(String::new());
        lines.extend(table.lines(width, most));
    }
    lines.truncate(height);
    lines
}

/// `text` in at most `width` columns, with `…` where it was cut.
pub fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 0;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used >= width {
            break;
        }
        cut.push(character);
    }
    if width > 0 {
        cut.push('…');
    }
    cut
}

/// `text` without anything that a terminal would obey.
pub fn printable(text: &str) -> String {
    // Marks that change the direction of writing could make one name look like another.
    let obeyed = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(obeyed) {
        return text.to_owned();
    }
    text.chars()
        .map(|character| {
            if obeyed(character) {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect()
}

/// Lines of text, each without anything that a terminal would obey.
pub fn printable_lines(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some(line) => printable(line) + "\n",
            None => printable(line),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Table {
        let mut table = Table::new(&["counter", "total", "per s"]);
        table.row([
            "http_requests_total{class=\"2xx\"}".into(),
            "1,234".into(),
            "10.0".into(),
        ]);
        table.row(["jobs".into(), "7".into(), "-".into()]);
        table
    }

    #[test]
    fn names_go_left_and_numbers_right() {
        let expected = [
            "",
            "counter                           total  per s",
            "http_requests_total{class=\"2xx\"}  1,234   10.0",
            "jobs                                  7      -",
        ];
        assert_eq!(page(&[], &[example()], 100, 100), expected);
    }

    #[test]
    fn a_narrow_terminal_cuts_names_before_numbers() {
        let expected = [
            "",
            "counter           total  per s",
            "http_requests_t…  1,234   10.0",
            "jobs                  7      -",
        ];
        assert_eq!(page(&[], &[example()], 30, 100), expected);
        for width in 0..60 {
            let lines = page(&["a long first line".into()], &[example()], width, 100);
            assert!(
                lines.iter().all(|line| line.width() <= width),
                "{width}: {lines:?}"
            );
        }
    }

    #[test]
    fn a_low_terminal_takes_from_the_longest_table() {
        let mut long = Table::new(&["long"]);
        for row in 0..50 {
            long.row([row.to_string()]);
        }
        let lines = page(&["head".into()], &[example(), long.clone()], 80, 12);
        assert_eq!(lines.len(), 12);
        assert_eq!(lines[4], "jobs                                  7      -");
        assert_eq!(lines[11], "… 46 more");
        for height in 0..60 {
            assert!(page(&["head".into()], &[example(), long.clone()], 80, height).len() <= height);
        }
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let mut table = Table::new(&["name"]);
        table.row(["a\u{1b}[2J\u{9b}31m\nb\u{202e}c".into()]);
        let text = page(&["x\u{7}".into()], &[table], 80, 80).concat();
        assert!(
            !text.contains(|character: char| character.is_control() || character == '\u{202e}')
        );
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(shorten("漢字漢字", 5), "漢字…");
        assert_eq!(shorten("漢字漢字", 8), "漢字漢字");
    }
}
