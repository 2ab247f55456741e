//! `demo`: a throw-away server with an invented organisation.
mod afterwards;
mod cases;
mod controls;
mod organisation;
mod story;
mod tools;
mod vendors;

use crate::app::App;
use crate::cli::operator;
use crate::cli::serve::{log_to_console, serve_with};
use crate::cli::throwaway::Throwaway;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::Result;
use crate::ledger::seal;
use crate::notify::Postman;
use crate::notify::Worker;
use crate::web::serve::listen;
use clap::Args;
use std::process::ExitCode;

/// `countersign demo`
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign demo --listen 127.0.0.1:9000")]
pub struct Demo {
    /// Address and port; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// Address under which browsers reach it, when that is another; may have a path.
    #[arg(long)]
    public_url: Option<String>,
    /// A database to fill instead of the throw-away one; must be empty.
    #[arg(long)]
    database_url: Option<String>,
}

impl Demo {
    pub(super) fn run(self) -> Result<ExitCode> {
        let folder = Throwaway::new_in(&std::env::temp_dir(), "demo")?;
        let (listener, address) = listen(&self.listen)?;
        let here = format!("http://{address}");
        let config = Config {
            database_url: self.database_url.clone().unwrap_or_else(|| {
                format!("sqlite:{}", folder.path().join("demo.sqlite").display())
            }),
            listen: address.to_string(),
            public_url: self.public_url.clone().unwrap_or_else(|| here.clone()),
            organisation: organisation::NAME.to_owned(),
            mail_from: organisation::SENDER.to_owned(),
            time_zone: organisation::ZONE.to_owned(),
            mail_hold: 0,
            signing_key_file: folder.path().join("signing.key").display().to_string(),
            ..Config::default()
        };
        config.check()?;
        log_to_console(&config, "warn");
        let (app, mailbox) = App::open(config, Clock::system())?.as_demo();
        story::tell(&app)?;
        seal::create(&app, &operator())?;
        greet(&app);
        actix_web::rt::System::new().block_on(async move {
            let worker = Worker::new(app.clone(), Postman::Mailbox(mailbox))?;
            serve_with(app, listener, worker).await
        })?;
        drop(folder);
        Ok(ExitCode::SUCCESS)
    }
}

fn greet(app: &App) {
    println!(
        "Countersign demo: {}, invented people and data",
        organisation::NAME
    );
    println!();
    println!("  Open first   {}", app.config.link("/demo"));
    println!("  then         act as Tomás Rivera, who wants a tool, and open New use case");
    println!("  Mailbox      {}", app.config.link("/demo/mailbox"));
    println!("               where a mail asks Ingrid Solheim for a decision: follow its link");
    println!("  Rules        act as Elena Petrova and open How reviews run");
    println!("  Auditor      act as David Cohen and open the decision log");
    println!();
    println!("Everything is thrown away when you stop it with Ctrl-C.");
}
