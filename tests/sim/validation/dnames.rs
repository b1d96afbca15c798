//! DNAMEs of signed zones: asked about by every type, and none made from a wildcard (RFC 6672, RFC 4592 §4.4).

use burdock::dns::{Rcode, RecordType};

use super::forge::{Lie, set, signed, signed_as};
use super::stage::refusal;
use super::{A, authentic, validating};
use crate::support::{Tree, run};

const NOERROR: Rcode = Rcode::NOERROR;
const SERVER: &str = "198.18.1.1";

/// RFC 6672 §5.3.1: the CNAME that a server makes is not signed, whoever asks for it; the DNAME is, and says the same.
#[test]
fn the_cname_that_a_dname_stands_for_may_be_asked_for() {
    let tree = Tree::signed().secure("t1", &[SERVER], "old DNAME new\na.new A 192.0.2.1\nb.new A 192.0.2.2\n");
    run(async {
        let lab = validating(&tree, 1);
        for owner in ["a.old.t1", "a.old.t1", "b.old.t1", "no.old.t1"] {
            let reply = authentic(&lab, owner, RecordType::CNAME, NOERROR).await;
            assert_eq!(reply.data(RecordType::CNAME), [owner.replace("old", "new") + "."], "{reply}");
            assert_eq!(reply.data(RecordType::DNAME).len(), 1, "{reply}");
        }
        assert_eq!(authentic(&lab, "b.old.t1", A, NOERROR).await.a(), ["192.0.2.2"]);
    });
}

/// RFC 4592 §4.4, RFC 6672 §3.3: what a DNAME that was made from a wildcard says of the names below it is not defined.
#[test]
fn a_dname_made_from_a_wildcard_is_no_alias() {
    let dname = signed_as("t1", &set("a.t1. DNAME new.t1."), |rrsig| rrsig.labels = 1);
    let nsec = signed("t1", "t1. NSEC ns1.t1. NS SOA RRSIG NSEC DNSKEY");
    let said = Lie { authority: nsec, ..Lie::answer(dname) };
    let tree = Tree::signed()
        .secure("t1", &[SERVER], "x.new A 192.0.2.9\ny.new A 192.0.2.9\n")
        .behave(SERVER, said.clone().about("x.a.t1"))
        .behave(SERVER, said.to("a.t1", RecordType::DNAME));
    run(async {
        refusal(&validating(&tree, 1), "x.a.t1", A, &[6]).await;
        // As data it is what it says; known, it applies to nothing.
        let lab = validating(&tree, 2);
        authentic(&lab, "a.t1", RecordType::DNAME, NOERROR).await;
        authentic(&lab, "y.a.t1", A, Rcode::NXDOMAIN).await;
    });
}
