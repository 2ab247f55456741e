//! The engine against a reference model: generated workflows, random histories, two judges.

#![allow(dead_code, reason = "each test uses its part")]

pub mod laws;
pub mod model;
pub mod plan;
pub mod play;
