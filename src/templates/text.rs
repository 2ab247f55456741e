//! Plain text that is safe to put into mails: no hidden characters, no long lines.

/// Longest line of a plain text mail, in characters.
pub const LINE_MAX: usize = 76;

/// One line of text: control characters, line breaks and direction overrides become spaces, so
/// that what somebody typed can neither forge a line of a mail nor a header.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if is_hidden(c) { ' ' } else { c })
        .collect()
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}')
}

/// A header's worth of text: one line, single spaces.
pub fn header(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A mail's text with lines of at most [`LINE_MAX`] characters and never two blank lines in a
/// row. A word that is longer, such as a link, keeps a line of its own.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + text.len() / 16);
    let mut blank = true;
    for line in text.lines() {
        let is_blank = line.trim().is_empty();
        if is_blank && blank {
            continue;
        }
        blank = is_blank;
        fold_line(line.trim_end(), &mut folded);
    }
    folded.truncate(folded.trim_end().len());
    folded.push('\n');
    folded
}

fn fold_line(line: &str, folded: &mut String) {
    let body = line.trim_start();
    let indent = line.len() - body.len();
    let hanging = if body.starts_with("- ") {
        indent + 2
    } else {
        indent
    };
    let mut width = indent;
    folded.extend(std::iter::repeat_n(' ', indent));
    for (at, word) in body.split_whitespace().enumerate() {
        let length = word.chars().count();
        if at > 0 && width + 1 + length > LINE_MAX {
            folded.push('\n');
            folded.extend(std::iter::repeat_n(' ', hanging));
            width = hanging;
        } else if at > 0 {
            folded.push(' ');
            width += 1;
        }
        folded.push_str(word);
        width += length;
    }
    folded.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_cannot_add_a_header_or_turn_the_line_around() {
        let hostile = "Summaries\r\nBcc: all@example.org\u{202e}gnp.exe\u{200b}";
        assert_eq!(header(hostile), "Summaries Bcc: all@example.org gnp.exe");
    }

    #[test]
    fn long_lines_are_folded_between_words_and_lists_hang() {
        let text = format!("- {}\n", "wort ".repeat(40));
        let folded = fold(&text);
        assert!(folded.lines().all(|line| line.chars().count() <= LINE_MAX));
        assert!(
            folded
                .lines()
                .skip(1)
                .all(|line| line.starts_with("  wort"))
        );
    }

    #[test]
    fn a_link_stays_whole_even_when_it_is_longer_than_a_line() {
        let link = format!("https://register.harbour.example/s/{}", "a".repeat(90));
        assert!(
            fold(&format!("Open {link} now"))
                .lines()
                .any(|line| line == link)
        );
    }

    #[test]
    fn blank_lines_that_a_missing_part_leaves_are_closed_up() {
        assert_eq!(fold("\n\nOne\n\n\n\nTwo\n\n"), "One\n\nTwo\n");
    }
}
