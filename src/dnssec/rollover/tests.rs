//! Rollovers as RFC 5011 §6 plays them, with a clock of our own; and states torn, changed and foreign.

use proptest::prelude::*;

use super::*;
use crate::dnssec::signer::{NOW, Signer, of, work};
use crate::dnssec::{Anchors, Source};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
const START: Duration = Duration::from_secs(NOW as u64);

/// Key number `seed` of the root.
fn key(seed: u8) -> Signer {
    Signer::new(".", seed)
}

/// The same key, taken back.
fn revoked(seed: u8) -> Signer {
    key(seed).with_flags(0x0181)
}

/// The root's keys, signed at `now` by some of them.
fn keys(all: &[&Signer], signing: &[&Signer], now: Duration) -> RrSet {
    let set = of(".", RecordType::DNSKEY, &all.iter().map(|key| key.dnskey()).collect::<Vec<_>>());
    let signed = signing.iter().map(|key| {
        let (inception, expiration) = (serial_time(now) - 3600, serial_time(now) + 14 * 86_400);
        key.rrsig(
            &set,
            &crate::dnssec::signer::Fields { inception, expiration, original_ttl: 172_800, ..key.fields(&set) },
        )
    });
    crate::dnssec::signer::with_signatures(&set, &signed.collect::<Vec<_>>())
}

/// One that begins with the DS of key 1.
fn rollover() -> Rollover {
    Rollover::new(&anchor())
}

fn anchor() -> Anchor {
    Anchors::of(&of(".", RecordType::DS, &[key(1).ds(2)]), &Source::Builtin).at(&Name::root()).unwrap().clone()
}

fn see(rollover: &mut Rollover, all: &[&Signer], signing: &[&Signer], now: Duration) -> Vec<Action> {
    rollover.take(Event::Seen(&keys(all, signing, now)), now, &work())
}

fn changes(actions: &[Action]) -> Vec<(u16, Option<KeyState>, Option<KeyState>)> {
    let told = actions.iter().filter_map(|action| if let Action::Tell(change) = action { Some(change) } else { None });
    told.map(|change| (change.tag, change.from, change.to)).collect()
}

fn trusted(rollover: &Rollover) -> Vec<(RecordType, u16)> {
    rollover.anchors().iter().map(|record| (record.rtype, record.tag())).collect()
}

use KeyState::{AddPend, Missing, Removed, Revoked, Valid};

#[test]
fn a_new_key_is_trusted_after_thirty_days_and_not_a_second_earlier() {
    // OPS-01, RFC 5011 §2.4.1.
    let (one, two) = (key(1), key(2));
    let mut rollover = rollover();
    assert_eq!(rollover.next(), Some(Duration::ZERO), "asked for at once");
    let actions = see(&mut rollover, &[&one], &[&one], START);
    assert_eq!(changes(&actions), [(one.tag(), None, Some(Valid))]);
    assert_eq!(rollover.anchors()[0].source, Source::Builtin);
    assert!(matches!(actions[1], Action::Trust(_)) && actions[2] == Action::Save);
    // Half the TTL: it is shorter than half of what the signature has left.
    assert_eq!(rollover.next(), Some(START + DAY));

    let actions = see(&mut rollover, &[&one, &two], &[&one], START + DAY);
    assert_eq!(changes(&actions), [(two.tag(), None, Some(AddPend))]);
    assert_eq!(trusted(&rollover), [(RecordType::DNSKEY, one.tag())]);
    let almost = START + 31 * DAY - Duration::from_secs(1);
    assert_eq!(changes(&see(&mut rollover, &[&one, &two], &[&one], almost)), []);
    // What the new key alone vouches for is not believed yet.
    let refused = see(&mut rollover, &[&two], &[&two], almost);
    assert!(matches!(&refused[..], [Action::Refuse(Bogus { reason: Reason::KeyMissing, .. }), Action::Save]));
    assert_eq!(rollover.next(), Some(almost + HOUR));
    let actions = see(&mut rollover, &[&one, &two], &[&one], START + 31 * DAY);
    assert_eq!(changes(&actions), [(two.tag(), Some(AddPend), Some(Valid))]);
    assert_eq!(trusted(&rollover), [(RecordType::DNSKEY, one.tag()), (RecordType::DNSKEY, two.tag())]);
    assert_eq!(rollover.anchors()[1].source, Source::Rollover);
    assert_eq!(
        changes(&see(&mut rollover, &[&two], &[&two], START + 32 * DAY)),
        [(one.tag(), Some(Valid), Some(Missing))]
    );
}

