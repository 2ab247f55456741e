//! Rows as CSV for spreadsheets: RFC 4180, and nothing in a cell ever runs as a formula.
//!
//! A view for reading, not evidence: a cell that a spreadsheet would take for a formula is
//! changed by the apostrophe that stops it. The exact bytes are in the JSON lines.

use csv::{QuoteStyle, Terminator, WriterBuilder};
use std::borrow::Cow;
use std::io::{self, Write};

/// One cell of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Text from anywhere; made safe.
    Text(Cow<'a, str>),
    /// A number, which stays one: its minus sign is no formula.
    Integer(i64),
    /// Nothing.
    Empty,
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Cell::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Cell::Text(Cow::Owned(text))
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Cell::Integer(number)
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(cell: Option<T>) -> Self {
        cell.map_or(Cell::Empty, Into::into)
    }
}

/// Writes a header and rows of as many cells, one at a time.
pub struct Rows<W: Write> {
    out: csv::Writer<W>,
}

impl<W: Write> Rows<W> {
    /// Starts with the header row.
    ///
    /// # Errors
    ///
    /// What writing to `out` fails with.
    pub fn new(out: W, header: &[&str]) -> io::Result<Self> {
        let mut builder = WriterBuilder::new();
        builder
            .terminator(Terminator::CRLF)
            .quote_style(QuoteStyle::Necessary);
        let mut rows = Rows {
            out: builder.from_writer(out),
        };
        let header: Vec<Cell<'_>> = header.iter().map(|name| Cell::from(*name)).collect();
        rows.row(&header)?;
        Ok(rows)
    }

    /// Writes a row.
    ///
    /// # Errors
    ///
    /// What writing fails with, or that the row has not as many cells as the header.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        let cells = cells.iter().map(|cell| match cell {
            Cell::Text(text) => safe(text),
            Cell::Integer(number) => Cow::Owned(number.to_string()),
            Cell::Empty => Cow::Borrowed(""),
        });
        let cells: Vec<Cow<'_, str>> = cells.collect();
        self.out
            .write_record(cells.iter().map(|cell| cell.as_bytes()))
            .map_err(io::Error::from)
    }

    /// Hands what is buffered to `out`, which it returns for a caller that drains it.
    ///
    /// # Errors
    ///
    /// What writing fails with.
    pub fn flush(&mut self) -> io::Result<&W> {
        self.out.flush()?;
        Ok(self.out.get_ref())
    }

    /// Writes what is buffered and gives `out` back.
    ///
    /// # Errors
    ///
    /// What writing fails with.
    pub fn finish(self) -> io::Result<W> {
        self.out
            .into_inner()
            .map_err(|error| io::Error::new(error.error().kind(), error.to_string()))
    }
}

/// Text that a spreadsheet shows as it is: what could start a formula gets an apostrophe.
pub fn safe(text: &str) -> Cow<'_, str> {
    const STARTS: [char; 12] = [
        '=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠',
    ];
    // Some programs drop leading spaces before they look for a formula.
    if text.trim_start_matches(' ').starts_with(STARTS) {
        return Cow::Owned(format!("'{text}"));
    }
    Cow::Borrowed(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rows: &[&[Cell<'_>]]) -> String {
        let mut out = Rows::new(Vec::new(), &["recorded_at_utc", "entry", "outcome"]).unwrap();
        rows.iter().for_each(|row| out.row(row).unwrap());
        String::from_utf8(out.finish().unwrap()).unwrap()
    }

    #[test]
    fn rows_follow_rfc_4180_with_a_header_and_crlf() {
        let at = "2026-11-23T10:00:00.000000Z";
        let row = [at.into(), Cell::Integer(-7), "say \"yes\",\r\nor no".into()];
        let expected = "recorded_at_utc,entry,outcome\r\n\
                        2026-11-23T10:00:00.000000Z,-7,\"say \"\"yes\"\",\r\nor no\"\r\n";
        assert_eq!(written(&[&row]), expected);
    }

    #[test]
    fn a_log_without_rows_still_names_its_columns() {
        assert_eq!(written(&[]), "recorded_at_utc,entry,outcome\r\n");
    }

    #[test]
    fn no_text_starts_a_formula_in_a_spreadsheet() {
        let starts = [
            "=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠", "  =",
        ];
        for start in starts {
            let text = format!("{start}HYPERLINK(\"http://x\")");
            assert_eq!(safe(&text), format!("'{text}"), "{start:?}");
            let row = written(&[&[text.into(), Cell::Empty, Cell::Empty]]);
            let cell = row.lines().nth(1).unwrap().trim_start_matches('"');
            assert!(cell.starts_with('\''), "{cell}");
        }
    }

    #[test]
    fn harmless_text_and_numbers_stay_as_they_are() {
        for text in ["", "approve", "a=b", "2026-11-23", "'quoted", "Übung", " x"] {
            assert_eq!(safe(text), text);
        }
        let row = written(&[&[
            Cell::from(-5),
            Cell::from(None::<&str>),
            Cell::from(Some("x")),
        ]]);
        assert!(row.ends_with("\r\n-5,,x\r\n"));
    }

    #[test]
    fn a_row_of_the_wrong_length_is_refused() {
        let mut rows = Rows::new(Vec::new(), &["a", "b"]).unwrap();
        assert!(rows.row(&["only one".into()]).is_err());
    }

    #[test]
    fn rows_can_be_drained_as_they_are_written() {
        let mut rows = Rows::new(Vec::new(), &["a"]).unwrap();
        assert_eq!(rows.flush().unwrap(), b"a\r\n");
        rows.row(&["x".into()]).unwrap();
        assert_eq!(rows.flush().unwrap(), b"a\r\nx\r\n");
    }
}
