//! A cursor over a packet that cannot be made to run in circles.
//!
//! Pointers lead strictly backwards; hops are counted per name and per message, because a limit per name
//! alone still lets one message cost millions of steps. No recursion, no allocation by a length from the wire.

use smallvec::SmallVec;

use super::layout::{Field, layout};
use super::{Bounds, Name, RecordType, WireError};

/// Pointer hops one name may take; 127 labels are all a name can have.
const MAX_HOPS_PER_NAME: u32 = 127;

/// RDATA with every name uncompressed.
pub type RdataBuf = SmallVec<[u8; 24]>;

/// Reads a packet from front to back.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    packet: &'a [u8],
    at: usize,
    /// Pointers that may still be followed.
    pointers: u32,
    /// Octets to which compressed names may still unfold.
    name_octets: u32,
}

impl<'a> Reader<'a> {
    /// Starts at `offset` of `packet`, within the bounds that are usual.
    pub const fn new(packet: &'a [u8], offset: usize) -> Self {
        Self::within(Bounds::DEFAULT, packet, offset)
    }

    /// Starts at `offset` of `packet`.
    pub const fn within(bounds: Bounds, packet: &'a [u8], offset: usize) -> Self {
        Self { packet, at: offset, pointers: bounds.pointers, name_octets: bounds.name_octets }
    }

    /// Where the cursor stands.
    pub const fn position(&self) -> usize {
        self.at
    }

    /// How many octets are left.
    pub const fn remaining(&self) -> usize {
        self.packet.len().saturating_sub(self.at)
    }