#[test]
fn time_alone_does_not_make_a_key_trusted() {
    // One sighting, a long sleep, and then gone: back to Start, and the wait begins again.
    let (one, two) = (key(1), key(2));
    let mut rollover = rollover();
    see(&mut rollover, &[&one, &two], &[&one], START);
    assert_eq!(changes(&see(&mut rollover, &[&one], &[&one], START + 40 * DAY)), [(two.tag(), Some(AddPend), None)]);
    let again = see(&mut rollover, &[&one, &two], &[&one], START + 41 * DAY);
    assert_eq!(changes(&again), [(two.tag(), None, Some(AddPend))]);
    assert_eq!(changes(&see(&mut rollover, &[&one, &two], &[&one], START + 70 * DAY)), []);
    // Sightings alone do not, either; nor does a clock that goes back.
    for _ in 0..50 {
        assert_eq!(changes(&see(&mut rollover, &[&one, &two], &[&one], START + 70 * DAY)), []);
    }
    assert_eq!(changes(&see(&mut rollover, &[&one, &two], &[&one], START)), []);
    assert_eq!(trusted(&rollover), [(RecordType::DNSKEY, one.tag())]);
    let due = see(&mut rollover, &[&one, &two], &[&one], START + 71 * DAY);
    assert_eq!(changes(&due), [(two.tag(), Some(AddPend), Some(Valid))]);
}

#[test]
fn a_long_ttl_makes_the_wait_longer() {
    // §2.4.1: the TTL of the set, when it is longer than 30 days.
    let (one, two) = (key(1), key(2));
    let mut rollover = rollover();
    let signed = |now: Duration| {
        let set = of(".", RecordType::DNSKEY, &[one.dnskey(), two.dnskey()]);
        let (inception, expiration) = (serial_time(now) - 3600, serial_time(now) + 100 * 86_400);
        let fields = one.fields(&set);
        let fields = crate::dnssec::signer::Fields { inception, expiration, original_ttl: 40 * 86_400, ..fields };
        crate::dnssec::signer::with_signatures(&set, &[one.rrsig(&set, &fields)])
    };
    let mut at = |now: Duration| changes(&rollover.take(Event::Seen(&signed(now)), now, &work()));
    assert_eq!(at(START).len(), 2);
    assert_eq!(at(START + 39 * DAY), []);
    assert_eq!(at(START + 40 * DAY), [(two.tag(), Some(AddPend), Some(Valid))]);
    assert_eq!(rollover.next(), Some(START + 55 * DAY), "fifteen days at most");
}

#[test]
fn a_revoked_key_is_never_trusted_again() {
    let (one, two) = (key(1), key(2));
    let mut rollover = rollover();
    for day in [0, 30] {
        see(&mut rollover, &[&one, &two], &[&one], START + day * DAY);
    }
    // Only the key itself can take itself back (§2.1): here somebody else set the flag.
    let forged = see(&mut rollover, &[&revoked(1), &two], &[&two], START + 31 * DAY);
    assert_eq!(changes(&forged), [(one.tag(), Some(Valid), Some(Missing))]);
    let at = START + 32 * DAY;
    let actions = see(&mut rollover, &[&revoked(1), &two], &[&revoked(1), &two], at);
    assert_eq!(changes(&actions), [(one.tag(), Some(Missing), Some(Revoked))]);
    assert_eq!(trusted(&rollover), [(RecordType::DNSKEY, two.tag())], "though its DS is configured");
    let back = see(&mut rollover, &[&one, &two], &[&one, &two], at + DAY);
    assert_eq!(changes(&back), []);
    let removed = see(&mut rollover, &[&two], &[&two], at + 30 * DAY);
    assert_eq!(changes(&removed), [(one.tag(), Some(Revoked), Some(Removed))]);
    assert_eq!(changes(&see(&mut rollover, &[&one, &two], &[&one], at + 31 * DAY)), []);
    assert_eq!(trusted(&rollover), [(RecordType::DNSKEY, two.tag())]);
}

