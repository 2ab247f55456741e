//! A finished message: the bytes that are handed to the server, and what is needed around them.
use crate::config::Config;
use crate::db::{At, MessageId, PersonId, RecordId};
use crate::error::{Error, Result};
use crate::notify::bounce::Marks;
use crate::templates::Mail;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart};
use lettre::{Address, Message as Rfc5322};
use std::panic::AssertUnwindSafe;
use std::time::SystemTime;

/// Longest name in a header, in characters.
const NAME_MAX: usize = 64;
/// Longest part of an address before the @, in characters (RFC 5321).
const LOCAL_MAX: usize = 64;
/// Longest subject, in characters.
const SUBJECT_MAX: usize = 200;

/// To whom, about what, when: all that the headers say besides the subject.
#[derive(Debug, Clone)]
pub struct Cover {
    /// The message's identifier, which makes the Message-ID.
    pub id: MessageId,
    /// Template it was made by.
    pub template: String,
    /// Name of the person.
    pub name: String,
    /// Their address.
    pub address: String,
    /// The thread it belongs to.
    pub thread: Option<Thread>,
    /// Reference of that record.
    pub reference: Option<String>,
    /// Date of the message.
    pub at: At,
    /// Address by which its reader gets no more of its kind, where they may do without.
    pub unsubscription: Option<String>,
    /// A text that goes along as a file, for what must arrive to the byte.
    pub enclosed: Option<Enclosed>,
}

/// A text file that goes along with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosed {
    /// Name of the file; plain characters.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// What mail programs show together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thread {
    /// Everything about one record.
    Record(RecordId),
    /// A person's digests.
    Digest(PersonId),
}

/// A message as it is sent.
#[derive(Debug, Clone)]
pub struct Letter {
    /// What its headers say.
    pub cover: Cover,
    /// `<id@domain>`, the same however often it is sent.
    pub message_id: String,
    /// Envelope sender.
    pub from: Address,
    /// Envelope recipient.
    pub to: Address,
    /// Subject line as sent.
    pub subject: String,
    /// Plain text part.
    pub text: String,
    /// HTML part.
    pub html: String,
    /// The whole message by RFC 5322.
    pub bytes: Vec<u8>,
}

/// Who sends, and under which domain messages are numbered.
#[derive(Debug, Clone)]
pub struct Sender {
    mailbox: Mailbox,
    domain: String,
    numbered: bool,
}

impl Sender {
    /// The sender by the settings.
    ///
    /// # Errors
    /// [`Error::Configuration`] when `COUNTERSIGN_MAIL_FROM` is no address.
    pub fn new(config: &Config) -> Result<Sender> {
        let rule = "COUNTERSIGN_MAIL_FROM (or mail_from in countersign.toml) must be an address \
                    such as Countersign <countersign@example.org>";
        let given: Option<Mailbox> = match config.mail_from.chars().any(char::is_control) {
            true => None,
            false => config.mail_from.parse().ok(),
        };
        let given = given.ok_or_else(|| Error::Configuration(rule.to_owned()))?;
        let name = given.name.map(|name| line(&name, NAME_MAX));
        let mailbox = Mailbox::new(name, given.email);
        Ok(Sender {
            mailbox,
            domain: domain(&config.origin()),
            numbered: config.bounce_sender,
        })
    }

    /// What mails of this sender are known by.
    pub fn marks(&self) -> Marks {
        Marks {
            sender: self.mailbox.email.to_string(),
            domain: self.domain.clone(),
        }
    }

    /// The envelope's sender: an address of the message's own, so that what comes back says which
    /// mail it was. Plain when that would be longer than an address may be.
    fn envelope(&self, id: MessageId) -> Address {
        let plain = &self.mailbox.email;
        let number = id.0.simple();
        let local = format!("{}+{number}", plain.user());
        let own = Address::new(&local, plain.domain());
        match own {
            Ok(own) if self.numbered && local.len() <= LOCAL_MAX => own,
            _ => plain.clone(),
        }
    }

