//! Whether mail can leave, as far as the settings tell.
use crate::config::Config;
use crate::finding::Finding;
use crate::notify::Postman;
use lettre::message::Mailbox;

/// Whether the settings name a mail server and a sender.
pub fn check(config: &Config) -> Finding {
    if let Err(error) = config.mail_from.parse::<Mailbox>() {
        return Finding::wrong(
            "mail",
            format!("COUNTERSIGN_MAIL_FROM is no sender: {error}"),
        );
    }
    match Postman::new(config) {
        Ok(Postman::Smtp(smtp)) => {
            Finding::good("mail", format!("goes through {}; not tried", smtp.name()))
        }
        Ok(_) => Finding::advice(
            "mail",
            "COUNTERSIGN_SMTP_URL is empty: no mail leaves, and nobody can sign in",
        ),
        Err(error) => Finding::wrong("mail", error.to_string()),
    }
}
