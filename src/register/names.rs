//! What records are called by others, in one spelling, so that "who uses this vendor" is a look
//! into an index. Kept beside the facets of a record, under names that no form has.
use crate::db::schema::{record_facets, records};
use crate::db::{Conn, RecordId};
use crate::error::Result;
use crate::register::{Kind, Record};
use diesel::prelude::*;
use serde_json::Value;
use std::collections::HashMap;

/// Values that one statement takes: SQLite compiles no longer lists.
const AT_ONCE: usize = 500;

/// Under which name something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// What a vendor or a tool calls itself.
    Own,
    /// The vendor that a use case or a tool names.
    Vendor,
    /// The tool that a use case names.
    Tool,
    /// What a use case costs in a year, in euros.
    Cost,
}

impl Name {
    fn field(self) -> &'static str {
        match self {
            Name::Own => "own_name",
            Name::Vendor => "vendor_name",
            Name::Tool => "tool_name",
            Name::Cost => "cost",
        }
    }

    fn named(field: &str) -> Option<Name> {
        [Name::Own, Name::Vendor, Name::Tool, Name::Cost]
            .into_iter()
            .find(|name| name.field() == field)
    }
}

/// A name in the spelling in which it is compared: small letters, one space between words.
pub fn one_spelling(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// What is kept of a document besides its facets.
pub(super) fn of(kind: &Kind, document: &Value) -> Vec<(String, String)> {
    let fields: &[(Name, &str)] = match kind.key {
        "use_case" => &[(Name::Vendor, "vendor"), (Name::Tool, "tool")],
        "tool" => &[(Name::Own, "title"), (Name::Vendor, "vendor")],
        "vendor" => &[(Name::Own, "title")],
        _ => &[],
    };
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, field) in fields {
        let text = document.get(field).and_then(Value::as_str);
        let spelled = text.map(one_spelling).filter(|text| !text.is_empty());
        found.extend(spelled.map(|text| (name.field().to_owned(), text)));
    }
    let cost = document.get("cost_eur_per_year").and_then(Value::as_i64);
    if let Some(cost) = cost.filter(|_| kind.key == "use_case") {
        found.push((Name::Cost.field().to_owned(), cost.to_string()));
    }
    found
}

/// The records of a kind that name one of `values`, each spelled by [`one_spelling`].
///
/// # Errors
/// When the database fails.
pub fn naming(conn: &mut Conn, kind: &str, name: Name, values: &[String]) -> Result<Vec<Record>> {
    let mut found = Vec::new();
    for values in values.chunks(AT_ONCE) {
        found.extend(
            record_facets::table
                .inner_join(records::table)
                .filter(record_facets::field.eq(name.field()))
                .filter(record_facets::value.eq_any(values))
                .filter(records::kind.eq(kind))
                .select(Record::as_select())
                .load::<Record>(conn)?,
        );
    }
    found.sort_by_key(|record| record.nr);
    found.dedup_by_key(|record| record.nr);
    Ok(found)
}

/// The records of a kind with one of these references, whatever the case of their letters.
///
/// # Errors
/// When the database fails.
pub fn referred(conn: &mut Conn, kind: &str, references: &[String]) -> Result<Vec<Record>> {
    let wanted: Vec<String> = references.iter().map(|one| one.to_uppercase()).collect();
    let mut found = Vec::new();
    for wanted in wanted.chunks(AT_ONCE) {
        found.extend(
            records::table
                .filter(
                    records::reference
                        .eq_any(wanted)
                        .and(records::kind.eq(kind)),
                )
                .select(Record::as_select())
                .load::<Record>(conn)?,
        );
    }
    Ok(found)
}

/// What these records name, each in one spelling.
///
/// # Errors
/// When the database fails.
pub fn names_of(
    conn: &mut Conn,
    ids: &[RecordId],
) -> Result<HashMap<RecordId, Vec<(Name, String)>>> {
    let fields = [Name::Own, Name::Vendor, Name::Tool, Name::Cost].map(Name::field);
    let mut all: HashMap<RecordId, Vec<(Name, String)>> = HashMap::new();
    for ids in ids.chunks(AT_ONCE) {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let rows: Vec<(RecordId, String, String)> = record_facets::table
            .filter(record_facets::record_id.eq_any(ids))
            .filter(record_facets::field.eq_any(fields))
            .load(conn)?;
        for (id, field, value) in rows {
            if let Some(name) = Name::named(&field) {
                all.entry(id).or_default().push((name, value));
            }
        }
    }
    Ok(all)
}

/// The present documents of these records.
///
/// # Errors
/// When the database fails or holds what cannot be read.
pub fn documents(conn: &mut Conn, ids: &[RecordId]) -> Result<HashMap<RecordId, Value>> {
    use crate::db::schema::revisions;
    let mut all = HashMap::new();
    for ids in ids.chunks(AT_ONCE) {
        let rows: Vec<(RecordId, String)> = records::table
            .inner_join(
                revisions::table.on(revisions::record_id
                    .eq(records::id)
                    .and(revisions::number.eq(records::revision))),
            )
            .filter(records::id.eq_any(ids))
            .select((records::id, revisions::document))
            .load(conn)?;
        for (id, text) in rows {
            all.insert(id, serde_json::from_str(&text)?);
        }
    }
    Ok(all)
}

/// These records, in the order in which they came into the register.
///
/// # Errors
/// When the database fails.
pub fn all_of(conn: &mut Conn, ids: &[RecordId]) -> Result<Vec<Record>> {
    let mut found = Vec::new();
    for ids in ids.chunks(AT_ONCE) {
        found.extend(
            records::table
                .filter(records::id.eq_any(ids))
                .select(Record::as_select())
                .load::<Record>(conn)?,
        );
    }
    found.sort_by_key(|record| record.nr);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::Kinds;
    use serde_json::json;

    #[test]
    fn a_vendor_is_found_however_its_name_is_spaced_and_written() {
        let kinds = Kinds::load().unwrap();
        let kind = kinds.by_key("use_case").unwrap();
        let names = |vendor: &str| of(kind, &json!({ "vendor": vendor, "tool": "" }));
        let expected = vec![("vendor_name".to_owned(), "nordlicht ai".to_owned())];
        for spelled in ["Nordlicht AI", "  nordlicht\t ai ", "NORDLICHT  AI"] {
            assert_eq!(names(spelled), expected, "{spelled}");
        }
        assert_eq!(names("  "), []);
    }

    #[test]
    fn what_is_kept_for_finding_is_no_field_of_a_form() {
        let kinds = Kinds::load().unwrap();
        for kind in kinds.all() {
            for name in [Name::Own, Name::Vendor, Name::Tool, Name::Cost] {
                assert!(kind.form.field(name.field()).is_none(), "{}", name.field());
            }
        }
    }
}
