//! The query that goes out: ID, 0x20, EDNS, cookie, and to forwarders the trail.

use smallvec::SmallVec;

use super::Upstream;
use super::cookies::{Presented, Showing};
use super::ours::Expected;
use crate::dns::{QueryFlags, Question, Trail, write_query};
use crate::job::Job;
use crate::world::{Dice, Transport};

/// The UDP payload size announced: no fragments on any path worth having (RFC 9715, flag day 2020).
pub(super) const UDP_SIZE: u16 = 1232;

/// What a query wants of its server beside the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Manner {
    /// What the server has authority for: RD=0.
    Authority,
    /// Recursion, checked as the server does it for anybody: RD=1.
    Recursion,
    /// Recursion, and what it finds as it is: RD=1, CD=1 (RFC 4035 §3.2.2).
    UncheckedRecursion,
}

impl Manner {
    /// Whether the server is to find out what it does not know.
    pub fn wants_recursion(self) -> bool {
        self != Self::Authority
    }
}

/// How a query is dressed for one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dress {
    /// With OPT.
    pub edns: bool,
    /// With a random pattern of case.
    pub case: bool,
    /// With these flags.
    pub manner: Manner,
    /// Whether with a cookie; never without OPT.
    pub cookie: Showing,
    /// Whether with the trail; never without OPT.
    pub trail: bool,
    /// How it travels.
    pub transport: Transport,
}

impl Dress {
    /// The same without OPT and all that is in it.
    pub fn without_opt(self) -> Self {
        Self { edns: false, cookie: Showing::Nothing, trail: false, ..self }
    }

    /// Whether there is something in OPT that a server may stumble over.
    pub fn has_options(self) -> bool {
        self.cookie != Showing::Nothing || self.trail
    }
}

/// A query and what its reply must look like.
pub(super) struct Outgoing {
    pub bytes: SmallVec<[u8; 64]>,
    pub expected: Expected,
}

impl Upstream {
    /// The option that has a forwarder's question known for ours when it comes back.
    pub(super) fn trail(&self, question: &Question, dress: Dress, job: &Job) -> Option<SmallVec<[u8; 24]>> {
        dress.trail.then(|| job.trail().unwrap_or(&Trail::default()).option(self.cookies.mark(question)))
    }
}

/// Writes the query.
pub(super) fn build(
    question: &Question,
    dress: Dress,
    cookie: Option<Presented>,
    trail: Option<&[u8]>,
    dice: &Dice,
) -> Outgoing {
    let id = dice.id();
    let name = if dress.case { scramble(question, dice) } else { question.name.clone() };
    let question = Question::new(name, question.rtype);
    let edns = dress.edns.then_some(UDP_SIZE);
    // Signatures are asked for always: they are kept with what they sign, for clients that want them.
    let flags = QueryFlags {
        recursion_desired: dress.manner.wants_recursion(),
        checking_disabled: dress.manner == Manner::UncheckedRecursion,
        edns,
        dnssec_ok: dress.edns,
    };
    let mut bytes = write_query(id, &question, flags);
    let bare = bytes.len();
    if let Some(cookie) = &cookie {
        cookie.add_to(&mut bytes);
    }
    if let Some(option) = trail {
        add_option(&mut bytes, bare, option);
    }
    Outgoing { bytes, expected: Expected { id, question, same_case: dress.case, cookie, transport: dress.transport } }
}

/// Adds an option to a query that had `bare` octets when its OPT record, the last thing in it, was empty.
fn add_option(query: &mut SmallVec<[u8; 64]>, bare: usize, option: &[u8]) {
    query.extend_from_slice(option);
    let octets = u16::try_from(query.len() - bare).unwrap_or(0);
    if let Some(place) = query.get_mut(..bare).and_then(|head| head.last_chunk_mut::<2>()) {
        *place = octets.to_be_bytes();
    }
}

fn scramble(question: &Question, dice: &Dice) -> crate::dns::Name {
    let mut bits = 0;
    let mut left = 0;
    question.name.to_lowercase().with_case(|| {
        if left == 0 {
            (bits, left) = (dice.bits(), 64);
        }
        left -= 1;
        bits >> left & 1 == 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{RecordType, peek};

    #[test]
    fn a_trail_stands_behind_the_cookie() {
        let question = Question::new("www.example".parse().unwrap(), RecordType::A);
        let dress = Dress {
            edns: true,
            case: false,
            manner: Manner::Recursion,
            cookie: Showing::First,
            trail: true,
            transport: Transport::Udp,
        };
        let option = Trail::default().option(*b"our mark");
        let cookie = Presented::first(*b"our part");
        for (cookie, trail) in
            [(None, None), (Some(cookie), None), (None, Some(&*option)), (Some(cookie), Some(&*option))]
        {
            let query = build(&question, dress, cookie, trail, &Dice::seeded(1));
            let edns = peek(&query.bytes).unwrap().edns.unwrap();
            assert_eq!(edns.cookie, cookie.map(|_| &b"our part"[..]));
            assert_eq!(edns.trail, trail.map(|_| &b"our mark"[..]));
        }
    }
}
