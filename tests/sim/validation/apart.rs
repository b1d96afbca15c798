//! Those who check for themselves and those who have it done: what one of them could not get is no news for the other.

use std::time::Duration;

use burdock::dns::{Rcode, Record, RecordType, Ttl};
use burdock::playground::Behaviour;

use super::{A, CD, DO, authentic, from, validating};
use crate::support::{Lab, Tree, name, run};

const SERVER: &str = "198.18.1.1";
const EVIL: &str = "198.18.2.1";

fn tree() -> Tree {
    Tree::signed().secure("t1", &[SERVER], "www A 192.0.2.1\nmail A 192.0.2.2").zone("evil", &[EVIL], "")
}

fn honest_again(lab: &Lab) {
    lab.net.rewire(|servers| servers.values_mut().for_each(|server| server.behaviours.clear()));
}

/// RFC 9520 §3.2 meets RFC 4035 §4.7: a forged alias that only those believe who asked for unchecked data leads to a zone
/// that fails.
#[test]
fn a_failure_that_unchecked_data_led_to_stays_with_those_who_wanted_it() {
    run(async {
        let lies = Behaviour::edits(|query, draft| {
            if query.name() == name("www.t1") {
                draft.message.answer = vec![Record {
                    owner: query.name(),
                    rtype: RecordType::CNAME,
                    class: burdock::dns::Class::IN,
                    ttl: Ttl::from_secs(3600),
                    rdata: name("dead.evil").wire().into(),
                }];
            }
        });
        let lab = validating(&tree().behave(SERVER, lies).behave(EVIL, Behaviour::Always(Rcode::REFUSED)), 1);
        for _ in 0..6 {
            assert_eq!(lab.ask_with("www.t1", A, CD).await.rcode(), Rcode::SERVFAIL);
            lab.wait(Duration::from_secs(5)).await;
        }
        let before = lab.net.packets();
        assert_eq!(lab.ask_with("www.t1", A, CD).await.rcode(), Rcode::SERVFAIL);
        assert_eq!(lab.net.packets(), before, "it is remembered all the same");
        honest_again(&lab);
        authentic(&lab, "www.t1", A, Rcode::NOERROR).await;
    });
}

/// RFC 4035 §3.2.2, RFC 6840 §5.9: whoever sets CD gets the data, whatever became of checking it: no keys, or none in time.
#[test]
fn a_failure_to_check_is_none_for_those_who_check_themselves() {
    for seed in 0..2 {
        run(async {
            let keyless = Behaviour::DropsTypes(vec![RecordType::DNSKEY]);
            let slow = Behaviour::edits(|query, draft| {
                if query.rtype() == Some(RecordType::DNSKEY) && query.name() == name("t1") {
                    draft.delay += Duration::from_secs(30);
                }
            });
            let tree = tree().behave(SERVER, if seed == 0 { keyless } else { slow });
            let lab = Lab::with(&tree.internet(), seed, |settings, limits| {
                settings.dnssec = from(&tree.anchor());
                if seed == 1 {
                    limits.work_deadline = Duration::from_millis(600);
                }
            });
            for _ in 0..2 {
                let checked = lab.ask_with("www.t1", A, DO).await;
                assert_eq!(checked.rcode(), Rcode::SERVFAIL, "{checked}");
                let own = lab.ask_with("www.t1", A, CD).await;
                assert_eq!((own.rcode(), own.a()), (Rcode::NOERROR, vec!["192.0.2.1".to_owned()]), "{own}");
            }
        });
    }
}

/// The same when it is the address of a server that a client has asked for.
#[test]
fn a_failure_to_check_the_address_of_a_server_does_not_hide_the_server() {
    run(async {
        let tree = tree()
            .data("t1", "ns A 198.18.5.2\n")
            .delegate("victim", "victim. NS ns.t1.\n")
            .bare("victim", &["198.18.5.2"], "@ NS ns.t1.\nwww A 192.0.2.7\n")
            .behave(SERVER, Behaviour::DropsTypes(vec![RecordType::DNSKEY]));
        let lab = validating(&tree, 4);
        assert_eq!(lab.ask("ns.t1", A).await.rcode(), Rcode::SERVFAIL);
        let reply = lab.ask_with("www.victim", A, CD).await;
        assert_eq!(reply.a(), ["192.0.2.7"], "{reply}\n{}", lab.net.story());
    });
}
