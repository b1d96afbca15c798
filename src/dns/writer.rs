//! Messages to the wire: names compressed within bounds, RRsets whole or not at all.

use smallvec::SmallVec;

use super::layout::{Field, layout};
use super::{Class, Header, Name, Question, Rcode, Reader, Record, RecordType, RrSet, Section, Ttl};

/// Pointers reach no further than this offset (RFC 1035 §4.1.4).
const MAX_POINTER: usize = 0x3fff;
/// The pointer to the question's name, which follows the header.
const QUESTION: u16 = 0xc000 | Header::OCTETS as u16;

/// Where the TTLs of a message stand.
pub type TtlOffsets = SmallVec<[u16; 4]>;

/// Builds one message of at most `limit` octets.
#[derive(Debug)]
pub struct MessageWriter {
    buf: Vec<u8>,
    limit: usize,
    /// Octets of the question's name, while it is the only name.
    lone: usize,
    suffixes: Vec<(u64, u16)>,
    /// Look-ups that compression may still cost.
    lookups: u32,
    /// One was wanted when none was left.
    wants_lookups: bool,
    ttl_offsets: TtlOffsets,
    counts: [u16; 4],
}

impl MessageWriter {
    /// Look-ups for compression that one message may cost, as is usual; names beyond them are written in full, because each
    /// one may be compared with all before it.
    pub const LOOKUPS: u32 = 120;

    /// Starts a message with its header; counts are filled in by [`Self::finish`].
    pub fn new(id: u16, flags: u16, rcode: Rcode, limit: usize) -> Self {
        let mut buf = Vec::with_capacity(limit.min(512));
        buf.extend_from_slice(&id.to_be_bytes());
        buf.extend_from_slice(&(flags | u16::from(rcode.low())).to_be_bytes());
        buf.extend_from_slice(&[0; 8]);
        Self {
            buf,
            limit,
            lone: 0,
            suffixes: Vec::new(),
            lookups: Self::LOOKUPS,
            wants_lookups: false,
            ttl_offsets: TtlOffsets::new(),
            counts: [0; 4],
        }
    }

    /// The same message, whose names may cost so many look-ups.
    #[must_use]
    pub fn with_lookups(mut self, lookups: u32) -> Self {
        self.lookups = lookups;
        self
    }

    /// Whether names were written in full because no look-up was left.
    pub const fn wants_lookups(&self) -> bool {
        self.wants_lookups
    }

    /// Writes the question. Must come first.
    pub fn question(&mut self, question: &Question, class: Class) {
        self.lone = question.name.wire().len();
        self.buf.extend_from_slice(question.name.wire());
        self.u16(question.rtype.0);
        self.u16(class.0);
        self.add_count(0);
    }

    /// Writes a whole RRset with `ttl`, signatures last when `signed`; `false`, and nothing written, when it does not fit.
    pub fn rrset(&mut self, section: Section, rrset: &RrSet, ttl: Ttl, signed: bool) -> bool {
        let before = (self.buf.len(), self.suffixes.len(), self.ttl_offsets.len(), self.counts);
        for rdata in rrset.rdatas.iter() {
            self.head(&rrset.owner, rrset.rtype, Class::IN, ttl);
            self.data(section, rrset.rtype, rdata);
        }
        if signed {
            for rdata in rrset.signatures.iter() {
                self.head(&rrset.owner, RecordType::RRSIG, Class::IN, ttl);
                self.data(section, RecordType::RRSIG, rdata);
            }
        }
        let fits = self.buf.len() <= self.limit;
        if !fits {
            self.buf.truncate(before.0);
            self.suffixes.truncate(before.1);
            self.ttl_offsets.truncate(before.2);
            self.counts = before.3;
        }
        fits
    }

    /// Writes one record whatever the size.
    pub fn record(&mut self, section: Section, record: &Record) {
        self.head(&record.owner, record.rtype, record.class, record.ttl);
        self.data(section, record.rtype, &record.rdata);
    }

