//! The configuration: YAML from the operator, refused with a place and a remedy or in force as printed.
#![no_main]

use burdock::config::{Overrides, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(loaded) = parse(text, None, &Overrides::default()) else { return };
    let printed = loaded.to_yaml();
    let again =
        parse(&printed, None, &Overrides::default()).unwrap_or_else(|problems| panic!("{printed}\n{problems:?}"));
    assert_eq!(again.config, loaded.config, "{printed}");
});
