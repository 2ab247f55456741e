//! The log over HTTP in the layout of C2SP `tlog-tiles`, for monitors that trust nobody.
//!
//! Hashes tell nothing of what they stand for, since every entry holds a random salt. Entries are
//! without names and free text, but they say which person, by number, did what and when: who may
//! read them is for the operator to say, and by default it is who may read the decision log.
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ledger::seal::Sealing;
use crate::ledger::seal::outside;
use crate::ledger::seal::store::{newest, of_size, texts, tip, vkeys};
use crate::ledger::store::read_nodes;
use crate::ledger::tiles::{self, Level, Tile};
use crate::web::session::{Visitor, must_read_log};
use actix_web::http::header::{self, ContentDisposition};
use actix_web::{HttpResponse, web};

/// What never changes may be kept; by whom, depends on who may read it.
const FOREVER: &str = "max-age=31536000, immutable";
const TEXT: &str = "text/plain; charset=utf-8";

/// Whether anybody may read hashes, or entries.
fn is_public(app: &App, level: Option<Level>) -> bool {
    match app.config.log_public.as_str() {
        "entries" => true,
        "hashes" => level != Some(Level::Entries),
        _ => false,
    }
}

/// Lets in who may read this part of the log; a token was judged by the table of routes.
fn admit(app: &App, visitor: &Visitor, level: Option<Level>) -> Result<()> {
    if is_public(app, level) {
        return Ok(());
    }
    must_read_log(visitor)?;
    if level == Some(Level::Entries) && !visitor.scope.is_all() {
        let covers = visitor.scope.words();
        let sentence = format!("a bundle holds entries of all; your appointment covers {covers}");
        return Err(Error::Forbidden(sentence));
    }
    Ok(())
}

fn unsigned() -> Error {
    Error::NotFound("checkpoint: this ledger is not signed".to_owned())
}

/// `GET /log/checkpoint`: the newest signed checkpoint.
///
/// # Errors
/// 404 when nothing is signed; 401 and 403 where the log is not public.
pub async fn checkpoint(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    admit(&app, &visitor, None)?;
    let read = |conn: &mut Conn| {
        let newest = newest(conn)?.ok_or_else(unsigned)?;
        newest.witnessed(conn)
    };
    let note = app.db.read(read).await?;
    Ok(HttpResponse::Ok()
        .content_type(TEXT)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(note))
}

/// `GET /log/vkey`: the keys that sign now, one a line, the newest first. Whoever wants to be sure
/// compares them with what they were given by another way.
///
/// # Errors
/// As [`checkpoint`].
pub async fn vkey(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    admit(&app, &visitor, None)?;
    let keys = app.db.read(vkeys).await?;
    if keys.is_empty() {
        return Err(unsigned());
    }
    let lines: String = keys.iter().map(|key| format!("{key}\n")).collect();
    Ok(HttpResponse::Ok()
        .content_type(TEXT)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(lines))
}

/// `GET /log/tile/…`: a tile of hashes or a bundle of entries, as far as the newest checkpoint
/// covers it.
///
/// # Errors
/// 404 when there is no such tile; 401 and 403 where it is not public.
pub async fn tile(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
) -> Result<HttpResponse> {
    let name = format!("tile/{path}");
    let missing = || Error::NotFound("tile at this address in the newest checkpoint".to_owned());
    let tile: Tile = name.parse().map_err(|_| missing())?;
    admit(&app, &visitor, Some(tile.level))?;
    let read = move |conn: &mut Conn| {
        let size = newest(conn)?.map_or(0, |newest| newest.size);
        match tile.lies_within(size) {
            true => content(conn, &tile).map(Some),
            false => Ok(None),
        }
    };
    let content = app.db.read(read).await?.ok_or_else(missing)?;
    let whom = match is_public(&app, Some(tile.level)) {
        true => "public",
        false => "private",
    };
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((header::CACHE_CONTROL, format!("{whom}, {FOREVER}")))
        .body(content))
}

