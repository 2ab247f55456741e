//! Documents that say rules, and their drafts, as the database has them.
use super::stored::{hash_of, put};
use super::{Key, Snapshot};
use crate::db::schema::{rule_draft_authors, rule_drafts, rule_versions};
use crate::db::{Conn, PersonId};
use crate::error::{Error, Result};
use crate::rules::{Kind, drafts};
use diesel::prelude::*;
use serde_json::json;
use std::collections::HashMap;

type VersionRow = (String, String, i32, String, String, Option<PersonId>);
type DraftRow = (
    String,
    String,
    String,
    i32,
    String,
    String,
    i32,
    Option<PersonId>,
);

fn named(word: &str) -> Result<&'static Kind> {
    let odd = || Error::Corrupt(format!("there are rules of the kind {word}"));
    Kind::of_word(word).ok_or_else(odd)
}

pub(super) fn of_rules(conn: &mut Conn, all: &mut Snapshot) -> Result<()> {
    let rows: Vec<VersionRow> = rule_versions::table
        .select((
            rule_versions::kind,
            rule_versions::key,
            rule_versions::version,
            rule_versions::hash,
            rule_versions::text,
            rule_versions::published_by,
        ))
        .load(conn)?;
    for (kind, key, version, hash, text, by) in rows {
        let key = Key::new(named(&kind)?.word, format!("{key}:{version}"));
        put(all, key, json!({ "hash": hash_of(hash, &text), "by": by }));
    }
    let rows: Vec<(String, PersonId)> = rule_draft_authors::table.load(conn)?;
    let mut authors: HashMap<String, Vec<String>> = HashMap::new();
    for (draft, person) in rows {
        authors.entry(draft).or_default().push(person.to_string());
    }
    let rows: Vec<DraftRow> = rule_drafts::table
        .select((
            rule_drafts::id,
            rule_drafts::kind,
            rule_drafts::key,
            rule_drafts::base,
            rule_drafts::text,
            rule_drafts::state,
            rule_drafts::seen,
            rule_drafts::discarded_by,
        ))
        .load(conn)?;
    for (id, kind, key, base, text, state, seen, discarded_by) in rows {
        let kind = named(&kind)?;
        let mut authors = authors.remove(&id).unwrap_or_default();
        authors.sort();
        let mut fields = json!({
            "base": base, "state": state, "seen": seen, "authors": authors,
            "digest": drafts::digest(&text), "discarded_by": discarded_by,
        });
        if let Some(fields) = fields.as_object_mut() {
            fields.insert(kind.word.to_owned(), key.into());
        }
        put(all, Key::new(kind.draft_word, id), fields);
    }
    Ok(())
}
