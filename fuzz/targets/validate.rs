//! Any bytes through the whole of `validate`: read, judged for the oldest and the newest version,
//! custom resources by the definitions among them, and shown in every form.
#![no_main]

use std::time::Duration;

use deployx::manifest::Sources;
use deployx::manifest::read::load_bytes;
use deployx::report::{self, Style};
use deployx::schema::Version;
use deployx::validate::{Definitions, Validator, judge_file};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let sources = Sources::new();
    let Ok(file) = load_bytes(&sources, "fuzz.yaml", bytes.to_vec()) else { return };
    let oldest = Version::all().next().expect("there is a version");
    for version in [oldest, Version::newest()] {
        let validator = Validator::new(version);
        let mut verdicts = judge_file(validator, &sources, file);
        verdicts.settle(validator, &sources, Definitions::default());
        let (out, took) = (&mut std::io::sink(), Duration::ZERO);
        report::findings_human(out, &sources, &verdicts, version, took, Style::new(true)).expect("a sink");
        report::findings_json(out, &sources, &verdicts, version).expect("a sink");
        report::findings_sarif(out, &sources, &verdicts, version).expect("a sink");
        report::findings_junit(out, &sources, &verdicts, took).expect("a sink");
        report::findings_github(out, &sources, &verdicts).expect("a sink");
    }
});
