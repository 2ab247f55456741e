//! Idempotency keys: a command that is sent again gets its first answer.
use crate::app::App;
use crate::db::schema::idempotency;
use crate::db::{At, Conn, PersonId, Tx};
use crate::error::{Error, Result};
use crate::ledger::Actor;
use crate::review::Desk;
use crate::web::session::Visitor;
use actix_web::HttpRequest;
use diesel::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Longest key, in characters.
const KEY_MAX: usize = 200;

/// A key with the request it came with.
#[derive(Debug, Clone)]
pub struct Key {
    person: PersonId,
    key: String,
    request_hash: String,
}

impl Key {
    /// The request's `Idempotency-Key`, if it has one.
    ///
    /// # Errors
    /// [`Error::BadRequest`] when it is empty, too long or not printable.
    pub fn of(request: &HttpRequest, visitor: &Visitor, body: &Value) -> Result<Option<Key>> {
        let Some(value) = request.headers().get("idempotency-key") else {
            return Ok(None);
        };
        let key = value.to_str().unwrap_or_default().trim().to_owned();
        if key.is_empty() || key.len() > KEY_MAX {
            let rule = format!("Idempotency-Key: send 1 to {KEY_MAX} printable characters");
            return Err(Error::BadRequest(rule));
        }
        let mut hash = Sha256::new();
        hash.update(request.method().as_str());
        hash.update([0]);
        hash.update(request.path());
        hash.update([0]);
        hash.update(serde_json_canonicalizer::to_vec(body)?);
        let request_hash = hex::encode(hash.finalize());
        Ok(Some(Key {
            person: visitor.id()?,
            key,
            request_hash,
        }))
    }

    /// The key of one part of what came with it: each part is done once by itself.
    pub fn of_part(self, part: &str) -> Key {
        Key {
            key: format!("{} {part}", self.key),
            ..self
        }
    }

    /// The key of a form that was drawn with `_once`: the same form with the same answers, sent
    /// twice by an impatient finger, is one command; with other answers it is another.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub fn of_form(
        visitor: &Visitor,
        address: &str,
        pairs: &[(String, String)],
    ) -> Result<Option<Key>> {
        if !pairs
            .iter()
            .any(|(name, value)| name == "_once" && !value.is_empty())
        {
            return Ok(None);
        }
        let sent = serde_json::to_vec(&(address, pairs))?;
        let request_hash = hex::encode(Sha256::digest(sent));
        Ok(Some(Key {
            person: visitor.id()?,
            key: format!("form {request_hash}"),
            request_hash,
        }))
    }
}

/// Runs a command once per key. The answer is kept in the command's own transaction, so that a
/// crash can lose neither without the other.
///
/// # Errors
/// [`Error::KeyReused`] for another request under the same key, and those of the command.
pub async fn once(
    app: &App,
    name: &'static str,
    subject: String,
    actor: &Actor,
    key: Option<Key>,
    work: impl FnOnce(&mut Tx, &Desk) -> Result<Value> + Send + 'static,
) -> Result<Value> {
    let done = app.command(name, subject, actor, move |tx, desk| {
        let Some(key) = key else {
            return work(tx, desk);
        };
        if let Some(answer) = known(tx, &key)? {
            tx.leave_unchanged();
            return Ok(answer);
        }
        let answer = work(tx, desk)?;
        keep(tx, &key, &answer, desk.clock.now())?;
        Ok(answer)
    });
    done.await
}

fn known(conn: &mut Conn, key: &Key) -> Result<Option<Value>> {
    let row: Option<(String, String)> = idempotency::table
        .find((key.person, &key.key))
        .select((idempotency::request_hash, idempotency::answer))
        .get_result(conn)
        .optional()?;
    match row {
        Some((hash, _)) if hash != key.request_hash => Err(Error::KeyReused),
        Some((_, answer)) => Ok(Some(serde_json::from_str(&answer)?)),
        None => Ok(None),
    }
}

fn keep(tx: &mut Tx, key: &Key, answer: &Value, now: At) -> Result<()> {
    diesel::insert_into(idempotency::table)
        .values((
            idempotency::person_id.eq(key.person),
            idempotency::key.eq(&key.key),
            idempotency::request_hash.eq(&key.request_hash),
            idempotency::answer.eq(answer.to_string()),
            idempotency::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(())
}
