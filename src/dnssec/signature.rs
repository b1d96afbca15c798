//! RRSIG over RRset (RFC 4034 §3; RFC 4035 §5.3; RFC 6840): who signed it, until when, and as which name.
//!
//! A signature that does not fit costs next to nothing; only those that fit in every other way are verified.

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::dns::{Name, Rdatas, RecordType, RrSet, Ttl};

use super::algorithm::{Algorithm, Support};
use super::canonical::Canonical;
use super::keys::{Few, Key, Role, ZoneKeys};
use super::{Bogus, Reason, TooMuch, Work, WorkBound};

/// Seconds by which clocks may differ.
const SKEW: i32 = 60;
/// Octets of signed data that count as one verification: a small reply can unfold to a megabyte.
const OCTETS_PER_VERIFICATION: usize = 32_768;

/// What a valid signature says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How long the set may be believed (RFC 4035 §5.3.3).
    pub ttl: Ttl,
    /// The closest encloser, when the set was made from the wildcard below it: true only if the owner does not exist,
    /// which remains to be proven (RFC 4035 §5.3.4). Never a proof itself when it is an NSEC or NSEC3 set.
    pub wildcard: Option<Name>,
    /// The zone that signed.
    pub signer: Name,
}

/// Checks that `set` is signed by the zone whose keys are `keys`, at `now` (seconds since 1970, RFC 4034 §3.1.5), however long
/// that takes.
///
/// # Errors
/// Why it must not be believed.
pub fn verify(set: &RrSet, keys: &ZoneKeys, now: u32, work: &Work) -> Result<Verified, Bogus> {
    let mut verification = Verification::begin(set, keys, now, work)?;
    loop {
        if let ControlFlow::Break(result) = verification.step(work) {
            return result;
        }
    }
}

/// The same, one signature and key at a time, for those who have something else to do.
pub struct Verification<'a> {
    set: &'a RrSet,
    keys: &'a ZoneKeys,
    now: u32,
    fitting: Fitting<'a>,
    records: Canonical<'a>,
    /// The next of `fitting`, and the next of the keys that may have made it.
    next: (usize, usize),
    /// What that one is made over; empty while nobody needed it.
    message: Vec<u8>,
}

impl<'a> Verification<'a> {
    /// Finds the signatures that come into question.
    ///
    /// # Errors
    /// Why none does.
    pub fn begin(set: &'a RrSet, keys: &'a ZoneKeys, now: u32, work: &Work) -> Result<Self, Bogus> {
        let because = |reason| Bogus { reason, name: set.owner.clone(), rtype: set.rtype };
        if !is_signable(set, keys) {
            return Err(because(Reason::SignaturesMissing));
        }
        let fitting = fitting(set, keys, now, work).map_err(|obstacle| because(obstacle.reason()))?;
        Ok(Self { set, keys, now, fitting, records: Canonical::of(set), next: (0, 0), message: Vec::new() })
    }

    /// Tries the next key on the next signature; breaks with what is to be made of the set.
    pub fn step(&mut self, work: &Work) -> ControlFlow<Result<Verified, Bogus>> {
        self.judge(work).map_break(|found| {
            found.map_err(|reason| Bogus { reason, name: self.set.owner.clone(), rtype: self.set.rtype })
        })
    }

    fn judge(&mut self, work: &Work) -> ControlFlow<Result<Verified, Reason>> {
        let (at, turn) = self.next;
        let Some((_, rrsig)) = self.fitting.get(at) else { return ControlFlow::Break(Err(self.nothing_fits(work))) };
        let mut alike = self.keys.alike(rrsig.tag, rrsig.algorithm).filter(|key| key.role == Role::ZoneKey).skip(turn);
        let Some(key) = alike.next() else { return self.try_next_signature(work) };
        self.next.1 += 1;
        match is_by(rrsig, key, (self.set, self.keys), (&self.records, &mut self.message), work) {
            Ok(true) => ControlFlow::Break(Ok(rrsig.verified(self.set, self.keys, self.now))),
            // The last of all is the end, without another step.
            Ok(false) if at + 1 == self.fitting.len() && alike.next().is_none() => {
                ControlFlow::Break(Err(self.nothing_fits(work)))
            }
            Ok(false) => ControlFlow::Continue(()),
            Err(too_much) => ControlFlow::Break(Err(Reason::TooMuch(too_much))),
        }
    }

