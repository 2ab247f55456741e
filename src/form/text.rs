//! What text may hold, and how it is made tidy.

/// Why a text cannot be kept, as the end of a sentence; `None` when it can.
///
/// Refused are characters that nobody can see and that make a page or a mail read differently
/// from what was typed: control characters and overrides of the writing direction.
pub(super) fn fault(text: &str, many_lines: bool) -> Option<String> {
    if !many_lines && text.contains('\n') {
        return Some("must be on one line".into());
    }
    let unseen = text.chars().find(|c| is_unseen(*c))?;
    Some(format!(
        "contains a character that cannot be shown (U+{:04X})",
        u32::from(unseen)
    ))
}

fn is_unseen(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// What a person wrote outside of any form, such as a reason: line ends become LF, the ends are
/// trimmed, and characters that nobody can see are left out.
pub fn plain(text: &str) -> String {
    let seen: String = tidy(text, true)
        .chars()
        .filter(|c| !is_unseen(*c))
        .collect();
    seen.trim().to_owned()
}

/// Line ends become LF, the ends are trimmed, and one line stays one line.
pub(super) fn tidy(text: &str, many_lines: bool) -> String {
    if many_lines {
        return text
            .replace("\r\n", "\n")
            .replace('\r', "\n")
            .trim()
            .to_owned();
    }
    let joined = text.replace(['\r', '\n', '\t'], " ");
    if joined == text {
        text.trim().to_owned()
    } else {
        squeezed(&joined)
    }
}

fn squeezed(text: &str) -> String {
    text.split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_owned()
}

/// At most `most` characters, with an ellipsis when something was left out.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text.to_owned(),
    }
}

/// `customer_chat` as words: “Customer chat”.
pub(super) fn words_of(value: &str) -> String {
    let spaced = value.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

/// A whole number with its thousands apart: `12,000`.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if number < 0 {
        format!("-{grouped}")
    } else {
        grouped
    }
}

/// The whole number that a person typed: `12000`, `12,000`, `12 000`, `12'000` or `-5`.
pub(super) fn whole_number(typed: &str) -> Option<i64> {
    let (negative, digits) = match typed.trim().strip_prefix(['-', '−']) {
        Some(rest) => (true, rest),
        None => (false, typed.trim()),
    };
    let gap = |c: char| {
        matches!(
            c,
            ',' | ' ' | '\'' | '’' | '\u{a0}' | '\u{202f}' | '\u{2009}'
        )
    };
    let groups: Vec<&str> = digits.split(gap).collect();
    let numeric = groups
        .iter()
        .all(|group| group.chars().all(|c| c.is_ascii_digit()));
    let leading = groups.first().map_or(0, |group| group.len());
    let in_threes = groups.iter().skip(1).all(|group| group.len() == 3);
    let whole = groups.len() == 1 || (leading <= 3 && in_threes);
    if !numeric || leading == 0 || !whole {
        return None;
    }
    let number = groups.concat().parse::<i64>().unwrap_or(i64::MAX);
    Some(if negative {
        number.saturating_neg()
    } else {
        number
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_understood_as_people_write_it_and_never_guessed() {
        for (typed, number) in [
            ("12000", 12000),
            (" 12,000 ", 12000),
            ("1 200 000", 1_200_000),
            ("-5", -5),
        ] {
            assert_eq!(whole_number(typed), Some(number), "{typed}");
        }
        for typed in [
            "", "-", "12.5", "1,5", "1,20,000", "12e3", "0x10", "٣", "--1", "1,", ",100",
        ] {
            assert_eq!(whole_number(typed), None, "{typed}");
        }
        assert_eq!(whole_number("99999999999999999999999"), Some(i64::MAX));
    }

    #[test]
    fn text_that_reads_differently_from_what_it_is_cannot_be_kept() {
        assert!(fault("a\0b", true).is_some());
        assert!(fault("safe\u{202e}gpj.exe", true).is_some());
        assert_eq!(
            fault("two\nlines", false).as_deref(),
            Some("must be on one line")
        );
        assert_eq!(fault("two\nlines, a tab\t, 日本 👍 e\u{301}", true), None);
    }

    #[test]
    fn windows_line_ends_become_line_feeds_and_one_line_stays_one_line() {
        assert_eq!(tidy("  a\r\nb\rc \r\n", true), "a\nb\nc");
        assert_eq!(tidy(" a\r\n  b\tc ", false), "a b c");
        assert_eq!(tidy(" two  spaces ", false), "two  spaces");
    }

    #[test]
    fn numbers_are_shown_with_their_thousands_apart() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(-1_234_567), "-1,234,567");
        assert_eq!(grouped(999), "999");
    }
}
