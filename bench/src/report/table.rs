//! Tables of Markdown, and how figures look in them.

use std::fmt::Write as _;

use crate::figures::Spread;

/// Lines of a table; its head first.
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    /// With this head.
    pub(crate) fn new(head: &[&str]) -> Self {
        Self(vec![head.iter().map(|&cell| cell.to_owned()).collect()])
    }

    /// One more line.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.0.push(cells);
    }

    /// Nothing where there are no rows.
    pub(crate) fn text(&self) -> String {
        if self.0.len() == 1 {
            return String::new();
        }
        let line = |cells: &Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut text = line(&self.0[0]);
        let rest = vec!["---:"; self.0[0].len() - 1];
        let _ = writeln!(text, "|---|{}|", rest.join("|"));
        text.extend(self.0[1..].iter().map(line));
        text.push('\n');
        text
    }
}

/// The median, and the outer ones in parentheses.
pub(crate) fn with_spread(spread: Option<Spread>, show: impl Fn(f64) -> String) -> String {
    let Some(Spread { median, low, high }) = spread else { return "–".to_owned() };
    if (low - high).abs() < f64::EPSILON {
        return show(median);
    }
    let bare = |value| show(value).trim_end_matches(|last: char| !last.is_ascii_digit()).to_owned();
    format!("{} ({}–{})", show(median), bare(low), bare(high))
}

pub(crate) fn micros(value: f64) -> String {
    if value < 1_000.0 { format!("{value:.0} µs") } else { format!("{:.1} ms", value / 1_000.0) }
}

pub(crate) fn kibibytes(bytes: f64) -> String {
    format!("{:.1} KiB", bytes / 1024.0)
}

pub(crate) fn mebibytes(kib: f64) -> String {
    format!("{:.1} MiB", kib / 1024.0)
}

/// 12345 as 12,345.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (number, digit) in digits.chars().enumerate() {
        if number > 0 && (digits.len() - number).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value.round() < 0.0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (value, expected) in
            [(0.0, "0"), (999.6, "1,000"), (12_345.0, "12,345"), (-1_234_567.0, "-1,234,567")]
        {
            assert_eq!(thousands(value), expected);
        }
        let spread = Spread { median: 2.0, low: 1.5, high: 2.5 };
        assert_eq!(with_spread(Some(spread), |value| format!("{value:.2}x")), "2.00x (1.50–2.50)");
        let one = Spread { median: 2.0, low: 2.0, high: 2.0 };
        assert_eq!(with_spread(Some(one), |value| format!("{value:.1} µs")), "2.0 µs");
        assert_eq!(micros(1_234.0), "1.2 ms");
    }

    #[test]
    fn a_table() {
        let mut table = Table::new(&["a", "b"]);
        assert_eq!(table.text(), "");
        table.row(vec!["1".to_owned(), "2".to_owned()]);
        assert_eq!(table.text(), "| a | b |\n|---|---:|\n| 1 | 2 |\n\n");
    }
}
