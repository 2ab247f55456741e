//! As much of HTML and handlebars as the rules need: tags and their attributes.

/// An attribute as written. `quoted` is false for `name=value` and true for a bare `name`.
#[derive(Debug, PartialEq)]
pub struct Attribute {
    pub line: usize,
    pub tag: String,
    pub name: String,
    pub value: String,
    pub quoted: bool,
}

/// A start tag and its attributes.
#[derive(Debug)]
pub struct Tag {
    pub line: usize,
    pub name: String,
    pub attributes: Vec<Attribute>,
}

/// The start tags of a template. Comments, text and expressions between tags are passed over.
pub fn tags(template: &str) -> Vec<Tag> {
    let mut reader = Reader {
        text: template,
        at: 0,
    };
    let mut tags = Vec::new();
    while !reader.rest().is_empty() {
        if reader.skip_expression() || reader.skip_between("<!--", "-->") {
            continue;
        }
        let opens = reader.rest().starts_with('<');
        reader.step();
        if opens && reader.rest().starts_with(|c: char| c.is_ascii_alphabetic()) {
            tags.push(reader.tag());
        }
    }
    tags
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn line(&self) -> usize {
        self.text[..self.at].matches('\n').count() + 1
    }

    fn step(&mut self) {
        self.at += self.rest().chars().next().map_or(0, char::len_utf8);
    }

    fn skip_between(&mut self, open: &str, close: &str) -> bool {
        if !self.rest().starts_with(open) {
            return false;
        }
        let length = self
            .rest()
            .find(close)
            .map_or(self.rest().len(), |end| end + close.len());
        self.at += length;
        true
    }

    /// Passes over `{{…}}`, whose quotes and angle brackets are handlebars' own.
    fn skip_expression(&mut self) -> bool {
        self.skip_between("{{!--", "--}}") || self.skip_between("{{", "}}")
    }

    /// Takes characters until one of `stops` outside an expression.
    fn until(&mut self, stops: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while self.rest().chars().next().is_some_and(|c| !stops(c)) {
            if !self.skip_expression() {
                self.step();
            }
        }
        self.text[start..self.at].to_owned()
    }

    fn tag(&mut self) -> Tag {
        let line = self.line();
        let name = self
            .until(|c| c.is_whitespace() || "/>".contains(c))
            .to_ascii_lowercase();
        let mut attributes = Vec::new();
        while let Some(c) = self.rest().chars().next() {
            match c {
                '>' => break,
                _ if c.is_whitespace() || c == '/' => self.step(),
                _ if self.skip_expression() => {}
                _ => attributes.push(self.attribute(&name)),
            }
        }
        Tag {
            line,
            name,
            attributes,
        }
    }

    fn attribute(&mut self, tag: &str) -> Attribute {
        let line = self.line();
        let start = self.at;
        let name = self
            .until(|c| c.is_whitespace() || "=/>".contains(c))
            .to_ascii_lowercase();
        if self.at == start {
            self.step(); // a stray sign, such as `=`, is no name: do not stand still
        }
        let (mut value, mut quoted) = (String::new(), true);
        if self.rest().starts_with('=') {
            self.step();
            let quote = self.rest().chars().next().filter(|c| "\"'".contains(*c));
            if let Some(quote) = quote {
                self.step();
                value = self.until(|c| c == quote);
                self.step();
            } else {
                quoted = false;
                value = self.until(|c| c.is_whitespace() || c == '>');
            }
        }
        Attribute {
            line,
            tag: tag.to_owned(),
            name,
            value,
            quoted,
        }
    }
}
