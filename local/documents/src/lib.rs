//! What this repository says in files, read and written by its commands and tests.
//!
//! - [`sections`]: pages of which each section is written by a command;
//! - [`tables`]: rows as a table, for a terminal or for a page;
//! - [`template`]: `infra/app.yaml` and its like, as JSON.

pub mod sections;
pub mod tables;
pub mod template;
