//! `bench`: measures the services side by side with what they are compared with.

fn main() {}
