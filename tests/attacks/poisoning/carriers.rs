//! Denials and odd codes that carry records of others: POI-20.

use burdock::dns::{Class, Header, Message, Question, Rcode, RecordType};

use super::{ATTACKER, FORGED, VICTIM, a, about, genuine, is_cached, records, unharmed, victim};
use crate::support::{Lab, Tree, name, run};

use super::records::{TXT, adds_hijack, soa};

/// Records of others for one section.
type Carry = fn(&mut Message);

/// In the answer, in the authority section, in the additional section, and in all of them.
const SECTIONS: [(&str, Carry); 4] = [
    ("answer", in_answer),
    ("authority", in_authority),
    ("additional", in_additional),
    ("all", |m| {
        in_answer(m);
        in_authority(m);
        in_additional(m);
    }),
];

fn in_answer(m: &mut Message) {
    m.answer.extend(records("canary.victim. A 6.6.6.6\nwww.other. A 6.6.6.6\ntrigger.victim. A 6.6.6.6"));
}

fn in_authority(m: &mut Message) {
    m.authority
        .extend(records("other. SOA a. b. 1 2 3 4 5\ncanary.victim. CNAME www.attacker.\nother. NS ns.attacker."));
    adds_hijack(m);
}

fn in_additional(m: &mut Message) {
    m.additional.extend(records("ns1.victim. A 6.6.6.6\ncanary.victim. A 6.6.6.6\nvictim. MX 1 a."));
}

/// A change to the question of a reply.
type Alter = fn(&mut (Question, Class));

/// Every RCODE, with and without authority, with records of others in each section and in all, the question itself or another:
/// nothing but the question's own name and type is ever remembered, and that only of a reply to the question.
#[test]
fn poi_20_negative_answers_and_odd_codes_as_carriers() {
    let foreign = [
        ("canary.victim", RecordType::A),
        ("canary.victim", RecordType::CNAME),
        ("www.other", RecordType::A),
        ("other", RecordType::SOA),
        ("other", RecordType::NS),
        ("victim", RecordType::NS),
        ("victim", RecordType::MX),
        ("ns1.victim", RecordType::A),
        ("trigger.victim", RecordType::A),
    ];
    let questions: [(&str, Alter); 4] = [
        ("its own", |_| ()),
        ("another name", |(question, _)| question.name = name("canary.victim")),
        ("another type", |(question, _)| question.rtype = RecordType::A),
        ("another class", |(_, class)| *class = Class(3)),
    ];
    let mut cases = 0;
    let flags = [(Header::AA, true), (Header::AA, false), (0, true), (0, false)];
    for code in [0, 3, 2, 5, 6, 9, 16, 23] {
        for ((authority, denies), (what, question)) in flags.iter().flat_map(|flags| questions.map(|one| (*flags, one)))
        {
            for (section, carry) in SECTIONS {
                let says = about("trigger.victim", move |m| {
                    m.answer.clear();
                    m.authority = if denies { soa() } else { Vec::new() };
                    m.header.flags = (m.header.flags & !Header::AA) | authority;
                    carry(m);
                    m.question.iter_mut().for_each(question);
                    burdock::playground::set_rcode(m, Rcode(code));
                });
                let aa = authority != 0;
                let case = format!("RCODE {code}, AA {aa}, question: {what}, SOA {denies}, in {section}");
                run(async {
                    let lab = Lab::new(&victim().behave(VICTIM, says).internet(), 9);
                    genuine(&lab, "prime.victim", "192.0.2.2").await;
                    let reply = lab.ask("trigger.victim", TXT).await;
                    let mut shown = reply.message.answer.iter().chain(&reply.message.authority);
                    let is_its_soa = |r: &burdock::dns::Record| r.owner == name("victim") && r.rtype == RecordType::SOA;
                    assert!(shown.all(is_its_soa), "{case}: {reply}");
                    for (owner, rtype) in foreign {
                        assert!(!is_cached(&lab, owner, rtype), "{case}: {owner} {rtype}");
                    }
                    unharmed(&lab, &case).await;
                    assert_eq!(lab.net.packets_to(ATTACKER), 0, "{case}");
                });
                cases += 1;
            }
        }
    }
    println!("POI-20 {cases} cases: 0 records of others remembered (allowed 0)");
}

/// A signed zone's name is denied without SOA or without proof.
#[test]
fn poi_20_denials_of_signed_names_need_proof() {
    let deny = |keep_soa: bool| {
        about("www.victim", move |m: &mut Message| {
            m.answer.clear();
            m.authority = if keep_soa { soa() } else { Vec::new() };
            burdock::playground::set_rcode(m, Rcode::NXDOMAIN);
        })
    };
    for keep_soa in [false, true] {
        run(async move {
            let tree = Tree::signed().secure("victim", &[VICTIM], "www A 192.0.2.80\n").behave(VICTIM, deny(keep_soa));
            let settings = crate::sim::validation::from(&tree.anchor());
            let lab = Lab::with(&tree.internet(), 10, |all, _| all.dnssec = settings);
            let reply = a(&lab, "www.victim").await;
            assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{reply}");
            let codes: Vec<u16> = reply.errors().iter().map(|(code, _)| *code).collect();
            assert!(codes.iter().any(|code| [6, 10, 12].contains(code)), "{codes:?}");
            assert!(!reply.a().contains(&FORGED.to_owned()));
            println!("POI-20 NXDOMAIN without proof, SOA {keep_soa}: SERVFAIL, extended error {codes:?}");
        });
    }
}
