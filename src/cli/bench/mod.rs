//! `bench`: what this machine decides a second and does with a long log, beside what it can do at
//! all.
mod fill;
mod ground;
mod ledger;
mod limit;
mod phase;
mod policy;
mod shell;
mod stock;

use crate::app::App;
use crate::db::{Tx, Url};
use crate::error::{Error, Result};
use crate::review::{self, Desk};
use clap::{Args, Subcommand};
use ground::Ground;
use limit::Kind;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use stock::{Case, Stock};

/// `countersign bench …`
#[derive(Debug, Args)]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Durable decisions a second, beside bare one-row commits on the same disk.
    #[command(after_help = "Example: countersign bench decisions --callers 1,16 --seconds 5")]
    Decisions(Decisions),
    /// Answers of a data-use policy, beside looking a name up.
    #[command(after_help = "Example: countersign bench policy --rules 10000")]
    Policy(policy::Policy),
    /// Pages, exports and verification of a long log, beside the sqlite3 shell and bare SHA-256.
    #[command(after_help = "Example: countersign bench ledger --entries 1000000")]
    Ledger(ledger::Ledger),
}

#[derive(Debug, Args)]
struct Decisions {
    /// Measures on this server, or on the disk of this SQLite file; what is there stays as it is.
    #[arg(long)]
    database_url: Option<String>,
    /// How many people decide at the same moment, one measurement for each number.
    #[arg(long, value_delimiter = ',', default_value = "1,16",
          value_parser = clap::value_parser!(u16).range(1..=256))]
    callers: Vec<u16>,
    /// Length of each measurement in seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

impl Bench {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.what {
            What::Decisions(command) => command.run(),
            What::Policy(command) => command.run(),
            What::Ledger(command) => command.run(),
        }
    }
}

impl Decisions {
    fn run(self) -> Result<ExitCode> {
        let ground = Ground::prepare(self.database_url.as_deref())?;
        let url = Url::parse(ground.url())?;
        limit::prepare(&url)?;
        let stock = Stock::found(ground.url())?;
        // Fills the caches too, so that the first measurement is like the others.
        let mut rate = decide(&stock, 4, Duration::from_millis(500), 300)?.per_second();
        let mut runs = Vec::new();
        for callers in &self.callers {
            let run = self.measure(&stock, &url, *callers, rate)?;
            rate = rate.max(run.per_second());
            runs.push(run);
        }
        if self.json {
            println!("{}", self.report(&ground, &runs));
        } else {
            self.print(&ground, &runs);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The limits are taken right before and right after: what other programs do to the machine
    /// meanwhile touches both sides of the ratio.
    fn measure(&self, stock: &Stock, url: &Url, callers: u16, rate: f64) -> Result<Run> {
        let time = Duration::from_secs(self.seconds.into());
        let limits = || {
            let one = |kind: &Kind| limit::measure(url, *kind, time / 2);
            Kind::of(url).iter().map(one).collect::<Result<Vec<_>>>()
        };
        let before = limits()?;
        let mut run = decide(stock, callers, time, enough(rate, time))?;
        let after = limits()?;
        let mean = before
            .iter()
            .zip(&after)
            .map(|(a, b)| f64::midpoint(*a, *b));
        run.limits = Kind::of(url).iter().copied().zip(mean).collect();
        Ok(run)
    }

    fn report(&self, ground: &Ground, runs: &[Run]) -> Value {
        json!({
            "bench": "decisions", "database": ground.about, "durable": ground.durable,
            "seconds": self.seconds, "runs": runs.iter().map(Run::report).collect::<Vec<_>>(),
        })
    }

    fn print(&self, ground: &Ground, runs: &[Run]) {
        println!("Decisions on {}, {} s each", ground.about, self.seconds);
        if !ground.durable {
            println!("This server does not wait for its disk: the figures promise nothing.");
        }
        println!("\ncallers  decisions/s    p50 ms    p99 ms  entries each");
        for run in runs {
            println!(
                "{:>7}  {:>11.0}  {:>8.2}  {:>8.2}  {:>12.1}",
                run.callers,
                run.per_second(),
                run.percentile(50),
                run.percentile(99),
                run.entries_each(),
            );
        }
        println!("\ncallers  beside                            commits/s  decisions to commits");
        for run in runs {
            for (kind, limit) in &run.limits {
                let (callers, ratio) = (run.callers, run.per_second() / limit);
                println!(
                    "{callers:>7}  {:<32}  {limit:>9.0}  {ratio:>20.2}",
                    kind.name()
                );
            }
        }
    }
}

/// What one number of callers came to.
struct Run {
    callers: u16,
    /// How long each decision took to be answered, the shortest first.
    times: Vec<Duration>,
    took: Duration,
    /// Ledger entries that the decisions wrote.
    entries: u64,
    limits: Vec<(Kind, f64)>,
}

#[allow(clippy::cast_precision_loss, reason = "counts of minutes at most")]
impl Run {
    fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64()
    }

    fn entries_each(&self) -> f64 {
        self.entries as f64 / self.times.len() as f64
    }

    /// Milliseconds within which `percent` of the decisions were answered.
    fn percentile(&self, percent: usize) -> f64 {
        let place = (self.times.len() * percent / 100).min(self.times.len().saturating_sub(1));
        self.times
            .get(place)
            .map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }

    fn report(&self) -> Value {
        let limit = |(kind, limit): &(Kind, f64)| {
            let ratio = self.per_second() / limit;
            json!({ "name": kind.name(), "commits_per_second": limit, "ratio": ratio })
        };
        json!({
            "callers": self.callers, "decisions": self.times.len(),
            "decisions_per_second": self.per_second(), "p50_ms": self.percentile(50),
            "p99_ms": self.percentile(99), "entries_per_decision": self.entries_each(),
            "limits": self.limits.iter().map(limit).collect::<Vec<_>>(),
        })
    }
}

/// Use cases that last for `time` even when more callers decide four times as fast.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number above zero"
)]
fn enough(rate: f64, time: Duration) -> usize {
    (4.0 * rate * time.as_secs_f64()) as usize / stock::ROUTE.len() + 256
}

