//! The engine against a reference model: generated workflows, random histories, two judges.

pub mod laws;
pub mod model;
pub mod plan;
pub mod play;
