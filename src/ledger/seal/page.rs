//! The log over HTTP, for monitors that trust nobody.
