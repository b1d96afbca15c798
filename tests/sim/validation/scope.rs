//! How much of what a zone has is looked at: a bound that leaves out just what is needed is named to whoever asks, the
//! second time too; one that has room for it lets all of it be authentic.

use burdock::dns::{Rcode, Record, RecordType};
use burdock::job::LimitName as L;
use burdock::playground::{Algorithm, Behaviour, Draft, Flaw, Role, Rrsig, Signer, SigningKey, colliding_keys};

use super::{A, ask, authentic, from, verdict};
use crate::support::{Lab, Tree, name, run};

const WWW: &str = "www A 192.0.2.1\nmail A 192.0.2.2\n";

/// In front of each signature another one that lasts longer, and does not verify.
fn jam(rrsig: &mut Rrsig) {
    rrsig.expiration += 86_400;
    rrsig.signature[3] ^= 1;
}

/// The same in the name of the zone above.
fn claim(rrsig: &mut Rrsig) {
    rrsig.signer = name("s1");
}

fn beside(zone: &'static str, change: fn(&mut Rrsig)) -> Behaviour {
    Behaviour::edits(move |query, draft: &mut Draft| {
        let answer = &mut draft.message.answer;
        let place = answer.iter().position(|record| record.rtype == RecordType::RRSIG);
        let Some(place) = place.filter(|_| query.rtype() == Some(A) && query.name().is_in(&name(zone))) else { return };
        let mut rrsig = Rrsig::parse(&answer[place].rdata).unwrap();
        change(&mut rrsig);
        let other = Record { rdata: rrsig.rdata()[..].into(), ..answer[place].clone() };
        answer.insert(place, other);
    })
}

/// The same zone with these keys in place of its zone-signing one, or beside its key-signing one; the last of them signs what
/// is wanted.
fn with_keys(signer: Signer, keys: Vec<SigningKey>, sets: &[(&str, RecordType)]) -> Signer {
    let Some(last) = keys.last().cloned() else { return signer };
    let [ksk, zsk] = &signer.keys[..] else { panic!("one key of each role") };
    let all = match last.flags & burdock::playground::ENTRY_POINT {
        0 => [vec![ksk.clone()], keys].concat(),
        _ => [vec![ksk.clone()], keys, vec![zsk.clone()]].concat(),
    };
    let by_last = |owner: &str, rtype| Flaw::SignedBy(name(owner), rtype, last.clone());
    let signer = Signer { keys: all, ..signer };
    sets.iter().fold(signer, |signer, (owner, rtype)| signer.wrong(by_last(owner, *rtype)))
}

/// Zones below `s1`, which `server` has, that need two or three of something.
pub fn crowded(tree: Tree, server: &str) -> Tree {
    let key = |role, seed| SigningKey::new(Algorithm::EcdsaP256, role, seed).unwrap();
    let alike = colliding_keys(Algorithm::EcdsaP256, Role::ZoneSigning, 2).unwrap();
    let many = vec![key(Role::ZoneSigning, 71), key(Role::ZoneSigning, 72)];
    let rolling = vec![key(Role::KeySigning, 73)];
    tree.secure("jam.s1", &["198.18.9.1"], WWW)
        .behave("198.18.9.1", beside("jam.s1", jam))
        .secure("alike.s1", &["198.18.9.2"], WWW)
        .signer("alike.s1", |signer| with_keys(signer, alike, &[("www.alike.s1", A), ("mail.alike.s1", A)]))
        .secure("many.s1", &["198.18.9.3"], WWW)
        .signer("many.s1", |signer| with_keys(signer, many, &[("www.many.s1", A), ("mail.many.s1", A)]))
        .secure("rolling.s1", &["198.18.9.4"], WWW)
        .signer("rolling.s1", |signer| with_keys(signer, rolling, &[("rolling.s1", RecordType::DNSKEY)]))
        .secure("below.s1", &[server], WWW)
        .behave(server, beside("below.s1", claim))
}

#[test]
fn a_bound_that_leaves_out_what_is_needed_is_named() {
    let tree = crowded(Tree::signed().secure("s1", &["198.18.8.1"], WWW), "198.18.8.1");
    let lab = |limit: L, value: u64| {
        Lab::with(&tree.internet(), 7, |settings, limits| {
            settings.dnssec = from(&tree.anchor());
            assert!(limits.set(limit.to_string().trim_start_matches("limits."), value));
        })
    };
    run(async {
        for (limit, needed, zone) in [
            (L::SignaturesTried, 2, "jam.s1"),
            (L::KeysAlike, 2, "alike.s1"),
            (L::KeysPerZone, 3, "many.s1"),
            (L::DsPerZone, 2, "rolling.s1"),
            (L::SignersTried, 2, "below.s1"),
        ] {
            let narrow = lab(limit, needed - 1);
            for (times, owner) in (1..).zip(["www", "mail"]) {
                let reply = ask(&narrow, &format!("{owner}.{zone}"), A).await;
                let story = || format!("{limit} {owner}: {reply}\n{}", narrow.net.story());
                assert_eq!(verdict(&reply), (Rcode::SERVFAIL, false), "{}", story());
                // That a zone has no keys is remembered, and not every reason for it.
                if limit != L::DsPerZone || times == 1 {
                    let named = reply.errors().iter().any(|(_, text)| text.contains(&limit.to_string()));
                    assert!(named && narrow.resolver.limits().times(limit) >= times, "{}", story());
                }
            }
            let wide = lab(limit, needed);
            for owner in ["www", "mail"] {
                authentic(&wide, &format!("{owner}.{zone}"), A, Rcode::NOERROR).await;
            }
            assert_eq!(wide.resolver.limits().times(limit), 0, "{limit}");
        }
    });
}
