//! The closest known zone cut: where a walk may start.
//!
//! Each lies in one piece of memory: times, apex, servers and their glue. It is unpacked for whoever asks; those unpacked
//! last (of top-level domains, mostly) stay so. Of more than 255 of a kind the rest is left out; there are bounds long
//! before.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::piece::{Beginning, Draft, Moment, name_length, write_name};
use super::store::{Entry, Held, Store};
use crate::dns::{Name, NameServer, Reader, ZoneCut};

/// A cut, as it is kept.
#[derive(Clone)]
struct Packed(Arc<[u8]>);

impl Packed {
    fn new(cut: &ZoneCut, beginning: &Beginning) -> Self {
        let mut draft = Draft::new();
        beginning.moment(cut.since).write(&mut draft);
        cut.expires.map_or(NEVER, |expires| beginning.moment(expires)).write(&mut draft);
        draft.extend_from_slice(cut.apex.wire());
        let count = u8::try_from(cut.servers.len()).unwrap_or(u8::MAX);
        draft.push(count);
        // Hosts mostly share an end with the apex, or with each other.
        let mut earlier = [(APEX, &cut.apex); 2];
        for (index, server) in cut.servers.iter().take(usize::from(count)).enumerate() {
            let place = draft.len();
            if write_name(&server.host, &earlier, &mut draft) && index == 0 {
                earlier = [earlier[0], (place, &server.host)];
            }
            write_glue(&server.glue, &mut draft);
        }
        Self(draft.as_slice().into())
    }

    /// A number that the address makes.
    fn place(&self) -> usize {
        // Allocations are aligned, so the last bits say nothing.
        let address = self.0.as_ptr().addr();
        (address >> 4) ^ (address >> 12)
    }

    /// Whether it may still be used at `now`.
    fn is_current(&self, now: Moment) -> bool {
        self.times().is_some_and(|(_, expires)| expires == NEVER || now < expires)
    }

    fn times(&self) -> Option<(Moment, Moment)> {
        let (since, rest) = self.0.split_first_chunk()?;
        Some((Moment::read(*since), Moment::read(*rest.first_chunk()?)))
    }

    fn unpack(&self, beginning: &Beginning) -> Option<ZoneCut> {
        let (since, expires) = self.times()?;
        let expires = if expires == NEVER { None } else { Some(beginning.time(expires)?) };
        let end = APEX + name_length(self.0.get(APEX..)?)?;
        let apex = Name::from_wire(self.0.get(APEX..end)?).ok()?;
        let mut reader = Reader::new(&self.0, end);
        let count = reader.u8().ok()?;
        let mut servers = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            servers.push(read_server(&mut reader)?);
        }
        Some(ZoneCut { apex, servers: servers.into(), since: beginning.time(since)?, expires })
    }
}

fn write_glue(glue: &[IpAddr], draft: &mut Draft) {
    let count = u8::try_from(glue.len()).unwrap_or(u8::MAX);
    draft.push(count);
    for address in glue.iter().take(usize::from(count)) {
        match address {
            IpAddr::V4(v4) => {
                draft.push(4);
                draft.extend_from_slice(&v4.octets());
            }
            IpAddr::V6(v6) => {
                draft.push(6);
                draft.extend_from_slice(&v6.octets());
            }
        }
    }
}

fn read_server(reader: &mut Reader<'_>) -> Option<NameServer> {
    let host = reader.name().ok()?;
    let count = reader.u8().ok()?;
    let mut glue = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        glue.push(match reader.u8().ok()? {
            4 => IpAddr::from(*reader.bytes(4).ok()?.first_chunk::<4>()?),
            _ => IpAddr::from(*reader.bytes(16).ok()?.first_chunk::<16>()?),
        });
    }
    Some(NameServer { host, glue })
}

impl Entry for Packed {
    fn is_for(&self, key: &[u8]) -> bool {
        self.0.get(APEX..APEX + key.len()).is_some_and(|apex| apex.eq_ignore_ascii_case(key))
    }

    fn octets(&self) -> usize {
        2 * size_of::<usize>() + self.0.len()
    }
}

/// A cut as it is kept, and as it is used.
type Unpacked = (Packed, Arc<ZoneCut>);

/// The cache of zone cuts.
pub struct Cuts {
    store: Store<Packed>,
    /// What was unpacked last, each at a place that its address chooses: with the piece, so that the address stays its own.
    unpacked: Box<[Mutex<Option<Unpacked>>]>,
    beginning: Beginning,
}

impl Cuts {
    /// An empty cache for at most `capacity` octets.
    pub fn new(capacity: u64, seed: u64) -> Self {
        let unpacked = (0..UNPACKED).map(|_| Mutex::default()).collect();
        Self { store: Store::new(capacity, seed), unpacked, beginning: Beginning::default() }
    }

