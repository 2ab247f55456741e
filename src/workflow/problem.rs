//! What is wrong with a workflow, where, and what would be right.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The largest workflow text that is read, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;
/// The most values a workflow may be made of, nested ones counted.
const MAX_VALUES: usize = 20_000;

/// Whether a problem keeps a workflow from being published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It does.
    Error,
    /// It does not; people should know.
    Warning,
}

/// What is wrong with a workflow. Shows as `file:line:column /stages/2/when: message`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The file as the caller named it.
    pub file: String,
    /// Line in the file, from 1.
    pub line: usize,
    /// Character in the line, from 1.
    pub column: usize,
    /// JSON pointer into the workflow; empty for the whole.
    pub place: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// Whether it keeps the workflow from being published.
    pub severity: Severity,
}

impl Problem {
    /// The same, as something that people should know and that stops nothing.
    pub(super) fn into_warning(self) -> Problem {
        Problem {
            severity: Severity::Warning,
            ..self
        }
    }

    /// Whether it keeps the workflow from being published.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem {
            file,
            line,
            column,
            place,
            message,
            severity,
        } = self;
        let gap = if place.is_empty() { "" } else { " " };
        let kind = match severity {
            Severity::Error => "",
            Severity::Warning => "warning: ",
        };
        write!(to, "{file}:{line}:{column}{gap}{place}: {kind}{message}")
    }
}

/// The text a document is read from; turns places into lines and columns.
pub(crate) struct Source<'a> {
    file: &'a str,
    text: &'a str,
    /// Where the document starts in the text, as a JSON pointer.
    root: &'a str,
    /// The most bytes and values that are read.
    most: (usize, usize),
}

impl<'a> Source<'a> {
    pub fn new(file: &'a str, text: &'a str, root: &'a str) -> Source<'a> {
        let most = (MAX_BYTES, MAX_VALUES);
        Source {
            file,
            text,
            root,
            most,
        }
    }

    /// The same for a document that may have more bytes and values than a workflow.
    pub fn of_at_most(self, bytes: usize, values: usize) -> Source<'a> {
        Source {
            most: (bytes, values),
            ..self
        }
    }

    /// The text as JSON, or why it cannot be read: too large, malformed, or a key written twice.
    pub fn parse(&self) -> Result<Value, Problem> {
        let (bytes, most) = self.most;
        if self.text.len() > bytes {
            let size = self.text.len();
            let message = format!("the text has {size} bytes; at most {bytes} are read");
            return Err(self.at(0, String::new(), message));
        }
        let mut reader = serde_json::Deserializer::from_str(self.text);
        let values = Count {
            read: Cell::new(0),
            most,
        };
        let value = Once(&values).deserialize(&mut reader);
        value
            .and_then(|value| reader.end().map(|()| value))
            .map_err(|error| self.malformed(&error))
    }

    fn malformed(&self, error: &serde_json::Error) -> Problem {
        let before: usize = self
            .text
            .split_inclusive('\n')
            .take(error.line().max(1) - 1)
            .map(str::len)
            .sum();
        let offset = before + error.column().saturating_sub(1);
        let whole = error.to_string();
        let cause = whole
            .rsplit_once(" at line ")
            .map_or(whole.as_str(), |(cause, _)| cause);
        let message = match cause {
            "recursion limit exceeded" => "this is nested too deeply".to_owned(),
            cause => format!("this is not valid JSON: {cause}"),
        };
        self.at(offset, String::new(), message)
    }

    /// A problem with the value at `place`.
    pub fn value(&self, place: &str, message: impl Into<String>) -> Problem {
        let offset = self.find(place).map_or(0, |found| found.value);
        self.at(offset, place.to_owned(), message.into())
    }

    /// A problem with the key that `place` ends in.
    pub fn key(&self, place: &str, message: impl Into<String>) -> Problem {
        let offset = self.find(place).map_or(0, |found| found.key);
        self.at(offset, place.to_owned(), message.into())
    }

    /// A problem at the `index`th character of the string at `place`.
    pub fn inside(&self, place: &str, index: usize, message: impl Into<String>) -> Problem {
        let offset = self
            .find(place)
            .map_or(0, |found| inside_string(self.text, found.value, index));
        self.at(offset, place.to_owned(), message.into())
    }

