//! What a scenario file says, once read.

use std::net::IpAddr;
use std::time::Duration;

use burdock::dns::{Class, Opcode, Question, Rcode, Record};

/// One file.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    pub title: String,
    pub settings: Vec<Setting>,
    pub ranges: Vec<Range>,
    pub steps: Vec<Step>,
    /// The trust anchors that are followed as they roll over.
    pub anchor_file: KeptKeys,
    /// What the file asks of the runner that it does not do.
    pub unsupported: Vec<Unsupported>,
}

/// What a trust anchor file has: records, and their states by number (0 none, 1 pending, 2 valid, 3 missing, 4 revoked).
#[derive(Clone, Debug, Default)]
pub struct KeptKeys {
    pub records: Vec<Record>,
    pub states: Vec<u8>,
}

/// One `key: value` of the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub line: usize,
    /// Which block: `server`, `stub-zone` …
    pub section: String,
    /// Counts blocks, so that the settings of one stub zone can be told from those of the next.
    pub block: usize,
    pub key: String,
    pub value: String,
}

/// Something that is read but not played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    pub line: usize,
    pub feature: &'static str,
    pub reason: String,
}

/// What servers answer during some steps.
#[derive(Clone, Debug)]
pub struct Range {
    pub first: u32,
    pub last: u32,
    /// Any server when empty.
    pub addresses: Vec<IpAddr>,
    pub entries: Vec<Entry>,
}

/// A message, and how another is compared with it or turned into a reply.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub matching: Matching,
    pub adjust: Adjust,
    pub message: Parts,
    /// The whole packet when the file gives it in octets.
    pub raw: Option<Vec<u8>>,
}

/// What is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    pub opcode: bool,
    pub qtype: bool,
    pub qname: bool,
    pub subdomain: bool,
    pub all: bool,
    pub flags: bool,
    pub rcode: bool,
    pub question: bool,
    pub answer: bool,
    pub authority: bool,
    pub additional: bool,
    pub ttl: bool,
    pub dnssec_ok: bool,
    pub no_edns: bool,
    pub edns_data: bool,
    pub transport: Option<Over>,
    pub ede: Option<EdeWanted>,
}

/// The transport an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Udp,
    Tcp,
}

/// Which extended error is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdeWanted {
    Any,
    Code(u16),
}

/// What is changed before an entry is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adjust {
    pub copy_query: bool,
    pub sleep: Duration,
}

/// A message in parts.
#[derive(Clone, Debug)]
pub struct Parts {
    pub opcode: Opcode,
    /// QR, AA, TC, RD, RA, AD, CD.
    pub flags: u16,
    pub rcode: Rcode,
    pub question: Option<(Question, Class)>,
    pub answer: Vec<Record>,
    pub authority: Vec<Record>,
    pub additional: Vec<Record>,
    pub dnssec_ok: bool,
    /// The options of OPT, in wire form.
    pub edns_data: Option<Vec<u8>>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            opcode: Opcode::QUERY,
            flags: 0,
            rcode: Rcode::NOERROR,
            question: None,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            dnssec_ok: false,
            edns_data: None,
        }
    }
}

/// One step of the script.
#[derive(Clone, Debug)]
pub struct Step {
    pub line: usize,
    pub number: u32,
    pub action: Action,
}

/// What happens in a step.
#[derive(Clone, Debug)]
pub enum Action {
    /// A client asks.
    Query(Option<IpAddr>, Box<Entry>),
    /// A client has got this.
    CheckAnswer(Box<Entry>),
    /// The resolver has sent this.
    CheckOutQuery(Box<Entry>),
    /// A server answers a query that waits.
    Reply(Option<IpAddr>, Box<Entry>),
    /// A query that waits gets no answer.
    Timeout,
    /// A query that waits is refused by the network.
    Error,
    /// The clock goes on, by so many seconds.
    TimePasses(String),
    /// A number gets a name.
    Assign(String),
    /// These are the trust anchors.
    CheckAnchors(KeptKeys),
    /// What can go on, does.
    Nothing,
}