/// Lets `callers` decide for `time`, each on use cases of their own out of `cases` new ones. Ends
/// early when a caller finds none left.
fn decide(stock: &Stock, callers: u16, time: Duration, cases: usize) -> Result<Run> {
    let cases = Arc::new(Mutex::new(stock.submit(cases)?));
    let entries = || {
        stock
            .app
            .db
            .read_now(|conn| Ok(crate::ledger::head(conn)?.0))
    };
    let before = entries()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .map_err(|e| Error::Unavailable(format!("cannot start the callers: {e}")))?;
    let start = Instant::now();
    let end = Arc::new(AtomicBool::new(false));
    let mut times = runtime.block_on(async {
        let caller = || Caller {
            app: stock.app.clone(),
            cases: cases.clone(),
            end: end.clone(),
        };
        let all: Vec<_> = (0..callers)
            .map(|_| tokio::spawn(caller().work(start + time)))
            .collect();
        let mut times = Vec::new();
        for one in all {
            times.extend(one.await.map_err(|_| Error::Interrupted)??);
        }
        Ok::<_, Error>(times)
    })?;
    let took = start.elapsed();
    times.sort_unstable();
    Ok(Run {
        callers,
        times,
        took,
        entries: entries()? - before,
        limits: Vec::new(),
    })
}

/// Somebody who decides one task after the other, as fast as they are answered.
struct Caller {
    app: App,
    cases: Arc<Mutex<Vec<Case>>>,
    end: Arc<AtomicBool>,
}

impl Caller {
    async fn work(self, deadline: Instant) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        while let Some(case) = self.next() {
            for (actor, given) in case.decisions() {
                let asked = Instant::now();
                if asked >= deadline || self.end.load(Ordering::Relaxed) {
                    return Ok(times);
                }
                let (task, known) = (given.task.to_string(), actor.clone());
                let work = move |tx: &mut Tx, desk: &Desk| {
                    review::decide(tx, desk, &known, &given).map(|_| ())
                };
                self.app.command("decide", task, &actor, work).await?;
                times.push(asked.elapsed());
            }
        }
        self.end.store(true, Ordering::Relaxed);
        Ok(times)
    }

    fn next(&self) -> Option<Case> {
        self.cases.lock().ok()?.pop()
    }
}
