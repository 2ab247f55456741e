//! People: who is in the directory, what roles and groups they hold, and how they are known.
//!
//! Nobody has a password. A person signs in by a mailed one-time link; a program carries a
//! hashed, scoped, expiring token. Adding people and changing what they hold are deeds and so
//! leave ledger entries; sessions and links are nobody's deed and do not.
mod access;
pub mod mailing;
pub mod page;
mod store;

pub use access::{
    SESSION_HOURS, SIGN_IN_MINUTES, Secret, create_token, end_session, open_session,
    person_of_session, person_of_token, sign_in_link, sign_in_person, use_sign_in_link,
};
pub use store::{Person, all, by_email, by_id, directory, held_by, holders, member_names, names};

use crate::db::{At, PersonId, Tx};
use crate::error::{Error, Result};
use crate::form::FieldError;
use crate::ledger::{Actor, Note};
use serde::Deserialize;

/// Role of those who run the register.
pub const ADMINISTRATOR: &str = "administrator";
/// Role of those who read everything and change nothing.
pub const AUDITOR: &str = "auditor";
/// Role of those who keep the policy.
pub const GOVERNANCE: &str = "governance_admin";

/// What an API token may be allowed to do: read the register, write use cases, decide, and read
/// the decision log.
pub const SCOPES: &[&str] = &["read", "write", "decide", "log"];

/// Somebody to be added.
#[derive(Debug, Clone, Deserialize)]
pub struct NewPerson {
    /// Their address, which also identifies them.
    pub email: String,
    /// Their name as others read it.
    pub name: String,
    /// Roles they hold.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Groups they belong to.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// Adds a person, or gives a known person these roles and groups besides what they hold.
///
/// # Errors
/// [`Error::Invalid`] naming the field that is wrong.
pub fn add(tx: &mut Tx, now: At, actor: &Actor, new: &NewPerson) -> Result<PersonId> {
    let email = address(&new.email)?;
    let name = display_name(&new.name)?;
    let person = match store::by_email(tx, &email)? {
        Some(known) => known.id,
        None => {
            let id = PersonId::new();
            store::insert(tx, id, &email, &name, now)?;
            let note = Note::new("person.added", actor).about(id);
            crate::ledger::append(tx, now, note.private("name", name).private("email", email))?;
            id
        }
    };
    for (kind, keys) in [("role", &new.roles), ("group", &new.groups)] {
        for key in keys {
            join(tx, now, actor, person, kind, key)?;
        }
    }
    Ok(person)
}

fn join(
    tx: &mut Tx,
    now: At,
    actor: &Actor,
    person: PersonId,
    kind: &'static str,
    key: &str,
) -> Result<()> {
    let key = key.trim();
    if !is_key(key) {
        return Err(invalid(
            kind,
            "use small letters, digits and _, beginning with a letter, at most 48",
        ));
    }
    if store::add_membership(tx, kind, key, person)? {
        let note = Note::new(
            if kind == "role" {
                "role.given"
            } else {
                "group.joined"
            },
            actor,
        );
        crate::ledger::append(tx, now, note.about(person).data(kind, key))?;
    }
    Ok(())
}

fn is_key(key: &str) -> bool {
    key.len() <= 48
        && key.starts_with(|c: char| c.is_ascii_lowercase())
        && key
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn invalid(field: &str, message: &str) -> Error {
    Error::Invalid(vec![FieldError::new(field, "other", message.to_owned())])
}

/// An e-mail address, lower-cased: one `@`, a dot in the domain, ASCII, at most 254 characters.
///
/// # Errors
/// [`Error::Invalid`] on `email`.
pub fn address(text: &str) -> Result<String> {
    let text = text.trim().to_lowercase();
    let parts: Vec<&str> = text.split('@').collect();
    let good = match parts.as_slice() {
        [local, domain] => {
            !local.is_empty()
                && domain.contains('.')
                && !domain.starts_with('.')
                && !domain.ends_with('.')
                && text.len() <= 254
                && text
                    .chars()
                    .all(|c| c.is_ascii_graphic() && !"<>()[]\\,;:\"".contains(c))
        }
        _ => false,
    };
    if good {
        Ok(text)
    } else {
        Err(invalid("email", "enter an address like name@example.org"))
    }
}

/// A display name without control characters or direction overrides, at most 64 characters:
/// it stands in mail headers.
///
/// # Errors
/// [`Error::Invalid`] on `name`.
pub fn display_name(text: &str) -> Result<String> {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
            || matches!(c, '\u{2066}'..='\u{2069}')
    };
    let name: String = text.chars().filter(|c| !hidden(*c)).collect();
    let name = name.trim();
    match name.chars().count() {
        1..=64 => Ok(name.to_owned()),
        _ => Err(invalid("name", "enter a name of 1 to 64 characters")),
    }
}
