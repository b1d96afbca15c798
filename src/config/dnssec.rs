//! The section `dnssec`: what is validated, from which trust anchors, and what is excepted (RFC 7646).

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::dns::{Name, time_from_text, time_to_words};
use crate::dnssec::{Anchors, NegativeAnchor, NegativeAnchors, Paths, Settings, Source};

use super::Rollover;
use super::file::{Node, Value};
use super::given::Given;
use super::problem::Complaint;
use super::section::Section;
use super::value;

/// Reads the section. `base` is the folder that relative paths start from.
pub fn read(given: &mut Given, base: &Path) -> Option<Settings> {
    let validate = given.one(VALIDATE, value::flag);
    let anchors = anchors(given, base);
    let negative = negative(given);
    let all_algorithms = given.one(ALL_ALGORITHMS, value::flag);
    let aggressive_denial = given.one(AGGRESSIVE, value::flag);
    let (sentinel, signals) = (given.one(SENTINEL, value::flag), given.one(SIGNALS, value::flag));
    let (validate, anchors) = (validate?, anchors?);
    if validate && anchors.is_empty() {
        let complaint = Complaint::new("nothing can be validated without a trust anchor", "write `builtin`");
        given.complain(ANCHORS, complaint);
    }
    Some(Settings {
        validate,
        anchors,
        negative: negative?,
        paths: if all_algorithms? { Paths::OneOfEachAlgorithm } else { Paths::One },
        aggressive_denial: aggressive_denial?,
        root_key_sentinel: sentinel?,
        anchor_signals: signals?,
    })
}

/// Where rollovers are kept.
pub fn rollover(given: &mut Given, base: &Path) -> Option<Rollover> {
    given.one(ROLLOVER, |text| match text {
        "auto" => Ok(Rollover::Auto),
        "off" => Ok(Rollover::Off),
        "" => Err(Complaint::new("there is no path", "write `auto`, `off`, or the path of a folder")),
        // A folder in the present one would be `./on`.
        "on" | "true" | "false" => Err(value::word(text, &["auto", "off"]).err().unwrap_or_else(nameless)),
        path => Ok(Rollover::Folder(base.join(path))),
    })
}

/// The service's own folder: systemd says which, when it has made one.
#[allow(clippy::disallowed_methods, reason = "the one place where the environment comes in")]
pub fn service_folder() -> PathBuf {
    // With more than one there are colons between them.
    let named = std::env::var("STATE_DIRECTORY").unwrap_or_default();
    let first = named.split(':').next().unwrap_or_default();
    PathBuf::from(if first.is_empty() { "/var/lib/burdock" } else { first })
}

fn anchors(given: &mut Given, base: &Path) -> Option<Anchors> {
    let sources = given.list(ANCHORS, |text| if text.is_empty() { Err(nameless()) } else { Ok(text.to_owned()) })?;
    let mut all = Anchors::none();
    let mut complete = true;
    for (index, from) in sources.iter().enumerate() {
        if from == "builtin" {
            all.merge(&Anchors::builtin());
            continue;
        }
        match from_file(&base.join(from)) {
            Ok(anchors) => all.merge(&anchors),
            Err(complaint) => {
                given.complain_item(ANCHORS, index, complaint);
                complete = false;
            }
        }
    }
    complete.then_some(all)
}

fn from_file(path: &Path) -> Result<Anchors, Complaint> {
    let shown = path.display();
    let text = small_text(path).map_err(|why| {
        Complaint::new(
            format!("{shown} cannot be read: {why}"),
            "name a file of DS or DNSKEY records that burdock may read, or write `builtin`",
        )
    })?;
    Anchors::read(&text, &Source::File(path.to_path_buf()))
        .map_err(|error| Complaint::new(format!("{shown}, {error}"), error.problem.remedy()))
}

