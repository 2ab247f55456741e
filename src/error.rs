//! What can go wrong, by meaning, and how each meaning is answered: one table.
use crate::form::FieldError;
use crate::review::engine::Refusal;

/// The result of everything that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, in the words of the person who is told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing by that name, or nothing this person may see.
    #[error("there is no {0}")]
    NotFound(String),
    /// The rules say no; nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something about a person stays as it is.
    #[error(transparent)]
    People(#[from] crate::people::Refusal),
    /// What is kept stays as it is.
    #[error(transparent)]
    Erasure(#[from] crate::erasure::Refusal),
    /// A change at a vendor stays as it is.
    #[error(transparent)]
    VendorChange(#[from] crate::vendor::Refusal),
    /// A test, a waiver or a move stays undone.
    #[error(transparent)]
    Gate(#[from] crate::gates::Refusal),
    /// A deed about risk that was refused.
    #[error("{0}")]
    Risk(#[from] crate::risk::Refusal),
    /// A deed about human review that was refused.
    #[error("{0}")]
    Oversight(#[from] crate::oversight::Refusal),
    /// A draft of a workflow stays as it is.
    #[error(transparent)]
    Draft(#[from] crate::review::drafts::Refusal),
    /// A form or document that breaks its schema, field by field.
    #[error("{}", invalid_summary(.0))]
    Invalid(Vec<FieldError>),
    /// It changed since it was read; the caller holds an older revision.
    #[error("it was changed meanwhile: you saw revision {seen}, now it is revision {now}")]
    Stale {
        /// The revision the caller saw.
        seen: i32,
        /// The revision it has now.
        now: i32,
    },
    /// A request that makes no sense as sent.
    #[error("{0}")]
    BadRequest(String),
    /// The same idempotency key came with another request.
    #[error("this Idempotency-Key was used for another request; take a new key")]
    KeyReused,
    /// Nobody is signed in.
    #[error("sign in to do this")]
    Unauthenticated,
    /// Signed in, but not entitled.
    #[error("{0}")]
    Forbidden(String),
    /// Too many of these in too short a time.
    #[error("{0}")]
    TooMany(String),
    /// So many do it at this moment that there is no turn left.
    #[error("{why}; try again in a minute")]
    Busy {
        /// Whether they are the caller's own.
        own: bool,
        /// What is at work, in words.
        why: String,
    },
    /// A setting is wrong; the sentence names it.
    #[error("{0}")]
    Configuration(String),
    /// The database or another part is out of reach.
    #[error("{0}")]
    Unavailable(String),
    /// A database error nobody expected.
    #[error("the database refused: {0}")]
    Database(diesel::result::Error),
    /// A change without a ledger entry, which is a fault of this program.
    #[error("a change was made without a ledger entry; it was not kept")]
    Unaudited,
    /// The work panicked or was cut off, which is a fault of this program.
    #[error("the work did not finish; nothing was changed")]
    Interrupted,
    /// A dry run came to its end; nothing was kept.
    #[error("nothing was kept: this was a dry run")]
    DryRun,
    /// Stored data that cannot be read back.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
}

fn invalid_summary(fields: &[FieldError]) -> String {
    let all: Vec<String> = fields
        .iter()
        .map(|f| format!("{}: {}", f.field, f.message))
        .collect();
    all.join("; ")
}

/// How one meaning is answered over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// Stable name, the last part of the problem's `type`.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Short title, the same for every occurrence.
    pub title: &'static str,
}

const fn meaning(code: &'static str, status: u16, title: &'static str) -> Meaning {
    Meaning {
        code,
        status,
        title,
    }
}

impl Error {
    /// A `NotFound` that names the thing and how it was asked for.
    pub fn not_found(what: &str, name: impl std::fmt::Display) -> Error {
        Error::NotFound(format!("{what} {name}"))
    }

    /// The table of meanings.
    pub fn meaning(&self) -> Meaning {
        match self {
            Error::NotFound(_) => meaning("not-found", 404, "Not found"),
            Error::Refused(refusal) => meaning(refusal.code(), refusal.status(), "Refused"),
            Error::People(refusal) => meaning(refusal.code(), refusal.status(), "Refused"),
            Error::Erasure(refusal) => meaning(refusal.code(), refusal.status(), "Refused"),
            Error::VendorChange(refusal) => meaning(refusal.code(), refusal.status(), "Refused"),
            Error::Gate(refusal) => meaning(refusal.code(), refusal.status(), "Refused"),
            Error::Risk(refusal) => meaning(refusal.code(), refusal.status(), "Refused"),
            Error::Oversight(refusal) => meaning(refusal.code(), refusal.status(), "Refused"),
            Error::Draft(refusal) => meaning(refusal.code(), refusal.status(), "Refused"),
            Error::Invalid(_) => meaning("invalid", 422, "Some answers need attention"),
            Error::Stale { .. } => meaning("stale", 409, "Changed meanwhile"),
            Error::BadRequest(_) => meaning("bad-request", 400, "Bad request"),
            Error::KeyReused => meaning("idempotency-key-reused", 422, "Key used before"),
            Error::Unauthenticated => meaning("unauthenticated", 401, "Not signed in"),
            Error::Forbidden(_) => meaning("forbidden", 403, "Not allowed"),
            Error::TooMany(_) | Error::Busy { own: true, .. } => {
                meaning("too-many-requests", 429, "Too many requests")
            }
            Error::Busy { own: false, .. } => meaning("busy", 503, "Busy at this moment"),
            Error::Configuration(_) => meaning("configuration", 500, "Configuration"),
            Error::Unavailable(_) => meaning("unavailable", 503, "Out of reach"),
            Error::Database(_) => meaning("database", 500, "Database error"),
            Error::Unaudited | Error::Interrupted | Error::DryRun => {
                meaning("internal", 500, "Internal error")
            }
            Error::Corrupt(_) => meaning("corrupt", 500, "Stored data cannot be read"),
        }
    }

    /// Whether the cause lies with us rather than with the caller; the caller is then told no
    /// details, which go to the operator's log.
    pub fn is_ours(&self) -> bool {
        self.meaning().status >= 500 && !matches!(self, Error::Busy { .. })
    }
}

impl From<diesel::result::Error> for Error {
    fn from(e: diesel::result::Error) -> Self {
        match e {
            diesel::result::Error::NotFound => Error::NotFound("such thing".to_owned()),
            e => Error::Database(e),
        }
    }
}

impl From<diesel::r2d2::PoolError> for Error {
    fn from(e: diesel::r2d2::PoolError) -> Self {
        Error::Unavailable(format!("no database connection is free: {e}"))
    }
}

impl From<serde_json::Error> for Error {
    fn from(e: serde_json::Error) -> Self {
        Error::Corrupt(e.to_string())
    }
}
