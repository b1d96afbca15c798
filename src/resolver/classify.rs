//! A scrubbed reply is of use in one of seven ways, or it is the server's fault. Pure.

use super::minimise::Probe;
use super::scrub::{Scrubbed, Upward};
use crate::dns::{Delegation, Denial, Outcome, Rcode, RecordType, RrSet, Ttl};
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
    /// The name is an alias of another: its CNAME, or a DNAME and the CNAME it stands for.
    Alias(Vec<RrSet>),
    /// The name is an alias, by this DNAME, of one that is longer than a name may be (RFC 6672 §2.2).
    TooLong(RrSet),
    /// What there is at the name, when that was asked for (ANY); not nothing.
    Every(Vec<RrSet>),
    /// The question ends here.
    End(Outcome),
}

/// Who may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Servers with authority for the zone.
    Authority,
    /// Servers that answer from a cache too: every server of the zone does.
    Anyone,
}

/// What `reply` means for `probe`.
///
/// # Errors
/// The server's [`Fault`]; the next one is asked.
pub fn classify(probe: &Probe, reply: Scrubbed, trust: Trust) -> Result<Kind, Fault> {
    if let Some(dname) = reply.too_long {
        return Ok(Kind::TooLong(dname));
    }
    if !matches!(reply.rcode, Rcode::NOERROR | Rcode::NXDOMAIN) {
        return if probe.may_widen() { Ok(Kind::Opaque) } else { Err(Fault::Rcode(reply.rcode)) };
    }
    if reply.contradicts {
        return Err(Fault::Contradiction("several CNAMEs at one name"));
    }
    let from_a_cache = !reply.authoritative && reply.recursive && reply.delegation.is_none();
    if from_a_cache && trust == Trust::Authority {
        return Err(Fault::Lame(Lameness::Recursive));
    }
    match reply {
        // Whatever a shortened question finds, it shows that there is no cut.
        Scrubbed { data: Some(_), .. } if probe.minimised => Ok(Kind::NoCut),
        Scrubbed { data: Some(data), .. } => Ok(Kind::End(Outcome::Found(data))),
        Scrubbed { every, .. } if !every.is_empty() => Ok(Kind::Every(every)),
        Scrubbed { ref alias, .. } if !alias.is_empty() && probe.minimised => Ok(Kind::NoCut),
        Scrubbed { alias, .. } if !alias.is_empty() => Ok(Kind::Alias(alias)),
        Scrubbed { rcode: Rcode::NXDOMAIN, .. } if probe.may_widen() => Ok(Kind::Opaque),
        Scrubbed { rcode: Rcode::NXDOMAIN, .. } => Ok(Kind::End(Outcome::NxDomain(denial(reply)))),
        _ => no_error(probe, reply),
    }
}

/// NOERROR without data: a delegation, a denial of the type, or nothing at all.
fn no_error(probe: &Probe, reply: Scrubbed) -> Result<Kind, Fault> {
    let nothing = reply.soa.is_none() && reply.delegation.is_none();
    match reply.delegation.clone() {
        // A parent that refers to the child when asked for the child's DS does not know DS: there is none (RFC 4035 §3.1.4.1).
        Some(delegation) if probe.question.rtype == RecordType::DS && delegation.zone == probe.question.name => {
            Ok(Kind::End(Outcome::NoData(denial(reply))))
        }
        Some(delegation) => Ok(Kind::Referral(delegation)),
        None if nothing && leads_up(&reply) => Err(Fault::Lame(Lameness::UpwardReferral)),
        None if probe.minimised => Ok(Kind::NoCut),
        // A signed denial says enough without SOA.
        None if nothing && reply.proof.is_empty() => Err(Fault::Empty),
        None => Ok(Kind::End(Outcome::NoData(denial(reply)))),
    }
}

fn leads_up(reply: &Scrubbed) -> bool {
    reply.upward == Upward::Away || (reply.upward == Upward::Here && !reply.authoritative)
}

fn denial(reply: Scrubbed) -> Denial {
    Denial::new(reply.soa, reply.proof, BARE_DENIAL)
}

#[cfg(test)]
mod tests {
    use super::super::Minimisation;
    use super::super::minimise::Revealed;
    use super::super::scrub::scrub;
    use super::super::scrub::tests::{name, question, reply};
    use super::*;
    use crate::dns::Header;
    use crate::job::Limits;

    const AA: u16 = Header::AA;
    const SOA: &str = "z. 900 SOA ns.z. x.z. 1 2 3 4 60";

    /// What the reply means to someone who asks `z.`'s servers for `asked`.
    fn kind(asked: &str, mode: Minimisation, reply: &crate::dns::Message) -> Result<Kind, Fault> {
        let probe = Revealed::new(mode).probe(&question(asked), &name("z"));
        classify(&probe, scrub(reply, &probe.question, &name("z"), &Limits::default()), Trust::Authority)
    }

    fn whole(flags: u16, rcode: Rcode, sections: [&str; 3]) -> Result<Kind, Fault> {
        kind("q.z. A", Minimisation::Off, &reply(flags, rcode, sections))
    }

    #[test]
    fn negative_answers_are_ends_with_the_smaller_ttl() {
        for (rcode, nonexistent) in [(Rcode::NOERROR, false), (Rcode::NXDOMAIN, true)] {
            let Ok(Kind::End(outcome)) = whole(AA, rcode, ["", SOA, ""]) else { panic!("an end") };
            let (Outcome::NoData(denial) | Outcome::NxDomain(denial)) = &outcome else { panic!("a denial") };
            assert_eq!(denial.ttl, Ttl::from_secs(60));
            assert_eq!(matches!(outcome, Outcome::NxDomain(_)), nonexistent);
        }
    }