fn content(conn: &mut Conn, tile: &Tile) -> Result<Vec<u8>> {
    let corrupt = |what: String| Error::Corrupt(format!("{tile}: {what}"));
    if tile.level != Level::Entries {
        let hashes = tile.hashes(&mut |wanted| read_nodes(conn, wanted));
        return hashes.map_err(|error| corrupt(error.to_string()));
    }
    let wanted = tile.entries();
    let most = i64::try_from(tile.width).unwrap_or(i64::MAX);
    let mut bundle = Vec::new();
    for text in texts(conn, wanted.start, most)? {
        tiles::bundle(&mut bundle, &text).map_err(|flaw| corrupt(flaw.to_string()))?;
    }
    Ok(bundle)
}

/// Most time stamps listed.
const STAMPS: i64 = 1000;

/// `GET /log/stamps`: which checkpoints an authority has stamped, the newest first: a size and a
/// time on each line.
///
/// # Errors
/// 401 and 403 where the log is not public.
pub async fn stamps(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    admit(&app, &visitor, None)?;
    let all = app.db.read(|conn| outside::stamps(conn, STAMPS)).await?;
    let lines = all.iter().map(|(size, at)| format!("{size} {at}\n"));
    Ok(HttpResponse::Ok()
        .content_type(TEXT)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(lines.collect::<String>()))
}

/// `GET /log/stamps/{name}`: as `5.tsr` what the authority answered about the checkpoint of 5
/// entries, as `5.checkpoint` the very text that it stamped.
///
/// # Errors
/// 404 when that checkpoint was not stamped; 401 and 403 where it is not public.
pub async fn stamp(
    app: web::Data<App>,
    visitor: Visitor,
    name: web::Path<String>,
) -> Result<HttpResponse> {
    admit(&app, &visitor, None)?;
    let missing = || Error::not_found("time stamp", &name);
    let (size, what) = name.split_once('.').ok_or_else(missing)?;
    let is_answer = match what {
        "tsr" => true,
        "checkpoint" => false,
        _ => return Err(missing()),
    };
    let size: u64 = size.parse().map_err(|_| missing())?;
    let read = move |conn: &mut Conn| {
        let Some((origin, _)) = tip(conn)? else {
            return Ok(None);
        };
        let answer = outside::stamp(conn, &origin, size)?;
        Ok(answer.zip(of_size(conn, &origin, size)?))
    };
    let (answer, checkpoint) = app.db.read(read).await?.ok_or_else(missing)?;
    let (media, body) = match is_answer {
        true => ("application/timestamp-reply", answer),
        false => (TEXT, checkpoint.note.into_bytes()),
    };
    Ok(HttpResponse::Ok()
        .content_type(media)
        .insert_header(ContentDisposition::attachment(format!("{size}.{what}")))
        .body(body))
}

/// `GET /api/v1/log/entries/{seq}/receipt`: an entry with the proof that it stands in the log.
///
/// # Errors
/// 404 when there is no such entry or no checkpoint covers it yet.
pub async fn receipt(app: web::Data<App>, seq: web::Path<u64>) -> Result<HttpResponse> {
    let seq = seq.into_inner();
    let read = move |conn: &mut Conn| {
        let there = crate::ledger::head(conn)?.0 > seq;
        there.then(|| Sealing::of(conn, seq)).transpose()
    };
    let sealing = app.db.read(read).await?;
    download(seq, sealing.ok_or_else(|| Error::not_found("entry", seq))?)
}

/// The receipt of entry `seq` as a file.
///
/// # Errors
/// 404 when no checkpoint covers the entry yet, or none ever will.
pub fn download(seq: u64, sealing: Sealing) -> Result<HttpResponse> {
    let Some(text) = sealing.receipt else {
        let why = match sealing.waits {
            true => "no signed checkpoint covers it yet; try again in a few seconds",
            false => "this ledger is not signed",
        };
        return Err(Error::NotFound(format!("receipt of entry {seq}: {why}")));
    };
    let disposition = ContentDisposition::attachment(format!("receipt-{seq}.txt"));
    Ok(HttpResponse::Ok()
        .content_type(TEXT)
        .insert_header(disposition)
        .body(text))
}
