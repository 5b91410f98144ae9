//! Whatever stands in a configuration file: it is read or refused with a line, and what was read can be resolved and run.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use tidegate::model::checked::CheckedConfig;
use tidegate::store::config_read::read;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match read(text, "config.toml") {
        Ok(found) => {
            let lines = text.lines().count() + 1;
            assert!(found.findings.iter().all(|finding| finding.line.is_none_or(|line| line <= lines)));
            let _ = CheckedConfig::resolve(Arc::new(found.config), 1);
        }
        Err(error) => assert!(error.line >= 1 && error.column >= 1),
    }
});
