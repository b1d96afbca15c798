//! Signs what the authorities answer: every zone has a key-signing and a zone-signing key, by P-256 and SHA-256.
//!
//! Keys are drawn from the zone's name. What was signed once is kept, and zones can be signed before anybody asks, so that
//! whoever asks waits for no signature. One of the domains, [`BROKEN`], has signatures of another zone.

use std::collections::HashMap;
use std::time::Duration;

use burdock::dns::{Name, Rdatas, RecordType, RrSet, Ttl};
use burdock::playground::{Algorithm, Digest, Role, Rrsig, SigningKey, Window, ZONE_KEY};

use super::names::Target;

/// A domain whose data must not be believed.
pub const BROKEN: u64 = 900_000;

/// Owner and type of an RRset, in one.
type Key = Vec<u8>;

/// Signs on behalf of all zones, and remembers.
pub struct Signatures {
    window: Window,
    keys: HashMap<Vec<u8>, Keys>,
    made: HashMap<Key, Vec<u8>>,
    /// Where [`Key`]s are made.
    room: Key,
}

/// The keys of a zone.
struct Keys {
    key_signing: SigningKey,
    zone_signing: SigningKey,
    dnskeys: [Vec<u8>; 2],
    ds: Vec<u8>,
}

impl Keys {
    fn of(apex: &[u8]) -> Self {
        // FNV-1a, so that each zone has keys of its own.
        let mix = |hash: u64, octet: &u8| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
        let seed = apex.iter().fold(0xcbf2_9ce4_8422_2325, mix);
        let key = |role| SigningKey::new(Algorithm::EcdsaP256, role, seed).expect("a key");
        let (key_signing, zone_signing) = (key(Role::KeySigning), key(Role::ZoneSigning));
        let dnskeys = [key_signing.dnskey(), zone_signing.dnskey()];
        let ds = key_signing.ds(&name(apex), Digest::Sha256);
        Self { key_signing, zone_signing, dnskeys, ds }
    }
}

impl Signatures {
    /// Valid for a week before and weeks after this time since 1970.
    pub fn around(wall: Duration) -> Self {
        Self { window: Window::around(wall), keys: HashMap::new(), made: HashMap::new(), room: Key::new() }
    }

    /// The RDATAs of the zone's DNSKEY RRset.
    pub fn dnskeys(&mut self, apex: &[u8]) -> [Vec<u8>; 2] {
        self.keys(apex).dnskeys.clone()
    }

    /// The RDATA of the zone's DS record.
    pub fn ds(&mut self, apex: &[u8]) -> Vec<u8> {
        self.keys(apex).ds.clone()
    }

    /// The RDATA of the RRSIG of an RRset of `zone`. All names are in wire form and lower case.
    pub fn rrsig<'a>(
        &'a mut self,
        zone: &[u8],
        owner: &[u8],
        (rtype, ttl): (u16, u32),
        rdatas: impl FnOnce() -> Vec<Vec<u8>>,
    ) -> &'a [u8] {
        self.room.clear();
        self.room.extend_from_slice(&rtype.to_be_bytes());
        self.room.extend_from_slice(owner);
        if !self.made.contains_key(&self.room) {
            let key = self.room.clone();
            let rrsig = self.sign(zone, owner, (rtype, ttl), &rdatas());
            self.made.insert(key, rrsig);
        }
        &self.made[&self.room]
    }

    /// The keys of `apex`, made when they are first asked for.
    fn keys(&mut self, apex: &[u8]) -> &Keys {
        if !self.keys.contains_key(apex) {
            self.keys.insert(apex.to_vec(), Keys::of(apex));
        }
        &self.keys[apex]
    }

    fn sign(&mut self, zone: &[u8], owner: &[u8], (rtype, ttl): (u16, u32), rdatas: &[Vec<u8>]) -> Vec<u8> {
        let window = self.window;
        let keys = self.keys(zone);
        let key = if rtype == RecordType::DNSKEY.0 { &keys.key_signing } else { &keys.zone_signing };
        let (owner, rtype, ttl) = (name(owner), RecordType(rtype), Ttl::from_secs(ttl));
        let data = Rdatas::new(rdatas.iter().map(Vec::as_slice)).expect("short records");
        let mut rrsig = Rrsig {
            covered: rtype,
            algorithm: key.number,
            labels: u8::try_from(owner.label_count()).expect("few labels"),
            original_ttl: ttl.as_secs(),
            expiration: window.expiration,
            inception: window.inception,
            tag: key.tag(),
            signer: name(zone),
            signature: Vec::new(),
        };
        let is_broken = owner.label_count() == 3 && zone == apex(BROKEN);
        debug_assert!(key.flags & ZONE_KEY != 0);
        rrsig.sign(&RrSet::new(owner, rtype, ttl, data), key).expect("a signature");
        if is_broken && let Some(last) = rrsig.signature.last_mut() {
            *last ^= 1;
        }
        rrsig.rdata()
    }
}

/// The apex of a domain, in wire form.
fn apex(domain: u64) -> Vec<u8> {
    let mut wire = Vec::new();
    Target::new(0, domain).write(&mut wire);
    wire.split_off(1 + usize::from(wire[0]))
}

fn name(wire: &[u8]) -> Name {
    Name::from_wire(wire).expect("a name")
}
