//! A small tree of files, cut from the input, is built like a user's overlay. Whatever is in the
//! files, a build ends, and with an output or with faults: it never panics.
//!
//! Files are told apart by lines of `%%%%`; they are called as in [`NAMES`], in this order.
#![no_main]

use std::fs;
use std::path::PathBuf;

use deployx::kustomize::{Compat, Options, build};
use deployx::manifest::Sources;
use deployx::manifest::emit::emit_all;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 8] = [
    "root/kustomization.yaml",
    "root/a.yaml",
    "root/b.yaml",
    "root/patch.yaml",
    "root/file.txt",
    "base/kustomization.yaml",
    "base/a.yaml",
    "component/kustomization.yaml",
];

/// A folder of this process; only what is below it is ever written.
fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("deployx-fuzz-{}", std::process::id()))
}

fuzz_target!(|bytes: &[u8]| {
    let folder = folder();
    for name in NAMES {
        let path = folder.join(name);
        let parent = path.parent().expect("a parent");
        fs::create_dir_all(parent).expect("a folder");
        let _ = fs::remove_file(path);
    }
    let text = String::from_utf8_lossy(bytes);
    for (name, part) in NAMES.iter().zip(text.split("%%%%\n")) {
        fs::write(folder.join(name), part).expect("a file");
    }
    for compat in [Compat::V5_8, Compat::V5_5] {
        let sources = Sources::new();
        let options = Options {
            compat,
            ..Options::default()
        };
        if let Ok(build) = build(&sources, &folder.join("root"), options) {
            let _ = emit_all(build.objects.iter().map(|object| &object.root));
        }
    }
});