    fn try_next_signature(&mut self, work: &Work) -> ControlFlow<Result<Verified, Reason>> {
        self.next = (self.next.0 + 1, 0);
        self.message.clear();
        self.judge(work)
    }

    /// Nobody needs so many signatures that do not fit (SigJam).
    fn nothing_fits(&self, work: &Work) -> Reason {
        self.keys.tell_left_out(work);
        if self.fitting.len() == work.scope().signatures as usize && work.has_failed_enough() {
            return Reason::TooMuch(work.refuse(TooMuch::Failures));
        }
        Obstacle::Unverified.reason()
    }
}

/// The signatures of a set that `verified` says is good which may stay with it, `None` when all may: those by its zone
/// over the same name, and of many only those that came into question. The others would be passed on unseen.
pub fn worth_keeping(set: &RrSet, keys: &ZoneKeys, verified: &Verified, now: u32, work: &Work) -> Option<Rdatas> {
    let most = work.scope().signatures as usize;
    let labels = verified.wildcard.as_ref().map_or_else(|| signable_labels(&set.owner), Name::label_count);
    let is_alike = |rdata: &[u8]| {
        let own = Rrsig::parse(rdata).and_then(|rrsig| rrsig.signed_by(&keys.apex));
        own.is_some_and(|rrsig| (rrsig.covered, rrsig.labels) == (set.rtype, labels))
    };
    let alike = || set.signatures.iter().filter(|rdata| is_alike(rdata));
    match (alike().count(), set.signatures.len()) {
        (own, all) if own == all && all <= most => None,
        (own, _) if own <= most => Rdatas::new(alike()).ok(),
        _ => {
            let fitting = fitting(set, keys, now, work).ok()?;
            Rdatas::new(fitting.iter().map(|(rdata, _)| *rdata).filter(|rdata| is_alike(rdata))).ok()
        }
    }
}

/// The signatures to keep when there are more than `most`: of known algorithms before others, of each key the one that
/// lasts longest before its others. The same ones whatever their order, so that many bad ones do not hide a good one.
pub fn select(mut signatures: Vec<&[u8]>, most: usize) -> Vec<&[u8]> {
    if signatures.len() <= most {
        return signatures;
    }
    // RFC 4034 §3.1: the algorithm is the third octet, the expiration and the tag follow.
    let key = |rdata: &[u8]| Some((*rdata.get(2)?, *rdata.get(16..18)?.first_chunk::<2>()?));
    signatures.sort_by(|a, b| b.get(8..12).cmp(&a.get(8..12)).then_with(|| a.cmp(b)));
    let mut seen: BTreeMap<_, usize> = BTreeMap::new();
    let mut ranked: Vec<(bool, usize, &[u8])> = Vec::with_capacity(signatures.len());
    for rdata in signatures {
        let times = seen.entry(key(rdata)).or_default();
        let known = rdata.get(2).is_some_and(|number| Algorithm(*number).support() == Support::Validate);
        ranked.push((!known, *times, rdata));
        *times += 1;
    }
    ranked.sort_by_key(|(unknown, times, _)| (*unknown, *times));
    ranked.into_iter().take(most).map(|(_, _, rdata)| rdata).collect()
}

/// How many signatures of the set would be verified at most.
pub fn fitting_signatures(set: &RrSet, keys: &ZoneKeys, now: u32, work: &Work) -> u32 {
    let fitting = fitting(set, keys, now, work).map_or(0, |fitting| fitting.len());
    u32::try_from(fitting).unwrap_or(u32::MAX)
}

type Fitting<'a> = Few<(&'a [u8], Rrsig<'a>)>;

