//! What happened to people, as the decision log says it.
use crate::db::PersonId;
use crate::ledger::entry::fact;
use crate::web::badge::sentence_case;
use serde_json::Value;

/// The person an entry names besides its actor and whom it concerns: a delegate or a manager.
pub fn other_person(entry: &Value) -> Option<PersonId> {
    let named = ["/data/delegate", "/data/manager"];
    let id = named.iter().find_map(|at| fact(entry, at)?.as_str());
    id.and_then(|id| id.parse().ok())
}

/// What happened to a person, in a sentence without their name; nothing for an entry about
/// anything else. `days` are those of an absence, where they are not erased; `other` is the name
/// of [`other_person`].
pub fn sentence(
    kind: &str,
    entry: &Value,
    days: Option<&str>,
    other: Option<&str>,
) -> Option<String> {
    let held = |at: &str| {
        let key = fact(entry, at).and_then(Value::as_str);
        sentence_case(key.unwrap_or_default())
    };
    Some(match kind {
        "person.added" => "Added to the directory".to_owned(),
        "person.left" => "Left: asked no more, every way in closed".to_owned(),
        "person.returned" => "Came back".to_owned(),
        "role.given" => format!("Given the role {}", held("/data/role")),
        "role.taken" => format!("The role {} was taken away", held("/data/role")),
        "group.joined" => format!("Joined the group {}", held("/data/group")),
        "group.left" => format!("Left the group {}", held("/data/group")),
        "manager.set" => match other {
            Some(name) => format!("Is managed by {name}"),
            None => "Is managed by nobody".to_owned(),
        },
        "absence.set" => {
            let when = days.and_then(|days| days.split_once('/'));
            let when = when.map_or_else(String::new, |(from, to)| format!(" from {from} to {to}"));
            let who = other.unwrap_or("nobody");
            format!("Away{when}; {who} stands in")
        }
        "person.erased" => "Their data was erased".to_owned(),
        "values.erased" => "Values no longer kept were erased".to_owned(),
        "erasure.proposed" => "It was proposed to erase their data".to_owned(),
        "erasure.declined" => "The erasure of their data was declined".to_owned(),
        "hold.set" => "A legal hold was set".to_owned(),
        "hold.lifted" => "A legal hold was lifted".to_owned(),
        "retention.proposed" => "Another retention was proposed".to_owned(),
        "retention.changed" => "The retention was changed".to_owned(),
        "retention.declined" => "The proposed retention was declined".to_owned(),
        "absence.ended" => "Absence ended early".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_absence_is_told_with_what_is_known_of_it() {
        let say = |days, other| sentence("absence.set", &Value::Null, days, other).unwrap();
        let days = Some("2027-03-01/2027-03-05");
        assert_eq!(
            say(days, Some("Mei")),
            "Away from 2027-03-01 to 2027-03-05; Mei stands in"
        );
        assert_eq!(say(None, None), "Away; nobody stands in");
    }

    #[test]
    fn roles_are_told_in_words_and_other_entries_left_alone() {
        let entry = json!({ "data": { "role": "ai_reviewer" } });
        assert_eq!(
            sentence("role.given", &entry, None, None).unwrap(),
            "Given the role AI reviewer"
        );
        assert_eq!(sentence("review.opened", &entry, None, None), None);
        assert_eq!(other_person(&entry), None);
    }
}
