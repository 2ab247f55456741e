//! What the catalogue tells of the tools, and a team that joins an approval.
use super::organisation::address;
use super::story::Story;
use crate::catalogue::joins::{self, Given};
use crate::error::{Error, Result};
use crate::ledger::entry::Method;
use crate::register::{self, Query};
use serde_json::{Value, json};

/// What the use case is called that others may join.
const JOINED: &str = "Alt texts for our website";

/// What is known of a tool beyond its name, vendor and use.
pub(super) fn known(title: &str) -> Value {
    match title {
        "Northlight Assistant" => json!({
            "category": "assistant", "cost_eur_per_year": 42_000, "licences": 120,
            "limits": "Check every output against its source before it leaves the house.",
        }),
        "Translation desk" => json!({
            "category": "translation", "cost_eur_per_year": 9_600, "licences": 40,
            "limits": "Check outputs when a contract or a claim depends on a word.",
        }),
        "Meeting notes" => json!({
            "category": "meetings", "cost_eur_per_year": 7_200, "approved_until": "2026-06-30",
            "limits": "Ask everybody in the room first.",
        }),
        "Orrery Code" => json!({
            "category": "coding", "cost_eur_per_year": 13_700, "licences": 60,
        }),
        "Clearwater Reader" => json!({ "category": "documents", "cost_eur_per_year": 18_000 }),
        "Northlight interface" => json!({ "category": "platform", "cost_eur_per_year": 11_000 }),
        _ => json!({ "category": "analysis" }),
    }
}

/// A second team does the same as an approved one.
pub(super) fn a_team_joins(story: &Story) -> Result<()> {
    story.later(3);
    let actor = story.actor("nora", Method::Session)?;
    let owner = address("nora");
    story.write(move |tx, desk| {
        let query = Query {
            kind: "use_case".to_owned(),
            text: Some(JOINED.to_owned()),
            ..Query::default()
        };
        let found = register::list(tx, &query)?.records.into_iter();
        let mut found = found.filter(|record| record.title == JOINED);
        let base = found
            .next()
            .ok_or_else(|| Error::not_found("record", JOINED))?;
        let words = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let uses = register::revision(tx, base.id, base.revision)?.document()?;
        let uses = uses.get("uses").cloned().unwrap_or_default();
        let given = Given {
            revision: base.revision,
            title: "Alt texts for the intranet".to_owned(),
            unit: "Communications".to_owned(),
            purpose: format!("Suggest descriptions of pictures; {owner} corrects each one."),
            data_classes: words(&["public"]),
            uses: serde_json::from_value(uses)?,
            effect_on_people: "none".to_owned(),
            conditions: Vec::new(),
            same_account: true,
        };
        joins::join(tx, desk, &actor, &base.reference, &given).map(drop)
    })
}
