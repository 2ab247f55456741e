//! Reviews: a record goes through the stages of a workflow version, and people decide.
//!
//! `engine` holds the rules and is pure. This room loads what they need, writes the ledger
//! entries, the state, the tasks and the messages of a command in one transaction, and answers
//! what pages and the API ask. Nothing else changes a review.
mod again;
pub mod agenda;
mod announce;
pub mod api;
mod approvals;
mod ballot;
mod case;
pub mod clockwork;
pub mod deeds;
pub mod drafts;
mod due;
mod duties;
mod effects;
pub mod engine;
pub mod expected;
mod finish;
mod forget;
mod inbox;
mod keep;
mod links;
mod moves;
mod nonce;
mod notes;
pub mod page;
mod place;
mod preview;
mod recall;
mod receipt;
pub mod rounds;
mod sentences;
mod service;
mod sheet;
pub mod simulation;
mod store;
mod timeline;
pub mod words;
pub mod workflow_page;
mod workflow_words;
pub mod workflows;

pub use again::{look_again, look_again_now};
pub use approvals::{
    HandoverGiven, delegate, give_renewal_up, is_steward, look_again_at, on_approval, on_condition,
    on_override, reassign, renew, restart, start_anew,
};
pub use due::{Due, of_stage as due_of_stage};
pub use duties::{Duty, duties};
pub use effects::{Falling, falling};
pub use finish::{Finish, finish};
pub use forget::{ERASED, delete_links_before, delete_links_of, forget};
pub use inbox::{Item, inbox};
pub use links::{
    LINK_DAYS, LinkState, end_links_of, issue_link, link_end, link_state, task_of_link, task_state,
};
pub use place::Place;
pub use preview::{Preview, PreviewStage, preview};
pub use recall::recall;
pub use sentences::spelled;
pub use service::{
    ConditionGiven, DecisionGiven, Desk, Revised, Rules, decide, decide_from_inbox, may_edit,
    parties, revise, rules, start, submit, withdraw,
};
pub use store::{
    ConditionRow, DecisionRow, Holder, Task, conditions_of, decision, decisions_of, holders,
    open_task_count, open_tasks_of, review, reviews_of, task, tasks_of_person,
};
pub use timeline::{TimelineItem, describe, log_page, timeline};
