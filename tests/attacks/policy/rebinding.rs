//! POL-01: public names with private addresses, so that browsers knock at inner doors. Every form of such an answer is kept
//! back, whole, and the client is told why.

use std::time::Duration;

use burdock::dns::{Header, QueryFlags, Rcode, RecordType};
use burdock::playground::{Behaviour, Flaw};
use burdock::policy::{AnyAnswers, RebindingSettings, Settings};
use burdock::resolver::{Forward, Service};
use burdock::responder::{Client, ClientTransport};

use super::{A, SERVER, at_most};
use crate::sim::validation::from;
use crate::support::{EPOCH, Lab, Reply, Tree, name, run};

const AAAA: RecordType = RecordType::AAAA;
const FILTERED: u16 = 17;

/// An address of each kind, and the network it counts to.
const PRIVATE: [(&str, &str); 20] = [
    ("127.0.0.1", "127.0.0.0/8"),
    ("10.0.0.1", "10.0.0.0/8"),
    ("172.31.255.254", "172.16.0.0/12"),
    ("192.168.1.1", "192.168.0.0/16"),
    ("169.254.169.254", "169.254.0.0/16"),
    ("100.64.0.1", "100.64.0.0/10"),
    ("0.0.0.0", "0.0.0.0/8"),
    ("::", "::/128"),
    ("::1", "::1/128"),
    ("fc00::1", "fc00::/7"),
    ("fd12:3456::1", "fc00::/7"),
    ("fe80::1", "fe80::/10"),
    ("::ffff:10.0.0.1", "10.0.0.0/8"),
    ("::ffff:127.0.0.1", "127.0.0.0/8"),
    // As a DNS64 makes it.
    ("64:ff9b::10.0.0.1", "10.0.0.0/8"),
    ("64:ff9b::127.0.0.1", "127.0.0.0/8"),
    ("64:ff9b:1::192.168.1.1", "192.168.0.0/16"),
    ("64:ff9b:1:c0a8:1:100::", "192.168.0.0/16"),
    ("::127.0.0.1", "127.0.0.0/8"),
    ("2002:a00:1::1", "10.0.0.0/8"),
];

/// What is on by default once protection is, and what passes.
fn protection(allow: &[&str]) -> Option<RebindingSettings> {
    let config = "rebinding: { protect: true }";
    let loaded = burdock::config::parse(config, None, &burdock::config::Overrides::default()).unwrap();
    let networks = loaded.config.policy.rebinding.unwrap().networks;
    Some(RebindingSettings { networks, allow: allow.iter().map(|domain| name(domain)).collect() })
}

fn lab(tree: &Tree, change: impl FnOnce(&mut Settings)) -> Lab {
    Lab::guarded(&tree.internet(), 1, |policy, _| {
        policy.rebinding = protection(&[]);
        change(policy);
    })
}

/// Every name in `evil.t1` that has `PRIVATE[n]` in some way, with the type to ask for.
fn names(n: usize, address: &str) -> (String, Vec<(String, RecordType)>) {
    let (rtype, word, hint) = if address.contains(':') { (AAAA, "AAAA", "ipv6hint") } else { (A, "A", "ipv4hint") };
    let other = if address.contains(':') { "AAAA 2001:db8::1" } else { "A 192.0.2.1" };
    let data = format!(
        "a{n} {word} {address}\nm{n} {other}\nm{n} {word} {address}\nc{n} CNAME a{n}\nc{n}c CNAME c{n}\n*.w{n} {word} {address}\n\
         d{n} DNAME t{n}\nx.t{n} {word} {address}\nh{n} HTTPS 1 . alpn=h2 {hint}={address}\nh{n}c CNAME h{n}\n\
         s{n} SVCB 1 . port=53 {hint}={address}\nh{n}m HTTPS 1 .\nh{n}m HTTPS 2 . {hint}={address}\n"
    );
    let addressed = ["a{n}", "m{n}", "c{n}", "c{n}c", "q.w{n}", "x.d{n}", "A{n}"].map(|form| (form, rtype));
    let hinted = [("h{n}", RecordType::HTTPS), ("h{n}c", RecordType::HTTPS), ("h{n}m", RecordType::HTTPS)];
    let service = [("s{n}", RecordType::SVCB)];
    let all = addressed.into_iter().chain(hinted).chain(service);
    let all = all.map(|(form, rtype)| (format!("{}.evil.t1", form.replace("{n}", &n.to_string())), rtype));
    (data, all.collect())
}

/// No data at all, not even the aliases; extended error 17 with the rule; no AD.
fn assert_kept_back(reply: &Reply, network: &str, what: &str) {
    let message = &reply.message;
    let records = message.answer.len() + message.authority.len() + message.additional.len();
    assert_eq!((reply.rcode(), records), (Rcode::NOERROR, 0), "{what}: {reply}");
    assert!(!message.header.has(Header::AD), "{what}: {reply}");
    let [(code, text)] = &reply.errors()[..] else { panic!("{what}: {reply}") };
    assert_eq!(*code, FILTERED, "{what}: {reply}");
    assert!(text.contains(&format!("({network})")) && text.ends_with("[REBI]"), "{what}: {reply}");
}