    #[test]
    fn lame_servers_are_told_from_those_that_deny() {
        // INT-17: referrals upward and aside, an answer from somebody's cache, refusal.
        assert_eq!(whole(0, Rcode::NOERROR, ["", ". NS a.root.", ""]), Err(Fault::Lame(Lameness::UpwardReferral)));
        assert_eq!(whole(0, Rcode::NOERROR, ["", "z. NS ns.z.", ""]), Err(Fault::Lame(Lameness::UpwardReferral)));
        assert_eq!(whole(0, Rcode::NOERROR, ["", "p.z. NS ns.z.", ""]), Err(Fault::Lame(Lameness::UpwardReferral)));
        assert_eq!(
            whole(Header::RA, Rcode::NOERROR, ["q.z. A 192.0.2.1", "", ""]),
            Err(Fault::Lame(Lameness::Recursive))
        );
        assert_eq!(whole(0, Rcode::REFUSED, ["", "", ""]), Err(Fault::Rcode(Rcode::REFUSED)));
        assert_eq!(whole(AA, Rcode::NOERROR, ["", "", ""]), Err(Fault::Empty));
        let proven = whole(AA, Rcode::NOERROR, ["", "q.z. NSEC z. TXT", ""]);
        assert!(matches!(proven, Ok(Kind::End(Outcome::NoData(denial))) if denial.proof.len() == 1));
        assert_eq!(whole(AA, Rcode::NOERROR, ["", ". NS a.root.", ""]), Err(Fault::Lame(Lameness::UpwardReferral)));
        // With authority, the zone's own NS set is not a referral.
        assert_eq!(whole(AA, Rcode::NOERROR, ["", "z. NS ns.z.", ""]), Err(Fault::Empty));
    }

    #[test]
    fn odd_rcodes_carry_nothing() {
        // POI-13, INT-25: whatever they bring along.
        for code in [2, 4, 6, 8, 9, 10, 11] {
            let got = whole(AA, Rcode(code), ["q.z. A 6.6.6.6", "sub.z. NS ns.attacker.", ""]);
            assert_eq!(got, Err(Fault::Rcode(Rcode(code))));
        }
    }

    #[test]
    fn a_shortened_question_is_widened_by_nxdomain_only_for_the_relaxed() {
        // POL-05, RFC 8020 §3.1.
        let nxdomain = reply(AA, Rcode::NXDOMAIN, ["", SOA, ""]);
        assert_eq!(kind("a.ent.z. A", Minimisation::Relaxed, &nxdomain), Ok(Kind::Opaque));
        let strict = kind("a.ent.z. A", Minimisation::Strict, &nxdomain);
        assert!(matches!(strict, Ok(Kind::End(Outcome::NxDomain(_)))));
        let refused = reply(0, Rcode::REFUSED, ["", "", ""]);
        assert_eq!(kind("a.ent.z. A", Minimisation::Relaxed, &refused), Ok(Kind::Opaque));
    }

    #[test]
    fn whatever_a_shortened_question_finds_is_only_the_absence_of_a_cut() {
        for sections in [["ent.z. A 192.0.2.1", "", ""], ["", SOA, ""], ["ent.z. CNAME x.z.", "", ""], ["", "", ""]] {
            let got = kind("a.ent.z. A", Minimisation::Relaxed, &reply(AA, Rcode::NOERROR, sections));
            assert_eq!(got, Ok(Kind::NoCut), "{sections:?}");
        }
    }

    #[test]
    fn nxdomain_behind_an_alias_is_about_the_target() {
        let got = whole(AA, Rcode::NXDOMAIN, ["q.z. CNAME r.victim.", "victim. SOA a. b. 1 2 3 4 5", ""]);
        assert!(matches!(got, Ok(Kind::Alias(alias)) if alias[0].target() == Some(name("r.victim"))));
    }

    #[test]
    fn a_cache_may_refer_but_not_answer() {
        let answer = reply(Header::RA, Rcode::NOERROR, ["q.z. A 192.0.2.1", "", ""]);
        let probe = Revealed::new(Minimisation::Off).probe(&question("q.z. A"), &name("z"));
        let asked = |trust| classify(&probe, scrub(&answer, &probe.question, &name("z"), &Limits::default()), trust);
        assert_eq!(asked(Trust::Authority), Err(Fault::Lame(Lameness::Recursive)));
        assert!(matches!(asked(Trust::Anyone), Ok(Kind::End(Outcome::Found(_)))));
        let referral = whole(Header::RA, Rcode::NOERROR, ["", "q.z. NS ns.q.z.", ""]);
        assert!(matches!(referral, Ok(Kind::Referral(_))));
    }

    #[test]
    fn a_referral_for_ds_at_the_parent_means_there_is_none() {
        // INT-20, RFC 4035 §3.1.4.1.
        let referral = reply(0, Rcode::NOERROR, ["", "q.z. NS ns.q.z.", "ns.q.z. A 192.0.2.1"]);
        let got = kind("q.z. DS", Minimisation::Off, &referral);
        assert!(matches!(got, Ok(Kind::End(Outcome::NoData(_)))));
        assert!(matches!(kind("q.z. A", Minimisation::Off, &referral), Ok(Kind::Referral(_))));
    }
}