#[test]
fn when_the_last_key_is_revoked_the_zone_has_no_trust_anchor() {
    // RFC 5011 §5. A key that waits is no trust anchor yet, and nobody is left who could vouch for it.
    let (one, two) = (key(1), key(2));
    let mut rollover = rollover();
    see(&mut rollover, &[&one, &two], &[&one], START);
    let actions = see(&mut rollover, &[&revoked(1), &two], &[&revoked(1), &two], START + DAY);
    assert_eq!(changes(&actions), [(one.tag(), Some(Valid), Some(Revoked))]);
    assert_eq!(actions[1..], [Action::Delete, Action::Save]);
    assert_eq!((trusted(&rollover), rollover.next(), rollover.keys().len()), (vec![], None, 1));
    // From then on it is as if it was never configured, whatever comes.
    for late in [see(&mut rollover, &[&one], &[&one], START + 40 * DAY), rollover.take(Event::Failed, START, &work())] {
        assert_eq!((late, rollover.next()), (vec![], None));
    }
    let text = rollover.to_text();
    assert!(text.contains("\n; EVERY KEY OF THIS ZONE WAS REVOKED"), "{text}");
    let resumed = Rollover::resume(&anchor(), &text, START + 40 * DAY).unwrap();
    assert_eq!((&resumed, resumed.next()), (&rollover, None));
    // Unless the operator configures a key that was not revoked: that one is asked for at once.
    let wider = Anchors::of(&of(".", RecordType::DS, &[one.ds(2), two.ds(2)]), &Source::Builtin);
    let mut revived = Rollover::resume(wider.at(&Name::root()).unwrap(), &text, START + 40 * DAY).unwrap();
    assert_eq!((trusted(&revived), revived.next()), (vec![(RecordType::DS, two.tag())], Some(Duration::ZERO)));
    assert!(!revived.to_text().contains("REVOKED"));
    let actions = see(&mut revived, &[&revoked(1), &two], &[&two], START + 40 * DAY);
    assert_eq!(changes(&actions), [(two.tag(), None, Some(Valid)), (one.tag(), Some(Revoked), Some(Removed))]);
}

#[test]
fn nobody_but_the_last_key_itself_can_take_the_trust_anchor_away() {
    // RFC 5011 §2.1: the flag counts where the key with the flag has signed the set, and the signature is valid now.
    let (one, two, zone_signing) = (key(1), key(2), key(99).with_flags(0x0100));
    let taken_back = revoked(1);
    let all = [&taken_back, &two, &zone_signing];
    let later = START + 40 * DAY;
    let genuine = keys(&all, &[&taken_back], START);
    let by_others = keys(&all, &[&two, &zone_signing, &one], later);
    // The signature of the key as it was, under the set in which the flag was set afterwards.
    let before = keys(&[&one, &two, &zone_signing], &[&one], later);
    let flipped = RrSet { signatures: before.signatures, ..by_others.clone() };
    let unsigned = RrSet { signatures: crate::dns::Rdatas::EMPTY, ..by_others.clone() };
    let changed = RrSet { rdatas: keys(&[&taken_back, &key(3)], &[], START).rdatas, ..genuine.clone() };
    let elsewhere = RrSet { owner: "test".parse().unwrap(), ..keys(&all, &[&taken_back], later) };
    let early = keys(&all, &[&taken_back], later + 100 * DAY);
    for (set, what) in [
        (&genuine, "its signature has expired: replayed"),
        (&by_others, "others signed"),
        (&flipped, "the flag was set afterwards"),
        (&unsigned, "nobody signed"),
        (&changed, "another set was signed"),
        (&elsewhere, "another zone's"),
        (&early, "not valid yet"),
    ] {
        let mut rollover = rollover();
        let actions = rollover.take(Event::Seen(set), later, &work());
        assert!(matches!(&actions[..], [Action::Refuse(_), Action::Save]), "{what}: {actions:?}");
        assert_eq!(rollover.anchors(), anchor().records, "{what}");
    }
    // One of two: the other holds, though it is not there.
    let both = Anchors::of(&of(".", RecordType::DS, &[one.ds(2), key(3).ds(2)]), &Source::Builtin);
    let mut rollover = Rollover::new(both.at(&Name::root()).unwrap());
    let actions = rollover.take(Event::Seen(&genuine), START, &work());
    assert!(!actions.contains(&Action::Delete), "{actions:?}");
    assert_eq!(trusted(&rollover), [(RecordType::DS, key(3).tag())]);
}

#[test]
fn an_algorithm_rolls() {
    // As the root would: the new algorithm signs beside the old one, which then leaves.
    let (old, new) = (key(1), Signer::of_algorithm(".", 13));
    let mut rollover = rollover();
    for day in [0, 15, 30] {
        see(&mut rollover, &[&old, &new], &[&old, &new], START + day * DAY);
    }
    let all = [(RecordType::DNSKEY, old.tag()), (RecordType::DNSKEY, new.tag())];
    assert_eq!(trusted(&rollover), all);
    let actions = see(&mut rollover, &[&revoked(1), &new], &[&revoked(1), &new], START + 31 * DAY);
    assert_eq!(changes(&actions), [(old.tag(), Some(Valid), Some(Revoked))]);
    assert_eq!(
        changes(&see(&mut rollover, &[&new], &[&new], START + 62 * DAY)),
        [(old.tag(), Some(Revoked), Some(Removed))]
    );
    assert_eq!(trusted(&rollover), [(RecordType::DNSKEY, new.tag())]);
}