    fn at(&self, offset: usize, place: String, message: String) -> Problem {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Problem {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            place: shortened(&place, 300),
            message,
            severity: Severity::Error,
        }
    }

    fn find(&self, place: &str) -> Option<Found> {
        let mut cursor = Cursor {
            text: self.text,
            at: 0,
        };
        cursor.skip_blank();
        let mut key = cursor.at;
        for token in self
            .root
            .split('/')
            .chain(place.split('/'))
            .filter(|token| !token.is_empty())
        {
            key = cursor.enter(&token.replace("~1", "/").replace("~0", "~"))?;
        }
        Some(Found {
            key,
            value: cursor.at,
        })
    }
}

/// Offsets in bytes of a value and of the key before it (for an array item, of the value again).
struct Found {
    key: usize,
    value: usize,
}

/// The first `most` characters of what somebody else wrote, with … where more is left out.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A key as one token of a JSON pointer.
pub(super) fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The `index`th character of the JSON string that starts at `start`, as an offset in bytes.
fn inside_string(text: &str, start: usize, index: usize) -> usize {
    let mut rest = text.get(start + 1..).unwrap_or_default().char_indices();
    for _ in 0..index {
        match rest.next() {
            Some((_, '\\')) => skip_escape(&mut rest),
            Some((_, '"')) | None => return start,
            Some(_) => {}
        }
    }
    rest.next().map_or(start, |(offset, _)| start + 1 + offset)
}

/// Skips what follows a backslash. The two halves of a surrogate pair are one character.
fn skip_escape(rest: &mut std::str::CharIndices<'_>) {
    if !matches!(rest.next(), Some((_, 'u'))) {
        return;
    }
    let digits: String = rest.by_ref().take(4).map(|(_, digit)| digit).collect();
    if matches!(u32::from_str_radix(&digits, 16), Ok(0xD800..0xDC00)) {
        rest.by_ref().take(6).for_each(drop);
    }
}

/// Walks over JSON text that is known to be well formed.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Past `byte` and the blanks around it, if it is next.
    fn accept(&mut self, byte: u8) -> bool {
        self.skip_blank();
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
            self.skip_blank();
        }
        found
    }

    /// Moves to the member or item `token` of the value here; answers where its key stands.
    fn enter(&mut self, token: &str) -> Option<usize> {
        if self.accept(b'{') {
            self.enter_member(token)
        } else {
            self.enter_item(token)
        }
    }

    fn enter_member(&mut self, name: &str) -> Option<usize> {
        while self.peek() == Some(b'"') {
            let start = self.at;
            self.skip_string();
            let key: String = serde_json::from_str(self.text.get(start..self.at)?).ok()?;
            self.accept(b':');
            if key == name {
                return Some(start);
            }
            self.skip_value();
            self.accept(b',');
        }
        None
    }

    fn enter_item(&mut self, token: &str) -> Option<usize> {
        let index: usize = token.parse().ok()?;
        if !self.accept(b'[') {
            return None;
        }
        for _ in 0..index {
            self.skip_value();
            if !self.accept(b',') {
                return None;
            }
        }
        Some(self.at)
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
    }

    fn skip_value(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => self.skip_string(),
                b',' | b'}' | b']' if depth == 0 => return,
                b'{' | b'[' => (depth, self.at) = (depth + 1, self.at + 1),
                b'}' | b']' => (depth, self.at) = (depth - 1, self.at + 1),
                _ => self.at += 1,
            }
            if depth == 0 && matches!(byte, b'"' | b'}' | b']') {
                return;
            }
        }
    }
}

/// Reads JSON and refuses a key that stands twice in one object, where serde_json would quietly
/// take the last. Counts the values, so that no later check is given more than it can bear.
struct Once<'c>(&'c Count);

/// How many values were read, and the most that may be.
struct Count {
    read: Cell<usize>,
    most: usize,
}

