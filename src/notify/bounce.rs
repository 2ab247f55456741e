//! Reading a bounce: a delivery report (RFC 3464) about a mail of ours. Pure.
//!
//! Anybody can write to the address that bounces come to. So a report is believed only as far as it
//! names one mail of ours by the number that nobody but its recipient knows, and whom it names
//! besides does not matter. How much is read of it, and how deep, is bounded.
use crate::db::MessageId;
use crate::notify::status::{Status, Verdict};
use mail_parser::{Message, MessageParser, MimeHeaders, PartType};
use std::panic::AssertUnwindSafe;

/// Most bytes that are read of a bounce. What counts stands at its begin; what follows is the mail
/// that came back.
pub const READ_MAX: usize = 256 * 1024;
/// Most parts of a bounce, in any depth: the parser's own depth has no bound.
const PARTS_MAX: usize = 32;
/// Most bytes of the machine-readable part.
const STATUS_MAX: usize = 16 * 1024;

/// What our mails are known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// Address that mails are sent from, without a number.
    pub sender: String,
    /// Domain of the Message-IDs.
    pub domain: String,
}

/// What became of a mail, as a report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is late and still tried.
    Delayed,
    /// It was given up.
    Failed,
}

/// A report about one of our mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounce {
    /// Which.
    pub mail: MessageId,
    /// What became of it.
    pub fate: Fate,
    /// The status the last server gave.
    pub status: Status,
}

impl Bounce {
    /// Reads a message as a bounce; nothing when it is none, or about no mail of ours. `recipient`
    /// is the address it was delivered to, where a program knows it better than the message.
    pub fn read(bytes: &[u8], marks: &Marks, recipient: Option<&str>) -> Option<Bounce> {
        let bytes = bytes.get(..READ_MAX).unwrap_or(bytes);
        if parts(bytes) > PARTS_MAX {
            return None;
        }
        let parse = AssertUnwindSafe(|| {
            let report = MessageParser::default().parse(bytes)?;
            let (fate, status) = delivery_status(&report)?;
            let mail = mail_of(&report, marks, recipient)?;
            Some(Bounce { mail, fate, status })
        });
        std::panic::catch_unwind(parse).ok().flatten()
    }

    /// Whether it says that no mail reaches the person.
    pub fn loses(&self) -> bool {
        self.fate == Fate::Failed && self.status.verdict() == Some(Verdict::Lost)
    }
}

/// How often the header that a part can only begin with occurs.
fn parts(bytes: &[u8]) -> usize {
    const HEADER: &[u8] = b"content-type";
    let windows = bytes.windows(HEADER.len());
    windows.filter(|w| w.eq_ignore_ascii_case(HEADER)).count()
}

fn delivery_status(report: &Message) -> Option<(Fate, Status)> {
    let root = report.parts.first()?.content_type()?;
    let is_report = root.ctype() == "multipart" && root.subtype() == Some("report");
    let kind = root.attribute("report-type").unwrap_or("delivery-status");
    if !is_report || !kind.eq_ignore_ascii_case("delivery-status") {
        return None;
    }
    let machine_readable = |part: &&mail_parser::MessagePart| {
        part.content_type().is_some_and(|kind| {
            let subtype = kind.subtype().unwrap_or_default();
            kind.ctype() == "message"
                && matches!(subtype, "delivery-status" | "global-delivery-status")
        })
    };
    let part = report.parts.iter().find(machine_readable)?;
    let text = part.contents();
    recipients(text.get(..STATUS_MAX).unwrap_or(text))
}

/// The first group of fields about a recipient that says what became of the mail.
fn recipients(text: &[u8]) -> Option<(Fate, Status)> {
    let text = String::from_utf8_lossy(text).replace("\r\n", "\n");
    text.split("\n\n").find_map(|group| {
        field(group, "final-recipient")?;
        let fate = match field(group, "action")?.to_ascii_lowercase().as_str() {
            "failed" => Fate::Failed,
            "delayed" => Fate::Delayed,
            _ => return None,
        };
        // A comment may follow: `5.1.1 (bad destination mailbox address)`.
        let status = field(group, "status")?;
        let status = Status::parse(status.split_whitespace().next()?)?;
        status.verdict().map(|_| (fate, status))
    })
}

/// A field of a group. None of those that count here is ever folded.
fn field<'a>(group: &'a str, name: &str) -> Option<&'a str> {
    group.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found
            .trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim())
    })
}

