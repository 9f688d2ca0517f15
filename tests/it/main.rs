//! Integration tests, one module per area.

mod fetch;
mod http;
mod support;
