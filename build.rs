//! Has the program compiled again when a file that it carries comes or goes: the compiler itself watches only
//! the files that it embedded.

use std::fs;
use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=examples");
    // What web/ builds, if it was built. A folder that is not there would count as changed each time.
    if Path::new("web").exists() && fs::create_dir_all("web/dist").is_ok() {
        println!("cargo:rerun-if-changed=web/dist");
    }
}
