//! One client's question as it has to be answered: what differs between clients who ask the same.

use bytes::Bytes;
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::visitor::Visitor;
use super::{Client, ClientTransport, Immediate, Responder};
use crate::cache::{Answer, AnswerKey};
use crate::dns::cookie::COOKIE_OPTION;
use crate::dns::{Fit, Header, Peeked, Personal, Question, Trail, personalise};
use crate::job::{LimitName, count};
use crate::policy::{Seat, Standing};

/// The UDP payload size a client without EDNS can take (RFC 1035 §2.3.4).
const PLAIN_UDP_REPLY: usize = 512;
/// The UDP payload size we tell clients that we can take.
const UDP_SIZE: u16 = 1232;

/// An OPT record in wire form.
type Opt = SmallVec<[u8; 64]>;

/// A client's question that the cache could not answer.
#[derive(Debug)]
pub struct Request {
    /// What is asked, in the client's case.
    pub question: Question,
    /// Who asks.
    pub client: Client,
    pub(super) key: AnswerKey,
    pub(super) id: u16,
    pub(super) flags: u16,
    pub(super) recursion_desired: bool,
    pub(super) dnssec_ok: bool,
    pub(super) wants_ad: bool,
    pub(super) edns: bool,
    /// The most octets it gets.
    limit: usize,
    /// The most octets it can take.
    takes: usize,
    pub(super) standing: Standing,
    cookie: Option<[u8; COOKIE_OPTION]>,
    /// The resolvers that the question came by.
    pub(super) trail: Trail,
    /// The client's place among those that wait; empty when it needs none.
    pub(super) seat: Mutex<Option<Seat>>,
}

impl Request {
    /// The request in `peeked`, without a seat.
    pub(super) fn new(peeked: &Peeked<'_>, visitor: &Visitor<'_>, key: AnswerKey) -> Option<Self> {
        Some(Self {
            question: peeked.question()?,
            client: *visitor.client,
            key,
            id: peeked.header.id,
            flags: peeked.header.flags & (Header::RD | Header::CD),
            recursion_desired: peeked.header.has(Header::RD),
            dnssec_ok: peeked.dnssec_ok(),
            wants_ad: wants_ad(peeked),
            edns: peeked.edns.is_some(),
            limit: visitor.limit,
            takes: limit(peeked, visitor.client.transport),
            standing: visitor.standing,
            cookie: visitor.cookie,
            trail: peeked.edns.and_then(|edns| edns.trail).map(Trail::read).unwrap_or_default(),
            seat: Mutex::new(None),
        })
    }

    /// What all who ask the same have in common.
    pub const fn key(&self) -> &AnswerKey {
        &self.key
    }

    /// Whether the client asks for no validation.
    pub(super) const fn checking_disabled(&self) -> bool {
        self.flags & Header::CD != 0
    }

    /// The octets of header and question.
    fn question_end(&self) -> usize {
        Header::OCTETS + self.question.name.wire().len() + 4
    }

    /// The OPT record of the reply, with these options; empty for a client without EDNS.
    fn opt(&self, rcode_high: u8, options: &[u8]) -> Opt {
        if self.edns { opt(self.dnssec_ok, rcode_high, [cookie_octets(&self.cookie), options]) } else { Opt::new() }
    }

    /// What makes the answer this client's own.
    fn personal<'a>(&'a self, opt: &'a [u8], age: u32) -> Personal<'a> {
        let clear = if self.wants_ad { 0 } else { Header::AD };
        let set = self.flags;
        Personal { id: self.id, set, clear, qname: self.question.name.wire(), age, limit: self.limit, opt }
    }
}

/// A reply that does not fit.
struct Cut<'a> {
    personal: Personal<'a>,
    /// The most octets the client can take.
    takes: usize,
    /// The OPT record that it cannot do without.
    bare: Opt,
}

/// Writes `answer` into `out` for the client that sent `peeked`: the hit path.
fn write(peeked: &Peeked<'_>, visitor: &Visitor<'_>, answer: &Answer, now: Instant, out: &mut [u8]) -> Option<Fit> {
    let made;
    let record: &[u8] = match peeked.edns {
        None => &[],
        Some(edns) if visitor.cookie.is_none() && answer.options.is_empty() && answer.rcode_high == 0 => {
            plain_opt(edns.dnssec_ok)
        }
        Some(edns) => {
            made = opt(edns.dnssec_ok, answer.rcode_high, [cookie_octets(&visitor.cookie), &answer.options]);
            &made
        }
    };
    let personal = personal(peeked, visitor, answer.age(now), record);
    personalise(&answer.bytes, &answer.ttl_offsets, &personal, out)
}

/// What makes an answer that of the client that sent `peeked`.
#[inline]
fn personal<'a>(peeked: &Peeked<'a>, visitor: &Visitor<'_>, age: u32, opt: &'a [u8]) -> Personal<'a> {
    Personal {
        id: peeked.header.id,
        set: peeked.header.flags & (Header::RD | Header::CD),
        clear: if wants_ad(peeked) { 0 } else { Header::AD },
        qname: peeked.qname,
        age,
        limit: visitor.limit,
        opt,
    }
}

impl Responder {
    /// The reply to a question whose answer is at hand.
    #[inline]
    pub(super) fn hit(
        &self,
        peeked: &Peeked<'_>,
        visitor: &Visitor<'_>,
        (answer, now): (&Answer, Instant),
        out: &mut [u8],
    ) -> Immediate {
        match write(peeked, visitor, answer, now, out) {
            Some(Fit::Whole(octets)) => Immediate::Reply(octets),
            Some(Fit::Cut(_)) => self.cut_hit(peeked, visitor, (answer, now), out),
            None => Immediate::Silence,
        }
    }

