//! A client's packet at a glance: header, question, OPT — borrowed, nothing allocated.
//!
//! Whatever is not a plain query earns an early reply or silence here (RFC 1035 §4.1, RFC 6891, RFC 9619).

use super::edns::option;
use super::{Bounds, Class, Edns, Header, Name, Opcode, Question, Rcode, Reader, RecordType, WireError};

/// A client's query, borrowed from its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peeked<'a> {
    /// The header.
    pub header: Header,
    /// QNAME in wire form, in the client's case; checked.
    pub qname: &'a [u8],
    /// QTYPE.
    pub qtype: RecordType,
    /// QCLASS.
    pub qclass: Class,
    /// OPT, when there is one.
    pub edns: Option<PeekedEdns<'a>>,
}

/// A client's OPT record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeekedEdns<'a> {
    /// The UDP payload size the client can take, in octets; at least 512 (RFC 6891 §6.2.3).
    pub udp_size: u16,
    /// The EDNS version; only 0 exists.
    pub version: u8,
    /// DNSSEC OK.
    pub dnssec_ok: bool,
    /// The value of the first COOKIE option.
    pub cookie: Option<&'a [u8]>,
    /// The value of the first option that holds a [`super::Trail`].
    pub trail: Option<&'a [u8]>,
    /// Whether there were more options than are looked at.
    pub has_more: bool,
}

impl Peeked<'_> {
    /// The question, copied out of the packet.
    pub fn question(&self) -> Option<Question> {
        Name::from_wire(self.qname).ok().map(|name| Question::new(name, self.qtype))
    }

    /// The octets of header and question: what every reply repeats.
    pub const fn question_end(&self) -> usize {
        Header::OCTETS + self.qname.len() + 4
    }

    /// Whether the client wants DNSSEC records.
    pub fn dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec_ok)
    }
}

/// Why a packet gets no ordinary answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswerable {
    /// No reply at all: too short for a header, or itself a response (two servers must never talk in circles).
    Silence,
    /// A reply with this code; the question is repeated when it could be read.
    Reply(Rcode),
}

/// Reads a client's packet, as many of its EDNS options as is usual.
///
/// # Errors
/// [`Unanswerable`] when the packet is not one well-formed standard query.
pub fn peek(packet: &[u8]) -> Result<Peeked<'_>, Unanswerable> {
    peek_within(|| Bounds::DEFAULT.options, packet)
}

/// The same, and so many of its EDNS options; how many is asked when there are some.
///
/// # Errors
/// [`Unanswerable`] when the packet is not one well-formed standard query.
pub fn peek_within(options: impl Fn() -> u32, packet: &[u8]) -> Result<Peeked<'_>, Unanswerable> {
    let header = Header::parse(packet).map_err(|_| Unanswerable::Silence)?;
    if header.has(Header::QR) {
        return Err(Unanswerable::Silence);
    }
    if header.opcode() != Opcode::QUERY {
        return Err(Unanswerable::Reply(Rcode::NOTIMP));
    }
    let [questions, answers, authorities, additionals] = header.counts;
    // Two additional records: OPT and a transaction signature.
    if questions != 1 || answers != 0 || authorities != 0 || additionals > 2 || header.has(Header::TC) {
        return Err(Unanswerable::Reply(Rcode::FORMERR));
    }
    read(&options, packet, header).map_err(|_| Unanswerable::Reply(Rcode::FORMERR))
}

fn read<'a>(options: &impl Fn() -> u32, packet: &'a [u8], header: Header) -> Result<Peeked<'a>, WireError> {
    let mut reader = Reader::new(packet, Header::OCTETS);
    let qname = plain_name(packet, &mut reader)?;
    let (qtype, qclass) = (RecordType(reader.u16()?), Class(reader.u16()?));
    let mut edns = None;
    for _ in 0..header.counts[3] {
        let root = reader.u8()? == 0;
        if !root {
            // A key name (TSIG): uncompressed by RFC 8945 §4.2, and nothing that we use.
            reader = Reader::new(packet, reader.position() - 1);
            plain_name(packet, &mut reader)?;
        }
        let (rtype, class, ttl, length) = (RecordType(reader.u16()?), reader.u16()?, reader.u32()?, reader.u16()?);
        let rdata = reader.bytes(usize::from(length))?;
        if rtype == RecordType::OPT {
            if edns.is_some() || !root {
                return Err(WireError::BadOpt);
            }
            edns = Some(read_opt(options, (class, ttl), rdata)?);
        }
    }
    if reader.remaining() > 0 {
        return Err(WireError::Trailing);
    }
    Ok(Peeked { header, qname, qtype, qclass, edns })
}

/// A name without compression: there is nothing before it that a pointer could mean.
fn plain_name<'a>(packet: &'a [u8], reader: &mut Reader<'a>) -> Result<&'a [u8], WireError> {
    let start = reader.position();
    loop {
        match reader.u8()? {
            0 => break,
            length @ 1..64 => drop(reader.bytes(usize::from(length))?),
            _ => return Err(WireError::BadName),
        }
        if reader.position() - start >= Name::MAX_OCTETS {
            return Err(WireError::BadName);
        }
    }
    packet.get(start..reader.position()).ok_or(WireError::Short)
}

