//! The decision log as a page, and the same rows as a file.
use crate::app::App;
use crate::db::{At, Conn, Tx};
use crate::error::{Error, Result};
use crate::form::SummaryLine;
use crate::ledger::api::Asked;
use crate::ledger::download::{Format, Ready, ready};
use crate::ledger::seal;
use crate::ledger::{Filter, Page, Scope, head, root};
use crate::review::words;
use crate::review::workflows;
use crate::review::{Desk, TimelineItem, log_page};
use crate::web::answer::page_with;
use crate::web::badge::{Badge, badge};
use crate::web::session::Visitor;
use crate::web::spine;
use crate::workflow::Outcome;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentDisposition, DispositionParam, DispositionType};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use std::io::{BufWriter, Write};
use std::sync::Arc;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Rows on one page.
const PAGE_SIZE: i64 = 50;
/// Bytes that are sent at a time.
const PIECE: usize = 64 * 1024;
/// Pieces that wait for a slow reader before writing stops.
const PIECES_WAITING: usize = 4;

/// What the address of the log says; empty values are no filters.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    from: String,
    to: String,
    person: String,
    stage: String,
    outcome: String,
    record: String,
    #[serde(skip_serializing)]
    before: String,
    #[serde(skip_serializing)]
    format: String,
}

impl Wanted {
    fn filter(&self, conn: &mut Conn, scope: &Scope) -> Result<Filter> {
        let given = |text: &str| Some(words::typed(text.trim())).filter(|t| !t.is_empty());
        let asked = Asked {
            after: None,
            from: given(&self.from),
            to: given(&self.to),
            person: given(&self.person),
            stage: given(&self.stage),
            outcome: given(&self.outcome),
            record: given(&self.record),
        };
        Ok(scope.narrow(asked.filter(conn)?))
    }

    /// The filters as a query; empty ones are left out.
    fn query(&self) -> String {
        let all = [
            ("from", &self.from),
            ("to", &self.to),
            ("person", &self.person),
            ("stage", &self.stage),
            ("outcome", &self.outcome),
            ("record", &self.record),
        ];
        let given: Vec<(&str, &String)> = all
            .into_iter()
            .filter(|(_, value)| !value.trim().is_empty())
            .collect();
        serde_urlencoded::to_string(given).unwrap_or_default()
    }

    fn start(&self) -> Page {
        self.before.parse().map_or(Page::Newest, Page::Before)
    }
}

#[derive(Serialize)]
struct LogPage {
    wanted: Wanted,
    filtered: bool,
    summary: Vec<SummaryLine>,
    stages: Vec<Offer>,
    outcomes: Vec<Offer>,
    rows: Vec<Row>,
    /// Query of the next page.
    next: Option<String>,
    /// Query of the first page, when this is another.
    first: Option<String>,
    size: u64,
    root: String,
    /// The newest signed checkpoint; nothing when the ledger is not signed.
    sealed: Option<Sealed>,
}

#[derive(Serialize)]
struct Sealed {
    size: u64,
    at: At,
}

#[derive(Serialize)]
struct Offer {
    value: String,
    label: String,
    chosen: bool,
}

#[derive(Serialize)]
struct Row {
    seq: i64,
    at: At,
    sentence: String,
    status: Option<Badge>,
    actor: String,
    /// Whom it concerns, when that is somebody else.
    person: Option<String>,
    reference: Option<String>,
    revision: Option<i64>,
    /// How the person was known; nothing for what follows by rule.
    method: Option<&'static str>,
    reason: Option<String>,
    conditions: Vec<String>,
    leaf_hash: String,
}

impl Row {
    fn of(item: TimelineItem) -> Row {
        let status = item
            .outcome
            .as_deref()
            .filter(|_| item.decision)
            .map(|outcome| badge(words::done_by_key(outcome), spine::tone(Some(outcome))));
        let on_its_own = matches!(item.method.as_str(), "cli" | "timer");
        let method = (item.actor.is_some() || on_its_own).then(|| spine::method(&item.method));
        let actor = item.actor.unwrap_or_else(|| "system".to_owned());
        Row {
            seq: item.seq,
            at: item.at,
            // What was decided stands beside it as a word with a shape.
            sentence: match item.stage_title.filter(|_| status.is_some()) {
                Some(stage) => stage,
                None => item.sentence,
            },
            status,
            person: item.person.filter(|person| *person != actor),
            actor,
            reference: item.reference,
            revision: item.revision,
            method,
            reason: item.reason,
            conditions: item.conditions,
            leaf_hash: item.leaf_hash,
        }
    }
}

/// `GET /log`: the decision log, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn log(
    app: web::Data<App>,
    visitor: Visitor,
    wanted: web::Query<Wanted>,
) -> Result<HttpResponse> {
    let desk = app.desk.clone();
    let (wanted, scope) = (wanted.into_inner(), visitor.scope.clone());
    let context = app
        .db
        .read(move |conn| draw_up(conn, &desk, wanted, &scope))
        .await?;
    let status = match context.summary.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    page_with(&app, &visitor, "log", "log", &context, status)
}

