//! Every bound of `job/budget.rs`: it has a name in the configuration, a row in docs/settings.md and a count, and a client
//! whose question it ends is told its name.

use std::net::SocketAddr;
use std::time::Duration;

use burdock::dns::{Message, Question, Rcode, RecordType, write_query};
use burdock::job::{LimitName, Limits};
use burdock::playground::{Behaviour, Denials, Field, Flaw, Hashing};
use burdock::policy::{AnyAnswers, RateSettings};
use burdock::responder::{Client, ClientTransport};
use burdock::world::Transport;
use futures_util::future::join_all;

use crate::sim::validation::from;
use crate::sim::validation::scope::crowded;
use crate::support::{EPOCH, Lab, Reply, Tree, name, run};

const A: RecordType = RecordType::A;
const DEEP: &str = "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.good.t1";

/// What the client sees of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    /// SERVFAIL, and the name of the bound in an extended error.
    Named,
    /// SERVFAIL for the reason that lies with the servers: the bound only says how long and how often they are asked.
    Failed,
    /// An answer, of which less is kept, or which took another way.
    Answered,
    /// No data over UDP, where its address may be forged: TC, or nothing at all.
    Withheld,
}

use LimitName as L;
use Seen::{Answered, Failed, Named, Withheld};

/// Bounds that end no walk.
const WITHOUT_A_WALK: &[LimitName] =
    &[L::WaitersPerQuestion, L::ProvenClientQuestions, L::ProvenNetworkQuestions, L::AnswerDeadline];

/// A bound, what it is set to, and the questions, asked at once, that reach it.
type Row = (LimitName, u64, &'static [&'static str], Seen);

