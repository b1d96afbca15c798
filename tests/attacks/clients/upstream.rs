//! TRN-08 and AMP-12: cookies for other servers, and servers that get them wrong (RFC 7873 §5.3).

use std::sync::Arc;
use std::time::Duration;

use burdock::dns::{Class, Message, Rcode, Record, RecordType, Ttl};
use burdock::playground::{Behaviour, Draft, Query};
use burdock::world::Transport;
use parking_lot::Mutex;

use super::{FIRST, cookie_in};
use crate::support::{Lab, Tree, run};

/// What the server was shown: how, and the cookie.
type Seen = Arc<Mutex<Vec<(Transport, Option<Vec<u8>>)>>>;

/// A server that notes cookies, and then does as `behave` says; `behave` is given the cookie and its number.
fn server(behave: impl Fn(&Query<'_>, &mut Draft, Option<Vec<u8>>, usize) + Send + Sync + 'static) -> (Lab, Seen) {
    server_with(behave, &[])
}

fn server_with(
    behave: impl Fn(&Query<'_>, &mut Draft, Option<Vec<u8>>, usize) + Send + Sync + 'static,
    others: &[Behaviour],
) -> (Lab, Seen) {
    let seen = Seen::default();
    let noted = Arc::clone(&seen);
    let behaviour = Behaviour::edits(move |query, draft| {
        let cookie = cookie_in(query.message);
        let number = noted.lock().len();
        noted.lock().push((query.transport, cookie.clone()));
        behave(query, draft, cookie, number);
    });
    let names: String = (0..10).map(|number| format!("n{number} A 192.0.2.{number}\n")).collect();
    let tree = Tree::with_tld().zone("d1.t1", &[FIRST], &names).behave(FIRST, behaviour);
    let tree = others.iter().fold(tree, |tree, other| tree.behave(FIRST, other.clone()));
    (Lab::new(&tree.internet(), 5), seen)
}

/// Hands out a cookie, as RFC 9018 has it.
fn hand_out(draft: &mut Draft, cookie: Option<Vec<u8>>) {
    let Some(cookie) = cookie else { return };
    draft.options = [&[0, 10, 0, 24][..], &cookie[..8], b"the server's one"].concat();
}

fn set_bad_cookie(draft: &mut Draft) {
    draft.message.answer.clear();
    draft.message.authority.clear();
    draft.message.header.flags = (draft.message.header.flags & 0xfff0) | u16::from(Rcode::BADCOOKIE.low());
    draft.message.edns.as_mut().unwrap().rcode_high = Rcode::BADCOOKIE.high();
}

/// Asks for one of the names; the packets that the server got for it.
async fn get(lab: &Lab, number: u8) -> usize {
    let before = lab.net.packets_to(FIRST);
    let reply = lab.ask(&format!("n{number}.d1.t1"), RecordType::A).await;
    assert_eq!(reply.a(), [format!("192.0.2.{number}")], "{reply}\n{}", lab.net.story());
    lab.net.packets_to(FIRST) - before
}

#[test]
fn trn_08_a_cookie_is_learnt_and_shown_again_for_an_hour() {
    run(async {
        let (lab, seen) = server(|_, draft, cookie, _| hand_out(draft, cookie));
        for number in 0..3 {
            assert_eq!(get(&lab, number).await, 1);
        }
        let cookies: Vec<Vec<u8>> = seen.lock().iter().map(|(_, cookie)| cookie.clone().unwrap()).collect();
        assert_eq!(cookies[0].len(), 8);
        for cookie in &cookies[1..] {
            assert_eq!(cookie[..], [&cookies[0][..], b"the server's one"].concat());
        }
        lab.wait(Duration::from_secs(3601)).await;
        get(&lab, 3).await;
        let later = seen.lock().last().unwrap().1.clone().unwrap();
        assert!(later.len() == 8 && later != cookies[0], "another hour, another cookie");
        let (other, shown) = server(|_, draft, cookie, _| hand_out(draft, cookie));
        get(&other, 0).await;
        // The same seed: a simulation repeats itself.
        assert_eq!(shown.lock()[0].1.clone().unwrap(), cookies[0]);
    });
}

#[test]
fn trn_08_a_forged_reply_without_the_cookie_is_not_believed() {
    // Whoever forges it knows ID, port and case, and gets there first; and does not know the cookie.
    for wrong in [None, Some(b"not ours")] {
        run(async {
            let (lab, _) = server(move |query, draft, cookie, number| {
                if number == 0 || query.transport == Transport::Tcp {
                    return hand_out(draft, cookie);
                }
                let owner = query.name();
                let rdata = [203, 0, 113, 66][..].into();
                let (rtype, class, ttl) = (RecordType::A, Class::IN, Ttl::from_secs(60));
                draft.message.answer = vec![Record { owner, rtype, class, ttl, rdata }];
                draft.options = wrong.map(|wrong| [&[0, 10, 0, 8][..], wrong].concat()).unwrap_or_default();
            });
            get(&lab, 0).await;
            let packets = get(&lab, 1).await;
            println!("TRN-08 forged replies believed: 0 (allowed 0), packets {packets} (allowed 3)");
            assert_eq!(packets, 2, "{}", lab.net.story());
        });
    }
}

#[test]
fn trn_08_a_wrong_client_cookie_is_settled_over_tcp() {
    run(async {
        let (lab, seen) = server(|_, draft, cookie, _| hand_out(draft, cookie.map(|_| b"not ours".to_vec())));
        assert_eq!(get(&lab, 0).await, 2);
        assert_eq!(seen.lock()[1].0, Transport::Tcp);
        // Over TCP it was wrong, too: the server cannot do it.
        assert_eq!((get(&lab, 1).await, seen.lock()[2].1.clone()), (1, None));
    });
}

#[test]
fn trn_08_an_honest_server_that_loses_its_cookie_is_not_lost() {
    for others in [&[][..], &[Behaviour::Refuses(Transport::Tcp)], &[Behaviour::SilentOver(Transport::Tcp)]] {
        run(async {
            let behave = |_: &Query<'_>, draft: &mut Draft, cookie, number| {
                if number == 0 {
                    hand_out(draft, cookie);
                }
            };
            let (lab, seen) = server_with(behave, others);
            get(&lab, 0).await;
            let packets = get(&lab, 1).await;
            assert!(packets <= 3, "{packets}\n{}", lab.net.story());
            assert_eq!((get(&lab, 2).await, seen.lock().last().unwrap().1.clone()), (1, None), "remembered");
            lab.wait(Duration::from_secs(901)).await;
            get(&lab, 3).await;
            assert!(seen.lock().last().unwrap().1.is_some(), "and tried again");
        });
    }
}

#[test]
fn amp_12_a_server_that_wants_its_cookie_first_gets_it() {
    run(async {
        let (lab, _) = server(|_, draft, cookie, _| {
            hand_out(draft, cookie.clone());
            if cookie.is_none_or(|cookie| cookie.len() == 8) {
                set_bad_cookie(draft);
            }
        });
        assert_eq!(get(&lab, 0).await, 2, "{}", lab.net.story());
        assert_eq!(get(&lab, 1).await, 1, "{}", lab.net.story());
    });
}

#[test]
fn amp_12_a_server_that_is_never_content_is_asked_three_times() {
    run(async {
        let (lab, seen) = server(|_, draft, cookie, _| {
            hand_out(draft, cookie);
            set_bad_cookie(draft);
        });
        let reply = lab.ask("n0.d1.t1", RecordType::A).await;
        let sent: Vec<(Transport, usize)> =
            seen.lock().iter().map(|(transport, cookie)| (*transport, cookie.as_ref().unwrap().len())).collect();
        println!("AMP-12 BADCOOKIE, sends: {} (allowed 3)", sent.len());
        assert_eq!(sent, [(Transport::Udp, 8), (Transport::Udp, 24), (Transport::Tcp, 24)], "{}", lab.net.story());
        assert_eq!(reply.rcode(), Rcode::SERVFAIL);
    });
}

#[test]
fn trn_08_servers_that_stumble_over_cookies_are_asked_without() {
    run(async {
        // FORMERR with OPT (RFC 8906 §3.2.3); silence.
        let (lab, _) = server(|_, draft, cookie, _| {
            if cookie.is_some() {
                draft.message.answer.clear();
                draft.message.header.flags |= u16::from(Rcode::FORMERR.low());
            }
        });
        assert_eq!((get(&lab, 0).await, get(&lab, 1).await), (2, 1), "{}", lab.net.story());
        assert!(lab.net.exchanges().iter().all(|exchange| exchange.edns), "never without OPT");
        let (lab, _) = server(|_, draft, cookie, _| {
            if cookie.is_some() {
                draft.fate = burdock::playground::Fate::Dropped;
            }
        });
        assert!(get(&lab, 0).await <= 2, "{}", lab.net.story());
    });
}

#[test]
fn trn_08_each_server_is_shown_another_cookie() {
    run(async {
        let shown: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let mut tree = Tree::with_tld();
        for number in 1..=20 {
            let (apex, server) = (format!("d{number}.t1"), format!("198.18.2.{number}"));
            let shown = Arc::clone(&shown);
            let note = Behaviour::edits(move |query, _| shown.lock().extend(cookie_in(query.message)));
            tree = tree.zone(&apex, &[&server], "www A 192.0.2.1\n").behave(&server, note);
        }
        let lab = Lab::new(&tree.internet(), 6);
        for number in 1..=20 {
            let reply: Message = lab.ask(&format!("www.d{number}.t1"), RecordType::A).await.message;
            assert_eq!(reply.rcode(), Rcode::NOERROR);
        }
        let mut cookies = shown.lock().clone();
        cookies.sort();
        cookies.dedup();
        assert_eq!(cookies.len(), 20);
    });
}
