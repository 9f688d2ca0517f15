//! The rooms of `src/sparql`.

use crate::support;
use std::process::Command;

#[test]
fn a_room_imports_rooms_below_it_only() {
    let Some(python) = support::python("re") else {
        return;
    };
    let tool = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/imports");
    let output = Command::new(python)
        .args([tool, "--check"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}
