//! A worker: one thread, one runtime, sockets of its own. Nothing moves between workers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Counters;
use super::jobs::Jobs;
use super::listen::{Connections, Desk, tcp, udp};
use crate::job::Limits;
use crate::responder::Responder;
use crate::world::Clock;

/// What all workers are given.
#[derive(Clone)]
pub struct Shared {
    /// Answers.
    pub responder: Arc<Responder>,
    /// The time.
    pub clock: Clock,
    /// The bounds.
    pub limits: Arc<Limits>,
    /// Where events are counted.
    pub counters: Arc<Counters>,
    /// Turns true when no further question is to be taken.
    pub draining: watch::Receiver<bool>,
    /// Questions this worker may work on at once.
    pub jobs: usize,
}

/// The sockets of one worker: for each listen address, its address and one socket of each kind.
pub struct Worker {
    /// Over UDP.
    pub udp: Vec<(SocketAddr, std::net::UdpSocket)>,
    /// Over TCP.
    pub tcp: Vec<std::net::TcpListener>,
}

impl Worker {
    /// Starts the thread. It ends after `shared.draining` has turned true.
    ///
    /// # Errors
    /// When the thread or its runtime cannot be made.
    pub fn start(self, number: usize, shared: Shared) -> io::Result<thread::JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (desk, listeners, end) = {
            let _inside = runtime.enter();
            let (last_call, draining) = watch::channel(false);
            let end = End { draining: shared.draining.clone(), last_call };
            (desk(shared, draining), Listeners::open(self)?, end)
        };
        thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
            runtime.block_on(serve(listeners, desk, end));
            // Whatever still waits for other servers has no client any more.
            runtime.shutdown_background();
        })
    }
}

/// How a worker hears of its end, and tells its clients.
struct End {
    draining: watch::Receiver<bool>,
    last_call: watch::Sender<bool>,
}

fn desk(shared: Shared, draining: watch::Receiver<bool>) -> Arc<Desk> {
    Arc::new(Desk {
        jobs: Jobs::new(shared.jobs, Arc::clone(&shared.counters)),
        connections: Connections::new(Arc::clone(&shared.limits), Arc::clone(&shared.counters)),
        scratch: Mutex::new(vec![0; usize::from(u16::MAX)].into_boxed_slice()),
        responder: shared.responder,
        clock: shared.clock,
        limits: shared.limits,
        counters: shared.counters,
        draining,
    })
}

/// A worker's sockets, known to its runtime.
struct Listeners {
    udp: Vec<(SocketAddr, Arc<UdpSocket>)>,
    tcp: Vec<TcpListener>,
}

impl Listeners {
    fn open(worker: Worker) -> io::Result<Self> {
        let udp = worker.udp.into_iter().map(|(address, socket)| Ok((address, Arc::new(UdpSocket::from_std(socket)?))));
        let tcp = worker.tcp.into_iter().map(TcpListener::from_std);
        Ok(Self { udp: udp.collect::<io::Result<_>>()?, tcp: tcp.collect::<io::Result<_>>()? })
    }
}

/// Answers until told to drain; then takes nothing new, and ends with the last reply or at the end of `limits.drain`.
async fn serve(listeners: Listeners, desk: Arc<Desk>, mut end: End) {
    let mut tasks = JoinSet::new();
    for (address, socket) in listeners.udp {
        let desk = Arc::clone(&desk);
        tasks.spawn(async move {
            loop {
                let serving = tokio::spawn(udp::serve(Arc::clone(&socket), address, Arc::clone(&desk)));
                outlive(AbortOnDrop(serving)).await;
            }
        });
    }
    for listener in listeners.tcp {
        tasks.spawn(tcp::accept(listener, Arc::clone(&desk)));
    }
    // An error means that whoever would tell us is gone: the same.
    let _ = end.draining.wait_for(|draining| *draining).await;
    // First the doors, then the guests: whoever is told to leave will not get in again.
    tasks.shutdown().await;
    end.last_call.send_replace(true);
    let idle = async {
        desk.connections.idle().await;
        desk.jobs.idle().await;
    };
    if tokio::time::timeout(desk.limits.drain, idle).await.is_err() {
        tracing::warn!(
            questions = desk.jobs.running(),
            connections = desk.connections.open(),
            "some clients get no reply: their questions took longer than the time to drain"
        );
    }
}

/// Waits for a listener to end, which happens by a defect of ours only; one packet must not cost the address.
async fn outlive(mut serving: AbortOnDrop) {
    if let Err(error) = (&mut serving.0).await {
        tracing::error!(%error, "a listener failed and is started again; please report this");
    }
}

/// A task that ends with its owner.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
