//! The zones of a chain of trust, each signed by a program of others, and what is wrong with some.

/// Who serves a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// NSD with the root.
    Root,
    /// NSD with `test` and, on the same address, `opt.test`: parent and child are not told apart by referrals.
    Tld,
    /// NSD with leaf zones.
    Leaf,
    /// Knot DNS, which signs what it serves.
    Knot,
}

impl Place {
    pub const ALL: [Self; 4] = [Self::Root, Self::Tld, Self::Leaf, Self::Knot];

    pub const fn address(self) -> &'static str {
        match self {
            Self::Root => "127.55.0.1",
            Self::Tld => "127.55.0.2",
            Self::Leaf => "127.55.0.3",
            Self::Knot => "127.55.0.4",
        }
    }

    pub const fn folder(self) -> &'static str {
        match self {
            Self::Root => "chain-root",
            Self::Tld => "chain-tld",
            Self::Leaf => "chain-leaf",
            Self::Knot => "chain-knot",
        }
    }
}

/// Who signs a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Nobody.
    Nobody,
    /// `ldns-signzone`, with these options.
    Ldns(&'static [&'static str]),
    /// `dnssec-signzone`, with these options.
    Bind(&'static [&'static str]),
    /// Knot DNS when it loads the zone; NSEC3.
    Knot,
    /// Knot DNS when it is asked; NSEC records that cover as little as possible (RFC 4470).
    KnotOnline,
}

/// What the parent says of the zone's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouch {
    /// Nothing.
    No,
    /// What is so.
    Right,
    /// Its digest is of something else.
    WrongDigest,
    /// One of an algorithm that nobody knows.
    Algorithm,
    /// One of a digest type that nobody knows.
    Digest,
}

/// A change made to the signed zone: the records of an owner (all owners) and type (`RRSIG A`: its signatures) get
/// other data, or are left out.
pub struct Edit(pub Option<&'static str>, pub &'static str, pub Option<&'static str>);

/// One zone.
pub struct Zone {
    pub apex: &'static str,
    pub place: Place,
    pub tool: Tool,
    pub algorithm: &'static str,
    pub vouch: Vouch,
    pub edits: &'static [Edit],
    /// What validators shall say of its `www`.
    pub verdict: Verdict,
}

/// What a validator concludes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Secure,
    Insecure,
    Bogus,
}

const P256: &str = "ECDSAP256SHA256";
const PLAIN: Tool = Tool::Ldns(&[]);
const HASHED: Tool = Tool::Ldns(&["-n"]);

const fn good(apex: &'static str, place: Place, tool: Tool, algorithm: &'static str) -> Zone {
    Zone { apex, place, tool, algorithm, vouch: Vouch::Right, edits: &[], verdict: Verdict::Secure }
}

const fn insecure(apex: &'static str, tool: Tool, vouch: Vouch) -> Zone {
    Zone { apex, place: Place::Leaf, tool, algorithm: P256, vouch, edits: &[], verdict: Verdict::Insecure }
}

const fn flawed(apex: &'static str, tool: Tool, edits: &'static [Edit], verdict: Verdict) -> Zone {
    Zone { apex, place: Place::Leaf, tool, algorithm: P256, vouch: Vouch::Right, edits, verdict }
}

const ALIASES: &[Edit] =
    &[Edit(Some("alias"), "CNAME", Some("mail.aliases.test.")), Edit(Some("old"), "DNAME", Some("wild.aliases.test."))];

