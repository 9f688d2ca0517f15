//! The binary `clip-search`.

fn main() {}