/// Which of our mails it is about: by the address it was sent to, and by the mail that came back.
/// Two numbers that differ are nobody's.
fn mail_of(report: &Message, marks: &Marks, recipient: Option<&str>) -> Option<MessageId> {
    let addressed = recipient.and_then(|address| numbered(address, marks));
    let addressed = addressed.or_else(|| {
        const TO: [&str; 5] = [
            "delivered-to",
            "x-original-to",
            "envelope-to",
            "to",
            "x-rcpt-to",
        ];
        let mut headers = report.headers_raw();
        headers.find_map(|(name, value)| {
            let is_address = TO.iter().any(|to| name.eq_ignore_ascii_case(to));
            is_address.then(|| numbered(value, marks)).flatten()
        })
    });
    match (addressed, returned(report, marks)) {
        (Some(one), Some(other)) if one != other => None,
        (addressed, returned) => addressed.or(returned),
    }
}

/// The number in `register+NUMBER@example.org`.
fn numbered(text: &str, marks: &Marks) -> Option<MessageId> {
    let (local, domain) = marks.sender.split_once('@')?;
    let text = text.to_ascii_lowercase();
    let begin = format!("{}+", local.to_ascii_lowercase());
    let end = format!("@{}", domain.to_ascii_lowercase());
    let mut rests = text.match_indices(&begin).filter_map(|(at, begin)| {
        let rest = text.get(at + begin.len()..)?;
        rest.split_once(&end).map(|(number, _)| number)
    });
    rests.find_map(|number| number.parse().ok())
}

