//! A root that changes its key-signing key (RFC 5011): whoever follows stays Secure, across restarts, too.

use std::path::PathBuf;
use std::time::Duration;

use burdock::config::Rollover;
use burdock::dns::{Header, Name, QueryFlags, Rcode, Rdatas, RecordType, RrSet};
use burdock::playground::{
    Algorithm, Authority, Chain, ENTRY_POINT, Internet, REVOKED, Role, Rrsig, Signer, SigningKey, Window,
};
use burdock::server::anchors::Keeper;

use super::validation::from;
use crate::support::{EPOCH, Lab, Reply, run};

const HOUR: Duration = Duration::from_secs(3600);

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("burdock-rollover-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn state(&self) -> String {
        std::fs::read_to_string(self.0.join("root.state")).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Key-signing key number `seed` of the root.
fn entry(seed: u64) -> SigningKey {
    SigningKey::new(Algorithm::Ed25519, Role::KeySigning, seed).unwrap()
}

fn revoked(seed: u64) -> SigningKey {
    let mut key = entry(seed);
    key.flags |= REVOKED;
    key
}

/// The Internet whose root has these key-signing keys, of which the first ones sign; and the DS set of all of them.
fn internet(entries: &[SigningKey], signing: usize) -> (Internet, RrSet) {
    let window = Window::days(EPOCH, -7, 300);
    let mut chain = Chain::standard(window).unwrap();
    let zone_key = SigningKey::new(Algorithm::Ed25519, Role::ZoneSigning, 99).unwrap();
    let keys = [entries, &[zone_key]].concat();
    chain.signers.insert(Name::root(), Signer::with_keys(keys, window));
    let (mut internet, anchor) = chain.build().unwrap();
    let tags: Vec<u16> = entries[..signing].iter().map(SigningKey::tag).collect();
    for authority in &mut internet.authorities {
        for zone in authority.zones.iter_mut().filter(|zone| zone.apex().is_root()) {
            let mut changed = (**zone).clone();
            let mut set = changed.remove(&Name::root(), RecordType::DNSKEY).unwrap();
            let kept: Vec<Vec<u8>> = set
                .signatures
                .iter()
                .filter(|rrsig| tags.contains(&Rrsig::parse(rrsig).unwrap().tag))
                .map(<[u8]>::to_vec)
                .collect();
            assert_eq!(kept.len(), signing);
            set.signatures = Rdatas::new(kept.iter().map(Vec::as_slice)).unwrap();
            changed.insert(set);
            *zone = changed.into();
        }
    }
    (internet, anchor)
}

/// The DS of key 1, which everybody begins with.
fn anchor() -> RrSet {
    internet(&[entry(1)], 1).1
}

/// A resolver that starts `days` after the beginning, in the Internet as it then is, with the same configuration.
fn started(days: u32, internet: &Internet) -> Lab {
    let wall = EPOCH + HOUR * 24 * days;
    Lab::at(wall, internet, 1, |settings, _| settings.dnssec = from(&anchor()))
}

fn keeper(lab: &Lab, folder: &Folder) -> Keeper {
    Keeper::begin(&lab.resolver, &Rollover::Folder(folder.0.clone())).unwrap()
}

async fn ask(lab: &Lab) -> Reply {
    lab.ask_with("www.secure.test", RecordType::A, QueryFlags { dnssec_ok: true, ..Lab::FLAGS }).await
}

/// Lets so many days pass, and asks every six hours; how often the answer was Secure.
async fn secure_days(lab: &Lab, days: u32) -> u32 {
    let mut secure = 0;
    for _ in 0..days * 4 {
        let reply = ask(lab).await;
        assert!(reply.rcode() == Rcode::NOERROR && reply.message.header.has(Header::AD), "{reply}");
        secure += 1;
        lab.wait(HOUR * 6).await;
    }
    secure
}

fn becomes(lab: &Lab, internet: &Internet) {
    let by_address = |authority: &Authority| (authority.address, authority.clone());
    lab.net.rewire(|servers| *servers = internet.authorities.iter().map(by_address).collect());
}

/// How the key stands in what is kept.
fn kept(folder: &Folder, key: &SigningKey) -> Option<String> {
    let public = burdock::dns::rdata_to_text(RecordType::DNSKEY, &key.dnskey());
    let line = folder.state().lines().find(|line| line.ends_with(&public)).map(str::to_owned)?;
    line.split(' ').nth(1).map(str::to_owned)
}

#[test]
fn ops_01_whoever_follows_stays_secure_while_the_root_changes_its_key() {
    // OPS-01, RFC 5011 §6.
    assert_eq!(entry(1).flags & ENTRY_POINT, ENTRY_POINT);
    run(async {
        let folder = Folder::new("whole");
        let (old, _) = internet(&[entry(1)], 1);
        let (both, _) = internet(&[entry(1), entry(2)], 1);
        let lab = started(0, &old);
        let keeping = tokio::spawn(keeper(&lab, &folder).run());
        let mut secure = secure_days(&lab, 5).await;
        assert_eq!((kept(&folder, &entry(1)).as_deref(), kept(&folder, &entry(2))), (Some("valid"), None));
        // Published, not used.
        becomes(&lab, &both);
        secure += secure_days(&lab, 15).await;
        assert_eq!(kept(&folder, &entry(2)).as_deref(), Some("pending"));
        keeping.abort();
        drop(lab);

        // A restart in the middle: the wait goes on, it does not begin again.
        let lab = started(20, &both);
        let keeping = tokio::spawn(keeper(&lab, &folder).run());
        secure += secure_days(&lab, 14).await;
        assert_eq!(kept(&folder, &entry(2)).as_deref(), Some("pending"), "day 34: seen for 29 days");
        secure += secure_days(&lab, 2).await;
        assert_eq!(kept(&folder, &entry(2)).as_deref(), Some("valid"), "day 36: seen for 31 days");
        // The new key alone signs, then the old one takes leave.
        becomes(&lab, &internet(&[entry(2), entry(1)], 1).0);
        secure += secure_days(&lab, 10).await;
        becomes(&lab, &internet(&[entry(2), revoked(1)], 2).0);
        secure += secure_days(&lab, 5).await;
        assert_eq!(kept(&folder, &entry(1)).as_deref(), Some("revoked"));
        let (new, _) = internet(&[entry(2)], 1);
        becomes(&lab, &new);
        secure += secure_days(&lab, 30).await;
        assert_eq!(kept(&folder, &entry(1)).as_deref(), Some("removed"));
        keeping.abort();

        // With what was kept it goes on, with the configuration alone it cannot.
        let lab = started(81, &new);
        let _keeper = keeper(&lab, &folder);
        secure += secure_days(&lab, 1).await;
        assert_eq!(secure, 82 * 4);
        println!(
            "OPS-01 Secure {secure} of {} questions; the new key pending for 29 days, valid by the 31st (allowed: after 30)",
            82 * 4
        );
        let forgetful = ask(&started(81, &new)).await;
        assert_eq!(forgetful.rcode(), Rcode::SERVFAIL, "{forgetful}");
    });
}

#[test]
fn a_root_whose_every_key_was_revoked_is_not_validated_until_a_new_key_is_configured() {
    // RFC 5011 §5.
    run(async {
        let folder = Folder::new("deleted");
        let (before, _) = internet(&[entry(1)], 1);
        let (after, _) = internet(&[revoked(1), entry(2)], 1);
        let lab = started(0, &before);
        let keeping = tokio::spawn(keeper(&lab, &folder).run());
        assert_eq!(secure_days(&lab, 3).await, 12);
        becomes(&lab, &after);
        lab.wait(HOUR * 24 * 3).await;
        keeping.abort();
        assert_eq!(kept(&folder, &entry(1)).as_deref(), Some("revoked"));
        assert!(folder.state().contains("EVERY KEY OF THIS ZONE WAS REVOKED"), "{}", folder.state());
        insecure(&lab).await;
        // A restart does not bring back the revoked key that is configured, and nothing is asked for any more.
        let lab = started(6, &after);
        let keeping = tokio::spawn(keeper(&lab, &folder).run());
        lab.wait(HOUR * 24 * 40).await;
        let is_keys = |question: &burdock::dns::Question| question.rtype == RecordType::DNSKEY;
        assert!(!lab.net.exchanges().iter().any(|one| one.question.as_ref().is_some_and(is_keys)));
        insecure(&lab).await;
        keeping.abort();
        // The operator knows the new key.
        let lab = Lab::at(EPOCH + HOUR * 24 * 50, &internet(&[entry(2)], 1).0, 1, |settings, _| {
            settings.dnssec = from(&anchor());
            settings.dnssec.anchors.merge(&from(&internet(&[entry(2)], 1).1).anchors);
        });
        let keeping = tokio::spawn(keeper(&lab, &folder).run());
        assert_eq!(secure_days(&lab, 3).await, 12);
        keeping.abort();
        assert_eq!(kept(&folder, &entry(2)).as_deref(), Some("valid"));
    });
}

#[test]
fn an_attacker_who_sets_the_flag_does_not_make_the_root_insecure() {
    // RFC 5011 §2.1: another key's signature, even one that the attacker may make, revokes nothing.
    run(async {
        let folder = Folder::new("forged");
        let lab = started(0, &internet(&[entry(2), revoked(1)], 1).0);
        let keeping = tokio::spawn(keeper(&lab, &folder).run());
        lab.wait(HOUR * 24).await;
        keeping.abort();
        assert_eq!((kept(&folder, &entry(1)), ask(&lab).await.rcode()), (None, Rcode::SERVFAIL));
    });
}

#[test]
fn an_island_whose_every_key_was_revoked_is_what_the_zones_above_say() {
    // RFC 5011 §5: the next trust point above takes over.
    run(async {
        let folder = Folder::new("island");
        let window = Window::days(EPOCH, -7, 300);
        let mut chain = Chain::standard(window).unwrap();
        let (island, zone_key) =
            ("test".parse::<Name>().unwrap(), SigningKey::new(Algorithm::Ed25519, Role::ZoneSigning, 98));
        let signer = |keys: &[SigningKey]| Signer::with_keys([keys, &[zone_key.clone().unwrap()]].concat(), window);
        chain.signers.insert(island.clone(), signer(&[revoked(7), entry(8)]));
        let (internet, root) = chain.build().unwrap();
        let own = signer(&[entry(7)]).ds(&island).unwrap();
        let lab = Lab::at(EPOCH, &internet, 1, |settings, _| {
            settings.dnssec = from(&root);
            settings.dnssec.anchors.merge(&from(&own).anchors);
        });
        assert_eq!(ask(&lab).await.rcode(), Rcode::SERVFAIL);
        let keeping = tokio::spawn(keeper(&lab, &folder).run());
        lab.wait(HOUR).await;
        assert_eq!(secure_days(&lab, 1).await, 4);
        keeping.abort();
        let anchored = lab.resolver.anchored();
        assert!(anchored.anchors.at(&island).is_none() && anchored.anchors.at(&Name::root()).is_some());
    });
}

/// Asks what is signed, and must be answered as if it were not.
async fn insecure(lab: &Lab) {
    let reply = ask(lab).await;
    assert!(reply.rcode() == Rcode::NOERROR && !reply.message.header.has(Header::AD), "{reply}\n{}", lab.net.story());
}

#[test]
fn ops_01_whoever_was_left_behind_asks_for_keys_once_an_hour() {
    // RFC 5011 §2.3: the root has gone over to a key that was never seen with the old one.
    run(async {
        let folder = Folder::new("left-behind");
        let lab = started(0, &internet(&[entry(2)], 1).0);
        let keeping = tokio::spawn(keeper(&lab, &folder).run());
        // A client, too, would like to know. The end of the day begins another hour.
        for _ in 0..24 * 12 - 1 {
            lab.wait(HOUR / 12).await;
            assert_eq!(ask(&lab).await.rcode(), Rcode::SERVFAIL);
        }
        keeping.abort();
        let is_keys = |question: &burdock::dns::Question| question.rtype == RecordType::DNSKEY;
        let asked = lab.net.exchanges().iter().filter(|one| one.question.as_ref().is_some_and(is_keys)).count();
        println!(
            "OPS-01 left behind, keys asked for {asked} times in 24 hours (allowed 25: once an hour, and once more to be sure)"
        );
        assert!((1..=25).contains(&asked), "{}", lab.net.story());
        assert_eq!((kept(&folder, &entry(2)), ask(&lab).await.rcode()), (None, Rcode::SERVFAIL));
    });
}

#[test]
fn new_anchors_count_at_once_and_keys_are_never_had_from_the_cache() {
    run(async {
        let (new, both) = (internet(&[entry(2)], 1), internet(&[entry(1), entry(2)], 2));
        let lab = started(0, &new.0);
        assert_eq!(ask(&lab).await.rcode(), Rcode::SERVFAIL);
        let records = from(&new.1).anchors.at(&Name::root()).unwrap().records.clone();
        lab.resolver.replace_anchors(&Name::root(), records);
        // No second has passed, and the root was found to be bogus.
        let reply = lab.ask_with(".", RecordType::SOA, QueryFlags { dnssec_ok: true, ..Lab::FLAGS }).await;
        assert!(reply.rcode() == Rcode::NOERROR && reply.message.header.has(Header::AD), "{reply}");
        // What failed below the root is looked at again after a while (RFC 9520 §3.2).
        lab.wait(Duration::from_secs(31)).await;
        let reply = ask(&lab).await;
        assert!(reply.rcode() == Rcode::NOERROR && reply.message.header.has(Header::AD), "{reply}");
        let fetched = lab.resolver.fetch_keys(&Name::root()).await.unwrap();
        assert_eq!((fetched.rdatas.len(), fetched.signatures.len()), (2, 1));
        becomes(&lab, &both.0);
        let fetched = lab.resolver.fetch_keys(&Name::root()).await.unwrap();
        assert_eq!((fetched.rdatas.len(), fetched.signatures.len()), (3, 2));
        becomes(&lab, &Internet { authorities: Vec::new(), root_hints: Vec::new() });
        assert!(lab.resolver.fetch_keys(&Name::root()).await.is_err());
    });
}

#[test]
fn ops_01_a_state_that_is_torn_is_put_aside_and_a_folder_that_is_not_there_ends_nothing() {
    run(async {
        let folder = Folder::new("torn");
        let (old, _) = internet(&[entry(1)], 1);
        let lab = started(0, &old);
        drop(keeper(&lab, &folder));
        let whole = folder.state();
        std::fs::write(folder.0.join("root.state"), &whole[..whole.len() / 2]).unwrap();
        drop(keeper(&lab, &folder));
        assert_eq!(folder.state(), whole);
        let aside = std::fs::read_to_string(folder.0.join("root.state.unusable")).unwrap();
        assert_eq!(aside, whole[..whole.len() / 2]);
        std::fs::remove_dir_all(&folder.0).unwrap();
        let keeping = tokio::spawn(keeper(&lab, &folder).run());
        assert_eq!(secure_days(&lab, 3).await, 12);
        assert!(!folder.0.exists() && !keeping.is_finished());
        assert!(Keeper::begin(&lab.resolver, &Rollover::Off).is_none());
    });
}
