//! What a check of the installation finds. Each room offers the checks of what it keeps;
//! `countersign doctor` asks them all.
use serde::Serialize;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Nothing is broken; an operator may want to know.
    Advice,
    /// It could not be looked at.
    Unknown,
    /// Something is not as it must be.
    Wrong,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name of the check.
    pub check: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// The outcome in a sentence.
    pub says: String,
    /// Each thing that was found, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

impl Finding {
    fn new(check: &'static str, verdict: Verdict, says: impl Into<String>) -> Finding {
        Finding {
            check,
            verdict,
            says: says.into(),
            details: Vec::new(),
        }
    }

    /// All is well.
    pub fn good(check: &'static str, says: impl Into<String>) -> Finding {
        Finding::new(check, Verdict::Good, says)
    }

    /// Well, with something to know.
    pub fn advice(check: &'static str, says: impl Into<String>) -> Finding {
        Finding::new(check, Verdict::Advice, says)
    }

    /// It could not be looked at.
    pub fn unknown(check: &'static str, says: impl Into<String>) -> Finding {
        Finding::new(check, Verdict::Unknown, says)
    }

    /// Not well.
    pub fn wrong(check: &'static str, says: impl Into<String>) -> Finding {
        Finding::new(check, Verdict::Wrong, says)
    }

    /// Names each thing that was found.
    pub fn with(mut self, details: Vec<String>) -> Finding {
        self.details = details;
        self
    }

    /// Good with the first sentence when nothing was found, wrong with the second otherwise.
    pub fn of(
        check: &'static str,
        found: Vec<String>,
        good: impl Into<String>,
        wrong: impl Into<String>,
    ) -> Finding {
        if found.is_empty() {
            Finding::good(check, good)
        } else {
            Finding::wrong(check, wrong).with(found)
        }
    }
}
