use super::*;
use crate::world::Clock;

const BY_DATAGRAM: (RecordType, Transport) = (RecordType::A, Transport::Udp);
const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn servers(limits: Limits) -> Servers {
    Servers::new(1 << 20, 0, Arc::new(limits))
}

#[tokio::test(start_paused = true)]
async fn timers_follow_the_round_trip_and_double() {
    let (servers, limits, clock) = (servers(Limits::default()), Limits::default(), Clock::at(Duration::ZERO));
    let unknown = servers.memory(SERVER);
    let timers: Vec<u128> = (0..4).map(|n| unknown.timeout(n, &limits).as_millis()).collect();
    assert_eq!(timers, [400, 800, 1500, 1500]);
    servers.heard(SERVER, BY_DATAGRAM, Duration::from_millis(200), clock.now());
    assert_eq!(servers.memory(SERVER).timeout(0, &limits).as_millis(), 600);
    for _ in 0..40 {
        servers.heard(SERVER, BY_DATAGRAM, Duration::from_millis(2), clock.now());
    }
    assert_eq!(servers.memory(SERVER).timeout(0, &limits), limits.shortest_timeout);
}

#[tokio::test(start_paused = true)]
async fn a_dead_server_is_held_back_and_never_forgotten() {
    let (servers, clock) = (servers(Limits::default()), Clock::at(Duration::ZERO));
    for _ in 0..2 {
        servers.missed(SERVER, clock.now());
    }
    assert!(!servers.memory(SERVER).is_held(clock.now()));
    for _ in 0..20 {
        servers.missed(SERVER, clock.now());
    }
    assert!(servers.memory(SERVER).is_held(clock.now() + Duration::from_secs(59)));
    assert!(!servers.memory(SERVER).is_held(clock.now() + Duration::from_secs(60)));
    // Every pause from the seventh on, which would be 64 s.
    assert_eq!(servers.limits.times(LimitName::ServerHoldLongest), 14);
    servers.heard(SERVER, BY_DATAGRAM, Duration::from_millis(1), clock.now());
    assert!(!servers.memory(SERVER).is_held(clock.now()));
}

#[tokio::test(start_paused = true)]
async fn peculiarities_fade_after_fifteen_minutes() {
    let (servers, clock) = (servers(Limits::default()), Clock::at(Duration::ZERO));
    let zone: Name = "example".parse().unwrap();
    servers.spoke_edns(SERVER, clock.now());
    assert!(servers.memory(SERVER).speaks_edns(clock.now() + Duration::from_secs(899)));
    assert!(!servers.memory(SERVER).speaks_edns(clock.now() + Duration::from_secs(900)));
    servers.is_plain(SERVER, Plainness::Guessed, clock.now());
    assert!(!servers.memory(SERVER).is_plain(clock.now() + GUESS));
    servers.is_plain(SERVER, Plainness::Told, clock.now());
    servers.mangles_case(SERVER, clock.now());
    servers.mark_lame(SERVER, &zone, clock.now());
    let memory = servers.memory(SERVER);
    let at = |seconds| clock.now() + Duration::from_secs(seconds);
    assert!(memory.is_plain(at(899)) && memory.mangles_case(at(899)) && memory.is_lame_for(&zone, at(899)));
    let ours = *b"our part";
    assert_eq!(memory.cookie(ours, at(0)), Some(Presented::first(ours)));
    servers.cannot_do_options(SERVER, clock.now());
    let memory_without = servers.memory(SERVER);
    assert_eq!(memory_without.cookie(ours, at(899)), None);
    assert!(memory_without.cookie(ours, at(900)).is_some());
    assert!(!memory.is_plain(at(900)) && !memory.mangles_case(at(900)) && !memory.is_lame_for(&zone, at(900)));
}

#[tokio::test(start_paused = true)]
async fn the_operator_says_how_long_and_of_how_many_zones() {
    let [hold, peculiarity] = [600, 5].map(Duration::from_secs);
    let limits = Limits { server_hold_longest: hold, server_peculiarity: peculiarity, ..Limits::default() };
    let servers = servers(Limits { lame_zones_per_server: 2, ..limits });
    let clock = Clock::at(Duration::ZERO);
    for _ in 0..20 {
        servers.missed(SERVER, clock.now());
    }
    assert!(servers.memory(SERVER).is_held(clock.now() + hold - Duration::from_secs(1)));
    assert!(!servers.memory(SERVER).is_held(clock.now() + hold));
    let zones = ["one.example", "two.example", "three.example"].map(|zone| zone.parse::<Name>().unwrap());
    zones.iter().for_each(|zone| servers.mark_lame(SERVER, zone, clock.now()));
    servers.is_plain(SERVER, Plainness::Guessed, clock.now());
    let memory = servers.memory(SERVER);
    let lame = |after: Duration| zones.each_ref().map(|zone| memory.is_lame_for(zone, clock.now() + after));
    assert_eq!(lame(Duration::from_secs(4)), [false, true, true], "the oldest makes room");
    assert_eq!(lame(peculiarity), [false; 3]);
    assert!(!memory.is_plain(clock.now() + peculiarity));
    assert_eq!(servers.limits.times(LimitName::LameZonesPerServer), 1);
    assert_eq!(servers.limits.times(LimitName::ServerPeculiarity), 3);
}

#[tokio::test(start_paused = true)]
async fn ipv6_that_never_worked_costs_one_miss_a_minute() {
    let (servers, clock) = (servers(Limits::default()), Clock::at(Duration::ZERO));
    let server: IpAddr = "2001:db8::1".parse().unwrap();
    assert!(!servers.is_ipv6_paused(clock.now()));
    servers.missed(server, clock.now());
    assert!(servers.is_ipv6_paused(clock.now() + Duration::from_secs(59)));
    assert!(!servers.is_ipv6_paused(clock.now() + Duration::from_secs(60)));
    servers.heard(server, BY_DATAGRAM, Duration::from_millis(9), clock.now());
    servers.missed(server, clock.now());
    assert!(!servers.is_ipv6_paused(clock.now()), "a single loss says little where IPv6 works");
}
