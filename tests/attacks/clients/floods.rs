//! TRN-05 and TRN-06: floods of questions under somebody else's address.

use std::time::Duration;

use burdock::dns::{EdnsOption, QueryFlags, Question, Rcode, RecordType, write_query};
use burdock::job::LimitName as L;
use burdock::playground::Behaviour;
use burdock::policy::RateSettings;

use super::{cookie, lab, query, send, tcp, udp};
use crate::support::{Lab, name, run};

/// What ten thousand questions a second came to.
#[derive(Debug, Default)]
struct Flood {
    whole: u32,
    truncated: u32,
    bad_cookie: u32,
    silent: u32,
}

/// Asks for so many seconds, from all over 198.51.100.0/24, ten questions each millisecond.
async fn flood(lab: &Lab, seconds: u32, ask: impl Fn(u32) -> Vec<u8>) -> Flood {
    let mut flood = Flood::default();
    for number in 0..10_000 * seconds {
        if number % 10 == 0 {
            lab.wait(Duration::from_millis(1)).await;
        }
        let client = udp([198, 51, 100, (number % 251) as u8]);
        match send(lab, &ask(number), &client).await {
            None => flood.silent += 1,
            Some(reply) if reply.is_truncated() => flood.truncated += 1,
            Some(reply) if reply.message.rcode() == Rcode::BADCOOKIE => flood.bad_cookie += 1,
            Some(_) => flood.whole += 1,
        }
    }
    flood
}

#[test]
fn trn_06_a_flood_of_one_question_gets_its_rate_and_the_real_client_is_served() {
    run(async {
        let lab = lab();
        let victim = [198, 51, 100, 7];
        let asked = query("www.d1.t1", RecordType::A, &[]);
        send(&lab, &asked, &tcp(victim)).await.unwrap();
        let shown = cookie(&lab, &udp(victim)).await;
        let got = flood(&lab, 2, |_| asked.clone()).await;
        // Two seconds, and what a full bucket holds at the start.
        println!("TRN-06 whole replies in 2 s: {} (allowed 60); {got:?}", got.whole);
        assert!(got.whole <= 60 && got.whole >= 40, "{got:?}");
        assert!(got.truncated.abs_diff(got.silent) <= 1 && got.bad_cookie == 0, "one in two slips: {got:?}");
        let counters = lab.responder.counters();
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(count(&counters.rate_slipped), u64::from(got.truncated));
        assert_eq!(count(&counters.rate_silenced), u64::from(got.silent));

        let over_tcp = send(&lab, &asked, &tcp(victim)).await.unwrap();
        assert_eq!(over_tcp.message.answer.len(), 1);
        for _ in 0..100 {
            let asked = query("www.d1.t1", RecordType::A, &[&shown]);
            let believed = send(&lab, &asked, &udp(victim)).await.unwrap();
            assert_eq!((believed.message.answer.len(), believed.is_truncated()), (1, false));
        }
        // The network's other questions still have their replies.
        let other = send(&lab, &query("medium.d1.t1", RecordType::A, &[]), &udp(victim)).await.unwrap();
        assert_eq!((other.message.rcode(), other.is_truncated()), (Rcode::NOERROR, false));
    });
}

#[test]
fn trn_06_a_flood_of_many_questions_gets_the_rate_of_the_network() {
    run(async {
        let lab = lab();
        let names: Vec<Vec<u8>> =
            (0..500).map(|number| query(&format!("w{number}.d1.t1"), RecordType::A, &[])).collect();
        for name in &names {
            send(&lab, name, &tcp([192, 0, 2, 9])).await.unwrap();
        }
        let got = flood(&lab, 2, |number| names[number as usize % names.len()].clone()).await;
        println!("TRN-06 whole replies in 2 s, many names: {} (allowed 300); {got:?}", got.whole);
        assert!(got.whole <= 300 && got.whole >= 200, "{got:?}");
        assert!(got.truncated.abs_diff(got.silent) <= names.len() as u32, "{got:?}");
        let elsewhere = send(&lab, &names[0], &udp([198, 51, 101, 7])).await.unwrap();
        assert_eq!(elsewhere.message.answer.len(), 1, "another network");
    });
}

#[test]
fn trn_06_who_speaks_of_cookies_is_asked_for_one_when_over_the_rate() {
    run(async {
        let lab = lab();
        let asked = query("www.d1.t1", RecordType::A, &[b"client's"]);
        send(&lab, &asked, &tcp([192, 0, 2, 9])).await.unwrap();
        let got = flood(&lab, 1, |_| asked.clone()).await;
        assert!(got.bad_cookie.abs_diff(got.silent) <= 1 && got.truncated == 0 && got.bad_cookie > 4000, "{got:?}");
    });
}

#[test]
fn trn_06_networks_that_are_believed_are_not_limited() {
    run(async {
        let lab = Lab::guarded(&super::tree().internet(), 1, |policy, _| {
            policy.rate = burdock::policy::RateSettings { per_client: 100, per_question: 20 };
            policy.access.believed = vec!["198.51.100.0/24".parse().unwrap()];
        });
        let asked = query("www.d1.t1", RecordType::A, &[]);
        let got = flood(&lab, 1, |_| asked.clone()).await;
        assert_eq!(got.whole, 10_000, "{got:?}");
    });
}

