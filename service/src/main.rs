//! The service under test.

fn main() {}
