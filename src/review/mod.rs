//! Reviews: a record goes through the stages of a workflow version, and people decide.
//!
//! `engine` holds the rules and is pure. This room loads what they need, writes the ledger
//! entries, the state, the tasks and the messages of a command in one transaction, and answers
//! what pages and the API ask. Nothing else changes a review.
pub mod agenda;
pub mod api;
mod ballot;
mod case;
pub mod engine;
mod links;
mod nonce;
pub mod page;
mod receipt;
mod service;
mod sheet;
mod store;
mod timeline;
pub mod words;
pub mod workflow_page;
pub mod workflows;

pub use links::{LINK_DAYS, LinkState, issue_link, link_state, task_of_link, task_state};
pub use service::{
    ConditionGiven, DecisionGiven, Desk, Preview, PreviewStage, Revised, decide, may_edit, preview,
    refill, revise, start, submit, withdraw,
};
pub use store::{
    ConditionRow, DecisionRow, Holder, Task, conditions_of, decision, decisions_of, holders,
    open_task_count, open_tasks_of, review, task, tasks_of_person,
};
pub use timeline::{TimelineItem, describe, log_page, timeline};
