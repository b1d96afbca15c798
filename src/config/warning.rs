//! What is allowed and probably not meant: the configuration is right, and the operator should look twice.
//!
//! Nothing here ends anything: what cannot work is a `Problem`. The judges are pure; the machine is passed in.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ipnet::IpNet;

use crate::job::{Bound, Limits};
use crate::world::Clock;

use super::given::Given;
use super::problem::{Complaint, Place};
use super::{Config, Rollover, dnssec, forward, stale};

/// One thing to look at again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where it was written; `None` for a default or an option of the command line.
    pub place: Option<(PathBuf, Place)>,
    /// The key, as a dotted path.
    pub key: &'static str,
    /// What may not be meant.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

impl Warning {
    /// The warning as one line of a log.
    pub fn line(&self) -> String {
        format!("{} {}: {}", self.key, self.reason, self.remedy)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((file, Place { line, column })) = &self.place {
            write!(f, "{}:{line}:{column}: ", file.display())?;
        }
        write!(f, "warning: {} {}\n  \u{2192} {}", self.key, self.reason, self.remedy)
    }
}

/// What there is to share out.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Octets of memory, when that is known.
    pub memory: Option<u64>,
    /// Processors this process may use.
    pub processors: NonZeroUsize,
    /// The calendar's present, since 1970.
    pub wall: Duration,
}

impl Machine {
    /// The machine we run on.
    pub fn here() -> Self {
        let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
        let processors = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { memory, processors, wall: Clock::system().wall() }
    }
}

/// Everything to look at again in `config`, in the order of the keys.
pub fn warnings(config: &Config, given: &Given, machine: &Machine) -> Vec<Warning> {
    let found = [
        workers(config, machine).map(|complaint| ("workers", 0, complaint)),
        everybody(config).map(|(item, complaint)| ("access.allow", item, complaint)),
        // The list as a whole is meant.
        nobody(config).map(|complaint| ("access.allow", usize::MAX, complaint)),
        unasked_roots(config).map(|complaint| ("resolver.never-ask", usize::MAX, complaint)),
        memory(config, machine).map(|complaint| ("cache.size", 0, complaint)),
        idle_rebinding(config, given),
        no_folder(config).map(|complaint| ("dnssec.trust-anchor-rollover", 0, complaint)),
        stale::warning(config).map(|complaint| ("cache.serve-stale.client-wait", 0, complaint)),
    ];
    let warning = |(key, item, Complaint { reason, remedy })| {
        let place = given.file().map(Path::to_path_buf).zip(given.place(key, item));
        Warning { place, key, reason, remedy }
    };
    let dnssec = dnssec::warnings(&config.resolver.dnssec, machine.wall);
    let dnssec = dnssec.into_iter().map(|(key, complaint)| (key, usize::MAX, complaint));
    let zones = forward::warnings(&config.resolver).into_iter().map(|(item, complaint)| ("forward", item, complaint));
    let found = found.into_iter().flatten().chain(dnssec).chain(zones).map(warning);
    found.chain(boundless(config, given)).collect()
}

fn workers(config: &Config, machine: &Machine) -> Option<Complaint> {
    let (workers, processors) = (config.workers?, machine.processors);
    if workers.get() <= processors.get().saturating_mul(WORKERS_PER_PROCESSOR) {
        return None;
    }
    let reason = format!("({workers}) is far more than this machine has processors ({processors})");
    Some(Complaint::new(reason, "they wait for each other and take memory: `auto` is one per core"))
}

/// An open resolver is a weapon for others (RFC 5358), and may stand behind a firewall.
fn everybody(config: &Config) -> Option<(usize, Complaint)> {
    let item = config.policy.access.allow.iter().position(|network| network.prefix_len() == 0)?;
    let complaint = Complaint::new(
        "lets everybody ask: replies to forged addresses hit others, and only their rate is limited (RFC 5358)",
        "let a firewall keep the Internet out, or name your own networks",
    );
    Some((item, complaint))
}

