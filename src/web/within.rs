//! Keeps an auditor who was appointed to some units or to some time within that, at the one place
//! where every address goes by.
use crate::app::App;
use crate::db::PersonId;
use crate::error::{Error, Result};
use crate::ledger::{Filter, Page, rows};
use crate::people;
use crate::register::{self, Place};
use crate::web::session::Visitor;
use actix_web::dev::{Path, Url};

/// Refuses an address that leads to a record or entry outside of what the visitor is appointed to,
/// in the words for one that is not there. `pattern` is the route's, below the base path, and
/// `found` what the address has in its places.
///
/// # Errors
/// [`Error::NotFound`].
pub(super) async fn keep(
    app: &App,
    visitor: &Visitor,
    pattern: &str,
    found: &Path<Url>,
) -> Result<()> {
    if visitor.scope.is_all() {
        return Ok(());
    }
    let (reference, id) = (found.get("reference"), found.get("id").unwrap_or_default());
    let of = |name: &str| found.get(name).unwrap_or_default().to_owned();
    let place = match (reference, pattern) {
        (Some(reference), _) => Place::Record(reference.to_owned()),
        (None, p) if p.contains("/reviews/{id}") => Place::Review(id.to_owned()),
        (None, p) if p.contains("/conditions/{id}") => Place::Condition(id.to_owned()),
        (None, p) if p.contains("/evidence/{file}") => Place::File(of("file")),
        (None, p) if p.contains("/test-waivers/{waiver}") => Place::Waiver(of("waiver")),
        (None, p) if p.contains("/oversight-samples/{sample}") => Place::Sample(of("sample")),
        (None, p) if p.contains("/risk-escalations/{escalation}") => {
            Place::Escalation(of("escalation"))
        }
        (None, p) if p.contains("/{seq}") => return entry(app, visitor, found.get("seq")).await,
        _ => return Ok(()),
    };
    let Some(units) = visitor.register_units() else {
        return Ok(());
    };
    let (units, person) = (units.to_vec(), visitor.id()?);
    let read = move |conn: &mut _| register::within(conn, &units, person, &place);
    match app.db.read(read).await? {
        true => Ok(()),
        false => Err(outside(visitor, "record")),
    }
}

async fn entry(app: &App, visitor: &Visitor, seq: Option<&str>) -> Result<()> {
    let seq: Option<u64> = seq.and_then(|seq| seq.parse().ok());
    let seq = seq.ok_or_else(|| outside(visitor, "entry"))?;
    let filter = visitor.scope.narrow(Filter::default());
    let read = move |conn: &mut _| rows(conn, &filter, Page::From(seq), 1);
    let next = app.db.read(read).await?.first().map(|row| row.seq);
    match next.and_then(|next| u64::try_from(next).ok()) == Some(seq) {
        true => Ok(()),
        false => Err(outside(visitor, "entry")),
    }
}

fn outside(visitor: &Visitor, what: &str) -> Error {
    let covers = visitor.scope.words();
    Error::NotFound(format!("{what} here; your appointment covers {covers}"))
}

impl Visitor {
    /// The business units whose records are all they may read of the register. Terms narrow what
    /// people read as auditors; whoever holds another role reads what its holders read.
    pub fn register_units(&self) -> Option<&[String]> {
        let mut others = self.roles.iter().filter(|role| *role != people::AUDITOR);
        let bound = !self.scope.units.is_empty() && others.next().is_none();
        bound.then_some(self.scope.units.as_slice())
    }

    /// What the register's lists show to them; everything when nothing stands here.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub fn register_query(&self) -> Result<Option<(Vec<String>, PersonId)>> {
        let units = self.register_units().map(<[String]>::to_vec);
        units.map(|units| Ok((units, self.id()?))).transpose()
    }
}
