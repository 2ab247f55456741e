//! People in a workflow as they are typed, one in a line, and those that can be offered.
use super::answers::{Pairs, parts, plain};
use super::pen::Offer;
use crate::form::{Field, Kind};
use crate::web::badge::sentence_case;
use crate::workflow::{Colleague, Staffing};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How people are written.
pub(super) const HOW: &str = "Write people as role legal, group ai_council, dana@example.org, \
                              field request.owner, relation owner or manager_of owner; several \
                              with commas between them.";
/// The same below the seats of a stage.
pub(super) const HOW_IN_SEATS: &str = "Every seat must have its need. Write people as role \
                                       legal, group ai_council, dana@example.org, field \
                                       request.owner, relation owner or manager_of owner; \
                                       several with commas between them.";
/// Most people who are offered by name.
const PEOPLE: usize = 500;

/// `role legal` as a person of the format; an address alone is a person.
fn person(line: &str) -> Value {
    match line.split_once(char::is_whitespace) {
        Some((sort, name)) => json!({ sort.trim_end_matches(':'): name.trim() }),
        None if line.contains('@') => json!({ "person": line }),
        None => json!({ line.trim_end_matches(':'): "" }),
    }
}

/// Everybody whom the controls of this name name.
pub(super) fn people(pairs: &Pairs, name: &str) -> Value {
    parts(pairs, name).iter().map(|line| person(line)).collect()
}

/// People as they are typed.
pub(super) fn written(people: Option<&Value>) -> Vec<String> {
    let items = people.and_then(Value::as_array).into_iter().flatten();
    let line = |item: &Value| match item.as_object() {
        Some(members) => {
            let (sort, name) = members.iter().next()?;
            Some(match (sort.as_str(), plain(Some(name))) {
                ("person", address) if address.contains('@') => address,
                (sort, name) => format!("{sort} {name}"),
            })
        }
        None => Some(plain(Some(item))),
    };
    items.filter_map(line).collect()
}

/// Roles that somebody holds or the workflow names, with how many hold them.
pub(super) fn roles(staffing: &Staffing, document: &Value) -> Vec<Offer> {
    let mut named = BTreeSet::new();
    named_in(document, "role", &mut named);
    held(&staffing.roles, named)
        .into_iter()
        .map(|(role, says)| Offer { value: role, says })
        .collect()
}

fn held(
    known: &BTreeMap<String, Vec<Colleague>>,
    mut named: BTreeSet<String>,
) -> Vec<(String, String)> {
    named.extend(known.keys().cloned());
    let says = |name: &str| {
        let count = known.get(name).map_or(0, Vec::len);
        let people = if count == 1 { "person" } else { "people" };
        format!("{}, {count} {people}", sentence_case(name))
    };
    let named = named.into_iter();
    named.map(|name| (name.clone(), says(&name))).collect()
}

/// Every role or group that the document names.
fn named_in(value: &Value, sort: &str, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| named_in(item, sort, names)),
        Value::Object(members) => {
            if let (1, Some(Value::String(name))) = (members.len(), members.get(sort)) {
                names.insert(name.clone());
            }
            members
                .values()
                .for_each(|value| named_in(value, sort, names));
        }
        _ => {}
    }
}

/// Everybody whom a seat can name.
pub(super) fn offered(staffing: &Staffing, document: &Value, fields: &[Field]) -> Vec<Offer> {
    let mut groups = BTreeSet::new();
    named_in(document, "group", &mut groups);
    let roles = roles(staffing, document).into_iter();
    let mut offers: Vec<Offer> = roles
        .map(|offer| Offer {
            value: format!("role {}", offer.value),
            says: offer.says,
        })
        .collect();
    for (group, says) in held(&staffing.groups, groups) {
        offers.push(Offer {
            value: format!("group {group}"),
            says,
        });
    }
    for field in fields
        .iter()
        .filter(|f| matches!(f.kind, Kind::Email { .. }))
    {
        let (value, says) = (format!("field request.{}", field.name), field.short.clone());
        offers.push(Offer { value, says });
    }
    for (value, says) in [
        ("relation owner", "The owner of the record"),
        ("relation submitter", "Who submitted it"),
        ("manager_of owner", "The manager of the owner"),
        ("manager_of submitter", "The manager of who submitted it"),
    ] {
        offers.push(Offer {
            value: value.to_owned(),
            says: says.to_owned(),
        });
    }
    let people = staffing.people.values().take(PEOPLE);
    offers.extend(people.map(|person| Offer {
        value: person.address.clone(),
        says: person.name.clone(),
    }));
    offers
}

#[cfg(test)]
mod tests {
    use super::super::answers::sent;
    use super::*;

    #[test]
    fn people_are_lines_and_come_back_as_the_same() {
        let typed = sent(&[
            ("to", "role: legal"),
            ("to", " "),
            ("to", " field  request.owner\nmanager_of owner, "),
            ("to", "dana@example.org"),
        ]);
        let named = people(&typed, "to");
        let again = [
            "role legal",
            "field request.owner",
            "manager_of owner",
            "dana@example.org",
        ];
        assert_eq!(written(Some(&named)), again);
        assert_eq!(named[3], json!({"person": "dana@example.org"}));
        let odd = people(&sent(&[("to", "legal")]), "to");
        assert_eq!(odd, json!([{"legal": ""}]), "the check names it");
    }

    #[test]
    fn roles_that_nobody_holds_yet_are_offered_where_the_workflow_names_them() {
        let document = json!({"seats": [{"from": [{"role": "ethicist"}, {"group": "council"}]}]});
        let offers = offered(&Staffing::default(), &document, &[]);
        let values: Vec<&str> = offers.iter().map(|offer| offer.value.as_str()).collect();
        assert_eq!(values.first(), Some(&"role ethicist"));
        assert!(values.contains(&"group council"));
    }
}