#[test]
fn trn_05_a_reply_to_a_forged_address_is_at_most_ten_times_the_query() {
    let mut worst = (0.0, String::new());
    let questions = [
        (".", RecordType::NS),
        (".", RecordType::ANY),
        (".", RecordType::SOA),
        ("t1", RecordType::NS),
        ("www.d1.t1", RecordType::A),
        ("www.d1.t1", RecordType::ANY),
        ("medium.d1.t1", RecordType::TXT),
        ("medium.d1.t1", RecordType::ANY),
        ("big.d1.t1", RecordType::TXT),
        ("none.medium.d1.t1", RecordType::TXT),
        ("d1.t1", RecordType::DNSKEY),
        ("d1.t1", RecordType::AXFR),
        ("d1.t1", RecordType::OPT),
    ];
    run(async {
        let lab = lab();
        for (owner, rtype) in questions {
            for (edns, dnssec_ok) in [(None, false), (Some(512), false), (Some(1232), true), (Some(65_535), true)] {
                let flags = QueryFlags { recursion_desired: true, edns, dnssec_ok, ..QueryFlags::default() };
                let packet = write_query(1, &Question::new(name(owner), rtype), flags);
                // Late and at once.
                for _ in 0..2 {
                    let reply = send(&lab, &packet, &udp([198, 51, 100, 7])).await.unwrap();
                    let factor = reply.octets as f64 / packet.len() as f64;
                    assert!(reply.octets <= 512, "{owner} {rtype}: {} octets", reply.octets);
                    if factor > worst.0 {
                        worst = (factor, format!("{owner} {rtype}"));
                    }
                }
                lab.wait(Duration::from_secs(1)).await;
            }
        }
    });
    println!("TRN-05 amplification {:.1} for {} (allowed 10)", worst.0, worst.1);
    assert!(worst.0 <= 10.0 && worst.0 > 2.0, "{worst:?}");
}

/// Whatever the operator makes of the two bounds, no reply is over them, except that the question, OPT and a cookie have to
/// be in it; and none stays away.
#[test]
fn trn_05_bounds_on_replies_to_forged_addresses() {
    let (label, shown): (_, [&[u8]; 1]) = ("a".repeat(60), [&[7; 8]]);
    let dead = format!("{label}.{label}.{label}.t1");
    let questions = [("www.d1.t1", RecordType::A), ("medium.d1.t1", RecordType::TXT), (dead.as_str(), RecordType::A)];
    let (mut played, mut cut) = (0, 0);
    for (octets, factor) in [(512, 10), (300, 10), (512, 2), (1, 10), (512, 1)] {
        run(async {
            let tree = super::tree().zone(&dead, &["198.18.3.1"], "").behave("198.18.3.1", Behaviour::Silent);
            let lab = Lab::guarded(&tree.internet(), 1, |policy, limits| {
                policy.rate = RateSettings { per_client: 100, per_question: 20 };
                (limits.unproven_reply, limits.unproven_factor) = (octets, factor);
            });
            for (owner, rtype) in questions {
                for cookies in [&shown[..0], &shown[..]] {
                    let packet = query(owner, rtype, cookies);
                    let most = (packet.len() * factor as usize).min(octets as usize);
                    let least = packet.len() + if cookies.is_empty() { 0 } else { 16 };
                    // Late and at once.
                    for _ in 0..2 {
                        let before =
                            [L::UnprovenReply, L::UnprovenFactor].map(|name| lab.resolver.limits().times(name));
                        let reply = send(&lab, &packet, &udp([198, 51, 100, 7])).await.expect("a reply");
                        let story = format!("{owner} {rtype} {octets} {factor}: {} octets", reply.octets);
                        assert!(reply.octets <= most.max(least), "{story} (allowed {most})");
                        let after = [L::UnprovenReply, L::UnprovenFactor].map(|name| lab.resolver.limits().times(name));
                        let of_reply = octets as usize == most;
                        let counted = if of_reply { [before[0] + 1, before[1]] } else { [before[0], before[1] + 1] };
                        assert_eq!(after, if reply.is_truncated() { counted } else { before }, "{story}");
                        (played, cut) = (played + 1, cut + u32::from(reply.is_truncated()));
                    }
                    lab.wait(Duration::from_secs(1)).await;
                    let whole = send(&lab, &packet, &tcp([198, 51, 100, 7])).await.unwrap();
                    assert_eq!(whole.message.edns.iter().flat_map(|edns| &edns.options).any(is_ede), owner == dead);
                }
            }
        });
    }
    println!(
        "TRN-05 {played} replies within bounds of the operator's, {cut} of them cut: 0 longer (allowed 0), 0 missing (0)"
    );
}

fn is_ede(option: &EdnsOption) -> bool {
    matches!(option, EdnsOption::Ede(..))
}
