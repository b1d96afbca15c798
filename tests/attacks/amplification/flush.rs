//! AMP-09: replies that are full of records nobody asked for, to drive others out of the cache.

use std::sync::Arc;
use std::time::Duration;

use burdock::cache::Held;
use burdock::dns::Ttl;
use burdock::playground::{Behaviour, Internet};
use burdock::world::Transport;

use super::*;
use crate::support::{Tree, run};

/// Names that others ask for.
const NAMES: usize = 1000;
/// Their questions in each half of the play; two of the attacker's for each five of them.
const QUESTIONS: usize = 1250;
/// Less than what the attacker's replies would leave behind if all of it were kept, by far.
const CACHE: u64 = 512 << 10;

/// CacheFlush: whatever is below `sub.evil.t1` is a referral to 1,000 servers with 1,000 addresses.
fn refers(query: &burdock::playground::Query<'_>, draft: &mut Draft) {
    let (asked, apex) = (query.name().to_lowercase(), name("sub.evil.t1"));
    if !asked.is_strictly_below(&apex) || query.transport != Transport::Tcp {
        return;
    }
    let zone = asked.suffix(apex.label_count() + 1);
    let host = |number: usize| zone.prepend(format!("n{number}").as_bytes()).unwrap();
    refer(draft, &zone, (0..1000).map(host), 86_400);
    for number in 0..1000usize {
        let address = [198, 18, 100 + (number / 250) as u8, (number % 250) as u8];
        draft.message.additional.push(record(&host(number), RecordType::A, &address));
    }
}

/// The same by aliases: whatever is below `chain.evil.t1` is the beginning of many, of which two hundred come with it.
fn chains(query: &burdock::playground::Query<'_>, draft: &mut Draft) {
    let (asked, apex) = (query.name().to_lowercase(), name("chain.evil.t1"));
    if !asked.is_strictly_below(&apex) || query.transport != Transport::Tcp {
        return;
    }
    let label = asked.labels().next().map(|label| String::from_utf8_lossy(label).into_owned()).unwrap();
    let (stem, first) = label.split_once('-').unwrap_or((&label, "0"));
    let first: usize = first.parse().unwrap();
    let link = |number: usize| name(&format!("{stem}-{number}.chain.evil.t1"));
    draft.message.authority.clear();
    burdock::playground::set_rcode(&mut draft.message, Rcode::NOERROR);
    draft.message.answer = vec![record(&asked, RecordType::CNAME, link(first + 1).wire())];
    let links =
        (first + 1..first + 200).map(|number| record(&link(number), RecordType::CNAME, link(number + 1).wire()));
    draft.message.answer.extend(links.map(|link| Record { ttl: Ttl::from_secs(86_400), ..link }));
}

fn internet() -> Internet {
    let benign: String = (0..NAMES).map(|number| format!("b{number} A 192.0.2.1\n")).collect();
    Tree::with_tld()
        .zone("good.t1", &[VICTIM], &benign)
        .zone("evil.t1", &[EVIL], "")
        .behave(EVIL, Behaviour::edits(refers))
        .behave(EVIL, Behaviour::edits(chains))
        .behave(EVIL, Behaviour::Truncates)
        .internet()
}

/// What the attacker asks for, referrals and aliases in turn.
fn hostile(number: usize) -> String {
    format!("r{number}.{}.evil.t1", if number.is_multiple_of(2) { "sub" } else { "chain" })
}

/// Draws names as they are asked for: the n-th as often as one part of n (Zipf).
struct Popular {
    seed: u64,
    sums: Vec<f64>,
}

impl Popular {
    fn new() -> Self {
        let mut sum = 0.0;
        let sums = (1..=NAMES).map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        });
        Self { seed: 9, sums: sums.collect() }
    }

    fn draw(&mut self) -> usize {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (self.seed >> 11) as f64 / (1u64 << 53) as f64 * self.sums[NAMES - 1];
        self.sums.partition_point(|sum| *sum < at).min(NAMES - 1)
    }
}

/// 500 questions a second for popular names, with the attacker's 200 or without; of a hundred, how many the cache answers.
async fn hit_rate(lab: &Arc<Lab>, popular: &mut Popular, attacks: bool) -> f64 {
    let before = lab.net.packets_to(VICTIM);
    for number in 0..QUESTIONS {
        lab.wait(Duration::from_millis(2)).await;
        if attacks && number % 5 < 2 {
            let lab = Arc::clone(lab);
            tokio::spawn(async move { lab.ask(&hostile(number / 5 * 2 + number % 5), A).await });
        }
        let reply = lab.ask(&format!("b{}.good.t1", popular.draw()), A).await;
        assert_eq!(reply.a(), ["192.0.2.1"], "{reply}");
    }
    100.0 - (lab.net.packets_to(VICTIM) - before) as f64 * 100.0 / QUESTIONS as f64
}

#[test]
fn amp_09_full_replies_do_not_empty_the_cache() {
    run(async {
        let lab = Arc::new(Lab::small(&internet(), 1, CACHE));
        let mut popular = Popular::new();
        for number in 0..2 * NAMES {
            lab.ask(&format!("b{}.good.t1", number % NAMES), A).await;
        }
        hit_rate(&lab, &mut popular, false).await;
        let without = hit_rate(&lab, &mut popular, false).await;
        let with = hit_rate(&lab, &mut popular, true).await;
        println!("AMP-09 of 100 questions of others {without:.1} are hits before, {with:.1} beside the attacker's");
        at_most("AMP-09", "points by which the hit rate falls", ((without - with) * 10.0).round() / 10.0, 5.0);
    });
}

/// What one packet of the attacker's may leave in the caches.
#[test]
fn amp_09_what_one_reply_leaves_behind() {
    run(async {
        let lab = Lab::new(&internet(), 1);
        ask(&lab, "warm.evil.t1").await;
        let (mut entries, mut octets) = (0.0_f64, 0.0_f64);
        for number in 0..40 {
            let (before, sent) = (lab.resolver.held(), lab.net.packets());
            ask(&lab, &hostile(number)).await;
            settle(&lab).await;
            let Held { entries: now, octets: weight } = lab.resolver.held();
            // What came by datagram was truncated.
            let told =
                |exchange: &&crate::support::Exchange| exchange.end == "reply" && exchange.transport == Transport::Tcp;
            let replies = lab.net.exchanges()[sent..].iter().filter(told).count() as f64;
            assert!(replies >= 1.0, "{}", lab.net.story());
            entries = entries.max((now - before.entries) as f64 / replies);
            octets = octets.max((weight - before.octets) as f64 / replies);
        }
        at_most("AMP-09", "entries for one reply of the attacker's", entries.ceil(), 32.0);
        at_most("AMP-09", "octets for one reply of the attacker's", octets.ceil(), 8192.0);
    });
}
