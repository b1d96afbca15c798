//! Every bound on what a question, a packet or a client may cost, in one place, each with the abuse it answers.
//!
//! Operators may set each under `limits:` by the name it has here, with `-` for `_`.

use std::time::Duration;

use super::{Quota, count};
use crate::dns::{self, MessageWriter};
use crate::dnssec::{Iterations, Scope};
use crate::telemetry::Tally;

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $field:ident $name:ident: $kind:ident = $value:expr, $unit:literal;)+) => {
        /// The bounds in force. Values are those of the defaults unless the operator set others.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $field: limits!(@type $kind),)+
            /// How often each was reached. Clones count together.
            pub reached: Tally,
        }

        /// The bounds, for who counts and tells which were reached. Printed as in a configuration: `limits.upstream-queries`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum LimitName {
            $($(#[doc = $doc])+ $name,)+
        }

        impl LimitName {
            /// All of them, in the order of [`Limits::table`].
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            pub(super) const fn field(self) -> &'static str {
                match self { $(Self::$name => stringify!($field),)+ }
            }
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $value,)+ reached: Tally::new(LimitName::ALL.len()) }
            }
        }

        impl Limits {
            /// Every bound: its name, its value, its unit and what it is for.
            pub fn table(&self) -> Vec<Bound> {
                vec![$(Bound {
                    name: stringify!($field),
                    value: limits!(@value $kind self.$field),
                    unit: $unit,
                    help: concat!($($doc),+).trim(),
                },)+]
            }

            /// Sets the bound called `name` (with `_` or `-`) to `value`, in the unit [`Self::table`] names.
            /// `false` when there is no such bound.
            pub fn set(&mut self, name: &str, value: u64) -> bool {
                match name.replace('-', "_").as_str() {
                    $(stringify!($field) => self.$field = limits!(@from $kind value),)+
                    _ => return false,
                }
                true
            }
        }
    };
    (@type count) => { u32 };
    (@type time) => { Duration };
    (@value count $v:expr) => { u64::from($v) };
    (@value time $v:expr) => { u64::try_from($v.as_millis()).unwrap_or(u64::MAX) };
    (@from count $v:expr) => { u32::try_from($v).unwrap_or(u32::MAX) };
    (@from time $v:expr) => { Duration::from_millis($v) };
}

