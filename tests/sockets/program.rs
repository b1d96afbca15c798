//! The real binary: ready when it says so, heedful of signals, ended in order.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use super::authority::{ADDRESS, Root};
use super::support::{PATIENCE, ask, good, query, read, receive, tcp, udp, wait_for_end, write};

/// A running `burdock serve`, killed if the test fails.
pub struct Program {
    folder: PathBuf,
    child: Child,
    log: BufReader<ChildStderr>,
    notifications: UnixDatagram,
}

impl Program {
    /// Starts it on `listen`; `name` tells this test's files from others'.
    fn start(name: &str, root: &Root, listen: &str) -> Self {
        Self::with(name, (ADDRESS, root.port), listen, "workers: 2\nlimits:\n  drain: 10s\n")
    }

    /// The same, before the root's server at this address and port, with `more` in its configuration.
    pub fn with(name: &str, (root, port): (IpAddr, u16), listen: &str, more: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (hints, config, socket) = (folder.join("hints"), folder.join("burdock.yaml"), folder.join("notify"));
        fs::write(&hints, format!(". 3600000 NS ns.\nns. 3600000 A {root}\n")).unwrap();
        let text = format!(
            "listen: [\"{listen}\"]\nresolver:\n  root-hints: {}\n  upstream-port: {port}\n  never-ask: []\n\
             dnssec: {{ validate: false }}\n{more}",
            hints.display()
        );
        fs::write(&config, text).unwrap();
        let notifications = UnixDatagram::bind(&socket).unwrap();
        notifications.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_burdock"))
            .args(["serve", "--config"])
            .arg(config)
            .env("NOTIFY_SOCKET", socket)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { folder, child, log, notifications }
    }

    fn notification(&self) -> String {
        let mut buffer = [0; 256];
        let octets = self.notifications.recv(&mut buffer).expect("systemd would be told");
        String::from_utf8_lossy(&buffer[..octets]).trim().to_owned()
    }

    /// Reads the log up to the line with `text`, and returns that line.
    fn line_with(&mut self, text: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "the log ended without {text:?}: {seen}");
            if line.contains(text) {
                return line;
            }
            seen += &line;
        }
    }

    /// Waits until it is ready; returns where it answers.
    pub fn ready(&mut self) -> SocketAddr {
        let line = self.line_with(concat!("burdock ", env!("CARGO_PKG_VERSION"), " answers at "));
        assert_eq!(self.notification(), "READY=1");
        let address = line.split(" answers at ").nth(1).unwrap().split(',').next().unwrap();
        address.parse().unwrap()
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, name: &str) {
        let done = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    fn end(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn sigterm_lets_questions_in_progress_end() {
    let root = Root::start();
    let mut program = Program::start("sigterm", &root, "127.0.0.1:0");
    let address = program.ready();
    let (client, mut stream) = (udp(address), tcp(address));
    assert_eq!(good(&ask(&client, &query(1, "www. A"))).0, 1);
    client.send(&query(2, "held. A")).unwrap();
    write(&mut stream, &[query(3, "held1. A")]);
    root.wait_for_held(2);

    program.signal("TERM");
    assert_eq!(program.notification(), "STOPPING=1");
    program.line_with("SIGTERM");
    root.release();
    assert_eq!(good(&receive(&client)).0, 2);
    assert_eq!(good(&read(&mut stream)).0, 3);
    wait_for_end(&mut stream);
    program.line_with("burdock has ended");
    assert_eq!(program.end().code(), Some(0));
}

#[test]
fn sighup_changes_nothing_and_says_so() {
    let root = Root::start();
    let mut program = Program::start("sighup", &root, "127.0.0.1:0");
    let address = program.ready();
    program.signal("HUP");
    program.line_with("SIGHUP");
    assert_eq!(good(&ask(&udp(address), &query(1, "www. A"))).0, 1);
    program.signal("INT");
    assert_eq!(program.end().code(), Some(0));
}

#[test]
fn two_processes_do_not_share_a_port() {
    // Both set SO_REUSEPORT and both are of one user: without the exclusive first bind each would get half of the queries.
    let root = Root::start();
    let mut first = Program::start("first", &root, "127.0.0.1:0");
    let address = first.ready();
    let mut second = Program::start("second", &root, &address.to_string());
    let line = second.line_with("cannot listen on");
    let holder = format!("in use by burdock (process {})", first.child.id());
    assert!(line.contains(&holder), "{line}");
    assert_eq!(second.end().code(), Some(1));
}
