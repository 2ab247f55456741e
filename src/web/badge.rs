//! A word with a shape: how pages show a state, never by colour alone.
use crate::register::Status;
use crate::review::engine::{Phase, Progress};
use serde::Serialize;

/// A state as `parts/status` draws it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Badge {
    /// What people read.
    pub word: String,
    /// Which shape and colour stand beside it: a class of the stylesheet, empty for a plain one.
    pub tone: &'static str,
}

/// A badge.
pub fn badge(word: impl Into<String>, tone: &'static str) -> Badge {
    Badge {
        word: word.into(),
        tone,
    }
}

/// Where a record stands.
pub fn of_status(status: Status) -> Badge {
    match status {
        Status::Registered => badge("Registered", ""),
        Status::Draft => badge("Draft", ""),
        Status::InReview => badge("In review", "open"),
        Status::ChangesRequested => badge("Changes requested", "part"),
        Status::Approved => badge("Approved", "good"),
        Status::Rejected => badge("Rejected", "bad"),
        Status::Withdrawn => badge("Withdrawn", ""),
        Status::Abandoned => badge("Abandoned", ""),
        Status::Overridden => badge("Let through", "part"),
        Status::Suspended => badge("Suspended", "bad"),
        Status::Expired => badge("Expired", "bad"),
        Status::Revoked => badge("Revoked", "bad"),
        Status::Retired => badge("Retired", ""),
    }
}

/// Where a review stands.
pub fn of_phase(phase: Phase) -> Badge {
    match phase {
        Phase::InReview => badge("In review", "open"),
        Phase::ChangesRequested => badge("Changes requested", "part"),
        Phase::Approved => badge("Approved", "good"),
        Phase::Overridden => badge("Let through", "part"),
        Phase::Suspended => badge("Suspended", "bad"),
        Phase::Rejected => badge("Rejected", "bad"),
        Phase::Withdrawn => badge("Withdrawn", ""),
        Phase::Abandoned => badge("Abandoned", ""),
        Phase::Expired => badge("Expired", "bad"),
        Phase::Revoked => badge("Revoked", "bad"),
        Phase::Retired => badge("Retired", ""),
        Phase::Superseded => badge("Superseded", ""),
    }
}

/// A risk tier by its word.
pub fn of_risk(risk: &str) -> Badge {
    match risk {
        "low" => badge("Low risk", "low"),
        "medium" => badge("Medium risk", "medium"),
        "high" => badge("High risk", "high"),
        "prohibited" => badge("Prohibited", "bad"),
        other => badge(sentence_case(other), ""),
    }
}

/// A risk tier where the heading above already says that it is one.
pub fn of_risk_briefly(risk: &str) -> Badge {
    let full = of_risk(risk);
    Badge {
        word: full.word.trim_end_matches(" risk").to_owned(),
        ..full
    }
}

/// The state of a stage, as a class of `parts/route` and in words.
pub fn of_progress(progress: Progress) -> (&'static str, &'static str) {
    match progress {
        Progress::Pending => ("ahead", "waits for earlier stages"),
        Progress::Skipped => ("skipped", "not needed"),
        Progress::Open => ("now", "open"),
        Progress::Approved => ("done", "approved"),
        Progress::ApprovedWithConditions => ("done", "approved with conditions"),
        Progress::Rejected => ("stopped", "rejected"),
        Progress::TimedOut => ("stopped", "timed out"),
    }
}

/// Abbreviations that stand as keys of roles and seats.
const ABBREVIATIONS: [&str; 6] = ["ai", "ceo", "ciso", "cto", "dpo", "it"];

/// `in_review` as `In review`, `ai_council` as `AI council`: words that come from data and have no
/// better name.
pub fn sentence_case(word: &str) -> String {
    let one = |(at, word): (usize, &str)| {
        if ABBREVIATIONS.contains(&word) {
            return word.to_uppercase();
        }
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if at == 0 => first.to_uppercase().chain(letters).collect(),
            _ => word.to_owned(),
        }
    };
    word.split('_')
        .enumerate()
        .map(one)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_like_words_and_keep_their_abbreviations() {
        assert_eq!(sentence_case("data_protection"), "Data protection");
        assert_eq!(sentence_case("ai_council"), "AI council");
        assert_eq!(sentence_case("cto"), "CTO");
        assert_eq!(sentence_case("überblick"), "Überblick");
    }
}
