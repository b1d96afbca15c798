//! Records that are not the server's to give: POI-10 to POI-18.

use std::time::Duration;

use burdock::dns::{Header, Message, Rcode, RecordType};
use burdock::playground::Behaviour;
use burdock::world::Transport;

use super::{ATTACKER, VICTIM, a, about, genuine, is_cached, records, unharmed, victim};
use crate::support::{Lab, ROOT, Tree, run};

pub(super) const TXT: RecordType = RecordType::TXT;
/// The victim's zone, taken over.
const HIJACK: &str = "victim. 86400 NS ns.attacker.";
const GLUE: &str = "ns.attacker. 86400 A 198.18.3.1";

pub(super) fn adds_hijack(message: &mut Message) {
    message.authority.extend(records(HIJACK));
    message.additional.extend(records(GLUE));
}

/// Empties the reply and gives it this code, with the hijack in it.
fn only_hijack(message: &mut Message, rcode: Rcode) {
    message.answer.clear();
    message.authority.clear();
    burdock::playground::set_rcode(message, rcode);
    adds_hijack(message);
}

pub(super) fn soa() -> Vec<burdock::dns::Record> {
    records("victim. 300 SOA ns1.victim. hostmaster.victim. 1 7200 900 1209600 300")
}

/// The server of the victim says this about `trigger.victim`, over UDP and over TCP; nothing of it may stick.
fn promiscuous(id: &str, change: impl Fn(&mut Message) + Clone + Send + Sync + 'static) {
    for streams in [false, true] {
        let mut tree = victim().behave(VICTIM, about("trigger.victim", change.clone()));
        if streams {
            tree = tree.behave(VICTIM, Behaviour::Truncates);
        }
        run(async move {
            let lab = Lab::new(&tree.internet(), 1);
            genuine(&lab, "prime.victim", "192.0.2.2").await;
            lab.ask("trigger.victim", TXT).await;
            assert_eq!(lab.net.packets_over(Transport::Tcp) > 0, streams, "{}", lab.net.story());
            let before = lab.net.packets_to(VICTIM);
            genuine(&lab, "mail.victim", "192.0.2.25").await;
            let anew = lab.net.packets_to(VICTIM) - before;
            assert!(anew >= 1, "{id}: {}", lab.net.story());
            unharmed(&lab, id).await;
            let attacked = lab.net.packets_to(ATTACKER);
            assert_eq!(attacked, 0, "{id}: {}", lab.net.story());
            println!(
                "{id} the attacker's server got {attacked} packets (allowed 0), the victim's {anew} for mail (at least 1)"
            );
        });
    }
}

/// An NS set of the zone itself beside a positive answer (CVE-2025-11411).
#[test]
fn poi_10_ns_beside_an_answer() {
    promiscuous("POI-10", adds_hijack);
}

/// The same beside NODATA.
#[test]
fn poi_11_ns_beside_nodata() {
    promiscuous("POI-11", |m| {
        only_hijack(m, Rcode::NOERROR);
        m.authority.extend(soa());
    });
    promiscuous("POI-11 without SOA", |m| only_hijack(m, Rcode::NOERROR));
}

/// The same beside NXDOMAIN.
#[test]
fn poi_12_ns_beside_nxdomain() {
    promiscuous("POI-12", |m| {
        only_hijack(m, Rcode::NXDOMAIN);
        m.authority.extend(soa());
    });
}

/// The same in errors of every kind.
#[test]
fn poi_13_ns_beside_errors() {
    for code in [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 23] {
        promiscuous(&format!("POI-13 RCODE {code}"), move |m| only_hijack(m, Rcode(code)));
    }
}

/// Other types in the authority section, with addresses (CVE-2026-42960).
#[test]
fn poi_14_mx_in_the_authority_section() {
    promiscuous("POI-14", |m| {
        m.authority.extend(records("victim. 86400 MX 1 mail.victim."));
        m.additional.extend(records("mail.victim. 86400 A 6.6.6.6"));
    });
}

