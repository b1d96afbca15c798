//! DNS cookies (RFC 7873) in the form in which all servers can share them (RFC 9018): how they are made and read.
//!
//! Who is believed because of one is `policy`'s affair for clients, and `upstream`'s for servers.

#[allow(
    deprecated,
    reason = "the standard library's SipHash-2-4; other uses have better hashers, this one is prescribed"
)]
use std::hash::{Hasher, SipHasher};
use std::net::IpAddr;

use super::Edns;

/// The key of a hash.
pub type Secret = [u8; 16];
/// The client's part of a cookie.
pub type ClientCookie = [u8; 8];

/// Octets of a server cookie that is made here.
const SERVER_OCTETS: usize = 16;
/// The version of such cookies, and three reserved octets (RFC 9018 §4.1, §4.2).
const VERSION: [u8; 4] = [1, 0, 0, 0];
/// An older cookie is as good as none (RFC 9018 §4.3).
const MAX_AGE: u32 = 3600;
/// So far may the clocks of servers that share a secret be apart.
const MAX_AHEAD: u32 = 300;
/// A cookie of this age is replaced.
const RENEWAL: u32 = 1800;

/// Octets of a COOKIE option with both parts, header included.
pub const COOKIE_OPTION: usize = 4 + 8 + SERVER_OCTETS;

/// What a client sent: its own part, and ours if it had one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie<'a> {
    /// The client's part.
    pub client: ClientCookie,
    /// The server's part; empty when there is none.
    pub server: &'a [u8],
}

impl<'a> Cookie<'a> {
    /// Reads the value of a COOKIE option; `None` when its length is not one that RFC 7873 §4 allows.
    pub fn read(value: &'a [u8]) -> Option<Self> {
        let (client, server) = value.split_first_chunk::<8>()?;
        let allowed = server.is_empty() || (8..=32).contains(&server.len());
        allowed.then_some(Self { client: *client, server })
    }
}

/// When the server's part says that it was made; `None` when it is not of our form, or too old or too new at `now`.
pub fn made_at(server: &[u8], now: u32) -> Option<u32> {
    let server: &[u8; SERVER_OCTETS] = server.try_into().ok()?;
    let [1, _, _, _, time @ ..] = server.first_chunk::<8>()? else { return None };
    let made = u32::from_be_bytes(*time);
    (now.wrapping_sub(made) <= MAX_AGE || made.wrapping_sub(now) <= MAX_AHEAD).then_some(made)
}

/// Whether a cookie made then should be replaced.
pub const fn is_worn(made: u32, now: u32) -> bool {
    let age = now.wrapping_sub(made);
    age > RENEWAL && age <= MAX_AGE
}

/// Whether the server's part was made with `secret` for this client's part and address.
pub fn is_genuine(cookie: &Cookie<'_>, client: IpAddr, secret: &Secret) -> bool {
    let Some((head, hash)) = cookie.server.split_first_chunk::<8>() else { return false };
    // Not in constant time: eight octets, guessed over a network, for one hour.
    server_hash(&cookie.client, head, client, secret) == *hash
}

/// The COOKIE option that a client gets, made at `now`.
pub fn cookie_option(cookie: ClientCookie, client: IpAddr, now: u32, secret: &Secret) -> [u8; COOKIE_OPTION] {
    let mut head = [0; 8];
    let (version, time) = head.split_at_mut(4);
    version.copy_from_slice(&VERSION);
    time.copy_from_slice(&now.to_be_bytes());
    let hash = server_hash(&cookie, &head, client, secret);
    option(cookie, [head, hash].as_flattened())
}

/// The COOKIE option with a server's part that is still good.
pub fn same_option(cookie: &Cookie<'_>) -> [u8; COOKIE_OPTION] {
    option(cookie.client, cookie.server)
}

/// The client's part for a server: another one for each address and period (RFC 9018 §3).
pub fn client_cookie(server: IpAddr, period: u32, secret: &Secret) -> ClientCookie {
    let period = period.to_be_bytes();
    match server.to_canonical() {
        IpAddr::V4(v4) => keyed_hash(secret, [period, v4.octets()].as_flattened()),
        IpAddr::V6(v6) => {
            let mut octets = [0; 20];
            octets.iter_mut().zip(period.into_iter().chain(v6.octets())).for_each(|(place, octet)| *place = octet);
            keyed_hash(secret, &octets)
        }
    }
}

/// A secret that follows from another one and a number.
pub fn derive(secret: &Secret, number: u64) -> Secret {
    let mut derived = [0; 16];
    for (half, part) in derived.chunks_exact_mut(8).zip([0, 1]) {
        half.copy_from_slice(&keyed_hash(secret, &(number << 1 | part).to_be_bytes()));
    }
    derived
}

fn option(client: ClientCookie, server: &[u8]) -> [u8; COOKIE_OPTION] {
    let mut option = [0; COOKIE_OPTION];
    let octets = [&Edns::COOKIE.to_be_bytes()[..], &[0, (COOKIE_OPTION - 4) as u8], &client, server];
    option.iter_mut().zip(octets.into_iter().flatten()).for_each(|(place, octet)| *place = *octet);
    option
}

/// RFC 9018 §4.4: over the client's part, version, reserved octets, time and the client's address.
fn server_hash(cookie: &ClientCookie, head: &[u8; 8], client: IpAddr, secret: &Secret) -> [u8; 8] {
    let mut octets = [0; 32];
    let (fixed, address) = octets.split_at_mut(16);
    fixed.copy_from_slice([*cookie, *head].as_flattened());
    let length = match client.to_canonical() {
        IpAddr::V4(v4) => {
            address.iter_mut().zip(v4.octets()).for_each(|(place, octet)| *place = octet);
            20
        }
        IpAddr::V6(v6) => {
            address.copy_from_slice(&v6.octets());
            32
        }
    };
    keyed_hash(secret, octets.get(..length).unwrap_or_default())
}

