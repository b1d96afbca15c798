//! Four authoritative servers, NSD and Knot DNS, on loopback addresses that share one port.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ask::Asker;
use super::process::{Server, within};
use super::zones::{Host, SILENT, ZONES};

/// How long servers may take to load and sign.
const START: Duration = Duration::from_secs(30);

/// The running hierarchy.
pub struct Lab {
    /// The port all servers listen on.
    pub port: u16,
    /// Where logs and files are.
    pub folder: PathBuf,
    servers: Vec<(Host, Server)>,
    _silent: (UdpSocket, TcpListener),
}

impl Lab {
    /// Starts all servers and waits until each gives each of its zones.
    pub fn start() -> Self {
        let port = free_port();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("e2e-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the servers");
        let servers = Host::ALL.map(|host| (host, start(host, &folder.join(host.folder()), port))).into();
        let silent = (UdpSocket::bind((SILENT, port)), TcpListener::bind((SILENT, port)));
        let silent = (silent.0.expect("a silent server"), silent.1.expect("a silent server"));
        let mut lab = Self { port, folder, servers, _silent: silent };
        lab.wait(&Host::ALL);
        lab
    }

    /// Ends a server; its sockets are closed when this returns.
    pub fn stop(&mut self, host: Host) {
        self.servers.retain(|(known, _)| *known != host);
    }

    /// Starts a server again, and waits until it gives its zones.
    pub fn restart(&mut self, host: Host) {
        self.stop(host);
        self.servers.push((host, start(host, &self.folder.join(host.folder()), self.port)));
        self.wait(&[host]);
    }

    fn wait(&mut self, hosts: &[Host]) {
        for zone in ZONES {
            for address in zone.hosts.iter().filter(|host| hosts.contains(host)).flat_map(|host| host.addresses()) {
                await_zone(zone.apex, (address, self.port), &self.folder);
            }
        }
        for (_, server) in &mut self.servers {
            assert!(server.ended().is_none(), "a server ended; see {:?}", self.folder);
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.servers.clear();
        // Logs of a failed run are worth keeping; `cargo clean` takes them away.
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Waits until the server at an address and port gives the zone; `folder` is where its log is.
pub fn await_zone(apex: &str, (address, port): (&str, u16), folder: &Path) {
    let dig = Asker::dig(address, port).with("+time=1").with("+norec");
    let mut last = String::new();
    let ready = within(START, || {
        last = match dig.try_ask(&format!("{apex} SOA")) {
            Ok(reply) if reply.has("aa") && reply.answer.len() == 1 => return Some(()),
            Ok(reply) => reply.text,
            Err(text) => text,
        };
        None
    });
    assert!(ready.is_some(), "{apex} at {address} is not ready; see {folder:?}: {last}");
}

/// A port that is free for UDP and TCP on every address of the hierarchy.
fn free_port() -> u16 {
    let addresses = || Host::ALL.iter().flat_map(|host| host.addresses()).chain([&SILENT]);
    for _ in 0..50 {
        let port =
            TcpListener::bind(("127.54.0.1", 0)).and_then(|socket| socket.local_addr()).expect("loopback").port();
        let free =
            |address: &&str| TcpListener::bind((*address, port)).is_ok() && UdpSocket::bind((*address, port)).is_ok();
        if addresses().all(free) {
            return port;
        }
    }
    panic!("no port is free on all of 127.54.0.0/16 and ::1");
}

fn start(host: Host, folder: &Path, port: u16) -> Server {
    fs::create_dir_all(folder.join("db")).expect("a folder for the server");
    for zone in ZONES.iter().filter(|zone| zone.hosts.contains(&host)) {
        fs::write(folder.join(zone.file_name()), zone.file()).expect("a zone file");
    }
    let (name, configuration, command): (_, _, &[&str]) = if host.is_nsd() {
        ("nsd.conf", nsd(host, port), &["nsd", "-d", "-c", "nsd.conf"])
    } else {
        ("knot.conf", knot(host, port), &["knotd", "-c", "knot.conf"])
    };
    fs::write(folder.join(name), configuration).expect("a configuration");
    Server::start(command, folder).unwrap_or_else(|error| panic!("{}: {error}", command[0]))
}

fn nsd(host: Host, port: u16) -> String {
    let mut text = String::from("server:\n");
    for address in host.addresses() {
        let _ = writeln!(text, "  ip-address: {address}@{port}");
    }
    // No chroot, no other user, no files outside of its folder. The whole reply or TC: no fragments.
    text += "  username: \"\"\n  zonesdir: \".\"\n  database: \"\"\n  pidfile: \"\"\n  xfrdfile: \"xfrd.state\"\n  xfrdir: \".\"\n  \
             zonelistfile: \"zone.list\"\n  server-count: 1\n  minimal-responses: no\n  rrl-ratelimit: 0\n\
             remote-control:\n  control-enable: no\n";
    for zone in ZONES.iter().filter(|zone| zone.hosts.contains(&host)) {
        let _ = write!(text, "zone:\n  name: \"{}\"\n  zonefile: \"{}\"\n", zone.apex, zone.file_name());
    }
    text
}

fn knot(host: Host, port: u16) -> String {
    let mut text =
        String::from("server:\n  rundir: \".\"\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n");
    for address in host.addresses() {
        let _ = writeln!(text, "  listen: {address}@{port}");
    }
    text += "log:\n  - target: stderr\n    any: info\ndatabase:\n  storage: \"db\"\ncontrol:\n  listen: \"knot.sock\"\n\
             template:\n  - id: default\n    storage: \".\"\n    semantic-checks: soft\n    zonefile-load: whole\n\
             policy:\n  - id: sign\n    algorithm: ecdsap256sha256\n    nsec3: on\nzone:\n";
    for zone in ZONES.iter().filter(|zone| zone.hosts.contains(&host)) {
        let _ = write!(text, "  - domain: \"{}\"\n    file: \"{}\"\n", zone.apex, zone.file_name());
        if zone.signed {
            text += "    dnssec-signing: on\n    dnssec-policy: sign\n    zonefile-sync: -1\n    zonefile-load: difference-no-serial\n    journal-content: all\n";
        }
    }
    text
}