limits! {
    /// Packets to other servers for one client question, all sub-questions included (CAMP, NXNSAttack).
    upstream_queries UpstreamQueries: count = 96, "queries";
    /// Datagrams, or TCP queries, to one server for one question (RFC 9520 §3.1).
    sends_per_server SendsPerServer: count = 3, "queries";
    /// Packets to the servers of one zone for one step of the walk (a dead zone is given up after these).
    sends_per_zone SendsPerZone: count = 12, "queries";
    /// TCP connections or queries for one client question (endless TC and resets).
    tcp_queries TcpQueries: count = 4, "queries";
    /// Octets received from other servers for one client question.
    upstream_octets UpstreamOctets: count = 131_072, "octets";
    /// Levels of sub-questions for the addresses of servers (endless delegation, iDNS).
    depth Depth: count = 4, "levels";
    /// Referrals followed for one question.
    referrals Referrals: count = 32, "referrals";
    /// Server names kept of one delegation (NXNSAttack, NRDelegation).
    servers_per_delegation ServersPerDelegation: count = 13, "servers";
    /// Addresses of each family kept of one server name.
    addresses_per_server AddressesPerServer: count = 4, "addresses";
    /// Server names of one delegation whose addresses are looked up.
    address_lookups_per_delegation AddressLookupsPerDelegation: count = 6, "lookups";
    /// Address look-ups of one delegation under way at once; one more joins them when they take long.
    address_lookups_at_once AddressLookupsAtOnce: count = 2, "lookups";
    /// Address look-ups for one client question.
    address_lookups AddressLookups: count = 16, "lookups";
    /// Server names without address before a delegation is given up.
    failed_address_lookups FailedAddressLookups: count = 5, "lookups";
    /// Signatures verified for one client question (KeyTrap).
    verifications Verifications: count = 32, "signatures";
    /// Signatures that do not verify, for one client question (KeyTrap).
    failed_verifications FailedVerifications: count = 8, "signatures";
    /// Signatures of one RRset that are verified: of more the same ones, whatever their order (KeyTrap).
    signatures_tried SignaturesTried: count = Scope::DEFAULT.signatures, "signatures";
    /// Keys of one zone that are looked at.
    keys_per_zone KeysPerZone: count = Scope::DEFAULT.keys, "keys";
    /// Keys of one zone with the same tag and algorithm that are looked at (KeyTrap); by chance there is one.
    keys_alike KeysAlike: count = Scope::DEFAULT.keys_alike, "keys";
    /// DS records, or trust anchors, that are looked at for one zone (HashTrap).
    ds_per_zone DsPerZone: count = Scope::DEFAULT.ds, "records";
    /// Zones whose keys are tried when several seem to have signed something.
    signers_tried SignersTried: count = 3, "zones";
    /// DS digests computed for one client question (HashTrap).
    digests Digests: count = 16, "digests";
    /// Blocks of 64 octets hashed with SHA-1 for one client question (NSEC3 iterations and closest enclosers).
    hash_blocks HashBlocks: count = 600, "blocks";
    /// Times a zone may hash its names anew for NSEC3 and be validated (RFC 9276).
    nsec3_iterations Nsec3Iterations: count = Iterations::DEFAULT.validated, "iterations";
    /// Times a zone may hash its names anew and count as unsigned; beyond it is SERVFAIL (RFC 9276).
    nsec3_iterations_tolerated Nsec3IterationsTolerated: count = Iterations::DEFAULT.tolerated, "iterations";
    /// Time for which what must not be believed is remembered, at most: half of it the keys of a zone, half of it what was
    /// asked with them.
    bogus_ttl BogusTtl: time = Duration::from_millis(60_000), "ms";
    /// Servers asked after one whose data does not validate, for one step of the walk.
    bogus_retries BogusRetries: count = 3, "servers";
    /// CNAME and DNAME substitutions for one question (DNS Unchained).
    aliases Aliases: count = 11, "aliases";
    /// Labels revealed one step at a time by QNAME minimisation (RFC 9156 §2.3).
    minimisation_steps MinimisationSteps: count = 10, "steps";
    /// Steps of these that reveal a single label.
    minimisation_single_labels MinimisationSingleLabels: count = 4, "steps";
    /// Records of one RRset that are kept; larger sets are passed on but not remembered.
    records_per_rrset RecordsPerRrset: count = 100, "records";
    /// Server names of one referral that are looked at, before some of them are kept (NRDelegation).
    servers_read ServersRead: count = 64, "servers";
    /// NSEC and NSEC3 RRsets of one denial that are kept and looked at.
    proofs_per_denial ProofsPerDenial: count = Scope::DEFAULT.proofs, "RRsets";
    /// NSEC or NSEC3 records kept of one zone, for other names (RFC 8198); of more, others make room.
    proofs_per_zone ProofsPerZone: count = 16_384, "records";
    /// RRsets of an answer to ANY that are checked and passed on; of more the rest is left out (ANYTrap).
    any_rrsets AnyRrsets: count = 24, "RRsets";
    /// Signatures kept with one RRset.
    signatures_per_rrset SignaturesPerRrset: count = 8, "signatures";
    /// Octets of one cache entry (DNSKEY and TXT: twice as many).
    entry_octets EntryOctets: count = 8192, "octets";
    /// Entries that the aliases of one remembered answer may fill together; of longer chains each alias is remembered alone.
    entries_per_answer EntriesPerAnswer: count = 4, "entries";
    /// Records of one message of a server; one that has more is refused.
    message_records MessageRecords: count = dns::Bounds::DEFAULT.records, "records";
    /// Compression pointers that all names of one message of a server may take; one that has more is refused.
    message_pointers MessagePointers: count = dns::Bounds::DEFAULT.pointers, "pointers";
    /// Octets that the compressed names of one message of a server may unfold to; one that has more is refused.
    message_name_octets MessageNameOctets: count = dns::Bounds::DEFAULT.name_octets, "octets";
    /// EDNS options that are looked at in one message of a client or a server; those behind them are passed over.
    edns_options EdnsOptions: count = dns::Bounds::DEFAULT.options, "options";
    /// Look-ups that compression may cost in one reply; later names are written in full.
    compression_lookups CompressionLookups: count = MessageWriter::LOOKUPS, "lookups";
    /// Questions being worked on at once.
    jobs Jobs: count = 4096, "questions";
    /// Questions whose walk is at one zone at once; more while it answers, fewer while it does not, never more than half of
    /// all (random subdomains, slow servers).
    jobs_per_zone JobsPerZone: count = 200, "questions";
    /// Questions that wait for one server at once; more and fewer in the same way.
    jobs_per_server JobsPerServer: count = 200, "questions";
    /// Queries to other servers under way at once, over all questions, and questions that wait for the same one.
    exchanges Exchanges: count = 65_536, "queries";
    /// Time for which a question is worked on whatever else comes; later the oldest ones make room when there are too many.
    jobs_sheltered JobsSheltered: time = Duration::from_millis(200), "ms";
    /// Clients that wait for the same question.
    waiters_per_question WaitersPerQuestion: count = 4096, "clients";
    /// Questions of one client (IPv4 /32, IPv6 /64) that wait at once, if its address may be forged (DNSBomb).
    client_questions ClientQuestions: count = 100, "questions";
    /// The same for a client that is believed: over TCP, with a cookie, or by `access.believed`.
    proven_client_questions ProvenClientQuestions: count = 1000, "questions";
    /// Questions of one network (IPv4 /24, IPv6 /56) that wait at once, if their addresses may be forged.
    network_questions NetworkQuestions: count = 1000, "questions";
    /// The same for clients that are believed.
    proven_network_questions ProvenNetworkQuestions: count = 10_000, "questions";
    /// Time after which an address that may be forged gets no reply over UDP any more (DNSBomb).
    reply_age ReplyAge: time = Duration::from_millis(5000), "ms";
    /// Octets of a reply over UDP to an address that may be forged, as long as the rate of such replies is limited; of a
    /// longer one it gets TC.
    unproven_reply UnprovenReply: count = 512, "octets";
    /// The same as a multiple of the query.
    unproven_factor UnprovenFactor: count = 10, "times";
    /// Time after which a client gets its answer or SERVFAIL.
    answer_deadline AnswerDeadline: time = Duration::from_millis(5000), "ms";
    /// Time after which all work for a question ends.
    work_deadline WorkDeadline: time = Duration::from_millis(8000), "ms";
    /// First retransmission timer for a server not yet measured (RFC 6298 §2.1 in spirit).
    first_timeout FirstTimeout: time = Duration::from_millis(400), "ms";
    /// Shortest retransmission timer.
    shortest_timeout ShortestTimeout: time = Duration::from_millis(100), "ms";
    /// Longest retransmission timer over UDP.
    longest_timeout LongestTimeout: time = Duration::from_millis(1500), "ms";
    /// Retransmission timer for the second datagram to the only server of a zone, if nothing was ever heard of it: it may be
    /// slow, and a third datagram would be one more to forge a reply to (RFC 1035 §4.2.1).
    lone_timeout LoneTimeout: time = Duration::from_millis(1700), "ms";
    /// Datagrams of one question whose replies are still welcome after `longest-timeout`, while others are waited for.
    late_tries LateTries: count = 3, "queries";
    /// Time for a TCP connection to open and answer.
    tcp_timeout TcpTimeout: time = Duration::from_millis(3000), "ms";
    /// TCP connections to one server, per worker; what they have no room for is not asked over TCP.
    tcp_per_server TcpPerServer: count = 2, "connections";
    /// Queries under way on one TCP connection to a server.
    tcp_queries_per_connection TcpQueriesPerConnection: count = 100, "queries";
    /// Servers to which TCP connections are kept, all workers together; to others each question opens one of its own.
    tcp_servers TcpServers: count = 512, "servers";
    /// Time a TCP connection to a server is kept for the next question (RFC 7766 §6.2.3).
    tcp_server_idle TcpServerIdle: time = Duration::from_millis(10_000), "ms";
    /// Time for which a failure is remembered at first, then twice as long each time (RFC 9520 §3.2).
    failure_first FailureFirst: time = Duration::from_millis(1000), "ms";
    /// Longest time for which a failure is remembered (RFC 9520 §3.2).
    failure_longest FailureLongest: time = Duration::from_millis(300_000), "ms";
    /// The same for zones without servers that have an address, and server names without address (NXNSAttack, TsuNAME).
    barren_longest BarrenLongest: time = Duration::from_millis(60_000), "ms";
    /// Longest time for which a server that does not reply is put behind others, before it is tried again.
    server_hold_longest ServerHoldLongest: time = Duration::from_millis(60_000), "ms";
    /// Time for which a server counts as lame for a zone, as one that changes upper and lower case, or as one that cannot
    /// cope with EDNS or cookies.
    server_peculiarity ServerPeculiarity: time = Duration::from_millis(900_000), "ms";
    /// Zones for which one server is remembered to be lame.
    lame_zones_per_server LameZonesPerServer: count = 8, "zones";
    /// TCP connections of clients open at once, per worker.
    tcp_clients TcpClients: count = 1024, "connections";
    /// TCP connections of one client address (IPv4 /32, IPv6 /64), per worker.
    tcp_per_client TcpPerClient: count = 64, "connections";
    /// Questions in progress on one TCP connection.
    tcp_pipeline TcpPipeline: count = 32, "questions";
    /// Time for the first whole message of a TCP connection (slow loris).
    tcp_first_message TcpFirstMessage: time = Duration::from_millis(3000), "ms";
    /// Time an idle TCP connection is kept.
    tcp_idle TcpIdle: time = Duration::from_millis(10_000), "ms";
    /// The same when more than four fifths of `tcp-clients` are open.
    tcp_idle_crowded TcpIdleCrowded: time = Duration::from_millis(1000), "ms";
    /// Time a reply may wait for a client that does not read.
    tcp_write TcpWrite: time = Duration::from_millis(5000), "ms";
    /// Time that questions in progress get to end after SIGTERM.
    drain Drain: time = Duration::from_millis(2000), "ms";
}

