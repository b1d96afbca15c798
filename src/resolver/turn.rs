//! Hard work has its turn: a piece at a time on each thread, and whoever is quick goes in between.
//!
//! A thread that verifies signatures answers clients, too, and none of them is to wait for more than one piece.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::yield_now;

thread_local! {
    /// Taken by whoever works hard on this thread.
    static PLACE: Arc<Semaphore> = Arc::new(Semaphore::new(1));
}

/// Does `work`, which must be one piece that cannot be divided, when nobody else works hard on this thread; then lets go
/// first whoever became ready meanwhile. Waits for its turn only, so for as long as those before it take.
pub(super) async fn in_turn<T>(work: impl FnOnce() -> T) -> T {
    let place = PLACE.with(Arc::clone);
    // It is never closed: this is no error.
    let _taken = place.acquire_owned().await;
    let done = work();
    // Kept meanwhile: the runtime looks at its sockets before it comes back here, and nobody else works until then.
    yield_now().await;
    done
}
