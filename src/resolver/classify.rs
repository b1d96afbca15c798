//! A scrubbed reply is of use in one of six ways, or it is the server's fault. Pure.

use super::minimise::Probe;
use super::scrub::Scrubbed;
use crate::dns::{Delegation, Denial, Name, Outcome, Rcode, RecordType, RrSet, Ttl};
use crate::upstream::{Fault, Lameness};

/// How long a denial without SOA holds: long enough to stop a storm (RFC 2308 §2.1 leaves it uncached).
pub const BARE_DENIAL: Ttl = Ttl::from_secs(5);

/// What a reply is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A zone below, closer to the name.
    Referral(Delegation),
    /// The name exists in this zone; one more label may be revealed.
    NoCut,
    /// The zone does not cope with a shortened question: it gets the whole one.
    Opaque,
    /// The name is an alias of one that has to be resolved by itself.
    Alias {
        /// The chain.
        aliases: Vec<RrSet>,
        /// Its end.
        target: Name,
    },
    /// The question ends here.
    End {
        /// Aliases inside the zone that led to the end.
        aliases: Vec<RrSet>,
        /// The end.
        outcome: Outcome,
    },
}

/// What `reply` means for `probe`, asked of the servers of `zone`.
///
/// # Errors
/// The server's [`Fault`]; the next one is asked.
pub fn classify(probe: &Probe, zone: &Name, reply: Scrubbed) -> Result<Kind, Fault> {
    let trustworthy = matches!(reply.rcode, Rcode::NOERROR | Rcode::NXDOMAIN | Rcode::YXDOMAIN);
    if !trustworthy {
        return if probe.may_widen() { Ok(Kind::Opaque) } else { Err(Fault::Rcode(reply.rcode)) };
    }
    if reply.contradicts {
        return Err(Fault::Contradiction("several CNAMEs at one name"));
    }
    if reply.too_long {
        return Err(Fault::Rcode(Rcode::YXDOMAIN));
    }
    if !reply.authoritative && reply.recursive {
        return Err(Fault::Lame(Lameness::Recursive));
    }
    if let Some(data) = reply.data {
        return Ok(if probe.minimised {
            Kind::NoCut
        } else {
            Kind::End { aliases: reply.aliases, outcome: Outcome::Found(data) }
        });
    }
    if !reply.aliases.is_empty() {
        return Ok(alias(probe, zone, reply));
    }
    match reply.rcode {
        Rcode::NXDOMAIN if probe.may_widen() => Ok(Kind::Opaque),
        Rcode::NXDOMAIN => Ok(Kind::End { aliases: Vec::new(), outcome: Outcome::NxDomain(denial(reply)) }),
        Rcode::YXDOMAIN => Err(Fault::Rcode(Rcode::YXDOMAIN)),
        _ => no_error(probe, reply),
    }
}

/// NOERROR without data: a delegation, a denial of the type, or nothing at all.
fn no_error(probe: &Probe, reply: Scrubbed) -> Result<Kind, Fault> {
    let nothing = reply.soa.is_none() && reply.delegation.is_none();
    match reply.delegation.clone() {
        // A parent that refers to the child when asked for the child's DS does not know DS: there is none (RFC 4035 §3.1.4.1).
        Some(delegation) if probe.question.rtype == RecordType::DS && delegation.zone == probe.question.name => {
            Ok(Kind::End { aliases: Vec::new(), outcome: Outcome::NoData(denial(reply)) })
        }
        Some(delegation) => Ok(Kind::Referral(delegation)),
        None if nothing && reply.upward => Err(Fault::Lame(Lameness::UpwardReferral)),
        None if probe.minimised => Ok(Kind::NoCut),
        None if nothing => Err(Fault::Empty),
        None => Ok(Kind::End { aliases: Vec::new(), outcome: Outcome::NoData(denial(reply)) }),
    }
}

fn alias(probe: &Probe, zone: &Name, reply: Scrubbed) -> Kind {
    if probe.minimised {
        return Kind::NoCut;
    }
    // The end of the chain may be told by this server only inside its own zone (RFC 2308 §2.1; CNAME-chain poisoning).
    let inside = reply.effective.is_in(zone);
    let aliases = reply.aliases.clone();
    match reply.rcode {
        Rcode::NXDOMAIN if inside => Kind::End { aliases, outcome: Outcome::NxDomain(denial(reply)) },
        Rcode::NOERROR if inside && reply.soa.is_some() => {
            Kind::End { aliases, outcome: Outcome::NoData(denial(reply)) }
        }
        _ => Kind::Alias { aliases, target: reply.effective },
    }
}

fn denial(reply: Scrubbed) -> Denial {
    Denial::new(reply.soa, reply.proof, BARE_DENIAL)
}