    /// Writes OPT (RFC 6891 §6.1.2) with `options` already in wire form. Must come last.
    pub fn opt(&mut self, udp_size: u16, rcode: Rcode, dnssec_ok: bool, options: &[u8]) {
        self.buf.push(0);
        self.u16(RecordType::OPT.0);
        self.u16(udp_size);
        self.buf.extend_from_slice(&[rcode.high(), 0, if dnssec_ok { 0x80 } else { 0 }, 0]);
        self.u16(u16::try_from(options.len()).unwrap_or(0));
        self.buf.extend_from_slice(options);
        self.add_count(3);
    }

    /// Sets header flags that were not known at the start, such as TC.
    pub fn set_flags(&mut self, flags: u16) {
        let old = Reader::new(&self.buf, 2).u16().unwrap_or(0);
        self.put_u16(2, old | flags);
    }

    /// How many octets the message has so far.
    pub fn len(&self) -> usize {
        self.buf.len()
    }

    /// Whether nothing was written; never, the header comes first.
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// The finished message and the offsets of its TTLs.
    pub fn finish(mut self) -> (Vec<u8>, TtlOffsets) {
        for (i, count) in self.counts.into_iter().enumerate() {
            self.put_u16(4 + 2 * i, count);
        }
        (self.buf, self.ttl_offsets)
    }

    fn head(&mut self, owner: &Name, rtype: RecordType, class: Class, ttl: Ttl) {
        self.name(owner, true);
        self.u16(rtype.0);
        self.u16(class.0);
        self.ttl_offsets.extend(u16::try_from(self.buf.len()).ok());
        self.buf.extend_from_slice(&ttl.as_secs().to_be_bytes());
    }

    fn data(&mut self, section: Section, rtype: RecordType, rdata: &[u8]) {
        let length_at = self.buf.len();
        self.u16(0);
        self.rdata(rtype, rdata);
        let length = u16::try_from(self.buf.len() - length_at - 2).unwrap_or(u16::MAX);
        self.put_u16(length_at, length);
        self.add_count(section_index(section));
    }

    fn add_count(&mut self, index: usize) {
        if let Some(count) = self.counts.get_mut(index) {
            *count = count.saturating_add(1);
        }
    }

    fn u16(&mut self, value: u16) {
        self.buf.extend_from_slice(&value.to_be_bytes());
    }

    fn put_u16(&mut self, at: usize, value: u16) {
        if let Some(place) = self.buf.get_mut(at..at + 2) {
            place.copy_from_slice(&value.to_be_bytes());
        }
    }

    fn rdata(&mut self, rtype: RecordType, rdata: &[u8]) {
        let compressible = layout(rtype).filter(|fields| fields.contains(&Field::CompressibleName));
        let Some(fields) = compressible else {
            self.buf.extend_from_slice(rdata);
            return;
        };
        let mut reader = Reader::new(rdata, 0);
        for field in fields {
            let fixed = match field {
                Field::CompressibleName => {
                    if let Ok(name) = reader.name() {
                        self.name(&name, true);
                    }
                    continue;
                }
                Field::U16 => 2,
                _ => 4,
            };
            self.buf.extend_from_slice(reader.bytes(fixed).unwrap_or_default());
        }
    }

    fn name(&mut self, name: &Name, compress: bool) {
        if compress && self.is_lone(name) {
            return self.u16(QUESTION);
        }
        self.index_question();
        let mut rest = name.wire();
        while let Some((&length, tail)) = rest.split_first() {
            if length == 0 {
                break;
            }
            if compress && self.may_look_up() {
                let hash = suffix_hash(rest);
                if let Some(offset) = self.find(hash, rest) {
                    self.u16(0xc000 | offset);
                    return;
                }
                if self.buf.len() <= MAX_POINTER {
                    self.suffixes.extend(u16::try_from(self.buf.len()).ok().map(|offset| (hash, offset)));
                }
            }
            let (label, after) = tail.split_at_checked(usize::from(length)).unwrap_or((tail, &[]));
            self.buf.push(length);
            self.buf.extend_from_slice(label);
            rest = after;
        }
        self.buf.push(0);
    }

