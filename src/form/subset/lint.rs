//! Mistakes that only show when fields, `required` and follow-ups are held together.

use std::collections::BTreeSet;

use super::node::{Problems, note};
use crate::form::{Ask, Field, FollowUp};

pub(super) fn lint(
    fields: &[Field],
    required: &BTreeSet<String>,
    follow_ups: &[FollowUp],
    problems: &mut Problems,
) {
    let named = |name: &String| fields.iter().find(|field| field.name == *name);
    for name in required {
        match named(name).map(|field| field.ask) {
            None => note(
                problems,
                "/required",
                format!("there is no usable field `{name}`"),
            ),
            Some(Ask::First) => {}
            Some(_) => {
                let why = format!("`{name}` is always required, so its `x-ask` is `first`");
                note(problems, "/required", why);
            }
        }
    }
    for (at, follow_up) in follow_ups.iter().enumerate() {
        let place = format!("/allOf/{at}/then/required");
        for name in &follow_up.asks {
            match named(name).map(|field| field.ask) {
                None => note(
                    problems,
                    &place,
                    format!("there is no usable field `{name}`"),
                ),
                Some(Ask::Never) => {
                    note(
                        problems,
                        &place,
                        format!("`{name}` is never asked by its `x-ask`"),
                    );
                }
                Some(_) => {}
            }
        }
    }
    let is_asked = |name: &String| {
        follow_ups
            .iter()
            .any(|follow_up| follow_up.asks.contains(name))
    };
    for field in fields
        .iter()
        .filter(|f| f.ask == Ask::FollowUp && !is_asked(&f.name))
    {
        let why = "no `then` asks for it: give it `x-ask` `first` or `never`, or a follow-up";
        note(problems, &format!("/properties/{}", field.name), why);
    }
    for (field, next) in fields.iter().zip(fields.iter().skip(1)) {
        if (&field.section, field.order) == (&next.section, next.order) {
            let why = format!("`{}` has the same `x-order` in its section", field.name);
            note(problems, &format!("/properties/{}", next.name), why);
        }
    }
}
