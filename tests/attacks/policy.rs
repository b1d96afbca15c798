//! Less revealed than asked, and zones that do not cope with it (POL-05); denials that reach too far (POL-06); names that
//! never leave the host, whatever is asked of them (POL-02, POL-03); private addresses in public answers (POL-01);
//! networks that are never asked (POL-07).

mod egress;
mod rebinding;

use std::sync::Arc;

use burdock::dns::{Name, QueryFlags, Question, Rcode, RecordType, Ttl, write_query};
use burdock::playground::Behaviour;
use burdock::policy::{AccessSettings, Policy, Settings};
use burdock::resolver::Minimisation;
use burdock::responder::{Client, ClientTransport, Immediate, Responder, Turn};

use super::at_most;
use crate::support::{Lab, ROOT, Tree, name, run};

const SERVER: &str = "198.18.2.1";
const A: RecordType = RecordType::A;

/// What servers do with a name that has nothing but names below it, or with whatever they are asked before the question; and
/// the packets with less than the whole question that it takes to find out.
fn servers() -> [(&'static str, Behaviour, usize); 7] {
    let unless_whole = |change: fn(&mut burdock::playground::Draft)| {
        Behaviour::edits(move |query, draft| {
            if query.name().label_count() < 6 && query.name().is_in(&name("d1.t1")) && query.rtype() == Some(A) {
                change(draft);
            }
        })
    };
    [
        ("honest", Behaviour::edits(|_, _| {}), 4),
        ("NXDOMAIN for empty non-terminals", Behaviour::NxdomainForEmptyNonTerminals, 1),
        ("NODATA for what is not there", Behaviour::NodataForNxdomain, 4),
        ("REFUSED for all but the question", unless_whole(|draft| spoil(draft, Rcode::REFUSED)), 1),
        ("SERVFAIL for all but the question", unless_whole(|draft| spoil(draft, Rcode::SERVFAIL)), 1),
        // Once more without OPT, which may have been what it stumbled over.
        ("FORMERR for all but the question", unless_whole(|draft| spoil(draft, Rcode::FORMERR)), 2),
        // Silence is believed when it has lasted for two packets.
        ("silence for all but the question", unless_whole(|draft| draft.fate = burdock::playground::Fate::Dropped), 2),
    ]
}

fn spoil(draft: &mut burdock::playground::Draft, rcode: Rcode) {
    draft.message.header.flags = (draft.message.header.flags & !0x0f) | rcode.0;
    draft.message.answer.clear();
    draft.message.authority.clear();
}

fn tree() -> Tree {
    Tree::with_tld().zone("d1.t1", &[SERVER], "a.b.c.d A 192.0.2.1\n*.w.x.y.z A 192.0.2.2\nalias CNAME a.b.c.d\n")
}

/// Whatever a zone makes of minimised questions, the answer is right, and costs at most four packets more than the ten steps.
#[test]
fn pol_05_zones_that_do_not_cope() {
    run(async {
        for (what, behaviour, steps) in servers() {
            for (owner, wanted) in [("a.b.c.d.d1.t1", "192.0.2.1"), ("q.w.x.y.z.d1.t1", "192.0.2.2")] {
                let lab = Lab::new(&tree().behave(SERVER, behaviour.clone()).internet(), 1);
                let reply = lab.ask(owner, A).await;
                assert_eq!(reply.a(), [wanted], "{what}: {reply}\n{}", lab.net.story());
                at_most("POL-05", &format!("{what}, packets for {owner}"), lab.net.walked(), 14);
                let whole = name(owner).label_count();
                let shortened = sent_to(&lab, SERVER).filter(|sent| sent.label_count() < whole).count();
                at_most("POL-05", &format!("{what}, packets with less than the question"), shortened, steps);
                at_most("POL-05", &format!("{what}, labels that the root sees"), labels(&lab, ROOT), 2);
            }
        }
    });
}

/// The names that a server was asked about.
fn sent_to(lab: &Lab, server: &str) -> impl Iterator<Item = Name> {
    let server = server.parse::<std::net::IpAddr>().unwrap();
    let sent = lab.net.exchanges().into_iter().filter(move |sent| sent.server.ip() == server);
    sent.filter_map(|sent| sent.question.map(|question| question.name))
}

/// The most labels of one name that a server got to see.
fn labels(lab: &Lab, server: &str) -> usize {
    sent_to(lab, server).map(|name| name.label_count()).max().unwrap_or(0)
}

/// An alias above the name, which has nothing below it; a public suffix of two labels, a zone of its own or none; names of a
/// private root, of which the root learns next to nothing, signed or not.
#[test]
fn pol_05_names_that_lead_astray() {
    run(async {
        let suffix = |own: bool| {
            let shop = "shop.co.t1. NS ns1.shop.co.t1.\nns1.shop.co.t1. A 198.18.2.1\n";
            let tree = if own { tree().zone("co.t1", &["198.18.1.1"], "") } else { tree() };
            tree.delegate("shop.co.t1", shop).bare("shop.co.t1", &[SERVER], &format!("{shop}www A 192.0.2.5\n"))
        };
        for (what, tree, owner, (rcode, address)) in [
            ("below an alias", tree(), "x.y.alias.d1.t1", (Rcode::NXDOMAIN, None)),
            ("a suffix that is no zone", suffix(false), "www.shop.co.t1", (Rcode::NOERROR, Some("192.0.2.5"))),
            ("a suffix that is a zone", suffix(true), "www.shop.co.t1", (Rcode::NOERROR, Some("192.0.2.5"))),
            ("a private root", tree(), "a.b.c.d.host.corp", (Rcode::NXDOMAIN, None)),
            ("a private root, signed", Tree::signed(), "a.b.c.d.host.corp", (Rcode::NXDOMAIN, None)),
            ("attributes of a private root", tree(), "_ldap._tcp.dc._msdcs.corp", (Rcode::NXDOMAIN, None)),
        ] {
            let lab = Lab::with(&tree.internet(), 1, |settings, _| {
                if what.ends_with("signed") {
                    settings.dnssec = crate::sim::validation::from(&tree.anchor());
                }
            });
            let reply = lab.ask(owner, A).await;
            let addresses: Vec<&str> = address.into_iter().collect();
            assert_eq!(
                (reply.rcode(), reply.a()),
                (rcode, addresses.iter().map(ToString::to_string).collect()),
                "{what}"
            );
            at_most("POL-05", &format!("{what}, packets"), lab.net.walked(), 14);
            at_most("POL-05", &format!("{what}, labels that the root sees"), labels(&lab, ROOT), 2);
        }
    });
}

/// A name of 120 labels: ten steps, and no more than one label below itself for the root.
#[test]
fn pol_05_many_labels() {
    run(async {
        let owner = format!("{}d1.t1", "a.".repeat(118));
        let data = format!("{}a A 192.0.2.9\n", "a.".repeat(117));
        let tree = Tree::with_tld().zone("d1.t1", &[SERVER], &data);
        let lab = Lab::new(&tree.internet(), 1);
        let reply = lab.ask(&owner, A).await;
        assert_eq!(reply.a(), ["192.0.2.9"], "{reply}");
        at_most("POL-05", "120 labels, packets", lab.net.walked(), 14);
        at_most("POL-05", "labels that the root sees", labels(&lab, ROOT), 2);
        at_most("POL-05", "labels that the zone below the root sees", labels(&lab, "198.18.1.1"), 2);
    });
}

/// An unsigned NXDOMAIN for a name denies that name alone, but to those who set it so (RFC 8020 §3.1).
#[test]
fn pol_06_an_unsigned_denial_does_not_reach_down() {
    run(async {
        for (mode, reaches) in
            [(Minimisation::Relaxed, false), (Minimisation::Off, false), (Minimisation::Strict, true)]
        {
            let tree = tree().behave(SERVER, Behaviour::NxdomainForEmptyNonTerminals);
            let lab = Lab::with(&tree.internet(), 1, |settings, _| settings.qname_minimisation = mode);
            assert_eq!(lab.ask("b.c.d.d1.t1", A).await.rcode(), Rcode::NXDOMAIN);
            let reply = lab.ask("a.b.c.d.d1.t1", A).await;
            let wanted = if reaches { Rcode::NXDOMAIN } else { Rcode::NOERROR };
            assert_eq!(reply.rcode(), wanted, "{mode:?}: {reply}\n{}", lab.net.story());
        }
        println!("POL-06 names below an unsigned NXDOMAIN that were denied with it: 0 (allowed 0)");
    });
}

/// Names of every special zone, and what a client is told of them.
fn special() -> Vec<(String, &'static str)> {
    let mut names: Vec<(String, &str)> = Vec::new();
    let reverse = ["10", "168.192", "0", "127", "254.169", "2.0.192", "100.51.198", "113.0.203", "255.255.255.255"];
    let mut zones: Vec<String> = reverse.iter().map(|zone| format!("{zone}.in-addr.arpa")).collect();
    zones.extend((16..32).map(|second| format!("{second}.172.in-addr.arpa")));
    zones.extend((64..128).map(|second| format!("{second}.100.in-addr.arpa")));
    zones.extend(["d.f", "8.e.f", "9.e.f", "a.e.f", "b.e.f", "8.b.d.0.1.0.0.2"].map(|zone| format!("{zone}.ip6.arpa")));
    zones.push(format!("{}ip6.arpa", "0.".repeat(32)));
    for zone in zones {
        names.push((format!("7.6.{zone}"), "NXDOMAIN"));
        names.push((zone, "NOERROR"));
    }
    for top in ["invalid", "test", "onion", "local", "alt", "eap.arpa", "6tisch.arpa"] {
        names.extend([
            (top.to_owned(), "NXDOMAIN"),
            (format!("a.b.{top}"), "NXDOMAIN"),
            (format!("A.{top}").to_uppercase(), "NXDOMAIN"),
        ]);
    }
    for there in [
        "localhost",
        "x.localhost",
        "resolver.arpa",
        "_dns.resolver.arpa",
        "home.arpa",
        "service.arpa",
        "ipv4only.arpa",
    ] {
        names.push((there.to_owned(), "NOERROR"));
    }
    names
}

/// Every special name by every type, over both transports, with and without CD and DO: nobody is asked (RFC 6303 §5, RFC 7686
/// §2). The zones whose lack of DS the parent's signatures prove are the exception (RFC 8375 §4).
#[test]
fn pol_02_pol_03_names_that_do_not_leave() {
    run(async {
        let lab = Lab::new(&Tree::with_tld().internet(), 1);
        let access = AccessSettings::allowing(vec!["0.0.0.0/0".parse().unwrap()]);
        let settings = Settings { special_use: true, ..Settings::plain(access) };
        let policy = Policy::new(&settings, lab.resolver.world(), lab.resolver.limits());
        let cache = burdock::cache::Settings {
            size: 1 << 20,
            min_ttl: Ttl::ZERO,
            max_ttl: Ttl::from_secs(86_400),
            max_negative_ttl: Ttl::from_secs(3600),
            serve_stale: None,
        };
        let responder = Responder::new(Arc::clone(&lab.resolver), policy, &cache);
        let mut asked = 0;
        for (owner, wanted) in special() {
            for rtype in [1, 2, 6, 12, 15, 16, 28, 33, 43, 47, 48, 65, 255] {
                if rtype == 43 && ["home.arpa", "service.arpa", "ipv4only.arpa"].contains(&owner.as_str()) {
                    continue;
                }
                for (transport, flag) in [(ClientTransport::Udp, false), (ClientTransport::Tcp, true)] {
                    let flags = QueryFlags {
                        recursion_desired: true,
                        edns: Some(1232),
                        checking_disabled: flag,
                        dnssec_ok: flag,
                    };
                    let packet =
                        write_query(3, &Question::new(owner.parse::<Name>().unwrap(), RecordType(rtype)), flags);
                    let client = Client { address: "192.0.2.78:40000".parse().unwrap(), transport };
                    let mut out = vec![0; 65_535];
                    let turn = &mut Turn { now: lab.clock.now(), front: &mut burdock::cache::Front::none() };
                    let Immediate::Reply(_) = responder.answer_now(&packet, &client, turn, &mut out) else {
                        panic!("{owner} {rtype} would leak");
                    };
                    let told = burdock::dns::Header::parse(&out).unwrap().rcode().to_string();
                    assert_eq!(told, wanted, "{owner} {rtype}");
                    asked += 1;
                }
            }
        }
        at_most("POL-02, POL-03", &format!("packets for {asked} questions about special names"), lab.net.packets(), 0);
    });
}
