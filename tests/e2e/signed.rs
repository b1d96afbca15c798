//! The miniature Internet's signed zones, judged by programs that know nothing of it: `ldns-verify-zone` and
//! `dnssec-verify` the zones, `delv` the replies. What tests of validation stand on must itself be right.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use burdock::dns::{Name, rdata_to_text};
use burdock::playground::{
    Algorithm, Authority, Chain, Denials, Hashing, Internet, Playground, Signer, Window, Zone, start_with,
};
use burdock::world::Dice;

use super::{Stage, Test};

/// Every test of this file.
pub const TESTS: &[Test] = &[
    ("signed_zones_are_right_for_ldns_and_bind", signed_zones_are_right_for_ldns_and_bind),
    ("signed_replies_are_right_for_delv", signed_replies_are_right_for_delv),
];

/// One of everything.
const TEXT: &str = "$TTL 3600\n@ SOA ns Host.Master 1 7200 900 1209600 300\n@ NS NS\nns A 192.0.2.1\n@ MX 10 MAIL\n\
    mail AAAA 2001:db8::2\n@ TXT \"a\" \"b\"\n@ NAPTR 1 1 u x \"\" Ns\nwww A 192.0.2.3\nwww A 192.0.2.2\nalias CNAME WWW\n\
    _x._tcp SRV 1 2 3 Ns\nodd TYPE65280 \\# 3 414243\n*.wild A 192.0.2.4\na.b.empty A 192.0.2.6\nold DNAME b.empty\n\
    unsigned NS ns.unsigned\nns.unsigned A 192.0.2.7\nd.e NS ns.elsewhere.test.\nsafe NS ns.safe\n\
    safe DS 1 13 2 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\nns.safe A 192.0.2.8\n";

fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Runs a program; whether it was content, and all it said.
fn run(command: &[&str]) -> (bool, String) {
    let output = Command::new(command[0]).args(&command[1..]).output().expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn signed_zones_are_right_for_ldns_and_bind(stage: &Stage) {
    let apex = name("example.test");
    let zone = Zone::read(&apex, TEXT).unwrap();
    let salted = Hashing { iterations: 5, salt: vec![0xca, 0xfe] };
    let ways = [
        Denials::Nsec,
        Denials::Nsec3(Hashing::default()),
        Denials::Nsec3(salted.clone()),
        Denials::Nsec3OptOut(salted),
    ];
    for (algorithm, denials) in
        Algorithm::ALL.iter().flat_map(|algorithm| ways.iter().map(move |way| (*algorithm, way)))
    {
        if algorithm == Algorithm::RsaSha1 && *denials != Denials::Nsec {
            // Its number says that the zone has NSEC (RFC 5155 §2).
            continue;
        }
        let signer = Signer::new(algorithm, Window::around(now()), 1).unwrap().denying(denials.clone());
        let file = stage.lab.folder.join("signed.zone");
        fs::write(&file, signer.sign(&zone).unwrap().to_text()).unwrap();
        let file = file.to_str().unwrap();
        for command in [&["ldns-verify-zone", file][..], &["dnssec-verify", "-o", "example.test", file]] {
            let (content, said) = run(command);
            assert!(content, "{algorithm:?} {denials:?}: {command:?} says {said}");
        }
    }
    // The judges judge: one that is content with everything proves nothing.
    let stale = Signer::new(Algorithm::EcdsaP256, Window::days(now(), -9, -2), 1).unwrap();
    let file = stage.lab.folder.join("stale.zone");
    fs::write(&file, stale.sign(&zone).unwrap().to_text()).unwrap();
    assert!(!run(&["ldns-verify-zone", file.to_str().unwrap()]).0);
}

/// All zones on one server: `delv` asks it for each step of the chain.
fn one_server(chain: &Chain) -> Internet {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let authority = Authority::new(address, chain.zones().unwrap().into_values());
    Internet { authorities: vec![authority], root_hints: Vec::new() }
}

fn signed_replies_are_right_for_delv(stage: &Stage) {
    let chain = Chain::standard(Window::around(now())).unwrap();
    let anchor = chain.anchor().unwrap();
    let ds = rdata_to_text(anchor.rtype, anchor.rdatas.iter().next().unwrap());
    let (numbers, digest) = ds.rsplit_once(' ').unwrap();
    let file = stage.lab.folder.join("anchor");
    fs::write(&file, format!("trust-anchors {{ . static-ds {numbers} \"{digest}\"; }};\n")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let server = start_with(one_server(&chain), Dice::system()).await.unwrap();
        let port = server.upstream_port();
        tokio::task::spawn_blocking(move || ask_all(port, &file)).await.unwrap();
        drop::<Playground>(server);
    });
}

fn ask_all(port: u16, anchor: &Path) {
    const DATA: &str = "; fully validated";
    const DENIED: &str = "; negative response, fully validated";
    const UNSIGNED: &str = "; unsigned answer";
    const BROKEN: &str = ";; resolution failed: RRSIG failed to verify";
    const EXPIRED: &str = ";; resolution failed: broken trust chain";
    for (question, expected) in [
        ("www.secure.test A", DATA),
        ("alias.secure.test A", DATA),
        ("x.wild.secure.test A", DATA),
        ("x.wildalias.nsec3.test A", DATA),
        ("deep.moved.nsec3.test A", DATA),
        ("x.wild.nsec3.test A", DATA),
        ("x.y.wild.nsec3.test A", DATA),
        ("nsec3.test DS", DATA),
        ("nsec3.test DNSKEY", DATA),
        ("test SOA", DATA),
        ("x.wild.secure.test MX", DENIED),
        ("www.secure.test MX", DENIED),
        ("empty.secure.test A", DENIED),
        ("nothing.secure.test A", DENIED),
        ("x.wild.nsec3.test MX", DENIED),
        ("www.nsec3.test MX", DENIED),
        ("empty.nsec3.test A", DENIED),
        ("a.b.nothing.nsec3.test A", DENIED),
        ("www.insecure.test A", UNSIGNED),
        ("www.unknown.test A", UNSIGNED),
        ("www.bogus.test A", BROKEN),
        ("mail.bogus.test A", DATA),
        ("www.expired.test A", EXPIRED),
    ] {
        let words: Vec<&str> = question.split(' ').collect();
        let (at, port, file) = ("@127.0.0.1", port.to_string(), anchor.to_str().unwrap());
        let (_, said) = run(&["delv", at, "-p", &port, "-a", file, "+root=.", words[0], words[1]]);
        assert!(said.lines().any(|line| line.starts_with(expected)), "{question}: {expected} is not in\n{said}");
    }
}
