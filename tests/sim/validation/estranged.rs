//! A root whose keys no trust anchor speaks for, for a while or on one of its servers (OPS-01).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use burdock::dns::{Name, Question, Rcode, RecordType};
use burdock::dnssec::{Bogus, Reason};
use burdock::playground::{Algorithm, Authority, Internet, Signer, Window};

use super::stage::refusal;
use super::{A, Stage, authentic, from, validating};
use crate::attacks::at_most;
use crate::support::{EPOCH, ROOT, Tree, run};

fn tree() -> Tree {
    Tree::signed().secure("t1", &["198.18.1.1"], "www A 192.0.2.1")
}

/// The same with four servers of the root.
fn four() -> Tree {
    tree().root_server(2, "198.18.0.2").root_server(3, "198.18.0.3").root_server(4, "198.18.0.4")
}

/// The same with a root that has other keys.
fn strange(tree: Tree) -> Internet {
    let other_keys = Signer::new(Algorithm::EcdsaP256, Window::around(EPOCH), 77).unwrap();
    tree.signer(".", |_| other_keys).internet()
}

/// Forty questions at the same time, each of another name; how they ended.
async fn forty_at_once(lab: &Arc<Stage>) -> Vec<Rcode> {
    let mut asking = tokio::task::JoinSet::new();
    for n in 0..40 {
        let lab = Arc::clone(lab);
        asking.spawn(async move { lab.ask(&format!("n{n}.t1"), A).await.rcode() });
    }
    asking.join_all().await
}

/// Somebody else sits at the root's addresses for ten seconds, when many ask at once: one reply is for all of them, and so is
/// the pause.
#[test]
fn ops_01_those_who_ask_at_once_have_one_pause_together() {
    run(async {
        let (good, strange) = (four().internet(), strange(four()));
        let lab = Arc::new(validating(&four(), 1));
        let becomes = |internet: &Internet| {
            let by_address = |authority: &Authority| (authority.address, authority.clone());
            lab.net.rewire(|servers| *servers = internet.authorities.iter().map(by_address).collect());
        };
        authentic(&lab, "www.t1", A, Rcode::NOERROR).await;
        lab.wait(Duration::from_secs(2 * 86_400)).await;
        becomes(&strange);
        assert_eq!(forty_at_once(&lab).await, [Rcode::SERVFAIL; 40]);
        lab.wait(Duration::from_secs(10)).await;
        assert_eq!(forty_at_once(&lab).await, [Rcode::SERVFAIL; 40]);
        becomes(&good);
        let mut waited = 0;
        while lab.ask("www.t1", A).await.rcode() != Rcode::NOERROR {
            lab.wait(Duration::from_secs(10)).await;
            waited += 10;
        }
        at_most("OPS-01", "a root with others' keys for 10 s, 80 questions: s until it is trusted again", waited, 300);
    });
}

/// Somebody else sits at one of the root's two addresses, with keys of their own: nobody gets to notice.
#[test]
fn ops_01_one_server_with_other_keys_shuts_out_nobody() {
    run(async {
        let tree = || tree().root_server(2, "198.18.0.2");
        let mut failed = 0;
        for seed in 0..20 {
            let (strange, first): (_, IpAddr) = (strange(tree()), ROOT.parse().unwrap());
            let theirs = strange.authorities.iter().find(|authority| authority.address == first).unwrap();
            let lab = Arc::new(validating(&tree(), seed));
            lab.net.rewire(|servers| drop(servers.insert(first, theirs.clone())));
            for _ in 0..2 {
                failed += forty_at_once(&lab).await.into_iter().filter(|rcode| *rcode != Rcode::NXDOMAIN).count();
                lab.wait(Duration::from_secs(2 * 86_400)).await;
            }
        }
        at_most("OPS-01", "one of two servers of the root with others' keys: of 1,600 questions failed", failed, 0);
    });
}

/// Nor does it when whoever follows the root's keys (RFC 5011 §2.3) has them of that server, time and again.
#[test]
fn ops_01_what_one_server_gives_to_whoever_follows_the_keys() {
    run(async {
        let tree = || tree().root_server(2, "198.18.0.2");
        let lab = validating(&tree(), 1);
        authentic(&lab, "www.t1", A, Rcode::NOERROR).await;
        let good = lab.resolver.fetch_keys(&Name::root()).await.unwrap();
        let (strange, first): (_, IpAddr) = (strange(tree()), ROOT.parse().unwrap());
        let theirs = strange.authorities.iter().find(|authority| authority.address == first).unwrap();
        lab.net.rewire(|servers| drop(servers.insert(first, theirs.clone())));
        let bogus = Bogus { reason: Reason::KeyMissing, name: Name::root(), rtype: RecordType::DNSKEY };
        let mut refused = 0;
        for hour in 0..72 {
            lab.wait(Duration::from_secs(3600)).await;
            let keys = lab.resolver.fetch_keys(&Name::root()).await.unwrap();
            if keys.rdatas != good.rdatas {
                lab.resolver.refuse_keys(&keys, &bogus);
                refused += 1;
            }
            authentic(&lab, &format!("n{hour}.t1"), A, Rcode::NXDOMAIN).await;
        }
        println!(
            "OPS-01 keys of one of two servers refused {refused} times in 72 hours; questions failed 0 (allowed 0)"
        );
        assert!(refused >= 2, "{refused}");
    });
}

/// With several servers the root's keys are asked of three of them once, and then of one every hour or so (RFC 5011 §2.3).
#[test]
fn ops_01_left_behind_before_four_servers() {
    run(async {
        let lab = Stage::new(strange(four()), from(&four().anchor()), 1);
        for _ in 0..24 * 60 {
            refusal(&lab, "www.t1", A, &[9]).await;
            lab.wait(Duration::from_secs(60)).await;
        }
        let is_keys = |question: &Question| question.name.is_root() && question.rtype == RecordType::DNSKEY;
        let asked = lab.net.exchanges().iter().filter(|one| one.question.as_ref().is_some_and(is_keys)).count();
        at_most("OPS-01", "with an old anchor and four servers, queries for the root's keys in 24 hours", asked, 24);
    });
}
