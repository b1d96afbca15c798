//! Text to values: sizes, times, addresses, networks. Each says what is wrong and what to write instead.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use ipnet::IpNet;

use crate::dns::{Name, Ttl};

use super::problem::Complaint;

type Taken<T> = Result<T, Complaint>;

/// `true` or `false`.
pub fn flag(text: &str) -> Taken<bool> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Complaint::new(format!("`{text}` is neither true nor false"), "write `true` or `false`")),
    }
}

/// One of `words`: which.
pub fn word(text: &str, words: &[&str]) -> Taken<usize> {
    words.iter().position(|word| *word == text).ok_or_else(|| {
        let remedy = match nearest(text, words.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? It may be {}", listed(words)),
            None => format!("write {}", listed(words)),
        };
        Complaint::new(format!("`{text}` is not known here"), remedy)
    })
}

/// A bound on how many: a whole number, at least 1.
pub fn bound(text: &str) -> Taken<u32> {
    match text.parse() {
        Ok(0) => Err(nothing(text, "1")),
        Ok(number) => Ok(number),
        Err(_) => {
            let reason = format!("`{text}` is no whole number from 1 to {}", u32::MAX);
            Err(Complaint::new(reason, "write digits only, without a unit"))
        }
    }
}

/// How many in a second; 0 for as many as there are.
pub fn rate(text: &str) -> Taken<u32> {
    text.parse().ok().filter(|rate| *rate <= MAX_RATE).ok_or_else(|| {
        let reason = format!("`{text}` is no whole number from 0 to {MAX_RATE}");
        Complaint::new(reason, "write digits only, without a unit; 0 for no limit")
    })
}

/// A bound on how long: from a millisecond to an hour.
pub fn bound_time(text: &str) -> Taken<Duration> {
    let time = time(text)?;
    if time.is_zero() {
        return Err(nothing(text, "1ms"));
    }
    if time > LONGEST_BOUND {
        return Err(Complaint::new(format!("`{text}` is out of range"), "write a time from `1ms` to `1h`"));
    }
    Ok(time)
}

/// In other programs 0 switches a bound off.
fn nothing(text: &str, least: &str) -> Complaint {
    let reason = format!("`{text}` is not allowed: it leaves room for nothing, and no bound can be switched off");
    Complaint::new(reason, format!("write at least `{least}`, or remove the key for the default"))
}

/// A number of workers; `None` for `auto`.
pub fn workers(text: &str) -> Taken<Option<NonZeroUsize>> {
    if text == "auto" {
        return Ok(None);
    }
    let parsed = text.parse().ok().filter(|workers: &NonZeroUsize| workers.get() <= MAX_WORKERS);
    parsed.map(Some).ok_or_else(|| {
        let reason = format!("`{text}` is neither `auto` nor a whole number from 1 to {MAX_WORKERS}");
        Complaint::new(reason, "write `auto` for one per core")
    })
}

/// A port.
pub fn port(text: &str) -> Taken<u16> {
    let parsed = text.parse().ok().filter(|port| *port > 0);
    parsed.ok_or_else(|| {
        Complaint::new(format!("`{text}` is no port"), "write a whole number from 1 to 65535; DNS uses 53")
    })
}

/// Octets, with a unit.
pub fn size(text: &str) -> Taken<u64> {
    let (number, unit) = split(text);
    let unit_octets = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1u64 << 40,
        _ => {
            let reason = if unit.is_empty() {
                format!("`{text}` has no unit")
            } else {
                format!("`{text}` is no size: `{unit}` is not a unit")
            };
            let example = if number.is_empty() { "512" } else { number };
            return Err(Complaint::new(
                reason,
                format!("write B, KiB, MiB, GiB or TiB behind a whole number, as in `{example}MiB`"),
            ));
        }
    };
    let octets = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_octets));
    octets.ok_or_else(|| {
        Complaint::new(format!("`{text}` is no size"), "write a whole number and a unit, as in `512MiB`")
    })
}