const ROWS: &[Row] = &[
    (L::UpstreamQueries, 1, &["www.good.t1"], Named),
    (L::SendsPerServer, 2, &["www.silent.t1"], Failed),
    (L::SendsPerZone, 2, &["www.silent.t1"], Named),
    (L::TcpQueries, 0, &["www.cut.t1"], Named),
    (L::UpstreamOctets, 50, &["www.good.t1"], Named),
    (L::Depth, 0, &["www.hosted.t1"], Named),
    (L::Referrals, 0, &["www.good.t1"], Named),
    (L::ServersPerDelegation, 1, &["www.good.t1"], Answered),
    (L::AddressesPerServer, 1, &["www.two.t1"], Answered),
    (L::AddressLookupsPerDelegation, 1, &["www.bare.t1"], Named),
    (L::AddressLookupsAtOnce, 1, &["www.bare.t1"], Failed),
    (L::AddressLookups, 0, &["www.hosted.t1"], Named),
    (L::FailedAddressLookups, 1, &["www.bare.t1"], Named),
    (L::Verifications, 0, &["www.s1"], Named),
    (L::FailedVerifications, 0, &["www.s1"], Named),
    (L::SignaturesTried, 1, &["www.jam.s1"], Named),
    (L::KeysPerZone, 2, &["www.many.s1"], Named),
    (L::KeysAlike, 1, &["www.alike.s1"], Named),
    (L::DsPerZone, 1, &["www.rolling.s1"], Named),
    (L::SignersTried, 1, &["www.below.s1"], Named),
    (L::Digests, 0, &["www.s1"], Named),
    (L::HashBlocks, 0, &["nowhere.s3"], Named),
    (L::Nsec3Iterations, 0, &["nowhere.s3"], Answered),
    (L::Nsec3IterationsTolerated, 0, &["nowhere.s3"], Named),
    (L::BogusTtl, 2000, &["www.torn.s1"], Failed),
    (L::BogusRetries, 0, &["www.bogus.s1"], Named),
    (L::Aliases, 1, &["first.good.t1"], Named),
    (L::MinimisationSteps, 1, &[DEEP], Answered),
    (L::MinimisationSingleLabels, 1, &[DEEP], Answered),
    (L::RecordsPerRrset, 1, &["www.good.t1"], Answered),
    (L::ServersRead, 1, &["www.good.t1"], Answered),
    (L::ProofsPerDenial, 0, &["nowhere.s1"], Named),
    (L::ProofsPerZone, 1, &["nowhere.s1"], Answered),
    (L::AnyRrsets, 1, &["any.good.t1"], Answered),
    (L::SignaturesPerRrset, 0, &["www.s1"], Answered),
    (L::EntryOctets, 1, &["www.good.t1"], Answered),
    (L::EntriesPerAnswer, 0, &["first.good.t1"], Answered),
    (L::MessageRecords, 30, &["www.many.t1"], Named),
    (L::MessagePointers, 30, &["www.many.t1"], Named),
    (L::MessageNameOctets, 400, &["www.many.t1"], Named),
    (L::EdnsOptions, 2, &["www.chatty.t1"], Answered),
    (L::CompressionLookups, 1, &["first.good.t1"], Answered),
    (L::Jobs, 1, &["www.slow.t1", "mail.slow.t1"], Named),
    (L::JobsPerZone, 1, &["www.slow.t1", "mail.slow.t1"], Named),
    (L::JobsPerServer, 1, &["www.slow.t1", "mail.slow.t1"], Named),
    (L::Exchanges, 1, &["www.slow.t1", "mail.slow.t1"], Named),
    (L::WaitersPerQuestion, 1, &["www.slow.t1", "www.slow.t1"], Named),
    (L::ClientQuestions, 0, &["www.good.t1"], Withheld),
    (L::ProvenClientQuestions, 0, &["www.good.t1"], Named),
    (L::NetworkQuestions, 0, &["www.good.t1"], Withheld),
    (L::ProvenNetworkQuestions, 0, &["www.good.t1"], Named),
    (L::ReplyAge, 100, &["www.silent.t1"], Withheld),
    (L::UnprovenReply, 50, &["www.good.t1"], Withheld),
    (L::UnprovenFactor, 1, &["www.good.t1"], Withheld),
    (L::AnswerDeadline, 300, &["www.silent.t1"], Named),
    (L::WorkDeadline, 300, &["www.silent.t1"], Named),
    (L::FirstTimeout, 400, &["www.silent.t1"], Failed),
    (L::ShortestTimeout, 500, &["www.silent.t1"], Failed),
    (L::LongestTimeout, 300, &["www.silent.t1"], Failed),
    (L::LoneTimeout, 900, &["www.mute.t1"], Failed),
    (L::LateTries, 0, &["www.silent.t1"], Failed),
    (L::TcpTimeout, 300, &["www.stuck.t1"], Failed),
    (L::FailureFirst, 1000, &["www.lame.t1"], Failed),
    (L::FailureLongest, 500, &["www.lame.t1"], Failed),
    (L::BarrenLongest, 500, &["www.bare.t1"], Failed),
    (L::ServerHoldLongest, 100, &["www.mute.t1"], Failed),
    (L::ServerPeculiarity, 1000, &["www.lame.t1"], Failed),
    (L::LameZonesPerServer, 1, &["www.lame.t1", "www.lamer.t1"], Failed),
];

/// Bounds on sockets, and where it is shown that they are counted. `tcp-per-server` may end a question, and is named; at
/// the others a connection is closed, a question waits its turn, or its client is gone.
const ELSEWHERE: &[(LimitName, &str)] = &[
    (L::JobsSheltered, "tests/sockets/overload.rs"),
    (L::TcpPerServer, "tests/sockets/outbound.rs"),
    (L::TcpQueriesPerConnection, "tests/sockets/outbound.rs"),
    (L::TcpServers, "tests/sockets/outbound.rs"),
    (L::TcpServerIdle, "tests/sockets/outbound.rs"),
    (L::TcpClients, "tests/sockets/tcp.rs"),
    (L::TcpPerClient, "tests/sockets/tcp.rs"),
    (L::TcpPipeline, "tests/sockets/tcp.rs"),
    (L::TcpFirstMessage, "tests/sockets/tcp.rs"),
    (L::TcpIdle, "tests/sockets/tcp.rs"),
    (L::TcpIdleCrowded, "tests/sockets/tcp.rs"),
    (L::TcpWrite, "tests/sockets/tcp.rs"),
    (L::Drain, "tests/sockets/overload.rs"),
];

