//! A small Internet as zone files: a root, two TLDs and a reverse tree, and leaf zones with everything that real ones have.
//!
//! Names are outside the special-use registry (RFC 6761), addresses answered with are documentation ranges,
//! addresses asked at are 127.54.0.0/16 and `::1`.

/// Which of the four servers serves a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// NSD with the root.
    Root,
    /// Knot DNS with the top-level domains.
    Tld,
    /// NSD with leaf zones; the one that also listens on `::1`.
    NsdLeaf,
    /// Knot DNS with leaf zones.
    KnotLeaf,
}

impl Host {
    pub const ALL: [Self; 4] = [Self::Root, Self::Tld, Self::NsdLeaf, Self::KnotLeaf];

    pub const fn addresses(self) -> &'static [&'static str] {
        match self {
            Self::Root => &["127.54.0.1", "127.54.0.2"],
            Self::Tld => &["127.54.1.1", "127.54.1.2"],
            Self::NsdLeaf => &["127.54.2.1", "::1"],
            Self::KnotLeaf => &["127.54.3.1"],
        }
    }

    pub const fn is_nsd(self) -> bool {
        matches!(self, Self::Root | Self::NsdLeaf)
    }

    /// A name for its folder.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Tld => "tld",
            Self::NsdLeaf => "nsd-leaf",
            Self::KnotLeaf => "knot-leaf",
        }
    }
}

/// An address where a server is bound that never answers.
pub const SILENT: &str = "127.54.9.1";

/// The root hints given to Burdock.
pub const HINTS: &str = ". 3600000 NS a.roots.\na.roots. 3600000 A 127.54.0.1\n";

/// One zone and who serves it.
pub struct Zone {
    pub apex: &'static str,
    pub hosts: &'static [Host],
    pub signed: bool,
    pub text: &'static str,
}

const fn zone(apex: &'static str, hosts: &'static [Host], text: &'static str) -> Zone {
    Zone { apex, hosts, signed: false, text }
}

pub const ZONES: &[Zone] = &[
    zone(".", &[Host::Root], ROOT),
    zone("net", &[Host::Tld], NET),
    zone("org", &[Host::Tld], ORG),
    zone("arpa", &[Host::Tld], ARPA),
    zone("leaf.net", &[Host::NsdLeaf, Host::KnotLeaf], LEAF),
    zone("sub.leaf.net", &[Host::NsdLeaf, Host::KnotLeaf], SUB_LEAF),
    zone("knot.net", &[Host::KnotLeaf], KNOT),
    zone("hosts.org", &[Host::KnotLeaf], HOSTS),
    zone("glueless.net", &[Host::KnotLeaf], GLUELESS),
    zone("sibling.net", &[Host::NsdLeaf], SIBLING),
    zone("halflame.net", &[Host::NsdLeaf], HALF_LAME),
    zone("halfdead.net", &[Host::NsdLeaf], HALF_DEAD),
    zone("six.net", &[Host::NsdLeaf], SIX),
    Zone { apex: "signed.net", hosts: &[Host::KnotLeaf], signed: true, text: SIGNED },
];

const ROOT: &str = "\
. 86400 SOA a.roots. hostmaster.roots. 1 1800 900 604800 60
. 86400 NS a.roots.
. 86400 NS b.roots.
a.roots. 86400 A 127.54.0.1
b.roots. 86400 A 127.54.0.2
net. 86400 NS a.tlds.net.
net. 86400 NS b.tlds.net.
a.tlds.net. 86400 A 127.54.1.1
b.tlds.net. 86400 A 127.54.1.2
org. 86400 NS a.tlds.net.
arpa. 86400 NS a.tlds.net.
";