    /// Builds the message. Whatever the words hold, no header and no recipient can be added by
    /// them; should the builder panic nevertheless, this one message fails and no other.
    ///
    /// # Errors
    /// Why this message can never be sent.
    pub fn letter(&self, cover: Cover, words: Mail) -> std::result::Result<Letter, String> {
        let built = std::panic::catch_unwind(AssertUnwindSafe(|| self.build(cover, words)));
        built.unwrap_or_else(|_| Err("the message could not be built".to_owned()))
    }

    fn build(&self, cover: Cover, words: Mail) -> std::result::Result<Letter, String> {
        let to: Address = cover
            .address
            .parse()
            .map_err(|e| format!("{}: {e}", cover.address))?;
        let name = Some(line(&cover.name, NAME_MAX)).filter(|name| !name.is_empty());
        let subject = line(&words.subject, SUBJECT_MAX);
        let (text, html) = (body(&words.text), body(&words.html));
        let message_id = format!("<{}@{}>", cover.id, self.domain);
        let mut builder = Rfc5322::builder()
            .from(self.mailbox.clone())
            .to(Mailbox::new(name, to.clone()))
            .subject(subject.clone())
            .date(SystemTime::from(cover.at.0))
            .message_id(Some(message_id.clone()))
            .raw_header(raw("Auto-Submitted", "auto-generated"))
            .raw_header(raw("X-Auto-Response-Suppress", "All"));
        if let Some(thread) = cover.thread {
            let thread = match thread {
                Thread::Record(record) => format!("<record-{record}@{}>", self.domain),
                Thread::Digest(person) => format!("<digest-{person}@{}>", self.domain),
            };
            builder = builder.in_reply_to(thread.clone()).references(thread);
        }
        if let Some(address) = &cover.unsubscription {
            builder = builder
                .raw_header(raw("List-Unsubscribe", &format!("<{address}>")))
                .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
        }
        let parts = MultiPart::alternative_plain_html(text.clone(), html.clone());
        let parts = match cover.enclosed.clone() {
            Some(file) => {
                let part = Attachment::new(file.name);
                let part = part.body(file.text.into_bytes(), ContentType::TEXT_PLAIN);
                MultiPart::mixed().multipart(parts).singlepart(part)
            }
            None => parts,
        };
        let message: Message = builder.multipart(parts).map_err(|e| e.to_string())?;
        let (from, bytes) = (self.envelope(cover.id), message.formatted());
        Ok(Letter {
            cover,
            message_id,
            from,
            to,
            subject,
            text,
            html,
            bytes,
        })
    }
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// The host of an origin such as `https://ai.example.org:8443`, as a Message-ID may hold it.
pub(super) fn domain(origin: &str) -> String {
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let host = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => format!("[{address}]"),
        None => host
            .split(':')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase(),
    };
    let good = |c: char| c.is_ascii_alphanumeric() || ".-[]:".contains(c);
    let plain = !host.is_empty() && host.chars().all(good);
    if plain { host } else { "localhost".to_owned() }
}

/// One line without what nobody sees: a line break in a header would begin another header, and
/// an override of the writing direction shows another name than is written.
fn line(text: &str, most: usize) -> String {
    let spaced: String = text.chars().filter_map(seen).collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .take(most)
        .collect::<String>()
        .trim()
        .to_owned()
}

fn seen(c: char) -> Option<char> {
    match c {
        c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => Some(' '),
        '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}' => None,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
        c => Some(c),
    }
}

fn body(text: &str) -> String {
    let hidden = |c: char| (c.is_control() && c != '\n' && c != '\t') || overrides(c);
    text.chars().filter(|c| !hidden(*c)).collect()
}

