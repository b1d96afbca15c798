//! Burdock: a recursive, caching DNS resolver. It is asked one question and walks from the root to the servers that
//! know, remembers what it learnt, and answers the next time from memory.
//!
//! # The map
//!
//! Imports go strictly down this list; `tests/tidy` holds everybody to it.
//!
//! | module | is |
//! |---|---|
//! | [`command`] | what the program does when it is called: `serve`, `check`, `query`, `trace`, `playground` |
//! | [`server`] | the composition root: configuration → modules → workers; start and stop |
//! | [`config`] | what the operator wrote, checked, complete and typed |
//! | [`net`] | real sockets: listeners and workers on one side, the way to other servers on the other |
//! | [`responder`] | from client bytes to reply bytes: the front desk |
//! | [`policy`] | what the operator wants changed: who may ask, which names are answered here |
//! | [`resolver`] | finding out: the walk from a zone cut to the answer, and the judges of replies |
//! | [`upstream`] | asking: one zone's servers, one question; choose, send, wait, send again |
//! | [`cache`] | memory: finished replies, RRsets and denials, zone cuts, failures |
//! | [`job`] | one client question's rights: budget, deadline, ancestry, trace |
//! | [`telemetry`] | what is told: every step of a walk |
//! | [`dnssec`] | authenticity: signatures, keys, denials, trust anchors; pure |
//! | [`dns`] | the vocabulary: names, types, RRsets, messages |
//! | [`world`] | what is not controlled: network, clock, dice |
//! | [`inflight`] | one computation per key, many waiters |
//! | [`playground`] | a miniature Internet, for people who want to watch and for tests |
//!
//! # The life of a query
//!
//! A datagram arrives at a worker (`net::listen::udp`), with others, in one call to the kernel. The front desk glances
//! at it ([`dns::peek`]) and asks the policy whether this client may ask. If the question was answered before and the
//! reply still lives ([`cache::Answers`]), it is copied and made the client's own — ID, flags, the case of the name,
//! what is left of the TTLs ([`dns::personalise`]) — and leaves with the batch. Nothing waited, nothing was allocated
//! but for odd sizes.
//!
//! Otherwise it becomes a request, and the worker turns to the next packet. All who ask the same wait for one
//! computation ([`inflight`]), which gets a [`job::Job`]: a budget that is never refilled and a deadline. The resolver
//! looks into its memory of RRsets; if that does not do, it starts at the closest zone cut it knows and descends: it
//! decides how much of the name this zone gets to see (`resolver::minimise`), has one of the zone's servers asked
//! ([`upstream::Upstream::ask`]: the fastest that is alive, over UDP, over TCP when truncated, again when silent), takes
//! away from the reply whatever that server may not say ([`resolver::scrub()`]), and classifies what is left
//! ([`resolver::classify()`]): a referral leads to a zone below, the absence of a cut to one more label, an alias to
//! another name, an end to the answer. Where the servers of a zone are known by name only, their addresses are
//! sub-questions on the same budget.
//!
//! What was learnt is remembered with its TTL, the reply is written once (`responder::reply`), kept if the question was asked before, and made each
//! waiting client's own. When it could not be found out, the client hears SERVFAIL and an extended error that says
//! which zone, server or bound it was, and the failure is remembered too, for a second at first.

pub mod cache;
pub mod command;
pub mod config;
pub mod dns;
pub mod dnssec;
pub mod inflight;
pub mod job;
pub mod net;
pub mod playground;
pub mod policy;
pub mod resolver;
pub mod responder;
pub mod server;
pub mod telemetry;
pub mod upstream;
pub mod world;
