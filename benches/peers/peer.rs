//! The peers: how each is told to do the same, and started.
//!
//! The same for all: one thread, DNSSEC validation only before signed zones, no prefetching, nothing stale, caches that do not fill up (unless
//! a scenario bounds them), loopback servers allowed. QNAME minimisation and everything else is as each has it.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::Running;
use super::zones::{Level, SERVERS, address};

/// Where every peer listens: one runs at a time. BIND listens on addresses that an interface has, and no others.
pub const LISTEN: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 5300);

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Not a resolver: the least a server can do.
    Echo,
    Burdock,
    Unbound,
    PowerDns,
    Knot,
    Bind,
}

/// What a scenario varies.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub workers: usize,
    /// Octets for the cache; `None`: more than will be needed.
    pub cache: Option<u64>,
    /// The RDATA of the root's DS record: every zone is signed, and everything is validated.
    pub anchor: Option<[u8; 36]>,
}

impl Default for Setup {
    fn default() -> Self {
        Self { workers: 1, cache: None, anchor: None }
    }
}

impl Setup {
    /// The anchor as its tag, its two algorithms, and its digest.
    fn ds(&self) -> Option<(String, String)> {
        let [high, low, algorithm, kind, digest @ ..] = self.anchor?;
        let digest = digest.iter().map(|octet| format!("{octet:02X}")).collect();
        Some((format!("{} {algorithm} {kind}", u16::from_be_bytes([high, low])), digest))
    }

    /// The anchor as a record.
    fn record(&self) -> Option<String> {
        self.ds().map(|(head, digest)| format!(". IN DS {head} {digest}"))
    }
}

/// Everybody, in the order of the tables.
/// Burdock's program, as `build` makes it.
pub const BURDOCK: &str = env!("CARGO_BIN_EXE_burdock");

pub const ALL: [Peer; 6] = [Peer::Echo, Peer::Burdock, Peer::Unbound, Peer::PowerDns, Peer::Knot, Peer::Bind];

impl Peer {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Burdock => "Burdock",
            Self::Unbound => "Unbound",
            Self::PowerDns => "PowerDNS Recursor",
            Self::Knot => "Knot Resolver",
            Self::Bind => "BIND",
        }
    }

    /// The name on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Burdock => "burdock",
            Self::Unbound => "unbound",
            Self::PowerDns => "pdns",
            Self::Knot => "knot",
            Self::Bind => "bind",
        }
    }

    /// The program, and the Debian package it comes from.
    pub const fn program(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Echo | Self::Burdock => None,
            Self::Unbound => Some(("unbound", "unbound")),
            Self::PowerDns => Some(("pdns_recursor", "pdns-recursor")),
            Self::Knot => Some(("kresd", "knot-resolver")),
            Self::Bind => Some(("named", "bind9")),
        }
    }

    /// Its version, as its package has it.
    pub fn version(self) -> String {
        let Some((_, package)) = self.program() else { return env!("CARGO_PKG_VERSION").to_owned() };
        let output = Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]).output();
        output.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts it on `cores`, with files of its own under `scratch`.
    pub fn start(self, setup: &Setup, cores: &[usize], scratch: &Path) -> io::Result<Running> {
        let folder = scratch.join(self.word());
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("root.hints"), root_hints())?;
        fs::write(folder.join("root.anchor"), setup.record().unwrap_or_default() + "\n")?;
        let mut command = self.command(setup, &folder)?;
        command.current_dir(&folder);
        Running::start(&mut command, cores, &folder.join("log"))
    }

    fn command(self, setup: &Setup, folder: &Path) -> io::Result<Command> {
        let write = |name: &str, text: String| -> io::Result<PathBuf> {
            let path = folder.join(name);
            fs::write(&path, text)?;
            Ok(path)
        };
        let with = |program: &str, arguments: &[&str], file: PathBuf| {
            let mut command = Command::new(program);
            command.args(arguments).arg(file);
            command
        };
        let at = folder.display().to_string();
        Ok(match self {
            Self::Echo => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("--echo");
                command
            }
            Self::Burdock => {
                let file = write("burdock.yaml", burdock(setup, &at))?;
                match std::env::var("BURDOCK_UNDER") {
                    Ok(words) => {
                        let mut words: Vec<&str> = words.split_whitespace().collect();
                        words.extend([BURDOCK, "serve", "--config"]);
                        with(words[0], &words[1..], file)
                    }
                    Err(_) => with(BURDOCK, &["serve", "--config"], file),
                }
            }
            Self::Unbound => with("unbound", &["-d", "-p", "-c"], write("unbound.conf", unbound(setup, &at))?),
            Self::PowerDns => {
                let anchor = setup.ds().map(|(head, digest)| format!("clearTA()\naddTA('.', '{head} {digest}')\n"));
                write("anchor.lua", anchor.unwrap_or_default())?;
                write("recursor.conf", power_dns(setup, &at))?;
                with("pdns_recursor", &[], format!("--config-dir={at}").into())
            }
            Self::Knot => {
                let mut command = with("kresd", &["-n", "-c"], write("kresd.conf", knot(setup, &at))?);
                command.arg(folder);
                command
            }
            Self::Bind => {
                let threads = setup.workers.to_string();
                with("named", &["-f", "-4", "-n", &threads, "-c"], write("named.conf", bind(setup, &at))?)
            }
        })
    }
}

