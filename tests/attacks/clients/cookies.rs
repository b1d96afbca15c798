//! TRN-07: what clients show as cookies, and what that gets them (RFC 7873 §5.2, RFC 9018).

use std::time::Duration;

use burdock::dns::{Rcode, RecordType};
use burdock::policy::RateSettings;

use super::{Reply, cookie, lab_with, query, send, tcp, udp};
use crate::support::{Lab, run};

const CLIENT: [u8; 4] = [198, 51, 100, 7];
/// There is a rate, so that replies to those who are not believed are short; nobody is over it.
const AMPLE: RateSettings = RateSettings { per_client: 1000, per_question: 1000 };

/// Asks for a reply of 900 octets: whole for a client that is believed, truncated for one that is not.
async fn medium(lab: &Lab, cookies: &[&[u8]], address: [u8; 4]) -> Reply {
    send(lab, &query("medium.d1.t1", RecordType::TXT, cookies), &udp(address)).await.unwrap()
}

#[test]
fn trn_07_a_good_cookie_gets_the_full_size_and_all_others_count_as_none() {
    run(async {
        let lab = lab_with(AMPLE);
        send(&lab, &query("medium.d1.t1", RecordType::TXT, &[]), &tcp(CLIENT)).await.unwrap();
        let none = medium(&lab, &[], CLIENT).await;
        assert!(none.is_truncated() && none.cookie().is_none());
        let first = medium(&lab, &[b"client's"], CLIENT).await;
        let good = first.cookie().unwrap();
        assert!(first.is_truncated() && good.len() == 24 && good.starts_with(b"client's"));
        assert_eq!(first.message.rcode(), Rcode::NOERROR, "BADCOOKIE only when it is needed");

        let valid = medium(&lab, &[&good], CLIENT).await;
        assert!(!valid.is_truncated() && valid.message.answer.len() == 4, "{:?}", valid.message);
        assert_eq!(valid.cookie().unwrap(), good);
        let elsewhere = medium(&lab, &[&good], [198, 51, 100, 8]).await;
        assert!(elsewhere.is_truncated() && elsewhere.cookie().unwrap() != good, "bound to the address");
        let other_client = [b"somebody", &good[8..]].concat();
        assert!(medium(&lab, &[&other_client], CLIENT).await.is_truncated());
        // RFC 7873 §5.2: the first one counts.
        assert!(medium(&lab, &[b"client's", &good], CLIENT).await.is_truncated());
        assert!(!medium(&lab, &[&good, b"client's"], CLIENT).await.is_truncated());

        let mut changed = 0;
        for octet in 8..24 {
            let mut forged = good.clone();
            forged[octet] ^= 1;
            changed += u32::from(medium(&lab, &[&forged], CLIENT).await.is_truncated());
        }
        assert_eq!(changed, 16, "every octet counts");
        println!("TRN-07 forged cookies believed: {} of 16 (allowed 0)", 16 - changed);
    });
}

#[test]
fn trn_07_cookies_of_wrong_length_are_format_errors() {
    run(async {
        let lab = lab_with(AMPLE);
        let mut errors = 0;
        for length in 0..=48 {
            let reply = medium(&lab, &[&[1; 48][..length]], CLIENT).await;
            let wrong = reply.message.rcode() == Rcode::FORMERR;
            assert_eq!(wrong, !matches!(length, 8 | 16..=40), "{length}");
            errors += u32::from(wrong);
        }
        println!("TRN-07 lengths refused: {errors} of 49 (allowed 23)");
    });
}

#[test]
fn trn_07_stale_cookies_and_those_of_the_future_are_as_none() {
    run(async {
        let lab = lab_with(AMPLE);
        let old = cookie(&lab, &udp(CLIENT)).await;
        lab.wait(Duration::from_secs(1740)).await;
        assert_eq!(medium(&lab, &[&old], CLIENT).await.cookie().unwrap(), old);
        lab.wait(Duration::from_secs(1800)).await;
        let renewed = medium(&lab, &[&old], CLIENT).await;
        assert!(!renewed.is_truncated() && renewed.cookie().unwrap() != old, "good, and replaced");
        lab.wait(Duration::from_secs(61)).await;
        assert!(medium(&lab, &[&old], CLIENT).await.is_truncated(), "an hour and a second");
        assert!(!medium(&lab, &[&renewed.cookie().unwrap()], CLIENT).await.is_truncated());
    });
}

#[test]
fn trn_07_a_server_that_shares_the_secret_takes_the_cookie_and_one_ahead_of_time_does_not() {
    let shared = |wall_ahead: u64| {
        let lab = Lab::guarded(&super::tree().internet(), wall_ahead, |policy, _| {
            policy.cookies = burdock::policy::cookies::Settings::Shared(vec![[7; 16]]);
            policy.rate = AMPLE;
        });
        async move {
            lab.wait(Duration::from_secs(wall_ahead)).await;
            lab
        }
    };
    let made_ahead = |seconds| run(async move { cookie(&shared(seconds).await, &udp(CLIENT)).await });
    for (seconds, believed) in [(0, true), (299, true), (302, false)] {
        let shown = made_ahead(seconds);
        let whole = run(async {
            let lab = shared(0).await;
            !medium(&lab, &[&shown], CLIENT).await.is_truncated()
        });
        assert_eq!(whole, believed, "made {seconds} s ahead");
    }
}
