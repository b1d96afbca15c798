//! Keys that stand in for keys of withdrawn algorithms.
//!
//! Old scripts are signed with DSA (RFC 8624 §3.1: MUST NOT validate), or with RSA of 512 bits. What DSA signed their authors
//! take for good, whatever its octets (`fake-sha1: yes`). Here the script is changed before it is played: an Ed25519 key
//! stands in for each such key, in DNSKEY, DS and anchors, and what it signed is signed anew. A DS with a wrong digest stays
//! wrong, times stay as they are, and an RSA key that signed what is changed by this gets a stand-in, too.

use burdock::dns::{Name, RdataBuf, Rdatas, Record, RecordType, RrSet};
use burdock::dnssec::{AnchorRecord, Anchors, Dnskey, Ds};
use burdock::playground::{Algorithm, Digest, Role, Rrsig, SigningKey};

use super::model::{Action, Entry, Scenario};
use super::words::Setup;

const ED25519: u8 = 15;

/// A key of the script, and what stands in for it.
struct StandIn {
    owner: Name,
    original: RdataBuf,
    key: SigningKey,
}

impl StandIn {
    fn new(owner: &Name, original: &RdataBuf) -> Option<Self> {
        let read = Dnskey::parse(original)?;
        // FNV-1a: a key is the same wherever and in whatever role it stands.
        let seed = read
            .public_key
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3));
        let mut key = SigningKey::new(Algorithm::Ed25519, Role::ZoneSigning, seed).ok()?;
        (key.flags, key.protocol) = (read.flags, read.protocol);
        Some(Self { owner: owner.clone(), original: original.clone(), key })
    }

    fn is(&self, owner: &Name, tag: u16, algorithm: u8) -> bool {
        self.owner == *owner
            && Dnskey::parse(&self.original).is_some_and(|key| key.tag() == tag && key.algorithm.0 == algorithm)
    }
}

/// Lets stand-ins play for the keys of withdrawn algorithms.
pub fn cast(scenario: &mut Scenario, setup: &mut Setup) {
    let anchors: Vec<Record> = records_of(&setup.resolver.dnssec.anchors);
    let mut cast: Vec<StandIn> = Vec::new();
    let sections: Vec<Vec<Record>> = sections(scenario).cloned().chain([anchors]).collect();
    engage(&mut cast, &sections, |record| Dnskey::parse(&record.rdata).is_some_and(is_withdrawn));
    loop {
        let signed: Vec<(Name, u16, u8)> =
            sections.iter().flat_map(|section| signers_of_changes(section, &cast)).collect();
        let before = cast.len();
        engage(&mut cast, &sections, |record| {
            let key = Dnskey::parse(&record.rdata);
            key.is_some_and(|key| {
                signed.iter().any(|(owner, tag, algorithm)| {
                    (owner, *tag, *algorithm) == (&record.owner, key.tag(), key.algorithm.0)
                })
            })
        });
        if cast.len() == before {
            break;
        }
    }
    for section in sections_mut(scenario) {
        rewrite(section, &cast);
    }
    let mut anchors = records_of(&setup.resolver.dnssec.anchors);
    rewrite(&mut anchors, &cast);
    let source = burdock::dnssec::Source::Builtin;
    let all = anchors.clone();
    for Record { owner, .. } in anchors {
        let of = all.iter().filter(|record| record.owner == owner);
        let of =
            of.map(|record| AnchorRecord { rtype: record.rtype, rdata: record.rdata.to_vec(), source: source.clone() });
        setup.resolver.dnssec.anchors.replace(&owner, of.collect());
    }
}

/// Moves signatures to what they cover: some scripts have them in another section of the same message.
pub fn gather(scenario: &mut Scenario) {
    for entry in scenario.ranges.iter_mut().flat_map(|range| &mut range.entries) {
        let message = &mut entry.message;
        let sections = [&mut message.answer, &mut message.authority, &mut message.additional];
        for from in 0..sections.len() {
            for index in (0..sections[from].len()).rev() {
                let record = sections[from][index].clone();
                let Some(rrsig) = Rrsig::parse(&record.rdata).filter(|_| record.rtype == RecordType::RRSIG) else {
                    continue;
                };
                let holds = |section: &Vec<Record>| {
                    section.iter().any(|set| set.owner == record.owner && set.rtype == rrsig.covered)
                };
                let to = sections.iter().position(|section| holds(section));
                if let Some(to) = to.filter(|_| !holds(sections[from])) {
                    sections[from].remove(index);
                    sections[to].push(record);
                }
            }
        }
    }
}

/// DSA, and RSA of less than 1024 bits.
fn is_withdrawn(key: Dnskey<'_>) -> bool {
    let exponent = key.public_key.first().map_or(0, |octets| usize::from(*octets) + 1);
    let modulus = key.public_key.len().saturating_sub(exponent);
    matches!(key.algorithm.0, 3 | 6) || matches!(key.algorithm.0, 5 | 7 | 8 | 10) && (1..128).contains(&modulus)
}

fn records_of(anchors: &Anchors) -> Vec<Record> {
    let of = |(owner, record): (&Name, &AnchorRecord)| Record {
        owner: owner.clone(),
        rtype: record.rtype,
        class: burdock::dns::Class::IN,
        ttl: burdock::dns::Ttl::ZERO,
        rdata: RdataBuf::from_slice(&record.rdata),
    };
    anchors.records().map(of).collect()
}

fn of_entry(entry: &mut Entry) -> Vec<&mut Vec<Record>> {
    vec![&mut entry.message.answer, &mut entry.message.authority, &mut entry.message.additional]
}