fn draw_up(conn: &mut Conn, desk: &Desk, wanted: Wanted, scope: &Scope) -> Result<LogPage> {
    let (size, _) = head(conn)?;
    let (summary, mut items) = match wanted.filter(conn, scope) {
        Ok(filter) => (
            Vec::new(),
            log_page(conn, desk, &filter, wanted.start(), PAGE_SIZE + 1)?,
        ),
        Err(error) if !error.is_ours() => (vec![complaint(&error)], Vec::new()),
        Err(error) => return Err(error),
    };
    let more = items.len() > PAGE_SIZE as usize;
    items.truncate(PAGE_SIZE as usize);
    let query = wanted.query();
    let last = items.last().filter(|_| more).map(|item| item.seq);
    let join = |extra: String| match query.is_empty() {
        true => format!("?{extra}"),
        false => format!("?{query}&{extra}"),
    };
    Ok(LogPage {
        stages: stages(conn, desk, &wanted.stage)?,
        outcomes: outcomes(&wanted.outcome),
        rows: items.into_iter().map(Row::of).collect(),
        next: last.map(|seq| join(format!("before={seq}"))),
        first: (!wanted.before.is_empty()).then(|| format!("?{query}")),
        filtered: !query.is_empty(),
        summary,
        size,
        root: hex::encode(root(conn, size)?.as_bytes()),
        sealed: seal::newest(conn)?.map(|newest| Sealed {
            size: newest.size,
            at: newest.at,
        }),
        wanted,
    })
}

/// A filter that means nothing, at its field.
fn complaint(error: &Error) -> SummaryLine {
    let sentence = error.to_string();
    let fields = ["from:", "to:", "there is no person", "there is no record"];
    let targets = ["from", "to", "person", "record"];
    let at = fields.iter().position(|begin| sentence.starts_with(begin));
    SummaryLine {
        target: at.and_then(|at| targets.get(at)).map(|id| (*id).to_owned()),
        message: words::sentence(&sentence),
    }
}

/// The stages of the workflows in force, and the one that is asked for.
fn stages(conn: &mut Conn, desk: &Desk, chosen: &str) -> Result<Vec<Offer>> {
    let mut offers: Vec<Offer> = Vec::new();
    for version in workflows::versions(conn)?.into_iter().filter(|v| v.active) {
        let loaded = workflows::version(conn, &desk.workflows, &version.key, version.version)?;
        for stage in &loaded.workflow.stages {
            if !offers.iter().any(|offer| offer.value == stage.key) {
                offers.push(offer(&stage.key, &stage.title, chosen));
            }
        }
    }
    if !chosen.is_empty() && !offers.iter().any(|offer| offer.chosen) {
        offers.push(offer(chosen, chosen, chosen));
    }
    Ok(offers)
}

fn outcomes(chosen: &str) -> Vec<Offer> {
    let all = [
        Outcome::Approve,
        Outcome::ApproveWithConditions,
        Outcome::RequestChanges,
        Outcome::Reject,
        Outcome::Recuse,
    ];
    let label = |o: Outcome| {
        words::sentence(words::done(o))
            .trim_end_matches('.')
            .to_owned()
    };
    all.into_iter()
        .map(|o| offer(o.as_str(), &label(o), chosen))
        .collect()
}

fn offer(value: &str, label: &str, chosen: &str) -> Offer {
    Offer {
        value: value.to_owned(),
        label: label.to_owned(),
        chosen: value == chosen,
    }
}

/// `POST /log/exports`: the very rows of the page, all of them, as a file. That somebody took them
/// away is itself an entry, the first that is not in the file.
///
/// # Errors
/// For a format or filter that cannot be read.
pub async fn export(
    app: web::Data<App>,
    visitor: Visitor,
    wanted: web::Form<Wanted>,
) -> Result<HttpResponse> {
    let wanted = wanted.into_inner();
    let (format, media, name) = match wanted.format.as_str() {
        "csv" => (Format::Csv, "text/csv; charset=utf-8", "decisions.csv"),
        "jsonl" => (Format::Jsonl, "application/jsonl", "decisions.jsonl"),
        "package" => (Format::Package, "application/zip", "decisions.zip"),
        _ => {
            let rule = "format: write csv, jsonl or package";
            return Err(Error::BadRequest(rule.to_owned()));
        }
    };
    let (actor, subject) = (visitor.actor()?, name.to_owned());
    let scope = visitor.scope.clone();
    let read = move |conn: &mut Conn| wanted.filter(conn, &scope);
    let filter = app.db.read(read).await?;
    let at_hand = app.clone();
    let ready = web::block(move || ready(&at_hand, filter, format, false)).await;
    let ready = Arc::new(ready.map_err(|_| Error::Interrupted)??);
    let (author, entry) = (actor.clone(), ready.clone());
    let enter = move |tx: &mut Tx, desk: &Desk| entry.enter(tx, desk.clock.now(), &author);
    app.command("export", subject, &actor, enter).await?;
    let ready = Arc::into_inner(ready).ok_or(Error::Interrupted)?;
    let (sender, receiver) = channel(PIECES_WAITING);
    let app = app.into_inner();
    tokio::task::spawn_blocking(move || write_out(&app, ready, &sender));
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name.to_owned())],
    };
    Ok(HttpResponse::Ok()
        .content_type(media)
        .insert_header(disposition)
        .streaming(stream::unfold(receiver, next_piece)))
}

type Piece = std::result::Result<Bytes, std::io::Error>;

async fn next_piece(mut receiver: Receiver<Piece>) -> Option<(Piece, Receiver<Piece>)> {
    let piece = receiver.recv().await?;
    Some((piece, receiver))
}

/// Writes the file as fast as it is read. When it fails the connection is cut, so that nobody
/// takes half a log for a whole one.
fn write_out(app: &App, ready: Ready, sender: &Sender<Piece>) {
    let out = BufWriter::with_capacity(PIECE, Pieces(sender));
    if let Err(error) = ready.write(app, out) {
        tracing::warn!(%error, "a download of the decision log ended early");
        let _ = sender.blocking_send(Err(std::io::Error::other("the download was cut off")));
    }
}

struct Pieces<'a>(&'a Sender<Piece>);

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let gone = |_| std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        self.0
            .blocking_send(Ok(Bytes::copy_from_slice(bytes)))
            .map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