/// Servers of a zone above are asked about one zone and speak of its neighbour (RUSTSEC-2026-0106).
#[test]
fn poi_15_a_sibling_zone() {
    for primed in [false, true] {
        run(async move {
            let says = about("trigger", adds_hijack);
            let tree = victim().data(".", "trigger TXT hello\n").behave(ROOT, says);
            let lab = Lab::new(&tree.internet(), 2);
            if primed {
                genuine(&lab, "prime.victim", "192.0.2.2").await;
            }
            lab.ask("trigger", TXT).await;
            unharmed(&lab, "POI-15").await;
            let attacked = lab.net.packets_to(ATTACKER);
            assert_eq!(attacked, 0, "{}", lab.net.story());
            println!("POI-15 victim {primed}: the attacker's server got {attacked} packets (allowed 0)");
        });
    }
    // Not even in place of an answer.
    run(async {
        let tree = victim().behave(ROOT, about("trigger", |m| only_hijack(m, Rcode::NOERROR)));
        let lab = Lab::new(&tree.internet(), 3);
        assert_eq!(lab.ask("trigger", TXT).await.rcode(), Rcode::SERVFAIL);
        unharmed(&lab, "POI-15").await;
        assert_eq!(lab.net.packets_to(ATTACKER), 0, "{}", lab.net.story());
    });
}

/// A referral below the victim names the victim's own server, with another address.
#[test]
fn poi_16_glue_for_the_parents_server() {
    run(async {
        let delegation = format!("victim. 60 NS ns1.victim.\nns1.victim. 60 A {VICTIM}\n");
        let says = |m: &mut Message| {
            m.header.flags &= !Header::AA;
            m.answer.clear();
            m.authority = records("trigger.victim. 86400 NS ns1.victim.");
            m.additional = records(&format!("ns1.victim. 86400 A {ATTACKER}"));
        };
        let tree = Tree::new()
            .delegate("victim", &delegation)
            .bare("victim", &[VICTIM], &format!("{delegation}canary 60 A 192.0.2.1\nprime A 192.0.2.2\n"))
            .zone("attacker", &[ATTACKER], "www A 6.6.6.6\n")
            .behave(VICTIM, about("trigger.victim", says))
            .behave(VICTIM, about("www.trigger.victim", says));
        let lab = Lab::new(&tree.internet(), 4);
        genuine(&lab, "prime.victim", "192.0.2.2").await;
        a(&lab, "www.trigger.victim").await;
        // Whom the victim's server names for the zone below it may be asked about that zone.
        let before = lab.net.packets_to(ATTACKER);
        unharmed(&lab, "POI-16").await;
        lab.wait(Duration::from_secs(61)).await;
        genuine(&lab, "ns1.victim", VICTIM).await;
        // The canary is asked for anew, and sings.
        let asked = lab.net.packets_to(VICTIM);
        genuine(&lab, "canary.victim", "192.0.2.1").await;
        assert!(lab.net.packets_to(VICTIM) > asked, "{}", lab.net.story());
        lab.ask("canary.victim", TXT).await;
        lab.ask("other.victim", TXT).await;
        let attacked = lab.net.packets_to(ATTACKER) - before;
        assert_eq!(attacked, 0, "{}", lab.net.story());
        println!("POI-16 after 61 s the attacker's server got {attacked} packets for names of the victim (allowed 0)");
    });
}

/// A forged DNAME at the apex, with the CNAME that it stands for: it counts for the name that was asked about, once.
#[test]
fn poi_17_a_forged_dname_takes_no_subtree() {
    run(async {
        let tree = victim().behave(
            VICTIM,
            about("trigger.victim", |m| {
                m.answer = records("trigger.victim. 86400 CNAME trigger.attacker.\nvictim. 86400 DNAME attacker.");
                m.authority.clear();
            }),
        );
        let lab = Lab::new(&tree.internet(), 5);
        genuine(&lab, "prime.victim", "192.0.2.2").await;
        let before = lab.net.packets_to(VICTIM);
        a(&lab, "trigger.victim").await;
        let cost = lab.net.packets_to(VICTIM) - before;
        assert!(cost <= 2, "{}", lab.net.story());
        assert!(!is_cached(&lab, "victim", RecordType::DNAME));
        let before = lab.net.packets_to(ATTACKER);
        unharmed(&lab, "POI-17").await;
        genuine(&lab, "www.victim", "192.0.2.80").await;
        let attacked = lab.net.packets_to(ATTACKER) - before;
        assert_eq!(attacked, 0, "{}", lab.net.story());
        println!("POI-17 other names below a forged DNAME: {attacked} packets to the attacker (allowed 0)");
    });
}

