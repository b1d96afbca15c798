//! The words of a head that say what is validated, and from where.

use std::time::Duration;

use burdock::dns::{RecordType, rdata_from_text};
use burdock::dnssec::{Anchors, NegativeAnchor, Paths, Source};
use burdock::job::Limits;
use burdock::playground::Rrsig;

use super::model::Scenario;
use super::stand_in::sections;
use super::words::{Setup, flag};

/// The bounds: the defaults but for those on which scripts stand that were written for others. Their resolvers validate
/// 150 iterations of NSEC3 (RFC 9276 §3.2), and count a zone with more as unsigned however many there are.
pub fn limits() -> Limits {
    Limits { nsec3_iterations: 150, nsec3_iterations_tolerated: 65_535, hash_blocks: 6000, ..Limits::default() }
}

/// A record of a trust anchor, in the format of zone files.
pub fn anchor(setup: &mut Setup, value: &str) -> Option<()> {
    let anchors = Anchors::read(value, &Source::Builtin).ok()?;
    setup.resolver.dnssec.anchors.merge(&anchors);
    setup.resolver.dnssec.validate = true;
    Some(())
}

/// A zone that is not validated although it stands below an anchor.
pub fn insecure(setup: &mut Setup, value: &str) -> Option<()> {
    let domain = value.trim_matches('"').parse().ok()?;
    setup.resolver.dnssec.negative.insert(NegativeAnchor { domain, reason: "the script".to_owned(), until: None });
    Some(())
}

/// Whether one algorithm that validates is not enough (`dnssec.require-all-algorithms`).
pub fn all_algorithms(setup: &mut Setup, value: &str) -> Option<()> {
    setup.resolver.dnssec.paths = if flag(value)? { Paths::OneOfEachAlgorithm } else { Paths::One };
    Some(())
}

/// `YYYYMMDDHHmmSS`, seconds since 1970, or -1 for "do not check".
pub fn wall(setup: &mut Setup, value: &str) -> Option<()> {
    setup.any_time = value == "-1";
    if !setup.any_time {
        let signature = format!("A 8 0 0 {value} 0 0 . AAAA");
        let rdata = rdata_from_text(RecordType::RRSIG, &signature, &burdock::dns::Name::root()).ok()?;
        let time = rdata.get(8..12)?.try_into().ok().map(u32::from_be_bytes)?;
        setup.wall = Duration::from_secs(time.into());
    }
    Some(())
}

/// The time for a script that does not care: the latest from which on one of its signatures is valid.
pub fn any_time(scenario: &mut Scenario, setup: &mut Setup) {
    let records = sections(scenario).flatten().filter(|record| record.rtype == RecordType::RRSIG);
    let latest = records.filter_map(|record| Rrsig::parse(&record.rdata)).map(|rrsig| rrsig.inception).max();
    setup.wall = latest.map_or(setup.wall, |latest| Duration::from_secs(latest.into()));
}