/// The signatures that come into question, one at least; of too many the same ones whatever their order. Those that do
/// not fit take no room from those that do (RFC 4035 §5.3.1, DOS-08).
fn fitting<'a>(set: &'a RrSet, keys: &ZoneKeys, now: u32, work: &Work) -> Result<Fitting<'a>, Obstacle> {
    let mut most_telling = Obstacle::Foreign;
    let mut fitting: Fitting<'a> = Few::new();
    for rdata in set.signatures.iter() {
        match fit(rdata, set, keys, now) {
            Ok(rrsig) => fitting.push((rdata, rrsig)),
            Err(obstacle) => most_telling = most_telling.max(obstacle),
        }
    }
    let most = work.scope().signatures as usize;
    if fitting.len() > most {
        work.meet(WorkBound::Signatures);
        let kept = select(fitting.iter().map(|(rdata, _)| *rdata).collect(), most);
        fitting.retain(|(rdata, _)| kept.contains(rdata));
    }
    if !fitting.is_empty() {
        return Ok(fitting);
    }
    if most_telling == Obstacle::KeyMissing {
        keys.tell_left_out(work);
    }
    Err(most_telling)
}

/// Whether the zone can have signed such a set at all.
fn is_signable(set: &RrSet, keys: &ZoneKeys) -> bool {
    // A zone's DS records are its parent's (RFC 4035 §2.4); no RRSIG covers an RRSIG (§2.2).
    let is_parents = set.rtype.is_parent_side() && set.owner == keys.apex;
    set.owner.is_in(&keys.apex) && !is_parents && !set.rtype.is_meta() && set.rtype != RecordType::RRSIG
}

/// What stands between a signature and its being believed; the later, the nearer it came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Obstacle {
    /// It is another's, or over something else.
    Foreign,
    /// It cannot be read, or counts labels that are not there.
    Malformed,
    KeyMissing,
    NoZoneKey,
    NotYetValid,
    NeverValid,
    Expired,
    Unverified,
}

impl Obstacle {
    const fn reason(self) -> Reason {
        match self {
            Self::Foreign => Reason::SignaturesMissing,
            Self::Malformed | Self::Unverified => Reason::BadSignature,
            Self::KeyMissing => Reason::KeyMissing,
            Self::NoZoneKey => Reason::NoZoneKey,
            Self::NotYetValid => Reason::NotYetValid,
            Self::NeverValid => Reason::NeverValid,
            Self::Expired => Reason::Expired,
        }
    }
}

/// Whether every signature of `set` is within its time.
pub fn are_in_time(set: &RrSet, now: u32) -> bool {
    set.signatures.iter().all(|rdata| Rrsig::parse(rdata).is_some_and(|rrsig| rrsig.obstacle_at(now).is_none()))
}

/// An RRSIG, read.
struct Rrsig<'a> {
    covered: RecordType,
    algorithm: Algorithm,
    labels: usize,
    original_ttl: u32,
    expiration: u32,
    inception: u32,
    tag: u16,
    /// The fields before the signer's name.
    head: &'a [u8],
    /// The signer's name, and what follows it.
    rest: &'a [u8],
    /// What follows the signer's name.
    signature: &'a [u8],
}

impl<'a> Rrsig<'a> {
    /// Reads the fields of fixed length (RFC 4034 §3.1).
    fn parse(rdata: &'a [u8]) -> Option<Self> {
        let (head, rest) = rdata.split_first_chunk::<18>()?;
        let [t0, t1, algorithm, labels, o0, o1, o2, o3, e0, e1, e2, e3, i0, i1, i2, i3, k0, k1] = *head;
        Some(Self {
            covered: RecordType(u16::from_be_bytes([t0, t1])),
            algorithm: Algorithm(algorithm),
            labels: usize::from(labels),
            original_ttl: u32::from_be_bytes([o0, o1, o2, o3]),
            expiration: u32::from_be_bytes([e0, e1, e2, e3]),
            inception: u32::from_be_bytes([i0, i1, i2, i3]),
            tag: u16::from_be_bytes([k0, k1]),
            head,
            rest,
            signature: &[],
        })
    }

    /// Splits what follows the fixed fields, when it starts with `zone`'s name.
    fn signed_by(self, zone: &Name) -> Option<Self> {
        let (signer, signature) = self.rest.split_at_checked(zone.wire().len())?;
        signer.eq_ignore_ascii_case(zone.wire()).then_some(Self { signature, ..self })
    }