fn read_opt<'a>(
    options: &impl Fn() -> u32,
    (class, ttl): (u16, u32),
    rdata: &'a [u8],
) -> Result<PeekedEdns<'a>, WireError> {
    let [_, version, flags, _] = ttl.to_be_bytes();
    // RFC 6891 §6.1.3: another version is owed BADVERS; what its options look like is that version's affair.
    let Options { cookie, trail, has_more } = if rdata.is_empty() || version > 0 {
        Options { cookie: None, trail: None, has_more: false }
    } else {
        read_options(options(), rdata)?
    };
    Ok(PeekedEdns { udp_size: class.max(512), version, dnssec_ok: flags & 0x80 != 0, cookie, trail, has_more })
}

/// Those options of a client that say something.
struct Options<'a> {
    cookie: Option<&'a [u8]>,
    trail: Option<&'a [u8]>,
    has_more: bool,
}

/// The first `most` options. Most queries have none.
#[inline(never)]
fn read_options(most: u32, rdata: &[u8]) -> Result<Options<'_>, WireError> {
    let (mut cookie, mut trail) = (None, None);
    let mut reader = Reader::new(rdata, 0);
    for _ in 0..most {
        if reader.remaining() == 0 {
            break;
        }
        let (code, value) = option(&mut reader)?;
        if code == Edns::COOKIE && cookie.is_none() {
            cookie = Some(value);
        } else if code == Edns::TRAIL && trail.is_none() {
            trail = Some(value);
        }
    }
    Ok(Options { cookie, trail, has_more: reader.remaining() > 0 })
}

#[cfg(test)]
mod tests {
    use super::super::{QueryFlags, write_query};
    use super::*;

    fn query() -> Vec<u8> {
        let question = Question::new("WwW.example.com".parse().unwrap(), RecordType::A);
        write_query(
            9,
            &question,
            QueryFlags { recursion_desired: true, edns: Some(4096), dnssec_ok: true, ..QueryFlags::default() },
        )
        .to_vec()
    }

    #[test]
    fn a_plain_query_is_seen_whole() {
        let packet = query();
        let peeked = peek(&packet).unwrap();
        assert_eq!(peeked.question().unwrap().to_string(), "WwW.example.com. A");
        assert_eq!(peeked.edns.map(|e| (e.udp_size, e.version, e.dnssec_ok, e.cookie)), Some((4096, 0, true, None)));
        assert_eq!(peeked.question_end(), 12 + 17 + 4);
    }

    #[test]
    fn responses_and_stumps_get_silence() {
        let mut packet = query();
        packet[2] |= 0x80;
        assert_eq!(peek(&packet), Err(Unanswerable::Silence));
        assert_eq!(peek(&packet[..11]), Err(Unanswerable::Silence));
        assert_eq!(peek(&[]), Err(Unanswerable::Silence));
    }

    #[test]
    fn what_is_no_single_question_is_a_format_error() {
        let broken: [fn(&mut Vec<u8>); 8] = [
            |p| p[5] = 2,
            |p| p[5] = 0,
            |p| p[7] = 1,
            |p| p[9] = 1,
            |p| p[11] = 3,
            |p| p[2] |= 0x02,
            |p| p.push(0),
            |p| p[12] = 0xc0,
        ];
        for breaks in broken {
            let mut packet = query();
            breaks(&mut packet);
            assert_eq!(peek(&packet), Err(Unanswerable::Reply(Rcode::FORMERR)));
        }
        for length in 12..query().len() {
            assert_eq!(peek(&query()[..length]), Err(Unanswerable::Reply(Rcode::FORMERR)), "cut at {length}");
        }
    }

    #[test]
    fn two_opt_records_are_a_format_error() {
        // RFC 6891 §6.1.1.
        let mut packet = query();
        let opt = packet[packet.len() - 11..].to_vec();
        packet.extend_from_slice(&opt);
        packet[11] = 2;
        assert_eq!(peek(&packet), Err(Unanswerable::Reply(Rcode::FORMERR)));
    }

    #[test]
    fn options_of_another_version_are_not_read() {
        // RFC 6891 §6.1.3: BADVERS is owed, whatever the options look like to those who know version 0 only.
        let mut packet = query();
        let opt = packet.len() - 11;
        packet[opt + 10] = 3;
        packet.extend_from_slice(&[0xff, 0xff, 0xff]);
        assert_eq!(peek(&packet), Err(Unanswerable::Reply(Rcode::FORMERR)));
        packet[opt + 6] = 1;
        assert_eq!(peek(&packet).unwrap().edns.map(|edns| edns.version), Some(1));
    }

    #[test]
    fn so_many_options_are_looked_at() {
        let mut packet = query();
        let length = packet.len();
        packet[length - 1] = 16;
        packet.extend([0, 3, 0, 0, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
        let seen = |options| peek_within(|| options, &packet).unwrap().edns.map(|edns| (edns.cookie, edns.has_more));
        assert_eq!(seen(2), Some((Some(&[1, 2, 3, 4, 5, 6, 7, 8][..]), false)));
        assert_eq!((seen(1), seen(0)), (Some((None, true)), Some((None, true))));
    }

    #[test]
    fn other_opcodes_are_not_implemented() {
        let mut packet = query();
        packet[2] |= 5 << 3;
        assert_eq!(peek(&packet), Err(Unanswerable::Reply(Rcode::NOTIMP)));
    }
}