fn root_hints() -> String {
    let servers = 0..u64::from(SERVERS[0].1);
    servers.map(|n| format!(". 3600000 NS n{n}.\nn{n}. 3600000 A {}\n", address(Level::Root, n))).collect()
}

fn burdock(setup: &Setup, at: &str) -> String {
    let cache = setup.cache.unwrap_or(8 << 30);
    let dnssec = match setup.anchor {
        Some(_) => format!("validate: true, trust-anchors: [{at}/root.anchor], trust-anchor-rollover: off"),
        None => "validate: false".to_owned(),
    };
    format!(
        "listen: [\"{LISTEN}\"]\nworkers: {}\ncache: {{ size: {}KiB }}\n\
         resolver: {{ root-hints: {at}/root.hints, ipv6: false, never-ask: [] }}\ndnssec: {{ {dnssec} }}\n",
        setup.workers,
        cache >> 10,
    )
}

fn unbound(setup: &Setup, at: &str) -> String {
    // Its manual: the RRset cache should be twice the message cache.
    let (messages, rrsets) = setup.cache.map_or((4 << 30, 8 << 30), |octets| (octets / 3, octets / 3 * 2));
    let modules = match setup.record() {
        Some(record) => format!("\"validator iterator\"\n trust-anchor: \"{record}\"\n key-cache-size: {messages}"),
        None => "\"iterator\"".to_owned(),
    };
    format!(
        "server:\n interface: {}@{}\n num-threads: {}\n so-reuseport: yes\n do-ip6: no\n\
         \x20do-not-query-localhost: no\n access-control: 127.0.0.0/8 allow\n module-config: {modules}\n\
         \x20root-hints: \"{at}/root.hints\"\n msg-cache-size: {messages}\n rrset-cache-size: {rrsets}\n\
         \x20chroot: \"\"\n username: \"\"\n directory: \"{at}\"\n pidfile: \"{at}/pid\"\n use-syslog: no\n\
         remote-control:\n control-enable: no\n",
        LISTEN.ip(),
        LISTEN.port(),
        setup.workers,
    )
}

fn power_dns(setup: &Setup, at: &str) -> String {
    // It counts entries, not octets; a fifth of a kilobyte is what one took here.
    let entries = setup.cache.map_or(50_000_000, |octets| octets / 400);
    let dnssec = match setup.anchor {
        Some(_) => format!("validate\nlua-config-file={at}/anchor.lua"),
        None => "off".to_owned(),
    };
    format!(
        "local-address={}\nlocal-port={}\nthreads={}\nreuseport={}\npdns-distributes-queries=no\ndont-query=\n\
         allow-from=127.0.0.0/8\nhint-file={at}/root.hints\ndnssec={dnssec}\nquery-local-address=0.0.0.0\n\
         max-cache-entries={entries}\nmax-packetcache-entries={entries}\nsocket-dir={at}\nwrite-pid=no\n\
         disable-syslog=yes\nquiet=yes\nsecurity-poll-suffix=\nsetuid=\nsetgid=\n",
        LISTEN.ip(),
        LISTEN.port(),
        setup.workers,
        if setup.workers > 1 { "yes" } else { "no" },
    )
}

fn knot(setup: &Setup, at: &str) -> String {
    let cache = setup.cache.unwrap_or(2 << 30);
    let anchor = setup.record().map_or_else(String::new, |record| format!("trust_anchors.add('{record}')\n"));
    format!(
        "net.ipv6 = false\nnet.listen('{}', {}, {{ kind = 'dns' }})\ncache.open({cache}, 'lmdb://{at}/cache')\n\
         trust_anchors.remove('.')\n{anchor}option('ALLOW_LOCAL', true)\nmodules = {{ 'hints > iterate' }}\n\
         hints.root_file('{at}/root.hints')\nfor _, module in ipairs({{ 'ta_update', 'ta_signal_query', \
         'detect_time_skew', 'detect_time_jump' }}) do modules.unload(module) end\nlog_level('err')\n",
        LISTEN.ip(),
        LISTEN.port(),
    )
}

fn bind(setup: &Setup, at: &str) -> String {
    let cache = setup.cache.unwrap_or(16 << 30);
    let (validation, anchors) = match setup.ds() {
        Some((head, digest)) => ("yes", format!("trust-anchors {{ \".\" static-ds {head} \"{digest}\"; }};\n")),
        None => ("no", String::new()),
    };
    format!(
        "options {{ directory \"{at}\"; pid-file none; session-keyfile none; listen-on port {} {{ {}; }};\n\
         listen-on-v6 {{ none; }}; recursion yes; allow-query {{ any; }}; allow-recursion {{ any; }};\n\
         dnssec-validation {validation}; prefetch 0; stale-answer-enable no; max-cache-size {cache};\n\
         recursive-clients 100000; empty-zones-enable no; notify no; }};\n{anchors}controls {{ }};\n\
         logging {{ channel log {{ stderr; severity error; }}; category default {{ log; }}; }};\n\
         zone \".\" {{ type hint; file \"{at}/root.hints\"; }};\n",
        LISTEN.port(),
        LISTEN.ip(),
    )
}