/// SipHash-2-4 of `octets`, for who knows `secret` and nobody else.
#[allow(deprecated, reason = "see the import")]
pub fn keyed_hash(secret: &Secret, octets: &[u8]) -> [u8; 8] {
    let (first, second) = secret.split_at(8);
    let word = |half: &[u8]| half.iter().rev().fold(0, |word, octet| word << 8 | u64::from(*octet));
    let mut hasher = SipHasher::new_with_keys(word(first), word(second));
    hasher.write(octets);
    hasher.finish().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets<const N: usize>(text: &str) -> [u8; N] {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        bytes.try_into().unwrap()
    }

    /// One of RFC 9018's examples: what the client sent, and what it got back.
    struct Example {
        secret: &'static str,
        client: &'static str,
        now: u32,
        sent: &'static str,
        got: &'static str,
    }

    const SECRET: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
    const EXAMPLES: [Example; 4] = [
        Example {
            secret: SECRET,
            client: "198.51.100.100",
            now: 1_559_731_985,
            sent: "2464c4abcf10c957",
            got: "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
        },
        Example {
            secret: SECRET,
            client: "198.51.100.100",
            now: 1_559_734_385,
            sent: "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
            got: "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
        },
        Example {
            secret: SECRET,
            client: "203.0.113.203",
            now: 1_559_734_700,
            sent: "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            got: "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
        },
        Example {
            secret: "445536bcd2513298075a5d379663c962",
            client: "2001:db8:220:1:59de:d0f4:8769:82b8",
            now: 1_559_741_961,
            sent: "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
            got: "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
        },
    ];

    #[test]
    fn cookies_are_those_of_rfc_9018_appendix_a() {
        for Example { secret, client, now, sent, got } in EXAMPLES {
            let sent = data_encoding::HEXLOWER.decode(sent.as_bytes()).unwrap();
            let cookie = Cookie::read(&sent).unwrap();
            let option = cookie_option(cookie.client, client.parse().unwrap(), now, &octets(secret));
            assert_eq!(data_encoding::HEXLOWER.encode(&option[4..]), got);
            assert_eq!(option[..4], [0, 10, 0, 24]);
        }
    }

    #[test]
    fn what_the_examples_clients_sent_is_genuine_by_the_secret_of_its_time() {
        // A.3 has reserved octets that are not zero; A.4 was made with the secret before.
        let secrets = [SECRET, SECRET, "dd3bdf9344b678b185a6f5cb60fca715"];
        for (Example { client, now, sent, .. }, secret) in EXAMPLES.iter().skip(1).zip(secrets) {
            let sent: [u8; 24] = octets(sent);
            let cookie = Cookie::read(&sent).unwrap();
            let client: IpAddr = client.parse().unwrap();
            assert!(is_genuine(&cookie, client, &octets(secret)), "{client}");
            assert!(!is_genuine(&cookie, "192.0.2.1".parse().unwrap(), &octets(secret)));
            assert!(!is_genuine(&cookie, client, &[0; 16]));
            // A.3's is almost two hours old by then.
            assert_eq!(made_at(cookie.server, *now).is_some(), client != IpAddr::from([203, 0, 113, 203]), "{client}");
        }
    }

    #[test]
    fn lengths_are_8_and_16_to_40() {
        let value = [7; 64];
        let right: Vec<usize> = (0..64).filter(|length| Cookie::read(&value[..*length]).is_some()).collect();
        let expected: Vec<usize> = std::iter::once(8).chain(16..=40).collect();
        assert_eq!(right, expected);
    }

    #[test]
    fn an_hour_old_or_five_minutes_ahead_and_no_more() {
        for now in [5_000, 0, u32::MAX, 1_767_225_600] {
            let at = |made: u32| {
                let option = cookie_option([1; 8], IpAddr::from([192, 0, 2, 1]), made, &[2; 16]);
                made_at(&option[12..], now)
            };
            assert_eq!(at(now), Some(now));
            assert!(at(now.wrapping_sub(3600)).is_some() && at(now.wrapping_sub(3601)).is_none());
            assert!(at(now.wrapping_add(300)).is_some() && at(now.wrapping_add(301)).is_none());
            assert!(!is_worn(now.wrapping_sub(1800), now) && is_worn(now.wrapping_sub(1801), now));
            assert!(!is_worn(now.wrapping_add(300), now));
        }
        assert_eq!(made_at(&[2; 16], 0x0202_0202), None, "another version");
        assert_eq!(made_at(&[1; 8], 0x0101_0101), None, "another length");
    }

    #[test]
    fn each_server_gets_another_cookie_and_each_number_another_secret() {
        let cookies: std::collections::BTreeSet<ClientCookie> =
            (0..=255).map(|last| client_cookie(IpAddr::from([192, 0, 2, last]), 1, &[3; 16])).collect();
        assert_eq!(cookies.len(), 256);
        assert!(!cookies.contains(&client_cookie(IpAddr::from([192, 0, 2, 1]), 2, &[3; 16])));
        let secrets: std::collections::BTreeSet<Secret> = (0..1000).map(|number| derive(&[3; 16], number)).collect();
        assert_eq!(secrets.len(), 1000);
        assert_ne!(derive(&[3; 16], 1)[..8], derive(&[3; 16], 1)[8..]);
    }
}
