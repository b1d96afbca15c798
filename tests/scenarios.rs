//! Plays every scenario: each file is a test of its own.
//!
//! The project's own are in `tests/scenarios/`; `BURDOCK_SCENARIOS` names more folders, separated by colons. A scenario that asks
//! for a feature that is not built, or stands in `tests/scenarios/PENDING.md`, is reported as pending, with the reason.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, missing_docs)]

#[path = "support/rpl/mod.rs"]
mod rpl;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use rpl::pending::{Row, rows};
use rpl::words::{Verdict, judge};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let listed = rows(&std::fs::read_to_string(own.join("PENDING.md")).unwrap()).unwrap();
    let others = std::env::var("BURDOCK_SCENARIOS").unwrap_or_default();
    let folders = std::iter::once(own).chain(others.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from));

    let mut trials: Vec<Trial> = rpl::checks::ALL
        .iter()
        .map(|(name, check)| {
            Trial::test(format!("runner::{name}"), || {
                check();
                Ok(())
            })
        })
        .collect();
    let mut pending: BTreeMap<String, usize> = BTreeMap::new();
    for folder in folders {
        let first = trials.len();
        for file in files(&folder) {
            trials.push(trial(&file, &listed, &mut pending));
        }
        let prefix = format!("{}/", folder.file_name().unwrap_or_default().to_string_lossy());
        for row in listed.iter().filter(|row| row.file.starts_with(&prefix)) {
            if !trials[first..].iter().any(|trial| trial.name() == row.file) {
                let problem = "PENDING.md lists it, but there is no such file";
                trials.push(Trial::test(row.file.clone(), move || Err(problem.into())));
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        let total: usize = pending.values().sum();
        let by_feature: Vec<String> = pending.iter().map(|(feature, count)| format!("{feature} {count}")).collect();
        println!("scenarios: {} passed, {} failed, {total} pending", conclusion.num_passed, conclusion.num_failed);
        println!("pending by feature: {}", if total == 0 { "none".to_owned() } else { by_feature.join(", ") });
    }
    conclusion.exit_code()
}

/// The scenario files of a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rpl"));
    files.sort();
    files
}

fn trial(file: &Path, listed: &[Row], pending: &mut BTreeMap<String, usize>) -> Trial {
    let folder = file.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let name = format!("{folder}/{}", file.file_stem().unwrap_or_default().to_string_lossy());
    // Scenario files are not all UTF-8: names of people in comments.
    let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
    let read = rpl::parse::parse(&text).map_err(|error| error.to_string());
    let verdict = read.and_then(|scenario| judge(&scenario).map(|verdict| (scenario, verdict)));
    let row = listed.iter().find(|row| row.file == name).cloned();
    match verdict {
        Err(problem) => Trial::test(name, move || Err(problem.into())),
        Ok((_, Verdict::Pending(missing))) => {
            let mut features: Vec<&str> = missing.iter().map(|missing| missing.feature).collect();
            features.sort_unstable();
            features.dedup();
            let feature = features.join("+");
            *pending.entry(feature.clone()).or_default() += 1;
            let first = &missing[0];
            let reason = format!("pending, {feature}: line {}: {}", first.line, first.reason);
            Trial::ignorable_test(name, move || Ok(Completion::ignored_with(reason)))
        }
        Ok((mut scenario, Verdict::Play(mut setup))) => {
            if setup.any_time {
                rpl::trust::any_time(&mut scenario, &mut setup);
            }
            if setup.resolver.dnssec.validate || !scenario.anchor_file.records.is_empty() {
                rpl::stand_in::gather(&mut scenario);
                rpl::stand_in::cast(&mut scenario, &mut setup);
                rpl::autotrust::begin(&mut scenario, &mut setup);
            }
            if let Some(row) = &row {
                *pending.entry(row.feature.clone()).or_default() += 1;
            }
            Trial::ignorable_test(name, move || settle(rpl::play::play(&scenario, &setup), row))
        }
    }
}

/// What came out, against what the list of pending scenarios says.
fn settle(played: Result<(), String>, row: Option<Row>) -> Result<Completion, Failed> {
    match (played, row) {
        (Ok(()), None) => Ok(Completion::Completed),
        (Ok(()), Some(_)) => Err("it passes: take its row out of PENDING.md".into()),
        (Err(problem), None) => Err(problem.into()),
        (Err(_), Some(row)) => Ok(Completion::ignored_with(format!("pending, {}: {}", row.feature, row.reason))),
    }
}
