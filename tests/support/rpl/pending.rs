//! The list of scenarios that do not pass yet, by feature: a Markdown table `| file | feature | reason |`.

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `collection/file`, without `.rpl`.
    pub file: String,
    pub feature: String,
    pub reason: String,
}

/// Reads the rows of every table in `text`; the heading and the line under it are none.
pub fn rows(text: &str) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some(inner) = line.trim().strip_prefix('|').and_then(|line| line.strip_suffix('|')) else { continue };
        let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
        match cells.as_slice() {
            ["file", "feature", "reason"] => {}
            [first, ..] if first.starts_with("--") => {}
            [file, feature, reason] if !file.is_empty() && !feature.is_empty() && !reason.is_empty() => {
                rows.push(Row { file: (*file).into(), feature: (*feature).into(), reason: (*reason).into() });
            }
            _ => return Err(format!("PENDING.md, line {}: a row is a file, a feature and a reason", number + 1)),
        }
    }
    Ok(rows)
}
