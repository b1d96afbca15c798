//! Cookies for clients: who has got a reply at its address within the hour has not made that address up (RFC 7873,
//! RFC 9018). Nothing is remembered of any client.
//!
//! The secret is drawn at the start and another one follows from it every day; or it is the operator's, the same on
//! all servers behind one address.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::dns::cookie::{
    COOKIE_OPTION, Cookie, Secret, cookie_option, derive, is_genuine, is_worn, made_at, same_option,
};
use crate::dns::serial_time;

/// What cookies are made with.
#[derive(Clone, PartialEq, Eq)]
pub enum Settings {
    /// There are none: a client's cookie is passed over.
    Off,
    /// A secret of our own.
    Random,
    /// The operator's secrets: cookies are made with the first and taken from all.
    Shared(Vec<Secret>),
}

/// A cookie that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Whether the client has shown that it gets replies at its address.
    pub genuine: bool,
    /// The COOKIE option that goes back, its header included.
    pub option: [u8; COOKIE_OPTION],
}

/// The judge of cookies, and their maker.
pub struct Cookies(Source);

enum Source {
    Daily { seed: Secret, today: ArcSwap<(u32, Secret)> },
    Shared { first: Secret, others: Box<[Secret]> },
}

impl Cookies {
    /// As `settings` say; `seed` is drawn by dice. `None` when there are to be none.
    pub fn new(settings: &Settings, seed: Secret) -> Option<Self> {
        let source = match settings {
            Settings::Off => return None,
            Settings::Shared(secrets) if let Some((first, others)) = secrets.split_first() => {
                Source::Shared { first: *first, others: others.into() }
            }
            Settings::Random | Settings::Shared(_) => {
                Source::Daily { seed, today: ArcSwap::from_pointee((0, derive(&seed, 0))) }
            }
        };
        Some(Self(source))
    }

    /// What the COOKIE option `value` of a packet from `client` says at `wall` since 1970; `None` when it is malformed.
    pub fn judge(&self, value: &[u8], client: IpAddr, wall: Duration) -> Option<Shown> {
        let cookie = Cookie::read(value)?;
        let now = serial_time(wall);
        let made = made_at(cookie.server, now).filter(|made| self.is_genuine(&cookie, client, *made));
        let option = match made {
            Some(made) if !is_worn(made, now) => same_option(&cookie),
            _ => cookie_option(cookie.client, client, now, &self.secret(now)),
        };
        Some(Shown { genuine: made.is_some(), option })
    }

    fn is_genuine(&self, cookie: &Cookie<'_>, client: IpAddr, made: u32) -> bool {
        is_genuine(cookie, client, &self.secret(made))
            || match &self.0 {
                Source::Daily { .. } => false,
                Source::Shared { others, .. } => others.iter().any(|secret| is_genuine(cookie, client, secret)),
            }
    }

    /// The secret that cookies of this time are made with. So yesterday's stay good for their hour.
    fn secret(&self, time: u32) -> Secret {
        let (seed, today) = match &self.0 {
            Source::Daily { seed, today } => (seed, today),
            Source::Shared { first, .. } => return *first,
        };
        let (day, kept) = (time / DAY, today.load());
        if kept.0 == day {
            return kept.1;
        }
        let secret = derive(seed, day.into());
        today.store(Arc::new((day, secret)));
        secret
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("Off"),
            Self::Random => f.write_str("Random"),
            Self::Shared(secrets) => write!(f, "Shared({} secrets)", secrets.len()),
        }
    }
}

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookies(secret)")
    }
}

/// How long one secret makes cookies, in seconds (RFC 7873 §7.1 allows up to 36 days).
const DAY: u32 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));
    const START: Duration = Duration::from_secs(1_767_225_600);

    fn cookies(settings: &Settings) -> Cookies {
        Cookies::new(settings, [9; 16]).unwrap()
    }

    fn first(cookies: &Cookies, wall: Duration) -> [u8; 24] {
        cookies.judge(&[5; 8], CLIENT, wall).unwrap().option[4..].try_into().unwrap()
    }

    #[test]
    fn a_cookie_stays_good_when_the_secret_of_the_day_changes() {
        let cookies = cookies(&Settings::Random);
        // START is midnight.
        let late = START - Duration::from_secs(60);
        let cookie = first(&cookies, late);
        assert!(cookies.judge(&cookie, CLIENT, START + Duration::from_secs(60)).unwrap().genuine);
        assert_ne!(first(&cookies, late)[16..], first(&cookies, START)[16..]);
        assert!(!cookies.judge(&cookie, CLIENT, late + Duration::from_secs(3601)).unwrap().genuine);
    }

    #[test]
    fn a_good_cookie_comes_back_as_it_was_for_half_an_hour() {
        let cookies = cookies(&Settings::Random);
        let cookie = first(&cookies, START);
        let after = |seconds| cookies.judge(&cookie, CLIENT, START + Duration::from_secs(seconds)).unwrap();
        assert_eq!(after(1800).option[4..], cookie);
        assert!(after(1801).genuine && after(1801).option[4..] != cookie);
    }

    #[test]
    fn servers_that_share_secrets_take_each_others_cookies_while_the_secret_changes() {
        let (old, new) = ([1; 16], [2; 16]);
        let [before, during, after] =
            [vec![old], vec![new, old], vec![new]].map(|secrets| cookies(&Settings::Shared(secrets)));
        let cookie = first(&before, START);
        assert!(during.judge(&cookie, CLIENT, START).unwrap().genuine);
        assert!(!after.judge(&cookie, CLIENT, START).unwrap().genuine);
        assert!(after.judge(&first(&during, START), CLIENT, START).unwrap().genuine);
    }
}
