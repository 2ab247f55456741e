//! The parts that every command and page stands on, each timed by itself: `cargo bench`.
//! What the whole does with them is told by `countersign bench`.

use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::db::Tx;
use countersign::error::Result;
use countersign::ledger::download::{Extras, Format, ready};
use countersign::ledger::entry::{Draft, Method, Stamp, Via};
use countersign::ledger::verify::verify_jsonl;
use countersign::ledger::{self, Actor, Filter, Note};
use countersign::register::{self, NewRecord, Query, Sort, Status};
use countersign::workflow::{Bundle, Inputs};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

const POLICY: &str = include_str!("../templates/workflows/ai_use_case.json");
const RECORDS: usize = 10_000;
const ENTRIES: usize = 50_000;

fn main() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let config = Config {
        database_url: format!("sqlite:{}", folder.path().join("bench.sqlite").display()),
        ..Config::default()
    };
    let app = App::open(config, Clock::system())?;
    sealing();
    conditions(&app);
    register(&app)?;
    append(&app)?;
    verify(&app)
}

/// Prints how long one of `what` takes: the best of five rounds, for other programs only add.
fn time(what: &str, mut one: impl FnMut()) -> Duration {
    const ROUND: Duration = Duration::from_millis(200);
    let round = |one: &mut dyn FnMut()| {
        let (start, mut count) = (Instant::now(), 0_u32);
        while start.elapsed() < ROUND {
            one();
            count += 1;
        }
        start.elapsed() / count.max(1)
    };
    one();
    let best = (0..5).map(|_| round(&mut one)).min().unwrap_or_default();
    show(what, best);
    best
}

fn show(what: &str, took: Duration) {
    println!("{what:<64} {:>12.2} µs", took.as_secs_f64() * 1e6);
}

fn console() -> Actor {
    Actor::system(Via::new(Method::Cli, "console"))
}

fn sealing() {
    let via = Via::new(Method::Session, "mailed_link");
    let draft = Draft::new("decision.recorded", uuid::Uuid::nil().to_string(), via)
        .subject("record", uuid::Uuid::nil().to_string())
        .subject("reference", "AI-2026-0042")
        .subject("stage", "legal_security")
        .subject("digest", "ab".repeat(32))
        .data("outcome", "approve")
        .data("conditions", json!([]))
        .private("reason", [1; 32])
        .private("answers", [2; 32]);
    let stamp = Stamp {
        seq: 123_456,
        id: uuid::Uuid::now_v7(),
        at: jiff::Timestamp::UNIX_EPOCH,
        salt: [7; 16],
    };
    time("an entry is sealed", || {
        black_box(draft.seal(&stamp)).expect("an entry");
    });
}

fn use_case(number: usize) -> Value {
    let used = ["summarising", "search", "coding"][number % 3];
    let class = ["public", "internal", "confidential"][number % 3];
    json!({
        "title": format!("Use case {number}"), "owner": "olga@example.org",
        "purpose": format!("Summarise the letters of claim {number} for its handler."),
        "tool": "Helvia Assist", "sourcing": "in_house", "data_classes": [class],
        "uses": [used],
        "effect_on_people": "none", "unit": format!("Unit {}", number % 40),
    })
}

fn conditions(app: &App) {
    let kind = app.desk.kinds.by_key("use_case").expect("the kind");
    let forms = &app.desk.kinds.stage_forms;
    let policy = Bundle::load("ai_use_case.json", POLICY, &kind.schema, forms)
        .expect("the shipped policy is good")
        .workflow;
    let (request, stages) = (use_case(2), BTreeMap::new());
    let derived = policy.derive(&request);
    time(
        "the policy's table of risks is answered for a use case",
        || {
            black_box(policy.derive(&request));
        },
    );
    let inputs = Inputs {
        request: &request,
        derived: &derived,
        stages: &stages,
    };
    let stage = policy.stage("vendor").expect("the stage");
    time("the policy says whether a stage is required", || {
        black_box(policy.condition(stage, &inputs));
    });
}

fn register(app: &App) -> Result<()> {
    let fill = |tx: &mut Tx, from: usize| -> Result<()> {
        let (kinds, now) = (register::Kinds::load()?, Clock::system().now());
        for number in from..from + 1000 {
            let new = NewRecord {
                document: use_case(number),
                status: Status::Registered,
                source_key: None,
            };
            register::create(tx, now, &console(), kinds.by_key("use_case")?, new)?;
        }
        Ok(())
    };
    let start = Instant::now();
    for from in (0..RECORDS).step_by(1000) {
        app.db.write_now(move |tx| fill(tx, from))?;
    }
    let each = start.elapsed() / RECORDS as u32;
    show("a record is created, 1,000 to a commit", each);
    let all = Query {
        kind: "use_case".to_owned(),
        ..Query::default()
    };
    let titles = Query {
        sort: Sort::Title,
        ..all.clone()
    };
    let words = Query {
        text: Some("letters 4711".to_owned()),
        ..all.clone()
    };
    let fields: Vec<String> = ["unit", "data_classes"].map(str::to_owned).into();
    for (what, query) in [
        ("first page of 10,000 records, latest first", &all),
        ("first page of 10,000 records, by title", &titles),
        ("first page of 10,000 records that hold two words", &words),
    ] {
        time(what, || {
            let page = app.db.read_now(|conn| register::list(conn, query));
            assert!(!black_box(page).expect("a page").records.is_empty());
        });
    }
    time("10,000 records are counted for two facets", || {
        let counts = app
            .db
            .read_now(|conn| register::facet_counts(conn, &all, &fields));
        assert!(!black_box(counts).expect("counts").is_empty());
    });
    Ok(())
}

fn append(app: &App) -> Result<()> {
    let note = |nr: usize| {
        Note::new("bench.entry_written", &console())
            .subject("reference", format!("AI-2026-{nr:04}"))
            .subject("digest", "ab".repeat(32))
            .outcome("approve")
            .private("reason", "Sound as described.")
    };
    let start = Instant::now();
    for from in (0..ENTRIES).step_by(1000) {
        app.db.write_now(move |tx| {
            let now = Clock::system().now();
            (from..from + 1000).try_for_each(|nr| ledger::append(tx, now, note(nr)).map(drop))
        })?;
    }
    let each = start.elapsed() / ENTRIES as u32;
    show(
        "an entry is appended to the ledger, 1,000 to a commit",
        each,
    );
    Ok(())
}

/// The promise: at most three times the bare SHA-256 of the same bytes.
fn verify(app: &App) -> Result<()> {
    let mut file = Vec::new();
    let filter = Filter::default();
    ready(app, filter, Format::Jsonl, Extras::default())?.write(&mut file)?;
    let bare = time("bare SHA-256 of an export of 60,000 entries", || {
        black_box(Sha256::digest(&file));
    });
    let all = time("the same export is verified", || {
        verify_jsonl(file.as_slice()).expect("an untouched export");
    });
    let times = all.as_secs_f64() / bare.as_secs_f64();
    println!(
        "{} bytes; verifying takes {times:.2} times the bare hashing",
        file.len()
    );
    Ok(())
}
