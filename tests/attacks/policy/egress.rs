//! POL-07: zones whose servers are said to be where nobody is to be asked: this host, the networks inside, everybody at once.
//! Nothing is sent there, and what is known of others stays known.

use burdock::config::Config;
use burdock::dns::{Question, Rcode, RecordType};
use burdock::resolver::Settings;

use super::{A, at_most};
use crate::support::{Lab, ROOT, Tree, name, run};

const EVIL: &str = "198.18.66.1";
const GOOD: &str = "198.18.2.9";
const TLD: &str = "198.18.1.1";
/// Where the resolver itself listens; in no network of the list.
const OWN: [&str; 2] = ["198.18.53.53", "2620:fe::53"];

/// An address of each kind, in forms that one notation or another hides.
const NOBODYS: [&str; 38] = [
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0.0.0.0",
    "::ffff:255.255.255.255",
    "::ffff:224.0.0.1",
    "::ffff:198.18.53.53",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::192.168.1.1",
    "64:ff9b::255.255.255.255",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::1",
    "2001:0:7f00:1::",
    "fe80::1",
    "fec0::1",
    "fd00:53::1",
    "ff02::1",
    OWN[0],
    OWN[1],
];

/// The networks of the default, but for the one in which the simulated Internet lies.
fn default_networks(settings: &mut Settings) {
    let laboratory: ipnet::IpNet = "198.18.0.0/15".parse().unwrap();
    settings.never_ask = Config::default().resolver.never_ask;
    settings.never_ask.retain(|network| *network != laboratory);
    settings.own_addresses = OWN.map(|address| address.parse().unwrap()).to_vec();
}

fn record(address: &str) -> String {
    format!("{} {address}", if address.contains(':') { "AAAA" } else { "A" })
}

/// For each address a zone with a server there by glue, one whose server's name is elsewhere, and one that has a good server, too.
fn tree() -> Tree {
    let (mut delegations, mut hosts, mut both) = (String::new(), String::new(), Vec::new());
    for (n, address) in NOBODYS.iter().enumerate() {
        let address = record(address);
        let good =
            format!("b{n}.evil.t1. NS ns.b{n}.evil.t1.\nb{n}.evil.t1. NS ns1.good.t1.\nns.b{n}.evil.t1. {address}\n");
        delegations.push_str(&format!(
            "g{n}.evil.t1. NS ns.g{n}.evil.t1.\nns.g{n}.evil.t1. {address}\nl{n}.evil.t1. NS h{n}.host.t1.\n{good}"
        ));
        hosts.push_str(&format!("h{n} {address}\n"));
        both.push((format!("b{n}.evil.t1"), good));
    }
    let known: String = (0..40).map(|n| format!("w{n} A 198.51.100.{n}\n")).collect();
    let tree = Tree::with_tld()
        .zone("evil.t1", &[EVIL], "")
        .zone("host.t1", &[EVIL], &hosts)
        .zone("good.t1", &[GOOD], &known)
        .delegate("x.evil.t1", &delegations);
    both.into_iter().fold(tree, |tree, (apex, good)| tree.bare(&apex, &[GOOD], &format!("{good}www A 198.51.100.99\n")))
}

#[test]
fn pol_07_nobody_is_asked_where_nobody_should_be() {
    run(async {
        let lab = Lab::with(&tree().internet(), 1, |settings, _| default_networks(settings));
        for n in 0..40 {
            lab.ask(&format!("w{n}.good.t1"), A).await;
        }
        let remembered = || {
            let known = |n: &usize| {
                let question = Question::new(name(&format!("w{n}.good.t1")), A);
                lab.resolver.recollect(&question, &lab.resolver.job()).is_some()
            };
            (0..40).filter(known).count()
        };
        assert_eq!(remembered(), 40);
        for (n, address) in NOBODYS.iter().enumerate() {
            for form in ["g", "l"] {
                let reply = lab.ask(&format!("www.{form}{n}.evil.t1"), A).await;
                assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{address}: {reply}\n{}", lab.net.story());
                let told = reply.errors().iter().any(|(code, _)| [22, 23].contains(code));
                assert!(told, "{address}: {reply}\n{}", lab.net.story());
            }
            let reply = lab.ask(&format!("www.b{n}.evil.t1"), A).await;
            assert_eq!(reply.a(), ["198.51.100.99"], "{address}: {reply}\n{}", lab.net.story());
        }
        let servers: Vec<std::net::IpAddr> = [ROOT, TLD, EVIL, GOOD].map(|server| server.parse().unwrap()).to_vec();
        let astray = lab.net.exchanges().into_iter().filter(|sent| !servers.contains(&sent.server.ip())).count();
        at_most("POL-07", &format!("packets to {} addresses, three zones each", NOBODYS.len()), astray, 0);
        at_most("POL-07", "of 40 names known before, forgotten", 40 - remembered(), 0);
        let before = lab.net.packets();
        for n in 0..40 {
            lab.ask(&format!("w{n}.good.t1"), A).await;
        }
        at_most("POL-07", "packets for them", lab.net.packets() - before, 0);
    });
}

/// The same addresses as servers of the root by what it says of itself, which replaces the hints (RFC 9609).
#[test]
fn pol_07_a_root_that_names_nobody() {
    run(async {
        let (mut text, mut servers) = (String::new(), 0);
        for (n, address) in NOBODYS.iter().enumerate() {
            text.push_str(&format!("@ NS x{n}\nx{n} {}\n", record(address)));
            servers += 1;
        }
        let tree = Tree::with_tld().data(".", &text).zone("good.t1", &[GOOD], "www A 198.51.100.1\n");
        let lab = Lab::with(&tree.internet(), 2, |settings, _| default_networks(settings));
        assert_eq!(lab.ask("www.good.t1", A).await.a(), ["198.51.100.1"], "{}", lab.net.story());
        assert_eq!(lab.ask("x.good.t1", RecordType::TXT).await.rcode(), Rcode::NXDOMAIN);
        let astray = lab
            .net
            .exchanges()
            .iter()
            .filter(|sent| ![ROOT, TLD, GOOD].contains(&sent.server.ip().to_string().as_str()))
            .count();
        at_most("POL-07", &format!("packets to {servers} servers of the root that are nobody's"), astray, 0);
    });
}
