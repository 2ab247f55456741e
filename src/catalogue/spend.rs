//! Money that is spent twice: tools of the same sort or vendor that are all paid for.
use crate::catalogue::tools::{self, Within};
use crate::db::Conn;
use crate::db::schema::records;
use crate::error::Result;
use crate::register::{self, Record};
use crate::review::Desk;
use diesel::prelude::*;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// Tools of one vendor or one sort that cost something.
#[derive(Debug, Clone, Serialize)]
pub struct Spend {
    /// What they have in common.
    pub what: String,
    /// What they cost together, in euros a year.
    pub total: i64,
    /// The tools, the dearest first.
    pub tools: Vec<Costly>,
}

/// A tool and its cost.
#[derive(Debug, Clone, Serialize)]
pub struct Costly {
    /// Reference of its record.
    pub reference: String,
    /// What it is called.
    pub title: String,
    /// Euros a year.
    pub cost_eur_per_year: i64,
    /// How many licences there are.
    pub licences: Option<i64>,
}

/// Groups of two and more tools of the same sort, then of the same vendor, that are paid for; the
/// dearest groups first.
///
/// # Errors
/// When the database fails.
pub fn spend(conn: &mut Conn, desk: &Desk, within: &Within) -> Result<Vec<Spend>> {
    let all: Vec<Record> = records::table
        .filter(records::kind.eq("tool"))
        .select(Record::as_select())
        .load(conn)?;
    let seen = within
        .as_ref()
        .map(|(units, _)| register::of_units(conn, units))
        .transpose()?;
    let person = within.as_ref().map(|(_, person)| *person);
    let visible = |record: &&Record| {
        let own = person.is_some() && (record.owner_id == person || record.submitter_id == person);
        own || seen.as_ref().is_none_or(|seen| seen.contains(&record.id))
    };
    let all: Vec<Record> = all.iter().filter(visible).cloned().collect();
    let mut documents = HashMap::new();
    for chunk in all.chunks(500) {
        documents.extend(tools::documents(conn, chunk)?);
    }
    let form = &desk.kinds.by_key("tool")?.form;
    let mut groups: BTreeMap<(u8, String), Vec<Costly>> = BTreeMap::new();
    for record in &all {
        let Some(document) = documents.get(&record.id) else {
            continue;
        };
        let number = |name: &str| document.get(name).and_then(Value::as_i64);
        let Some(cost) = number("cost_eur_per_year").filter(|cost| *cost > 0) else {
            continue;
        };
        let costly = Costly {
            reference: record.reference.clone(),
            title: record.title.clone(),
            cost_eur_per_year: cost,
            licences: number("licences"),
        };
        for (place, field) in [(0, "category"), (1, "vendor")] {
            let said = document.get(field);
            let word = said.and_then(|said| form.words(field, said).into_iter().next());
            if let Some(word) = word {
                groups
                    .entry((place, word))
                    .or_default()
                    .push(costly.clone());
            }
        }
    }
    let mut found: Vec<Spend> = groups
        .into_iter()
        .filter(|(_, tools)| tools.len() > 1)
        .map(|((_, what), mut tools)| {
            tools.sort_by_key(|tool| std::cmp::Reverse(tool.cost_eur_per_year));
            let total = tools.iter().map(|tool| tool.cost_eur_per_year).sum();
            tools.truncate(20);
            Spend { what, total, tools }
        })
        .collect();
    found.sort_by_key(|group| std::cmp::Reverse(group.total));
    found.truncate(100);
    Ok(found)
}
