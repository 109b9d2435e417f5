//! What the benchmarks of the services are made of, and what tests of whole functions reuse.
//!
//! A function is measured as it is deployed: its own process, driven over the Lambda Runtime API.
//!
//! - [`runtime_api`]: that API, on this machine;
//! - [`function`](mod@function): a function's process, with the environment that Lambda gives it;
//! - [`aws_stub`]: the AWS calls that a function makes, answered at once, failed or left waiting;
//! - [`whole`]: measures several functions side by side; [`slices`]: the same for code in this process;
//! - [`peers`]: the same function in Python and Node, laid out; [`agreement`]: whether they do the same;
//!   [`side_by_side`]: what is said of them;
//! - [`api_request`]: viewers' requests; [`memory`]: DynamoDB answered inside its client;
//! - [`part`]: what is measured in a process of its own;
//! - [`cpus`], [`statistics`], [`steps`], [`machine`]: what every measurement needs;
//! - [`document`]: the page with the results, a section per benchmark;
//! - [`tokens`]: the benchmark of playback tokens; [`answers`]: that of answers.

pub mod agreement;
pub mod answers;
pub mod api_request;
pub mod aws_stub;
pub mod cpus;
pub mod document;
pub mod function;
pub mod machine;
pub mod memory;
pub mod part;
pub mod peers;
pub mod runtime_api;
pub mod side_by_side;
pub mod slices;
pub mod statistics;
pub mod steps;
pub mod tokens;
pub mod whole;
