//! The program under test, started as an operator starts it.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use super::ask::Asker;
use super::lab::Lab;
use super::process::{Server, within};
use super::zones::HINTS;

/// The program that cargo built for this test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_burdock");

/// How long it may take until the first reply.
const START: Duration = Duration::from_secs(20);

/// A running `burdock serve`.
pub struct Burdock {
    server: Server,
    /// Where it listens.
    pub port: u16,
    /// Its configuration file.
    pub configuration: PathBuf,
}

/// What differs between instances.
pub struct Wish<'a> {
    /// A name for its folder.
    pub name: &'a str,
    /// The addresses it listens on.
    pub listen: &'a [&'a str],
    /// Whether it asks servers over IPv6.
    pub ipv6: bool,
    /// More lines of configuration.
    pub more: &'a str,
}

impl Burdock {
    /// Starts it, and waits until it replies, whatever it replies.
    pub fn start(lab: &Lab, wish: &Wish<'_>) -> Self {
        let resolver = format!(
            "resolver:\n  root-hints: hints\n  upstream-port: {}\n  never-ask: []\n  ipv6: {}\n\
             dnssec: {{ validate: false }}\n{}",
            lab.port, wish.ipv6, wish.more,
        );
        Self::launch(&lab.folder.join(wish.name), HINTS, wish.listen, &resolver)
    }

    /// Starts it in a folder of its own, with the rest of its configuration, and waits until it replies.
    pub fn launch(folder: &Path, hints: &str, listen: &[&str], more: &str) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let port = free_port(listen);
        fs::write(folder.join("hints"), hints).expect("root hints");
        let addresses: Vec<String> = listen.iter().map(|address| format!("\"{}\"", at(address, port))).collect();
        let configuration = folder.join("burdock.yaml");
        let text = format!("listen: [{}]\nworkers: 2\n{more}", addresses.join(", "));
        fs::write(
            &configuration,
            text.replace("root-hints: hints", &format!("root-hints: {}", folder.join("hints").display())),
        )
        .expect("a configuration");
        let command = [PROGRAM, "serve", "--config", configuration.to_str().expect("a plain path")];
        let server = Server::start(&command, folder).expect("burdock starts");
        let mut burdock = Self { server, port, configuration };
        burdock.wait(listen);
        burdock
    }

    fn wait(&mut self, addresses: &[&str]) {
        for address in addresses {
            let dig = Asker::dig(address, self.port).with("+time=1");
            let ready = within(START, || match dig.try_ask("localhost A") {
                Ok(_) => Some(Ok(())),
                Err(_) => self.server.ended().map(Err),
            });
            assert_eq!(ready, Some(Ok(())), "burdock is not ready: {}", self.log());
        }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.configuration.with_file_name("log")).unwrap_or_default()
    }

    /// `dig` at its IPv4 address.
    pub fn dig(&self) -> Asker {
        Asker::dig("127.0.0.1", self.port)
    }

    /// `kdig` at its IPv4 address.
    pub fn kdig(&self) -> Asker {
        Asker::kdig("127.0.0.1", self.port)
    }

    /// Sends a signal and waits for the end.
    pub fn end_with(&mut self, signal: &str) -> Option<ExitStatus> {
        self.server.signal(signal);
        within(Duration::from_secs(10), || self.server.ended())
    }
}

fn at(address: &str, port: u16) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

fn free_port(addresses: &[&str]) -> u16 {
    for _ in 0..50 {
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr()).expect("loopback").port();
        let free =
            |address: &&str| TcpListener::bind((*address, port)).is_ok() && UdpSocket::bind((*address, port)).is_ok();
        if addresses.iter().all(free) {
            return port;
        }
    }
    panic!("no port is free on {addresses:?}");
}