    /// The same when it does not fit.
    #[cold]
    fn cut_hit(
        &self,
        peeked: &Peeked<'_>,
        visitor: &Visitor<'_>,
        (answer, now): (&Answer, Instant),
        out: &mut [u8],
    ) -> Immediate {
        let cookie = cookie_octets(&visitor.cookie);
        let with = |options: &[u8]| peeked.edns.map(|edns| opt(edns.dnssec_ok, answer.rcode_high, [cookie, options]));
        let (whole, bare) = (with(&answer.options).unwrap_or_default(), with(&[]).unwrap_or_default());
        let personal = personal(peeked, visitor, answer.age(now), &whole);
        let cut = Cut { personal, takes: limit(peeked, visitor.client.transport), bare };
        self.cut(answer, &cut, out).map_or(Immediate::Silence, Immediate::Reply)
    }

    /// The reply to a request that took work.
    pub(super) fn finish(&self, request: &Request, answer: &Answer) -> Option<Bytes> {
        let age = answer.age(self.resolver.world().clock.now());
        let opt = request.opt(answer.rcode_high, &answer.options);
        let personal = request.personal(&opt, age);
        let least = request.question_end() + opt.len();
        let mut out = vec![0; (answer.bytes.len() + opt.len()).min(request.limit.max(least))];
        let octets = match personalise(&answer.bytes, &answer.ttl_offsets, &personal, &mut out)? {
            Fit::Whole(octets) => octets,
            Fit::Cut(_) => {
                let cut = Cut { personal, takes: request.takes, bare: request.opt(answer.rcode_high, &[]) };
                self.cut(answer, &cut, &mut out)?
            }
        };
        out.truncate(octets);
        Some(out.into())
    }

    /// What becomes of `answer`, which is written to `out` and cut. The bound that it is over is counted, if it is one of ours and not
    /// what the client can take. When not even the options fit, they go, and TC tells of it (RFC 8914 §3).
    #[cold]
    fn cut(&self, answer: &Answer, cut: &Cut<'_>, out: &mut [u8]) -> Option<usize> {
        let Cut { personal, takes, bare } = cut;
        let octets = Header::OCTETS + personal.qname.len() + 4 + personal.opt.len();
        if answer.bytes.len() + personal.opt.len() <= *takes {
            let limits = self.resolver.limits();
            let is_longest = personal.limit == count(limits.unproven_reply);
            limits.count(if is_longest { LimitName::UnprovenReply } else { LimitName::UnprovenFactor });
        }
        if octets <= personal.limit {
            return Some(octets);
        }
        let without = Personal { opt: bare, set: personal.set | Header::TC, ..*personal };
        personalise(&answer.bytes, &answer.ttl_offsets, &without, out).map(Fit::octets)
    }
}

/// Whether the client wants to know whether data is authentic (RFC 6840 §5.7, §5.8). One that sets CD finds out by
/// itself; nothing is checked for it, so whether something is known already depends on who asked before.
pub(super) fn wants_ad(peeked: &Peeked<'_>) -> bool {
    (peeked.header.has(Header::AD) || peeked.dnssec_ok()) && !checking_disabled(peeked)
}

/// Whether the client asks for no validation (RFC 4035 §3.2.2).
pub(super) const fn checking_disabled(peeked: &Peeked<'_>) -> bool {
    peeked.header.has(Header::CD)
}

/// The most octets the client can take.
pub(super) fn limit(peeked: &Peeked<'_>, transport: ClientTransport) -> usize {
    match (transport, peeked.edns) {
        (ClientTransport::Tcp, _) => usize::from(u16::MAX),
        (ClientTransport::Udp, None) => PLAIN_UDP_REPLY,
        (ClientTransport::Udp, Some(edns)) => usize::from(edns.udp_size).min(Responder::MAX_UDP_REPLY),
    }
}

/// The OPT record of most replies: no options, no extended RCODE.
const fn plain_opt(dnssec_ok: bool) -> &'static [u8] {
    const HIGH: u8 = UDP_SIZE.to_be_bytes()[0];
    const LOW: u8 = UDP_SIZE.to_be_bytes()[1];
    if dnssec_ok { &[0, 0, 41, HIGH, LOW, 0, 0, 0x80, 0, 0, 0] } else { &[0, 0, 41, HIGH, LOW, 0, 0, 0, 0, 0, 0] }
}

/// An OPT record (RFC 6891 §6.1.2) that repeats the client's DO bit (RFC 3225 §3).
pub(super) fn opt(dnssec_ok: bool, rcode_high: u8, options: [&[u8]; 2]) -> Opt {
    let [first, second] = options;
    let [size_high, size_low] = UDP_SIZE.to_be_bytes();
    let [length_high, length_low] = u16::try_from(first.len() + second.len()).unwrap_or(0).to_be_bytes();
    let dnssec_ok = u8::from(dnssec_ok) << 7;
    let mut opt =
        Opt::from_slice(&[0, 0, 41, size_high, size_low, rcode_high, 0, dnssec_ok, 0, length_high, length_low]);
    opt.extend_from_slice(first);
    opt.extend_from_slice(second);
    opt
}

/// The COOKIE option, or nothing.
pub(super) fn cookie_octets(cookie: &Option<[u8; COOKIE_OPTION]>) -> &[u8] {
    cookie.as_ref().map_or(&[], <[u8; COOKIE_OPTION]>::as_slice)
}
