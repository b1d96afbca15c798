//! Numbers as markdown tables, and their place in docs/performance.md.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// A column: what it says, and with how many decimals.
pub type Column = (&'static str, usize);

/// Rows of numbers; each cell keeps what every round said.
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<(String, Vec<Vec<f64>>)>,
}

impl Table {
    pub fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds what one round said of `row`, in the order of the columns.
    pub fn add(&mut self, row: &str, values: &[f64]) {
        assert_eq!(values.len(), self.columns.len());
        let place = self.rows.iter().position(|(name, _)| name == row).unwrap_or_else(|| {
            self.rows.push((row.to_owned(), vec![Vec::new(); values.len()]));
            self.rows.len() - 1
        });
        for (cell, value) in self.rows[place].1.iter_mut().zip(values) {
            cell.push(*value);
        }
    }

    /// The medians.
    pub fn medians(&self) -> String {
        self.render("", |values, _| Some(median(values)))
    }

    /// The medians divided by those of `row`; empty where there is no such row.
    pub fn against(&self, row: &str) -> String {
        let Some((_, other)) = self.rows.iter().find(|(name, _)| name == row) else { return String::new() };
        let ratio = |values: &[f64], column: usize| {
            let other = median(&other[column]);
            (other > 0.0).then(|| median(values) / other)
        };
        self.render(&format!("÷ {row}: "), ratio)
    }

    fn render(&self, prefix: &str, value: impl Fn(&[f64], usize) -> Option<f64>) -> String {
        let titles: Vec<&str> = self.columns.iter().map(|(title, _)| *title).collect();
        let mut text = format!("| {prefix} | {} |\n|---|{}\n", titles.join(" | "), "---:|".repeat(titles.len()));
        for (name, cells) in &self.rows {
            let _ = write!(text, "| {name} |");
            for (index, cell) in cells.iter().enumerate() {
                let digits = if prefix.is_empty() { self.columns[index].1 } else { 2 };
                let _ = match value(cell, index).filter(|value| value.is_finite()) {
                    Some(value) => write!(text, " {value:.digits$} |"),
                    None => write!(text, " – |"),
                };
            }
            text.push('\n');
        }
        text
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

/// Puts `text` between the marks called `part` of a file.
pub fn put(path: &Path, part: &str, text: &str) -> io::Result<()> {
    let (begin, end) = (format!("<!-- {part}: begin -->"), format!("<!-- {part}: end -->"));
    let old = fs::read_to_string(path)?;
    let missing = || io::Error::other(format!("{} has no {begin} … {end}", path.display()));
    let (head, rest) = old.split_once(&begin).ok_or_else(missing)?;
    let (_, tail) = rest.split_once(&end).ok_or_else(missing)?;
    fs::write(path, format!("{head}{begin}\n{text}\n{end}{tail}"))
}