/// Whoever listens for the whole house and lets only this host ask has forgotten half of it.
fn nobody(config: &Config) -> Option<Complaint> {
    let allow = &config.policy.access.allow;
    if allow.is_empty() {
        return Some(Complaint::new("is empty: every client is refused", "name the networks of those who may ask"));
    }
    let is_local = |network: &IpNet| network.addr().is_loopback() && network.prefix_len() > 0;
    let address = config.listen.iter().find(|address| !address.ip().is_loopback())?;
    allow.iter().all(is_local).then(|| {
        let reason = format!("lets only this host ask, but {address} is for others: they are all refused");
        Complaint::new(reason, "name their networks, like `allow: [127.0.0.0/8, 192.168.1.0/24]`")
    })
}

/// Without a root server that may be asked nothing can be found.
fn unasked_roots(config: &Config) -> Option<Complaint> {
    let never = |address: &IpAddr| config.resolver.never_ask.iter().any(|network| network.contains(address));
    let mut addresses = config.resolver.root_hints.iter().flat_map(|server| &server.glue).peekable();
    let first = *addresses.peek()?;
    addresses.all(never).then(|| {
        let reason = format!("forbids to ask any root server ({first} …): every question will fail");
        Complaint::new(reason, "write the networks that are not to be asked; in a laboratory none: `never-ask: []`")
    })
}

fn memory(config: &Config, machine: &Machine) -> Option<Complaint> {
    let memory = machine.memory.filter(|memory| config.cache.size > *memory)?;
    let mebi = |octets: u64| octets >> 20;
    let reason = format!("({}MiB) is more than this machine has memory ({}MiB)", mebi(config.cache.size), mebi(memory));
    Some(Complaint::new(
        reason,
        format!("a full cache would end burdock: write at most `{}MiB`, half of it", mebi(memory / 2)),
    ))
}

/// A folder that is not there yet may be there when the server starts, and is not made by it.
fn no_folder(config: &Config) -> Option<Complaint> {
    let Rollover::Folder(folder) = &config.rollover else { return None };
    if folder.is_dir() || !config.resolver.dnssec.validate {
        return None;
    }
    let is = if folder.exists() { "is no folder" } else { "is not there" };
    let reason = format!("names {}, which {is}: new keys will be forgotten at every restart", folder.display());
    Some(Complaint::new(reason, "make the folder, and let the user that runs burdock write to it"))
}

/// Bounds that bound nothing.
fn boundless(config: &Config, given: &Given) -> Vec<Warning> {
    let pairs = config.limits.table().into_iter().zip(Limits::default().table());
    let far = pairs.filter(|(set, default)| set.value / FAR_TOO_MUCH > default.value);
    let warning = |(set, default): (Bound, Bound)| {
        let name = set.name.replace('_', "-");
        let place = given.file().map(Path::to_path_buf).zip(given.place(&format!("limits.{name}"), 0));
        let reason =
            format!("has {name} at {}, far beyond the default ({}): it bounds nothing", set.value, default.value);
        Warning {
            place,
            key: "limits",
            reason,
            remedy: "write what was found to be needed, or remove the key".to_owned(),
        }
    };
    far.map(warning).collect()
}

/// Half a setting.
fn idle_rebinding(config: &Config, given: &Given) -> Option<(&'static str, usize, Complaint)> {
    let key = ["rebinding.networks", "rebinding.allow"].into_iter().find(|key| given.has(key))?;
    let complaint =
        || Complaint::new("has no effect: `rebinding.protect` is `false`", "write `protect: true` beside it");
    config.policy.rebinding.is_none().then(|| (key, usize::MAX, complaint()))
}

/// `MemTotal` of /proc/meminfo, in octets.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

