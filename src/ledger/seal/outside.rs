//! Who outside of the house is asked about checkpoints, and what came of it. Nothing waits for
//! them: signing goes on, and whoever did not answer is asked again later.
use crate::app::App;
use crate::config::Config;
use crate::db::schema::{ledger_askings, ledger_checkpoints, ledger_cosignatures, ledger_stamps};
use crate::db::{At, Conn, Tx};
use crate::error::Result;
use crate::finding::Finding;
use crate::ledger::checkpoint::Cosignature;
use crate::ledger::random;
use crate::ledger::seal::check::counted;
use crate::ledger::seal::stamp::{Question, Stamp};
use crate::ledger::seal::store::{Published, newest};
use crate::ledger::seal::witness::Witness;
use crate::ledger::store::{read_nodes, signed, unsigned};
use crate::ledger::tree;
use crate::on_backend;
use base64::prelude::*;
use diesel::dsl::max;
use diesel::prelude::*;
use diesel::upsert::excluded;
use serde::Serialize;
use std::time::Duration;

/// How often somebody is thought of who did not answer, and whether a stamp is due.
const POLL: Duration = Duration::from_secs(60);
/// Seconds after which somebody is asked again who gave no good answer.
const AGAIN: i64 = 60;
/// How long a checkpoint may wait for its witnesses before that is told.
const GRACE: Duration = Duration::from_secs(120);
/// Seconds from one stamp to the next.
const STAMP_EVERY: i64 = 3600;
/// The authority, where askings are noted.
const AUTHORITY: &str = "timestamps";

