//! Proofs by NSEC3: the examples of RFC 5155 appendix B, and lies.

use super::*;

const A: RecordType = RecordType::A;
const DS: RecordType = RecordType::DS;
const MX: RecordType = RecordType::MX;

/// RFC 5155 appendix A, with this in the place of algorithm, flags, iterations and salt.
fn example_with(parameters: &str, owners: &[&str]) -> Zone {
    let chain = [
        ("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "MX DNSKEY NS SOA NSEC3PARAM RRSIG"),
        ("2t7b4g4vsa5smi47k61mv5bv1a22bojr", "A RRSIG"),
        ("2vptu5timamqttgl4luu9kg21e0aor3s", "MX RRSIG"),
        ("35mthgpgcu1qg68fab165klnsnk3dpvl", "NS DS RRSIG"),
        ("b4um86eghhds6nea196smvmlo4ors995", "MX RRSIG"),
        ("gjeqe526plbf1g8mklp59enfd789njgi", "HINFO A AAAA RRSIG"),
        ("ji6neoaepv8b5o6k4ev33abha8ht9fgc", ""),
        ("k8udemvp1j2f7eg6jebps17vp3n8i58h", ""),
        ("kohar7mbb8dc2ce8a9qvl8hon4k53uhi", "A RRSIG"),
        ("q04jkcevqvmu85r014c7dkba38o0ji5r", "A RRSIG"),
        ("r53bq7cc2uvmubfu5ocmm6pers9tk9en", "MX RRSIG"),
        ("t644ebqk9bibcna874givr6joj62mlhv", "HINFO A AAAA RRSIG"),
    ];
    let next = chain.iter().cycle().skip(1);
    let lines = chain
        .iter()
        .zip(next)
        .map(|((owner, types), (next, _))| format!("{owner}.example. NSEC3 {parameters} {next} {types}\n"));
    Zone::new("example", &lines.collect::<String>()).only(owners)
}

fn example(owners: &[&str]) -> Zone {
    example_with("1 1 12 aabbccdd", owners)
}

#[test]
fn the_hashes_of_the_standard() {
    let parameters = Parameters { iterations: 12, salt: &[0xaa, 0xbb, 0xcc, 0xdd] };
    let hashes = [
        ("example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
        ("a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
        ("ai.example", "gjeqe526plbf1g8mklp59enfd789njgi"),
        ("ns1.example", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"),
        ("ns2.example", "q04jkcevqvmu85r014c7dkba38o0ji5r"),
        ("W.Example", "k8udemvp1j2f7eg6jebps17vp3n8i58h"),
        ("*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
        ("x.w.example", "b4um86eghhds6nea196smvmlo4ors995"),
        ("y.w.example", "ji6neoaepv8b5o6k4ev33abha8ht9fgc"),
        ("x.y.w.example", "2vptu5timamqttgl4luu9kg21e0aor3s"),
        ("xx.example", "t644ebqk9bibcna874givr6joj62mlhv"),
        ("2t7b4g4vsa5smi47k61mv5bv1a22bojr.example", "kohar7mbb8dc2ce8a9qvl8hon4k53uhi"),
    ];
    for (owner, hash) in hashes {
        let work = work();
        let made = parameters.hash(&name(owner), &work).unwrap();
        assert_eq!(data_encoding::BASE32HEX_NOPAD.encode(&made).to_lowercase(), hash, "{owner}");
        // Each of the thirteen is one block: 20 or fewer octets of name, 4 of salt, 9 of padding.
        assert_eq!(parameters.blocks(&name(owner)), if owner.len() > 50 - 4 - 2 { 14 } else { 13 });
    }
}

#[test]
fn the_examples_of_the_standard() {
    // RFC 5155 §B.1. The whole zone opts out, so that there may be unsigned delegations.
    let all = ["0p9m", "b4um", "35mt"];
    assert_eq!(example(&all).name_error("a.c.x.w.example"), NX_OPT_OUT);
    assert_eq!(example_with("1 0 12 aabbccdd", &all).name_error("a.c.x.w.example"), NX);
    for missing in 0..3 {
        let rest: Vec<&str> = all.iter().enumerate().filter(|(i, _)| *i != missing).map(|(_, owner)| *owner).collect();
        assert_eq!(example(&rest).name_error("a.c.x.w.example"), Err(MISSING), "{rest:?}");
    }
    // §B.2.
    assert_eq!(example(&["2t7b"]).no_data("ns1.example", MX), Ok(Denied::Proven));
    assert_eq!(example(&["2t7b"]).no_data("ns1.example", A), Err(MISSING));
    // §B.2.1: an empty non-terminal; VAL-09.
    assert_eq!(example(&["ji6n"]).no_data("y.w.example", A), Ok(Denied::Proven));
    assert_eq!(example(&["ji6n"]).name_error("y.w.example"), Ok(NameError::Empty));
    // §B.3.
    assert_eq!(example(&["35mt", "0p9m"]).delegation("c.example"), Ok(Delegation::OptOut));
    assert_eq!(example(&["35mt", "0p9m"]).no_data("c.example", DS), Ok(Denied::OptOut));
    assert_eq!(example(&["35mt"]).delegation("c.example"), Err(MISSING));
    assert_eq!(example(&["0p9m"]).delegation("c.example"), Err(MISSING));
    assert_eq!(example_with("1 0 12 aabbccdd", &["35mt", "0p9m"]).delegation("c.example"), Ok(Delegation::NotACut));
    assert_eq!(example_with("1 0 12 aabbccdd", &["35mt", "0p9m"]).no_data("c.example", DS), Err(MISSING));
    assert_eq!(example(&["35mt"]).delegation("a.example"), Err(MISSING));
    // §B.4.
    assert_eq!(example(&["q04j"]).expansion("a.z.w.example", "w.example"), Ok(Denied::OptOut));
    assert_eq!(example_with("1 0 12 aabbccdd", &["q04j"]).expansion("a.z.w.example", "w.example"), Ok(Denied::Proven));
    // §B.5.
    let all = ["k8ud", "q04j", "r53b"];
    assert_eq!(example(&all).no_data("a.z.w.example", RecordType::AAAA), Ok(Denied::OptOut));
    let signed = example_with("1 0 12 aabbccdd", &all);
    assert_eq!(signed.no_data("a.z.w.example", RecordType::AAAA), Ok(Denied::Proven));
    assert_eq!(signed.no_data("a.z.w.example", MX), Err(MISSING));
    assert_eq!(signed.name_error("a.z.w.example"), Err(MISSING));
    // §B.6: the child's own record says nothing of the parent's DS.
    assert_eq!(example(&["0p9m"]).no_data("example", DS), Err(MISSING));
    assert_eq!(example(&["0p9m"]).delegation("example"), Err(MISSING));
}

/// A chain over these names of a zone, made as a signer would: by owner, types.
fn chain(apex: &str, flags: u8, names: &[(&str, &str)]) -> Zone {
    let parameters = Parameters { iterations: 0, salt: &[] };
    let hash = |owner: &str| {
        data_encoding::BASE32HEX_NOPAD.encode(&parameters.hash(&name(owner), &work()).unwrap()).to_lowercase()
    };
    let mut hashed: Vec<(String, &str)> = names.iter().map(|(owner, types)| (hash(owner), *types)).collect();
    hashed.sort();
    let next = hashed.iter().cycle().skip(1);
    let dotted = if apex == "." { String::new() } else { format!("{apex}.") };
    let lines = hashed
        .iter()
        .zip(next)
        .map(|((owner, types), (next, _))| format!("{owner}.{dotted} NSEC3 1 {flags} 0 - {next} {types}\n"));
    Zone::new(apex, &lines.collect::<String>())
}

#[test]
fn an_owner_is_a_hash_right_below_the_apex() {
    // VAL-03: a zone that is named like the hash of its parent's apex.
    let hash = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom";
    let lie = format!("{hash}.example. NSEC3 1 0 12 aabbccdd {hash} NS SOA");
    assert_eq!(Zone::new("example", &lie).no_data("example", A), Ok(Denied::Proven));
    assert_eq!(Zone::new(&format!("{hash}.example"), &lie).proofs().err(), Some(MISSING));
    let below = format!("{hash}.{hash}.example. NSEC3 1 0 12 aabbccdd {hash} NS SOA");
    assert_eq!(Zone::new("example", &below).proofs().err(), Some(MISSING));
    assert_eq!(Zone::new(".", &lie).proofs().err(), Some(MISSING));
    for owner in ["0p9mhaveqvm6t7vbl5lop2u3t2rp3to", "wp9mhaveqvm6t7vbl5lop2u3t2rp3tom", "*", "0p9m"] {
        let wrong = format!("{owner}.example. NSEC3 1 0 12 aabbccdd {hash} NS SOA");
        assert_eq!(Zone::new("example", &wrong).proofs().err(), Some(MISSING), "{owner}");
    }
}

#[test]
fn what_must_be_ignored_is() {
    // RFC 5155 §8.1–8.2: unknown algorithms and flags; and hashes that are not SHA-1's length.
    for parameters in ["0 0 12 aabbccdd", "2 0 12 aabbccdd", "1 2 12 aabbccdd", "1 3 12 aabbccdd", "1 128 12 aabbccdd"]
    {
        assert_eq!(example_with(parameters, &["2t7b"]).no_data("ns1.example", MX), Err(MISSING), "{parameters}");
    }
    let short = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 0 12 aabbccdd 0p9mhaveqvm6t7vb NS SOA";
    assert_eq!(Zone::new("example", short).proofs().err(), Some(MISSING));
    // What is ignored takes nothing from the others.
    let mut mixed = example(&["2t7b"]);
    mixed.sets.extend(example_with("2 0 12 aabbccdd", &["0p9m"]).sets);
    assert_eq!(mixed.no_data("ns1.example", MX), Ok(Denied::Proven));
    // §7.2: all hash alike.
    for other in ["1 1 11 aabbccdd", "1 1 12 aabbccde", "1 1 12 -"] {
        let mut mixed = example(&["2t7b"]);
        mixed.sets.extend(example_with(other, &["0p9m"]).sets);
        assert_eq!(mixed.no_data("ns1.example", MX), Err(MISSING), "{other}");
    }
}

#[test]
fn malformed_records_prove_nothing() {
    let zone = example(&["2t7b"]);
    let good = zone.sets[0].rdatas.iter().next().unwrap().to_vec();
    // 4 octets, salt and hash with their lengths: a record may end there, with no types.
    for end in 0..good.len() {
        let cut = Zone { sets: vec![set(&zone.sets[0].owner, RecordType::NSEC3, &good[..end])], ..example(&["2t7b"]) };
        assert_eq!(cut.proofs().is_ok(), end == 4 + 5 + 21, "{end}");
    }
}

#[test]
fn a_cut_or_a_dname_denies_nothing_below_itself() {
    // VAL-04, RFC 5155 §8.3.
    for types in ["NS RRSIG", "NS DS RRSIG", "DNAME RRSIG", "DNAME NS SOA RRSIG"] {
        for flags in [0, 1] {
            let zone = chain("p", flags, &[("p", "NS SOA"), ("sub.p", types)]);
            assert_eq!(zone.name_error("www.sub.p"), Err(MISSING), "{types}");
            assert_eq!(zone.no_data("www.sub.p", A), Err(MISSING));
            assert_eq!(zone.no_data("www.sub.p", DS), Err(MISSING));
            assert_eq!(zone.delegation("www.sub.p"), Err(MISSING));
            assert_eq!(zone.expansion("www.sub.p", "p"), Err(MISSING));
            assert_eq!(zone.name_error("sub2.p"), if flags == 0 { NX } else { NX_OPT_OUT });
        }
    }
    let zone = chain("p", 0, &[("p", "NS SOA"), ("sub.p", "NS RRSIG")]);
    assert_eq!((zone.no_data("sub.p", A), zone.no_data("sub.p", DS)), (Err(MISSING), Ok(Denied::Proven)));
    assert_eq!(zone.delegation("sub.p"), Ok(Delegation::Unsigned));
    // VAL-05, VAL-06.
    assert_eq!(chain("p", 0, &[("sub.p", "NS SOA RRSIG")]).delegation("sub.p"), Err(MISSING));
    assert_eq!(chain("p", 0, &[("sub.p", "NS SOA RRSIG")]).no_data("sub.p", DS), Err(MISSING));
    let grand = Zone { apex: name("c.p"), ..chain("p", 1, &[("p", "NS SOA"), ("c.p", "NS DS")]) };
    assert_eq!(grand.delegation("grand.c.p"), Err(MISSING));
    assert_eq!(chain("p", 1, &[("p", "NS SOA"), ("c.p", "NS DS")]).delegation("grand.c.p"), Err(MISSING));
}

#[test]
fn the_apex_is_denied_nothing_by_other_records() {
    // VAL-10: no record above the apex can enclose it, in this zone or another.
    let others = chain("p", 1, &[("a.p", "A"), ("b.p", "A"), (".", "NS SOA")]);
    assert_eq!(others.no_data("p", A), Err(MISSING));
    assert_eq!(others.no_data("p", DS), Err(MISSING));
    assert_eq!(others.name_error("p"), Err(MISSING));
    assert_eq!(others.name_error("x.p"), Err(MISSING));
    for outside in ["q", "x.q", "."] {
        assert_eq!(others.name_error(outside), Err(MISSING));
        assert_eq!(others.no_data(outside, A), Err(MISSING));
        assert_eq!(others.delegation(outside), Err(MISSING));
        assert_eq!(others.expansion(outside, "."), Err(MISSING));
    }
    let root = chain(".", 0, &[(".", "NS SOA DNSKEY"), ("com", "NS DS")]);
    assert_eq!((root.name_error("x.y"), root.no_data(".", DS)), (NX, Ok(Denied::Proven)));
    assert_eq!(root.name_error("x.com"), Err(MISSING));
}

#[test]
fn a_zone_of_one_name() {
    for apex in ["p", "."] {
        let zone = chain(apex, 0, &[(apex, "NS SOA")]);
        assert_eq!(zone.name_error("a.b.p"), NX);
        assert_eq!(zone.name_error(r"\000\255.p"), NX);
        assert_eq!(zone.name_error(apex), Err(MISSING));
        assert_eq!(zone.no_data(apex, A), Ok(Denied::Proven));
        assert_eq!(zone.no_data("a.p", A), Err(MISSING));
        assert_eq!(zone.delegation("a.p"), Ok(Delegation::NotACut));
    }
}

#[test]
fn wildcards_stand_in_for_what_is_not_there_only() {
    // VAL-12.
    let zone = chain("z", 0, &[("z", "NS SOA"), ("*.z", "A"), ("a.z", "MX")]);
    assert_eq!(zone.expansion("a.z", "z"), Err(MISSING));
    assert_eq!(zone.expansion("b.a.z", "z"), Err(MISSING));
    assert_eq!(zone.expansion("b.z", "z"), Ok(Denied::Proven));
    assert_eq!((zone.no_data("b.z", A), zone.no_data("b.z", MX)), (Err(MISSING), Ok(Denied::Proven)));
    let alias = chain("z", 0, &[("z", "NS SOA"), ("*.z", "CNAME"), ("a.z", "CNAME")]);
    assert_eq!((alias.no_data("b.z", A), alias.no_data("a.z", A)), (Err(MISSING), Err(MISSING)));
}

#[test]
fn opt_out_takes_the_certainty_from_a_denial() {
    // VAL-24, RFC 5155 §9.2: an unsigned delegation may be there, or below.
    let zone = chain("z", 1, &[("z", "NS SOA"), ("a.z", "MX")]);
    assert_eq!(zone.name_error("b.z"), NX_OPT_OUT);
    assert_eq!(zone.no_data("b.z", A), Ok(Denied::OptOut));
    assert_eq!(zone.delegation("b.z"), Ok(Delegation::OptOut));
    assert_eq!(Denied::OptOut.security(), Security::Insecure);
    // What has a record of its own is certain.
    assert_eq!(zone.no_data("a.z", A), Ok(Denied::Proven));
    assert_eq!(zone.delegation("a.z"), Ok(Delegation::NotACut));
    assert_eq!(Denied::Proven.security(), Security::Secure);
    // With a wildcard in its place the name has what the wildcard has.
    let zone = chain("z", 1, &[("z", "NS SOA"), ("*.z", "A")]);
    assert_eq!((zone.no_data("b.z", A), zone.no_data("b.z", MX)), (Err(MISSING), Ok(Denied::OptOut)));
    assert_eq!(zone.no_data("b.z", DS), Ok(Denied::OptOut));
}

#[test]
fn only_the_gap_of_the_next_closer_name_opts_out() {
    // RFC 5155 §6, §8.4 and §9.2: it may hide an unsigned delegation; the wildcard's gap says nothing of the name.
    let zone = chain("z", 0, &[("z", "NS SOA"), ("a.z", "MX"), ("b.z", "MX"), ("c.z", "MX")]);
    let parameters = Parameters { iterations: 0, salt: &[] };
    let gap = |owner: &str| {
        let hash = parameters.hash(&name(owner), &work()).unwrap();
        let covers = |set: &RrSet| Nsec3::read(set, &zone.apex).unwrap().0.covers(&hash);
        zone.sets.iter().position(covers).unwrap()
    };
    let asked = ["d.z", "e.z", "f.z", "g.z"].into_iter().find(|asked| gap(asked) != gap("*.z")).unwrap();
    for opted_out in 0..zone.sets.len() {
        let mut sets = zone.sets.clone();
        let mut rdata = sets[opted_out].rdatas.iter().next().unwrap().to_vec();
        rdata[1] = 1;
        sets[opted_out].rdatas = Rdatas::new([&rdata[..]]).unwrap();
        let zone = Zone { apex: name("z"), sets, work: work() };
        let certain = opted_out != gap(asked);
        assert_eq!(zone.name_error(asked), if certain { NX } else { NX_OPT_OUT });
    }
}
