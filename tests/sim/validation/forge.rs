//! Forged replies: records signed by the keys of a zone of [`Tree`], or by nobody, in place of what a server would say.

use burdock::dns::{Class, Header, Name, Rcode, Rdatas, Record, RecordType, RrSet, Ttl, read_zone};
use burdock::playground::{Behaviour, Draft, Query, Rrsig, Signed, Signer, SigningKey, Window, records, set_rcode};

use crate::support::{EPOCH, name};

/// One set from its lines, names absolute.
pub fn set(lines: &str) -> RrSet {
    let read = read_zone(lines, &Name::root(), Ttl::from_secs(3600)).unwrap();
    let first = &read[0];
    let rdatas = Rdatas::new(read.iter().map(|record| &record.rdata[..])).unwrap();
    RrSet::new(first.owner.clone(), first.rtype, first.ttl, rdatas)
}

/// The set as its lines say, without signature.
pub fn bare(lines: &str) -> Vec<Record> {
    records(&set(lines), Signed::Yes)
}

/// The key by which [`crate::support::Tree::sign`] has the data of `zone` signed.
pub fn key_of(zone: &str) -> SigningKey {
    Signer::for_zone(&name(zone), Window::around(EPOCH)).unwrap().keys.pop().unwrap()
}

/// The set, signed by the zone of that name.
pub fn signed(zone: &str, lines: &str) -> Vec<Record> {
    signed_as(zone, &set(lines), |_| ())
}

/// The set, signed by the zone of that name after a change to the fields of the signature.
pub fn signed_as(zone: &str, set: &RrSet, change: impl FnOnce(&mut Rrsig)) -> Vec<Record> {
    let (key, window) = (key_of(zone), Window::around(EPOCH));
    let labels = set.owner.label_count() - usize::from(set.owner.is_wildcard());
    let mut rrsig = Rrsig {
        covered: set.rtype,
        algorithm: key.number,
        labels: u8::try_from(labels).unwrap(),
        original_ttl: set.ttl.as_secs(),
        expiration: window.expiration,
        inception: window.inception,
        tag: key.tag(),
        signer: name(zone),
        signature: Vec::new(),
    };
    change(&mut rrsig);
    rrsig.sign(set, &key).unwrap();
    let signatures = Rdatas::new([&rrsig.rdata()[..]]).unwrap();
    records(&RrSet { signatures, ..set.clone() }, Signed::Yes)
}

/// The SOA that every zone of [`crate::support::Tree`] has, signed by `zone`.
pub fn soa(zone: &str) -> Vec<Record> {
    let below = if zone == "." { String::new() } else { format!("{zone}.") };
    signed(
        zone,
        &format!("{below}. 300 SOA ns1.{below}. hostmaster.{below}. 1 7200 900 1209600 300").replace("..", "."),
    )
}

/// What a server says to one question in place of the truth.
#[derive(Clone)]
pub struct Lie {
    pub rcode: Rcode,
    pub answer: Vec<Record>,
    pub authority: Vec<Record>,
}

impl Lie {
    pub fn answer(answer: Vec<Record>) -> Self {
        Self { answer, ..Self::denial(Rcode::NOERROR, [Vec::new(), Vec::new()]) }
    }

    pub fn denial<const N: usize>(rcode: Rcode, authority: [Vec<Record>; N]) -> Self {
        Self { rcode, answer: Vec::new(), authority: authority.concat() }
    }

    /// Said to whoever asks for that name and type.
    pub fn to(self, owner: &str, rtype: RecordType) -> Behaviour {
        let owner = name(owner);
        self.when(move |query| query.name() == owner && query.rtype() == Some(rtype))
    }

    /// Said to whoever asks for that name, of whatever type.
    pub fn about(self, owner: &str) -> Behaviour {
        let owner = name(owner);
        self.when(move |query| query.name() == owner)
    }

    pub fn when(self, asked: impl Fn(&Query<'_>) -> bool + Send + Sync + 'static) -> Behaviour {
        Behaviour::edits(move |query, draft: &mut Draft| {
            if asked(query) {
                set_rcode(&mut draft.message, self.rcode);
                draft.message.header.flags |= Header::AA;
                draft.message.answer.clone_from(&self.answer);
                draft.message.authority.clone_from(&self.authority);
                draft.message.additional.clear();
            }
        })
    }
}

/// Adds records to the authority section of what is said about `owner`.
pub fn adds(owner: &str, more: Vec<Record>) -> Behaviour {
    let owner = name(owner);
    Behaviour::edits(move |query, draft: &mut Draft| {
        if query.name() == owner {
            draft.message.authority.extend(more.iter().cloned());
        }
    })
}

/// The same records with another TTL.
pub fn with_ttl(records: Vec<Record>, ttl: u32) -> Vec<Record> {
    records.into_iter().map(|record| Record { ttl: Ttl::from_secs(ttl), class: Class::IN, ..record }).collect()
}
