//! The query that goes out: ID, 0x20, EDNS.

use smallvec::SmallVec;

use super::ours::Expected;
use crate::dns::{QueryFlags, Question, write_query};
use crate::world::{Dice, Transport};

/// The UDP payload size announced: no fragments on any path worth having (RFC 9715, flag day 2020).
pub(super) const UDP_SIZE: u16 = 1232;

/// How a query is dressed for one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dress {
    /// With OPT.
    pub edns: bool,
    /// With a random pattern of case.
    pub case: bool,
    /// How it travels.
    pub transport: Transport,
}

/// A query and what its reply must look like.
pub(super) struct Outgoing {
    pub bytes: SmallVec<[u8; 64]>,
    pub expected: Expected,
}

/// Writes the query.
pub(super) fn build(question: &Question, dress: Dress, dice: &Dice) -> Outgoing {
    let id = dice.id();
    let name = if dress.case { scramble(question, dice) } else { question.name.clone() };
    let question = Question::new(name, question.rtype);
    let edns = dress.edns.then_some(UDP_SIZE);
    // Signatures are asked for always: they are kept with what they sign, for clients that want them.
    let flags = QueryFlags { edns, dnssec_ok: dress.edns, ..QueryFlags::default() };
    let bytes = write_query(id, &question, flags);
    Outgoing { bytes, expected: Expected { id, question, same_case: dress.case, transport: dress.transport } }
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
