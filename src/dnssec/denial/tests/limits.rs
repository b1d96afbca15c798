//! How much work denials are allowed to make (DOS-06, DOS-07; RFC 9276 §3.2).

use data_encoding::BASE32HEX_NOPAD;

use super::*;
use crate::dnssec::{Scope, TooMuch};

/// One way to ask a zone, whatever it is asked.
type Judge<'a> = dyn Fn(&Zone) -> Result<Denied, Reason> + 'a;

/// A name with this many labels below the apex, as long as names can be.
fn deep(apex: &Name, labels: usize) -> Name {
    let mut name = apex.clone();
    let size = ((Name::MAX_OCTETS - apex.wire().len()) / labels - 1).min(63);
    for _ in 0..labels {
        name = name.prepend(&vec![b'a'; size]).unwrap();
    }
    name
}

/// A record that covers everything but the apex: no encloser is found before the last.
fn apex_alone(apex: &Name, iterations: u16, salt: &[u8]) -> RrSet {
    // Only what is validated needs the true hash.
    let parameters = Parameters { iterations, salt };
    let unbounded = Work::new(Allowance { verifications: 0, failures: 0, digests: 0, hash_blocks: u32::MAX });
    let hash = parameters.hash(apex, &unbounded).unwrap_or([7; 20]);
    let [high, low] = iterations.to_be_bytes();
    let mut rdata = vec![1, 0, high, low, u8::try_from(salt.len()).unwrap()];
    rdata.extend_from_slice(salt);
    rdata.push(20);
    rdata.extend_from_slice(&hash);
    rdata.extend_from_slice(&[0, 1, 0x22]);
    let owner = apex.prepend(BASE32HEX_NOPAD.encode(&hash).as_bytes()).unwrap();
    set(&owner, RecordType::NSEC3, &rdata)
}

fn zone(iterations: u16, salt: &[u8]) -> Zone {
    let apex = name("z");
    Zone { sets: vec![apex_alone(&apex, iterations, salt)], apex, work: work() }
}

#[test]
fn no_question_hashes_more_than_it_may() {
    for iterations in [0, 1, 50, 51, 100, 150, 151, 500, 501, 2500, 65535] {
        for salt in [0, 8, 255].map(|length| vec![9; length]) {
            for labels in [1, 3, 30, 125] {
                every_path(iterations, &salt, labels);
            }
        }
    }
}

