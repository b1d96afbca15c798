use std::time::Duration;

use super::*;
use crate::world::Clock;

const BOUNDS: Bounds = Bounds { keys: 2, waiters: 3 };

#[tokio::test]
async fn many_ask_one_computes() {
    let (inflight, runs) = (Inflight::new(BOUNDS, Abandoned::GoesOn), Arc::new(AtomicUsize::new(0)));
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let runs = Arc::clone(&runs);
            inflight.join(&"key", || async move { runs.fetch_add(1, Ordering::Relaxed) }).unwrap()
        })
        .collect();
    assert_eq!(inflight.join(&"key", || async { 9 }).unwrap_err(), Full::Waiters);
    for waiter in waiters {
        assert_eq!(waiter.wait().await, Some(0));
    }
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    assert!(inflight.is_empty());
}

#[tokio::test]
async fn the_first_asker_may_leave() {
    let inflight = Inflight::new(BOUNDS, Abandoned::GoesOn);
    let (release, released) = tokio::sync::oneshot::channel::<u32>();
    drop(inflight.join(&1, || async { released.await.unwrap_or(0) }).unwrap());
    let second = inflight.join(&1, || async { 0 }).unwrap();
    release.send(7).unwrap();
    assert_eq!(second.wait().await, Some(7));
}

#[tokio::test]
async fn waiters_wake_in_the_order_they_came() {
    let inflight = Inflight::new(Bounds { keys: 1, waiters: 32 }, Abandoned::GoesOn);
    let (release, released) = tokio::sync::oneshot::channel::<u32>();
    let woken = Arc::new(Mutex::new(Vec::new()));
    let first = inflight.join(&1, || async { released.await.unwrap_or(0) }).unwrap();
    let waiters = std::iter::once(first).chain((1..32).map(|_| inflight.join(&1, || async { 0 }).unwrap()));
    let mut tasks = tokio::task::JoinSet::new();
    for (place, waiter) in waiters.enumerate() {
        let woken = Arc::clone(&woken);
        tasks.spawn(async move {
            assert_eq!(waiter.wait().await, Some(7));
            woken.lock().push(place);
        });
    }
    tokio::task::yield_now().await;
    release.send(7).unwrap();
    tasks.join_all().await;
    assert_eq!(*woken.lock(), (0..32).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_computation_that_is_cut_off_leaves_nobody_waiting() {
    let inflight: Arc<Inflight<u32, u32>> = Inflight::new(BOUNDS, Abandoned::GoesOn);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let first = inflight.join(&1, std::future::pending).unwrap();
    let second = inflight.join(&1, || async { 0 }).unwrap();
    runtime.spawn(first.wait());
    runtime.shutdown_background();
    assert_eq!(second.wait().await, None);
    assert!(inflight.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_ends_if_it_is_to() {
    let inflight: Arc<Inflight<u32, u32>> = Inflight::new(BOUNDS, Abandoned::Ends);
    drop(inflight.join(&1, std::future::pending).unwrap());
    assert!(inflight.is_empty(), "the only one has left");
    let first = inflight.join(&1, || async { 7 }).unwrap();
    let second = inflight.join(&1, || async { 0 }).unwrap();
    drop(first);
    assert_eq!(second.wait().await, Some(7), "somebody waits");
    // Who was patient for long enough leaves a computation that is worth its end.
    let minute = Duration::from_secs(60);
    let deadline = Clock::system().now() + minute / 2;
    let long = move || async move {
        tokio::time::sleep(minute).await;
        9
    };
    let mut third = inflight.join(&2, long).unwrap();
    assert_eq!(third.wait_until(deadline).await, None);
    assert_eq!(third.wait_until(deadline + minute / 4).await, None);
    third.leave();
    assert_eq!(inflight.join(&2, || async { 0 }).unwrap().wait().await, Some(9));
}

#[tokio::test]
async fn keys_are_bounded() {
    let inflight: Arc<Inflight<u32, u32>> = Inflight::new(BOUNDS, Abandoned::GoesOn);
    let _waiting: Vec<_> = (0..2).map(|key| inflight.join(&key, std::future::pending).unwrap()).collect();
    assert_eq!(inflight.join(&2, std::future::pending).unwrap_err(), Full::Keys);
}

#[tokio::test]
async fn at_the_bound_the_oldest_that_nobody_waits_for_ends() {
    let inflight: Arc<Inflight<u32, u32>> = Inflight::new(BOUNDS, Abandoned::GoesOn);
    drop(inflight.join(&0, std::future::pending).unwrap());
    let first = inflight.join(&1, std::future::pending).unwrap();
    let second = inflight.join(&1, || async { 0 }).unwrap();
    drop(first);
    let third = inflight.join(&2, || async { 7 }).unwrap();
    assert_eq!(inflight.join(&3, || async { 8 }).unwrap_err(), Full::Keys, "somebody waits for the others");
    assert_eq!(third.wait().await, Some(7));
    // Ended, and gone when the runtime comes to it.
    tokio::task::yield_now().await;
    assert_eq!(inflight.len(), 1, "the oldest has ended");
    drop(second);
    let waiting = [3, 4].map(|key| inflight.join(&key, std::future::pending).unwrap());
    tokio::task::yield_now().await;
    assert_eq!((inflight.len(), waiting.len()), (2, 2));
}

/// What has ended leaves nothing behind, however much was left alone.
#[tokio::test(start_paused = true)]
async fn those_that_were_left_and_have_ended_are_forgotten() {
    let inflight: Arc<Inflight<u32, u32>> = Inflight::new(Bounds { keys: 10_000, waiters: 8 }, Abandoned::GoesOn);
    let deadline = Clock::at(Duration::ZERO).now();
    for key in 0..1000 {
        let second = || async { tokio::time::sleep(Duration::from_secs(1)).await };
        let mut waiter = inflight
            .join(&key, move || async move {
                second().await;
                key
            })
            .unwrap();
        assert_eq!(waiter.wait_until(deadline).await, None);
        drop(waiter);
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    assert!(inflight.is_empty() && inflight.left.tasks.lock().is_empty());
}
