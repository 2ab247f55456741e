//! Small helpers for text as people type it into spreadsheets.

/// Signs that take no room and that nobody sees: byte order marks and zero-width spaces.
fn is_unseen(sign: char) -> bool {
    matches!(sign, '\u{feff}' | '\u{200b}' | '\u{2060}')
}

/// True when a reader of the cell would see nothing in it.
pub(crate) fn is_empty(text: &str) -> bool {
    text.chars()
        .all(|sign| sign.is_whitespace() || is_unseen(sign))
}

/// One line: every run of white space, no-break spaces and line ends included, becomes one space.
pub(crate) fn collapse(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let length = line.len();
        if length > 0 {
            line.push(' ');
        }
        let start = line.len();
        line.extend(word.chars().filter(|sign| !is_unseen(*sign)));
        if line.len() == start {
            line.truncate(length);
        }
    }
    line
}

/// How two wordings are compared: white space collapsed, upper and lower case alike.
pub(crate) fn fold(text: &str) -> String {
    collapse(text).to_lowercase()
}

/// The cell as it is kept: line ends become LF, no-break spaces become spaces, the ends are
/// trimmed, and control characters are left out. The second value says whether there were any.
pub(crate) fn clean(cell: &str) -> (String, bool) {
    let mut text = String::with_capacity(cell.len());
    let mut controls = false;
    let mut signs = cell.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '\r' => {
                signs.next_if_eq(&'\n');
                text.push('\n');
            }
            '\n' | '\t' => text.push(sign),
            '\u{a0}' | '\u{202f}' => text.push(' '),
            _ if sign.is_control() => controls = true,
            _ if is_unseen(sign) => {}
            _ => text.push(sign),
        }
    }
    let trimmed = text.trim();
    if trimmed.len() < text.len() {
        text = trimmed.to_owned();
    }
    (text, controls)
}

/// At most `limit` characters on one line; what was cut off is marked with `…`.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    let head: String = text.chars().take(limit.saturating_mul(4)).collect();
    let line = collapse(&head);
    if line.chars().count() <= limit && head.len() == text.len() {
        return line;
    }
    let mut short: String = line.chars().take(limit.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// The candidate that somebody probably meant, if one is close enough.
pub(crate) fn meant<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = fold(word);
    let allowed = (word.chars().count() / 3).clamp(1, 6);
    known
        .into_iter()
        .filter(|candidate| candidate.len() < 4_000 && word.len() < 4_000)
        .map(|candidate| (distance(&word, &fold(candidate)), candidate))
        .filter(|(steps, _)| *steps <= allowed)
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, candidate)| candidate)
}

/// ` Did you mean “…”?`, or nothing.
pub(crate) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match meant(word, known) {
        Some(candidate) => format!(" Did you mean “{}”?", shorten(candidate, 80)),
        None => String::new(),
    }
}

/// Typing steps (insert, delete, replace one sign) from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut steps: Vec<usize> = (0..=to.len()).collect();
    for (row, sign) in from.chars().enumerate() {
        let mut diagonal = row;
        let mut left = row + 1;
        let mut next = vec![left];
        for (other, above) in to.iter().zip(steps.iter().skip(1)) {
            let replaced = diagonal + usize::from(sign != *other);
            diagonal = *above;
            left = replaced.min(left + 1).min(*above + 1);
            next.push(left);
        }
        steps = next;
    }
    steps.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_break_spaces_and_line_ends_do_not_make_two_wordings_different() {
        assert_eq!(
            fold(" Yes\u{a0}–\r\n by  the\tCAIO\u{200b} "),
            "yes – by the caio"
        );
        assert_eq!(collapse("\u{feff}\u{200b} a \u{200b} b"), "a b");
    }

    #[test]
    fn a_kept_cell_has_plain_line_ends_and_no_control_characters() {
        assert_eq!(
            clean(" a\r\nb\rc\u{0}\u{85} "),
            ("a\nb\nc".to_owned(), true)
        );
        assert_eq!(clean("\u{a0}plain\u{a0}"), ("plain".to_owned(), false));
    }

    #[test]
    fn a_long_value_is_shown_by_its_beginning() {
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("a\nb", 4), "a b");
        assert_eq!(shorten(&"é".repeat(90), 80).chars().count(), 80);
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_another_word_is_not() {
        assert_eq!(meant("lifecyle", ["title", "lifecycle"]), Some("lifecycle"));
        assert_eq!(meant("vendor", ["title", "lifecycle"]), None);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
