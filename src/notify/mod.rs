//! Messages: owed in the transaction of the change, sent after it, never inside it.
//!
//! [`outbox`] holds what is owed. A [`Worker`] takes it from there: it looks whether the message
//! is still wanted and what is true now (`mail`), makes the link, builds the message (`letter`)
//! and hands it to the [`Postman`]. Nobody who decides waits for any of it. When it goes out is the
//! [`Timetable`]'s to say: task mails are held, what can wait does so until the morning, reminders
//! are one [`digest`] a day. What comes back is read by [`returns`].
//!
//! # Which message says what
//!
//! `Message::new(template, person).record(id).task(id).context(json!({…}))`. Names, titles, risk,
//! due times, holders and why somebody gets the mail are looked up when it is sent; the context
//! holds only what they cannot be found by. Every message but `sign_in`, `digest`,
//! `workflow_proposed` and `staffing` wants `record`; those that ask for a decision want `task` as
//! well.
//!
//! Whoever queues a message that follows from a ledger entry gives its number as `entry`, and the
//! `review` it belongs to: everything in parentheses below is then read from the entry, and reasons
//! from beside it, as long as they are not erased.
//!
//! | template | context |
//! |---|---|
//! | `task` | nothing; how it came to its reader is found: (`because`, `from`, `by`, reason) 1 |
//! | `receipt`, `sign_in`, `abandoned` | nothing |
//! | `checkpoint` | `origin`, `size`, and `since`, the size that was told before |
//! | `changes_requested`, `approved`, `rejected`, `withdrawn` | nothing |
//! | `digest` | call [`digest::want`] |
//! | `escalated` | `stage`, (`mode`, `because`) 2; with `task` for who decides too: nothing |
//! | `overdue` | `stage` |
//! | `delegated` | `stage`, (`to`, `because`, `by`, reason) 1, `until` a day |
//! | `timed_out` | `stage`, `then`: `goes_on`, `rejected` or `stays_open` |
//! | `condition_due`, `condition_missed` | `condition` |
//! | `condition_evidence` | `condition`, (`by`, the evidence) |
//! | `condition_refused` | `condition`, (`by`, reason, `because` `owner`: it will not be met) |
//! | `condition_met` | `condition`, (`by`, reason, `because` `waived`: it was let go) |
//! | `renewal_due`, `expired` | nothing; or `ends`, a time |
//! | `suspended`, `reinstated`, `revoked` | (`by` and reason, or `because` 3) |
//! | `override_requested` | (`by`, `until` a time, reason) |
//! | `override_granted` | (`by`, `second`, `until` a time, reason) |
//! | `workflow_proposed` | `title`, `path` of the page, (`by`, reason) |
//! | `vendor_change`, `vendor_change_reported` | `change` |
//! | `vendor_due` | `field`, and the `day` it says |
//! | `gate` | `what`: `expires`, `expired`, or `waiver_` and what became of it; `gate`, `until` |
//! | `oversight` | `what`, and of `rule`, `demand`, `figures`, `allowed`, `until` what it has |
//! | `risk` | `what`, and of `title`, `until` what it has |
//! | `auditor_scope` | `auditor`, `change`, `entry`, `by` |
//! | `staffing` | `seats`, `waiting`, `calendars`, as the daily round found them |
//! | `tool_ends` | `reference`, `title`, `until` a day, `over`, `path` of the page |
//!
//! 1. `absent`, `delegated`, `reassigned` or `returned`. A `delegated` mail goes to whose task it
//!    was, a `task` mail to whose it is.
//! 2. `notify`, `add_to_seat` or `must_agree`; `late`, `opened`, `disagreement`, `timed_out` or
//!    `condition_refused`.
//! 3. `condition_missed`, `condition_met` or `after_the_fact`.
//!
//! Where no entry says it, the context may: the same names, and `reason` for the text. People are
//! identifiers, times RFC 3339, days `2027-01-31`. `path` leads the link of any mail without a task
//! elsewhere than to the record. How each waits, and which of them one may turn off, stands in
//! `catalogue`.
pub mod api;
mod bounce;
mod breaker;
mod case;
mod catalogue;
mod check;
pub mod checkpoint;
pub mod digest;
mod feed;
mod forget;
mod given;
mod ics;
mod letter;
pub mod links;
mod mail;
mod notices;
pub mod outbox;
pub mod page;
mod postman;
pub mod returns;
mod smtp;
mod smtp_url;
mod status;
mod timetable;
mod worker;

pub use check::check;
pub use forget::{empty_before, forget, redact};
pub use letter::{Cover, Letter, Thread};
pub use postman::{MAILBOX_MAX, Mailbox, Postman};
pub use smtp::Smtp;
pub use timetable::Timetable;
pub use worker::{Worker, look_again};
