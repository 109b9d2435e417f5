//! Rows as a table: the first row has the titles.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

/// The table for a terminal. Columns whose cells begin with a digit are aligned to the right.
pub fn plain(rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    for row in rows {
        table.add_row(row);
    }
    for (index, right) in numeric(rows).into_iter().enumerate() {
        if let Some(column) = table.column_mut(index).filter(|_| right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// The table as Markdown.
pub fn markdown(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let _ = writeln!(text, "| {} |", row.join(" | "));
        if index == 0 {
            let rules = numeric(rows).into_iter();
            let rules: Vec<_> = rules
                .map(|right| if right { "---:" } else { "---" })
                .collect();
            let _ = writeln!(text, "| {} |", rules.join(" | "));
        }
    }
    text.trim_end().to_owned()
}

/// Which columns have numbers only, below their titles.
fn numeric(rows: &[Vec<String>]) -> Vec<bool> {
    let columns = rows.first().map_or(0, Vec::len);
    let number = |cell: &String| {
        let begin = cell.trim_start_matches(['-', '+', '$']);
        begin.is_empty() || begin.starts_with(|c: char| c.is_ascii_digit())
    };
    (0..columns)
        .map(|column| {
            let cells = || rows.iter().skip(1).filter_map(|row| row.get(column));
            cells().any(|cell| !cell.is_empty()) && cells().all(number)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        let rows = [["what", "how many"], ["apples", "12"], ["pears", "-"]];
        rows.map(|row| row.map(str::to_owned).to_vec()).to_vec()
    }

    #[test]
    fn numbers_are_on_the_right() {
        let expected = "| what | how many |\n| --- | ---: |\n| apples | 12 |\n| pears | - |";
        assert_eq!(markdown(&rows()), expected);
        let plain = plain(&rows());
        let ends: Vec<_> = plain.lines().map(|line| line.chars().count()).collect();
        assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "{plain}");
    }
}
