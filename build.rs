//! Has the program compiled again when a file comes to the demo or goes: the compiler itself watches only
//! the files that it embedded.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=examples/demo");
}