    /// Pays for one look-up, if one is left.
    fn may_look_up(&mut self) -> bool {
        let left = self.lookups.checked_sub(1);
        self.wants_lookups |= left.is_none();
        self.lookups = left.unwrap_or(0);
        left.is_some()
    }

    /// Whether `name` is that of the question, and no other was written: most replies need no look-up at all.
    fn is_lone(&self, name: &Name) -> bool {
        let asked = self.buf.get(Header::OCTETS..Header::OCTETS + self.lone);
        self.lone > 1 && asked.is_some_and(|asked| asked.eq_ignore_ascii_case(name.wire()))
    }

    /// Makes the question's name known to look-ups.
    fn index_question(&mut self) {
        let mut at = Header::OCTETS;
        let end = at + std::mem::take(&mut self.lone);
        while let Some((&length @ 1.., _)) = self.buf.get(at..end).and_then(<[u8]>::split_first) {
            let hash = suffix_hash(self.buf.get(at..end).unwrap_or_default());
            self.suffixes.extend(u16::try_from(at).ok().map(|offset| (hash, offset)));
            at += usize::from(length) + 1;
        }
    }

    /// An earlier place where the same suffix stands; the bytes are compared, a hash alone proves nothing.
    fn find(&self, hash: u64, suffix: &[u8]) -> Option<u16> {
        let same = |offset: u16| {
            Reader::new(&self.buf, usize::from(offset))
                .name()
                .is_ok_and(|name| name.wire().eq_ignore_ascii_case(suffix))
        };
        self.suffixes.iter().find(|(known, offset)| *known == hash && same(*offset)).map(|(_, offset)| *offset)
    }
}

const fn section_index(section: Section) -> usize {
    match section {
        Section::Answer => 1,
        Section::Authority => 2,
        Section::Additional => 3,
    }
}

