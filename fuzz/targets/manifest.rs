//! Any bytes through the reader, in every dialect; what is read must survive a round trip.
#![no_main]

use deployx::manifest::emit::emit;
use deployx::manifest::read::{ReadOptions, load_bytes, read_documents};
use deployx::manifest::Sources;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let sources = Sources::new();
    let Ok(file) = load_bytes(&sources, "fuzz.yaml", bytes.to_vec()) else { return };
    for options in [
        ReadOptions::kubectl(),
        ReadOptions::kustomize_resource(),
        ReadOptions::kustomize_patch(),
    ] {
        for document in read_documents(&sources, file, &options).into_iter().flatten() {
            let once = emit(&document.root);
            let again = sources.add("emitted.yaml", once.as_str());
            // Two things that go-yaml writes do not read back, and we write them as it does: a key
            // `<<` (a merge), and Unicode line separators in single quotes (folded).
            if once.contains("<<") || once.contains(['\u{2028}', '\u{2029}']) {
                continue;
            }
            for back in read_documents(&sources, again, &ReadOptions::kubectl()) {
                match back {
                    Ok(back) => assert_eq!(emit(&back.root), once),
                    Err(faults) => panic!("{faults}\n{once}"),
                }
            }
        }
    }
});
