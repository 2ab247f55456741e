//! A table read from a CSV file of the wild.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Read;

use super::encoding;
use super::split::{Record, Splitter};
use super::text::{collapse, is_empty};

/// The largest file that is read, in bytes.
pub const MAX_FILE: u64 = 256 * 1024 * 1024;
/// The largest cell that is taken, in bytes; a row with a longer one is refused.
pub const MAX_CELL: usize = 1024 * 1024;
/// The most columns a table may have.
pub const MAX_COLUMNS: usize = 10_000;
/// How many rows are searched for a header that the mapping expects elsewhere.
const HEADER_SEARCH: usize = 20;

/// What a mapping says about the file itself; everything left out is found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// Row of the header as a spreadsheet counts rows, from 1; rows above are banners. 0 means
    /// the first row that is not empty.
    pub header_row: u64,
    /// Name of the encoding, such as `windows-1252`. A byte order mark is stronger.
    pub encoding: Option<String>,
    /// The sign between cells.
    pub delimiter: Option<char>,
}

/// Why a file cannot be read as a table. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Nothing in it.
    #[error("the file is empty: export the register again")]
    Empty,
    /// Longer than [`MAX_FILE`].
    #[error("the file is larger than 256 MiB: split it, with the header in each part")]
    TooLarge,
    /// The disk or the stream failed.
    #[error("the file cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// XLSX, XLS, ODS or a plain ZIP.
    #[error(
        "this is a workbook (Excel, LibreOffice) or a ZIP archive, not CSV: open it, choose the \
         sheet, save the sheet as CSV UTF-8, and import that file"
    )]
    Workbook,
    /// Something else that is known by its first bytes.
    #[error("this is {0}, not CSV: export the register as CSV and import that file")]
    OtherFormat(&'static str),
    /// Control characters all over.
    #[error("this is not text: export the register as CSV (UTF-8) and import that file")]
    Binary,
    /// A name that no encoding has.
    #[error("there is no encoding “{0}”: use utf-8, windows-1252, utf-16le or another web name")]
    UnknownEncoding(String),
    /// The header would lie below the last row.
    #[error("the file has no row {0}, where the mapping's header_row expects the column names")]
    NoHeader(u64),
    /// Everything after it would be one cell.
    #[error("line {0}: a quotation mark is opened here and never closed: close it or remove it")]
    UnclosedQuote(u64),
    /// More than [`MAX_COLUMNS`].
    #[error("line {0}: the header has more than 10,000 columns: is this the right file?")]
    TooManyColumns(u64),
}

/// A readable table: its header and its rows.
#[derive(Debug)]
pub struct Table {
    text: String,
    encoding: &'static str,
    delimiter: u8,
    headers: Vec<String>,
    header_line: u64,
    /// Where the first row below the header starts: bytes and physical line.
    below: (usize, u64),
    row_count: u64,
}

/// One row that is not empty.
#[derive(Debug)]
pub struct Row<'a> {
    /// Physical line of the file where the row starts, from 1.
    pub line: u64,
    /// The cells as written, without their quotation marks; fewer or more than headers.
    pub cells: Vec<Cow<'a, str>>,
}

impl Table {
    /// Reads a whole table from memory. The file is looked through once for faults that would
    /// spoil every row, so that nothing is imported from a file that is half read.
    pub fn open(bytes: Vec<u8>, layout: &Layout) -> Result<Table, Unreadable> {
        if bytes.len() as u64 > MAX_FILE {
            return Err(Unreadable::TooLarge);
        }
        let (text, encoding) = encoding::decode(bytes, layout.encoding.as_deref())?;
        if is_empty(&text) {
            return Err(Unreadable::Empty);
        }
        let (start, line, declared) = declared_delimiter(&text);
        let row = layout.header_row;
        let delimiter = match layout.delimiter.or(declared) {
            Some(sign) => u8::try_from(sign).unwrap_or(b','),
            None => sniff(text.get(start..).unwrap_or_default(), row),
        };
        let mut table = Table {
            text,
            encoding,
            delimiter,
            headers: Vec::new(),
            header_line: line,
            below: (start, line),
            row_count: 0,
        };
        table.read_header(row)?;
        table.look_through()?;
        Ok(table)
    }

    /// Reads a table from a file or stream; stops at [`MAX_FILE`] bytes.
    pub fn read(reader: impl Read, layout: &Layout) -> Result<Table, Unreadable> {
        let mut bytes = Vec::new();
        reader.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        Table::open(bytes, layout)
    }

