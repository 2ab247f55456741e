//! Status codes of mail servers (RFC 3463), and what each says about the person.
use std::fmt;

/// `class.subject.detail`, such as `5.1.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    class: u16,
    subject: u16,
    detail: u16,
}

/// What a failure says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No mail reaches this person.
    Lost,
    /// Not now; a full mailbox is emptied some day.
    Later,
    /// A rule against us or against this message. It says nothing about the person: the same rule
    /// would make everybody unreachable.
    Rule,
}

impl Status {
    /// Reads `5.1.1` and nothing else.
    pub fn parse(text: &str) -> Option<Status> {
        let mut numbers = text.split('.').map(|part| {
            let digits = !part.is_empty() && part.len() <= 3;
            let number = digits && part.bytes().all(|b| b.is_ascii_digit());
            number.then(|| part.parse::<u16>().ok()).flatten()
        });
        let mut next = || numbers.next().flatten();
        let (class, subject, detail) = (next()?, next()?, next()?);
        let known = matches!(class, 2 | 4 | 5) && numbers.next().is_none();
        known.then_some(Status {
            class,
            subject,
            detail,
        })
    }

    /// The first status in what a server said, for people to read.
    pub fn within(text: &str) -> Option<Status> {
        let words = text.split(|c: char| !c.is_ascii_digit() && c != '.');
        words
            .map(|word| word.trim_matches('.'))
            .find_map(Status::parse)
    }

    /// What it says about the person whom the mail was for; nothing when it is no failure.
    pub fn verdict(self) -> Option<Verdict> {
        Some(match (self.class, self.subject, self.detail) {
            (5, 2, 2) | (4, ..) => Verdict::Later,
            (5, 6 | 7, _) => Verdict::Rule,
            (5, ..) => Verdict::Lost,
            _ => return None,
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> Option<Verdict> {
        Status::parse(text).and_then(Status::verdict)
    }

    #[test]
    fn an_unknown_mailbox_loses_the_person_and_a_full_one_does_not() {
        for lost in ["5.1.1", "5.1.10", "5.2.1", "5.4.4", "5.0.0"] {
            assert_eq!(verdict(lost), Some(Verdict::Lost), "{lost}");
        }
        for later in ["5.2.2", "4.2.2", "4.4.1"] {
            assert_eq!(verdict(later), Some(Verdict::Later), "{later}");
        }
        for rule in ["5.7.1", "5.6.0"] {
            assert_eq!(verdict(rule), Some(Verdict::Rule), "{rule}");
        }
        assert_eq!(verdict("2.1.5"), None);
    }

    #[test]
    fn a_status_is_found_in_what_a_server_says_and_nothing_else_is_taken_for_one() {
        let found = |text| Status::within(text).map(|status| status.to_string());
        let said = "permanent error (550): 5.1.1 No such user here";
        assert_eq!(found(said).as_deref(), Some("5.1.1"));
        assert_eq!(found("550-5.1.1 The account").as_deref(), Some("5.1.1"));
        for none in [
            "550 no such user",
            "10.0.0.1 refused",
            "5.1",
            "1.2.3",
            "5.1.1.1",
            "5..1",
        ] {
            assert_eq!(found(none), None, "{none}");
        }
        assert_eq!(Status::parse("5.1.1 "), None);
        assert_eq!(Status::parse("5.9999.1"), None);
    }
}
