//! Evidence files: which entries refer to which content, and what is erased.
use super::entries::Replay;
use super::stored::put;
use super::{Key, Snapshot};
use crate::db::schema::{evidence_files, evidence_uses};
use crate::db::{Conn, FileId, RecordId};
use crate::error::Result;
use crate::ledger::entry::Entry;
use diesel::prelude::*;
use serde_json::{Value, json};

impl Replay {
    /// The files that an entry refers to, or erases.
    pub(super) fn evidence(&mut self, entry: &Entry) -> std::result::Result<(), String> {
        let of = |from: &Value, name: &str| {
            let text = from.get(name).and_then(Value::as_str).map(str::to_owned);
            text.ok_or_else(|| format!("a file does not say `{name}`"))
        };
        if entry.kind == "file.erased" {
            let digest = entry.data.get("digest").and_then(Value::as_str);
            let key = Key::new("file", digest.ok_or("it does not say `digest`")?);
            return self.set(&key, entry, json!({ "erased": entry.seq }));
        }
        let files = entry.data.get("files").and_then(Value::as_array);
        for (place, file) in files.into_iter().flatten().enumerate() {
            let digest = of(file, "digest")?;
            let fields = json!({
                "digest": digest, "record": entry.subject.get("record"), "entry": entry.seq,
                "place": place,
            });
            self.put(Key::new("evidence", of(file, "id")?), entry, fields);
            let bytes = file.get("bytes").cloned().unwrap_or_default();
            let content = json!({
                "media_type": of(file, "media_type")?, "bytes": bytes, "erased": null,
            });
            self.once(Key::new("file", digest), entry, content);
        }
        Ok(())
    }
}

/// Contents, and what refers to them, as the database has them.
pub(super) fn of_evidence(conn: &mut Conn, all: &mut Snapshot) -> Result<()> {
    let rows: Vec<(String, String, i64, Option<i64>)> = evidence_files::table.load(conn)?;
    for (digest, media_type, bytes, erased) in rows {
        let fields = json!({ "media_type": media_type, "bytes": bytes, "erased": erased });
        put(all, Key::new("file", digest), fields);
    }
    let rows: Vec<(FileId, String, RecordId, i64, i32)> = evidence_uses::table.load(conn)?;
    for (id, digest, record, entry, place) in rows {
        let fields = json!({
            "digest": digest, "record": record, "entry": entry, "place": place,
        });
        put(all, Key::new("evidence", id), fields);
    }
    Ok(())
}
