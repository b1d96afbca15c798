//! The pieces of a question, each by itself: for comparing before and after, on one machine.
//!
//! `cargo bench --bench pieces`; a word behind `--` picks some. Also says how large the future of a walk is.
#![allow(missing_docs, clippy::indexing_slicing, reason = "a program of its own")]

mod inside;
#[path = "peers/names.rs"]
#[allow(dead_code, reason = "each benchmark uses what it needs")]
mod names;
#[path = "peers/signatures.rs"]
#[allow(dead_code, reason = "each benchmark uses what it needs")]
mod signatures;
#[path = "peers/zones.rs"]
mod zones;

use std::hint::black_box;
use std::sync::atomic::AtomicU64;

use burdock::cache::{self, Rank, RrSets};
use burdock::dns::{
    Header, Message, Personal, QueryFlags, Rdatas, RecordType, RrSet, Ttl, peek, personalise, write_query,
};
use burdock::responder::{Responder, Turn};
use criterion::{Criterion, criterion_group, criterion_main};

use inside::{Lab, query, question, runtime};
use names::Target;
use zones::{Level, Manner};

const TARGET: Target = Target::new(7, 42);

fn packets(c: &mut Criterion) {
    let packet = query(&TARGET);
    c.bench_function("peek", |b| b.iter(|| peek(black_box(&packet)).is_ok()));

    let hot = AtomicU64::new(0);
    let flags = QueryFlags { edns: Some(1232), ..QueryFlags::default() };
    let upstream = write_query(1, &question(&TARGET), flags);
    for (name, level) in [("referral", Level::Tld), ("answer", Level::Domain)] {
        let mut reply = Vec::new();
        assert!(zones::answer(level, &upstream, Manner { hot: &hot, signatures: None }, &mut reply));
        c.bench_function(&format!("parse {name}"), |b| b.iter(|| Message::parse(black_box(&reply)).is_ok()));
    }

    let mut stored = Vec::new();
    assert!(zones::answer(
        Level::Domain,
        &write_query(0, &question(&TARGET), QueryFlags::default()),
        Manner { hot: &hot, signatures: None },
        &mut stored
    ));
    let qname = question(&TARGET).name;
    let ttl = u16::try_from(stored.len() - 10).expect("a short reply");
    let opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
    let personal =
        Personal { id: 7, set: Header::RD, clear: Header::AD, qname: qname.wire(), age: 9, limit: 1232, opt: &opt };
    let mut out = [0; Responder::MAX_UDP_REPLY];
    c.bench_function("personalise", |b| {
        b.iter(|| personalise(black_box(&stored), &[ttl], &personal, &mut out));
    });
}

fn caches(c: &mut Criterion) {
    let runtime = runtime();
    let _inside = runtime.enter();
    let now = burdock::world::Clock::system().now();
    let settings = cache::Settings {
        size: 1 << 30,
        min_ttl: Ttl::ZERO,
        max_ttl: Ttl::from_secs(86_400),
        max_negative_ttl: Ttl::from_secs(3600),
        serve_stale: None,
    };
    let rrsets = RrSets::new(&settings, 53);
    let set = |n: u64| {
        let target = Target::new(n, n % 1000);
        let data = Rdatas::new([target.address().as_slice()]).expect("one record");
        RrSet::new(question(&target).name, RecordType::A, Ttl::from_secs(3600), data)
    };
    let sets: Vec<RrSet> = (0..10_000).map(set).collect();
    let mut n = 0;
    c.bench_function("RrSets::insert", |b| {
        b.iter(|| {
            n = (n + 1) % sets.len();
            rrsets.insert(sets[n].clone(), Rank::Authoritative, now)
        });
    });
    for set in &sets {
        rrsets.insert(set.clone(), Rank::Authoritative, now);
    }
    c.bench_function("RrSets::find", |b| {
        b.iter(|| {
            n = (n + 1) % sets.len();
            assert!(rrsets.find(&sets[n].owner, RecordType::A, now).is_some());
        });
    });
}

fn questions(c: &mut Criterion) {
    let runtime = runtime();
    let _inside = runtime.enter();
    let lab = Lab::new();
    runtime.block_on(async {
        for n in 0..1000 {
            // The second time the finished reply is kept.
            lab.resolve(&Target::new(n, n)).await;
            lab.resolve(&Target::new(n, n)).await;
        }
    });

    let packets: Vec<Vec<u8>> = (0..1000).map(|n| query(&Target::new(n, n))).collect();
    let (mut n, mut out) = (0, [0; Responder::MAX_UDP_REPLY]);
    let (now, mut front) = (lab.clock.now(), lab.responder.front());
    c.bench_function("answer_now, a hit", |b| {
        b.iter(|| {
            n = (n + 1) % packets.len();
            let mut turn = Turn { now, front: &mut front };
            lab.responder.answer_now(black_box(&packets[n]), &lab.client, &mut turn, &mut out)
        });
    });
    let mut fresh = 1_000_000;
    c.bench_function("a cold host", |b| {
        b.iter(|| {
            fresh += 1;
            runtime.block_on(lab.resolve(&Target::new(fresh, fresh % 1000)));
        });
    });
    c.bench_function("a cold domain", |b| {
        b.iter(|| {
            fresh += 1;
            runtime.block_on(lab.resolve(&Target::new(0, fresh)));
        });
    });
}

criterion_group!(pieces, packets, caches, questions);
criterion_main!(pieces);
