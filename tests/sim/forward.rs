//! Forward and stub zones: who is asked, how, and what of the answer is believed.

use std::net::SocketAddr;
use std::time::Duration;

use burdock::dns::{Class, Header, Message, QueryFlags, Question, Rcode, Record, RecordType, Ttl};
use burdock::job::Limits;
use burdock::playground::Behaviour;
use burdock::resolver::{Forward, Minimisation, Service, Settings};

use super::validation::from;
use crate::attacks::at_most;
use crate::support::{EPOCH, Exchange, Lab, Link, ROOT, Reply, Tree, name, run};

mod circles;
mod validated;

const A: RecordType = RecordType::A;
/// The servers of `t1`, and of `d1.t1`.
const TLD: &str = "198.18.1.1";
const FIRST: &str = "198.18.2.1";
const SECOND: &str = "198.18.2.2";
/// Where forwarders are.
const NEAR: &str = "192.0.2.53";
const FAR: &str = "192.0.2.54";
const DO: QueryFlags = QueryFlags { dnssec_ok: true, ..Lab::FLAGS };
/// Servers unreachable (RFC 8914 §4.23), unsigned where it should be signed, and the like.
const UNREACHABLE: u16 = 22;

fn tree() -> Tree {
    let data = "www A 192.0.2.1\na.b.c A 192.0.2.2\nout CNAME www.d2.t1.\nin CNAME www\n";
    Tree::with_tld().zone("d1.t1", &[FIRST], data).zone("d2.t1", &[SECOND], "www A 192.0.2.3\nx A 192.0.2.4\n")
}

fn to(zone: &str, servers: &[&str], service: Service) -> Forward {
    let endpoint = |server: &&str| {
        let (address, port) = server.split_once('@').unwrap_or((server, "53"));
        SocketAddr::new(address.parse().unwrap(), port.parse().unwrap())
    };
    Forward { zone: name(zone), to: servers.iter().map(endpoint).collect(), service }
}

fn forward(zone: &str, servers: &[&str]) -> Forward {
    to(zone, servers, Service::Recursive)
}

fn stub(zone: &str, servers: &[&str]) -> Forward {
    to(zone, servers, Service::Authoritative)
}

/// A resolver with these zones, and a recursive one at each of `forwarders`.
fn lab(tree: &Tree, seed: u64, forwarders: &[&str], zones: Vec<Forward>) -> Lab {
    house(tree, seed, forwarders, move |settings, _| settings.forwards = zones)
}

fn house(tree: &Tree, seed: u64, forwarders: &[&str], change: impl FnOnce(&mut Settings, &mut Limits)) -> Lab {
    let internet = tree.internet();
    let lab = Lab::with(&internet, seed, change);
    for (index, address) in (1..).zip(forwarders) {
        let forwarder = lab.beside(&internet, seed + 1000 * index, |_, _| {});
        lab.net.add_resolver(address, &forwarder.responder);
    }
    lab
}

async fn gets(lab: &Lab, owner: &str, address: &str) -> Reply {
    let reply = lab.ask(owner, A).await;
    assert_eq!((reply.rcode(), reply.a()), (Rcode::NOERROR, vec![address.to_owned()]), "{reply}\n{}", lab.net.story());
    reply
}

/// SERVFAIL with this extended error.
async fn fails(lab: &Lab, owner: &str, code: u16) -> Reply {
    let reply = lab.ask_with(owner, A, DO).await;
    assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{reply}\n{}", lab.net.story());
    assert!(reply.errors().iter().any(|(told, _)| *told == code), "{reply}\n{}", lab.net.story());
    reply
}

fn sent_to(lab: &Lab, server: &str) -> Vec<Exchange> {
    lab.net.exchanges().into_iter().filter(|sent| sent.server.ip().to_string() == server).collect()
}

fn asked(exchange: &Exchange) -> String {
    exchange.question.as_ref().map(ToString::to_string).unwrap_or_default().to_ascii_lowercase()
}

fn record(owner: &str, rtype: RecordType, rdata: &[u8]) -> Record {
    Record { owner: name(owner), rtype, class: Class::IN, ttl: Ttl::from_secs(3600), rdata: rdata.into() }
}

/// A forwarder that answers everything with what `write` makes.
fn scripted(write: impl Fn(&Question, &mut Message) + Send + Sync + 'static) -> Behaviour {
    Behaviour::edits(move |query, draft| {
        let Some((question, _)) = &query.message.question else { return };
        let message = &mut draft.message;
        message.header.flags = message.header.flags & !(Header::AA | 0xf) | Header::RA;
        for section in [&mut message.answer, &mut message.authority, &mut message.additional] {
            section.clear();
        }
        write(question, message);
    })
}