/// Asks whenever something was signed, until it is dropped.
pub(super) async fn run(app: App) {
    loop {
        let (done, over) = tokio::sync::oneshot::channel();
        let asking = app.clone();
        // A thread of its own: a slow answer holds up neither the runtime nor its end.
        std::thread::spawn(move || {
            if let Err(error) = ask_outside(&asking) {
                tracing::error!(%error, "witnesses could not be asked");
            }
            let _ = done.send(());
        });
        let _ = over.await;
        tokio::select! {
            () = app.sealer.signed.notified() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Asks everybody outside about the newest checkpoint who has not answered about it and is due,
/// all at once, and keeps what they answer.
///
/// # Errors
/// When the database fails. That somebody does not answer is no error: it is noted.
pub fn ask_outside(app: &App) -> Result<()> {
    let now = app.desk.clock.now();
    let witnesses = app.config.witnesses()?;
    let url = &app.config.timestamp_url;
    if witnesses.is_empty() && url.is_empty() {
        return Ok(());
    }
    let Some(new) = app.db.read_now(newest)? else {
        return Ok(());
    };
    let due = app
        .db
        .read_now(|conn| Due::of(conn, &new, witnesses, now))?;
    let nonce = random::<16>()?;
    std::thread::scope(|scope| {
        for (witness, known) in &due.witnesses {
            let new = &new;
            scope.spawn(move || seen(app, witness, new, *known, now));
        }
        if due.stamp && !url.is_empty() {
            stamped(app, &new, url, nonce, now);
        }
    });
    Ok(())
}

/// Who is to be asked now.
struct Due {
    /// Each with the size that it saw last.
    witnesses: Vec<(Witness, u64)>,
    stamp: bool,
}

impl Due {
    fn of(conn: &mut Conn, new: &Published, witnesses: Vec<Witness>, now: At) -> Result<Due> {
        let mut due = Vec::new();
        for witness in witnesses {
            let whom = witness.key.to_string();
            let known = last_seen(conn, new.origin(), &whom)?;
            let known = known.map_or(0, |(size, _)| size.min(new.size));
            if known < new.size && may_ask(conn, &whom, now)? {
                due.push((witness, known));
            }
        }
        let last = last_stamp(conn, new.origin())?;
        let stamp = last.is_none_or(|(size, at)| size < new.size && is_past(at, now, STAMP_EVERY));
        Ok(Due {
            witnesses: due,
            stamp: stamp && may_ask(conn, AUTHORITY, now)?,
        })
    }
}

/// Whether `seconds` went by; a clock that was set back counts as well.
fn is_past(at: At, now: At, seconds: i64) -> bool {
    let apart = now.0.as_second().saturating_sub(at.0.as_second());
    apart >= seconds || apart < 0
}

fn may_ask(conn: &mut Conn, whom: &str, now: At) -> Result<bool> {
    let last = asking(conn, whom)?;
    Ok(last.is_none_or(|(at, trouble)| trouble.is_none() || is_past(at, now, AGAIN)))
}

fn seen(app: &App, witness: &Witness, new: &Published, known: u64, now: At) {
    let proof = |old| {
        let proof = app.db.read_now(|conn| {
            Ok(tree::consistency(old, new.size, &mut |wanted| {
                read_nodes(conn, wanted)
            }))
        });
        match proof {
            Ok(Ok(proof)) => Ok(proof),
            Ok(Err(error)) => Err(format!("the ledger's tree: {error}")),
            Err(error) => Err(error.to_string()),
        }
    };
    let answer = witness.ask(new, known, now, &proof);
    let (new, whom) = (new.clone(), witness.key.to_string());
    keep(app, whom, answer, now, move |tx, whom, found| {
        add_cosignature(tx, &new, whom, found, now)
    });
}

fn stamped(app: &App, new: &Published, url: &str, nonce: [u8; 16], now: At) {
    let question = Question::new(new.note.as_bytes(), nonce);
    let answer = question.and_then(|question| question.ask(url, now));
    let new = new.clone();
    keep(
        app,
        AUTHORITY.to_owned(),
        answer,
        now,
        move |tx, _, found| add_stamp(tx, &new, found),
    );
}

/// Keeps an answer, and how the asking went.
fn keep<T: Send + 'static>(
    app: &App,
    whom: String,
    answer: std::result::Result<T, String>,
    now: At,
    add: impl FnOnce(&mut Tx, &str, &T) -> Result<()> + Send + 'static,
) {
    if let Err(why) = &answer {
        tracing::warn!(whom, why, "a checkpoint was not confirmed from outside");
    }
    let kept = app.db.upkeep_now(move |tx| {
        if let Ok(found) = &answer {
            add(tx, &whom, found)?;
        }
        note_asking(tx, &whom, now, answer.err().as_deref())
    });
    if let Err(error) = kept {
        tracing::error!(%error, "what came from outside could not be kept");
    }
}

fn add_cosignature(
    tx: &mut Tx,
    new: &Published,
    whom: &str,
    found: &Cosignature,
    now: At,
) -> Result<()> {
    let row = diesel::insert_into(ledger_cosignatures::table)
        .values((
            ledger_cosignatures::origin.eq(new.origin()),
            ledger_cosignatures::size.eq(signed(new.size)),
            ledger_cosignatures::witness.eq(whom),
            ledger_cosignatures::line.eq(&found.line),
            ledger_cosignatures::at.eq(now),
        ))
        .on_conflict_do_nothing();
    on_backend!(&mut **tx, c => row.execute(c))?;
    Ok(())
}

fn add_stamp(tx: &mut Tx, new: &Published, found: &Stamp) -> Result<()> {
    let row = diesel::insert_into(ledger_stamps::table)
        .values((
            ledger_stamps::origin.eq(new.origin()),
            ledger_stamps::size.eq(signed(new.size)),
            ledger_stamps::answer.eq(BASE64_STANDARD.encode(&found.answer)),
            ledger_stamps::at.eq(found.at),
        ))
        .on_conflict_do_nothing();
    on_backend!(&mut **tx, c => row.execute(c))?;
    Ok(())
}

fn note_asking(tx: &mut Tx, whom: &str, now: At, trouble: Option<&str>) -> Result<()> {
    let row = diesel::insert_into(ledger_askings::table)
        .values((
            ledger_askings::whom.eq(whom),
            ledger_askings::at.eq(now),
            ledger_askings::trouble.eq(trouble),
        ))
        .on_conflict(ledger_askings::whom)
        .do_update()
        .set((
            ledger_askings::at.eq(excluded(ledger_askings::at)),
            ledger_askings::trouble.eq(excluded(ledger_askings::trouble)),
        ));
    on_backend!(&mut **tx, c => row.execute(c))?;
    Ok(())
}

fn asking(conn: &mut Conn, whom: &str) -> Result<Option<(At, Option<String>)>> {
    let one = ledger_askings::table.find(whom);
    let one = one.select((ledger_askings::at, ledger_askings::trouble));
    Ok(one.get_result(conn).optional()?)
}

fn last_seen(conn: &mut Conn, origin: &str, whom: &str) -> Result<Option<(u64, At)>> {
    let all = ledger_cosignatures::table
        .filter(ledger_cosignatures::origin.eq(origin))
        .filter(ledger_cosignatures::witness.eq(whom))
        .order(ledger_cosignatures::size.desc());
    let last: Option<(i64, At)> = all
        .select((ledger_cosignatures::size, ledger_cosignatures::at))
        .first(conn)
        .optional()?;
    Ok(last.map(|(size, at)| (unsigned(size), at)))
}

fn last_stamp(conn: &mut Conn, origin: &str) -> Result<Option<(u64, At)>> {
    let all = ledger_stamps::table.filter(ledger_stamps::origin.eq(origin));
    let last: Option<(i64, At)> = all
        .order(ledger_stamps::size.desc())
        .select((ledger_stamps::size, ledger_stamps::at))
        .first(conn)
        .optional()?;
    Ok(last.map(|(size, at)| (unsigned(size), at)))
}

/// Sizes of the checkpoints that were stamped and when, the newest first, and at most `most`.
pub(super) fn stamps(conn: &mut Conn, most: i64) -> Result<Vec<(u64, At)>> {
    let Some(new) = newest(conn)? else {
        return Ok(Vec::new());
    };
    let all = ledger_stamps::table.filter(ledger_stamps::origin.eq(new.origin()));
    let all: Vec<(i64, At)> = all
        .order(ledger_stamps::size.desc())
        .limit(most)
        .select((ledger_stamps::size, ledger_stamps::at))
        .load(conn)?;
    Ok(all
        .into_iter()
        .map(|(size, at)| (unsigned(size), at))
        .collect())
}

/// What the authority answered about the checkpoint of this size.
pub(super) fn stamp(conn: &mut Conn, origin: &str, size: u64) -> Result<Option<Vec<u8>>> {
    let one = ledger_stamps::table.find((origin, signed(size)));
    let answer: Option<String> = one
        .select(ledger_stamps::answer)
        .get_result(conn)
        .optional()?;
    Ok(answer.and_then(|answer| BASE64_STANDARD.decode(answer).ok()))
}

/// How those outside stand to the newest checkpoint, for pages and for doctor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outside {
    /// The witnesses of the settings, in their order.
    pub witnesses: Vec<Seen>,
    /// How many of them must see a checkpoint.
    pub quorum: u32,
    /// How many have seen the newest one that they had time to see.
    pub seen_by: u32,
    /// Whether fewer than must have.
    pub is_short: bool,
    /// The time stamps, where an authority is asked.
    pub stamps: Option<Seen>,
}

/// What somebody outside saw last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Who.
    pub name: String,
    /// The size of the checkpoint.
    pub size: Option<u64>,
    /// When.
    pub at: Option<At>,
    /// What was wrong when it was asked last.
    pub trouble: Option<String>,
}

