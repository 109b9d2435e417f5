//! What the benchmarks of the services are made of, and what tests of whole functions reuse.
//!
//! A function is measured as it is deployed: its own process, driven over the Lambda Runtime API.
//!
//! - [`runtime_api`]: that API, on this machine;
//! - [`function`](mod@function): a function's process, with the environment that Lambda gives it;
//! - [`aws_stub`]: the AWS calls that a function makes, answered at once, failed or left waiting;
//! - [`whole`]: measures several functions side by side; [`slices`]: the same for code in this process;
//! - [`peers`]: the same function in Python and Node, laid out;
//! - [`cpus`], [`statistics`], [`steps`], [`machine`]: what every measurement needs;
//! - [`document`]: the page with the results, a section per benchmark;
//! - [`tokens`]: the benchmark of playback tokens.

pub mod aws_stub;
pub mod cpus;
pub mod document;
pub mod function;
pub mod machine;
pub mod peers;
pub mod runtime_api;
pub mod slices;
pub mod statistics;
pub mod steps;
pub mod tokens;
pub mod whole;