/// A server at [`NEAR`] that has no zone and behaves like this.
fn with_server(tree: Tree, behaviour: Behaviour) -> Tree {
    tree.bare("forwarder.invalid", &[NEAR], "@ NS ns.forwarder.invalid.\n").behave(NEAR, behaviour)
}

#[test]
fn a_forwarder_gets_the_whole_question_and_nobody_else_anything() {
    run(async {
        let lab = lab(&tree(), 1, &[NEAR], vec![forward("d1.t1", &[NEAR])]);
        gets(&lab, "a.b.c.d1.t1", "192.0.2.2").await;
        let [sent] = &sent_to(&lab, NEAR)[..] else { panic!("one query\n{}", lab.net.story()) };
        // POL-05: no minimisation; RD set, CD not.
        assert_eq!(asked(sent), "a.b.c.d1.t1. a");
        assert_eq!(sent.flags & (Header::RD | Header::CD), Header::RD);
        assert!(sent.edns);
        let before = lab.net.packets();
        gets(&lab, "a.b.c.d1.t1", "192.0.2.2").await;
        assert_eq!(lab.net.packets(), before, "remembered");
        let reply = lab.ask("gone.d1.t1", A).await;
        assert_eq!(reply.rcode(), Rcode::NXDOMAIN, "{reply}");
        let reply = lab.ask("www.d1.t1", RecordType::MX).await;
        assert_eq!((reply.rcode(), reply.message.answer.len()), (Rcode::NOERROR, 0), "{reply}");
        assert_eq!(sent_to(&lab, NEAR).len(), 3);
    });
}

#[test]
fn the_longest_matching_zone_wins_and_the_root_takes_the_rest() {
    run(async {
        let zones = vec![forward(".", &[FAR]), stub("d1.t1", &[FIRST]), forward("b.c.d1.t1", &[NEAR])];
        let lab = lab(&tree(), 2, &[NEAR, FAR], zones);
        gets(&lab, "a.b.c.d1.t1", "192.0.2.2").await;
        assert_eq!((sent_to(&lab, NEAR).len(), sent_to(&lab, FAR).len()), (1, 0));
        gets(&lab, "www.d2.t1", "192.0.2.3").await;
        assert_eq!((sent_to(&lab, NEAR).len(), sent_to(&lab, FAR).len()), (1, 1));
        let before = sent_to(&lab, FIRST).len();
        gets(&lab, "www.d1.t1", "192.0.2.1").await;
        let stub = &sent_to(&lab, FIRST)[before..];
        assert_eq!(stub.iter().map(|sent| sent.flags & Header::RD).collect::<Vec<_>>(), [0]);
        assert_eq!((sent_to(&lab, NEAR).len(), sent_to(&lab, FAR).len()), (1, 1));
    });
}

#[test]
fn aliases_that_leave_the_zone_are_asked_by_their_own_route() {
    run(async {
        let lab = lab(&tree(), 3, &[NEAR], vec![forward("d1.t1", &[NEAR])]);
        let reply = gets(&lab, "out.d1.t1", "192.0.2.3").await;
        assert_eq!(reply.data(RecordType::CNAME), ["www.d2.t1."]);
        assert_eq!(sent_to(&lab, NEAR).iter().map(asked).collect::<Vec<_>>(), ["out.d1.t1. a"]);
        gets(&lab, "in.d1.t1", "192.0.2.1").await;
        let questions: Vec<String> = sent_to(&lab, NEAR).iter().map(asked).collect();
        assert_eq!(questions, ["out.d1.t1. a", "in.d1.t1. a", "www.d1.t1. a"]);
    });
}

#[test]
fn below_a_stub_zone_the_walk_goes_on() {
    run(async {
        // Nothing leads to `private` but the operator's word; its child is delegated as usual.
        let tree = Tree::with_tld()
            .bare(
                "private",
                &[FIRST],
                "@ NS ns1\nns1 A 198.18.2.1\nwww A 10.0.0.1\nsub NS ns1.sub\nns1.sub A 198.18.2.2\n",
            )
            .bare("sub.private", &[SECOND], "@ NS ns1\nns1 A 198.18.2.2\nwww A 10.0.0.2\n");
        for mode in [Minimisation::Relaxed, Minimisation::Strict, Minimisation::Off] {
            let lab = house(&tree, 4, &[], |settings, _| {
                settings.forwards = vec![stub("private", &[FIRST])];
                settings.qname_minimisation = mode;
            });
            gets(&lab, "www.sub.private", "10.0.0.2").await;
            assert_eq!((lab.net.packets_to(ROOT), lab.net.packets_to(SECOND)), (0, 1), "{}", lab.net.story());
            let before = lab.net.packets_to(FIRST);
            let reply = lab.ask("x.sub.private", A).await;
            assert_eq!(reply.rcode(), Rcode::NXDOMAIN, "{reply}");
            assert_eq!(lab.net.packets_to(FIRST), before, "the delegation below is known");
        }
    });
}

