//! A worker: one thread, one runtime, sockets of its own. Nothing moves between workers.
//!
//! Clients over UDP go first: their listeners are the runtime's root future, which is polled after every few tasks, while
//! tasks stand in one queue. So a hit waits for a few steps of others' questions, not for all that can take a step.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::thread;

use parking_lot::Mutex;
use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Counters;
use super::jobs::Jobs;
use super::listen::{Connections, Desk, tcp, udp};
use crate::job::{LimitName, Limits};
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
        let runtime = runtime()?;
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

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().event_interval(TASKS_PER_TURN).enable_all().build()
}

/// How a worker hears of its end, and tells its clients.
struct End {
    draining: watch::Receiver<bool>,
    last_call: watch::Sender<bool>,
}

fn desk(shared: Shared, draining: watch::Receiver<bool>) -> Arc<Desk> {
    Arc::new(Desk {
        jobs: Jobs::new(shared.jobs, Arc::clone(&shared.limits), Arc::clone(&shared.counters)),
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
    for listener in listeners.tcp {
        tasks.spawn(tcp::accept(listener, Arc::clone(&desk)));
    }
    let jobs = Arc::clone(&desk.jobs);
    tasks.spawn(async move { jobs.keep_time().await });
    let doors = listeners.udp.into_iter().map(|(address, socket)| Door::new(socket, address, Arc::clone(&desk)));
    let mut doors: Vec<Door> = doors.collect();
    {
        let mut told = std::pin::pin!(end.draining.wait_for(|draining| *draining));
        poll_fn(|context| {
            doors.iter_mut().for_each(|door| door.poll(context));
            // An error means that whoever would tell us is gone: the same.
            told.as_mut().poll(context).map(drop)
        })
        .await;
    }
    // First the doors, then the guests: whoever is told to leave will not get in again.
    drop(doors);
    tasks.shutdown().await;
    end.last_call.send_replace(true);
    let idle = async {
        desk.connections.idle().await;
        desk.jobs.idle().await;
    };
    if tokio::time::timeout(desk.limits.drain, idle).await.is_err() {
        desk.limits.count(LimitName::Drain);
        tracing::warn!(
            questions = desk.jobs.running(),
            connections = desk.connections.open(),
            "some clients get no reply: their questions took longer than the time to drain"
        );
    }
}

/// A listener over UDP, at work.
struct Door {
    socket: Arc<UdpSocket>,
    address: SocketAddr,
    desk: Arc<Desk>,
    serving: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Door {
    fn new(socket: Arc<UdpSocket>, address: SocketAddr, desk: Arc<Desk>) -> Self {
        let serving = Box::pin(udp::serve(Arc::clone(&socket), address, Arc::clone(&desk)));
        Self { socket, address, desk, serving }
    }

    /// Serves on. It ends by a defect of ours only, and is opened again then: one packet must not cost the address.
    fn poll(&mut self, context: &mut Context<'_>) {
        let Err(_) = catch_unwind(AssertUnwindSafe(|| self.serving.as_mut().poll(context))) else { return };
        tracing::error!(address = %self.address, "a listener failed and is started again; please report this");
        *self = Self::new(Arc::clone(&self.socket), self.address, Arc::clone(&self.desk));
        context.waker().wake_by_ref();
    }
}

/// Steps of tasks between two looks at the sockets and at [`Door`]s. One takes some 10 µs, a look less than one.
const TASKS_PER_TURN: u32 = 8;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Steps that two hundred busy tasks take between the arrival of a packet and the listener's look at it.
    fn steps_before_a_packet_is_seen() -> u32 {
        let (runtime, steps) = (runtime().unwrap(), Arc::new(AtomicU32::new(0)));
        let step = |steps: &AtomicU32| steps.fetch_add(1, Ordering::Relaxed);
        runtime.block_on(async {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let (to, client) = (socket.local_addr().unwrap(), std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
            for _ in 0..200 {
                let (steps, client) = (Arc::clone(&steps), client.try_clone().unwrap());
                tokio::spawn(async move {
                    loop {
                        if step(&steps) == PACKET_AT {
                            client.send_to(b"query", to).unwrap();
                        }
                        tokio::task::yield_now().await;
                    }
                });
            }
            // As the listeners are: polled by the root future.
            socket.readable().await.unwrap();
        });
        steps.load(Ordering::Relaxed) - PACKET_AT
    }

    #[test]
    fn a_packet_waits_for_a_few_steps_of_other_tasks_and_not_for_all() {
        let steps = steps_before_a_packet_is_seen();
        assert!(steps <= 2 * TASKS_PER_TURN, "{steps} steps");
    }

    const PACKET_AT: u32 = 1000;
}
