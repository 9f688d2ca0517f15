//! Integration tests: one binary, one module per area.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, helpers included"
)]

mod colours;
mod fetch;
mod http;
