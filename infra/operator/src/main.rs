//! `operator`: what an operator does to a deployed stack, on AWS and on one machine alike.

fn main() {}
