//! Cutting text into records and cells, with the physical line where each record starts.
//!
//! Written out rather than left to a reader that only knows records: the report names lines as an
//! editor counts them, and a quotation mark that is never closed must be found at its own line.

use std::borrow::Cow;

/// One record as it stands in the file; empty lines are records too.
pub(crate) struct Record<'a> {
    /// Physical line where it starts, from 1.
    pub line: u64,
    pub cells: Vec<Cow<'a, str>>,
    /// Line of a quotation mark that is never closed.
    pub unclosed: Option<u64>,
}

/// Walks over the records of a text.
pub(crate) struct Splitter<'a> {
    rest: &'a str,
    line: u64,
    delimiter: u8,
}

enum End {
    Cell,
    Record,
}

impl<'a> Splitter<'a> {
    /// `line` is the physical line at which `text` starts.
    pub fn new(text: &'a str, line: u64, delimiter: u8) -> Self {
        Splitter {
            rest: text,
            line,
            delimiter,
        }
    }

    /// Bytes left, and the physical line at which they start.
    pub fn place(&self) -> (usize, u64) {
        (self.rest.len(), self.line)
    }

    /// Takes `length` bytes off the front; the cut always lies beside an ASCII sign.
    fn take(&mut self, length: usize) -> &'a str {
        let (head, tail) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, ""));
        self.rest = tail;
        head
    }

    /// Takes the sign that ends a cell or a record.
    fn take_end(&mut self) -> End {
        let crlf = self.rest.starts_with("\r\n");
        match self.rest.as_bytes().first() {
            Some(byte) if *byte == self.delimiter => {
                self.take(1);
                End::Cell
            }
            Some(_) => {
                self.take(if crlf { 2 } else { 1 });
                self.line += 1;
                End::Record
            }
            None => End::Record,
        }
    }

    fn plain(&mut self) -> &'a str {
        let stop = |byte: &u8| *byte == self.delimiter || matches!(*byte, b'\n' | b'\r');
        let length = self
            .rest
            .bytes()
            .position(|byte| stop(&byte))
            .unwrap_or(self.rest.len());
        self.take(length)
    }

    /// A cell that begins with a quotation mark, and whatever follows its closing mark.
    fn quoted(&mut self, unclosed: &mut Option<u64>) -> Cow<'a, str> {
        let opened = self.line;
        self.take(1);
        let mut cell = Cow::Borrowed("");
        loop {
            let Some(length) = self.rest.bytes().position(|byte| byte == b'"') else {
                *unclosed = Some(opened);
                cell += self.take(self.rest.len());
                return cell;
            };
            let part = self.take(length);
            self.line += line_ends(part);
            cell += part;
            self.take(1);
            if !self.rest.starts_with('"') {
                cell += self.plain();
                return cell;
            }
            cell += self.take(1);
        }
    }
}

impl<'a> Iterator for Splitter<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let mut record = Record {
            line: self.line,
            cells: Vec::new(),
            unclosed: None,
        };
        loop {
            let cell = if self.rest.starts_with('"') {
                self.quoted(&mut record.unclosed)
            } else {
                Cow::Borrowed(self.plain())
            };
            record.cells.push(cell);
            if let End::Record = self.take_end() {
                return Some(record);
            }
        }
    }
}

/// LF, CRLF and a lone CR each end one line.
fn line_ends(text: &str) -> u64 {
    let feeds = text.bytes().filter(|byte| *byte == b'\n').count();
    let returns = text.bytes().filter(|byte| *byte == b'\r').count();
    let both = text.matches("\r\n").count();
    (feeds + returns - both) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn records(text: &str) -> Vec<(u64, Vec<String>)> {
        Splitter::new(text, 1, b',')
            .map(|record| {
                (
                    record.line,
                    record.cells.into_iter().map(Cow::into_owned).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn lines_are_counted_as_an_editor_does_also_inside_quotes() {
        let text = "a,b\r\n\"one\ntwo\r\nthree\",x\n\n\"q \"\"z\"\"\",y\rlast,";
        let lines: Vec<u64> = records(text).iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 2, 5, 6, 7]);
        assert_eq!(records(text)[1].1, ["one\ntwo\r\nthree", "x"]);
        assert_eq!(records(text)[3].1, ["q \"z\"", "y"]);
        assert_eq!(records(text)[4].1, ["last", ""]);
    }

    #[test]
    fn marks_inside_a_cell_and_text_after_a_closing_mark_are_kept() {
        assert_eq!(records("5\" pipe,\"a\" b\n")[0].1, ["5\" pipe", "a b"]);
    }

    #[test]
    fn a_mark_that_is_never_closed_is_named_with_its_line() {
        let text = "a,b\nc,\"open\nd,e\n";
        let unclosed: Vec<_> = Splitter::new(text, 1, b',')
            .map(|one| one.unclosed)
            .collect();
        assert_eq!(unclosed, [None, Some(2)]);
    }

    fn by_the_csv_crate(text: &str) -> Vec<Vec<String>> {
        csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes())
            .records()
            .map(|record| {
                record
                    .unwrap()
                    .iter()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .filter(|cells: &Vec<String>| cells.iter().any(|cell| !cell.is_empty()))
            .collect()
    }

    proptest! {
        #[test]
        fn cells_are_the_same_that_the_csv_crate_reads(text in "[ab,;\"\n\r é]{0,60}") {
            let ours: Vec<Vec<String>> = records(&text)
                .into_iter()
                .map(|(_, cells)| cells)
                .filter(|cells| cells.iter().any(|cell| !cell.is_empty()))
                .collect();
            prop_assert_eq!(ours, by_the_csv_crate(&text));
        }

        #[test]
        fn any_text_is_cut_without_losing_a_line(text in "\\PC*[\n\r\"]{0,4}\\PC*") {
            let last = records(&text).last().map_or(1, |(line, _)| *line);
            prop_assert!(last <= 1 + line_ends(&text));
        }
    }
}
