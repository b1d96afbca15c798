//! Late replies over real sockets on loopback, by themselves: no server, no listener.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::*;

async fn late() -> Arc<Late> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.writable().await.unwrap();
    Arc::new(Late::new(Arc::new(socket), Arc::default()))
}

fn client() -> (std::net::UdpSocket, Path) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let path = Path { client: socket.local_addr().unwrap(), local: None };
    (socket, path)
}

fn received(client: &std::net::UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 4096];
    let octets = client.recv(&mut buffer).expect("a reply was owed");
    buffer[..octets].to_vec()
}

/// Lets `sending` take one step, in which it does not end.
async fn begin(mut sending: std::pin::Pin<&mut impl Future>) {
    poll_fn(|context| {
        assert!(sending.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

fn unsent(late: &Late) -> u64 {
    late.counters.replies_unsent.load(Ordering::Relaxed)
}

#[tokio::test]
async fn more_than_a_batch_to_two_clients_at_once_all_arrive() {
    let (late, clients) = (late().await, [client(), client()]);
    let jobs: Vec<_> = (0..100_u8)
        .map(|number| {
            let (late, path) = (Arc::clone(&late), clients[usize::from(number % 2)].1);
            tokio::spawn(async move { late.send(&[number; 60], &path).await })
        })
        .collect();
    for job in jobs {
        job.await.unwrap();
    }
    for (client, first) in clients.iter().zip(0..) {
        let mut numbers: Vec<u8> = (0..50).map(|_| received(&client.0)[0]).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (first..100).step_by(2).collect::<Vec<_>>());
    }
    assert_eq!(unsent(&late), 0);
    assert!(!late.gathered.lock().collector);
}

#[tokio::test]
async fn what_has_gathered_leaves_also_when_its_collector_is_ended() {
    // As when the cap on jobs ends the oldest.
    let (late, (client, path)) = (late().await, client());
    {
        let mut collector = Box::pin(late.send(b"first", &path));
        begin(collector.as_mut()).await;
        late.send(b"second", &path).await;
        assert!(!late.gathered.lock().outbox.is_empty(), "both wait");
    }
    assert_eq!([received(&client), received(&client)].concat().len(), 11);
    late.send(b"third", &path).await;
    assert_eq!(received(&client), b"third", "the next one collects again");
}

#[tokio::test]
async fn a_full_batch_waits_for_nobody() {
    let (late, (client, path)) = (late().await, client());
    let mut collector = pin!(late.send(&[0; 9], &path));
    begin(collector.as_mut()).await;
    for _ in 1..batch::BATCH {
        late.send(&[1; 9], &path).await;
    }
    for _ in 0..batch::BATCH {
        assert_eq!(received(&client).len(), 9);
    }
    assert!(late.gathered.lock().collector, "it has not had its turn yet");
    collector.await;
    assert!(!late.gathered.lock().collector);
}

#[tokio::test]
async fn a_reply_without_room_leaves_by_itself() {
    let (late, (client, path)) = (late().await, client());
    late.send(&[7; 2000], &path).await;
    assert_eq!(received(&client), [7; 2000]);
    assert_eq!(unsent(&late), 0);
}

#[tokio::test]
async fn replies_the_kernel_refuses_are_counted() {
    let (late, (client, path)) = (late().await, client());
    let no_route = Path { client: "255.255.255.255:9".parse().unwrap(), local: None };
    let mut collector = pin!(late.send(b"lost", &no_route));
    begin(collector.as_mut()).await;
    late.send(b"good", &path).await;
    collector.await;
    assert_eq!(received(&client), b"good");
    late.send(&[0; 2000], &no_route).await;
    assert_eq!(unsent(&late), 2);
}

#[tokio::test]
async fn replies_given_up_are_counted_once() {
    let mut outbox = Outbox::new();
    for _ in 0..3 {
        outbox.commit(1, &client().1);
    }
    assert_eq!((outbox.give_up(), outbox.is_empty(), outbox.give_up()), (3, true, 0));
}
