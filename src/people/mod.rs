//! People: who is in the directory, what roles and groups they hold, and how they are known.
//!
//! Nobody has a password. A person signs in by a mailed one-time link; a program carries a
//! hashed, scoped, expiring token. Whatever changes the directory is a deed and leaves one ledger
//! entry: who is added, what they hold, who manages them, when they are away, leave and come back.
//! Sessions and links are nobody's deed and leave none. Whoever changes what seats depend on has
//! the running reviews looked at again afterwards (`review::look_again`).
pub mod absence;
mod access;
pub mod api;
pub mod auditor;
mod directory;
mod erased;
mod holdings;
mod list;
pub mod mailing;
pub mod page;
mod refusal;
mod staffing;
mod standing;
mod store;
mod words;

pub use access::{
    SESSION_HOURS, SIGN_IN_MINUTES, Secret, create_token, end_session, open_session,
    person_of_session, person_of_token, sign_in_link, sign_in_person, token_digest,
    use_sign_in_link,
};
pub use auditor::{roles_on, scope_of};
pub use directory::directory;
pub use erased::{ERASED_NAME, erase, is_erased};
pub use holdings::{Held, Holding, give, held_by_each, in_use, take};
pub use list::{Line, Listing, PAGE, State, Wanted, line, lines, list, offered};
pub use refusal::Refusal;
pub use staffing::staffing;
pub use standing::{come_back, leave, managed_by, manager_by_address, set_manager};
pub use store::{
    Person, active, all, by_email, by_id, held_by, holders, known, member_names, names, reads_log,
};
pub use words::{other_person, sentence};

use crate::db::{At, Conn, PersonId, Tx};
use crate::error::{Error, Result};
use crate::form::FieldError;
use crate::ledger::{Actor, Note};
use serde::{Deserialize, Serialize};

/// Role of those who run the register.
pub const ADMINISTRATOR: &str = "administrator";
/// Role of those who read everything and change nothing.
pub const AUDITOR: &str = "auditor";
/// Role of those who keep the policy.
pub const GOVERNANCE: &str = "governance_admin";
/// The roles whose holders may read the whole decision log.
pub const LOG_READERS: [&str; 3] = [AUDITOR, ADMINISTRATOR, GOVERNANCE];

/// What an API token may be allowed to do: read the register, write use cases, decide (tasks, and
/// about conditions, approvals and overrides), read the decision log, and keep the directory.
pub const SCOPES: &[&str] = &["read", "write", "decide", "log", "people"];

/// Somebody to be added.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
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
/// [`Error::Invalid`] naming the field that is wrong, [`Error::Forbidden`] for others than
/// administrators, [`Refusal::Left`].
pub fn add(tx: &mut Tx, now: At, actor: &Actor, new: &NewPerson) -> Result<PersonId> {
    administers(tx, actor)?;
    let email = address(&new.email)?;
    let name = display_name(&new.name)?;
    let person = match store::by_email(tx, &email)? {
        Some(known) => present(tx, known.id)?.id,
        None => {
            let id = PersonId::new();
            store::insert(tx, id, &email, &name, now)?;
            let note = Note::new("person.added", actor).about(id);
            crate::ledger::append(tx, now, note.private("name", name).private("email", email))?;
            id
        }
    };
    for (what, keys) in [(Holding::Role, &new.roles), (Holding::Group, &new.groups)] {
        for key in keys {
            give(tx, now, actor, person, what, key)?;
        }
    }
    Ok(person)
}

/// Refuses whoever is no administrator.
///
/// # Errors
/// [`Error::Forbidden`], or when the database fails.
pub fn administers(conn: &mut Conn, actor: &Actor) -> Result<()> {
    holds_one_of(conn, actor, &[ADMINISTRATOR], "this is for administrators")
}

/// Refuses whoever is no keeper of the policy: workflows and calendars are theirs to change.
///
/// # Errors
/// [`Error::Forbidden`], or when the database fails.
pub fn keeps_policy(conn: &mut Conn, actor: &Actor) -> Result<()> {
    keeps(conn, actor, &[GOVERNANCE])
}

/// Refuses whoever holds none of the roles that keep something and is no administrator.
///
/// # Errors
/// [`Error::Forbidden`], or when the database fails.
pub fn keeps(conn: &mut Conn, actor: &Actor, keepers: &[&str]) -> Result<()> {
    let mut roles = keepers.to_vec();
    roles.push(ADMINISTRATOR);
    let sentence = match keepers {
        [GOVERNANCE] => "this is for keepers of the policy and administrators".to_owned(),
        others => format!("this is for {} and administrators", others.join(", ")),
    };
    holds_one_of(conn, actor, &roles, &sentence)
}

/// The operator at the console is nobody of the directory and may. Asked within the change itself:
/// a page may be older than the role it was drawn for.
fn holds_one_of(conn: &mut Conn, actor: &Actor, roles: &[&str], sentence: &str) -> Result<()> {
    let Some(person) = actor.person else {
        return Ok(());
    };
    let active = by_id(conn, person)?.is_some_and(|person| person.active);
    let held = held_by(conn, person)?;
    if active && roles.iter().any(|role| held.contains(*role)) {
        Ok(())
    } else {
        Err(Error::Forbidden(sentence.to_owned()))
    }
}

/// The person, who must not have left.
fn present(conn: &mut Conn, person: PersonId) -> Result<Person> {
    let person = known(conn, person)?;
    if person.active {
        Ok(person)
    } else {
        Err(Refusal::Left(person.name).into())
    }
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
