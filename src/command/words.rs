//! The words of `query` and `trace`, in any order, as users of dig write them: `@SERVER NAME TYPE +dnssec`.

use std::net::{IpAddr, SocketAddr};

use crate::dns::{Name, Question, RecordType};

use super::failure::Failure;

/// What the words ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The question; its name in the case it was written.
    pub question: Question,
    /// The server to ask in place of resolving here.
    pub server: Option<SocketAddr>,
    /// Whether signatures are wanted.
    pub dnssec: bool,
    /// Whether the server is asked over TCP at once.
    pub tcp: bool,
}

impl Words {
    /// Reads the words.
    ///
    /// # Errors
    /// [`Failure::Usage`], with what to write instead.
    pub fn read(words: &[String]) -> Result<Self, Failure> {
        let (mut plain, mut server, mut dnssec, mut tcp) = (Vec::new(), None, false, false);
        for word in words {
            match word.split_at_checked(1) {
                Some(("@", address)) if server.is_none() => server = Some(read_server(address)?),
                Some(("@", _)) => return Err(Failure::usage("there are two servers to ask", "name one `@SERVER`")),
                Some(("+", "dnssec")) => dnssec = true,
                Some(("+", "tcp")) => tcp = true,
                Some(("+", _)) => {
                    return Err(Failure::usage(format!("`{word}` is not known"), "there are `+dnssec` and `+tcp`"));
                }
                _ if word.eq_ignore_ascii_case("in") && words.len() > 1 => {}
                _ => plain.push(word.as_str()),
            }
        }
        let (name, rtype) = name_and_type(&plain)?;
        Ok(Self { question: Question::new(read_name(name)?, rtype), server, dnssec, tcp })
    }

    /// The question of a walk, which nothing but a name and a type can be told.
    ///
    /// # Errors
    /// [`Failure::Usage`] when there is more.
    pub fn walkable(self) -> Result<Question, Failure> {
        if self.server.is_some() || self.tcp || self.dnssec {
            let remedy = "leave out `@SERVER` and `+` words; `burdock query` takes them";
            return Err(Failure::usage("this shows burdock's own walk", remedy));
        }
        Ok(self.question)
    }
}

/// Which word is the name. A type may stand on either side; a single word is a name even when it could be a type.
fn name_and_type<'a>(words: &[&'a str]) -> Result<(&'a str, RecordType), Failure> {
    match words {
        [] => Err(Failure::usage("there is no name to ask about", "write one, as in `burdock query www.example.com`")),
        [name] => Ok((name, RecordType::A)),
        [first, second] => match (first.parse(), second.parse()) {
            (_, Ok(rtype)) => Ok((first, rtype)),
            (Ok(rtype), Err(_)) => Ok((second, rtype)),
            (Err(_), Err(_)) => {
                let reason = format!("neither `{first}` nor `{second}` is a record type");
                Err(Failure::usage(reason, "write one name and one type: A, AAAA, MX, NS, TXT …, or TYPE65280"))
            }
        },
        [_, _, third, ..] => {
            Err(Failure::usage(format!("`{third}` is one word too many"), "ask about one name and one type at a time"))
        }
    }
}

fn read_name(text: &str) -> Result<Name, Failure> {
    if let Ok(address) = text.parse::<IpAddr>() {
        let reason = format!("`{text}` is an address, not a name");
        return Err(Failure::usage(reason, format!("for its name ask about `{} PTR`", reverse(address))));
    }
    if !text.is_ascii() {
        let reason = format!("`{text}` has letters outside of ASCII");
        return Err(Failure::usage(reason, "write the name as it is in the DNS, each such label starting with `xn--`"));
    }
    if text.contains('/') {
        return Err(Failure::usage(
            format!("`{text}` is not a name"),
            "write the host's name alone, without `https://` and path",
        ));
    }
    text.parse().map_err(|_| {
        let reason = format!("`{text}` is not a domain name");
        Failure::usage(reason, "labels have 1 to 63 octets with one dot between them, the whole name at most 255")
    })
}

/// The name under which the reverse tree knows `address`.
fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(four) => {
            let [a, b, c, d] = four.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(six) => {
            let nibbles = six.octets().into_iter().rev().flat_map(|octet| [octet & 0x0f, octet >> 4]);
            format!("{}ip6.arpa", nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>())
        }
    }
}

fn read_server(text: &str) -> Result<SocketAddr, Failure> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = text.parse().ok().or_else(|| bare.parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, 53)));
    address.filter(|server| server.port() != 0).ok_or_else(|| {
        let reason = format!("`@{text}` is no server's address");
        Failure::usage(reason, "write `@192.0.2.1`, `@192.0.2.1:5353` or `@[2001:db8::1]:5353`; a name will not do")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Words, Failure> {
        Words::read(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn words_come_in_any_order() {
        let expected = read("@127.0.0.1:5353 Example.COM MX +dnssec +tcp").unwrap();
        assert_eq!(expected.question.to_string(), "Example.COM. MX");
        assert_eq!(expected.server, Some("127.0.0.1:5353".parse().unwrap()));
        assert!(expected.dnssec && expected.tcp);
        for other in ["+tcp mx Example.COM @127.0.0.1:5353 +dnssec", "Example.COM IN mx +dnssec @127.0.0.1:5353 +tcp"] {
            assert_eq!(read(other).unwrap(), expected, "{other}");
        }
    }

    #[test]
    fn one_word_is_a_name_and_two_may_both_look_like_types() {
        for (text, question) in [
            ("mx", "mx. A"),
            ("a mx", "a. MX"),
            ("ns", "ns. A"),
            ("TYPE65280 x", "x. TYPE65280"),
            (".", ". A"),
            ("in", "in. A"),
        ] {
            assert_eq!(read(text).unwrap().question.to_string(), question, "{text}");
        }
    }

    #[test]
    fn servers_have_addresses() {
        for (text, server) in
            [("@192.0.2.1", "192.0.2.1:53"), ("@::1", "[::1]:53"), ("@[::1]:99", "[::1]:99"), ("@[::1]", "[::1]:53")]
        {
            assert_eq!(read(&format!("x {text}")).unwrap().server, Some(server.parse().unwrap()));
        }
    }

    #[test]
    fn what_cannot_be_asked_says_why() {
        for (text, why, remedy) in [
            ("", "no name", "write one"),
            ("foo bar", "neither", "one name and one type"),
            ("a A b", "`b` is one word too many", "at a time"),
            ("x @localhost", "`@localhost` is no server's address", "a name will not do"),
            ("x @1.1.1.1 @1.1.1.2", "two servers", "one"),
            ("x +short", "`+short` is not known", "`+dnssec` and `+tcp`"),
            ("a..b", "`a..b` is not a domain name", "one dot"),
            ("müller.example", "outside of ASCII", "xn--"),
            ("https://example.com/", "is not a name", "without `https://`"),
            ("192.0.2.1", "is an address", "`1.2.0.192.in-addr.arpa PTR`"),
            ("::1", "is an address", "`1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa PTR`"),
        ] {
            let Failure::Usage { why: said, remedy: advice } = read(text).unwrap_err() else { panic!("{text}") };
            assert!(said.contains(why) && advice.contains(remedy), "{text}: {said} → {advice}");
        }
        let long = format!("{}.example", "x".repeat(64));
        assert!(read(&long).is_err());
    }
}
