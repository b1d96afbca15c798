//! What the operator wants changed: who may ask, and which names are answered right here.
//!
//! The order of the checks, as code: `admit` before anything is looked at, `local` before the caches. Both are
//! synchronous and free of allocation as long as they say "go on".

mod access;
mod local;
mod special;

use std::net::IpAddr;

use crate::dns::{Name, Question};

pub use access::{Access, Verdict};
pub use local::{Local, LocalAnswer};

/// What the operator has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Who may ask, and who may not.
    pub access: access::Settings,
    /// Whether special-use names are answered here (RFC 6761, RFC 6303).
    pub special_use: bool,
    /// Zones the operator has set servers for: they win over special use.
    pub elsewhere: Vec<Name>,
}

pub use access::Settings as AccessSettings;

/// The policy in force. Immutable: a reload makes another one.
#[derive(Debug)]
pub struct Policy {
    access: Access,
    local: Option<Local>,
}

impl Policy {
    /// The policy that `settings` describe.
    pub fn new(settings: &Settings) -> Self {
        Self {
            access: Access::new(&settings.access),
            local: settings.special_use.then(|| Local::new(settings.elsewhere.clone())),
        }
    }

    /// First check: whether `client` may ask at all.
    pub fn admit(&self, client: IpAddr) -> Verdict {
        self.access.of(client)
    }

    /// Whether `client` may see what the cache has, without recursion.
    pub fn may_snoop(&self, client: IpAddr) -> bool {
        self.access.may_snoop(client)
    }

    /// Whether [`Self::local`] may have something to say about the name, in wire form: a glance at its last labels,
    /// so that everything else goes straight to the cache.
    pub fn may_be_local(&self, qname: &[u8]) -> bool {
        self.local.is_some() && Local::may_hold(qname)
    }

    /// Second check: the answer to a question that is not for the public DNS. `None` for all others.
    pub fn local(&self, question: &Question) -> Option<LocalAnswer> {
        self.local.as_ref()?.answer(question)
    }
}