impl Seen {
    fn of(conn: &mut Conn, name: &str, whom: &str, last: Option<(u64, At)>) -> Result<Seen> {
        Ok(Seen {
            name: name.to_owned(),
            size: last.map(|(size, _)| size),
            at: last.map(|(_, at)| at),
            trouble: asking(conn, whom)?.and_then(|(_, trouble)| trouble),
        })
    }

    fn told(&self) -> String {
        let seen = match (self.size, self.at) {
            (Some(size), Some(at)) => {
                format!("it saw {} at {at}", counted(size, "entry", "entries"))
            }
            _ => "it saw nothing yet".to_owned(),
        };
        match &self.trouble {
            Some(trouble) => format!("{}: {trouble}; {seen}", self.name),
            None => format!("{}: {seen}", self.name),
        }
    }
}

/// How those outside stand; nothing when nobody is asked or nothing was signed.
///
/// # Errors
/// When the database fails or the settings are wrong.
pub fn outside(conn: &mut Conn, config: &Config, now: At) -> Result<Option<Outside>> {
    let named = config.witnesses()?;
    let Some(new) = newest(conn)? else {
        return Ok(None);
    };
    if named.is_empty() && config.timestamp_url.is_empty() {
        return Ok(None);
    }
    let mut witnesses = Vec::new();
    for witness in named {
        let whom = witness.key.to_string();
        let last = last_seen(conn, new.origin(), &whom)?;
        let name = witness.key.name().as_str();
        witnesses.push(Seen::of(conn, name, &whom, last)?);
    }
    let settled = settled(conn, new.origin(), now)?;
    let current = witnesses
        .iter()
        .filter(|seen| seen.size.is_some() && seen.size >= settled);
    let seen_by = u32::try_from(current.count()).unwrap_or(u32::MAX);
    let stamps = match config.timestamp_url.as_str() {
        "" => None,
        url => {
            let last = last_stamp(conn, new.origin())?;
            Some(Seen::of(conn, url, AUTHORITY, last)?)
        }
    };
    let quorum = config.witness_quorum;
    Ok(Some(Outside {
        witnesses,
        quorum,
        seen_by,
        is_short: seen_by < quorum && settled.is_some(),
        stamps,
    }))
}

