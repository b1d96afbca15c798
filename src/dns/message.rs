//! Whole messages from the wire: replies of other servers, read once, in bounds.

use super::reader::RdataBuf;
use super::{Bounds, Class, Edns, Name, Opcode, Question, Rcode, Reader, RecordType, Section, Ttl, WireError};

/// The shortest record: root owner, type, class, TTL, RDLENGTH.
const MIN_RECORD_OCTETS: usize = 11;

/// The twelve octets in front of every message (RFC 1035 §4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The ID that pairs query and reply.
    pub id: u16,
    /// QR, opcode, AA, TC, RD, RA, Z, AD, CD, RCODE.
    pub flags: u16,
    /// QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT.
    pub counts: [u16; 4],
}

impl Header {
    /// The size of a header in octets.
    pub const OCTETS: usize = 12;
    /// Response.
    pub const QR: u16 = 0x8000;
    /// Authoritative answer.
    pub const AA: u16 = 0x0400;
    /// Truncated.
    pub const TC: u16 = 0x0200;
    /// Recursion desired.
    pub const RD: u16 = 0x0100;
    /// Recursion available.
    pub const RA: u16 = 0x0080;
    /// Authentic data.
    pub const AD: u16 = 0x0020;
    /// Checking disabled.
    pub const CD: u16 = 0x0010;

    /// Reads the header of `packet`.
    ///
    /// # Errors
    /// [`WireError::Short`] when the packet has fewer than twelve octets.
    pub fn parse(packet: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(packet, 0);
        let (id, flags) = (reader.u16()?, reader.u16()?);
        Ok(Self { id, flags, counts: [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?] })
    }

    /// Whether the flag is set.
    pub const fn has(self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// The opcode.
    pub const fn opcode(self) -> Opcode {
        Opcode(((self.flags >> 11) & 0x0f) as u8)
    }

    /// The four RCODE bits of the header.
    pub const fn rcode(self) -> Rcode {
        Rcode(self.flags & 0x0f)
    }
}

/// One resource record, names uncompressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The owner name.
    pub owner: Name,
    /// The type.
    pub rtype: RecordType,
    /// The class.
    pub class: Class,
    /// The time to live.
    pub ttl: Ttl,
    /// The data.
    pub rdata: RdataBuf,
}

/// A message read from the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The header.
    pub header: Header,
    /// The question, and its class; `None` when QDCOUNT is zero.
    pub question: Option<(Question, Class)>,
    /// The answer section.
    pub answer: Vec<Record>,
    /// The authority section.
    pub authority: Vec<Record>,
    /// The additional section without OPT.
    pub additional: Vec<Record>,
    /// The OPT record.
    pub edns: Option<Edns>,
    /// How many records were left out because their RDATA does not fit their type.
    pub dropped: usize,
    /// How many of them stood in the answer section: what is left there is not the whole.
    pub dropped_answers: usize,
    /// The octets it had on the wire.
    pub octets: usize,
}

impl Message {
    /// Reads a whole message within the bounds that are usual. A record whose RDATA does not fit its type is left out and
    /// counted; a message that cannot be followed to its end is refused. Octets behind the last record are ignored.
    ///
    /// # Errors
    /// The first [`WireError`] met.
    pub fn parse(packet: &[u8]) -> Result<Self, WireError> {
        Self::within(Bounds::DEFAULT, packet)
    }

    /// The same within these bounds.
    ///
    /// # Errors
    /// The first [`WireError`] met.
    pub fn within(bounds: Bounds, packet: &[u8]) -> Result<Self, WireError> {
        let header = Header::parse(packet)?;
        let [questions, answers, authorities, additionals] = header.counts.map(usize::from);
        let mut reader = Reader::within(bounds, packet, Header::OCTETS);
        let question = match questions {
            0 => None,
            1 => Some(read_question(&mut reader)?),
            _ => return Err(WireError::BadQuestion),
        };
        if answers + authorities + additionals > bounds.records as usize {
            return Err(WireError::TooManyRecords);
        }
        let mut message = Self { question, ..Self::bare(header, packet.len()) };
        for (section, count) in
            [(Section::Answer, answers), (Section::Authority, authorities), (Section::Additional, additionals)]
        {
            message.read_section(&mut reader, (section, count), bounds)?;
        }
        Ok(message)
    }

    /// A message of which only the header counts, such as a truncated one.
    pub const fn bare(header: Header, octets: usize) -> Self {
        Self {
            header,
            question: None,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            edns: None,
            dropped: 0,
            dropped_answers: 0,
            octets,
        }
    }

    /// The response code, extended by OPT when there is one.
    pub fn rcode(&self) -> Rcode {
        let high = self.edns.as_ref().map_or(0, |edns| u16::from(edns.rcode_high) << 4);
        Rcode(self.header.rcode().0 | high)
    }

    fn read_section(
        &mut self,
        reader: &mut Reader<'_>,
        (section, count): (Section, usize),
        bounds: Bounds,
    ) -> Result<(), WireError> {
        if count > reader.remaining() / MIN_RECORD_OCTETS {
            return Err(WireError::Short);
        }
        let records = match section {
            Section::Answer => &mut self.answer,
            Section::Authority => &mut self.authority,
            Section::Additional => &mut self.additional,
        };
        records.reserve(count);
        for _ in 0..count {
            let owner = reader.name()?;
            let (rtype, class, ttl) = (RecordType(reader.u16()?), reader.u16()?, reader.u32()?);
            let length = usize::from(reader.u16()?);
            if rtype == RecordType::OPT {
                if self.edns.is_some() || !owner.is_root() || section != Section::Additional {
                    return Err(WireError::BadOpt);
                }
                self.edns = Some(Edns::within(bounds, (class, ttl), reader.bytes(length)?)?);
                continue;
            }
            match reader.rdata(rtype, length) {
                Ok(rdata) => {
                    records.push(Record { owner, rtype, class: Class(class), ttl: Ttl::from_wire(ttl), rdata })
                }
                Err(WireError::BadRdata) => {
                    self.dropped += 1;
                    self.dropped_answers += usize::from(section == Section::Answer);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn read_question(reader: &mut Reader<'_>) -> Result<(Question, Class), WireError> {
    let name = reader.name()?;
    let (rtype, class) = (RecordType(reader.u16()?), Class(reader.u16()?));
    Ok((Question { name, rtype }, class))
}