/// Children before their parents. Four have RSA keys.
pub const ZONES: &[Zone] = &[
    good("sha1.test.", Place::Leaf, PLAIN, "RSASHA1"),
    good("sha1n3.test.", Place::Leaf, HASHED, "RSASHA1_NSEC3"),
    good("rsa256.test.", Place::Leaf, Tool::Bind(&["-3", "abcd", "-H", "5"]), "RSASHA256"),
    good("rsa512.test.", Place::Leaf, Tool::Bind(&[]), "RSASHA512"),
    good("p256.test.", Place::Knot, Tool::Knot, P256),
    good("online.test.", Place::Knot, Tool::KnotOnline, P256),
    good("p384.test.", Place::Leaf, Tool::Ldns(&["-n", "-p"]), "ECDSAP384SHA384"),
    good("ed.test.", Place::Leaf, Tool::Bind(&[]), "ED25519"),
    good("safe.opt.test.", Place::Leaf, PLAIN, "ED25519"),
    insecure("plain.opt.test.", Tool::Nobody, Vouch::No),
    insecure("plain.test.", Tool::Nobody, Vouch::No),
    insecure("island.test.", PLAIN, Vouch::No),
    insecure("algorithm.test.", PLAIN, Vouch::Algorithm),
    insecure("digest.test.", PLAIN, Vouch::Digest),
    good("iterations.test.", Place::Leaf, Tool::Ldns(&["-n", "-t", "400"]), P256),
    flawed("broken.test.", PLAIN, &[Edit(Some("www"), "A", Some("192.0.2.99"))], Verdict::Bogus),
    flawed("broken3.test.", HASHED, &[Edit(Some("www"), "A", Some("192.0.2.99"))], Verdict::Bogus),
    flawed("expired.test.", Tool::Ldns(&["-i", "20200101", "-e", "20200201"]), &[], Verdict::Bogus),
    flawed("future.test.", Tool::Ldns(&["-i", "20370101", "-e", "20370201"]), &[], Verdict::Bogus),
    flawed("nosig.test.", PLAIN, &[Edit(Some("www"), "RRSIG A", None)], Verdict::Bogus),
    flawed("nosoasig.test.", PLAIN, &[Edit(None, "RRSIG SOA", None)], Verdict::Secure),
    flawed("nonsec.test.", PLAIN, &[Edit(None, "NSEC", None), Edit(None, "RRSIG NSEC", None)], Verdict::Secure),
    flawed("nonsecsig.test.", PLAIN, &[Edit(None, "RRSIG NSEC", None)], Verdict::Secure),
    flawed("wildcard.test.", PLAIN, &[Edit(Some("*.wild"), "TXT", Some("\"else\""))], Verdict::Secure),
    flawed("nonsec3sig.test.", HASHED, &[Edit(None, "RRSIG NSEC3", None)], Verdict::Secure),
    flawed("aliases.test.", PLAIN, ALIASES, Verdict::Secure),
    flawed("dssig.test.", PLAIN, &[], Verdict::Bogus),
    good("hundred.test.", Place::Leaf, Tool::Ldns(&["-n", "-t", "100"]), P256),
    flawed("nokeysig.test.", PLAIN, &[Edit(None, "RRSIG DNSKEY", None)], Verdict::Bogus),
    flawed("stripped.test.", Tool::Nobody, &[], Verdict::Bogus),
    Zone { vouch: Vouch::WrongDigest, ..flawed("wrongds.test.", PLAIN, &[], Verdict::Bogus) },
    good("opt.test.", Place::Tld, Tool::Bind(&["-3", "-", "-A"]), P256),
    Zone {
        edits: &[Edit(Some("dssig"), "RRSIG DS", None)],
        ..good("test.", Place::Tld, Tool::Bind(&["-3", "-"]), "RSASHA256")
    },
    good(".", Place::Root, Tool::Bind(&[]), P256),
];

/// The root hints.
pub const HINTS: &str = ". 3600000 NS a.roots.\na.roots. 3600000 A 127.55.0.1\n";

/// What each leaf zone has.
const LEAF: &str = "\
@ TXT \"apex\"
@ MX 10 mail
www A 192.0.2.1
www AAAA 2001:db8::1
mail A 192.0.2.25
alias CNAME www
gone CNAME missing
out CNAME www.plain.test.
*.wild A 192.0.2.4
*.wild TXT \"wild\"
deep.empty A 192.0.2.6
old DNAME empty
";

impl Zone {
    /// The file before it is signed, but for what it says of its children.
    pub fn text(&self) -> String {
        let address = self.place.address();
        let own = match self.apex {
            "." => format!("@ NS a.roots.\na.roots. A {address}\n"),
            _ => format!("@ NS ns\nns A {address}\n{}", if self.place == Place::Tld { "" } else { LEAF }),
        };
        let primary = if self.apex == "." { "a.roots." } else { "ns" };
        format!("$ORIGIN {}\n$TTL 300\n@ SOA {primary} host.master 1 7200 900 1209600 60\n{own}", self.apex)
    }

    /// Whether it has been delegated by `parent`.
    pub fn is_child_of(&self, parent: &Self) -> bool {
        let above = self.apex.split_once('.').map_or("", |(_, rest)| rest);
        self.apex != "." && parent.apex == if above.is_empty() { "." } else { above }
    }

    /// Whether it has what leaf zones have.
    pub fn has_www(&self) -> bool {
        matches!(self.place, Place::Leaf | Place::Knot)
    }

    /// The name of its file.
    pub fn file_name(&self) -> String {
        format!("{}zone", if self.apex == "." { "root." } else { self.apex })
    }

    /// The signed zone with what is wrong with it.
    pub fn edited(&self, signed: &str) -> String {
        let mut text = String::new();
        for line in signed.lines() {
            match self.edits.iter().find(|edit| edit.concerns(line, self.apex)) {
                None => text.push_str(line),
                Some(Edit(_, rtype, Some(data))) => {
                    let owner = line.split_whitespace().next().unwrap_or_default();
                    text.push_str(&format!("{owner} 300 IN {rtype} {data}"));
                }
                Some(_) => continue,
            }
            text.push('\n');
        }
        text
    }
}

impl Edit {
    fn concerns(&self, line: &str, apex: &str) -> bool {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["RRSIG", covered] = self.1.split(' ').collect::<Vec<_>>()[..] else {
            return words.get(3) == Some(&self.1) && self.is_of(words[0], apex);
        };
        words.get(3) == Some(&"RRSIG") && words.get(4) == Some(&covered) && self.is_of(words[0], apex)
    }

    fn is_of(&self, owner: &str, apex: &str) -> bool {
        self.0.is_none_or(|label| owner == format!("{label}.{apex}"))
    }
}