const NET: &str = "\
net. 3600 SOA a.tlds.net. hostmaster.tlds.net. 1 1800 900 604800 60
net. 86400 NS a.tlds.net.
net. 86400 NS b.tlds.net.
a.tlds.net. 86400 A 127.54.1.1
b.tlds.net. 86400 A 127.54.1.2
leaf.net. 3600 NS ns1.leaf.net.
leaf.net. 3600 NS ns2.leaf.net.
ns1.leaf.net. 3600 A 127.54.2.1
ns2.leaf.net. 3600 A 127.54.3.1
knot.net. 3600 NS ns.knot.net.
ns.knot.net. 3600 A 127.54.3.1
; A server in another TLD: no glue can be given.
glueless.net. 3600 NS ns1.hosts.org.
; A server in a sibling zone: the parent has its address as glue.
sibling.net. 3600 NS ns1.leaf.net.
; One server that refuses (it does not have the zone), one that has it.
halflame.net. 3600 NS refuses.halflame.net.
halflame.net. 3600 NS serves.halflame.net.
refuses.halflame.net. 3600 A 127.54.3.1
serves.halflame.net. 3600 A 127.54.2.1
lame.net. 3600 NS ns.lame.net.
ns.lame.net. 3600 A 127.54.3.1
; One server that never answers, one that does.
halfdead.net. 3600 NS silent.halfdead.net.
halfdead.net. 3600 NS serves.halfdead.net.
silent.halfdead.net. 3600 A 127.54.9.1
serves.halfdead.net. 3600 A 127.54.2.1
dead.net. 3600 NS ns.dead.net.
ns.dead.net. 3600 A 127.54.9.1
; A server whose name does not exist.
nowhere.net. 3600 NS ns.missing.hosts.org.
; Reachable over IPv6 alone.
six.net. 3600 NS ns.six.net.
ns.six.net. 3600 AAAA ::1
signed.net. 3600 NS ns.signed.net.
ns.signed.net. 3600 A 127.54.3.1
";

const ORG: &str = "\
org. 3600 SOA a.tlds.net. hostmaster.tlds.net. 1 1800 900 604800 60
org. 86400 NS a.tlds.net.
hosts.org. 3600 NS ns1.hosts.org.
ns1.hosts.org. 3600 A 127.54.3.1
; Each needs the other's server: no way in (RFC 1912 §2.8 in a circle).
circle-a.org. 3600 NS ns.circle-b.org.
circle-b.org. 3600 NS ns.circle-a.org.
";

const ARPA: &str = "\
arpa. 3600 SOA a.tlds.net. hostmaster.tlds.net. 1 1800 900 604800 60
arpa. 86400 NS a.tlds.net.
9.9.9.9.in-addr.arpa. 3600 PTR nine.leaf.net.
";

/// `MID`, `BIG` and `HUGE` are filled in when the zone is written.
const LEAF: &str = "\
leaf.net. 300 SOA ns1.leaf.net. hostmaster.leaf.net. 7 1800 900 604800 60
leaf.net. 300 NS ns1.leaf.net.
leaf.net. 300 NS ns2.leaf.net.
ns1.leaf.net. 300 A 127.54.2.1
ns2.leaf.net. 300 A 127.54.3.1
leaf.net. 300 MX 10 mail.leaf.net.
leaf.net. 300 MX 20 mail.knot.net.
leaf.net. 300 TXT \"v=spf1 mx -all\" \"second; string\"
leaf.net. 300 CAA 0 issue \"ca.example.net\"
mail.leaf.net. 300 A 192.0.2.25
www.leaf.net. 300 A 192.0.2.1
www.leaf.net. 300 AAAA 2001:db8::1
www.leaf.net. 300 HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1
many.leaf.net. 300 A 192.0.2.11
many.leaf.net. 300 A 192.0.2.12
many.leaf.net. 300 A 192.0.2.13
_imaps._tcp.leaf.net. 300 SRV 0 1 993 mail.leaf.net.
odd.leaf.net. 300 TYPE65280 \\# 4 DEADBEEF
alias.leaf.net. 300 CNAME www.leaf.net.
far.leaf.net. 300 CNAME target.knot.net.
chain1.leaf.net. 300 CNAME chain2.knot.net.
chain3.leaf.net. 300 CNAME chain4.hosts.org.
loop1.leaf.net. 300 CNAME loop2.knot.net.
self.leaf.net. 300 CNAME self.leaf.net.
dangling.leaf.net. 300 CNAME nothing.knot.net.
empty-end.leaf.net. 300 CNAME www.knot.net.
old.leaf.net. 300 DNAME new.knot.net.
*.wild.leaf.net. 300 A 192.0.2.77
named.wild.leaf.net. 300 TXT \"not the wildcard\"
x.y.ent.leaf.net. 300 A 192.0.2.88
MiXeD.leaf.net. 300 A 192.0.2.99
sub.leaf.net. 300 NS ns1.leaf.net.
sub.leaf.net. 300 NS ns2.leaf.net.
gone.leaf.net. 300 CNAME www.dead.net.
zero.leaf.net. 0 A 192.0.2.110
a\\.b.leaf.net. 300 A 192.0.2.111
\\000\\255.leaf.net. 300 A 192.0.2.112
MID
BIG
HUGE
";