/// Every form of every private address, asked three times: walked for, from the cache of RRsets, from the cache of replies.
/// Protection costs no packet, and none is sent for what is remembered.
#[test]
fn pol_01_every_private_address_in_every_form() {
    run(async {
        let sets: Vec<_> =
            PRIVATE.iter().enumerate().map(|(n, (address, network))| (names(n, address), *network)).collect();
        let data: String = sets.iter().map(|((data, _), _)| data.as_str()).collect();
        let tree = Tree::with_tld().zone("evil.t1", &[SERVER], &data);
        let (guarded, open) = (lab(&tree, |_| {}), lab(&tree, |policy| policy.rebinding = None));
        let (mut asked, mut again) = (0, 0);
        for ((_, names), network) in sets {
            for (owner, rtype) in names {
                let reply = open.ask(&owner, rtype).await;
                assert!(!reply.message.answer.is_empty() && reply.errors().is_empty(), "{owner}: {reply}");
                for time in 0..3 {
                    let before = guarded.net.packets();
                    assert_kept_back(
                        &guarded.ask(&owner, rtype).await,
                        network,
                        &format!("{owner} {rtype}, time {time}"),
                    );
                    again += if time == 0 { 0 } else { guarded.net.packets() - before };
                    asked += 1;
                }
            }
        }
        at_most("POL-01", &format!("of {asked} private answers told"), 0, 0);
        at_most("POL-01", "packets for the same again", again, 0);
        at_most(
            "POL-01",
            "packets more than without protection",
            guarded.net.walked().saturating_sub(open.net.walked()),
            0,
        );
    });
}

/// Flags and transports lead around nothing: CD, DO, no EDNS, no RD, UDP; nor does ANY.
#[test]
fn pol_01_by_every_door() {
    run(async {
        let data = "a A 10.0.0.1\na TXT \"x\"\nc CNAME a\n";
        let lab = lab(&Tree::with_tld().zone("evil.t1", &[SERVER], data), |policy| policy.any = AnyAnswers::Full);
        for owner in ["a.evil.t1", "c.evil.t1"] {
            for (cd, dnssec_ok) in [(false, false), (true, false), (false, true), (true, true)] {
                for rd in [true, false] {
                    let flags =
                        QueryFlags { checking_disabled: cd, dnssec_ok, recursion_desired: rd, edns: Some(1232) };
                    for rtype in [A, RecordType::ANY] {
                        // An alias is all that ANY gets of an alias.
                        if rd && (rtype == A || owner == "a.evil.t1") {
                            assert_kept_back(&lab.ask_with(owner, rtype, flags).await, "10.0.0.0/8", owner);
                        }
                    }
                    for transport in [ClientTransport::Udp, ClientTransport::Tcp] {
                        for edns in [None, Some(1232)] {
                            let client = Client { address: "192.0.2.80:4000".parse().unwrap(), transport };
                            let question = burdock::dns::Question::new(name(owner), A);
                            let packet = burdock::dns::write_query(7, &question, QueryFlags { edns, ..flags });
                            let reply = lab.exchange(&packet, &client).await.unwrap();
                            let message = burdock::dns::Message::parse(&reply).unwrap();
                            assert_eq!(message.rcode(), Rcode::NOERROR, "{owner} {flags:?}");
                            assert!(message.answer.is_empty() && message.additional.is_empty(), "{owner} {flags:?}");
                        }
                    }
                }
            }
        }
    });
}

/// Private addresses beside an answer do not reach the client, protected or not: replies carry no additional data.
#[test]
fn pol_01_beside_an_answer() {
    run(async {
        let beside = Behaviour::edits(|query, draft| {
            if query.name().label_count() > 2 {
                let mut record = draft.message.answer.first().unwrap().clone();
                (record.owner, record.rtype, record.rdata) =
                    (name("inner.evil.t1"), A, [10, 0, 0, 1].as_slice().into());
                draft.message.additional.push(record);
            }
        });
        let data = "m MX 10 inner\ninner A 10.0.0.1\nw A 192.0.2.1\n";
        let lab = lab(&Tree::with_tld().zone("evil.t1", &[SERVER], data).behave(SERVER, beside), |_| {});
        for (owner, rtype) in [("m.evil.t1", RecordType::MX), ("w.evil.t1", A)] {
            let reply = lab.ask(owner, rtype).await;
            assert_eq!((reply.message.answer.len(), reply.message.additional.len()), (1, 0), "{reply}");
        }
    });
}

