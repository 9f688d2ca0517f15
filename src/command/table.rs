//! Answers as columns for people.

use anyhow::Context;

/// Longest cell that is shown whole, in characters; IIIF URLs are about this long.
const MAX_CELL: usize = 100;

/// CSV with a header becomes aligned columns.
///
/// # Errors
/// If `csv` is not CSV.
pub(super) fn align(csv: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(csv);
    let rows: Vec<Vec<String>> = reader
        .records()
        .map(|record| Ok(record?.iter().map(shorten).collect()))
        .collect::<Result<_, csv::Error>>()
        .context("the answer is no table")?;
    let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..n_columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        push_row(&mut text, row, &widths);
        if number == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            push_row(&mut text, &rules, &widths);
        }
    }
    match rows.len().saturating_sub(1) {
        0 => text.push_str("(no rows)\n"),
        1 => text.push_str("(1 row)\n"),
        n => text.push_str(&format!("({n} rows)\n")),
    }
    Ok(text.into_bytes())
}

fn push_row(text: &mut String, row: &[String], widths: &[usize]) {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

/// One line, without control characters that would move the cursor.
fn shorten(cell: &str) -> String {
    let mut short: String = cell
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_CELL)
        .collect();
    if cell.chars().count() > MAX_CELL {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_long_cells_cut() {
        let long = "x".repeat(200);
        let csv = format!("a,title\r\n1,\"A \"\"lake\"\"\nBergsee\"\r\n22,{long}\r\n");
        let text = String::from_utf8(align(csv.as_bytes()).unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "a   title");
        assert_eq!(lines[2], "1   A \"lake\" Bergsee");
        assert_eq!(lines[3].chars().count(), 4 + 101);
        assert_eq!(lines[4], "(2 rows)");
        assert!(
            String::from_utf8(align(b"a\r\n").unwrap())
                .unwrap()
                .contains("(no rows)")
        );
    }
}