#[test]
fn failures_are_no_absence_and_come_once_an_hour() {
    let (one, two) = (key(1), key(2));
    let mut rollover = rollover();
    see(&mut rollover, &[&one, &two], &[&one], START);
    let before = rollover.keys().to_vec();
    assert_eq!(rollover.take(Event::Failed, START + DAY, &work()), [Action::Save]);
    assert_eq!((rollover.next(), rollover.keys()), (Some(START + DAY + HOUR), &before[..]));
    // Neither does what nobody signed, or a set of another zone, count as seen.
    let unsigned = keys(&[&one], &[], START + DAY);
    let foreign = RrSet { owner: "test".parse().unwrap(), ..keys(&[&one], &[&one], START + DAY) };
    for set in [unsigned, foreign] {
        let actions = rollover.take(Event::Seen(&set), START + DAY, &work());
        assert!(matches!(&actions[..], [Action::Refuse(_), Action::Save]), "{actions:?}");
        assert_eq!(rollover.keys(), before);
    }
    // Old keys only, long after the roll (OPS-01): refused, told, and asked again in an hour.
    let three = key(3);
    let late = see(&mut rollover, &[&three], &[&three], START + 400 * DAY);
    assert!(matches!(&late[..], [Action::Refuse(Bogus { reason: Reason::KeyMissing, .. }), Action::Save]));
    assert_eq!(rollover.next(), Some(START + 400 * DAY + HOUR));
}

#[test]
fn zone_signing_keys_and_floods_of_keys_are_not_followed() {
    let one = key(1);
    let mut rollover = rollover();
    let zone_signing = key(99).with_flags(0x0100);
    let flood: Vec<Signer> = (2..30).map(key).collect();
    let all: Vec<&Signer> = [&one, &zone_signing].into_iter().chain(&flood).collect();
    for day in [0, 30] {
        see(&mut rollover, &all, &[&one], START + day * DAY);
    }
    assert_eq!(rollover.keys().len(), MAX_FOLLOWED);
    assert!(rollover.keys().iter().all(|key| key.rdata != zone_signing.dnskey()));
}

#[test]
fn a_state_is_read_back_as_it_was() {
    let (one, two, three) = (key(1), key(2), key(3));
    let mut rollover = rollover();
    for day in [0, 30] {
        see(&mut rollover, &[&one, &two], &[&one], START + day * DAY);
    }
    see(&mut rollover, &[&revoked(1), &two, &three], &[&revoked(1), &two], START + 31 * DAY);
    let text = rollover.to_text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[3..6], ["zone .", "anchors builtin", "next 20231216221320"]);
    assert!(lines[6].starts_with("key revoked 20231215221320 0 257 3 15 "), "{text}");
    assert!(lines[7].starts_with("key valid 20231214221320 2 257 3 15 "), "{text}");
    assert!(lines[8].starts_with("key pending 20231215221320 1 257 3 15 "), "{text}");
    assert!(lines[9].starts_with("end 3 ") && lines.len() == 10, "{text}");
    let now = START + 31 * DAY;
    assert_eq!(Rollover::resume(&anchor(), &text, now), Ok(rollover));
    // The wait goes on where it was: not shorter, and not for ever because of a clock that was wrong.
    let resumed = Rollover::resume(&anchor(), &text, START - 300 * DAY).unwrap();
    assert_eq!(resumed.next(), Some(START - 285 * DAY));
}