fn every_path(iterations: u16, salt: &[u8], labels: usize) {
    let deep = deep(&name("z"), labels).to_string();
    let paths: [(&str, &Judge<'_>); 5] = [
        ("name error", &|zone| {
            zone.name_error(&deep).map(|proof| match proof {
                NameError::Absent(denied) => denied,
                NameError::Empty => unreachable!(),
            })
        }),
        ("no data", &|zone| zone.no_data(&deep, RecordType::A)),
        ("no DS", &|zone| zone.no_data(&deep, RecordType::DS)),
        ("expansion", &|zone| zone.expansion(&deep, "z")),
        ("delegation", &|zone| {
            zone.delegation(&deep).map(|proof| match proof {
                Delegation::Iterations => Denied::Iterations,
                Delegation::NotACut => Denied::Proven,
                Delegation::Unsigned | Delegation::OptOut => unreachable!(),
            })
        }),
    ];
    for (path, judge) in paths {
        let zone = zone(iterations, salt);
        let result = judge(&zone);
        let spent = zone.spent();
        let what = format!("{path}: {iterations} iterations, {} octets of salt, {labels} labels", salt.len());
        assert!(spent <= BLOCKS, "{what}");
        match iterations {
            0..=50 => {
                let true_of = if path.starts_with("no ") { Err(MISSING) } else { Ok(Denied::Proven) };
                let refused = Err(Reason::TooMuch(TooMuch::HashBlocks));
                assert!(
                    result == true_of || (result == refused && (iterations > 0 || salt.len() > 8)),
                    "{what}: {result:?}"
                );
                assert!(spent > 0, "{what}");
            }
            51..=500 => assert_eq!((result, spent), (Ok(Denied::Iterations), 0), "{what}"),
            _ => assert_eq!((result, spent), (Err(Reason::Iterations), 0), "{what}"),
        }
    }
}

#[test]
fn usual_names_are_within_the_allowance() {
    // What a resolver must afford: 50 iterations with a short salt, a name two labels below the apex.
    let zone = zone(50, &[1; 8]);
    assert_eq!(zone.name_error("a.b.z"), NX);
    // Two names on the way down, the apex and the wildcard, 51 blocks each.
    assert_eq!(zone.spent(), 4 * 51);
}

#[test]
fn a_name_is_hashed_once() {
    let zone = zone(0, &[]);
    let mut proofs = zone.proofs().unwrap();
    assert_eq!(proofs.name_error(&name("a.b.z")), NX);
    assert_eq!(proofs.no_data(&name("A.b.z"), RecordType::A), Err(MISSING));
    assert_eq!(proofs.unsigned_delegation(&name("b.z")), Ok(Delegation::NotACut));
    assert_eq!(proofs.wildcard_expansion(&name("a.b.z"), &name("z")), Ok(Denied::Proven));
    // a.b.z, b.z, z and *.z.
    assert_eq!(zone.spent(), 4);
}

#[test]
fn work_is_counted_in_blocks_of_sixty_four_octets() {
    let blocks = |iterations, salt: usize, octets: usize| {
        Parameters { iterations, salt: &vec![0; salt] }.blocks(&deep(&Name::root(), (octets - 1) / 2).suffix(127))
    };
    assert_eq!(Parameters { iterations: 0, salt: &[] }.blocks(&Name::root()), 1);
    // 255 octets of name, 255 of salt and 9 of padding are 519; 20 and 255 and 9 are 284.
    assert_eq!(blocks(0, 255, 255), 9);
    assert_eq!(blocks(50, 255, 255), 9 + 50 * 5);
    // 46 + 9 = 55 octets of salt and padding, then 20: 64 fit into one block, 65 do not.
    let name = name("aaaaaaa");
    assert_eq!(Parameters { iterations: 0, salt: &[0; 46] }.blocks(&name), 1);
    assert_eq!(Parameters { iterations: 0, salt: &[0; 47] }.blocks(&name), 2);
    assert_eq!(Parameters { iterations: 65535, salt: &[0; 255] }.blocks(&name), 5 + 65535 * 5);
}

#[test]
fn more_records_than_a_proof_needs_are_not_looked_at() {
    // DOS-07.
    for (count, wanted) in
        [(1, None), (8, None), (9, Some(Reason::TooManyDenials)), (300, Some(Reason::TooManyDenials))]
    {
        let lines: String = (0..count).map(|i| format!("a{i:03}.z. NSEC b{i:03}.z. A NSEC\n")).collect();
        assert_eq!(Zone::new("z", &lines).proofs().err(), wanted, "{count}");
        let mut zone = zone(0, &[]);
        zone.sets = vec![zone.sets[0].clone(); count];
        assert_eq!(zone.proofs().err(), wanted, "{count}");
    }
    // As many as the operator wants.
    let mut five = Zone::new("z", &(0..5).map(|i| format!("a{i}.z. NSEC b{i}.z. A NSEC\n")).collect::<String>());
    for (most, wanted, met) in [(5, None, vec![]), (4, Some(Reason::TooManyDenials), vec![WorkBound::Proofs])] {
        five.work = work().within(Scope { proofs: most, ..Scope::DEFAULT });
        assert_eq!((five.proofs().err(), five.work.met().collect()), (wanted, met));
    }
    // Other records do not count.
    let others: String = (0..20).map(|i| format!("a{i}.z. A 192.0.2.1\n")).collect();
    assert!(Zone::new("z", &format!("{others}z. NSEC z. SOA")).proofs().is_ok());
    assert_eq!(Reason::TooManyDenials.ede(), crate::dns::EdeCode::DNSSEC_BOGUS);
}
