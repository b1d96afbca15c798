//! A chain of trust on loopback: zones signed by BIND's, NLnet Labs' and Knot's programs, served by NSD and Knot DNS.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::chain_zones::{HINTS, Place, Tool, Vouch, ZONES, Zone};
use super::lab::await_zone;
use super::process::Server;
use super::program::Burdock;

/// The running chain and a Burdock that validates along it.
pub struct Chain {
    /// The port all servers listen on.
    pub port: u16,
    /// DS records of the root.
    pub anchors: PathBuf,
    /// The same for BIND's `delv`.
    pub bind_anchors: PathBuf,
    /// Where everything is.
    pub folder: PathBuf,
    /// Ended before the servers it asks.
    pub burdock: Burdock,
    _servers: Vec<Server>,
}

impl Chain {
    /// Makes keys, signs, and starts everything.
    pub fn start(folder: &Path) -> Self {
        let folder = folder.join("chain");
        let port = free_port();
        for place in Place::ALL {
            fs::create_dir_all(folder.join(place.folder()).join("db")).expect("a folder");
        }
        let knot = folder.join(Place::Knot.folder());
        fs::write(knot.join("knot.conf"), knot_conf(port)).expect("a configuration");
        let mut known: Vec<(&Zone, Vec<String>)> = Vec::new();
        for zone in ZONES {
            let ds = make(zone, &known, &folder);
            known.push((zone, ds));
        }
        let (_, root) = known.last().expect("the root is the last");
        let (anchors, bind_anchors) = (folder.join("anchors"), folder.join("anchors.bind"));
        fs::write(&anchors, root.iter().map(|data| format!(". 3600 IN DS {data}\n")).collect::<String>()).unwrap();
        let words: Vec<&str> = root[0].split(' ').collect();
        let digest = words[3..].concat();
        let text = format!("trust-anchors {{ . static-ds {} \"{digest}\"; }};\n", words[..3].join(" "));
        fs::write(&bind_anchors, text).unwrap();
        let servers: Vec<Server> = Place::ALL.map(|place| serve(place, &folder, port)).into();
        ZONES.iter().for_each(|zone| await_zone(zone.apex, (zone.place.address(), port), &folder));
        let more = format!(
            "resolver:\n  root-hints: hints\n  upstream-port: {port}\n  never-ask: []\n  ipv6: false\n\
             local: {{ special-use: false }}\ndnssec: {{ trust-anchors: {} }}\n",
            anchors.display()
        );
        let burdock = Burdock::launch(&folder.join("burdock"), HINTS, &["127.0.0.1"], &more);
        Self { port, anchors, bind_anchors, folder, burdock, _servers: servers }
    }
}