    /// The column names: white space collapsed, a second `Name` called `Name (2)`, a nameless
    /// fourth column `(column 4)`. All are different.
    pub fn headers(&self) -> &[String] {
        &self.headers
    }

    /// Physical line of the header.
    pub fn header_line(&self) -> u64 {
        self.header_line
    }

    /// The encoding the file was read in.
    pub fn encoding(&self) -> &'static str {
        self.encoding
    }

    /// The sign between cells.
    pub fn delimiter(&self) -> char {
        char::from(self.delimiter)
    }

    /// How many rows [`Table::rows`] gives.
    pub fn row_count(&self) -> u64 {
        self.row_count
    }

    /// The rows below the header that are not empty, in the order of the file.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.records_below().filter_map(|record| {
            let filled = !record.cells.iter().all(|cell| is_empty(cell));
            filled.then_some(Row {
                line: record.line,
                cells: record.cells,
            })
        })
    }

    /// The row, counted as `header_row` is, in which most of these names stand as cells.
    pub(crate) fn row_with(&self, names: &[&str]) -> Option<u64> {
        let (start, line, _) = declared_delimiter(&self.text);
        let text = self.text.get(start..).unwrap_or_default();
        let found = |record: &Record| {
            let cells: HashSet<String> = record.cells.iter().map(|cell| collapse(cell)).collect();
            names
                .iter()
                .filter(|name| cells.contains(&collapse(name)))
                .count()
        };
        Splitter::new(text, line, self.delimiter)
            .take(HEADER_SEARCH)
            .zip(1_u64..)
            .map(|(record, row)| (found(&record), row))
            .filter(|(count, _)| count * 2 > names.len())
            .max_by_key(|(count, row)| (*count, u64::MAX - row))
            .map(|(_, row)| row)
    }

    fn records_below(&self) -> Splitter<'_> {
        let (start, line) = self.below;
        Splitter::new(
            self.text.get(start..).unwrap_or_default(),
            line,
            self.delimiter,
        )
    }

    fn read_header(&mut self, row: u64) -> Result<(), Unreadable> {
        let mut records = self.records_below();
        let header = header_record(&mut records, row).ok_or(Unreadable::NoHeader(row))?;
        if let Some(line) = header.unclosed {
            return Err(Unreadable::UnclosedQuote(line));
        }
        if header.cells.len() > MAX_COLUMNS {
            return Err(Unreadable::TooManyColumns(header.line));
        }
        if header.cells.iter().all(|cell| is_empty(cell)) {
            return Err(Unreadable::NoHeader(row));
        }
        let headers = distinct(header.cells.iter().map(|cell| collapse(cell)));
        let header_line = header.line;
        let (left, line) = records.place();
        self.below = (self.text.len() - left, line);
        (self.headers, self.header_line) = (headers, header_line);
        Ok(())
    }

    fn look_through(&mut self) -> Result<(), Unreadable> {
        let mut count = 0;
        for record in self.records_below() {
            if let Some(line) = record.unclosed {
                return Err(Unreadable::UnclosedQuote(line));
            }
            count += u64::from(!record.cells.iter().all(|cell| is_empty(cell)));
        }
        self.row_count = count;
        Ok(())
    }
}

/// The record in that row, or the first that is not empty for row 0.
fn header_record<'a>(records: &mut Splitter<'a>, row: u64) -> Option<Record<'a>> {
    match row.checked_sub(1) {
        Some(above) => records.nth(usize::try_from(above).unwrap_or(usize::MAX)),
        None => records.find(|record| !record.cells.iter().all(|cell| is_hollow(cell))),
    }
}

/// Nothing in it but signs that might stand between cells.
fn is_hollow(cell: &str) -> bool {
    is_empty(&cell.replace([',', ';', '|'], ""))
}

/// Excel writes a first line `sep=;`. Returns where the table starts (bytes, line) and the sign.
fn declared_delimiter(text: &str) -> (usize, u64, Option<char>) {
    let first = text.split(['\n', '\r']).next().unwrap_or_default();
    let sign = first
        .strip_prefix("sep=")
        .and_then(|rest| rest.chars().next());
    match sign {
        Some(sign) if sign.is_ascii() && first.len() == 5 => {
            let rest = text.get(5..).unwrap_or_default();
            let end = if rest.starts_with("\r\n") {
                2
            } else {
                usize::from(!rest.is_empty())
            };
            (5 + end, 2, Some(sign))
        }
        _ => (0, 1, None),
    }
}

