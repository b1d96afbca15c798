//! `kill -9` under load, and in the middle of writing: what is on the disk stays whole, and the next start answers at once.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "how long a start took is printed")]

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use burdock::dns::{Header, Message, QueryFlags, Question, Rcode, RecordType, rdata_to_text, write_query};
use burdock::playground;
use burdock::world::Dice;

use super::program::Running;

/// Replies that a life gives before it is ended.
const REPLIES: u32 = 100;
/// Lives that are ended so many milliseconds after their start: the state of the trust anchors is being written then.
const SHORT_LIVES: u64 = 24;
/// How long one try for an answer waits.
const TRY: Duration = Duration::from_millis(20);
/// Tries until the first right answer: what is a second on an idle machine (tests/soak judges that), and this is none.
const MOST_TRIES: u32 = 500;

/// An address for all lives of the server. Between two of them nobody else may take it: not the clients, whose ports are
/// drawn from 32,768 upwards, nor who listens at every address.
fn place() -> SocketAddr {
    let mut free = (20_000..30_000).map(|port| SocketAddr::from(([127, 0, 83, 1], port)));
    free.find(|address| UdpSocket::bind(address).is_ok()).expect("a port")
}

/// The miniature Internet, a place for the server, and clients that ask all the time.
struct Scene {
    folder: PathBuf,
    address: SocketAddr,
    replies: Arc<AtomicU32>,
    over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Scene {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("burdock-killed-{}", std::process::id()));
        fs::create_dir_all(folder.join("state")).unwrap();
        let address = place();
        let (give, take) = std::sync::mpsc::channel();
        // Ends with the process.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                give.send(playground::start().await.unwrap()).unwrap();
                std::future::pending::<()>().await;
            });
        });
        let internet = take.recv().unwrap();
        let server = |server: &burdock::dns::NameServer| {
            let glue = server
                .glue
                .iter()
                .map(|ip| format!("{} {} {ip}\n", server.host, if ip.is_ipv4() { "A" } else { "AAAA" }));
            format!(". NS {}\n{}", server.host, glue.collect::<String>())
        };
        fs::write(folder.join("hints"), internet.root_hints().iter().map(server).collect::<String>()).unwrap();
        let keys = internet.anchor().unwrap();
        let key = |rdata: &[u8]| format!(". {} {}\n", keys.rtype, rdata_to_text(keys.rtype, rdata));
        fs::write(folder.join("anchor"), keys.rdatas.iter().map(key).collect::<String>()).unwrap();
        let settings = format!(
            "listen: [\"{address}\"]\nworkers: 2\nlocal: {{ special-use: false }}\nresolver: {{ root-hints: hints, \
             upstream-port: {}, never-ask: [], ipv6: false }}\ndnssec:\n  trust-anchors: anchor\n  trust-anchor-rollover: {}\n",
            internet.upstream_port(),
            folder.join("state").display()
        );
        fs::write(folder.join("burdock.yaml"), settings).unwrap();
        // The thread that asks owns nothing of it: dropping it here would end the servers.
        std::mem::forget(internet);
        let (replies, over) = (Arc::default(), Arc::default());
        let mut scene = Self { folder, address, replies, over, clients: Vec::new() };
        scene.clients = (0..4).map(|number| scene.client(number)).collect();
        scene
    }

    /// A client that asks one thing after the other, known and unknown names, whether there is a server or not.
    fn client(&self, number: u64) -> JoinHandle<()> {
        let (address, replies, over) = (self.address, Arc::clone(&self.replies), Arc::clone(&self.over));
        thread::spawn(move || {
            let dice = Dice::seeded(number);
            while !over.load(Ordering::Relaxed) {
                let owner = match dice.below(4) {
                    0 => format!("x{}.secure.test", dice.bits()),
                    1 => format!("x{}.nsec3.test", dice.bits()),
                    2 => "www.ibm.com".to_owned(),
                    _ => "www.secure.test".to_owned(),
                };
                if ask(address, &owner, dice.id()).is_some() {
                    replies.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
    }

    fn start(&self) -> Running {
        let settings = self.folder.join("burdock.yaml");
        Running::start(&["serve", "--config", settings.to_str().unwrap()])
    }

    /// Waits for the first right answer, which takes the whole walk and its validation; says how long it took.
    fn await_answer(&self, begun: Instant) -> u32 {
        for tries in 1..=MOST_TRIES {
            let reply = ask(self.address, "www.secure.test", 7);
            let right = reply.is_some_and(|reply| {
                let [address, _signature] = reply.answer.as_slice() else { return false };
                reply.rcode() == Rcode::NOERROR && reply.header.has(Header::AD) && *address.rdata == [192, 0, 2, 80]
            });
            if right {
                println!("the first right answer after {:?}, {tries} tries", begun.elapsed());
                return tries;
            }
        }
        panic!("no right answer in {MOST_TRIES} tries");
    }

    /// Waits until the clients have got so many replies more.
    fn await_load(&self) {
        let before = self.replies.load(Ordering::Relaxed);
        for _ in 0..MOST_TRIES {
            if self.replies.load(Ordering::Relaxed) >= before + REPLIES {
                return;
            }
            thread::sleep(TRY);
        }
        panic!("clients are not answered");
    }

    fn state(&self) -> PathBuf {
        self.folder.join("state/root.state")
    }

    /// What is kept of the trust anchors is whole, and no file of it was found to be of no use.
    fn assert_whole(&self, when: &str) {
        let names = fs::read_dir(self.folder.join("state")).unwrap().map(|entry| entry.unwrap().file_name());
        for name in names {
            assert!(["root.state", ".root.state.new"].iter().any(|known| name == *known), "{when}: {name:?}");
        }
        let Some(text) = read(&self.state()) else { return };
        let last = text.lines().last().unwrap_or_default();
        assert!(last.starts_with("end ") && text.ends_with('\n'), "{when}: torn: {text}");
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            let _ = client.join();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// One try over UDP.
fn ask(address: SocketAddr, owner: &str, id: u16) -> Option<Message> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address).unwrap();
    socket.set_read_timeout(Some(TRY)).unwrap();
    let flags = QueryFlags { recursion_desired: true, edns: Some(1232), dnssec_ok: true, ..QueryFlags::default() };
    let query = write_query(id, &Question::new(owner.parse().unwrap(), RecordType::A), flags);
    let mut buffer = [0; 1500];
    match socket.send(&query).and_then(|_| socket.recv(&mut buffer)) {
        Ok(octets) => Message::parse(&buffer[..octets]).ok().filter(|reply| reply.header.id == id),
        // Nobody listens there: as long a pause as for silence.
        Err(_) => {
            thread::sleep(TRY / 2);
            None
        }
    }
}

#[test]
fn killed_under_load_and_while_it_writes_it_answers_again_and_its_state_is_whole() {
    let scene = Scene::new();
    let mut server = scene.start();
    scene.await_answer(Instant::now());
    for round in 0..3 {
        scene.await_load();
        let (status, log) = server.end("KILL");
        assert_eq!(status, None, "it did not end by itself: {log}");
        assert!(!log.contains("panicked") && !log.contains("cannot be used"), "{log}");
        assert!(scene.state().exists(), "there was something to tear");
        scene.assert_whole("killed under load");
        for delay in 0..SHORT_LIVES {
            if (delay + round) % 4 == 0 {
                // The very first state is being written.
                fs::remove_file(scene.state()).unwrap_or_default();
            }
            let life = scene.start();
            thread::sleep(Duration::from_millis(2 * delay));
            let (_, log) = life.end("KILL");
            assert!(!log.contains("panicked") && !log.contains("cannot be used"), "{log}");
            scene.assert_whole(&format!("killed {} ms after its start", 2 * delay));
        }
        let begun = Instant::now();
        server = scene.start();
        scene.await_answer(begun);
        scene.assert_whole("running");
    }
    let (status, log) = server.end("TERM");
    assert_eq!(status, Some(0), "{log}");
    scene.assert_whole("ended");
}