/// The parent says NXDOMAIN, before and after; what the operator has set wins all the same.
#[test]
fn pol_06_a_configured_zone_below_nxdomain() {
    run(async {
        let tree =
            Tree::with_tld().bare("corp.t1", &[FIRST], "@ NS ns1\nns1 A 198.18.2.1\n@ A 10.0.0.3\nwww A 10.0.0.1\n");
        for zone in [stub("corp.t1", &[FIRST]), forward("corp.t1", &[FIRST])] {
            let lab = house(&tree, 5, &[], |settings, _| {
                settings.forwards = vec![zone];
                settings.qname_minimisation = Minimisation::Strict;
            });
            let reply = lab.ask("corpse.t1", A).await;
            assert_eq!(reply.rcode(), Rcode::NXDOMAIN);
            let reply = lab.ask("corp.t1", RecordType::DS).await;
            assert_eq!(reply.rcode(), Rcode::NXDOMAIN, "the parent is asked for DS");
            gets(&lab, "corp.t1", "10.0.0.3").await;
            gets(&lab, "www.corp.t1", "10.0.0.1").await;
        }
    });
}

/// MaginotDNS: a forwarder is believed for its zone and for nothing else.
#[test]
fn poi_19_what_a_forwarder_says_of_other_zones_is_nothing() {
    run(async {
        let forged = [6, 6, 6, 6];
        let attacker = scripted(move |question, message| {
            message.answer.push(Record { owner: question.name.clone(), ..record(".", A, &[192, 0, 2, 99]) });
            message.answer.push(record("www.d2.t1", A, &forged));
            message.authority.push(record("t1", RecordType::NS, name("ns.fwd").wire()));
            message.authority.push(record(".", RecordType::NS, name("ns.fwd").wire()));
            message.authority.push(record("x.fwd", RecordType::NS, name("ns.fwd").wire()));
            message.additional.push(record("ns.fwd", A, &[192, 0, 2, 53]));
            message.additional.push(record("ns1.t1", A, &[192, 0, 2, 53]));
        });
        let tree = with_server(tree(), attacker);
        for zone in ["fwd", "."] {
            let lab = lab(&tree, 7, &[], vec![forward(zone, &[NEAR])]);
            gets(&lab, "a.fwd", "192.0.2.99").await;
            gets(&lab, "x.fwd", "192.0.2.99").await;
            assert_eq!(sent_to(&lab, NEAR).len(), 2);
            let recall = |owner: &str, rtype| {
                lab.resolver.recollect(&Question::new(name(owner), rtype), &lab.resolver.job()).is_some()
            };
            let others =
                [("www.d2.t1", A), ("t1", RecordType::NS), (".", RecordType::NS), ("ns.fwd", A), ("ns1.t1", A)];
            let kept = others.iter().filter(|(owner, rtype)| recall(owner, *rtype)).count();
            at_most("POI-19", &format!("records beside the answer kept, of a forwarder of {zone}"), kept, 0);
            assert!(recall("a.fwd", A));
            if zone == "fwd" {
                gets(&lab, "www.d2.t1", "192.0.2.3").await;
                at_most("POI-19", "questions about other zones to the forwarder", sent_to(&lab, NEAR).len() - 2, 0);
            }
        }
    });
}

/// A server that was asked to recurse and refers is of no use, and nobody whom it names is asked.
#[test]
fn referrals_of_forwarders_are_not_followed() {
    run(async {
        let refers = scripted(|_, message| {
            message.header.flags &= !Header::RA;
            message.authority.push(record("d1.t1", RecordType::NS, name("ns1.d1.t1").wire()));
            message.additional.push(record("ns1.d1.t1", A, &[198, 18, 2, 1]));
        });
        let lab = lab(&with_server(tree(), refers), 8, &[FAR], vec![forward("t1", &[NEAR])]);
        let reply = fails(&lab, "www.d1.t1", UNREACHABLE).await;
        assert!(reply.errors()[0].1.contains("refers to other servers"), "{reply}");
        assert_eq!((lab.net.packets(), lab.net.packets_to(FIRST)), (1, 0), "{}", lab.net.story());
    });
}

