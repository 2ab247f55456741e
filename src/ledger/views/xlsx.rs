//! Rows as a workbook for spreadsheets. Text is written as text, so that none of it runs as a
//! formula; what a sheet or a cell cannot hold is told and not lost without a word.
//!
//! The rows wait in a file without a name until the workbook is put together: memory stays the same
//! however many there are.

use super::super::csv::Cell;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};
use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

/// Rows that a sheet can hold, its header included.
const SHEET_ROWS: u32 = 1_048_576;
/// UTF-16 units that a cell can hold.
const CELL_UNITS: usize = 32_767;
/// What ends a text that was longer.
const CUT: &str = " … [cut: longer than a cell can be; whole in the log]";
/// Bytes of text from which a sheet may pass the 4 GB that a plain zip can hold.
const LARGE: u64 = 1 << 29;
/// Level of compression: what a higher one saves is not worth its time.
const LEVEL: u8 = 1;

/// A workbook that grows by rows.
pub struct Book {
    book: Workbook,
    header: Vec<String>,
    full: Vec<Worksheet>,
    sheet: Worksheet,
    row: u32,
    sheet_rows: u32,
    bytes: u64,
    bold: Format,
}

impl Book {
    /// A workbook with these columns, which keeps its rows in `folder` until it is finished.
    ///
    /// # Errors
    ///
    /// When no file can be made there.
    pub fn new(folder: &Path, header: &[&str]) -> Result<Book, XlsxError> {
        Book::with_sheets_of(SHEET_ROWS, folder, header)
    }

    /// As [`Book::new`], with so many rows on a sheet, its header included.
    ///
    /// # Errors
    ///
    /// As [`Book::new`].
    pub fn with_sheets_of(rows: u32, folder: &Path, header: &[&str]) -> Result<Book, XlsxError> {
        let mut book = Workbook::new();
        book.set_tempdir(folder)?;
        let sheet = book.new_worksheet_with_constant_memory()?;
        let mut book = Book {
            book,
            header: header.iter().map(|name| (*name).to_owned()).collect(),
            full: Vec::new(),
            sheet,
            row: 0,
            sheet_rows: rows,
            bytes: 0,
            bold: Format::new().set_bold(),
        };
        book.begin()?;
        Ok(book)
    }

    fn begin(&mut self) -> Result<(), XlsxError> {
        let number = self.full.len() + 1;
        let name = match number {
            1 => "Entries".to_owned(),
            _ => format!("Entries {number}"),
        };
        self.sheet.set_name(name)?.set_freeze_panes(1, 0)?;
        for (column, name) in (0..).zip(&self.header) {
            self.sheet
                .write_string_with_format(0, column, name, &self.bold)?;
        }
        self.row = 1;
        Ok(())
    }

    /// Adds a row, on a further sheet when this one is full.
    ///
    /// # Errors
    ///
    /// When the row cannot be written.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), XlsxError> {
        if self.row >= self.sheet_rows {
            let next = self.book.new_worksheet_with_constant_memory()?;
            self.full.push(std::mem::replace(&mut self.sheet, next));
            self.begin()?;
        }
        for (column, cell) in (0..).zip(cells) {
            match cell {
                Cell::Text(text) if text.is_empty() => continue,
                Cell::Text(text) => {
                    self.bytes += u64::try_from(text.len()).unwrap_or(u64::MAX);
                    self.sheet.write_string(self.row, column, fitting(text))?
                }
                Cell::Integer(number) =>
                {
                    #[allow(clippy::cast_precision_loss, reason = "entries stay below 2^53")]
                    self.sheet.write_number(self.row, column, *number as f64)?
                }
                Cell::Empty => continue,
            };
        }
        self.row += 1;
        Ok(())
    }

    /// Writes the workbook, headed by a sheet that says what it is. `made` stands in it as the time
    /// it was made, so that the same rows give the same bytes.
    ///
    /// # Errors
    ///
    /// When the writing fails.
    pub fn finish<W: Write + Send>(
        mut self,
        about: &[(String, String)],
        made: Timestamp,
        out: W,
    ) -> Result<(), XlsxError> {
        let mut first = Worksheet::new();
        first.set_name("About")?;
        first.set_column_width(0, 28)?.set_column_width(1, 100)?;
        let wrapped = Format::new().set_text_wrap();
        for (row, (name, text)) in (0..).zip(about) {
            first.write_string_with_format(row, 0, name, &self.bold)?;
            first.write_string_with_format(row, 1, fitting(text), &wrapped)?;
        }
        self.book.push_worksheet(first);
        for sheet in self.full.into_iter().chain([self.sheet]) {
            self.book.push_worksheet(sheet);
        }
        let properties = DocProperties::new()
            .set_title("Decision log")
            .set_creation_datetime(&date(made)?);
        self.book.set_properties(&properties);
        self.book
            .set_zip_compression_level(LEVEL)
            .use_zip_large_file(self.bytes > LARGE);
        self.book.save_to_writer(out)
    }
}

fn date(at: Timestamp) -> Result<ExcelDateTime, XlsxError> {
    let civil = TimeZone::UTC.to_datetime(at);
    let part = |number: i8| u8::try_from(number).unwrap_or(0);
    let year = u16::try_from(civil.year()).unwrap_or(0).max(1900);
    ExcelDateTime::from_ymd(year, part(civil.month()), part(civil.day()))?.and_hms(
        u16::from(part(civil.hour())),
        part(civil.minute()),
        f64::from(civil.second()),
    )
}

/// The text, or as much of it as fits a cell and a word that it was cut.
fn fitting(text: &str) -> Cow<'_, str> {
    if text.len() <= CELL_UNITS || text.encode_utf16().count() <= CELL_UNITS {
        return Cow::Borrowed(text);
    }
    let mut room = CELL_UNITS - CUT.encode_utf16().count();
    let fits = |letter: &char| {
        let left = room.checked_sub(letter.len_utf16());
        room = left.unwrap_or(0);
        left.is_some()
    };
    let begin: String = text.chars().take_while(fits).collect();
    Cow::Owned(begin + CUT)
}