/// A genuine, signed DNAME is followed by what it says, whatever CNAME comes with it; an unsigned one is not.
#[test]
fn poi_17_a_signed_dname() {
    let tree = || {
        let data = "moved DNAME new.victim.\nwww.new A 192.0.2.7\ndeep.www.new A 192.0.2.8\n";
        Tree::signed().secure("victim", &[VICTIM], data).zone("attacker", &[ATTACKER], "www A 6.6.6.6\n* A 6.6.6.6\n")
    };
    let other_cname = about("www.moved.victim", |m| {
        m.answer.retain(|record| record.rtype != RecordType::CNAME);
        m.answer.extend(records("www.moved.victim. 3600 CNAME www.attacker."));
    });
    let unsigned = about("deep.www.moved.victim", |m| {
        m.answer = records("moved.victim. 3600 DNAME attacker.\ndeep.www.moved.victim. CNAME deep.www.attacker.");
    });
    let no_dname = about("too-long.moved.victim", |m| {
        m.answer.clear();
        m.authority.clear();
        burdock::playground::set_rcode(m, Rcode::YXDOMAIN);
    });
    run(async {
        let tree = tree().behave(VICTIM, other_cname).behave(VICTIM, unsigned).behave(VICTIM, no_dname);
        let settings = crate::sim::validation::from(&tree.anchor());
        let lab = || Lab::with(&tree.internet(), 6, |all, _| all.dnssec = settings.clone());
        let (cold, lab) = (lab(), lab());
        let flags = burdock::dns::QueryFlags { dnssec_ok: true, ..Lab::FLAGS };
        let reply = lab.ask_with("www.moved.victim", RecordType::A, flags).await;
        assert_eq!(
            (reply.a(), reply.data(RecordType::CNAME)),
            (vec!["192.0.2.7".into()], vec!["www.new.victim.".into()])
        );
        assert!(reply.message.header.has(Header::AD), "{reply}");
        // Who knows the genuine one does not ask again (RFC 6672 §5.3.1).
        assert_eq!(a(&lab, "deep.www.moved.victim").await.a(), ["192.0.2.8"]);
        let mut told = Vec::new();
        for owner in ["deep.www.moved.victim", "too-long.moved.victim"] {
            let reply = a(&cold, owner).await;
            assert_eq!((reply.rcode(), reply.a().len()), (Rcode::SERVFAIL, 0), "{owner}: {reply}");
            told.extend(reply.errors().into_iter().map(|(code, _)| code));
        }
        // The data is not signed; YXDOMAIN without a DNAME is what a server says that knows nothing.
        assert_eq!(told, [10, 22, 23], "{}", cold.net.story());
        for lab in [&lab, &cold] {
            assert_eq!(lab.net.packets_to(ATTACKER), 0, "{}", lab.net.story());
        }
        println!(
            "POI-17 signed: synthesized here, the CNAME beside it not believed; unsigned in a signed zone: SERVFAIL"
        );
    });
}

/// DNAMEs in a circle.
#[test]
fn poi_17_dnames_in_a_circle() {
    run(async {
        let lab = Lab::new(&victim().data("victim", "a DNAME b\nb DNAME a\n").internet(), 7);
        let reply = a(&lab, "x.a.victim").await;
        assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{reply}\n{}", lab.net.story());
        // They are shown, for whoever knows what a DNAME is (RFC 6672).
        assert_eq!(reply.data(RecordType::DNAME), ["a.victim.", "b.victim."], "{reply}");
        let cost = lab.net.packets();
        assert!(cost <= 24, "{}", lab.net.story());
        println!("POI-17 a circle of DNAMEs: {cost} packets (allowed 24)");
    });
}

/// What a server says of the target of an alias, in another zone or in one beside it, is asked for anew.
#[test]
fn poi_18_the_tail_of_a_chain() {
    // By the attacker's own server, and by one for a name beside the victim, in the zone above both.
    for (server, owner) in [(ATTACKER, "q.attacker"), (ROOT, "q")] {
        run(async move {
            let chain = format!("{owner}. CNAME x.victim.\nx.victim. CNAME www.victim.\nwww.victim. 86400 A 6.6.6.6");
            let tail = move |m: &mut Message| {
                m.answer = records(&chain);
                m.header.flags |= Header::AA;
            };
            let tree = victim().data("victim", "x CNAME www\n").behave(server, about(owner, tail));
            let lab = Lab::new(&tree.internet(), 8);
            let reply = a(&lab, owner).await;
            assert_eq!(reply.a(), ["192.0.2.80"], "{reply}\n{}", lab.net.story());
            let asked = lab.net.packets_to(VICTIM);
            assert!(asked >= 1, "{}", lab.net.story());
            genuine(&lab, "www.victim", "192.0.2.80").await;
            println!(
                "POI-18 the victim's server got {asked} packets (at least 1), the forged address was shown 0 times"
            );
        });
    }
}
