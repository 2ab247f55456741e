//! The decision log as a page, and the same rows as a file.
use crate::app::App;
use crate::db::{At, Conn};
use crate::error::{Error, Result};
use crate::form::SummaryLine;
use crate::ledger::api::Asked;
use crate::ledger::download::{Extras, Format};
use crate::ledger::seal;
use crate::ledger::send::taken;
use crate::ledger::{Filter, Page, Scope, head, root};
use crate::people;
use crate::review::words;
use crate::review::workflows;
use crate::review::{Desk, TimelineItem, log_page};
use crate::web::answer::page_with;
use crate::web::badge::{Badge, badge};
use crate::web::session::Visitor;
use crate::web::spine;
use crate::workflow::Outcome;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

/// Rows on one page.
const PAGE_SIZE: i64 = 50;

/// What the address of the log says; empty values are no filters.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    from: String,
    to: String,
    pub(super) person: String,
    stage: String,
    outcome: String,
    pub(super) record: String,
    #[serde(skip_serializing)]
    before: String,
    #[serde(skip_serializing)]
    format: String,
    /// Not empty when the private values are wanted as well.
    #[serde(skip_serializing)]
    private: String,
}

impl Wanted {
    pub(super) fn filter(&self, conn: &mut Conn, scope: &Scope) -> Result<Filter> {
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
        asked.filter(conn, scope)
    }

    /// The filters as a query; empty ones are left out.
    pub(super) fn query(&self) -> String {
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
    /// The filters as a query.
    query: String,
    /// Query of the next page.
    next: Option<String>,
    /// Query of the first page, when this is another.
    first: Option<String>,
    size: u64,
    root: String,
    /// The newest signed checkpoint; nothing when the ledger is not signed.
    sealed: Option<Sealed>,
    /// How those outside stand to it, where somebody is asked.
    outside: Option<seal::Outside>,
    /// Whether the visitor may have the private values with a package.
    opens_values: bool,
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

/// One entry as the log shows it.
#[derive(Serialize)]
pub(super) struct Row {
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
    pub(super) fn of(item: TimelineItem) -> Row {
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
    let (desk, config) = (app.desk.clone(), app.config.clone());
    let (wanted, scope) = (wanted.into_inner(), visitor.scope.clone());
    let mut context = app
        .db
        .read(move |conn| {
            Ok(LogPage {
                outside: seal::outside(conn, &config, desk.clock.now())?,
                ..draw_up(conn, &desk, wanted, &scope)?
            })
        })
        .await?;
    context.opens_values = opens_values(&visitor);
    let status = match context.summary.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    page_with(&app, &visitor, "log", "log", &context, status)
}

/// Draws up the page of the log that begins below this entry, or the newest, for whoever measures:
/// how many rows it has.
///
/// # Errors
/// When the database fails.
pub fn drawn_before(conn: &mut Conn, desk: &Desk, before: Option<u64>) -> Result<usize> {
    let wanted = Wanted {
        before: before.map(|seq| seq.to_string()).unwrap_or_default(),
        ..Wanted::default()
    };
    Ok(draw_up(conn, desk, wanted, &Scope::default())?.rows.len())
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
        query,
        summary,
        size,
        root: hex::encode(root(conn, size)?.as_bytes()),
        sealed: seal::newest(conn)?.map(|newest| Sealed {
            size: newest.size,
            at: newest.at,
        }),
        outside: None,
        wanted,
        opens_values: false,
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

/// Who may take private values, for whoever may not.
const VALUES_ARE_FOR: &str = "private values are for auditors and administrators";

/// Whether the visitor may take the private values of entries away in one file.
fn opens_values(visitor: &Visitor) -> bool {
    // A keeper reads the whole log, also where their appointment as an auditor says less.
    let only_audits = visitor.holds(&[people::AUDITOR]) && !visitor.holds(&[people::GOVERNANCE]);
    only_audits || visitor.holds(&[people::ADMINISTRATOR])
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
    let format = Format::named(&wanted.format)?;
    let private = !wanted.private.is_empty();
    if private && !opens_values(&visitor) {
        return Err(Error::Forbidden(VALUES_ARE_FOR.to_owned()));
    }
    let extras = Extras {
        private,
        ..Extras::default()
    };
    let (actor, scope) = (visitor.actor()?, visitor.scope.clone());
    let read = move |conn: &mut Conn| wanted.filter(conn, &scope);
    let filter = app.db.read(read).await?;
    taken(app, actor, filter, format, extras).await
}