fn tree() -> Tree {
    let hashing = Hashing { iterations: 5, salt: Vec::new() };
    let good = format!(
        "www A 192.0.2.1\nwww A 192.0.2.2\n{DEEP}. A 192.0.2.3\nfirst CNAME second\nsecond CNAME third\nthird CNAME www\n\
         any A 192.0.2.4\nany TXT \"x\"\nany MX 0 www\nns A 198.18.7.1\n"
    );
    let www = "www A 192.0.2.1\nmail A 192.0.2.1\n";
    // 40 records, as many pointers, of names that have 13 octets.
    let many: String = (0..40).map(|number| format!("www A 192.0.2.{number}\n")).collect();
    let silent = ["198.18.3.1", "198.18.3.2", "198.18.3.3", "198.18.3.4"];
    let tree = Tree::signed()
        .zone("t1", &["198.18.1.1"], "")
        .zone("good.t1", &["198.18.2.1", "198.18.2.2"], &good)
        .zone("silent.t1", &silent, www)
        .zone("mute.t1", &["198.18.3.5"], www)
        .zone("slow.t1", &["198.18.4.1"], www)
        .zone("cut.t1", &["198.18.5.1"], www)
        .zone("stuck.t1", &["198.18.5.2"], www)
        .zone("many.t1", &["198.18.5.3"], &many)
        .zone("chatty.t1", &["198.18.5.4"], www)
        .zone("two.t1", &["198.18.6.1"], www)
        .delegate("two.t1", "ns1.two.t1. A 198.18.6.2\n")
        .delegate("bare.t1", "bare.t1. NS ns.no1.t1.\nbare.t1. NS ns.no2.t1.\nbare.t1. NS ns.no3.t1.\n")
        .delegate("lame.t1", "lame.t1. NS ns.lame.t1.\nns.lame.t1. A 198.18.2.1\n")
        .delegate("lamer.t1", "lamer.t1. NS ns.lamer.t1.\nns.lamer.t1. A 198.18.2.1\n")
        .delegate("hosted.t1", "hosted.t1. NS ns.good.t1.\n")
        .bare("hosted.t1", &["198.18.7.1"], &format!("@ NS ns.good.t1.\n{www}"))
        .secure("s1", &["198.18.8.1"], www)
        .secure("bogus.s1", &["198.18.8.2", "198.18.8.3"], www)
        .secure("torn.s1", &["198.18.8.5"], www)
        .wrong("torn.s1", Flaw::Signature(name("torn.s1"), RecordType::DNSKEY, Field::Signature))
        .secure("s3", &["198.18.8.4"], www)
        .signer("s3", |signer| signer.denying(Denials::Nsec3(hashing)))
        .wrong("bogus.s1", Flaw::Signature(name("www.bogus.s1"), A, Field::Signature));
    let tree = crowded(tree, "198.18.8.1");
    let tree = silent.iter().fold(tree, |tree, server| tree.behave(server, Behaviour::Silent));
    // It fails before the client's time is up, so that the reply says why.
    let tree = tree.behave("198.18.3.5", Behaviour::SilentOver(Transport::Udp));
    let tree = tree.behave("198.18.3.5", Behaviour::Refuses(Transport::Tcp));
    tree.behave("198.18.4.1", Behaviour::Slow(Duration::from_millis(300)))
        .behave("198.18.5.1", Behaviour::Truncates)
        .behave("198.18.5.2", Behaviour::Truncates)
        .behave("198.18.5.2", Behaviour::SilentOver(Transport::Tcp))
        .behave("198.18.5.4", Behaviour::edits(|_, draft| draft.options = [0, 3, 0, 0].repeat(4)))
}

fn lab(tree: &Tree, (limit, value, ..): &Row) -> Lab {
    Lab::build(EPOCH, &tree.internet(), 7, |settings, limits, policy| {
        settings.dnssec = from(&tree.anchor());
        policy.any = AnyAnswers::Full;
        policy.rate = RateSettings { per_client: 100, per_question: 20 };
        assert!(limits.set(limit.to_string().trim_start_matches("limits."), *value), "{limit} can be set");
    })
}

fn rtype(owner: &str) -> RecordType {
    if owner.starts_with("any.") { RecordType::ANY } else { A }
}

