//! Names of files as they come, made fit to be shown. Pure.

/// Longest name, in characters.
pub(super) const LONGEST: usize = 120;

/// The last part of a path without what could mislead: no control or direction characters, no
/// signs that a system takes for something else, no dots in front. Empty when nothing is left.
pub(super) fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown = last.chars().filter(|c| !c.is_control() && !is_unseen(*c));
    let shown = shown.map(|c| match c {
        '<' | '>' | ':' | '"' | '|' | '?' | '*' | '%' => '_',
        c if c.is_whitespace() => ' ',
        c => c,
    });
    let words: String = shown.collect();
    let words: Vec<&str> = words.split_whitespace().collect();
    let name = words.join(" ");
    shortened(name.trim_matches(['.', ' ']))
}

/// Characters that turn the direction of text or take no room.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// The part after the last dot, in small letters.
pub(super) fn ending(name: &str) -> Option<String> {
    let (stem, ending) = name.rsplit_once('.')?;
    (!stem.is_empty()).then(|| ending.to_lowercase())
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let ending: String = ending.chars().take(10).collect();
    let room = LONGEST.saturating_sub(ending.chars().count() + 1);
    let stem: String = stem.chars().take(room).collect();
    format!("{stem}.{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_says_nothing_but_a_name() {
        assert_eq!(clean("../../etc/passwd.txt"), "passwd.txt");
        assert_eq!(clean("C:\\Users\\mei\\bias report.pdf"), "bias report.pdf");
        assert_eq!(clean("a\u{202e}fdp.exe"), "afdp.exe");
        assert_eq!(clean("..hidden.pdf"), "hidden.pdf");
        assert_eq!(clean("a\r\nSet-Cookie: x.pdf"), "aSet-Cookie_ x.pdf");
        assert_eq!(clean("///"), "");
        let long = clean(&format!("{}.pdf", "ä".repeat(500)));
        assert_eq!(long.chars().count(), LONGEST);
        assert!(long.ends_with(".pdf"));
    }

    proptest! {
        #[test]
        fn whatever_comes_a_clean_name_is_short_and_stays_as_it_is(name in any::<String>()) {
            let once = clean(&name);
            prop_assert!(once.chars().count() <= LONGEST);
            prop_assert!(!once.contains(['/', '\\', '\0', '\n', '"']));
            prop_assert_eq!(clean(&once), once);
        }
    }
}
