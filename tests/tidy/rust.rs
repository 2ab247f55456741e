//! As much of Rust's grammar as the rules need: what is code, where functions and test modules
//! end, which paths a file names.

use std::ops::Range;

/// The source with comments and the insides of strings and character literals blanked out.
/// Every line and column stays where it was.
pub fn code_only(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut code = chars.clone();
    let mut at = 0;
    while at < chars.len() {
        let end = literal_or_comment(&chars, at);
        for place in &mut code[at..end] {
            if *place != '\n' {
                *place = ' ';
            }
        }
        at = end.max(at + 1);
    }
    code.into_iter().collect()
}

/// Where the comment or literal that starts at `at` ends; `at` itself when none starts there.
fn literal_or_comment(chars: &[char], at: usize) -> usize {
    let starts = |text: &str| {
        text.chars()
            .enumerate()
            .all(|(i, c)| chars.get(at + i) == Some(&c))
    };
    if starts("//") {
        return (at..chars.len())
            .find(|&i| chars[i] == '\n')
            .unwrap_or(chars.len());
    }
    if starts("/*") {
        return block_comment(chars, at);
    }
    if starts("'") && (chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\'')) {
        return quoted(chars, at + 1, '\'');
    }
    if at > 0 && is_word(chars[at - 1]) {
        return at;
    }
    for prefix in ["br", "cr", "r", "b", "c", ""] {
        if !starts(prefix) {
            continue;
        }
        let open = at + prefix.len();
        let hashes = chars[open..].iter().take_while(|&&c| c == '#').count();
        if prefix.ends_with('r') && chars.get(open + hashes) == Some(&'"') {
            return raw_string(chars, open + hashes + 1, hashes);
        }
        if !prefix.ends_with('r') && chars.get(open) == Some(&'"') {
            return quoted(chars, open + 1, '"');
        }
    }
    at
}

fn block_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

fn raw_string(chars: &[char], start: usize, hashes: usize) -> usize {
    let closes = |at: usize| {
        chars[at] == '"'
            && chars[at + 1..]
                .iter()
                .take(hashes)
                .filter(|&&c| c == '#')
                .count()
                == hashes
    };
    let end = (start..chars.len()).find(|&at| closes(at));
    end.map_or(chars.len(), |at| at + 1 + hashes)
}

fn quoted(chars: &[char], start: usize, quote: char) -> usize {
    let mut at = start;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The first word at or after a byte, and where it starts.
fn next_word(code: &str, from: usize) -> Option<(usize, &str)> {
    let start = from + code[from..].find(is_word)?;
    let end = code[start..]
        .find(|c| !is_word(c))
        .map_or(code.len(), |length| start + length);
    Some((start, &code[start..end]))
}

/// The line, from 1, on which a byte of the text stands.
pub fn line_of(text: &str, byte: usize) -> usize {
    text[..byte].matches('\n').count() + 1
}

/// The byte after the brace that closes the one at `open`.
fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at + 1;
        }
    }
    code.len()
}

/// Name, first byte and number of lines of each function that has a body.
pub fn functions(code: &str) -> Vec<(&str, usize, usize)> {
    let mut functions = Vec::new();
    let mut at = 0;
    while let Some((start, word)) = next_word(code, at) {
        at = start + word.len();
        // A function's name follows; that of a type, `fn(u8)`, does not.
        let named = code[at..].starts_with(char::is_whitespace);
        if word == "fn" && named && code[at..].trim_start().starts_with(is_word) {
            let name = next_word(code, at).map_or("", |(_, name)| name);
            let open = body(code, at);
            let lines = |open| code[start..closing(code, open)].matches('\n').count() + 1;
            functions.extend(open.map(|open| (name, start, lines(open))));
        }
    }
    functions
}

/// The brace that opens a function's body; none for a declaration, which ends in a semicolon.
fn body(code: &str, from: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in code[from..].char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(from + at),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// The bytes of what is compiled for tests only.
pub fn test_parts(code: &str) -> Vec<Range<usize>> {
    const MARK: &str = "#[cfg(test)]";
    let marks = code.match_indices(MARK);
    let parts = marks.filter_map(|(at, _)| Some(at..closing(code, body(code, at + MARK.len())?)));
    parts.collect()
}

/// Every path of two segments or more in the code, and every path a `use` names, with its byte.
/// `use a::{b, c::d}` names `a::b` and `a::c::d`; `self` and `super` are resolved from `module`.
pub fn paths(code: &str, module: &[String]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((start, word)) = next_word(code, at) {
        let after = start + word.len();
        // `use<'a>` in a type names lifetimes and imports nothing.
        if word == "use" && !code[after..].trim_start().starts_with('<') {
            at = code[after..]
                .find(';')
                .map_or(code.len(), |length| after + length);
            expand(&code[after..at], after, "", &mut found);
        } else {
            at = path_end(code, start);
            let path: String = code[start..at].split_whitespace().collect();
            if path.contains("::") {
                found.push((start, path));
            }
        }
    }
    for (_, path) in &mut found {
        *path = resolve(path, module);
    }
    found
}

fn path_end(code: &str, start: usize) -> usize {
    let mut end = start;
    loop {
        end += code[end..]
            .find(|c| !is_word(c))
            .unwrap_or(code.len() - end);
        let rest = code[end..].trim_start();
        let Some(next) = rest.strip_prefix("::").map(str::trim_start) else {
            return end;
        };
        if !next.starts_with(is_word) {
            return end;
        }
        end = code.len() - next.len();
    }
}

/// Adds the full path of every leaf of a use tree that starts at `byte`.
fn expand(tree: &str, byte: usize, prefix: &str, leaves: &mut Vec<(usize, String)>) {
    for (offset, branch) in branches(tree) {
        let start = byte + offset + (branch.len() - branch.trim_start().len());
        let branch = branch.trim();
        if let Some((head, group)) = branch.split_once('{') {
            let prefix = format!("{prefix}{}", head.split_whitespace().collect::<String>());
            let inside = group.rsplit_once('}').map_or(group, |(inside, _)| inside);
            expand(inside, start + head.len() + 1, &prefix, leaves);
        } else if !branch.is_empty() {
            let name = branch.split(" as ").next().unwrap_or_default();
            leaves.push((
                start,
                format!("{prefix}{}", name.replace(char::is_whitespace, "")),
            ));
        }
    }
}

/// The parts of a list between commas that stand in no inner braces, each with its offset.
fn branches(tree: &str) -> Vec<(usize, &str)> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push((start, &tree[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push((start, &tree[start..]));
    parts
}

fn resolve(path: &str, module: &[String]) -> String {
    let path = path.trim_start_matches("::").trim_end_matches("::self");
    let mut base = module.to_vec();
    let mut relative = false;
    let mut rest = path.split("::").peekable();
    while let Some(&segment) = rest.peek() {
        match segment {
            "self" => relative = true,
            "super" => {
                relative = true;
                base.pop();
            }
            _ => break,
        }
        rest.next();
    }
    let rest: Vec<&str> = rest.collect();
    if !relative {
        return path.to_owned();
    }
    base.iter()
        .map(String::as_str)
        .chain(rest)
        .collect::<Vec<_>>()
        .join("::")
}

/// The module a source file is: `src/review/store.rs` is `crate::review::store`.
pub fn module_of(path: &str) -> Vec<String> {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
    let segments = inside
        .split('/')
        .filter(|part| !["mod", "lib", "main"].contains(part));
    std::iter::once("crate")
        .chain(segments)
        .map(str::to_owned)
        .collect()
}
