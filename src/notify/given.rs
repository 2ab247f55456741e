//! What whoever queued a message gave along: keys, identifiers and times. Names are looked up when
//! it is sent, and reasons where the ledger keeps them.
use crate::db::{At, ConditionId, Conn, PersonId};
use crate::error::{Error, Result};
use crate::ledger;
use crate::notify::outbox::Owed;
use crate::people;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The context of a message. Which keys a template wants stands in the table of `notify`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Given {
    /// Key of the stage.
    pub(super) stage: Option<String>,
    /// The condition.
    pub(super) condition: Option<ConditionId>,
    /// Who did it.
    pub(super) by: Option<PersonId>,
    /// Who agreed.
    pub(super) second: Option<PersonId>,
    /// Whose task it was.
    pub(super) from: Option<PersonId>,
    /// Whose task it is.
    pub(super) to: Option<PersonId>,
    /// Why, as a word.
    pub(super) because: Option<String>,
    /// What those who are brought in do.
    pub(super) mode: Option<String>,
    /// What follows, as a word.
    pub(super) then: Option<String>,
    /// Until when: a time, or a day.
    pub(super) until: Option<String>,
    /// When an approval ends or ended.
    pub(super) ends: Option<At>,
    /// Number of the ledger entry that holds the reason.
    pub(super) entry: Option<i64>,
    /// The reason itself, when no entry holds it.
    pub(super) reason: Option<String>,
    /// Title of the workflow.
    pub(super) title: Option<String>,
    /// Page the link leads to, below the public address.
    pub(super) path: Option<String>,
}

impl Given {
    /// The context of a message.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a key holds something else than it should.
    pub(super) fn read(owed: &Owed) -> Result<Given> {
        let wrong = |e| Error::Corrupt(format!("the context of a {} mail: {e}", owed.template));
        serde_json::from_str(&owed.context).map_err(wrong)
    }

    /// The reason, line by line; none when there was none or it was erased.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn reason(&self, conn: &mut Conn) -> Result<Vec<String>> {
        let kept = match self.entry {
            Some(entry) => ledger::opened(conn, &[entry])?
                .into_iter()
                .find(|(_, name, _, _)| name == "reason")
                .map(|(_, _, _, reason)| reason),
            None => self.reason.clone(),
        };
        let lines = super::case::lines(kept.as_deref());
        Ok(lines.into_iter().map(str::to_owned).collect())
    }

    /// The names of everybody it speaks of.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn names(&self, conn: &mut Conn) -> Result<Names> {
        let all = [self.by, self.second, self.from, self.to];
        let all: BTreeSet<PersonId> = all.into_iter().flatten().collect();
        Ok(Names(people::names(conn, &all)?))
    }
}

/// Names by identifier.
pub(super) struct Names(BTreeMap<PersonId, String>);

impl Names {
    /// The name, when a person is given and known.
    pub(super) fn of(&self, person: Option<PersonId>) -> Option<&str> {
        self.0.get(&person?).map(String::as_str)
    }
}
