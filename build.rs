//! Tells the linker what a shared library with restartable sequences needs.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is_library = std::env::var_os("CARGO_FEATURE_CAPI").is_some();
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if is_library && target == "linux" {
        // The kernel keeps a pointer into the code of the last sequence: it must never be unmapped.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,now");
    }
}
