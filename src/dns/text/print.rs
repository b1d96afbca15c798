//! From RDATA to text, as `dig` prints it.

use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::{BASE32HEX_NOPAD, BASE64, HEXUPPER};

use super::super::layout::{Field, layout};
use super::time::time_to_text;
use super::{Generic, Name, RecordType, other, rdata_from_text};
use crate::dns::Reader;

/// The RDATA of a record of `rtype` in presentation format; `\# length hex` when it is malformed or opaque.
pub fn rdata_to_text(rtype: RecordType, rdata: &[u8]) -> String {
    let text = match layout(rtype) {
        Some(fields) => print(fields, rdata),
        None => other::print(rtype, rdata),
    };
    // What would not read back as the same octets is not said in words at all.
    let faithful =
        |text: &String| rdata_from_text(rtype, text, &Name::root()).is_ok_and(|read| read.as_slice() == rdata);
    text.filter(faithful).unwrap_or_else(|| Generic(rdata).to_string())
}

/// `octets` as a quoted string.
pub(super) fn quote(octets: &[u8], out: &mut String) -> fmt::Result {
    out.push('"');
    for &octet in octets {
        match octet {
            b'"' | b'\\' => write!(out, "\\{}", char::from(octet))?,
            0x20..=0x7e => out.push(char::from(octet)),
            _ => write!(out, "\\{octet:03}")?,
        }
    }
    out.push('"');
    Ok(())
}

/// `None` when the octets do not fit the fields.
fn print(fields: &[Field], rdata: &[u8]) -> Option<String> {
    let mut reader = Reader::new(rdata, 0);
    let mut out = String::new();
    for field in fields {
        if !out.is_empty() && reader.remaining() > 0 {
            out.push(' ');
        }
        print_field(*field, &mut reader, &mut out)?;
    }
    (reader.remaining() == 0).then_some(out)
}

fn print_field(field: Field, reader: &mut Reader<'_>, out: &mut String) -> Option<()> {
    match field {
        Field::CompressibleName | Field::Name => write!(out, "{}", reader.name().ok()?),
        Field::U8 => write!(out, "{}", reader.u8().ok()?),
        Field::U16 => write!(out, "{}", reader.u16().ok()?),
        Field::U32 => write!(out, "{}", reader.u32().ok()?),
        Field::Time => write!(out, "{}", time_to_text(reader.u32().ok()?)),
        Field::Type => write!(out, "{}", RecordType(reader.u16().ok()?)),
        Field::Ipv4 => write!(out, "{}", Ipv4Addr::from(<[u8; 4]>::try_from(reader.bytes(4).ok()?).ok()?)),
        Field::Ipv6 => write!(out, "{}", Ipv6Addr::from(<[u8; 16]>::try_from(reader.bytes(16).ok()?).ok()?)),
        Field::Text => quote(counted(reader)?, out),
        Field::Texts => return texts(reader, out),
        Field::HexCounted => write!(out, "{}", dash(&HEXUPPER.encode(counted(reader)?))),
        Field::Base32Counted => write!(out, "{}", dash(&BASE32HEX_NOPAD.encode(counted(reader)?))),
        Field::Hex => write!(out, "{}", HEXUPPER.encode(reader.bytes(reader.remaining()).ok()?)),
        Field::Base64 => write!(out, "{}", BASE64.encode(reader.bytes(reader.remaining()).ok()?)),
        Field::Bitmap => return bitmap(reader, out),
    }
    .ok()
}

fn counted<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = reader.u8().ok()?;
    reader.bytes(usize::from(length)).ok()
}

const fn dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn texts(reader: &mut Reader<'_>, out: &mut String) -> Option<()> {
    quote(counted(reader)?, out).ok()?;
    while reader.remaining() > 0 {
        out.push(' ');
        quote(counted(reader)?, out).ok()?;
    }
    Some(())
}

fn bitmap(reader: &mut Reader<'_>, out: &mut String) -> Option<()> {
    let mut separator = "";
    while reader.remaining() > 0 {
        let window = reader.u8().ok()?;
        for (octet, number) in counted(reader)?.iter().zip(0u8..) {
            for bit in (0..8u8).filter(|bit| octet & (0x80 >> bit) != 0) {
                let low = number.checked_mul(8)?.checked_add(bit)?;
                write!(out, "{separator}{}", RecordType(u16::from_be_bytes([window, low]))).ok()?;
                separator = " ";
            }
        }
    }
    Some(())
}