fn sections_mut(scenario: &mut Scenario) -> impl Iterator<Item = &mut Vec<Record>> {
    let steps = scenario.steps.iter_mut().flat_map(|step| match &mut step.action {
        Action::Query(_, entry)
        | Action::CheckAnswer(entry)
        | Action::CheckOutQuery(entry)
        | Action::Reply(_, entry) => of_entry(entry),
        Action::CheckAnchors(keys) => vec![&mut keys.records],
        _ => Vec::new(),
    });
    let ranges = scenario.ranges.iter_mut().flat_map(|range| &mut range.entries).flat_map(of_entry);
    ranges.chain(steps).chain([&mut scenario.anchor_file.records])
}

/// The sections of every message in the script.
pub fn sections(scenario: &mut Scenario) -> impl Iterator<Item = &Vec<Record>> {
    sections_mut(scenario).map(|section| &*section)
}

fn engage(cast: &mut Vec<StandIn>, sections: &[Vec<Record>], wanted: impl Fn(&Record) -> bool) {
    for record in sections.iter().flatten().filter(|record| record.rtype == RecordType::DNSKEY && wanted(record)) {
        if !cast.iter().any(|known| known.owner == record.owner && known.original == record.rdata) {
            cast.extend(StandIn::new(&record.owner, &record.rdata));
        }
    }
}

fn stand_in<'a>(cast: &'a [StandIn], owner: &Name, tag: u16, algorithm: u8) -> Option<&'a StandIn> {
    cast.iter().find(|known| known.is(owner, tag, algorithm))
}

/// Whether the record becomes another one.
fn changes(record: &Record, cast: &[StandIn]) -> bool {
    match record.rtype {
        RecordType::DNSKEY => cast.iter().any(|known| known.owner == record.owner && known.original == record.rdata),
        RecordType::DS => Ds::parse(&record.rdata).is_some_and(|ds| {
            matches!(ds.algorithm.0, 3 | 6) || stand_in(cast, &record.owner, ds.tag, ds.algorithm.0).is_some()
        }),
        _ => false,
    }
}

/// Who signed records that become others.
fn signers_of_changes<'a>(section: &'a [Record], cast: &'a [StandIn]) -> impl Iterator<Item = (Name, u16, u8)> + 'a {
    section.iter().filter(|record| record.rtype == RecordType::RRSIG).filter_map(move |record| {
        let rrsig = Rrsig::parse(&record.rdata)?;
        let covered = section.iter().filter(|set| set.owner == record.owner && set.rtype == rrsig.covered);
        covered.into_iter().any(|set| changes(set, cast)).then_some((rrsig.signer, rrsig.tag, rrsig.algorithm))
    })
}

fn rewrite(section: &mut [Record], cast: &[StandIn]) {
    for record in section.iter_mut() {
        match record.rtype {
            RecordType::DNSKEY => {
                let known = cast.iter().find(|known| known.owner == record.owner && known.original == record.rdata);
                if let Some(known) = known {
                    record.rdata = RdataBuf::from_slice(&known.key.dnskey());
                }
            }
            RecordType::DS => rewrite_ds(record, cast),
            _ => {}
        }
    }
    for index in 0..section.len() {
        let signed =
            (section[index].rtype == RecordType::RRSIG).then(|| sign_anew(&section[index], section, cast)).flatten();
        if let Some(rdata) = signed {
            section[index].rdata = RdataBuf::from_slice(&rdata);
        }
    }
}

fn rewrite_ds(record: &mut Record, cast: &[StandIn]) {
    let Some(ds) = Ds::parse(&record.rdata) else { return };
    let rdata = match stand_in(cast, &record.owner, ds.tag, ds.algorithm.0) {
        Some(known) => {
            let kind = match ds.digest_type.0 {
                2 => Digest::Sha256,
                4 => Digest::Sha384,
                _ => Digest::Sha1,
            };
            let mut rdata = known.key.ds(&record.owner, kind);
            rdata[3] = ds.digest_type.0;
            if !Dnskey::parse(&known.original).is_some_and(|key| ds.is_of(&record.owner, &key)) {
                rdata[4] ^= 1;
            }
            rdata
        }
        // The key exists nowhere.
        None if matches!(ds.algorithm.0, 3 | 6) => {
            let mut rdata = record.rdata.to_vec();
            rdata[2] = ED25519;
            rdata
        }
        None => return,
    };
    record.rdata = RdataBuf::from_slice(&rdata);
}

fn sign_anew(record: &Record, section: &[Record], cast: &[StandIn]) -> Option<Vec<u8>> {
    let mut rrsig = Rrsig::parse(&record.rdata)?;
    let Some(known) = stand_in(cast, &rrsig.signer, rrsig.tag, rrsig.algorithm) else {
        // Nobody has the key: nobody can check the signature either.
        return matches!(rrsig.algorithm, 3 | 6).then(|| Rrsig { algorithm: ED25519, ..rrsig }.rdata());
    };
    (rrsig.algorithm, rrsig.tag) = (ED25519, known.key.tag());
    let covered = section.iter().filter(|set| set.owner == record.owner && set.rtype == rrsig.covered);
    let rdatas = Rdatas::new(covered.map(|set| set.rdata.as_slice())).ok()?;
    let set = RrSet::new(record.owner.clone(), rrsig.covered, record.ttl, rdatas);
    rrsig.sign(&set, &known.key).ok()?;
    Some(rrsig.rdata())
}
