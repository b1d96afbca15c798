//! A signed Internet in miniature: root, `test.`, and below it a zone for each state that validation can find.
//!
//! `secure.test.`, `nsec.test.` and `nsec3.test.` validate; `insecure.test.` has no DS; `bogus.test.` has a wrong
//! signature over `www`, `expired.test.` only old ones, and `unknown.test.` an algorithm that nobody has.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::internet::{Example, HEAD, address};
use super::signer::{Algorithm, Denials, Field, Flaw, Hashing, Signer, SigningError, Window};
use super::zone::{Zone, ZoneError};
use super::{Authority, Internet};
use crate::dns::{Name, NameServer, RecordType, RrSet};

/// What is worth asking once the resolver validates.
pub const SIGNED_EXAMPLES: &[Example] = &[
    Example { question: "www.secure.test", shows: "a signed zone: dig +dnssec shows AD and the signature" },
    Example { question: "nothing.nsec3.test", shows: "a name that is proven not to exist, by hashes (RFC 5155)" },
    Example { question: "www.insecure.test", shows: "a zone that is proven not to be signed: no AD" },
    Example {
        question: "www.bogus.test",
        shows: "a broken signature: SERVFAIL, and why; dig +cd shows the data all the same",
    },
];

/// Zones and those who sign them; [`Chain::build`] makes servers of it.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The zones, not signed, with the addresses of their servers.
    pub zones: BTreeMap<Name, (Zone, Vec<IpAddr>)>,
    /// The signers of those that are to be signed.
    pub signers: BTreeMap<Name, Signer>,
}

/// Why a signed Internet cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A zone's text is wrong.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// A zone cannot be signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

/// A zone below `test.`: its label, the last octet of its server 127.53.6.x, and its data beside what all have.
const ZONES: &[(&str, u8, &str)] = &[
    ("secure", 11, ""),
    ("nsec", 12, ""),
    ("nsec3", 13, ""),
    ("insecure", 14, ""),
    ("bogus", 15, ""),
    ("expired", 16, ""),
    ("unknown", 17, ""),
];

/// What every zone below `test.` has: data, an alias, a wildcard, an empty non-terminal, a subtree's alias.
const DATA: &str = "www A 192.0.2.80\nwww AAAA 2001:db8::80\nalias CNAME www\n*.wild A 192.0.2.81\n\
    *.wildalias CNAME www\ndeep.empty A 192.0.2.82\nmoved DNAME empty\n@ MX 10 mail\nmail A 192.0.2.83\n";

impl Internet {
    /// The signed Internet at the time `wall`, and its trust anchor: the root's DS set.
    ///
    /// # Errors
    /// [`ChainError`]; a test builds it.
    pub fn signed(wall: Duration) -> Result<(Self, RrSet), ChainError> {
        Chain::standard(Window::around(wall))?.build()
    }

    /// The lecture's Internet with a signed root, and below that the signed `test.` beside `edu.` and the others, which
    /// are not signed; and its trust anchor.
    ///
    /// # Errors
    /// [`ChainError`]; a test builds it.
    pub fn lecture_signed(wall: Duration) -> Result<(Self, RrSet), ChainError> {
        let mut lecture = Self::lecture()?;
        let mut chain = Chain::standard(Window::around(wall))?;
        let is_root = |zone: &&Arc<Zone>| zone.apex().is_root();
        let served = lecture.authorities.iter().find_map(|authority| authority.zones.iter().find(is_root));
        let mut root = served.map_or_else(|| Zone::new(Name::root()), |zone| Zone::clone(zone));
        if let Some((small, _)) = chain.zones.get(&Name::root()) {
            small.rrsets().filter(|set| !set.owner.is_root()).for_each(|set| root.insert(set.clone()));
        }
        root.remove(&Name::root().prepend(b"ns").map_err(SigningError::from)?, RecordType::A);
        let glue = lecture.root_hints.iter().flat_map(|server| server.glue.clone()).collect();
        chain.zones.insert(Name::root(), (root, glue));
        let (signed, anchor) = chain.build()?;
        for authority in signed.authorities {
            match authority.zones.iter().find(is_root) {
                Some(zone) => lecture.replace(authority.address, zone),
                None => lecture.authorities.push(authority),
            }
        }
        Ok((lecture, anchor))
    }
}

impl Chain {
    /// The zones of [`Internet::signed`], to be changed before they are built.
    ///
    /// # Errors
    /// [`ChainError`]; a test builds it.
    pub fn standard(window: Window) -> Result<Self, ChainError> {
        let mut chain = Self { zones: BTreeMap::new(), signers: BTreeMap::new() };
        let mut tld = String::from("@ NS ns\nns A 127.53.6.2\n");
        for (label, server, data) in ZONES {
            tld.push_str(&format!("{label} NS ns.{label}\nns.{label} A 127.53.6.{server}\n"));
            let apex = name(&[label.as_bytes(), b"test"]);
            chain.add(&apex, &format!("@ NS ns\nns A 127.53.6.{server}\n{DATA}{data}"), [6, *server])?;
            chain.signers.insert(apex.clone(), Signer::for_zone(&apex, window)?);
        }
        let (root, test) = (Name::root(), name(&[b"test"]));
        chain.add(&test, &tld, [6, 2])?;
        chain.add(&root, "@ NS ns\nns A 127.53.6.1\ntest NS ns.test\nns.test A 127.53.6.2\n", [6, 1])?;
        chain.signers.insert(root.clone(), Signer::for_zone(&root, window)?);
        let opt_out = Signer::for_zone(&test, window)?.denying(Denials::Nsec3OptOut(Hashing::default()));
        chain.signers.insert(test, opt_out);
        chain.spoil(window)?;
        Ok(chain)
    }

