//! The register: what is imported into it.

pub mod import;