const SUB_LEAF: &str = "\
sub.leaf.net. 300 SOA ns1.leaf.net. hostmaster.leaf.net. 1 1800 900 604800 60
sub.leaf.net. 300 NS ns1.leaf.net.
sub.leaf.net. 300 NS ns2.leaf.net.
www.sub.leaf.net. 300 A 192.0.2.101
a.b.c.d.sub.leaf.net. 300 A 192.0.2.102
";

const KNOT: &str = "\
knot.net. 300 SOA ns.knot.net. hostmaster.knot.net. 1 1800 900 604800 60
knot.net. 300 NS ns.knot.net.
ns.knot.net. 300 A 127.54.3.1
target.knot.net. 300 A 192.0.2.31
mail.knot.net. 300 A 192.0.2.26
www.knot.net. 300 AAAA 2001:db8::31
chain2.knot.net. 300 CNAME chain3.leaf.net.
loop2.knot.net. 300 CNAME loop1.leaf.net.
a.new.knot.net. 300 A 192.0.2.32
";

const HOSTS: &str = "\
hosts.org. 300 SOA ns1.hosts.org. hostmaster.hosts.org. 1 1800 900 604800 60
hosts.org. 300 NS ns1.hosts.org.
ns1.hosts.org. 300 A 127.54.3.1
chain4.hosts.org. 300 A 192.0.2.41
";

const GLUELESS: &str = "\
glueless.net. 300 SOA ns1.hosts.org. hostmaster.hosts.org. 1 1800 900 604800 60
glueless.net. 300 NS ns1.hosts.org.
www.glueless.net. 300 A 192.0.2.51
";

const SIBLING: &str = "\
sibling.net. 300 SOA ns1.leaf.net. hostmaster.leaf.net. 1 1800 900 604800 60
sibling.net. 300 NS ns1.leaf.net.
www.sibling.net. 300 A 192.0.2.52
";

const HALF_LAME: &str = "\
halflame.net. 300 SOA serves.halflame.net. hostmaster.leaf.net. 1 1800 900 604800 60
halflame.net. 300 NS refuses.halflame.net.
halflame.net. 300 NS serves.halflame.net.
refuses.halflame.net. 300 A 127.54.3.1
serves.halflame.net. 300 A 127.54.2.1
www.halflame.net. 300 A 192.0.2.53
";

const HALF_DEAD: &str = "\
halfdead.net. 300 SOA serves.halfdead.net. hostmaster.leaf.net. 1 1800 900 604800 60
halfdead.net. 300 NS silent.halfdead.net.
halfdead.net. 300 NS serves.halfdead.net.
silent.halfdead.net. 300 A 127.54.9.1
serves.halfdead.net. 300 A 127.54.2.1
www.halfdead.net. 300 A 192.0.2.54
";

const SIX: &str = "\
six.net. 300 SOA ns.six.net. hostmaster.six.net. 1 1800 900 604800 60
six.net. 300 NS ns.six.net.
ns.six.net. 300 AAAA ::1
www.six.net. 300 A 192.0.2.66
";

const SIGNED: &str = "\
signed.net. 300 SOA ns.signed.net. hostmaster.signed.net. 1 1800 900 604800 60
signed.net. 300 NS ns.signed.net.
ns.signed.net. 300 A 127.54.3.1
www.signed.net. 300 A 192.0.2.61
";

/// How many records of 250 octets of text `mid`, `big` and `huge.leaf.net` have.
pub const MID: usize = 3;
pub const BIG: usize = 8;
pub const HUGE: usize = 200;

impl Zone {
    /// The zone file.
    pub fn file(&self) -> String {
        let big = |name: &str, count: usize| -> String {
            (0..count).map(|i| format!("{name}.leaf.net. 300 TXT \"{i:03}{}\"\n", "x".repeat(247))).collect()
        };
        let text = self.text.replace("MID\n", &big("mid", MID));
        text.replace("BIG\n", &big("big", BIG)).replace("HUGE\n", &big("huge", HUGE))
    }

    /// The name of its file.
    pub fn file_name(&self) -> String {
        if self.apex == "." { "root.zone".to_owned() } else { format!("{}.zone", self.apex) }
    }
}