async fn asked(lab: &Lab, (limit, _, owners, seen): &Row) {
    if *seen == Withheld {
        let client = Client { address: SocketAddr::from(([198, 51, 100, 7], 40_000)), transport: ClientTransport::Udp };
        let packet = write_query(7, &Question::new(name(owners[0]), A), Lab::FLAGS);
        let reply = lab.exchange(&packet, &client).await;
        let reply = reply.map(|bytes| Message::parse(&bytes).unwrap());
        assert!(reply.is_none_or(|reply| reply.header.has(burdock::dns::Header::TC) && reply.answer.is_empty()));
        return;
    }
    let replies = join_all(owners.iter().map(|owner| lab.ask(owner, rtype(owner)))).await;
    let is_named = |reply: &Reply| {
        let name = limit.to_string();
        reply.rcode() == Rcode::SERVFAIL && reply.errors().iter().any(|(_, text)| says(text, &name))
    };
    // Where a walk stands, or would lead, is not known to those who only wait for it.
    let names_a_zone = |reply: &Reply| reply.errors().iter().any(|(_, text)| text.contains("at zone"));
    assert!(!WITHOUT_A_WALK.contains(limit) || !replies.iter().any(names_a_zone), "{limit}: {}", replies[0]);
    let last = replies.last().unwrap();
    let story = || format!("{limit}: {last}\n{}", lab.net.story());
    match seen {
        Named => assert!(replies.iter().any(is_named), "{}", story()),
        Failed => assert!(last.rcode() == Rcode::SERVFAIL && !is_named(last), "{}", story()),
        _ => assert!([Rcode::NOERROR, Rcode::NXDOMAIN].contains(&last.rcode()), "{}", story()),
    }
}

/// Whether `name` stands in `text`, and not only as the beginning of another one; and the text ends in a tag.
fn says(text: &str, name: &str) -> bool {
    let mut ends = text.match_indices(name).map(|(at, _)| text[at + name.len()..].chars().next());
    let tagged = text.ends_with(']') && text.len() > 6 && text.as_bytes()[text.len() - 6] == b'[';
    tagged && ends.any(|next| next.is_none_or(|next| next != '-' && !next.is_alphanumeric()))
}

#[test]
fn every_bound_is_counted_and_named() {
    let tree = tree();
    for row in ROWS {
        let limit = row.0;
        run(async {
            let lab = lab(&tree, row);
            assert_eq!(lab.resolver.limits().times(limit), 0, "{limit}");
            asked(&lab, row).await;
            let times = lab.resolver.limits().times(limit);
            println!("{limit}: reached {times} times, {:?}", row.3);
            assert!((1..=64).contains(&times), "{limit}: {times}\n{}", lab.net.story());
        });
    }
}

#[test]
fn no_bound_is_missing_in_the_tables() {
    let mut listed: Vec<LimitName> = ROWS.iter().map(|row| row.0).chain(ELSEWHERE.iter().map(|row| row.0)).collect();
    listed.sort_by_key(|name| *name as usize);
    assert_eq!(listed, LimitName::ALL);
    let settings = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md")).unwrap();
    for (limit, bound) in LimitName::ALL.iter().zip(Limits::default().table()) {
        assert_eq!(limit.to_string(), format!("limits.{}", bound.name.replace('_', "-")));
        assert!(settings.contains(&format!("\n| `{limit}` | ")), "{limit} has no row in docs/settings.md");
    }
    for (limit, place) in ELSEWHERE {
        let test = std::fs::read_to_string(format!("{}/{place}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(test.contains(&format!("LimitName::{limit:?}")), "{limit} is not counted in {place}");
    }
}

/// Where nothing is reached, nothing is counted: an answer, a denial and an alias, signed and not, within the defaults.
#[test]
fn what_is_within_bounds_is_not_counted() {
    let tree = tree();
    run(async {
        let lab = Lab::build(EPOCH, &tree.internet(), 7, |settings, _, _| settings.dnssec = from(&tree.anchor()));
        for owner in
            ["www.good.t1", "first.good.t1", "nowhere.good.t1", "www.s1", "nowhere.s1", "nowhere.s3", "www.good.t1"]
        {
            lab.ask(owner, A).await;
        }
        let counted = LimitName::ALL.iter().filter(|name| lab.resolver.limits().times(**name) > 0);
        assert_eq!(counted.collect::<Vec<_>>(), Vec::<&LimitName>::new());
    });
}
