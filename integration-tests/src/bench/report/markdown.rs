//! Tables in Markdown whose columns stand under one another, so that they read well where nothing renders them.

/// Rows of as many cells as there are titles.
#[derive(Debug)]
pub(super) struct Table {
    titles: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new<T: Into<String>>(titles: impl IntoIterator<Item = T>) -> Self {
        Self { titles: titles.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        // A bar would begin another cell.
        self.rows.push(cells.into_iter().map(|cell| cell.replace('|', "\\|")).collect());
    }

    /// The same without columns that no row has anything in but a dash.
    pub(super) fn without_empty_columns(self) -> Self {
        let tells = |column: usize| {
            self.rows.iter().any(|row| row.get(column).is_some_and(|cell| !matches!(cell.as_str(), "–" | "")))
        };
        let told: Vec<bool> = (0..self.titles.len()).map(tells).collect();
        let keep = |cells: Vec<String>| {
            cells.into_iter().zip(&told).filter(|(_, told)| **told).map(|(cell, _)| cell).collect()
        };
        Self { titles: keep(self.titles), rows: self.rows.into_iter().map(keep).collect() }
    }

    pub(super) fn text(&self) -> String {
        let lines = || std::iter::once(&self.titles).chain(&self.rows);
        let width = |column: usize| {
            lines()
                .filter_map(|cells| cells.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
                .max(3)
        };
        let widths: Vec<usize> = (0..self.titles.len()).map(width).collect();
        let line = |cells: &[String]| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| format!(" {cell:<width$} |"));
            format!("|{}\n", padded.collect::<String>())
        };
        let rule: String = widths.iter().map(|width| format!("{}|", "-".repeat(width + 2))).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}|{rule}\n{rows}", line(&self.titles))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["A", "Beta", "C"]);
        table.row(["längst".to_owned(), "–".to_owned(), "1 | 2".to_owned()]);
        table
    }

    #[test]
    fn columns_are_padded() {
        let expected = "| A      | Beta | C      |\n\
                        |--------|------|--------|\n\
                        | längst | –    | 1 \\| 2 |\n";
        assert_eq!(table().text(), expected);
    }

    #[test]
    fn columns_that_tell_nothing_go() {
        assert_eq!(table().without_empty_columns().titles, ["A", "C"]);
    }
}
