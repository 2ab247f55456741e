//! `migrate`.
use crate::config::Config;
use crate::db::Db;
use crate::error::Result;
use clap::Args;
use std::process::ExitCode;

/// `countersign migrate`
#[derive(Debug, Args)]
#[command(
    after_help = "Example: COUNTERSIGN_DATABASE_URL='postgres://dba@db/countersign?\
                  options=-crole%3Dcountersign_owner' countersign migrate"
)]
pub struct Migrate {}

impl Migrate {
    pub(super) fn run(self) -> Result<ExitCode> {
        match Db::migrate(&Config::load()?.database_url)? {
            0 => println!("The schema is this program's already."),
            1 => println!("1 migration ran."),
            many => println!("{many} migrations ran."),
        }
        Ok(ExitCode::SUCCESS)
    }
}