    /// The next `count` octets.
    ///
    /// # Errors
    /// [`WireError::Short`] when there are fewer.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let end = self.at.checked_add(count).ok_or(WireError::Short)?;
        let bytes = self.packet.get(self.at..end).ok_or(WireError::Short)?;
        self.at = end;
        Ok(bytes)
    }

    /// The next octet.
    ///
    /// # Errors
    /// [`WireError::Short`] at the end.
    pub fn u8(&mut self) -> Result<u8, WireError> {
        self.bytes(1)?.first().copied().ok_or(WireError::Short)
    }

    /// The next two octets.
    ///
    /// # Errors
    /// [`WireError::Short`] at the end.
    pub fn u16(&mut self) -> Result<u16, WireError> {
        self.bytes(2)?.try_into().map(u16::from_be_bytes).map_err(|_| WireError::Short)
    }

    /// The next four octets.
    ///
    /// # Errors
    /// [`WireError::Short`] at the end.
    pub fn u32(&mut self) -> Result<u32, WireError> {
        self.bytes(4)?.try_into().map(u32::from_be_bytes).map_err(|_| WireError::Short)
    }

    /// The next name, decompressed (RFC 1035 §4.1.4).
    ///
    /// # Errors
    /// [`WireError::BadName`], [`WireError::Short`], or [`WireError::TooManyPointers`] and [`WireError::TooManyNameOctets`] when
    /// the names read so far have used up what one message may cost.
    pub fn name(&mut self) -> Result<Name, WireError> {
        let (mut wire, mut filled) = ([0; Name::MAX_OCTETS], 0);
        let mut at = self.at;
        let mut segment = self.at;
        let mut end = None;
        let mut hops = 0;
        loop {
            let length = *self.packet.get(at).ok_or(WireError::Short)?;
            match length {
                0..64 => {
                    let next = at + usize::from(length) + 1;
                    let label = self.packet.get(at..next).ok_or(WireError::Short)?;
                    let place = wire.get_mut(filled..filled + label.len()).ok_or(WireError::BadName)?;
                    place.copy_from_slice(label);
                    (at, filled) = (next, filled + label.len());
                    if length == 0 {
                        let unfolded = if end.is_some() { filled as u32 } else { 0 };
                        self.name_octets =
                            self.name_octets.checked_sub(unfolded).ok_or(WireError::TooManyNameOctets)?;
                        self.at = end.unwrap_or(at);
                        let wire = wire.get(..filled).ok_or(WireError::BadName)?;
                        return Ok(Name::from_checked(wire));
                    }
                }
                0xc0.. => {
                    let low = *self.packet.get(at + 1).ok_or(WireError::Short)?;
                    let target = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                    end = end.or(Some(at + 2));
                    hops += 1;
                    if target >= segment || hops > MAX_HOPS_PER_NAME {
                        return Err(WireError::BadName);
                    }
                    self.pointers = self.pointers.checked_sub(1).ok_or(WireError::TooManyPointers)?;
                    (at, segment) = (target, target);
                }
                _ => return Err(WireError::BadName),
            }
        }
    }

    /// The next `length` octets as RDATA of `rtype`, its names decompressed and its shape checked.
    /// The cursor ends behind them whether or not they were well formed.
    ///
    /// # Errors
    /// [`WireError::Short`] when the packet has fewer octets; [`WireError::BadRdata`] when they do not fit the type; what
    /// [`Self::name`] says when names have used up what one message may cost.
    pub fn rdata(&mut self, rtype: RecordType, length: usize) -> Result<RdataBuf, WireError> {
        let start = self.at;
        let raw = self.bytes(length)?;
        let Some(fields) = layout(rtype) else { return Ok(RdataBuf::from_slice(raw)) };
        let end = self.at;
        let window = self.packet.get(..end).ok_or(WireError::Short)?;
        let mut inner = Reader { packet: window, at: start, ..*self };
        let read = inner.fields(fields);
        (self.pointers, self.name_octets) = (inner.pointers, inner.name_octets);
        match read {
            Ok(rdata) if inner.at == end => Ok(rdata),
            Err(error @ (WireError::TooManyPointers | WireError::TooManyNameOctets)) => Err(error),
            _ => Err(WireError::BadRdata),
        }
    }

    fn fields(&mut self, fields: &[Field]) -> Result<RdataBuf, WireError> {
        let mut out = RdataBuf::with_capacity(self.remaining());
        // All but names is copied as it is, what lies between two of them at once.
        let mut copied = self.at;
        for field in fields {
            match field {
                Field::CompressibleName | Field::Name => {
                    out.extend_from_slice(self.packet.get(copied..self.at).ok_or(WireError::Short)?);
                    out.extend_from_slice(self.name()?.wire());
                    copied = self.at;
                }
                Field::U8 => self.bytes(1).map(drop)?,
                Field::U16 | Field::Type => self.bytes(2).map(drop)?,
                Field::U32 | Field::Time | Field::Ipv4 => self.bytes(4).map(drop)?,
                Field::Ipv6 => self.bytes(16).map(drop)?,
                Field::Text | Field::HexCounted | Field::Base32Counted => self.counted()?,
                Field::Texts => {
                    self.counted()?;
                    while self.remaining() > 0 {
                        self.counted()?;
                    }
                }
                Field::Hex | Field::Base64 => self.bytes(self.remaining()).map(drop)?,
                Field::Bitmap => self.bitmap()?,
            }
        }
        out.extend_from_slice(self.packet.get(copied..self.at).ok_or(WireError::Short)?);
        Ok(out)
    }

    fn counted(&mut self) -> Result<(), WireError> {
        let length = self.u8()?;
        self.bytes(usize::from(length)).map(drop)
    }

    /// Windows in rising order, 1 to 32 octets each (RFC 4034 §4.1.2).
    fn bitmap(&mut self) -> Result<(), WireError> {
        let mut last = None;
        while self.remaining() > 0 {
            let (window, length) = (self.u8()?, self.u8()?);
            if last.is_some_and(|last| window <= last) || !(1..=32).contains(&length) {
                return Err(WireError::BadRdata);
            }
            last = Some(window);
            self.bytes(usize::from(length))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_lead_strictly_backwards() {
        // MEM-01: a pointer to itself, a forward pointer, a pair that loops, reserved label types.
        for packet in [&[0xc0, 0x00][..], &[0xc0, 0x02, 0x00], &[1, b'a', 0xc0, 0x00], &[0x40, 0], &[0x80, 0]] {
            assert_eq!(Reader::new(packet, 0).name(), Err(WireError::BadName), "{packet:?}");
        }
        assert_eq!(Reader::new(&[0xc0], 0).name(), Err(WireError::Short));
        assert_eq!(Reader::new(&[5, b'a'], 0).name(), Err(WireError::Short));
        let packet = [1, b'b', 0, 1, b'a', 0xc0, 0x00, 9];
        let mut reader = Reader::new(&packet, 3);
        assert_eq!(reader.name().unwrap().to_string(), "a.b.");
        assert_eq!(reader.position(), 7);
    }

    #[test]
    fn hops_are_counted_over_the_whole_message() {
        // MEM-02: every name is harmless by itself, together they are not.
        let mut packet = vec![1, b'x', 0];
        for i in 0..100u16 {
            let target = if i == 0 { 0 } else { 3 + (i - 1) * 2 };
            packet.extend_from_slice(&(0xc000 | target).to_be_bytes());
        }
        let last = packet.len() - 2;
        let mut reader = Reader::new(&packet, last);
        let read = (0..50)
            .map(|_| {
                reader.at = last;
                reader.name()
            })
            .find(Result::is_err);
        assert_eq!(read, Some(Err(WireError::TooManyPointers)));
    }

    #[test]
    fn bounds_are_those_that_were_given() {
        // Two names of three octets, by a pointer each; the second one stands in RDATA, whose bounds are the message's.
        let packet = [1, b'a', 0, 0xc0, 0x00, 0, 9, 0xc0, 0x00];
        let read = |pointers, name_octets| {
            let mut reader = Reader::within(Bounds { pointers, name_octets, ..Bounds::DEFAULT }, &packet, 3);
            reader.name().and_then(|_| reader.rdata(RecordType::MX, 4)).map(|rdata| rdata.len())
        };
        assert_eq!(read(2, 6), Ok(5));
        assert_eq!((read(1, 6), read(0, 6)), (Err(WireError::TooManyPointers), Err(WireError::TooManyPointers)));
        assert_eq!((read(2, 5), read(2, 2)), (Err(WireError::TooManyNameOctets), Err(WireError::TooManyNameOctets)));
        // Names that stand there in full are paid for in octets of the packet.
        assert!(Reader::within(Bounds { pointers: 0, name_octets: 0, ..Bounds::DEFAULT }, &packet, 0).name().is_ok());
    }

    #[test]
    fn names_over_255_octets_are_refused() {
        let mut packet = Vec::new();
        for _ in 0..127 {
            packet.extend_from_slice(&[1, b'a']);
        }
        packet.push(0);
        assert!(Reader::new(&packet, 0).name().is_ok());
        packet.splice(0..0, [1, b'b']);
        assert_eq!(Reader::new(&packet, 0).name(), Err(WireError::BadName));
    }

    #[test]
    fn rdata_must_fit_its_type() {
        assert_eq!(Reader::new(&[1, 2, 3], 0).rdata(RecordType::A, 3), Err(WireError::BadRdata));
        assert_eq!(Reader::new(&[1, 2, 3, 4, 5], 0).rdata(RecordType::A, 5), Err(WireError::BadRdata));
        assert_eq!(Reader::new(&[1, 2, 3, 4], 0).rdata(RecordType::A, 5), Err(WireError::Short));
        assert!(Reader::new(&[], 0).rdata(RecordType(65280), 0).unwrap().is_empty());
        // A name inside RDATA may not run past its end.
        assert_eq!(Reader::new(&[3, b'a', b'b', b'c', 0], 0).rdata(RecordType::NS, 3), Err(WireError::BadRdata));
    }
}
