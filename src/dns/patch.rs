//! A stored reply made one client's own, in place: ID, flags, the case of the question, TTLs, OPT.

use super::Header;

/// What differs from client to client about the same answer.
#[derive(Clone, Copy, Debug)]
pub struct Personal<'a> {
    /// The client's ID.
    pub id: u16,
    /// Header flags to set in addition to the stored ones: RD and CD as the client sent them.
    pub set: u16,
    /// Header flags to clear: AD when the client did not ask for it (RFC 6840 §5.8).
    pub clear: u16,
    /// QNAME in the client's case; as long as the stored one.
    pub qname: &'a [u8],
    /// Seconds since the reply was stored.
    pub age: u32,
    /// The most octets the client can take.
    pub limit: usize,
    /// An OPT record in wire form to append; empty for a client without EDNS.
    pub opt: &'a [u8],
}

/// How much of a stored reply was written, and its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// All of it.
    Whole(usize),
    /// The question alone, with TC set: the whole is over the limit. So may this be, with a long OPT.
    Cut(usize),
}

impl Fit {
    /// The octets written.
    pub const fn octets(self) -> usize {
        match self {
            Self::Whole(octets) | Self::Cut(octets) => octets,
        }
    }
}

/// Copies `stored` (a reply without OPT, its TTLs at `ttl_offsets`) into `out`, patched.
/// A reply over the limit is cut to its question with TC set. `None` when `out` is too small or `stored` is no reply.
pub fn personalise(stored: &[u8], ttl_offsets: &[u16], personal: &Personal<'_>, out: &mut [u8]) -> Option<Fit> {
    let question_end = Header::OCTETS + personal.qname.len() + 4;
    let whole = stored.len() + personal.opt.len() <= personal.limit;
    let kept = if whole { stored } else { stored.get(..question_end)? };
    let length = kept.len() + personal.opt.len();
    let out = out.get_mut(..length)?;
    let (body, opt) = out.split_at_mut_checked(kept.len())?;
    body.copy_from_slice(kept);
    opt.copy_from_slice(personal.opt);
    body.get_mut(Header::OCTETS..Header::OCTETS + personal.qname.len())?.copy_from_slice(personal.qname);

    let header = body.first_chunk_mut::<12>()?;
    let flags = (u16::from_be_bytes([header[2], header[3]]) | personal.set) & !personal.clear;
    let flags = if whole { flags } else { flags | Header::TC };
    header[..2].copy_from_slice(&personal.id.to_be_bytes());
    header[2..4].copy_from_slice(&flags.to_be_bytes());
    let stored_additionals = u16::from_be_bytes([header[10], header[11]]);
    let additionals = if whole { stored_additionals } else { 0 }.checked_add(u16::from(!personal.opt.is_empty()))?;
    header[10..].copy_from_slice(&additionals.to_be_bytes());
    if !whole {
        header[6..10].fill(0);
        return Some(Fit::Cut(length));
    }
    for &offset in ttl_offsets {
        let ttl = body.get_mut(usize::from(offset)..)?.first_chunk_mut::<4>()?;
        *ttl = u32::from_be_bytes(*ttl).saturating_sub(personal.age).to_be_bytes();
    }
    Some(Fit::Whole(length))
}

#[cfg(test)]
mod tests {
    use super::super::{
        Class, Message, MessageWriter, Question, Rcode, Rdatas, RecordType, RrSet, Section, Ttl, TtlOffsets,
    };
    use super::*;

    fn stored() -> (Vec<u8>, TtlOffsets) {
        let question = Question::new("www.example.com".parse().unwrap(), RecordType::A);
        let mut writer = MessageWriter::new(0, Header::QR | Header::RA | Header::AD, Rcode::NOERROR, 4096);
        writer.question(&question, Class::IN);
        let set = RrSet::new(
            question.name,
            RecordType::A,
            Ttl::from_secs(300),
            Rdatas::new([&[192, 0, 2, 1][..], &[192, 0, 2, 2]]).unwrap(),
        );
        writer.rrset(Section::Answer, &set, set.ttl, false);
        writer.finish()
    }

    const QNAME: &[u8] = b"\x03wWw\x07eXample\x03com\x00";
    const OPT: &[u8] = &[0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0];

    #[test]
    fn the_client_sees_its_own_id_case_and_ttl() {
        let (bytes, ttls) = stored();
        let personal =
            Personal { id: 77, set: Header::RD, clear: Header::AD, qname: QNAME, age: 299, limit: 1232, opt: OPT };
        let mut out = [0; 1232];
        let Some(Fit::Whole(length)) = personalise(&bytes, &ttls, &personal, &mut out) else { panic!("it fits") };
        let message = Message::parse(&out[..length]).unwrap();
        assert_eq!(message.header.id, 77);
        assert!(message.header.has(Header::RD) && !message.header.has(Header::AD) && message.header.has(Header::RA));
        assert_eq!(message.question.unwrap().0.name.to_string(), "wWw.eXample.com.");
        assert_eq!(message.answer.iter().map(|r| r.ttl.as_secs()).collect::<Vec<_>>(), [1, 1]);
        // The owner points at the question and so has the client's case too.
        assert_eq!(message.answer[0].owner.to_string(), "wWw.eXample.com.");
        assert!(message.edns.is_some());
    }

    #[test]
    fn too_large_means_truncated_and_nothing_but_the_question() {
        let (bytes, ttls) = stored();
        let personal =
            Personal { id: 1, set: 0, clear: 0, qname: QNAME, age: 0, limit: bytes.len() + OPT.len() - 1, opt: OPT };
        let mut out = [0; 1232];
        let Some(Fit::Cut(length)) = personalise(&bytes, &ttls, &personal, &mut out) else { panic!("it does not fit") };
        let message = Message::parse(&out[..length]).unwrap();
        assert!(message.header.has(Header::TC) && message.answer.is_empty() && message.edns.is_some());
    }
}
