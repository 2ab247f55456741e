//! Why something about a person stays as it is. Each variant's sentence is what is read.

/// A refused change of people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is given to somebody who left.
    #[error("{0} left; an administrator must first note that they came back")]
    Left(String),
    /// Only who left can come back.
    #[error("{0} has not left")]
    Present(String),
    /// There is no way back from an erasure.
    #[error("the data of this person was erased; add them anew if they are here again")]
    Erased,
    /// Somebody must keep the register.
    #[error("{0} is the only administrator; make somebody else an administrator first")]
    LastAdministrator(String),
    /// The role of an auditor says nothing of the limits it has.
    #[error(
        "{0} is appointed as an auditor with limits; change the appointment, which says what holds \
         from now on"
    )]
    Appointed(String),
    /// What is past is not changed.
    #[error("this absence is over or was ended; set a new one")]
    AbsenceOver,
}

impl Refusal {
    /// Stable name for API callers.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Left(_) => "person-left",
            Refusal::Present(_) => "person-present",
            Refusal::Erased => "person-erased",
            Refusal::LastAdministrator(_) => "last-administrator",
            Refusal::Appointed(_) => "auditor-appointed",
            Refusal::AbsenceOver => "absence-over",
        }
    }

    /// HTTP status: the state of things forbids it.
    pub fn status(&self) -> u16 {
        409
    }
}