/// A time, with a unit.
pub fn time(text: &str) -> Taken<Duration> {
    let (number, unit) = split(text);
    let unit_ms = match (number, unit) {
        ("0", "") => 1,
        (_, "ms") => 1,
        (_, "s") => 1000,
        (_, "m") => 60_000,
        (_, "h") => 3_600_000,
        (_, "d") => 86_400_000,
        (_, "w") => 604_800_000u64,
        _ => {
            let reason = if unit.is_empty() {
                format!("`{text}` has no unit")
            } else {
                format!("`{text}` is no time: `{unit}` is not a unit")
            };
            let example = if number.is_empty() { "30" } else { number };
            return Err(Complaint::new(
                reason,
                format!("write ms, s, m, h, d or w behind a whole number, as in `{example}s`"),
            ));
        }
    };
    let ms = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_ms));
    let ms = ms.filter(|ms| *ms <= LONGEST_TIME_MS);
    ms.map(Duration::from_millis)
        .ok_or_else(|| Complaint::new(format!("`{text}` is no time"), "write a whole number and a unit, as in `300s`"))
}

/// A time in whole seconds of at most `most`.
pub fn ttl(text: &str, most: Duration) -> Taken<Ttl> {
    let time = time(text)?;
    if time.subsec_millis() != 0 {
        return Err(Complaint::new(
            format!("`{text}` is not a whole number of seconds"),
            "TTLs count seconds: write `s`, `m`, `h` or `d`",
        ));
    }
    if time > most {
        let most = show_time(u64::try_from(most.as_millis()).unwrap_or(u64::MAX));
        return Err(Complaint::new(format!("`{text}` is too long"), format!("write at most `{most}`")));
    }
    Ok(Ttl::from_secs(u32::try_from(time.as_secs()).unwrap_or(u32::MAX)))
}

/// An address and a port; port 53 when there is none.
pub fn endpoint(text: &str) -> Taken<SocketAddr> {
    // `::1:53` is an address; whoever writes it means `[::1]:53`.
    if let (Ok(whole), Some((ip, last))) = (text.parse::<Ipv6Addr>(), text.rsplit_once(':'))
        && let (Ok(ip), Ok(port)) = (ip.parse::<Ipv6Addr>(), last.parse::<u16>())
    {
        let reason = format!("`{text}` may be an address, or an address and a port");
        return Err(Complaint::new(reason, format!("write `\"[{ip}]:{port}\"`, or `\"[{whole}]:53\"`")));
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let endpoint = text.parse().ok().or_else(|| bare.parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, 53)));
    endpoint.ok_or_else(|| {
        let reason = format!("`{text}` is no address with a port");
        Complaint::new(reason, "write `192.0.2.1:53` or `\"[2001:db8::1]:53\"`; a name will not do")
    })
}

/// An address.
pub fn address(text: &str) -> Taken<IpAddr> {
    text.parse()
        .map_err(|_| Complaint::new(format!("`{text}` is no IP address"), "write `192.0.2.1` or `\"2001:db8::1\"`"))
}

/// A network; an address alone is a network of one.
pub fn network(text: &str) -> Taken<IpNet> {
    let parsed = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let Some(net) = parsed else {
        if ["none", "off", "no", "false", "nobody"].contains(&text) {
            return Err(Complaint::new(format!("`{text}` is no network"), "write `[]` for no network at all"));
        }
        return Err(Complaint::new(format!("`{text}` is no network"), "write `192.0.2.0/24` or `\"2001:db8::/32\"`"));
    };
    if net.trunc() != net {
        let reason = format!("`{text}` has bits set behind its prefix of {} bits", net.prefix_len());
        return Err(Complaint::new(
            reason,
            format!("write `{}`, or `{}` for the one address", net.trunc(), net.addr()),
        ));
    }
    if let IpNet::V6(six) = net
        && let Some(four) = six.addr().to_ipv4_mapped()
        && six.prefix_len() >= 96
    {
        let reason = format!("`{text}` is IPv4 written as IPv6 and matches nothing");
        return Err(Complaint::new(reason, format!("write `{four}/{}`", six.prefix_len() - 96)));
    }
    Ok(net)
}

/// A domain that stands for all below it, which needs no `*`; as a name it would match nothing.
pub fn without_wildcard(text: &str, name: Name) -> Taken<Name> {
    if name.is_wildcard() {
        let reason = format!("`{text}` has a `*` in it");
        return Err(Complaint::new(reason, "write the domain alone: it stands for all below it, too"));
    }
    Ok(name)
}