/// AMP-12: SERVFAIL from a forwarder costs two packets when we validate, CD=0 and CD=1, and one when we do not.
#[test]
fn amp_12_a_forwarder_that_always_fails_is_asked_twice() {
    run(async {
        let tree = with_server(Tree::signed(), Behaviour::Always(Rcode::SERVFAIL));
        for (validate, flags) in [(true, vec![0, Header::CD]), (false, vec![0])] {
            let anchor = tree.anchor();
            let lab = house(&tree, 9, &[], |settings, _| {
                settings.forwards = vec![forward(".", &[NEAR])];
                settings.dnssec = from(&anchor);
                settings.dnssec.validate = validate;
            });
            fails(&lab, "www.d1.t1", UNREACHABLE).await;
            let sent: Vec<u16> = sent_to(&lab, NEAR).iter().map(|sent| sent.flags & Header::CD).collect();
            assert_eq!(sent, flags, "{}", lab.net.story());
            // RFC 9520: the failure is remembered.
            lab.ask("www.d1.t1", A).await;
            assert_eq!(lab.net.packets(), flags.len());
        }
    });
}

/// A forwarder that stumbles over options which it does not know (RFC 8906 §3.2.3), or before which somebody drops them: the
/// trail is left out, as cookies are, and OPT is not.
#[test]
fn forwarders_that_cannot_do_options_are_asked_without() {
    run(async {
        for (seed, drops, cookies) in [(14, false, true), (15, false, false), (16, true, true), (17, true, false)] {
            let objects = Behaviour::edits(move |query, draft| {
                if query.message.edns.as_ref().is_none_or(|edns| edns.options.is_empty()) {
                    return;
                }
                if drops {
                    draft.fate = burdock::playground::Fate::Dropped;
                }
                draft.message.answer.clear();
                draft.message.header.flags |= u16::from(Rcode::FORMERR.low());
            });
            let answers = scripted(|question, message| {
                message.answer.push(record(&question.name.to_string(), A, &[192, 0, 2, 1]));
            });
            let tree = with_server(Tree::with_tld(), answers).behave(NEAR, objects);
            let lab = house(&tree, seed, &[], |settings, _| {
                (settings.forwards, settings.cookies) = (vec![forward(".", &[NEAR])], cookies);
            });
            for owner in ["www.d1.t1", "x.d1.t1"] {
                let before = lab.net.packets();
                gets(&lab, owner, "192.0.2.1").await;
                at_most("INT-02", "packets to a forwarder that cannot do options", lab.net.packets() - before, 2);
            }
            assert!(lab.net.exchanges().iter().all(|exchange| exchange.edns), "{}", lab.net.story());
        }
    });
}

/// Every forwarder is dead: SERVFAIL in time, with the reason, and nobody else is asked.
#[test]
fn dead_forwarders_are_not_stepped_around() {
    run(async {
        let lab = lab(&tree(), 12, &[], vec![forward("d1.t1", &[NEAR, FAR])]);
        let reply = fails(&lab, "www.d1.t1", UNREACHABLE).await;
        assert!(reply.after <= Duration::from_millis(5002), "{reply}");
        assert_eq!((lab.net.packets_to(ROOT), lab.net.packets_to(TLD), lab.net.packets_to(FIRST)), (0, 0, 0));
        assert!(lab.net.packets() <= 12, "{}", lab.net.story());
        assert!(sent_to(&lab, NEAR).len() >= 2 && sent_to(&lab, FAR).len() >= 2);
    });
}

#[test]
fn one_forwarder_of_two_is_enough_and_ports_are_theirs() {
    run(async {
        let lab =
            lab(&tree(), 13, &[FAR], vec![forward(".", &["192.0.2.53@5301", "192.0.2.53@5302", "192.0.2.54@5353"])]);
        for owner in ["www.d1.t1", "a.b.c.d1.t1", "www.d2.t1", "x.d2.t1"] {
            let reply = lab.ask(owner, A).await;
            assert_eq!((reply.rcode(), reply.a().len()), (Rcode::NOERROR, 1), "{reply}\n{}", lab.net.story());
        }
        let ports = |server| sent_to(&lab, server).iter().map(|sent| sent.server.port()).collect::<Vec<_>>();
        assert!(ports(FAR).iter().all(|port| *port == 5353));
        assert!(ports(NEAR).iter().all(|port| [5301, 5302].contains(port)), "{:?}", ports(NEAR));
    });
}

#[test]
fn a_third_of_all_packets_lost() {
    run(async {
        let data: String = (0..40).map(|n| format!("h{n} A 192.0.2.{n}\n")).collect();
        let tree = tree().data("d1.t1", &data);
        let lab = lab(&tree, 14, &[NEAR, FAR], vec![forward(".", &[NEAR, FAR])]);
        let link = Link { loss: 0.3, ..Link::PERFECT };
        lab.net.set_link(NEAR, link);
        lab.net.set_link(FAR, link);
        for n in 0..40 {
            gets(&lab, &format!("h{n}.d1.t1"), &format!("192.0.2.{n}")).await;
        }
        let sent = sent_to(&lab, NEAR).len() + sent_to(&lab, FAR).len();
        assert!(sent <= 120, "{sent} packets for 40 questions");
    });
}