/// The number in the Message-ID of the mail that came back, or of its headers.
fn returned(report: &Message, marks: &Marks) -> Option<MessageId> {
    let ours = |id: &str| {
        let (number, domain) = id.trim().trim_matches(['<', '>']).split_once('@')?;
        let ours = domain.eq_ignore_ascii_case(&marks.domain);
        ours.then(|| number.parse().ok()).flatten()
    };
    report.parts.iter().find_map(|part| match &part.body {
        PartType::Message(message) => message.message_id().and_then(ours),
        PartType::Text(headers) => field(headers, "message-id").and_then(ours),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> Marks {
        Marks {
            sender: "register@countersign.test".to_owned(),
            domain: "register.test".to_owned(),
        }
    }

    fn number() -> MessageId {
        "0197f3a0-1111-7222-8333-444455556666"
            .parse()
            .expect("a number")
    }

    /// A report as Postfix writes them, with these pieces.
    fn report(to: &str, action: &str, status: &str, returned: &str) -> String {
        format!(
            "Return-Path: <>\r\nTo: {to}\r\nSubject: Undelivered Mail Returned to Sender\r\n\
             Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
             --b\r\nContent-Description: Notification\r\nContent-Type: text/plain\r\n\r\n\
             I'm sorry to have to inform you.\r\n\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\n\
             Reporting-MTA: dns; mail.test\r\nArrival-Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n\
             \r\nFinal-Recipient: rfc822; dana@example.org\r\n\
             Original-Recipient: rfc822;dana@example.org\r\nAction: {action}\r\n\
             Status: {status}\r\nRemote-MTA: dns; mx.test\r\n\
             Diagnostic-Code: smtp; 550 5.1.1 <dana@example.org>: unknown\r\n\r\n\
             --b\r\nContent-Type: message/rfc822\r\n\r\n{returned}\r\n--b--\r\n"
        )
    }

    fn own() -> String {
        format!("register+{}@countersign.test", number().0.simple())
    }

    fn mail(id: &str) -> String {
        format!("From: register@countersign.test\r\nMessage-ID: <{id}>\r\nSubject: x\r\n\r\nText")
    }

    fn read(text: &str) -> Option<Bounce> {
        Bounce::read(text.as_bytes(), &marks(), None)
    }

    fn status(text: &str) -> Status {
        Status::parse(text).expect("a status")
    }

    #[test]
    fn a_report_names_its_mail_by_the_address_or_by_what_came_back() {
        let expected = Some(Bounce {
            mail: number(),
            fate: Fate::Failed,
            status: status("5.1.1"),
        });
        let foreign = mail("someone@elsewhere.test");
        let came_back = mail(&format!("{}@register.test", number()));
        for (to, returned) in [
            (own().as_str(), foreign.as_str()),
            (own().to_uppercase().as_str(), foreign.as_str()),
            ("register@countersign.test", came_back.as_str()),
            (own().as_str(), came_back.as_str()),
        ] {
            let text = report(to, "failed", "5.1.1", returned);
            assert_eq!(read(&text), expected, "{to}");
            assert_eq!(read(&text.replace("\r\n", "\n")), expected, "{to}");
        }
        let headers = report("x@y.test", "failed", "5.1.1", &came_back).replace(
            "Content-Type: message/rfc822",
            "Content-Type: text/rfc822-headers",
        );
        assert_eq!(read(&headers), expected);
        let piped = report("x@y.test", "failed", "5.1.1", &foreign);
        let piped = Bounce::read(piped.as_bytes(), &marks(), Some(&own()));
        assert_eq!(piped, expected);
    }

    #[test]
    fn only_a_mailbox_that_is_gone_loses_its_person() {
        for (action, given, loses) in [
            ("failed", "5.1.1", true),
            ("Failed", "5.0.0 (undefined status)", true),
            ("failed", "5.2.2", false),
            ("failed", "5.7.1", false),
            ("failed", "4.4.7", false),
            ("delayed", "4.4.1", false),
        ] {
            let bounce = read(&report(&own(), action, given, "")).expect("a bounce");
            assert_eq!(bounce.loses(), loses, "{action} {given}");
        }
    }

    #[test]
    fn what_is_no_report_about_a_mail_of_ours_is_nothing() {
        let good = report(&own(), "failed", "5.1.1", "");
        let other = mail("0197f3a0-9999-7222-8333-444455556666@register.test");
        for (what, text) in [
            ("nothing", String::new()),
            ("no mail", "\0\u{1}\u{2}".to_owned()),
            (
                "a reply",
                format!("To: {}\r\n\r\nApproved. Status: 5.1.1", own()),
            ),
            ("delivered", report(&own(), "delivered", "2.0.0", "")),
            ("relayed", report(&own(), "relayed", "5.1.1", "")),
            ("a good status", report(&own(), "failed", "2.0.0", "")),
            ("no status", report(&own(), "failed", "bad", "")),
            (
                "nobody's",
                good.replace(&own(), "register@countersign.test"),
            ),
            (
                "another domain",
                good.replace("countersign.test", "evil.test"),
            ),
            ("two numbers", report(&own(), "failed", "5.1.1", &other)),
            (
                "read",
                good.replace("delivery-status;", "disposition-notification;"),
            ),
            ("mixed", good.replace("multipart/report", "multipart/mixed")),
            (
                "no recipient",
                good.replace("Final-Recipient", "Last-Recipient"),
            ),
            ("half", good.replace("Action: failed", "Action:")),
        ] {
            assert_eq!(read(&text), None, "{what}");
        }
        assert!(read(&good).is_some());
    }

    #[test]
    fn a_hostile_report_is_bounded_in_depth_and_length() {
        let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(20_000);
        assert_eq!(read(&report(&own(), "failed", "5.1.1", &deep)), None);
        let mut nested = String::new();
        for depth in 0..10_000 {
            nested.push_str(&format!(
                "Content-Type: multipart/mixed; boundary=b{depth}\r\n\r\n--b{depth}\r\n"
            ));
        }
        assert_eq!(read(&report(&own(), "failed", "5.1.1", &nested)), None);
        let long = "x".repeat(5_000_000);
        let bounce = read(&report(&own(), "failed", "5.1.1", &long));
        assert!(
            bounce.is_some(),
            "what counts comes before the mail that came back"
        );
        let groups = "Final-Recipient: a\n\n".repeat(100_000);
        let many = report(&own(), "failed", "5.1.1", "").replace("Reporting-MTA", &groups);
        assert_eq!(read(&many), None);
    }

    #[test]
    fn no_bytes_make_the_reader_fail() {
        let good = report(&own(), "failed", "5.1.1", &mail("a@b.test")).into_bytes();
        for cut in 0..good.len() {
            let _ = Bounce::read(good.get(..cut).unwrap_or_default(), &marks(), None);
        }
        let mut seed = 7_u32;
        for _ in 0..3_000 {
            let mut bytes = good.clone();
            for _ in 0..4 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = seed as usize % bytes.len();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = (seed >> 16) as u8;
                }
            }
            if let Some(bounce) = Bounce::read(&bytes, &marks(), None) {
                assert_eq!(
                    bounce.mail.0.get_version_num(),
                    number().0.get_version_num()
                );
            }
        }
    }
}