/// Milliseconds in the largest unit that divides them.
pub fn show_time(ms: u64) -> String {
    for (unit_ms, unit) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")] {
        if ms >= unit_ms && ms.is_multiple_of(unit_ms) {
            return format!("{}{unit}", ms / unit_ms);
        }
    }
    format!("{ms}ms")
}

/// The one of `candidates` that was probably meant.
pub fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_ascii_lowercase().replace('_', "-");
    let distance = |candidate: &&str| strsim::damerau_levenshtein(&text, candidate);
    candidates.min_by_key(distance).filter(|best| distance(best) <= best.len().min(text.len()).div_ceil(3))
}

fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

/// `a, b or c`, each in backquotes.
fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// The largest number of replies in a second.
pub const MAX_RATE: u32 = 1_000_000;
const MAX_WORKERS: usize = 1024;
const LONGEST_BOUND: Duration = Duration::from_secs(3600);
/// Nothing here is meant to last longer than a leap year.
const LONGEST_TIME_MS: u64 = 366 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!(size("512MiB").unwrap(), 512 << 20);
        assert_eq!(size("1 GiB").unwrap(), 1 << 30);
        assert_eq!(size("7B").unwrap(), 7);
        for (text, ms) in
            [("1d", 86_400_000), ("300s", 300_000), ("1800ms", 1800), ("0", 0), ("2w", 1_209_600_000), ("5 m", 300_000)]
        {
            assert_eq!(time(text).unwrap(), Duration::from_millis(ms), "{text}");
        }
        for bad in ["512", "512MB", "MiB", "1.5GiB", "-1MiB", "99999999999TiB", "", "512mib"] {
            assert!(size(bad).is_err(), "{bad}");
        }
        for bad in ["300", "3 minutes", "1.5h", "-1s", "", "s", "400d", "99999999999999999999s"] {
            assert!(time(bad).is_err(), "{bad}");
        }
        assert!(ttl("1500ms", Duration::from_secs(9)).unwrap_err().reason.contains("whole number of seconds"));
        assert!(ttl("2d", Duration::from_secs(86_400)).unwrap_err().remedy.contains("`1d`"));
    }

    #[test]
    fn times_are_shown_as_they_are_read() {
        for ms in [0, 1, 400, 1000, 1500, 60_000, 90_000, 3_600_000, 86_400_000, 604_800_000] {
            assert_eq!(time(&show_time(ms)).unwrap(), Duration::from_millis(ms));
        }
    }

    #[test]
    fn endpoints_may_leave_the_port_out() {
        for (text, endpoint) in [
            ("127.0.0.1", "127.0.0.1:53"),
            ("::1", "[::1]:53"),
            ("[::1]", "[::1]:53"),
            ("[::1]:5353", "[::1]:5353"),
            ("0.0.0.0:1", "0.0.0.0:1"),
        ] {
            assert_eq!(super::endpoint(text).unwrap(), endpoint.parse().unwrap());
        }
        for bad in ["localhost:53", "127.0.0.1:65536", "127.0.0.1:", "1.2.3", ""] {
            assert!(super::endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn networks_are_exact() {
        assert_eq!(network("192.0.2.1").unwrap(), "192.0.2.1/32".parse().unwrap());
        assert!(network("127.0.0.1/8").unwrap_err().remedy.contains("`127.0.0.0/8`"));
        assert!(network("::ffff:10.0.0.0/104").unwrap_err().remedy.contains("`10.0.0.0/8`"));
        assert!(network("10.0.0.0/33").is_err());
    }

    #[test]
    fn what_is_nearly_right_is_suggested() {
        let keys = ["listen", "workers", "cache", "resolver"];
        for (typed, meant) in [
            ("lisen", Some("listen")),
            ("worker", Some("workers")),
            ("CACHE", Some("cache")),
            ("resovler", Some("resolver")),
            ("dns", None),
        ] {
            assert_eq!(nearest(typed, keys.into_iter()), meant, "{typed}");
        }
    }
}
