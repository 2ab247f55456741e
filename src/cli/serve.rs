//! `serve`.
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::Result;
use crate::ledger::seal::{Keys, worker};
use crate::notify::Postman;
use crate::notify::Worker;
use crate::review::clockwork;
use crate::web::serve::{listen, serve};
use clap::Args;
use std::net::TcpListener;
use std::process::ExitCode;

/// `countersign serve`
#[derive(Debug, Args)]
#[command(
    after_help = "Example: COUNTERSIGN_DATABASE_URL=postgres://… countersign serve \
                        --listen 127.0.0.1:8080"
)]
pub struct Serve {
    /// Address and port, over COUNTERSIGN_LISTEN.
    #[arg(long)]
    listen: Option<String>,
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut config = Config::load()?;
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        log_to_console(&config, "info");
        let app = App::open(config, Clock::system())?;
        let (listener, address) = listen(&app.config.listen)?;
        let words = format!(
            "Countersign serves {} on http://{address}",
            app.config.public_url
        );
        actix_web::rt::System::new().block_on(run(app, listener, &words))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Serves, and says `words` when every setting has proved good.
async fn run(app: App, listener: TcpListener, words: &str) -> Result<()> {
    let worker = Worker::new(app.clone(), Postman::new(&app.config)?)?;
    if let Some(paths) = app.sealer.paths() {
        Keys::must(paths)?;
    }
    println!("{words}");
    serve_with(app, listener, worker).await
}

/// Serves with the mail worker, the clockwork and the signing worker beside; they end after the
/// last request.
pub(super) async fn serve_with(app: App, listener: TcpListener, worker: Worker) -> Result<()> {
    let (stop, stopped) = tokio::sync::watch::channel(());
    let over = |mut stopped: tokio::sync::watch::Receiver<()>| async move {
        // It answers when the other end is dropped.
        let _ = stopped.changed().await;
    };
    let post = actix_web::rt::spawn(worker.run(over(stopped.clone())));
    let clocks = actix_web::rt::spawn(clockwork::run(app.clone(), over(stopped)));
    let (last, ended) = tokio::sync::watch::channel(());
    let seal = actix_web::rt::spawn(worker::run(app.clone(), over(ended)));
    let served = serve(app, listener).await;
    drop(stop);
    let _ = tokio::join!(post, clocks);
    // Last of all, so that its last checkpoint covers what the others entered.
    drop(last);
    let _ = seal.await;
    served
}

/// Logs to the standard error; `usual` is the level unless `RUST_LOG` names another.
pub(super) fn log_to_console(config: &Config, usual: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    // Its debug lines hold what pages are made from, the tokens of their links among it.
    let filter = match "handlebars=warn".parse() {
        Ok(quiet) => filter.add_directive(quiet),
        Err(_) => filter,
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = if config.log_format == "json" {
        log.json().try_init()
    } else {
        log.try_init()
    };
    if let Err(error) = started {
        eprintln!("countersign: logging could not be set up: {error}");
    }
}