#[test]
fn a_state_that_is_not_whole_is_never_used() {
    let (one, two) = (key(1), key(2));
    let mut rollover = rollover();
    see(&mut rollover, &[&one, &two], &[&one], START);
    let text = rollover.to_text();
    let says = |text: &str| Rollover::resume(&anchor(), text, START).map(|_| ()).unwrap_err().to_string();
    // Half-written: every length but the whole is an error.
    for end in 0..text.len() {
        assert!(Rollover::resume(&anchor(), &text[..end], START).is_err(), "{end}");
    }
    let torn = &text[..text.len() / 2];
    assert_eq!(
        says(torn),
        format!("line {}: the text ends before its end: it was not written whole", torn.lines().count())
    );
    assert_eq!(says(""), "line 1: this is no state of trust anchors, or one of another version");
    // A hold-down that somebody shortens by hand, or by a flipped bit.
    let changed = "line 9: the text is not as it was written: its checksum is another";
    assert_eq!(says(&text.replace("key pending 2023", "key pending 2013")), changed);
    assert_eq!(says(&text.replace("key pending", "key valid")), changed);
    let without: String =
        text.lines().filter(|line| !line.starts_with("key pending")).map(|line| format!("{line}\n")).collect();
    assert_eq!(says(&without), "line 8: the text is not as it was written: its checksum is another");
    // Overlong lines, and too many.
    let overlong = text.replacen("next ", &format!("next {}", "0".repeat(5000)), 1);
    assert_eq!(says(&overlong), "line 6: this is longer than burdock writes");
    assert_eq!(says(&format!("{text}{}", "\n".repeat(200))), "line 129: this is longer than burdock writes");
    // Another zone, or another file of anchors.
    let other = Anchor { apex: "test".parse().unwrap(), ..anchor() };
    let error = Rollover::resume(&other, &text, START).unwrap_err();
    assert_eq!(error.to_string(), "line 4: this state began with other trust anchors");
    let file = Source::File("/etc/root.key".into());
    let other = Anchors::of(&of(".", RecordType::DS, &[key(1).ds(2)]), &file).at(&Name::root()).unwrap().clone();
    let error = Rollover::resume(&other, &text, START).unwrap_err();
    assert_eq!((error.line, error.problem), (5, StateProblem::OtherAnchors));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// OPS-01, whatever happens in whatever order: no key but those configured is trusted before it was there without
    /// a break for 30 days and seen twice, none that was revoked is trusted, there is an anchor until the last one was
    /// revoked, and none ever after, and a state that is saved and read again changes nothing.
    #[test]
    fn no_order_of_events_shortens_the_wait(steps in prop::collection::vec((0u64..20 * 86_400, 0u8..16, 0u8..8), 1..40)) {
        let (one, others) = (key(1), [key(2), key(3)]);
        let mut rollover = rollover();
        let (mut now, mut seen, mut lost, mut deleted) = (START, [None; 2], false, false);
        for (later, here, what) in steps {
            now += Duration::from_secs(later);
            let taken_back = revoked(1);
            let first = if here & 12 == 12 { &taken_back } else { &one };
            let present: Vec<usize> = [0, 1].into_iter().filter(|i| here & (1 << i) != 0).collect();
            let all: Vec<&Signer> = present.iter().map(|i| &others[*i]).chain([first]).collect();
            let alone = [first];
            let signers = if what % 2 == 0 { &all[..] } else { &alone };
            let actions = if what == 7 { rollover.take(Event::Failed, now, &work()) } else { see(&mut rollover, &all, signers, now) };
            lost |= what != 7 && here & 12 == 12;
            if what != 7 && !actions.iter().any(|action| matches!(action, Action::Refuse(_))) {
                for i in [0, 1] {
                    let sighting = seen[i].map_or((now, 1), |(since, count)| (since, count + 1));
                    // A key that is trusted stays so while it is missing.
                    let stays = rollover.keys().iter().any(|known| known.rdata == others[i].dnskey() && known.is_trusted());
                    seen[i] = if present.contains(&i) { Some(sighting) } else { seen[i].filter(|_| stays) };
                }
            }
            for (i, other) in others.iter().enumerate() {
                if rollover.anchors().iter().any(|record| record.rdata == other.dnskey()) {
                    let (since, count) = seen[i].unwrap();
                    prop_assert!(now - since >= ADD_HOLD_DOWN && count >= 2, "{:?} {count}", now - since);
                }
            }
            let is_first = |record: &AnchorRecord| record.rdata == one.dnskey() || record.rdata == one.ds(2);
            let none = rollover.anchors().is_empty();
            prop_assert!(none || !deleted);
            prop_assert!(lost || !none);
            deleted = none;
            prop_assert!(!lost || !rollover.anchors().iter().any(is_first));
            prop_assert_eq!(rollover.next().is_none(), deleted);
            prop_assert!(rollover.next().is_none_or(|next| next >= now + HOUR && next <= now + 15 * DAY));
            prop_assert_eq!(Rollover::resume(&anchor(), &rollover.to_text(), now), Ok(rollover.clone()));
        }
    }

    #[test]
    fn arbitrary_states_and_files_never_panic(text in "(burdock trust anchors, version 1\n)?((zone|anchors|next|key|end|\\.|DS|DNSKEY|;;state=|[0-9]{1,14}|valid|[A-Za-z=]{1,9}|[ \n]){0,30}|\\PC*)\n?") {
        let _ = Anchors::read(&text, &Source::Builtin);
        prop_assert!(Rollover::resume(&anchor(), &text, START).is_err());
    }
}
