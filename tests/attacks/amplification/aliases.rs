//! AMP-05, AMP-14, AMP-19: chains of aliases, records beside the question, targets in data.

use std::time::Duration;

use burdock::dns::RecordType;
use burdock::playground::Behaviour;

use super::*;
use crate::support::{Tree, run};

/// Aliases that alternate between the attacker's zone and the victim's, without a TTL.
fn unchained() -> Tree {
    let (mut evil, mut victim) = (String::new(), String::new());
    for number in 1..=20 {
        let (here, next) = if number % 2 == 1 { (&mut evil, "victim") } else { (&mut victim, "evil") };
        here.push_str(&format!("c{number} 0 CNAME c{}.{next}.t1.\n", number + 1));
    }
    evil.push_str("c21 0 A 192.0.2.1\nl1 0 CNAME l2\nl2 0 CNAME l1\nself 0 CNAME self\n");
    for number in 1..=16 {
        evil.push_str(&format!("h{number} 0 CNAME h{}\n", number + 1));
    }
    Tree::with_tld().zone("evil.t1", &[EVIL], &evil).zone("victim.t1", &[VICTIM], &victim)
}

/// DNS Unchained: twenty aliases across two zones, sixteen in one answer, loops.
#[test]
fn amp_05_chains_and_loops_of_aliases() {
    // A loop of two aliases is two hops, and is known when it is closed.
    let cases = [
        ("c1", "alternating zones", 24, 11),
        ("h1", "sixteen of one zone", 24, 11),
        ("l1", "a loop", 6, 1),
        ("self", "itself", 5, 0),
    ];
    for (label, what, allowed, hops) in cases {
        run(async {
            let lab = Lab::new(&unchained().internet(), 1);
            let (reply, packets) = ask(&lab, &format!("{label}.evil.t1")).await;
            assert_failed(&reply, &[0, 22], &lab);
            at_most("AMP-05", &format!("{what}: packets"), packets, allowed);
            let alias = |e: &&crate::support::Exchange| {
                let name = e.question.as_ref().map(|question| question.name.to_lowercase().to_string());
                let name = name.unwrap_or_default();
                name.starts_with(['c', 'h', 'l']) && name.chars().nth(1).is_some_and(|c| c.is_ascii_digit())
                    || name.starts_with("self")
            };
            let followed = lab.net.exchanges().iter().filter(alias).count().saturating_sub(1);
            at_most("AMP-05", &format!("{what}: aliases followed"), followed, hops);
            for _ in 0..9 {
                lab.wait(Duration::from_millis(100)).await;
                let (reply, packets) = ask(&lab, &format!("{label}.evil.t1")).await;
                assert_failed(&reply, &[13], &lab);
                at_most("AMP-05", &format!("{what}: packets within the second after"), packets, 0);
            }
        });
    }
}

/// The same by DNAMEs: each makes an alias of what is below it.
#[test]
fn amp_05_chains_of_dnames() {
    run(async {
        let (mut evil, mut victim) = (String::new(), String::new());
        for number in 1..=20 {
            let (here, next) = if number % 2 == 1 { (&mut evil, "victim") } else { (&mut victim, "evil") };
            here.push_str(&format!("d{number} 0 DNAME d{}.{next}.t1.\n", number + 1));
        }
        let tree = Tree::with_tld().zone("evil.t1", &[EVIL], &evil).zone("victim.t1", &[VICTIM], &victim);
        let lab = Lab::new(&tree.internet(), 1);
        let (reply, packets) = ask(&lab, "x.d1.evil.t1").await;
        assert_failed(&reply, &[0, 22], &lab);
        // Two for each of twelve names, of which there is one label more than of a CNAME; root and `t1`.
        at_most("AMP-05", "DNAMEs of alternating zones: packets", packets, 2 * 12 + 4);
        let of_chain = |e: &&crate::support::Exchange| {
            let name = e.question.as_ref().map(|question| question.name.to_lowercase().to_string());
            name.is_some_and(|name| name.starts_with("x.d"))
        };
        let followed = lab.net.exchanges().iter().filter(of_chain).count().saturating_sub(1);
        at_most("AMP-05", "DNAMEs followed", followed, 11);
        for _ in 0..9 {
            lab.wait(Duration::from_millis(100)).await;
            at_most("AMP-05", "DNAMEs: packets within the second after", ask(&lab, "x.d1.evil.t1").await.1, 0);
        }
    });
}

