//! How the point “vendor” stands for use cases: by our assessment and by certificates, each with
//! its last day, and by changes that are not dealt with.
use super::dependants;
use super::store::{self, OpenChange};
use crate::db::{Conn, Day, RecordId};
use crate::error::Result;
use crate::overview::{Proof, Standing};
use crate::register::{self, Name, Record, one_spelling};
use jiff::civil::Date;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// Fields that hold the last day of a certificate, with the certificate and its word.
pub(super) const CERTIFICATES: [(&str, &str, &str); 3] = [
    ("iso_27001_until", "iso_27001", "certificate ISO/IEC 27001"),
    ("iso_42001_until", "iso_42001", "certificate ISO/IEC 42001"),
    ("soc_2_until", "soc_2", "SOC 2 report"),
];

/// How the vendor of each of these use cases stands on `today`, in a few questions to the database
/// however many use cases there are.
///
/// # Errors
/// When the database fails.
pub fn standings(
    conn: &mut Conn,
    records: &[RecordId],
    today: Date,
) -> Result<HashMap<RecordId, Standing>> {
    let known = Known::of(conn, records)?;
    let judge = |id: &RecordId| (*id, known.standing(*id, today));
    Ok(records.iter().map(judge).collect())
}

/// What is known of the vendors of some use cases.
struct Known {
    /// What each use case calls its vendors: as it says itself, and by its tool.
    called: HashMap<RecordId, BTreeSet<String>>,
    /// The record of each of those names.
    vendors: HashMap<String, (Record, Value)>,
    changes: Vec<OpenChange>,
}

impl Known {
    fn of(conn: &mut Conn, ids: &[RecordId]) -> Result<Known> {
        let names = register::names_of(conn, ids)?;
        let said = |wanted: Name| {
            let all = names.values().flatten();
            let said = all.filter(move |(name, _)| *name == wanted);
            said.map(|(_, said)| said.clone()).collect::<BTreeSet<_>>()
        };
        let makers = makers(conn, &said(Name::Tool).into_iter().collect::<Vec<_>>())?;
        let mut called: HashMap<RecordId, BTreeSet<String>> = HashMap::new();
        for (id, names) in &names {
            let own = called.entry(*id).or_default();
            for (name, said) in names {
                match name {
                    Name::Vendor => drop(own.insert(said.clone())),
                    Name::Tool => own.extend(makers.get(said).cloned()),
                    _ => {}
                }
            }
        }
        let all: BTreeSet<String> = called.values().flatten().cloned().collect();
        Ok(Known {
            called,
            vendors: vendors(conn, &all.into_iter().collect::<Vec<_>>())?,
            changes: store::open_changes(conn)?,
        })
    }

    fn standing(&self, id: RecordId, today: Date) -> Standing {
        let names = self.called.get(&id).into_iter().flatten();
        let names: Vec<&String> = names.collect();
        if names.is_empty() {
            return Standing::not_needed("It names no vendor, and no tool of one.");
        }
        let unknown = |name: &&&String| !self.vendors.contains_key(name.as_str());
        if let Some(name) = names.iter().find(unknown) {
            return Standing::open(format!("The register has no vendor “{name}”."));
        }
        let vendors = names
            .iter()
            .filter_map(|name| self.vendors.get(name.as_str()));
        let mut proofs = Vec::new();
        let mut why = BTreeSet::new();
        for (vendor, document) in vendors {
            if let Some(change) = self.changes.iter().find(|one| one.vendor == vendor.id) {
                let (title, area) = (&vendor.title, change.area.words());
                let why = format!("Something changed at {title} that is not dealt with: {area}.");
                return Standing::open(why);
            }
            let assessed = assessment(vendor, document);
            let Some(assessed) = assessed else {
                return Standing::open(format!("{} was never assessed.", vendor.title));
            };
            proofs.extend(certificates(vendor, document, assessed.on));
            proofs.push(assessed);
            why.insert(format!("By what the register says of {}.", vendor.title));
        }
        proofs.dedup();
        let why: Vec<String> = why.into_iter().collect();
        Standing::by(proofs, today, why.join(" "))
    }
}

/// Which vendor makes each of these tools, by the tools' records and the data-use policy.
fn makers(conn: &mut Conn, tools: &[String]) -> Result<HashMap<String, String>> {
    let mut makers = HashMap::new();
    for listed in dependants::listed(conn)? {
        for name in listed.names {
            if let Some(vendor) = listed.vendor.clone().filter(|_| tools.contains(&name)) {
                makers.insert(name, vendor);
            }
        }
    }
    let mut records = register::naming(conn, "tool", Name::Own, tools)?;
    records.extend(register::referred(conn, "tool", tools)?);
    let ids: Vec<RecordId> = records.iter().map(|record| record.id).collect();
    let names = register::names_of(conn, &ids)?;
    for record in records {
        let said = names.get(&record.id).into_iter().flatten();
        let vendor = said.into_iter().find(|(name, _)| *name == Name::Vendor);
        if let Some((_, vendor)) = vendor {
            makers.insert(one_spelling(&record.title), vendor.clone());
            makers.insert(one_spelling(&record.reference), vendor.clone());
        }
    }
    Ok(makers)
}

/// The records of vendors that are called so, with what the register says of them.
fn vendors(conn: &mut Conn, names: &[String]) -> Result<HashMap<String, (Record, Value)>> {
    let mut records = register::naming(conn, "vendor", Name::Own, names)?;
    records.extend(register::referred(conn, "vendor", names)?);
    let ids: Vec<RecordId> = records.iter().map(|record| record.id).collect();
    let mut documents = register::documents(conn, &ids)?;
    let mut found = HashMap::new();
    for record in records {
        let document = documents.remove(&record.id).unwrap_or_default();
        for name in dependants::names(&record) {
            found.insert(name, (record.clone(), document.clone()));
        }
    }
    Ok(found)
}

pub(super) fn day(document: &Value, field: &str) -> Option<Date> {
    let text = document.get(field).and_then(Value::as_str)?;
    Day::parse(text).map(|day| day.0)
}

fn proof(vendor: &Record, label: String, on: Date, until: Option<Date>) -> Proof {
    Proof {
        label,
        href: format!("/vendors/{}", vendor.reference),
        on,
        until,
    }
}

fn assessment(vendor: &Record, document: &Value) -> Option<Proof> {
    let on = day(document, "assessed_on")?;
    let until = day(document, "assessment_valid_until");
    let label = format!("Assessment of {}", vendor.title);
    Some(proof(vendor, label, on, until))
}

/// The certificates that were seen with the assessment and have a last day; one without shows
/// nothing.
fn certificates(vendor: &Record, document: &Value, seen_on: Date) -> Vec<Proof> {
    let held = document.get("certificates").and_then(Value::as_array);
    let held: Vec<&str> = held
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let seen = CERTIFICATES
        .iter()
        .filter(|(_, word, _)| held.contains(word));
    let proofs = seen.filter_map(|(field, _, title)| {
        let until = day(document, field)?;
        let label = format!("{}: {title}", vendor.title);
        Some(proof(vendor, label, seen_on, Some(until)))
    });
    proofs.collect()
}
