//! Why risk is not assessed, or not answered for. Each variant's sentence is what is read.

/// A refused deed about risk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing says how to judge.
    #[error("no risk rules are in force; publish them before risk is assessed")]
    NoRiskRules,
    /// It does not belong to whoever does it.
    #[error("only who submitted it, answers for it or keeps the rules assesses its risk")]
    NotYoursToAssess,
    /// It was settled before, or another assessment took its place.
    #[error("this escalation was settled already, or the risk was assessed anew")]
    EscalationSettled,
    /// It takes a second person.
    #[error(
        "who submitted, owns or edited the use case, or assessed its risk, does not answer for it"
    )]
    OwnRisk,
    /// Not the role.
    #[error("this escalation is answered by {0}; you do not hold that role")]
    NotTheRole(String),
}

impl Refusal {
    /// Stable name for API callers.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NoRiskRules => "no-risk-rules",
            Refusal::NotYoursToAssess => "not-yours-to-assess",
            Refusal::EscalationSettled => "escalation-settled",
            Refusal::OwnRisk => "own-risk",
            Refusal::NotTheRole(_) => "not-the-role",
        }
    }

    /// HTTP status: who may not, or the state of things.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::NotYoursToAssess | Refusal::OwnRisk | Refusal::NotTheRole(_) => 403,
            Refusal::NoRiskRules | Refusal::EscalationSettled => 409,
        }
    }
}
