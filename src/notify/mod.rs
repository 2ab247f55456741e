//! Messages: owed in the transaction of the change, sent after it, never inside it.
pub mod outbox;