fn overrides(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender() -> Sender {
        let config = Config {
            public_url: "https://AI.example.org:8443/register".to_owned(),
            ..Config::default()
        };
        Sender::new(&config).expect("the default sender is an address")
    }

    fn cover(name: &str) -> Cover {
        Cover {
            id: MessageId::new(),
            template: "task".to_owned(),
            name: name.to_owned(),
            address: "dana@example.org".to_owned(),
            thread: Some(Thread::Record(RecordId::new())),
            reference: Some("AI-2026-0001".to_owned()),
            at: At("2026-11-30T10:00:00Z".parse().expect("a time")),
            unsubscription: None,
            enclosed: None,
        }
    }

    fn words(subject: &str) -> Mail {
        Mail {
            subject: subject.to_owned(),
            text: "Plain".to_owned(),
            html: "<p>Rich</p>".to_owned(),
        }
    }

    fn headers(letter: &Letter) -> Vec<String> {
        let text = String::from_utf8(letter.bytes.clone()).expect("a message is ASCII");
        let (head, _) = text.split_once("\r\n\r\n").expect("a head and a body");
        head.replace("\r\n ", " ")
            .split("\r\n")
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn a_message_says_who_when_what_and_that_a_machine_sent_it() {
        let letter = sender()
            .letter(cover("Dana Fuchs"), words("Übersetzung"))
            .expect("a letter");
        let headers = headers(&letter);
        for expected in [
            "To: \"Dana Fuchs\" <dana@example.org>",
            "Date: Mon, 30 Nov 2026 10:00:00 +0000",
            "Auto-Submitted: auto-generated",
            "X-Auto-Response-Suppress: All",
        ] {
            assert!(
                headers.iter().any(|h| h == expected),
                "{expected}: {headers:#?}"
            );
        }
        assert_eq!(
            letter.message_id,
            format!("<{}@ai.example.org>", letter.cover.id)
        );
    }

    #[test]
    fn mails_about_one_record_make_one_thread() {
        let (first, mut second) = (cover("Dana"), cover("Dana"));
        second.thread = first.thread;
        let thread = |cover| {
            let letter = sender().letter(cover, words("x")).expect("a letter");
            headers(&letter)
                .into_iter()
                .find(|h| h.starts_with("References:"))
        };
        let expected = thread(first);
        assert!(expected.is_some());
        assert_eq!(thread(second), expected);
    }

    #[test]
    fn no_name_and_no_subject_adds_a_header_or_a_recipient() {
        let long = "x".repeat(300);
        for hostile in [
            "Dana\r\nBcc: eve@evil.example",
            "Dana\nBcc: eve@evil.example",
            "Dana\rBcc: eve@evil.example",
            "Dana\0",
            "\u{202e}anaD\u{2066}",
            "\u{1f600} Dana \u{1f469}\u{200d}\u{1f4bb}",
            "\u{2028}Bcc: eve@evil.example",
            "\"<eve@evil.example>\" \\",
            "",
            long.as_str(),
        ] {
            let letter = sender()
                .letter(cover(hostile), words(hostile))
                .expect("a letter");
            let headers = headers(&letter);
            assert!(
                !headers.iter().any(|h| h.starts_with("Bcc")),
                "{hostile:?}: {headers:#?}"
            );
            assert_eq!(headers.iter().filter(|h| h.starts_with("To:")).count(), 1);
            assert!(letter.subject.chars().count() <= SUBJECT_MAX);
            assert!(!letter.subject.contains(['\r', '\n', '\0', '\u{202e}']));
            assert!(!letter.bytes.contains(&0));
        }
    }

    #[test]
    fn an_address_that_is_none_fails_its_own_message() {
        let mut hostile = cover("Dana");
        hostile.address = "dana@example.org\r\nRCPT TO:<eve@evil.example>".to_owned();
        assert!(sender().letter(hostile, words("x")).is_err());
    }

    #[test]
    fn messages_are_numbered_under_the_public_host() {
        for (origin, expected) in [
            ("https://ai.example.org", "ai.example.org"),
            ("http://127.0.0.1:8080", "127.0.0.1"),
            ("http://[::1]:8080", "[::1]"),
            ("https://exa mple", "localhost"),
        ] {
            assert_eq!(domain(origin), expected);
        }
    }

    #[test]
    fn a_sender_that_is_no_address_is_refused_at_start() {
        for from in ["", "Countersign", "a@b.example\r\nBcc: c@d.example"] {
            let config = Config {
                mail_from: from.to_owned(),
                ..Config::default()
            };
            let error = Sender::new(&config)
                .err()
                .map(|e| e.to_string())
                .unwrap_or_default();
            assert!(error.contains("COUNTERSIGN_MAIL_FROM"), "{from:?}: {error}");
        }
    }
}
