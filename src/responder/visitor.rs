//! Who asks, as far as that is known: whether its address may be forged, what it may get, and what it gets when it or its
//! network asks for too much.

use std::sync::atomic::Ordering;

use super::{Client, ClientTransport, Immediate, Request, Responder, reply, request};
use crate::dns::Peeked;
use crate::dns::cookie::COOKIE_OPTION;
use crate::job::{Limit, LimitName};
use crate::policy::{Excess, Standing, Trust};
use crate::resolver::ResolveError;
use crate::telemetry::ClientCounters;

/// Who asks, with what is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visitor<'a> {
    pub client: &'a Client,
    /// How far its address is believed.
    pub standing: Standing,
    /// The COOKIE option of the reply, for a client that sent one.
    pub cookie: Option<[u8; COOKIE_OPTION]>,
    /// The most octets it can take, or is to get.
    pub limit: usize,
}

impl Responder {
    /// What is known of who sent `peeked`, a packet of so many octets. `None` when its cookie is malformed.
    #[inline]
    pub(super) fn recognise<'a>(
        &self,
        peeked: &Peeked<'_>,
        client: &'a Client,
        trust: Trust,
        octets: usize,
    ) -> Option<Visitor<'a>> {
        let mut standing = match (trust, client.transport) {
            (Trust::Exempt, _) => Standing::Exempt,
            (Trust::Believed, _) | (_, ClientTransport::Tcp) => Standing::Proven,
            (Trust::Stranger, ClientTransport::Udp) => Standing::Unproven,
        };
        let mut cookie = None;
        if let Some(value) = peeked.edns.and_then(|edns| edns.cookie)
            && let Some(cookies) = self.policy.cookies()
        {
            let shown = cookies.judge(value, client.address.ip(), self.resolver.world().clock.wall())?;
            cookie = Some(shown.option);
            if shown.genuine && standing == Standing::Unproven {
                standing = Standing::Proven;
            }
        }
        let mut limit = request::limit(peeked, client.transport);
        if standing == Standing::Unproven && self.policy.limits_rate() {
            limit = limit.min(self.resolver.limits().unproven_octets(octets));
        }
        Some(Visitor { client, standing, cookie, limit })
    }

    /// What a client over its rate gets.
    pub(super) fn shorten(
        &self,
        peeked: &Peeked<'_>,
        visitor: &Visitor<'_>,
        excess: Excess,
        out: &mut [u8],
    ) -> Immediate {
        let ClientCounters { rate_slipped, rate_bad_cookie, rate_silenced } = &self.counters;
        let counter = match excess {
            Excess::Silence => rate_silenced,
            _ if visitor.cookie.is_some() => rate_bad_cookie,
            _ => rate_slipped,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if excess == Excess::Silence { Immediate::Silence } else { reply::put_off(peeked, visitor, out) }
    }

    /// What a client gets of which too many questions wait: the hint to come in a way that is believed, or the reason.
    pub(super) fn turn_away(
        &self,
        peeked: &Peeked<'_>,
        visitor: &Visitor<'_>,
        (request, limit): (&Request, LimitName),
        out: &mut [u8],
    ) -> Immediate {
        let now = self.resolver.world().clock.now();
        self.resolver.limits().count(limit);
        if visitor.standing == Standing::Unproven {
            return reply::put_off(peeked, visitor, out);
        }
        let error = ResolveError::NoPlace { limit: Limit::ClientQuestions(limit) };
        let answer = reply::failed(&request.question, &error, request.dnssec_ok, self.at(now));
        self.hit(peeked, visitor, (&answer, now), out)
    }
}