const WORKERS_PER_PROCESSOR: usize = 4;
/// Times a bound's default.
const FAR_TOO_MUCH: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, parse};

    fn keys(text: &str, machine: &Machine) -> Vec<(&'static str, Option<Place>)> {
        let loaded = parse(text, Some(Path::new("x.yaml")), &Overrides::default()).unwrap();
        let found = warnings(&loaded.config, &loaded.given, machine);
        found.into_iter().map(|warning| (warning.key, warning.place.map(|(_, place)| place))).collect()
    }

    #[test]
    fn warnings_begin_where_the_machine_ends() {
        let machine =
            Machine { memory: Some(1 << 30), processors: NonZeroUsize::new(2).unwrap(), wall: Duration::ZERO };
        let at = |line, column| Some(Place { line, column });
        assert_eq!(keys("workers: 8\ncache: { size: 1GiB }\n", &machine), []);
        assert_eq!(keys("workers: 9\n", &machine), [("workers", at(1, 10))]);
        assert_eq!(keys("cache: { size: 1025MiB }\n", &machine), [("cache.size", at(1, 16))]);
        assert_eq!(keys("access: { allow: [10.0.0.0/8, '::/0'] }\n", &machine), [("access.allow", at(1, 31))]);
        assert_eq!(keys("listen: ['192.168.1.1:53']\n", &machine), [("access.allow", None)]);
        assert_eq!(keys("listen: ['0.0.0.0:53']\naccess: { allow: [10.0.0.0/8] }\n", &machine), []);
        let wait = "cache: { serve-stale: { client-wait: 5s } }\n";
        assert_eq!(keys(wait, &machine), [("cache.serve-stale.client-wait", at(1, 38))]);
        assert_eq!(keys("cache: { serve-stale: { enabled: false, client-wait: 5s } }\n", &machine), []);
        assert_eq!(keys("cache: { serve-stale: { client-wait: 4999ms } }\n", &machine), []);
        assert_eq!(keys("access: { allow: [] }\n", &machine), [("access.allow", at(1, 18))]);
        let never = "resolver: { never-ask: [0.0.0.0/0, '::/0'] }\n";
        assert_eq!(keys(never, &machine), [("resolver.never-ask", at(1, 24))]);
        let idle = "rebinding: { allow: [plex.direct] }\n";
        assert_eq!(keys(idle, &machine), [("rebinding.allow", at(1, 21))]);
        assert_eq!(keys("rebinding: { protect: true, allow: [plex.direct] }\n", &machine), []);
        let far = "limits: { jobs: 4096999, upstream-queries: 97000, first-timeout: 1s }\n";
        assert_eq!(keys(far, &machine), [("limits", at(1, 44))]);
        let folder = |path: &str| keys(&format!("dnssec: {{ trust-anchor-rollover: {path} }}\n"), &machine);
        let nowhere = [("dnssec.trust-anchor-rollover", at(1, 34))];
        assert_eq!((folder("/nowhere/at/all"), folder("/proc/meminfo")), (nowhere.to_vec(), nowhere.to_vec()));
        assert_eq!(folder("/proc"), []);
        // A default can be too much, too; and what is not known is not warned of.
        assert_eq!(keys("", &Machine { memory: Some(256 << 20), ..machine }), [("cache.size", None)]);
        assert_eq!(keys("cache: { size: 9TiB }\n", &Machine { memory: None, ..machine }), []);
    }

    #[test]
    fn memory_is_read_as_the_kernel_writes_it() {
        assert_eq!(total("MemTotal:        8145352 kB\nMemFree:  1 kB\n"), Some(8_145_352 * 1024));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert!(Machine::here().memory.is_some_and(|memory| memory > 16 << 20));
    }

    #[test]
    fn zones_that_the_root_denies_need_a_word_of_the_operator() {
        let machine = Machine { memory: None, processors: NonZeroUsize::MIN, wall: Duration::ZERO };
        let zone = |zone: &str, more: &str| {
            let text = format!(
                "forward: [{{ zone: corp.example, to: 192.0.2.1 }}, {{ zone: {zone}, to: 192.0.2.53 }}]\n{more}"
            );
            keys(&text, &machine)
        };
        let doubt = [("forward", Some(Place { line: 1, column: 50 }))];
        for private in ["lan", "AD.Corp", "nas.home", "x.internal"] {
            assert_eq!(zone(private, ""), doubt, "{private}");
        }
        // What lies below a name of the public tree, or is one, may be signed, unsigned or absent: nobody knows from here.
        for other in ["'.'", "example.com", "de", "10.in-addr.arpa", "home.arpa", "lan.example", "plan"] {
            assert_eq!(zone(other, ""), [], "{other}");
        }
        assert_eq!(zone("ad.corp", "dnssec: { negative-trust-anchors: [corp] }\n"), []);
        assert_eq!(zone("corp", "dnssec: { negative-trust-anchors: [ad.corp] }\n"), doubt);
        assert_eq!(zone("lan", "dnssec: { validate: false }\n"), []);
    }
}
