//! The vocabulary: names, types, RRsets, messages — and nothing that waits, remembers or decides.
//!
//! Messages are read and written by this module itself (bounded, one pass, names decompressed once);
//! `hickory_proto` lends the presentation format of rarer types and is named nowhere else.

mod bounds;
mod class;
pub mod cookie;
mod cut;
mod ede;
mod edns;
mod error;
mod layout;
mod message;
mod name;
mod octets;
mod outcome;
mod patch;
mod peek;
mod question;
mod rcode;
mod reader;
mod record_type;
mod rrset;
mod security;
mod subtree;
mod svcb;
mod text;
mod time;
mod trail;
mod ttl;
mod writer;

pub use bounds::Bounds;
pub use class::Class;
pub use cut::{Delegation, NameServer, ZoneCut};
pub use ede::{Ede, EdeCode};
pub use edns::{Edns, EdnsOption};
pub use error::{Section, WireError};
pub use layout::{Field, layout};
pub use message::{Header, Message, Record};
pub use name::Name;
pub use octets::Octets;
pub use outcome::{Denial, Outcome};
pub use patch::{Fit, Personal, personalise};
pub use peek::{Peeked, PeekedEdns, Unanswerable, peek, peek_within};
pub use question::Question;
pub use rcode::{Opcode, Rcode};
pub use reader::{RdataBuf, Reader};
pub use record_type::RecordType;
pub use rrset::{Rdatas, RrSet};
pub use security::Security;
pub use subtree::Subtrees;
pub use svcb::address_hints;
pub use text::{
    Position, TextError, TextProblem, parse_ttl, rdata_from_text, rdata_to_text, read_records, read_zone,
    record_to_text, rrset_to_text, time_from_text, time_to_text, time_to_words,
};
pub use time::serial_time;
pub use trail::{Mark, Trail, mark};
pub use ttl::Ttl;
pub use writer::{MessageWriter, QueryFlags, TtlOffsets, write_query};
