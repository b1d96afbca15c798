//! What one packet may cost in memory: every allocation of this thread is counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use burdock::dns::{Message, peek};

/// The most that reading one packet may hold at once, in octets.
pub const MAX_HELD: usize = 1 << 20;

struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is handed on to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.get().wrapping_add(layout.size());
        HELD.set(held);
        PEAK.set(PEAK.get().max(held));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get().wrapping_sub(layout.size()));
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// The most that was held at once while `work` ran, beyond what was held before.
pub fn peak(work: impl FnOnce()) -> usize {
    // Starting from the middle, what is freed of older allocations cannot wrap below zero.
    HELD.set(usize::MAX / 2);
    PEAK.set(usize::MAX / 2);
    work();
    PEAK.get() - usize::MAX / 2
}

/// What `work` made, and the octets that are held for it when it is done.
pub fn held<T>(work: impl FnOnce() -> T) -> (usize, T) {
    HELD.set(usize::MAX / 2);
    let made = work();
    (HELD.get() - usize::MAX / 2, made)
}

/// Reads the packet as a client's and as a server's and asserts the bound.
pub fn bounded(packet: &[u8]) {
    let peeking = peak(|| _ = peek(packet).is_ok());
    assert_eq!(peeking, 0, "a client's packet is looked at without any allocation");
    let parsing = peak(|| drop(Message::parse(packet)));
    assert!(parsing <= MAX_HELD, "{parsing} octets held for a packet of {}", packet.len());
}
