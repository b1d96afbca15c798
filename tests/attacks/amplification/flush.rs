//! AMP-09: replies that are full of records nobody asked for, to drive others out of the cache.

use burdock::playground::Behaviour;
use burdock::world::Transport;

use super::*;
use crate::support::{Tree, run};

/// CacheFlush: referrals to 1,000 servers with 1,000 addresses, and answers with long chains; a third of the cache holds what
/// others ask for.
#[test]
fn amp_09_full_replies_do_not_empty_the_cache() {
    run(async {
        let full = Behaviour::edits(|query, draft| {
            let (asked, apex) = (query.name().to_lowercase(), name("sub.evil.t1"));
            if !asked.is_strictly_below(&apex) || query.transport != Transport::Tcp {
                return;
            }
            let zone = asked.suffix(apex.label_count() + 1);
            let host =
                |number: usize| name(&format!("n{number}")).labels().next().map(|l| zone.prepend(l).unwrap()).unwrap();
            refer(draft, &zone, (0..1000).map(host), 86_400);
            for number in 0..1000usize {
                let address = [198, 18, 100 + (number / 250) as u8, (number % 250) as u8];
                draft.message.additional.push(record(&host(number), RecordType::A, &address));
            }
        });
        let benign: String = (0..500).map(|number| format!("b{number} A 192.0.2.1\n")).collect();
        let tree = Tree::with_tld()
            .zone("good.t1", &[VICTIM], &benign)
            .zone("evil.t1", &[EVIL], "")
            .behave(EVIL, full)
            .behave(EVIL, Behaviour::Truncates);
        let lab = Lab::new(&tree.internet(), 1);
        for _ in 0..2 {
            for number in 0..500 {
                lab.ask(&format!("b{number}.good.t1"), A).await;
            }
        }
        let before = lab.net.packets_to(VICTIM);
        for number in 0..100 {
            ask(&lab, &format!("r{number}.sub.evil.t1")).await;
            for benign in 0..5 {
                lab.ask(&format!("b{}.good.t1", (number * 5 + benign) % 500), A).await;
            }
        }
        at_most("AMP-09", "of 500 questions of others, asked anew", lab.net.packets_to(VICTIM) - before, 25);
    });
}