/// Runs a program in `folder`; all it printed. Panics unless it succeeds.
pub fn run(folder: &Path, command: &[&str]) -> String {
    let output = Command::new(command[0]).args(&command[1..]).current_dir(folder).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Makes keys for a zone, signs it, and gives back the data of its DS records.
fn make(zone: &Zone, known: &[(&Zone, Vec<String>)], folder: &Path) -> Vec<String> {
    let folder = folder.join(zone.place.folder());
    let mut text = zone.text();
    for (child, ds) in known.iter().filter(|(child, _)| child.is_child_of(zone)) {
        delegate(&mut text, child, ds);
    }
    let file = zone.file_name();
    fs::write(folder.join(&file), text).expect("a zone file");
    if matches!(zone.tool, Tool::Knot | Tool::KnotOnline) {
        let keymgr = ["keymgr", "-c", "knot.conf", zone.apex];
        let algorithm = format!("algorithm={}", zone.algorithm.to_ascii_lowercase());
        run(&folder, &[&keymgr[..], &["generate", &algorithm, "ksk=yes", "zsk=yes"]].concat());
        let said = run(&folder, &[&keymgr[..], &["ds"]].concat());
        return said
            .lines()
            .filter_map(|line| line.split_once(" DS "))
            .map(|(_, data)| data.to_owned())
            .take(1)
            .collect();
    }
    let key = match zone.tool {
        Tool::Bind(_) => {
            let keygen = ["dnssec-keygen", "-q", "-f", "KSK", "-a", zone.algorithm];
            let bits: &[&str] = if zone.algorithm.starts_with("RSA") { &["-b", "2048"] } else { &[] };
            run(&folder, &[&keygen[..], bits, &[zone.apex]].concat())
        }
        _ => run(&folder, &["ldns-keygen", "-k", "-b", "2048", "-a", zone.algorithm, zone.apex]),
    };
    let key = key.trim();
    let signed = "signed";
    match zone.tool {
        Tool::Bind(options) => {
            let command = ["dnssec-signzone", "-q", "-z", "-P", "-O", "full", "-o", zone.apex, "-f", signed];
            run(&folder, &[&command[..], options, &["-S", "-K", ".", &file]].concat());
        }
        Tool::Ldns(options) => {
            let command = ["ldns-signzone", "-o", zone.apex, "-f", signed];
            run(&folder, &[&command[..], options, &[&file, key]].concat());
        }
        _ => {
            fs::copy(folder.join(&file), folder.join(signed)).expect("a copy");
        }
    }
    let text = fs::read_to_string(folder.join(signed)).expect("it was written");
    fs::write(folder.join(&file), zone.edited(&text)).expect("a zone file");
    let ds = run(&folder, &["dnssec-dsfromkey", "-2", &format!("{key}.key")]);
    ds.lines().filter_map(|line| line.split_once(" DS ")).map(|(_, data)| data.to_owned()).collect()
}

/// What a parent says of a child.
fn delegate(text: &mut String, child: &Zone, ds: &[String]) {
    let glue = format!("ns.{}", child.apex);
    let _ = write!(text, "{0} NS {glue}\n{glue} A {1}\n", child.apex, child.place.address());
    for data in ds {
        let words: Vec<&str> = data.split_whitespace().collect();
        let digest = words[3..].concat();
        let (algorithm, kind, digest) = match child.vouch {
            Vouch::No => continue,
            Vouch::Right => (words[1], words[2], digest),
            Vouch::WrongDigest => (words[1], words[2], "0".repeat(64)),
            Vouch::Algorithm => ("200", words[2], digest),
            Vouch::Digest => (words[1], "200", digest),
        };
        let _ = writeln!(text, "{} DS {} {algorithm} {kind} {digest}", child.apex, words[0]);
    }
}

fn serve(place: Place, folder: &Path, port: u16) -> Server {
    let folder = folder.join(place.folder());
    let command: &[&str] = if place == Place::Knot {
        &["knotd", "-c", "knot.conf"]
    } else {
        fs::write(folder.join("nsd.conf"), nsd_conf(place, port)).expect("a configuration");
        &["nsd", "-d", "-c", "nsd.conf"]
    };
    Server::start(command, &folder).unwrap_or_else(|error| panic!("{}: {error}", command[0]))
}

fn nsd_conf(place: Place, port: u16) -> String {
    let mut text = format!(
        "server:\n  ip-address: {}@{port}\n  username: \"\"\n  zonesdir: \".\"\n  database: \"\"\n  pidfile: \"\"\n  \
         xfrdfile: \"xfrd.state\"\n  xfrdir: \".\"\n  zonelistfile: \"zone.list\"\n  server-count: 1\n  \
         rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n",
        place.address()
    );
    for zone in ZONES.iter().filter(|zone| zone.place == place) {
        let _ = write!(text, "zone:\n  name: \"{}\"\n  zonefile: \"{}\"\n", zone.apex, zone.file_name());
    }
    text
}

fn knot_conf(port: u16) -> String {
    let mut text = format!(
        "server:\n  rundir: \".\"\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n  \
         listen: {}@{port}\nlog:\n  - target: stderr\n    any: info\ndatabase:\n  storage: \"db\"\ncontrol:\n  \
         listen: \"knot.sock\"\npolicy:\n  - id: whole\n    manual: on\n    nsec3: on\n  - id: asked\n    manual: on\n    \
         single-type-signing: on\nmod-onlinesign:\n  - id: asked\n    policy: asked\ntemplate:\n  - id: default\n    \
         storage: \".\"\n    zonefile-sync: -1\n    zonefile-load: difference-no-serial\n    journal-content: all\nzone:\n",
        Place::Knot.address()
    );
    for zone in ZONES.iter().filter(|zone| zone.place == Place::Knot) {
        let _ = write!(text, "  - domain: \"{}\"\n    file: \"{}\"\n", zone.apex, zone.file_name());
        text += if zone.tool == Tool::Knot {
            "    dnssec-signing: on\n    dnssec-policy: whole\n"
        } else {
            "    module: mod-onlinesign/asked\n"
        };
    }
    text
}

/// A port that is free for UDP and TCP on every address of the chain.
fn free_port() -> u16 {
    for _ in 0..50 {
        let port =
            TcpListener::bind(("127.55.0.1", 0)).and_then(|socket| socket.local_addr()).expect("loopback").port();
        let free = |place: &Place| {
            TcpListener::bind((place.address(), port)).is_ok() && UdpSocket::bind((place.address(), port)).is_ok()
        };
        if Place::ALL.iter().all(free) {
            return port;
        }
    }
    panic!("no port is free on all of 127.55.0.0/16");
}