/// The size of the newest checkpoint that was there long enough to be seen.
fn settled(conn: &mut Conn, origin: &str, now: At) -> Result<Option<u64>> {
    let before = now.0.checked_sub(GRACE).map_or(now, At::new);
    let size: Option<i64> = ledger_checkpoints::table
        .filter(ledger_checkpoints::origin.eq(origin))
        .filter(ledger_checkpoints::at.le(before))
        .select(max(ledger_checkpoints::size))
        .get_result(conn)?;
    Ok(size.map(unsigned))
}

/// Whether those outside answer, for `countersign doctor`; nothing where nobody is asked.
///
/// # Errors
/// When the database fails or the settings are wrong.
pub fn check_outside(conn: &mut Conn, config: &Config, now: At) -> Result<Vec<Finding>> {
    let Some(found) = outside(conn, config, now)? else {
        return Ok(Vec::new());
    };
    let mut findings = Vec::new();
    if !found.witnesses.is_empty() {
        findings.push(of_witnesses(&found));
    }
    if let Some(stamps) = &found.stamps {
        findings.push(match stamps.trouble {
            Some(_) => Finding::advice("timestamps", stamps.told()),
            None => Finding::good("timestamps", stamps.told()),
        });
    }
    Ok(findings)
}

fn of_witnesses(found: &Outside) -> Finding {
    const CHECK: &str = "witnesses";
    let all = u64::try_from(found.witnesses.len()).unwrap_or(u64::MAX);
    let mut says = format!(
        "{} of {} saw the newest checkpoint that they had time to see",
        found.seen_by,
        counted(all, "witness", "witnesses")
    );
    let finding = if found.is_short {
        says.push_str(&format!(", and {} must", found.quorum));
        Finding::wrong(CHECK, says)
    } else if found.witnesses.iter().any(|seen| seen.trouble.is_some()) {
        Finding::advice(CHECK, says)
    } else {
        Finding::good(CHECK, says)
    };
    finding.with(found.witnesses.iter().map(Seen::told).collect())
}
