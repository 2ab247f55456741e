//! Which use cases depend on a vendor.
use crate::db::{Conn, RecordId};
use crate::error::Result;
use crate::policy;
use crate::register::{self, Name, Record, Status, one_spelling};
use crate::rules;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Names in the spelling in which they are compared.
pub type Spelled = Vec<String>;

/// The use cases that depend on a vendor, the oldest first: those that name it, and those whose
/// tool is of it, by the tool's record or by the data-use policy. Without those that ended.
///
/// # Errors
/// When the database fails.
pub fn dependants(conn: &mut Conn, vendor: RecordId) -> Result<Vec<RecordId>> {
    let vendor = register::by_id(conn, vendor)?;
    Ok(of(conn, &vendor)?.into_iter().map(|one| one.id).collect())
}

/// As [`dependants`], with the records themselves.
pub(super) fn of(conn: &mut Conn, vendor: &Record) -> Result<Vec<Record>> {
    let names = names(vendor);
    let tools = supplied(conn, &names)?;
    let mut found = register::naming(conn, "use_case", Name::Vendor, &names)?;
    found.extend(register::naming(conn, "use_case", Name::Tool, &tools)?);
    found.retain(goes_on);
    found.sort_by_key(|record| record.nr);
    found.dedup_by_key(|record| record.nr);
    Ok(found)
}

/// What others call a vendor: its reference and its name.
pub(super) fn names(vendor: &Record) -> Spelled {
    vec![one_spelling(&vendor.reference), one_spelling(&vendor.title)]
}

/// Whether a use case may still be used, or is on its way there.
fn goes_on(record: &Record) -> bool {
    let over = [
        Status::Retired,
        Status::Revoked,
        Status::Rejected,
        Status::Withdrawn,
        Status::Abandoned,
    ];
    let standing = record.standing().is_some_and(Status::is_approval);
    standing || !Status::named(&record.status).is_some_and(|status| over.contains(&status))
}

/// What the tools of a vendor are called: in the register, and in the data-use policy.
///
/// # Errors
/// When the database fails.
pub fn supplied(conn: &mut Conn, vendor: &[String]) -> Result<Spelled> {
    let records = register::naming(conn, "tool", Name::Vendor, vendor)?;
    let mut tools: BTreeSet<String> = records
        .iter()
        .flat_map(|tool| [one_spelling(&tool.title), one_spelling(&tool.reference)])
        .collect();
    for tool in listed(conn)? {
        if tool.vendor.iter().any(|one| vendor.contains(one)) {
            tools.extend(tool.names);
        }
    }
    Ok(tools.into_iter().collect())
}

/// A tool of the data-use policy: who makes it, and what it is called.
pub(super) struct Listed {
    pub vendor: Option<String>,
    pub names: Spelled,
}

#[derive(Deserialize)]
struct Tools {
    #[serde(default)]
    tools: Vec<Tool>,
}

#[derive(Deserialize)]
struct Tool {
    key: String,
    title: String,
    vendor: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    reference: Option<String>,
}

/// The tools that the organisation's own data-use policy lists. Of its text only these are read: it
/// may have ten thousand rules.
pub(super) fn listed(conn: &mut Conn) -> Result<Vec<Listed>> {
    let version = rules::in_force(conn, &policy::KIND, policy::MAIN)?;
    if version == 0 {
        return Ok(Vec::new());
    }
    let (_, text) = rules::source(conn, &policy::KIND, policy::MAIN, version)?;
    let read: Tools = serde_json::from_str(&text)?;
    let listed = read.tools.into_iter().map(|tool| {
        let all = [tool.key, tool.title].into_iter();
        let all = all.chain(tool.aliases).chain(tool.reference);
        Listed {
            vendor: tool.vendor.as_deref().map(one_spelling),
            names: all.map(|name| one_spelling(&name)).collect(),
        }
    });
    Ok(listed.collect())
}
