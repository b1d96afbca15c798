//! The chain that denies: NSEC (RFC 4034 §4) or NSEC3 (RFC 5155 §7.1) for every name that has a right to one.

use std::collections::{BTreeMap, BTreeSet};

use super::nsec3::Hashing;
use super::{Denials, SigningError};
use crate::dns::{Name, Rdatas, RecordType, RrSet, Ttl};
use crate::playground::zone::{Standing, Zone};

/// NSEC3: the span may hold unsigned delegations that have no record of their own (RFC 5155 §6).
const OPT_OUT: u8 = 1;
/// The TTL of NSEC3PARAM, which nobody but the zone's own servers reads.
const PARAMETER_TTL: Ttl = Ttl::ZERO;

/// Puts the chain into `zone`, which has none yet.
pub fn link(zone: &mut Zone, denials: &Denials) -> Result<(), SigningError> {
    let ttl = zone.denial().ok_or_else(|| SigningError::NoSoa(zone.apex().clone()))?.ttl;
    match denials {
        Denials::Nsec => link_names(zone, ttl),
        Denials::Nsec3(hashing) => link_hashes(zone, hashing, 0, ttl),
        Denials::Nsec3OptOut(hashing) => link_hashes(zone, hashing, OPT_OUT, ttl),
        Denials::None => Ok(()),
    }
}

fn link_names(zone: &mut Zone, ttl: Ttl) -> Result<(), SigningError> {
    let names: Vec<Name> = owners(zone).into_keys().collect();
    let nexts = names.iter().cycle().skip(1);
    for (name, next) in names.iter().zip(nexts) {
        let mut types = types(zone, name);
        types.extend([RecordType::RRSIG, RecordType::NSEC]);
        let rdata = [next.wire(), &bitmap(&types)].concat();
        zone.insert(RrSet::new(name.clone(), RecordType::NSEC, ttl, Rdatas::new([&rdata[..]])?));
    }
    Ok(())
}

fn link_hashes(zone: &mut Zone, hashing: &Hashing, flags: u8, ttl: Ttl) -> Result<(), SigningError> {
    let apex = zone.apex().clone();
    let parameters = Rdatas::new([&hashing.head(0)[..]])?;
    zone.insert(RrSet::new(apex.clone(), RecordType::NSEC3PARAM, PARAMETER_TTL, parameters));
    let mut links: BTreeMap<Vec<u8>, (Name, Vec<u8>)> = BTreeMap::new();
    for (name, standing) in owners(zone) {
        let mut types = types(zone, &name);
        let signed = standing == Standing::Authoritative || types.contains(&RecordType::DS);
        if !signed && flags == OPT_OUT {
            continue;
        }
        types.extend(signed.then_some(RecordType::RRSIG));
        // Empty non-terminals on the way have records too, without types (RFC 5155 §7.1).
        for above in name.ancestors().skip(1).take_while(|above| above.is_strictly_below(&apex)) {
            let hash = hashing.hash(&above);
            links.entry(hash).or_insert((hashing.owner(&above, &apex)?, Vec::new()));
        }
        links.insert(hashing.hash(&name), (hashing.owner(&name, &apex)?, bitmap(&types)));
    }
    let nexts: Vec<Vec<u8>> = links.keys().cycle().skip(1).take(links.len()).cloned().collect();
    for ((owner, bitmap), next) in links.into_values().zip(nexts) {
        let length = u8::try_from(next.len()).unwrap_or(0);
        let rdata = [&hashing.head(flags)[..], &[length], &next, &bitmap].concat();
        zone.insert(RrSet::new(owner, RecordType::NSEC3, ttl, Rdatas::new([&rdata[..]])?));
    }
    Ok(())
}

/// Every name with authoritative data or a delegation, in canonical order.
fn owners(zone: &Zone) -> BTreeMap<Name, Standing> {
    let owners = zone.rrsets().map(|set| (set.owner.clone(), zone.standing(&set.owner)));
    owners.filter(|(_, standing)| *standing != Standing::Occluded).collect()
}

/// The types that a denial says `name` has; at a cut those of the parent (RFC 4035 §2.3).
fn types(zone: &Zone, name: &Name) -> BTreeSet<RecordType> {
    let cut = zone.standing(name) == Standing::Cut;
    let mine = |rtype: &RecordType| !cut || [RecordType::NS, RecordType::DS].contains(rtype);
    zone.types(name).filter(mine).collect()
}

/// Type bit maps (RFC 4034 §4.1.2).
pub fn bitmap(types: &BTreeSet<RecordType>) -> Vec<u8> {
    let mut windows: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    for rtype in types {
        let [window, low] = rtype.0.to_be_bytes();
        let octets = windows.entry(window).or_default();
        let index = usize::from(low / 8);
        // Types come in order, so the last octet is never zero.
        octets.resize(index + 1, 0);
        if let Some(octet) = octets.get_mut(index) {
            *octet |= 0x80 >> (low % 8);
        }
    }
    let block = |(window, octets): (u8, Vec<u8>)| {
        let length = u8::try_from(octets.len()).unwrap_or(32);
        [&[window, length][..], &octets].concat()
    };
    windows.into_iter().flat_map(block).collect()
}