/// The sign that cuts the header row into the most cells; a comma where none does.
fn sniff(text: &str, header_row: u64) -> u8 {
    let cells = |sign: u8| {
        let header = header_record(&mut Splitter::new(text, 1, sign), header_row);
        header.map_or(0, |record| record.cells.len())
    };
    let signs = [b'\t', b';', b','];
    signs
        .into_iter()
        .max_by_key(|sign| cells(*sign))
        .unwrap_or(b',')
}

/// Names for all columns, each different from the others.
fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut headers = Vec::new();
    for (index, name) in names.enumerate() {
        let name = if name.is_empty() {
            format!("(column {})", index + 1)
        } else {
            name
        };
        let mut candidate = name.clone();
        let mut times = 2;
        while !taken.insert(candidate.clone()) {
            candidate = format!("{name} ({times})");
            times += 1;
        }
        headers.push(candidate);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn open(text: &str) -> Table {
        Table::open(text.as_bytes().to_vec(), &Layout::default()).unwrap()
    }

    fn rows(table: &Table) -> Vec<(u64, Vec<String>)> {
        table
            .rows()
            .map(|row| {
                (
                    row.line,
                    row.cells.into_iter().map(Cow::into_owned).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn semicolons_tabs_and_commas_are_found_out_from_the_header() {
        assert_eq!(open("a;b;c, d\n1;2;3\n").headers(), ["a", "b", "c, d"]);
        assert_eq!(open("a\tb\n1\t2\n").headers(), ["a", "b"]);
        assert_eq!(open("\"a;b;c\",d\n1,2\n").headers(), ["a;b;c", "d"]);
        assert_eq!(open("sep=;\r\na,b;c\r\n1;2\r\n").headers(), ["a,b", "c"]);
        assert_eq!(rows(&open("sep=;\r\na,b;c\r\n1;2\r\n"))[0].0, 3);
        assert_eq!(open("title\nx\n").headers(), ["title"]);
    }

    #[test]
    fn headers_are_one_line_each_and_never_the_same() {
        let table = open("\"Stage\n\n of\u{a0} work\",Name,,Name,Name (2)\n1,2,3,4,5\n");
        let names = [
            "Stage of work",
            "Name",
            "(column 3)",
            "Name (2)",
            "Name (2) (2)",
        ];
        assert_eq!(table.headers(), names);
    }

    #[test]
    fn rows_keep_the_line_they_start_at_and_empty_rows_are_passed_over() {
        let table = open("a,b\r\n\r\n,\r\n\"x\r\ny\",1\r\n \u{a0},\r\nz\r\n");
        let expected = [
            (4, vec!["x\r\ny".into(), "1".into()]),
            (7, vec!["z".into()]),
        ];
        assert_eq!(rows(&table), expected);
        assert_eq!(table.row_count(), 2);
    }

    #[test]
    fn a_banner_above_the_header_is_passed_over() {
        let text = "\"Section 1\nAbout\",,\nid,name,unit\n1,x,y\n";
        let layout = Layout {
            header_row: 2,
            ..Layout::default()
        };
        let table = Table::open(text.as_bytes().to_vec(), &layout).unwrap();
        assert_eq!(table.headers(), ["id", "name", "unit"]);
        assert_eq!((table.header_line(), rows(&table)[0].0), (3, 4));
        assert_eq!(open(text).row_with(&["id", "name"]), Some(2));
    }

    #[test]
    fn empty_lines_before_the_header_do_no_harm() {
        assert_eq!(open("\n,,\na;b\n1;2\n").headers(), ["a", "b"]);
    }

    #[test]
    fn what_spoils_the_whole_file_is_told_before_any_row_is_taken() {
        let fail = |text: &str, header_row| {
            let layout = Layout {
                header_row,
                ..Layout::default()
            };
            Table::open(text.as_bytes().to_vec(), &layout)
                .unwrap_err()
                .to_string()
        };
        assert!(fail("a,b\n1,\"x\n2,y\n", 0).starts_with("line 2: a quotation mark"));
        assert!(fail("a,b\n", 5).contains("no row 5"));
        assert!(fail("\n\u{a0}\n", 0).contains("empty"));
        assert!(fail(&"a,".repeat(MAX_COLUMNS), 0).contains("10,000 columns"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(table) = Table::open(bytes, &Layout::default()) {
                prop_assert_eq!(table.rows().count() as u64, table.row_count());
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(
            text in "[ab,;\t\"\r\n\u{a0}\u{0}é\u{feff}]{0,80}",
            row in 0_u64..4,
        ) {
            let layout = Layout { header_row: row, ..Layout::default() };
            if let Ok(table) = Table::open(text.into_bytes(), &layout) {
                prop_assert_eq!(table.rows().count() as u64, table.row_count());
            }
        }
    }
}
