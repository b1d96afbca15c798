//! What the operator wants changed: who may ask, how much, and which names are answered right here.
//!
//! The order of the checks, as code: `admit` before anything is looked at, then `excess`; `local` after the cache of
//! replies, `seat` before work, `objection` when an answer is there and before a reply is made of it. All but `seat` are
//! synchronous and free of allocation as long as they say "go on".

mod access;
pub mod cookies;
mod fairness;
mod local;
mod rate;
mod rebind;
mod special;

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::time::Instant;

use crate::dns::{Name, Question};
use crate::job::{LimitName, Limits};
use crate::resolver::Resolution;
use crate::world::World;

use cookies::Cookies;
use fairness::Fairness;
use rate::Rate;
use rebind::Rebinding;

pub use access::{Access, Trust, Verdict};
pub use fairness::Seat;
pub use local::{Local, LocalAnswer};
pub use rate::Excess;
pub use rebind::Objection;

/// What the operator has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Who may ask, and who may not.
    pub access: access::Settings,
    /// What cookies for clients are made with.
    pub cookies: cookies::Settings,
    /// The rate of replies to clients whose addresses may be forged.
    pub rate: rate::Settings,
    /// Whether special-use names are answered here (RFC 6761, RFC 6303).
    pub special_use: bool,
    /// Zones the operator has set servers for: they win over special use.
    pub elsewhere: Vec<Name>,
    /// What is answered to ANY.
    pub any: AnyAnswers,
    /// Which addresses public names must not have, if that is looked at.
    pub rebinding: Option<rebind::Settings>,
}

/// What is answered to ANY (RFC 8482).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnyAnswers {
    /// One record that says where to read about it, or that the name does not exist.
    Short,
    /// What the zone's servers tell.
    Full,
}

impl Settings {
    /// Who may ask as `access` says, with cookies, without a rate, and without names of our own.
    pub const fn plain(access: access::Settings) -> Self {
        let rate = rate::Settings { per_client: 0, per_question: 0 };
        Self {
            access,
            cookies: cookies::Settings::Random,
            rate,
            special_use: false,
            elsewhere: Vec::new(),
            any: AnyAnswers::Short,
            rebinding: None,
        }
    }
}

pub use access::Settings as AccessSettings;
pub use rate::Settings as RateSettings;
pub use rebind::Settings as RebindingSettings;

/// How far one packet's source address is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may be forged: the reply may go to somebody who did not ask.
    Unproven,
    /// It is the sender's: by a cookie, by a stream, or because the operator says so.
    Proven,
    /// The same, and the operator wants no bounds for it.
    Exempt,
}

/// A client, or its network, has too many questions that wait: by which bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full(pub LimitName);

/// The policy in force. Immutable: a reload makes another one.
pub struct Policy {
    access: Access,
    cookies: Option<Cookies>,
    rate: Option<Rate>,
    fairness: Arc<Fairness>,
    local: Option<Local>,
    any: AnyAnswers,
    rebinding: Option<Rebinding>,
}

impl Policy {
    /// The policy that `settings` describe.
    pub fn new(settings: &Settings, world: &World, limits: &Arc<Limits>) -> Self {
        let access = Access::new(&settings.access);
        let dice = &world.dice;
        let seed = dice.secret();
        let rate =
            if access.knows_strangers() { Rate::new(settings.rate, world.clock.now(), dice.bits()) } else { None };
        Self {
            access,
            cookies: Cookies::new(&settings.cookies, seed),
            rate,
            fairness: Fairness::new(Arc::clone(limits), dice.bits()),
            local: settings.special_use.then(|| Local::new(settings.elsewhere.clone())),
            any: settings.any,
            rebinding: settings.rebinding.as_ref().map(|rebinding| Rebinding::new(rebinding, &settings.elsewhere)),
        }
    }

    /// First check: whether `client` may ask at all, and how far it is trusted.
    #[inline]
    pub fn admit(&self, client: IpAddr) -> Verdict {
        self.access.of(client)
    }

    /// Whether `client` may see what the cache has, without recursion.
    pub fn may_snoop(&self, client: IpAddr) -> bool {
        self.access.may_snoop(client)
    }

    /// The judge of clients' cookies, when there is one.
    pub const fn cookies(&self) -> Option<&Cookies> {
        self.cookies.as_ref()
    }

    /// Whether replies to addresses that may be forged are limited.
    pub const fn limits_rate(&self) -> bool {
        self.rate.is_some()
    }

    /// Second check: counts a reply to `client`, whose address may be forged; says what to do when it is one too many.
    pub fn excess(&self, client: IpAddr, question: &impl Hash, now: Instant) -> Option<Excess> {
        self.rate.as_ref()?.count(client, question, now)
    }

    /// Whether [`Self::local`] may have something to say about the name, in wire form: a glance at its last labels,
    /// so that everything else goes straight to the cache.
    pub fn may_be_local(&self, qname: &[u8]) -> bool {
        self.local.is_some() && Local::may_hold(qname)
    }

    /// Third check: the answer to a question that is not for the public DNS. `None` for all others.
    pub fn local(&self, question: &Question) -> Option<LocalAnswer> {
        self.local.as_ref()?.answer(question)
    }

    /// What is answered to ANY.
    pub const fn any(&self) -> AnyAnswers {
        self.any
    }

    /// Last check, when nobody knows the answer yet: a place to wait in; those who are exempt need none.
    ///
    /// # Errors
    /// [`Full`] when too many of the client's questions wait already.
    pub fn seat(&self, client: IpAddr, standing: Standing) -> Result<Option<Seat>, Full> {
        match standing {
            Standing::Exempt => Ok(None),
            Standing::Unproven | Standing::Proven => self.fairness.seat(client, standing).map(Some).map_err(Full),
        }
    }

    /// Why `resolution` must not be told to who asked `question`, however it was come by.
    pub fn objection(&self, question: &Question, resolution: &Resolution) -> Option<Objection> {
        self.rebinding.as_ref()?.objection(question, resolution)
    }

    /// Clients and networks that wait for something.
    pub fn waiting(&self) -> usize {
        self.fairness.prefixes()
    }
}