/// Allowed domains pass, and so do zones with servers of their own but for the root; a public alias into them does not.
#[test]
fn pol_01_what_passes() {
    run(async {
        let tree = Tree::with_tld()
            .zone("plex.t1", &[SERVER], "a.b A 192.168.1.2\n@ A 192.168.1.3\nout CNAME a.evil.t1.\n")
            .zone(
                "evil.t1",
                &["198.18.2.2"],
                "a A 10.0.0.1\nin CNAME www.corp.t1.\nplex CNAME a.b.plex.t1.\npublic A 192.0.2.1\n",
            )
            .bare("corp.t1", &["198.18.2.3"], "@ NS ns1\nns1 A 198.18.2.3\nwww A 10.0.0.9\n");
        for everything in [false, true] {
            let corp = Forward {
                zone: name("corp.t1"),
                to: vec!["198.18.2.3:53".parse().unwrap()],
                service: Service::Authoritative,
            };
            let root =
                Forward { zone: name("."), to: vec!["192.0.2.53:53".parse().unwrap()], service: Service::Recursive };
            let forwards: Vec<Forward> = [corp].into_iter().chain(everything.then_some(root)).collect();
            let internet = tree.internet();
            let lab = Lab::build(EPOCH, &internet, 2, |settings, _, policy| {
                policy.rebinding = protection(&["plex.t1"]);
                policy.elsewhere = forwards.iter().map(|forward| forward.zone.clone()).collect();
                settings.forwards = forwards;
            });
            lab.net.add_resolver("192.0.2.53", &lab.beside(&internet, 3, |_, _| {}).responder);
            for (owner, address) in [
                ("a.b.plex.t1", "192.168.1.2"),
                ("PLEX.t1", "192.168.1.3"),
                ("out.plex.t1", "10.0.0.1"),
                ("www.corp.t1", "10.0.0.9"),
                ("public.evil.t1", "192.0.2.1"),
            ] {
                let reply = lab.ask(owner, A).await;
                assert_eq!((reply.a(), reply.errors()), (vec![address.to_owned()], vec![]), "{owner}: {reply}");
            }
            for (owner, network) in
                [("a.evil.t1", "10.0.0.0/8"), ("in.evil.t1", "10.0.0.0/8"), ("plex.evil.t1", "192.168.0.0/16")]
            {
                assert_kept_back(&lab.ask(owner, A).await, network, owner);
            }
        }
    });
}

/// Signed answers are kept back whole, without AD and without proof; bogus ones are SERVFAIL as ever.
#[test]
fn pol_01_signed_answers() {
    run(async {
        let data = "a A 10.0.0.1\na AAAA 2001:db8::1\nc CNAME a\n*.w A 10.0.0.1\nh HTTPS 1 . ipv4hint=10.0.0.1\n";
        let tree = Tree::signed().secure("t1", &["198.18.1.1"], "").secure("evil.t1", &[SERVER], data);
        let anchor = tree.anchor();
        let flags = QueryFlags { dnssec_ok: true, ..Lab::FLAGS };
        let guarded = |tree: &Tree, seed| {
            Lab::build(EPOCH, &tree.internet(), seed, |settings, _, policy| {
                settings.dnssec = from(&anchor);
                policy.rebinding = protection(&[]);
            })
        };
        let lab = guarded(&tree, 4);
        for (owner, rtype) in [("a.evil.t1", A), ("c.evil.t1", A), ("q.w.evil.t1", A), ("h.evil.t1", RecordType::HTTPS)]
        {
            for _ in 0..3 {
                assert_kept_back(&lab.ask_with(owner, rtype, flags).await, "10.0.0.0/8", owner);
            }
        }
        let public = lab.ask_with("a.evil.t1", AAAA, flags).await;
        assert!(public.message.header.has(Header::AD) && public.data(AAAA).len() == 1, "{public}");
        let lab = guarded(&tree.clone().wrong("evil.t1", Flaw::Unsigned(name("a.evil.t1"), A)), 5);
        let reply = lab.ask_with("a.evil.t1", A, flags).await;
        assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{reply}");
    });
}

/// What is kept back is so until its TTL ends, and no longer: the server that has mended its ways is heard.
#[test]
fn pol_01_as_long_as_the_data_lives() {
    run(async {
        let tree = |address: &str| Tree::with_tld().zone("evil.t1", &[SERVER], &format!("a 60 A {address}\n"));
        let lab = lab(&tree("10.0.0.1"), |_| {});
        assert_kept_back(&lab.ask("a.evil.t1", A).await, "10.0.0.0/8", "at first");
        let mended = tree("192.0.2.1").internet();
        lab.net.rewire(|servers| {
            for authority in mended.authorities {
                servers.insert(authority.address, authority);
            }
        });
        lab.wait(Duration::from_secs(58)).await;
        assert_kept_back(&lab.ask("a.evil.t1", A).await, "10.0.0.0/8", "a moment before");
        lab.wait(Duration::from_secs(3)).await;
        assert_eq!(lab.ask("a.evil.t1", A).await.a(), ["192.0.2.1"]);
    });
}
