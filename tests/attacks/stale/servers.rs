//! Old answers are for clients: servers of other zones are found as soon as before.

use super::*;

const NS: &str = "198.18.2.9";

/// The address of a server has ended, and could not be renewed for a client. Seconds after its own servers are back, the zone
/// that it serves is there again, too.
#[test]
fn pol_08_a_server_whose_address_has_ended() {
    run(async {
        let host = "h.t1. 60 NS ns.h.t1.\nns.h.t1. 60 A 198.18.2.1\n";
        let tree = Tree::with_tld()
            .delegate("h.t1", host)
            .bare("h.t1", &[SERVER], &format!("{host}other 60 A {NS}\n"))
            .delegate("d.t1", "d.t1. 60 NS other.h.t1.\n")
            .bare("d.t1", &[NS], "@ 60 NS other.h.t1.\nw 60 A 192.0.2.1\n");
        let lab = Lab::stale(&tree.internet(), 1, |_, _| {});
        assert_eq!(lab.ask("w.d.t1", A).await.a(), ["192.0.2.1"], "{}", lab.net.story());
        assert_eq!(lab.ask("other.h.t1", A).await.a(), [NS]);
        lab.wait(MINUTE).await;
        behave(&lab, SERVER, Behaviour::Always(Rcode::REFUSED));
        is_old(&lab.ask("other.h.t1", A).await, &[NS], &lab);
        lab.wait(Duration::from_secs(2)).await;
        behave(&lab, SERVER, honest());
        let reply = lab.ask("w.d.t1", A).await;
        assert_eq!((reply.a(), codes(&reply)), (vec!["192.0.2.1".to_owned()], vec![]), "{reply}\n{}", lab.net.story());
    });
}