    /// What it holds.
    pub fn held(&self) -> Held {
        self.store.held()
    }

    /// The deepest current cut at or above `name`.
    pub fn closest(&self, name: &Name, now: Instant) -> Option<Arc<ZoneCut>> {
        // The key ends in the name's own suffixes: the key of each ancestor is a tail of the name's.
        let key = name.key();
        let mut rest = key.as_slice();
        loop {
            if let Some(cut) = self.current(rest, now) {
                return Some(cut);
            }
            let (&length, tail) = rest.split_first()?;
            rest = tail.get(usize::from(length)..).filter(|_| length > 0)?;
        }
    }

    /// The current cut at `apex`.
    pub fn at(&self, apex: &Name, now: Instant) -> Option<Arc<ZoneCut>> {
        self.current(&apex.key(), now)
    }

    /// Remembers a cut. What the parent says replaces what it said before.
    pub fn insert(&self, cut: &ZoneCut) {
        self.store.insert(&cut.apex.key(), Packed::new(cut, &self.beginning));
    }

    /// Forgets the cut at `apex`: the parent has to be asked again.
    pub fn remove(&self, apex: &Name) {
        self.store.remove(&apex.key());
    }

    fn current(&self, key: &[u8], now: Instant) -> Option<Arc<ZoneCut>> {
        let packed = self.store.get(key).filter(|cut| cut.is_current(self.beginning.moment(now)))?;
        let place = self.unpacked.get(packed.place() % UNPACKED)?;
        if let Some((known, cut)) = &*place.lock()
            && Arc::ptr_eq(&known.0, &packed.0)
        {
            return Some(Arc::clone(cut));
        }
        let cut = Arc::new(packed.unpack(&self.beginning)?);
        let before = place.lock().replace((packed, Arc::clone(&cut)));
        drop(before);
        Some(cut)
    }
}

/// Cuts that stay unpacked: with thirteen servers each these take a MiB.
const UNPACKED: usize = 512;
/// Where the apex stands: behind two moments.
const APEX: usize = 2 * Moment::OCTETS;
/// The last moment there is: such a cut does not end.
const NEVER: Moment = Moment((1 << (8 * Moment::OCTETS)) - 1);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::world::Clock;

    #[tokio::test(start_paused = true)]
    async fn the_deepest_cut_that_still_holds_is_the_closest() {
        let (cuts, clock) = (Cuts::new(1 << 20, 1), Clock::at(Duration::ZERO));
        for (apex, seconds) in [(".", 9), ("com", 5), ("Example.COM", 1)] {
            let expires = Some(clock.now() + Duration::from_secs(seconds));
            let cut = ZoneCut { apex: apex.parse().unwrap(), servers: Arc::new([]), since: clock.now(), expires };
            cuts.insert(&cut);
        }
        let closest = |name: &str| cuts.closest(&name.parse().unwrap(), clock.now()).map(|cut| cut.apex.to_string());
        assert_eq!(closest("www.example.com").as_deref(), Some("Example.COM."));
        assert_eq!(closest("example.com").as_deref(), Some("Example.COM."));
        assert_eq!(closest("ample.com").as_deref(), Some("com."));
        assert_eq!(closest(".").as_deref(), Some("."));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(closest("www.example.com").as_deref(), Some("com."));
        tokio::time::advance(Duration::from_secs(8)).await;
        assert_eq!(closest("www.example.com"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_comes_back_as_it_was_in_a_few_octets() {
        let (cuts, clock) = (Cuts::new(1 << 20, 1), Clock::at(Duration::ZERO));
        let glue = |octet: u8| vec![IpAddr::from([192, 0, 2, octet]), IpAddr::from([octet; 16])];
        let server = |host: &str, glue| NameServer { host: host.parse().unwrap(), glue };
        let inside = vec![server("n0.Example.com", glue(1)), server("n1.Example.com", glue(2))];
        let outside =
            vec![server("ns1.host.net", Vec::new()), server("ns2.host.net", glue(3)), server(".", Vec::new())];
        tokio::time::advance(Duration::from_secs(1)).await;
        for (servers, octets) in [(inside, 10 + 13 + 1 + 2 * (5 + 1 + 22)), (outside, 10 + 13 + 1 + 15 + 7 + 22 + 2)] {
            for expires in [Some(clock.now() + Duration::from_secs(60)), None] {
                let apex = "Example.com".parse().unwrap();
                let cut = ZoneCut { apex, servers: servers.as_slice().into(), since: clock.now(), expires };
                assert_eq!(Packed::new(&cut, &cuts.beginning).octets(), 16 + octets);
                cuts.insert(&cut);
                let kept = cuts.at(&"example.COM".parse().unwrap(), clock.now());
                assert_eq!(kept.as_deref(), Some(&cut));
                assert!(kept.is_some_and(|kept| kept.apex.same_case(&cut.apex)));
            }
        }
    }
}
