//! How far the erasure of a person reaches.
//!
//! Every value beside entries that the person made or that are about them; the texts of conditions
//! alone bind others and go only where they mention the person. Every other value that mentions
//! their address or full name. Every revision that does. Reasons of erasures and holds account for
//! what was done and stay, unless they mention the person.
use super::mention::Mention;
use crate::db::schema::{
    ledger_index, ledger_private, rule_drafts, rule_versions, workflow_drafts, workflows,
};
use crate::db::{Conn, PersonId, RecordId, lower};
use crate::error::Result;
use crate::ledger::PrivateValue;
use crate::people::Person;
use crate::register::{self, Redaction};
use crate::rules;
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What erasing a person would take away.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Values beside entries.
    pub values: Vec<PrivateValue>,
    /// Revisions that mention the person.
    pub revisions: Vec<Redaction>,
    /// What mentions the person and stays.
    pub remains: Remains,
    /// The records that it touches.
    pub(super) records: BTreeSet<RecordId>,
    /// The people whose own statements it touches.
    pub(super) people: BTreeSet<PersonId>,
    pub(super) mention: Mention,
}

/// What mentions the person and cannot be changed: published rules whose hash stands in entries.
/// The keeper publishes a version without the address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remains {
    /// Versions of workflows and data-use policies, as `key version 3`.
    pub workflows: Vec<String>,
    /// Keys of workflows and data-use policies with a draft.
    pub drafts: Vec<String>,
}

/// What is kept of an entry beside it, with whom and what it concerns.
type Row = (
    i64,
    String,
    String,
    String,
    Option<PersonId>,
    Option<PersonId>,
    Option<RecordId>,
);

/// What erasing this person would take away now.
///
/// # Errors
/// When the database fails.
pub fn reach(conn: &mut Conn, person: &Person) -> Result<Reach> {
    let mention = Mention::of(&person.email, &person.name);
    let mut rows: BTreeMap<(i64, String), Row> = BTreeMap::new();
    for row in theirs(conn, person.id)? {
        let (_, name, value, kind, ..) = &row;
        let accounts = ["erasure.", "hold.", "retention.", "person.erased"];
        let stays = name.starts_with("condition_") || accounts.iter().any(|a| kind.starts_with(a));
        if !stays || mention.is_in(value) {
            rows.insert((row.0, row.1.clone()), row);
        }
    }
    for row in mentioning(conn, &mention)? {
        // A namesake keeps their own name.
        let (_, name, value, kind, ..) = &row;
        let namesake = kind == "person.added" && (name == "name" || name == "email");
        if !namesake && mention.is_in(value) {
            rows.insert((row.0, row.1.clone()), row);
        }
    }
    let needles = mention.needles();
    let revisions = register::redactions(conn, &needles, |doc| mention.without_in(doc))?;
    let mut records: BTreeSet<RecordId> = rows.values().filter_map(|row| row.6).collect();
    records.extend(revisions.iter().map(|revision| revision.record));
    let people = rows.values().flat_map(|row| [row.4, row.5]).flatten();
    Ok(Reach {
        people: people.collect(),
        values: rows.into_keys().collect(),
        remains: remains(conn, &mention)?,
        revisions,
        records,
        mention,
    })
}

macro_rules! values {
    () => {
        ledger_private::table
            .inner_join(ledger_index::table)
            .select((
                ledger_private::seq,
                ledger_private::name,
                ledger_private::value,
                ledger_index::kind,
                ledger_index::actor_id,
                ledger_index::person_id,
                ledger_index::record_id,
            ))
    };
}

fn theirs(conn: &mut Conn, person: PersonId) -> Result<Vec<Row>> {
    let id = person.to_string();
    let by_or_about = ledger_index::actor_id
        .eq(id.clone())
        .or(ledger_index::person_id.eq(id));
    Ok(values!().filter(by_or_about).load(conn)?)
}

fn mentioning(conn: &mut Conn, mention: &Mention) -> Result<Vec<Row>> {
    let mut found = Vec::new();
    for needle in mention.needles() {
        let pattern = crate::db::containing(&needle);
        let rows = values!().filter(lower(ledger_private::value).like(pattern).escape('!'));
        found.extend(rows.load::<Row>(conn)?);
    }
    Ok(found)
}

fn remains(conn: &mut Conn, mention: &Mention) -> Result<Remains> {
    let mut remains = Remains::default();
    for needle in mention.needles() {
        let pattern = crate::db::containing(&needle);
        let versions: Vec<(String, i32)> = workflows::table
            .filter(lower(workflows::text).like(&pattern).escape('!'))
            .select((workflows::key, workflows::version))
            .order((workflows::key, workflows::version))
            .load(conn)?;
        let told = versions.into_iter();
        let told = told.map(|(key, version)| format!("{key} version {version}"));
        remains.workflows.extend(told);
        let versions: Vec<(String, String, i32)> = rule_versions::table
            .filter(lower(rule_versions::text).like(&pattern).escape('!'))
            .select((
                rule_versions::kind,
                rule_versions::key,
                rule_versions::version,
            ))
            .order((
                rule_versions::kind,
                rule_versions::key,
                rule_versions::version,
            ))
            .load(conn)?;
        let told = versions.into_iter().map(|(word, key, version)| {
            let title = rules::Kind::of_word(&word).map_or("rules", |kind| kind.title);
            format!("{title} {key} version {version}")
        });
        remains.workflows.extend(told);
        let drafts = rule_drafts::table
            .filter(lower(rule_drafts::text).like(&pattern).escape('!'))
            .select(rule_drafts::key)
            .order(rule_drafts::key)
            .distinct();
        remains.drafts.extend(drafts.load::<String>(conn)?);
        let drafts = workflow_drafts::table
            .filter(lower(workflow_drafts::text).like(&pattern).escape('!'))
            .select(workflow_drafts::key)
            .order(workflow_drafts::key)
            .distinct();
        remains.drafts.extend(drafts.load::<String>(conn)?);
    }
    remains.workflows.sort();
    remains.workflows.dedup();
    remains.drafts.sort();
    remains.drafts.dedup();
    Ok(remains)
}
