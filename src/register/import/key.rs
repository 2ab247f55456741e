//! Keys: how a row of today's export is recognised as the record of the last one.
//!
//! A key is `source:a|b` from the cells of the mapping's key columns. Many registers have no
//! number for their rows, and two rows may have the same cells there: with
//! `"repeated_keys": "number"` the second is `source:a|b|#2`. The numbers come from the order in
//! the file at first; [`settle_repeats`] then keeps them with the rows they belonged to.

use std::collections::HashMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::rows::Mapped;
use super::text::collapse;

/// Longer keys are cut and end in a digest, so that they fit into a database index.
const LONGEST: usize = 400;

/// The key of these cells; none when all of them are empty.
pub(crate) fn key<'a>(source: &str, cells: impl Iterator<Item = &'a str>) -> Option<String> {
    let parts: Vec<String> = cells.map(collapse).collect();
    if parts.iter().all(String::is_empty) {
        return None;
    }
    let escape = |part: &String| part.replace('\\', "\\\\").replace('|', "\\|");
    let joined = parts.iter().map(escape).collect::<Vec<_>>().join("|");
    if joined.chars().count() <= LONGEST {
        return Some(format!("{source}:{joined}"));
    }
    let head: String = joined.chars().take(LONGEST - 40).collect();
    let digest = hex::encode(Sha256::digest(joined.as_bytes()));
    let digest: String = digest.chars().take(32).collect();
    Some(format!("{source}:{head}…{digest}"))
}

/// The key of the `number`-th row among those of the same cells.
pub(crate) fn numbered(group: &str, number: u64) -> String {
    if number <= 1 {
        group.to_owned()
    } else {
        format!("{group}|#{number}")
    }
}

/// Gives rows of the same cells the keys they had at the last import, however the file has been
/// sorted since: first to the rows whose document is unchanged, then to the others in the order of
/// the file. `held(key, document)` says whether the register knows the key, and if so, whether the
/// document last imported under it is this one.
pub fn settle_repeats(rows: &mut [Mapped], held: &dyn Fn(&str, &Value) -> Option<bool>) {
    let mut groups: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        groups.entry(row.group.as_str()).or_default().push(place);
    }
    let mut numbers = Vec::new();
    for (group, places) in &groups {
        numbers.extend(settle_group(group, places, rows, held));
    }
    for (place, number) in numbers {
        if let Some(row) = rows.get_mut(place) {
            row.key = numbered(&row.group, number);
        }
    }
}

/// Which row gets which number.
fn settle_group(
    group: &str,
    places: &[usize],
    rows: &[Mapped],
    held: &dyn Fn(&str, &Value) -> Option<bool>,
) -> Vec<(usize, u64)> {
    let is_held = |number: u64, row: &Mapped| held(&numbered(group, number), &row.document);
    let mut waiting: Vec<usize> = places.to_vec();
    let mut settled = Vec::new();
    let mut free = Vec::new();
    let mut number = 1;
    while let Some(row) = places.first().and_then(|place| rows.get(*place)) {
        if is_held(number, row).is_none() {
            break;
        }
        let same = |place: &usize| {
            rows.get(*place)
                .is_some_and(|row| is_held(number, row) == Some(true))
        };
        match waiting.iter().position(same) {
            Some(index) => settled.push((waiting.remove(index), number)),
            None => free.push(number),
        }
        number += 1;
    }
    settled.extend(waiting.into_iter().zip(free.into_iter().chain(number..)));
    settled
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(line: u64, number: u64, purpose: &str) -> Mapped {
        let document = json!({ "title": "Chatbot", "purpose": purpose });
        let group = "s:Chatbot".to_owned();
        let (key, title) = (numbered(&group, number), "Chatbot".to_owned());
        Mapped {
            line,
            key,
            group,
            title,
            document,
            problems: vec![],
            set_aside: vec![],
        }
    }

    fn settled(mut rows: Vec<Mapped>, held: &[(&str, &str)]) -> Vec<String> {
        settle_repeats(&mut rows, &|key, document| {
            let known = held.iter().find(|(name, _)| *name == key);
            known.map(|(_, purpose)| document["purpose"] == *purpose)
        });
        rows.into_iter().map(|row| row.key).collect()
    }

    const HELD: [(&str, &str); 2] = [("s:Chatbot", "mail"), ("s:Chatbot|#2", "phone")];

    #[test]
    fn a_file_that_was_sorted_anew_changes_nothing() {
        let keys = settled(vec![row(2, 1, "phone"), row(3, 2, "mail")], &HELD);
        assert_eq!(keys, ["s:Chatbot|#2", "s:Chatbot"]);
    }

    #[test]
    fn an_edited_row_keeps_its_key_and_a_new_one_gets_the_next() {
        let rows = vec![
            row(2, 1, "new"),
            row(3, 2, "phone"),
            row(4, 3, "mail, edited"),
        ];
        assert_eq!(
            settled(rows, &HELD),
            ["s:Chatbot", "s:Chatbot|#2", "s:Chatbot|#3"]
        );
        let rows = vec![row(2, 1, "mail, edited"), row(3, 2, "phone")];
        assert_eq!(settled(rows, &HELD), ["s:Chatbot", "s:Chatbot|#2"]);
    }

    #[test]
    fn when_the_first_of_two_is_gone_the_second_stays_the_second() {
        assert_eq!(settled(vec![row(2, 1, "phone")], &HELD), ["s:Chatbot|#2"]);
        let rows = vec![row(2, 1, "a"), row(3, 2, "b")];
        assert_eq!(settled(rows, &[]), ["s:Chatbot", "s:Chatbot|#2"]);
    }

    #[test]
    fn cells_with_bars_cannot_pretend_to_be_another_key() {
        let of = |cells: &[&str]| key("s", cells.iter().copied()).unwrap();
        assert_ne!(of(&["a|b", "c"]), of(&["a", "b|c"]));
        assert_ne!(of(&["a|#2"]), numbered(&of(&["a"]), 2));
        assert_ne!(of(&["a\\", "b"]), of(&["a\\|b"]));
        assert_eq!(of(&["a \n b", ""]), "s:a b|");
        assert_eq!(key("s", [" ", ""].into_iter()), None);
    }

    #[test]
    fn very_long_cells_make_short_keys_that_still_differ() {
        let of = |end: &str| {
            key(
                "s",
                [format!("{}{end}", "x".repeat(9_000)).as_str()].into_iter(),
            )
        };
        assert!(of("1").unwrap().chars().count() <= LONGEST + 2);
        assert_ne!(of("1"), of("2"));
    }
}
