//! The root of a one-zone Internet, which holds back what it is asked about `held` names until told to go on.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use burdock::dns::Message;
use burdock::playground::{Authority, Kind, Zone};
use burdock::world::{Dice, Transport};

/// Where the authority listens: an address no server under test has.
pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 77, 0, 1));

/// The address of a server that takes everything and answers nothing.
pub const HOLE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 77, 9, 9));

/// A running authority; its threads end with the test's process.
pub struct Root {
    pub port: u16,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    held: Vec<(Vec<u8>, SocketAddr)>,
    held_on_streams: usize,
    ended_streams: usize,
    open: bool,
}

impl Root {
    pub fn start() -> Self {
        let authority = Arc::new(Authority::new(ADDRESS, [Arc::new(zone())]));
        let (udp, tcp) = both_transports();
        let port = udp.local_addr().unwrap().port();
        let gate = Arc::new(Gate::default());
        let (datagrams, streams) = ((Arc::clone(&authority), Arc::clone(&gate)), (authority, Arc::clone(&gate)));
        thread::spawn(move || serve_datagrams(&udp, &datagrams.0, &datagrams.1));
        thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                let (authority, gate) = (Arc::clone(&streams.0), Arc::clone(&streams.1));
                thread::spawn(move || {
                    serve_stream(stream, &authority, &gate);
                    gate.change(|state| state.ended_streams += 1);
                });
            }
        });
        Self { port, gate }
    }

    /// Waits until `questions` about held names have come in (retransmissions count).
    pub fn wait_for_held(&self, questions: usize) {
        let came = self.gate.wait(|state| state.held.len() >= questions);
        assert!(came, "{questions} questions about held names never came");
    }

    /// Waits until so many questions about names that are held on streams (`bigheld…`) have come in.
    pub fn wait_for_held_on_streams(&self, questions: usize) {
        let came = self.gate.wait(|state| state.held_on_streams >= questions);
        assert!(came, "{questions} questions on streams never came");
    }

    /// Waits until so many streams have ended.
    pub fn wait_for_ended_streams(&self, streams: usize) {
        assert!(self.gate.wait(|state| state.ended_streams >= streams), "{streams} streams never ended");
    }

    /// The held names that were asked about, each once.
    pub fn held_names(&self) -> BTreeSet<String> {
        let state = self.gate.state.lock().unwrap_or_else(PoisonError::into_inner);
        let question =
            |(query, _): &(Vec<u8>, SocketAddr)| Message::parse(query).ok().and_then(|message| message.question);
        let questions = state.held.iter().filter_map(question);
        questions.map(|(question, _)| question.name.to_string().to_ascii_lowercase()).collect()
    }

    /// Answers what is held, and all that comes.
    pub fn release(&self) {
        let mut state = self.gate.state.lock().unwrap();
        state.open = true;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        // The server's own socket sends: a nudge makes it look at the gate.
        socket.send_to(b"", (ADDRESS, self.port)).unwrap();
    }
}

impl Gate {
    /// Waits until the state is `wanted`; whether it is so in the end.
    fn wait(&self, wanted: impl Fn(&State) -> bool) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = std::time::Duration::from_secs(10);
        let (state, _) = self.changed.wait_timeout_while(state, limit, |state| !wanted(state)).unwrap();
        wanted(&state)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }
}

/// `bad.dead` is a zone whose server is [`HOLE`]; every name below `cold` exists. `big`, `bigheld1` and
/// `bigheld2` take more than a datagram; `www` and `host0`, `host1`, … do not.
fn zone() -> Zone {
    let mut text = "@ 86400 SOA ns hostmaster 1 7200 900 1209600 300\n@ 86400 NS ns\nns 86400 A 127.77.0.1\n\
        bad.dead 86400 NS ns.bad.dead\nns.bad.dead 86400 A 127.77.9.9\n*.cold 3600 A 192.0.2.83\n\
        www 3600 A 192.0.2.80\nheld 3600 A 192.0.2.81\nheld1 3600 A 192.0.2.82\n"
        .to_owned();
    for number in 0..12 {
        let string = format!("\"{number:03}{}\"", "x".repeat(240));
        for owner in ["big", "bigheld1", "bigheld2"] {
            text += &format!("{owner} 3600 TXT {string} {string} {string} {string}\n");
        }
    }
    for number in 0..64 {
        text += &format!("host{number} 3600 A 198.51.100.{number}\n");
    }
    Zone::read(&".".parse().unwrap(), &text).unwrap()
}

fn both_transports() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind((ADDRESS, 0)).unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
            return (udp, tcp);
        }
    }
}

fn serve_datagrams(socket: &UdpSocket, authority: &Authority, gate: &Gate) {
    let mut buffer = [0; 1500];
    while let Ok((octets, client)) = socket.recv_from(&mut buffer) {
        let query = buffer[..octets].to_vec();
        let mut state = gate.state.lock().unwrap();
        let mut ready = Vec::new();
        if is_held(&query) && !state.open {
            state.held.push((query, client));
        } else if !query.is_empty() {
            ready.push((query, client));
        }
        if state.open {
            ready.append(&mut state.held);
        }
        drop(state);
        gate.changed.notify_all();
        for (query, client) in ready {
            for reply in replies(authority, &query, Transport::Udp) {
                let _ = socket.send_to(&reply, client);
            }
        }
    }
}

fn is_held(query: &[u8]) -> bool {
    is_about(query, "held")
}

/// Whether the name in question begins so.
fn is_about(query: &[u8], beginning: &str) -> bool {
    let question = Message::parse(query).ok().and_then(|message| message.question);
    question.is_some_and(|(question, _)| question.name.to_string().to_ascii_lowercase().starts_with(beginning))
}

fn serve_stream(mut stream: TcpStream, authority: &Authority, gate: &Gate) {
    loop {
        let mut length = [0; 2];
        if stream.read_exact(&mut length).is_err() {
            return;
        }
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        if stream.read_exact(&mut query).is_err() {
            return;
        }
        if is_about(&query, "bigheld") {
            gate.change(|state| state.held_on_streams += 1);
            gate.wait(|state| state.open);
        }
        for reply in replies(authority, &query, Transport::Tcp) {
            let length = u16::try_from(reply.len()).unwrap().to_be_bytes();
            if stream.write_all(&[&length[..], &reply].concat()).is_err() {
                return;
            }
        }
    }
}

fn replies(authority: &Authority, query: &[u8], transport: Transport) -> Vec<Vec<u8>> {
    let responses = authority.respond(query, transport, 0, &Dice::seeded(0));
    let packets = responses.into_iter().filter_map(|response| match response.kind {
        Kind::Packet(packet) => Some(packet),
        Kind::FromElsewhere(_) | Kind::Reset => None,
    });
    packets.collect()
}