impl Once<'_> {
    fn count<E: de::Error>(&self) -> Result<(), E> {
        let Count { read, most } = self.0;
        read.set(read.get() + 1);
        if read.get() > *most {
            return Err(E::custom(format!("it is made of more than {most} values")));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Once<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.count()?;
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once<'_> {
    type Value = Value;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Once(self.0))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if object.contains_key(&key) {
                let key = shortened(&key, 60);
                return Err(de::Error::custom(format!(
                    "the key `{key}` stands here twice"
                )));
            }
            let value = members.next_value_seed(Once(self.0))?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// " (did you mean `x`?)" for the candidate that `word` is probably a misspelling of, else "".
pub(crate) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> String {
    let near = candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .min();
    match near {
        Some((steps, candidate)) if steps <= 1 + candidate.chars().count() / 4 => {
            format!(" (did you mean `{candidate}`?)")
        }
        _ => String::new(),
    }
}

/// How many letters must be added, dropped or replaced to turn one word into the other. Words
/// longer than a key count as far apart.
fn distance(from: &str, to: &str) -> usize {
    if from.len() > 100 || to.len() > 100 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, letter) in from.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (above, other) in row.iter().skip(1).zip(to.chars()) {
            let replaced = diagonal + usize::from(letter != other);
            left = replaced.min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// `a, b or c`, each in quotes of code.
pub(super) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match (quoted.pop(), quoted.is_empty()) {
        (None, _) => "nothing".to_owned(),
        (Some(last), true) => last,
        (Some(last), false) => format!("{} or {last}", quoted.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(text: &str, place: &str) -> (usize, usize) {
        let problem = Source::new("f", text, "").value(place, "x");
        (problem.line, problem.column)
    }

    #[test]
    fn a_problem_points_at_the_value_in_the_authors_own_layout() {
        let text = "{\n  \"a\" : [1, {\"b\\\"\\n\": \"}]\" , \"c\":\n  true}, 3]\n}";
        assert_eq!(place_of(text, ""), (1, 1));
        assert_eq!(place_of(text, "/a"), (2, 9));
        assert_eq!(place_of(text, "/a/1/c"), (3, 3));
        assert_eq!(place_of(text, "/a/2"), (3, 10));
    }

    #[test]
    fn keys_with_slashes_and_tildes_are_found() {
        let text = "{\"x/y~\": {\"k\": 1}}";
        assert_eq!(place_of(text, &format!("/{}/k", token("x/y~"))), (1, 16));
    }

    #[test]
    fn a_place_inside_a_string_counts_escapes_as_one_character() {
        let text = r#"{"when": "a \"b\" \ud83d\ude00 ü c"}"#;
        let decoded = "a \"b\" \u{1f600} ü c";
        let index = decoded.chars().position(|letter| letter == 'c').unwrap();
        let problem = Source::new("f", text, "").inside("/when", index, "x");
        assert_eq!(text.chars().nth(problem.column - 1), Some('c'));
    }

    #[test]
    fn a_key_written_twice_is_refused_with_its_line() {
        let problem = Source::new("f.json", "{\n \"a\": 1,\n \"a\": 2\n}", "")
            .parse()
            .unwrap_err();
        assert_eq!(problem.line, 3);
        assert!(
            problem.message.contains("`a` stands here twice"),
            "{problem}"
        );
    }

    #[test]
    fn malformed_text_names_line_and_column() {
        let problem = Source::new("f.json", "{\n \"ä\": }", "")
            .parse()
            .unwrap_err();
        assert_eq!((problem.line, problem.column), (2, 7));
        assert!(
            problem
                .to_string()
                .starts_with("f.json:2:7: this is not valid JSON: expected")
        );
    }

    #[test]
    fn text_after_the_end_is_refused() {
        assert!(Source::new("f", "{} {}", "").parse().is_err());
    }

    #[test]
    fn very_deep_nesting_and_very_large_texts_are_refused_in_words() {
        let deep = "[".repeat(100_000);
        let problem = Source::new("f", &deep, "").parse().unwrap_err();
        assert!(problem.message.contains("nested too deeply"), "{problem}");
        let large = format!("\"{}\"", "x".repeat(MAX_BYTES));
        let problem = Source::new("f", &large, "").parse().unwrap_err();
        assert!(problem.message.contains("at most 262144"), "{problem}");
    }

    #[test]
    fn a_misspelt_word_is_matched_to_the_one_that_was_meant() {
        let keys = ["approvers", "seats", "needs"];
        assert_eq!(
            did_you_mean("aprovers", keys),
            " (did you mean `approvers`?)"
        );
        assert_eq!(did_you_mean("seat", keys), " (did you mean `seats`?)");
        assert_eq!(did_you_mean("colour", keys), "");
        assert_eq!(did_you_mean(&"x".repeat(5000), keys), "");
    }
}