/// One row of [`Limits::table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The field's name.
    pub name: &'static str,
    /// The value in force.
    pub value: u64,
    /// What the value counts.
    pub unit: &'static str,
    /// What it bounds, and the abuse it answers.
    pub help: &'static str,
}

impl Limits {
    /// The bound of this name was reached once more.
    pub fn count(&self, name: LimitName) {
        self.reached.count(name as usize);
    }

    /// How often the bound of this name was reached.
    pub fn times(&self, name: LimitName) -> u64 {
        self.reached.of(name as usize)
    }

    /// How long one bogus thing is remembered at most. What depends on the keys of a zone may be found bogus just before
    /// those are looked at again: both together last for `bogus-ttl`, but each for a second (RFC 9520 §3.2).
    pub fn longest_bogus(&self) -> Duration {
        (self.bogus_ttl / 2).max(Duration::from_secs(1))
    }

    /// What a message of a server may cost to read.
    pub const fn reading(&self) -> dns::Bounds {
        dns::Bounds {
            records: self.message_records,
            pointers: self.message_pointers,
            name_octets: self.message_name_octets,
            options: self.edns_options,
        }
    }

    /// The longest reply over UDP, in octets, to a query of so many from an address that may be forged.
    pub fn unproven_octets(&self, query: usize) -> usize {
        count(self.unproven_reply).min(count(self.unproven_factor).saturating_mul(query))
    }

    /// How many questions may be at a zone, of so many labels, at once. Root and top-level zones are on everybody's way, and
    /// nobody's to make slow.
    pub fn zone_quota(&self, labels: usize) -> Quota {
        let most = (self.jobs / 2).max(1);
        let first = if labels > 1 { self.jobs_per_zone.clamp(1, most) } else { most };
        Quota { first, most }
    }

    /// How many questions may wait for one server of such a zone at once.
    pub fn server_quota(&self, labels: usize) -> Quota {
        let most = (self.jobs / 2).max(1);
        let first = if labels > 1 { self.jobs_per_server.clamp(1, most) } else { most };
        Quota { first, most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_can_be_set_by_the_name_in_the_table() {
        let mut limits = Limits::default();
        for bound in Limits::default().table() {
            assert!(limits.set(&bound.name.replace('_', "-"), bound.value + 1), "{}", bound.name);
        }
        for (bound, default) in limits.table().iter().zip(Limits::default().table()) {
            assert_eq!(bound.value, default.value + 1, "{}", bound.name);
            assert!(!bound.help.is_empty());
        }
        assert!(!limits.set("no-such-bound", 1));
    }
}
