//! `countersign`: arguments, then one command.
#![forbid(unsafe_code)]
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    // One TLS provider for the whole binary, before anything can want another.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("countersign: the TLS provider could not be installed");
        return ExitCode::from(2);
    }
    let arguments = countersign::cli::Arguments::parse();
    match countersign::cli::run(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("countersign: {error}");
            ExitCode::from(2)
        }
    }
}