/// The links of a chain that is too long are known, when their TTL says so.
#[test]
fn amp_05_the_links_are_kept() {
    run(async {
        let links: String = (1..=14).map(|number| format!("c{number} CNAME c{}\n", number + 1)).collect();
        let tree = Tree::with_tld().zone("evil.t1", &[EVIL], &format!("{links}c15 A 192.0.2.1\n"));
        let lab = Lab::new(&tree.internet(), 2);
        let (reply, _) = ask(&lab, "c1.evil.t1").await;
        assert_failed(&reply, &[0, 22], &lab);
        let (reply, packets) = ask(&lab, "c5.evil.t1").await;
        assert_eq!(reply.a(), ["192.0.2.1"], "{reply}");
        at_most("AMP-05", "packets for a name within the chain", packets, 4);
    });
}

/// Aliases that have nothing to do with the question are not followed, wherever in the answer they stand.
#[test]
fn amp_14_records_beside_the_question() {
    run(async {
        let aside = Behaviour::edits(|query, draft| {
            if !query.name().to_lowercase().is_in(&name("www.evil.t1")) {
                return;
            }
            for number in 0..20 {
                let alias = |section: &str| {
                    let owner = name(&format!("{section}{number}.evil.t1"));
                    record(&owner, RecordType::CNAME, name(&format!("{section}{number}.victim.t1")).wire())
                };
                draft.message.answer.push(alias("answer"));
                draft.message.authority.push(alias("authority"));
                draft.message.additional.push(alias("additional"));
            }
        });
        let tree = Tree::with_tld()
            .zone("victim.t1", &[VICTIM], "")
            .zone("evil.t1", &[EVIL], "www A 192.0.2.1\n")
            .behave(EVIL, aside);
        let lab = Lab::new(&tree.internet(), 3);
        assert_eq!(ask(&lab, "www.evil.t1").await.0.a(), ["192.0.2.1"]);
        lab.ask("www.evil.t1", RecordType::AAAA).await;
        at_most("AMP-14", "packets to the victim", lab.net.packets_to(VICTIM), 0);
    });
}

/// Sets of 200 names: nothing is asked on their behalf. An HTTPS record that is an alias is data like any other.
#[test]
fn amp_19_targets_in_data_are_not_looked_up() {
    run(async {
        let mut data = String::new();
        for number in 0..200 {
            data.push_str(&format!("mx MX 10 m{number}.victim.t1.\nsrv SRV 1 1 53 s{number}.victim.t1.\n"));
        }
        // SvcPriority 0 is AliasMode (RFC 9460 §2.4.2): two that lead to each other.
        let loops = Behaviour::edits(|query, draft| {
            if query.rtype() == Some(RecordType::HTTPS) {
                let owner = query.name();
                let target = if owner.to_lowercase() == name("h1.evil.t1") { "h2.evil.t1" } else { "h1.evil.t1" };
                let rdata = [&[0, 0], name(target).wire()].concat();
                draft.message.authority.clear();
                draft.message.header.flags &= !0xf;
                draft.message.answer = vec![record(&owner, RecordType::HTTPS, &rdata)];
            }
        });
        let tree =
            Tree::with_tld().zone("victim.t1", &[VICTIM], "").zone("evil.t1", &[EVIL], &data).behave(EVIL, loops);
        let lab = Lab::new(&tree.internet(), 4);
        for (owner, rtype) in [("mx", RecordType::MX), ("srv", RecordType::SRV)] {
            let reply = lab.ask(&format!("{owner}.evil.t1"), rtype).await;
            assert_eq!(reply.message.answer.len(), 200, "{reply}");
        }
        at_most("AMP-19", "packets to the zone of 400 targets", lab.net.packets_to(VICTIM), 0);
        let before = lab.net.packets();
        let reply = lab.ask("h1.evil.t1", RecordType::HTTPS).await;
        assert_eq!(reply.message.answer.len(), 1, "{reply}");
        at_most("AMP-19", "packets for an HTTPS alias in a loop", lab.net.packets() - before, 8);
    });
}
