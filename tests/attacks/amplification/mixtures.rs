//! AMP-06: every way of making work at once (CAMP), against the one budget of a question.

use std::sync::Arc;
use std::time::Duration;

use burdock::dns::Question;
use burdock::playground::{Behaviour, Fate};

use super::*;
use crate::support::{Tree, run};

/// What makes the work harder.
#[derive(Clone, Copy)]
struct Mix {
    labels: usize,
    lossy: bool,
    signed: bool,
    streams: bool,
}

/// Ten aliases, each into a zone of ten servers without glue, whose names are in another zone again.
fn camp(mix: Mix) -> Tree {
    let deep = "a.".repeat(mix.labels);
    let mut tree = if mix.signed { Tree::signed().secure("t1", &[TLD], "") } else { Tree::with_tld() };
    let drops = Behaviour::edits(move |query, draft| {
        if mix.lossy && query.nth.is_multiple_of(2) {
            draft.fate = Fate::Dropped;
        }
    });
    for number in 1..=10 {
        let (zone, hosts) = (format!("z{number}.t1"), format!("y{number}.t1"));
        let (server, home) = (format!("198.18.80.{number}"), format!("198.18.81.{number}"));
        let delegation: String = (0..10).map(|host| format!("{zone}. NS h{host}.{hosts}.\n")).collect();
        let addresses: String = (0..10).map(|host| format!("h{host} 0 A {server}\n")).collect();
        let alias = format!("{deep}c 0 CNAME {deep}c.z{}.t1.\n", number + 1);
        tree = tree.delegate(&zone, &delegation).bare(&zone, &[&server], &format!("{delegation}{alias}"));
        tree = match mix.signed {
            true => tree.sign(&zone).secure(&hosts, &[&home], &addresses),
            false => tree.zone(&hosts, &[&home], &addresses),
        };
        tree = tree.behave(&server, drops.clone()).behave(&home, drops.clone());
        if mix.streams {
            tree = tree.behave(&server, Behaviour::Truncates).behave(&home, Behaviour::Truncates);
        }
    }
    tree
}

/// Every mixture; the names are of 3 or of 120 labels.
fn mixtures() -> impl Iterator<Item = Mix> {
    (0..16).map(|bits| Mix {
        labels: if bits & 1 == 0 { 0 } else { 117 },
        lossy: bits & 2 != 0,
        signed: bits & 4 != 0,
        streams: bits & 8 != 0,
    })
}

/// Aliases × delegations × labels × losses × signatures × streams: one budget for all, which is never refilled.
#[test]
fn amp_06_everything_at_once() {
    for mix in mixtures() {
        run(async {
            let signed = mix.signed;
            let tree = camp(mix);
            let lab = Lab::with(&tree.internet(), 1, |settings, _| {
                if signed {
                    settings.dnssec = crate::sim::validation::from(&tree.anchor());
                }
            });
            let job = lab.resolver.job();
            let (spent, resolver) = (job.clone(), Arc::clone(&lab.resolver));
            let question = Question::new(name(&format!("{}c.z1.t1", "a.".repeat(mix.labels))), A);
            let mut walk = tokio::spawn(async move { resolver.resolve(&question, &job).await });
            let mut before = 0;
            let result = loop {
                let now = spent.budget().queries_spent();
                assert!(now >= before, "the budget was refilled");
                before = now;
                tokio::select! {
                    biased;
                    result = &mut walk => break result.unwrap(),
                    () = tokio::time::sleep(Duration::from_millis(5)) => {}
                }
            };
            assert!(result.is_err() || mix.labels == 0, "nobody can pay for this: {result:?}");
            let Mix { labels, lossy, streams, .. } = mix;
            let what = format!("labels {labels}, losses {lossy}, signatures {signed}, streams {streams}: packets");
            at_most("AMP-06", &what, lab.net.packets(), 128);
            let paid = spent.budget().queries_spent();
            at_most("AMP-06", "packets paid for, shared ones by each", paid, lab.resolver.limits().upstream_queries);
            assert!(paid as usize >= lab.net.packets(), "each packet was paid for");
        });
    }
}