/// The whole of a file that ought to be small.
fn small_text(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let read = file.take(MAX_OCTETS + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if read as u64 > MAX_OCTETS { Err("it is larger than 1 MiB".to_owned()) } else { Ok(text) }
}

fn nameless() -> Complaint {
    Complaint::new("there is no path", "write `builtin`, or the path of a file of DS or DNSKEY records")
}

fn negative(given: &mut Given) -> Option<NegativeAnchors> {
    let listed = given.nodes(NEGATIVE, exception)?;
    let mut all = NegativeAnchors::none();
    for (index, anchor) in listed.into_iter().enumerate() {
        if all.iter().any(|other| other.domain == anchor.domain) {
            let reason = format!("`{}` is already in the list", anchor.domain);
            given.complain_item(NEGATIVE, index, Complaint::new(reason, "keep one of the two"));
        }
        all.insert(anchor);
    }
    Some(all)
}

/// A domain, or a section that says why and until when, too.
fn exception(node: &Node) -> Result<NegativeAnchor, Complaint> {
    let entries = match &node.value {
        Value::Scalar(text) => {
            return Ok(NegativeAnchor { domain: domain(text)?, reason: String::new(), until: None });
        }
        Value::Map(entries) => entries,
        _ => return Err(Complaint::new(format!("{} stands in the list", node.what()), EXAMPLE)),
    };
    let section = Section { entries, keys: &KEYS, example: EXAMPLE };
    section.check()?;
    let [name, reason, until] = KEYS.map(|key| section.one(key));
    let Some(name) = name? else { return Err(Complaint::new("there is no `domain` in it", EXAMPLE)) };
    let until = until?.map(moment).transpose()?;
    Ok(NegativeAnchor { domain: domain(name)?, reason: reason?.unwrap_or_default().to_owned(), until })
}

fn domain(text: &str) -> Result<Name, Complaint> {
    let name: Name = text
        .parse()
        .map_err(|_| Complaint::new(format!("`{text}` is no domain name"), "write a name, such as `corp.example`"))?;
    if name.is_root() {
        return Err(Complaint::new("this excepts every name there is", "write `validate: false` if that is meant"));
    }
    value::without_wildcard(text, name)
}

/// A day, or a second of one, in UTC; since 1970.
fn moment(text: &str) -> Result<Duration, Complaint> {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let mut digits: String = text.chars().filter(char::is_ascii_digit).collect();
    match shape.as_str() {
        "0000-00-00" => digits.push_str("000000"),
        "0000-00-00T00:00:00Z" => {}
        _ => digits.clear(),
    }
    let seconds = Some(digits).filter(|digits| !digits.is_empty()).and_then(|digits| time_from_text(&digits));
    seconds.map(|seconds| Duration::from_secs(seconds.into())).ok_or_else(|| {
        let remedy = "write `2031-01-31`, or `2031-01-31T18:00:00Z`: always in UTC, and before 2106";
        Complaint::new(format!("`{text}` is no date"), remedy)
    })
}

/// What is allowed and probably not meant, at `now` since 1970: the key and the complaint.
pub fn warnings(settings: &Settings, now: Duration) -> Vec<(&'static str, Complaint)> {
    if !settings.validate {
        return Vec::new();
    }
    let mut found: Vec<(&'static str, Complaint)> =
        root_warning(&settings.anchors).into_iter().map(|complaint| (ANCHORS, complaint)).collect();
    let useless = settings.anchors.iter().filter(|anchor| !anchor.records.iter().any(|record| record.is_supported()));
    found.extend(useless.map(|anchor| {
        let reason = format!("has for `{}` only algorithms that burdock does not validate", anchor.apex);
        (ANCHORS, Complaint::new(reason, "the zone counts as insecure: ask whoever runs it for another key"))
    }));
    for negative in settings.negative.iter() {
        if !negative.holds(now) {
            let until = negative.until.map_or(0, |until| u32::try_from(until.as_secs()).unwrap_or(u32::MAX));
            let reason =
                format!("excepted `{}` until {}: it is validated again", negative.domain, time_to_words(until));
            found.push((NEGATIVE, Complaint::new(reason, "remove the entry, or let it end later")));
        } else if settings.anchors.at(&negative.domain).is_some() {
            let reason = format!("excepts `{}`, which has a trust anchor: it is not validated", negative.domain);
            found.push((NEGATIVE, Complaint::new(reason, "keep one of the two (RFC 7646)")));
        }
    }
    if settings.paths == Paths::OneOfEachAlgorithm {
        let reason =
            "makes zones fail that are right, such as some in the middle of a rollover (RFC 6840 §5.11)".to_owned();
        found.push((ALL_ALGORITHMS, Complaint::new(reason, "remove it when you have found out what is wrong")));
    }
    found
}

fn root_warning(anchors: &Anchors) -> Option<Complaint> {
    let Some(root) = anchors.at(&Name::root()) else {
        let zones: Vec<String> = anchors.iter().map(|anchor| format!("`{}`", anchor.apex)).collect();
        let reason = format!("has none for the root: only names in {} are validated", zones.join(", "));
        return Some(Complaint::new(reason, "write `[builtin, FILE]` to have both"));
    };
    let mut tags = root.records.iter().map(|record| record.tag());
    let old_alone = tags.all(|tag| tag == KSK_2017);
    let reason = format!("has for the root only the key {KSK_2017} of 2017, which is being replaced by 38696");
    old_alone.then(|| Complaint::new(reason, "without it nothing will validate: write `builtin`, or add the new key"))
}

/// The key-signing key of the root from 2018 on.
const KSK_2017: u16 = 20_326;
const VALIDATE: &str = "dnssec.validate";
const ANCHORS: &str = "dnssec.trust-anchors";
const ROLLOVER: &str = "dnssec.trust-anchor-rollover";
const NEGATIVE: &str = "dnssec.negative-trust-anchors";
const ALL_ALGORITHMS: &str = "dnssec.require-all-algorithms";
const AGGRESSIVE: &str = "dnssec.aggressive-denial";
const SENTINEL: &str = "dnssec.root-key-sentinel";
const SIGNALS: &str = "dnssec.trust-anchor-signaling";
const KEYS: [&str; 3] = ["domain", "reason", "until"];
const EXAMPLE: &str = "write a domain, or `{ domain: corp.example, reason: why, until: 2031-01-31 }`";
const MAX_OCTETS: u64 = 1 << 20;