/// FNV-1a over the lower-cased suffix; collisions only cost a comparison, and look-ups are bounded.
fn suffix_hash(suffix: &[u8]) -> u64 {
    suffix.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What a query to another server says beside its question.
#[derive(Clone, Copy, Debug, Default)]
pub struct QueryFlags {
    /// Recursion desired.
    pub recursion_desired: bool,
    /// Checking disabled.
    pub checking_disabled: bool,
    /// The UDP payload size announced in OPT; no OPT when absent.
    pub edns: Option<u16>,
    /// DNSSEC OK, in OPT.
    pub dnssec_ok: bool,
}

/// A query: header, question in the case given, and perhaps OPT.
pub fn write_query(id: u16, question: &Question, flags: QueryFlags) -> SmallVec<[u8; 64]> {
    let rd = if flags.recursion_desired { Header::RD } else { 0 };
    let cd = if flags.checking_disabled { Header::CD } else { 0 };
    let ([id_high, id_low], [high, low]) = (id.to_be_bytes(), (rd | cd).to_be_bytes());
    let additional = u8::from(flags.edns.is_some());
    let mut query = SmallVec::new();
    query.extend_from_slice(&[id_high, id_low, high, low, 0, 1, 0, 0, 0, 0, 0, additional]);
    query.extend_from_slice(question.name.wire());
    let ([high, low], [class_high, class_low]) = (question.rtype.0.to_be_bytes(), Class::IN.0.to_be_bytes());
    query.extend_from_slice(&[high, low, class_high, class_low]);
    if let Some(udp_size) = flags.edns {
        let ([high, low], [opt_high, opt_low]) = (udp_size.to_be_bytes(), RecordType::OPT.0.to_be_bytes());
        let dnssec_ok = u8::from(flags.dnssec_ok) << 7;
        query.extend_from_slice(&[0, opt_high, opt_low, high, low, 0, 0, dnssec_ok, 0, 0, 0]);
    }
    query
}

#[cfg(test)]
mod tests {
    use super::super::{Message, Rdatas};
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let question = Question::new(name("www.example.com"), RecordType::MX);
        let mut writer = MessageWriter::new(7, Header::QR | Header::AA, Rcode::NOERROR, 512);
        writer.question(&question, Class::IN);
        let mut mx = vec![0, 10];
        mx.extend_from_slice(name("mail.example.com").wire());
        let set = RrSet::new(
            name("www.example.com"),
            RecordType::MX,
            Ttl::from_secs(60),
            Rdatas::new([mx.as_slice()]).unwrap(),
        );
        assert!(writer.rrset(Section::Answer, &set, set.ttl, false));
        writer.opt(1232, Rcode::BADVERS, true, &[]);
        let (bytes, ttls) = writer.finish();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.question, Some((question, Class::IN)));
        assert_eq!(message.rcode(), Rcode::BADVERS);
        let [record] = message.answer.as_slice() else { panic!("one answer") };
        assert_eq!(record.rdata.as_slice(), mx.as_slice());
        assert_eq!(record.owner, set.owner);
        assert_eq!(&bytes[usize::from(ttls[0])..][..4], [0, 0, 0, 60]);
        // Owner: two octets of pointer; exchange: `mail` and a pointer.
        assert_eq!(bytes.len(), 12 + 17 + 4 + (2 + 10 + 2 + 7) + 11);
    }

    #[test]
    fn an_rrset_is_never_split() {
        let mut writer = MessageWriter::new(1, Header::QR, Rcode::NOERROR, 60);
        let question = Question::new(name("a.test"), RecordType::A);
        writer.question(&question, Class::IN);
        let rdatas: Vec<[u8; 4]> = (0..9).map(|i| [10, 0, 0, i]).collect();
        let set = RrSet::new(
            question.name.clone(),
            RecordType::A,
            Ttl::ZERO,
            Rdatas::new(rdatas.iter().map(<[u8; 4]>::as_slice)).unwrap(),
        );
        let before = writer.len();
        assert!(!writer.rrset(Section::Answer, &set, set.ttl, false));
        assert_eq!(writer.len(), before);
        assert!(Message::parse(&writer.finish().0).unwrap().answer.is_empty());
    }

    #[test]
    fn names_are_looked_up_as_often_as_may_be() {
        let written = |lookups| {
            let mut writer = MessageWriter::new(1, Header::QR, Rcode::NOERROR, 512).with_lookups(lookups);
            let question = Question::new(name("a.test"), RecordType::NS);
            writer.question(&question, Class::IN);
            let servers = [name("b.test"), name("c.test")];
            let data = Rdatas::new(servers.iter().map(Name::wire)).unwrap();
            writer.rrset(
                Section::Answer,
                &RrSet::new(question.name, RecordType::NS, Ttl::ZERO, data),
                Ttl::ZERO,
                false,
            );
            let wants = writer.wants_lookups();
            let (bytes, _) = writer.finish();
            assert_eq!(
                Message::parse(&bytes).unwrap().answer.iter().map(|r| r.rdata.len()).collect::<Vec<_>>(),
                [8, 8]
            );
            (wants, bytes.len())
        };
        // Two names of two look-ups each: `b` and `test`, `c` and `test`, once the question's name is not alone any more; one
        // more for each owner after that.
        let (wants, least) = written(MessageWriter::LOOKUPS);
        assert!(!wants);
        assert_eq!((written(5), written(4)), ((false, least), (true, least + 4)));
        assert!(written(0).0 && written(0).1 > least + 4);
    }

    #[test]
    fn a_query_is_as_small_as_it_can_be() {
        let question = Question::new(name("a.test"), RecordType::A);
        let query =
            write_query(0x1234, &question, QueryFlags { edns: Some(1232), dnssec_ok: true, ..QueryFlags::default() });
        let message = Message::parse(&query).unwrap();
        assert_eq!((message.header.id, message.header.flags), (0x1234, 0));
        assert_eq!(message.edns.map(|edns| (edns.udp_size, edns.dnssec_ok)), Some((1232, true)));
        assert_eq!(query.len(), 12 + 8 + 4 + 11);
    }
}