    /// What is particular about the zones below `test.`.
    fn spoil(&mut self, window: Window) -> Result<(), ChainError> {
        let salted = Hashing { iterations: 0, salt: vec![0xbe, 0xef] };
        self.sign("nsec3", |signer| signer.denying(Denials::Nsec3(salted)));
        self.sign("insecure", |signer| signer.wrong(Flaw::NoDs));
        let www = name(&[b"www", b"bogus", b"test"]);
        for rtype in [RecordType::A, RecordType::AAAA] {
            let flaw = Flaw::Signature(www.clone(), rtype, Field::Signature);
            self.sign("bogus", |signer| signer.wrong(flaw));
        }
        let month = 30 * 86_400;
        let [inception, expiration] = [window.inception, window.expiration].map(|time| time.wrapping_sub(month));
        self.sign("expired", |signer| Signer { window: Window { inception, expiration }, ..signer });
        self.sign("unknown", |mut signer| {
            signer.keys.iter_mut().for_each(|key| key.number = 250);
            signer
        });
        Ok(())
    }

    /// Adds a zone from its text without SOA, on a server 127.53.x.y.
    fn add(&mut self, apex: &Name, text: &str, server: [u8; 2]) -> Result<(), ZoneError> {
        let zone = Zone::read(apex, &format!("{HEAD}{text}"))?;
        self.zones.insert(apex.clone(), (zone, vec![address(server)]));
        Ok(())
    }

    /// Changes the signer of the zone of this label below `test.`, when it has one.
    pub fn sign(&mut self, label: &str, change: impl FnOnce(Signer) -> Signer) {
        let apex = name(&[label.as_bytes(), b"test"]);
        if let Some(signer) = self.signers.remove(&apex) {
            self.signers.insert(apex, change(signer));
        }
    }

    /// Every zone, signed where it has a signer; a signed parent has its children's DS sets.
    ///
    /// # Errors
    /// [`SigningError`] when a zone cannot be signed.
    pub fn zones(&self) -> Result<BTreeMap<Name, Arc<Zone>>, SigningError> {
        let mut zones: BTreeMap<Name, Zone> =
            self.zones.iter().map(|(apex, (zone, _))| (apex.clone(), zone.clone())).collect();
        for (apex, signer) in &self.signers {
            let parent = apex.ancestors().skip(1).find(|above| zones.contains_key(above));
            let Some(parent) = parent.filter(|parent| self.signers.contains_key(parent)) else { continue };
            let ds = signer.ds(apex)?;
            if let Some(parent) = zones.get_mut(&parent).filter(|_| !ds.rdatas.is_empty()) {
                parent.insert(ds);
            }
        }
        let sign = |(apex, zone): (Name, Zone)| {
            let signed = self.signers.get(&apex).map_or_else(|| Ok(zone.clone()), |signer| signer.sign(&zone))?;
            Ok((apex, Arc::new(signed)))
        };
        zones.into_iter().map(sign).collect()
    }

    /// The servers, and the trust anchor: the root's DS set, empty when the root is not signed.
    ///
    /// # Errors
    /// [`ChainError`] when a zone cannot be signed.
    pub fn build(&self) -> Result<(Internet, RrSet), ChainError> {
        let zones = self.zones()?;
        let mut authorities: BTreeMap<IpAddr, Authority> = BTreeMap::new();
        for (apex, (_, servers)) in &self.zones {
            for server in servers {
                let authority = authorities.entry(*server).or_insert_with(|| Authority::new(*server, []));
                authority.zones.extend(zones.get(apex).cloned());
            }
        }
        let root = Name::root();
        let glue = self.zones.get(&root).map(|(_, servers)| servers.clone()).unwrap_or_default();
        let host = root.prepend(b"ns").map_err(SigningError::from)?;
        let internet =
            Internet { authorities: authorities.into_values().collect(), root_hints: vec![NameServer { host, glue }] };
        Ok((internet, self.anchor()?))
    }

    /// The root's DS set; empty when the root is not signed.
    ///
    /// # Errors
    /// [`SigningError`] when it would be too long.
    pub fn anchor(&self) -> Result<RrSet, SigningError> {
        let root = Name::root();
        match self.signers.get(&root) {
            Some(signer) => signer.ds(&root),
            None => Signer::with_keys(Vec::new(), Window { inception: 0, expiration: 0 }).ds(&root),
        }
    }
}

impl Signer {
    /// The usual one for the zone at `apex`: two P-256 keys of its own, NSEC, SHA-256.
    ///
    /// # Errors
    /// [`SigningError::Key`] when the library makes no such key.
    pub fn for_zone(apex: &Name, window: Window) -> Result<Self, SigningError> {
        // FNV-1a: zones of different names have different keys, in every run the same.
        let seed = apex
            .key()
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, octet| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3));
        Self::new(Algorithm::EcdsaP256, window, seed)
    }
}

/// A name of labels that are known to be short.
fn name(labels: &[&[u8]]) -> Name {
    Name::from_labels(labels.iter().copied()).unwrap_or_else(|_| Name::root())
}

#[cfg(test)]
mod tests;