    /// Compared as serial numbers, good until 2106 and after (RFC 1982, RFC 4034 §3.1.5).
    fn obstacle_at(&self, now: u32) -> Option<Obstacle> {
        if after(self.inception, self.expiration) > 0 {
            return Some(Obstacle::NeverValid);
        }
        if after(now, self.expiration) > SKEW {
            return Some(Obstacle::Expired);
        }
        (after(self.inception, now) > SKEW).then_some(Obstacle::NotYetValid)
    }

    fn verified(&self, set: &RrSet, keys: &ZoneKeys, now: u32) -> Verified {
        let left = u32::try_from(after(self.expiration, now)).unwrap_or(0);
        let ttl = set.ttl.min(Ttl::from_wire(self.original_ttl)).min(Ttl::from_secs(left));
        let is_wildcard = self.labels < signable_labels(&set.owner);
        let wildcard = is_wildcard.then(|| set.owner.suffix(self.labels));
        Verified { ttl, wildcard, signer: keys.apex.clone() }
    }

    /// The name the signer signed, in lower case: the wildcard's, when the owner was made from one (RFC 4035 §5.3.2).
    fn signed_owner(&self, owner: &Name) -> Vec<u8> {
        if self.labels >= signable_labels(owner) {
            return owner.key().to_vec();
        }
        [b"\x01*", &*owner.suffix(self.labels).key()].concat()
    }
}

/// By how many seconds `a` comes after `b`.
const fn after(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

/// The labels that an RRSIG counts: neither the root nor a `*` in front (RFC 4034 §3.1.3).
fn signable_labels(owner: &Name) -> usize {
    owner.label_count() - usize::from(owner.is_wildcard())
}

/// The signature in `rdata`, if it may be one over `set` by a key of the zone, now (RFC 4035 §5.3.1).
fn fit<'a>(rdata: &'a [u8], set: &RrSet, keys: &ZoneKeys, now: u32) -> Result<Rrsig<'a>, Obstacle> {
    let rrsig = Rrsig::parse(rdata).ok_or(Obstacle::Malformed)?;
    let rrsig = rrsig.signed_by(&keys.apex).filter(|rrsig| rrsig.covered == set.rtype).ok_or(Obstacle::Foreign)?;
    // Fewer than the zone's would be a wildcard above the zone, which is not its to sign.
    if !(keys.apex.label_count()..=signable_labels(&set.owner)).contains(&rrsig.labels) {
        return Err(Obstacle::Malformed);
    }
    let mut alike = keys.alike(rrsig.tag, rrsig.algorithm).peekable();
    alike.peek().ok_or(Obstacle::KeyMissing)?;
    if !alike.any(|key| key.role == Role::ZoneKey) {
        return Err(Obstacle::NoZoneKey);
    }
    rrsig.obstacle_at(now).map_or(Ok(rrsig), Err)
}

/// Whether the key made the signature over the records, which `message` holds as they are signed once they are needed.
fn is_by(
    rrsig: &Rrsig<'_>,
    key: &Key,
    (set, keys): (&RrSet, &ZoneKeys),
    (records, message): (&Canonical<'_>, &mut Vec<u8>),
    work: &Work,
) -> Result<bool, TooMuch> {
    let (signer, owner) = (keys.apex.key(), rrsig.signed_owner(&set.owner));
    let octets = rrsig.head.len() + signer.len() + records.octets(&owner);
    for _ in 0..=octets / OCTETS_PER_VERIFICATION {
        work.spend_verification()?;
    }
    // A key that is none is paid for like one that does not fit: nobody is to gain by sending it.
    let Some(public_key) = &key.public_key else {
        work.count_failure();
        return Ok(false);
    };
    if message.is_empty() {
        // RFC 4034 §3.1.8.1.
        message.reserve_exact(octets);
        message.extend_from_slice(rrsig.head);
        message.extend_from_slice(&signer);
        records.write(&owner, rrsig.original_ttl, message);
    }
    let is_made = public_key.verifies(message, rrsig.signature);
    if !is_made {
        work.count_failure();
    }
    Ok(is_made)
}
