//! What others signed, long ago or with other software, and must still verify: the examples of the standards.

use super::*;
use crate::dns::{Record, read_zone};
use crate::dnssec::signer::{of, rrset, work};

const ZSK: &str = "256 3 5 AQOy1bZVvpPqhg4j7EJoM9rI3ZmyEx2OzDBVrZy/lvI5CQePxXHZS4i8dANH4DX3tbHol61ek8EFMcsGXxKciJFHyhl94C+NwILQ\
    dzsUlSFovBZsyl/NX6yEbtw/xN9ZNcrbYvgjjZ/UVPZIySFNsgEYvh0z2542lzMKR4Dh8uZffQ==";
const KSK: &str = "257 3 5 AQOeX7+baTmvpVHb2CcLnL1dMRWbuscRvHXlLnXwDzvqp4tZVKp1sZMepFb8MvxhhW3y/0QZsyCjczGJ1qk8vJe52iOhInKROVLR\
    wxGpMfzPRLMlGybr51bOV/1se0ODacj3DomyB4QB5gKTYot/K9alk5/j8vfd4jWCWD+E1Sze0Q==";

/// Whether the example is understood, and no longer when one bit of its data or signature is another.
fn check(owner: &str, rtype: RecordType, rdata: &str, rrsig: &str, dnskeys: &[&str]) -> Verified {
    let set = rrset(owner, rtype, &[rdata]);
    let signatures = rrset(owner, RecordType::RRSIG, &[rrsig]).rdatas;
    let set = RrSet { signatures, ..set };
    let fields = Rrsig::parse(set.signatures.iter().next().unwrap()).unwrap();
    let apex: Name = rrsig.split(' ').nth(7).unwrap().parse().unwrap();
    let keys = ZoneKeys::believed(apex, &rrset(".", RecordType::DNSKEY, dnskeys).rdatas);
    let now = fields.inception.wrapping_add(86_400);
    for part in [&set.rdatas, &set.signatures] {
        let mut octets = part.iter().next().unwrap().to_vec();
        *octets.last_mut().unwrap() ^= 1;
        let other = of(owner, rtype, &[octets]).rdatas;
        let changed = if part == &set.rdatas {
            RrSet { rdatas: other, ..set.clone() }
        } else {
            RrSet { signatures: other, ..set.clone() }
        };
        assert_eq!(verify(&changed, &keys, now, &work()).unwrap_err().reason, Reason::BadSignature, "{owner} {rtype}");
    }
    verify(&set, &keys, now, &work()).unwrap()
}

#[test]
fn rfc_6605_ecdsa() {
    let p256 = "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";
    let rrsig = "A 13 3 3600 20100909100439 20100812100439 55648 example.net. \
        qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==";
    let verified = check("www.example.net", RecordType::A, "192.0.2.1", rrsig, &[p256]);
    let signer = "example.net".parse().unwrap();
    assert_eq!(verified, Verified { ttl: Ttl::from_secs(3600), wildcard: None, signer });
    let p384 = "257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8\
        /uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40";
    let rrsig = "A 14 3 3600 20100909102025 20100812102025 10771 example.net. \
        /L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuz\
        WTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm";
    check("www.example.net", RecordType::A, "192.0.2.1", rrsig, &[p384]);
}

#[test]
fn rfc_8080_ed25519() {
    let key = "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=";
    let rrsig = "MX 15 2 3600 1440021600 1438207200 3613 example.com. \
        oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==";
    check("example.com", RecordType::MX, "10 mail.example.com.", rrsig, &[key]);
}

#[test]
fn rfc_5702_rsa_sha512() {
    let key = "256 3 10 AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X0O6pnWnjJQujX/AyhqFDxj13tOnD9u/1kTg7cV6rklMr\
        ZDtJCQ5PCl/D7QNPsgVsMu1J2Q8gpMpztNFLpPBz1bWXjDtaR7ZQBlZ3PFY12ZTSncorffcGmhOL";
    let rrsig = "A 10 3 3600 20300101000000 20000101000000 3740 example.net. \
        tsb4wnjRUDnB1BUi+t6TMTXThjVnG+eCkWqjvvjhzQL1d0YRoOe0CbxrVDYd0xDtsuJRaeUw1ep94PzEWzr0iGYgZBWm/zpq+9fOuagYJRfD\
        qfReKBzMweOLDiNa8iP5g9vMhpuv6OPlvpXwm9Sa9ZXIbNl1MBGk0fthPgxdDLw=";
    check("www.example.net", RecordType::A, "192.0.2.91", rrsig, &[key]);
}

#[test]
fn rfc_4035_appendix_a_rsa_sha1() {
    let cases = [
        (
            "example",
            RecordType::SOA,
            1,
            "ns1.example. bugs.x.w.example. 1081539377 3600 300 3600000 3600",
            "ONx0k36rcjaxYtcNgq6iQnpNV5+drqYAsC9h7TSJaHCqbhE67Sr6aH2xDUGcqQWu/n0UVzrFvkgO9ebarZ0GWDKcuwlM6eNB5SiX2K74l5LWDA7S/Un/IbtDq4Ay8NMNLQI7Dw7n4p8/rjkBjV7j86HyQgM5e7+miRAz8V01b0I=",
        ),
        (
            "example",
            RecordType::MX,
            1,
            "1 xx.example.",
            "HyDHYVT5KHSZ7HtO/vypumPmSZQrcOP3tzWB2qaKkHVPfau/DgLgS/IKENkYOGL95G4N+NzEVyNU8dcTOckT+ChPcGeVjguQ7a3Ao9Z/ZkUO6gmmUW4b89rz1PUxW4jzUxj66PTwoVtUU/iMW6OISukd1EQt7a0kygkg+PEDxdI=",
        ),
        (
            "example",
            RecordType::NSEC,
            1,
            "a.example. NS SOA MX RRSIG NSEC DNSKEY",
            "O0k558jHhyrC97ISHnislm4kLMW48C7U7cBmFTfhke5iVqNRVTB1STLMpgpbDIC9hcryoO0VZ9ME5xPzUEhbvGnHd5sfzgFVeGxr5Nyyq4tWSDBgIBiLQUv1ivy29vhXy7WgR62dPrZ0PWvmjfFJ5arXf4nPxp/kEowGgBRzY/U=",
        ),
        (
            "a.example",
            RecordType::DS,
            2,
            "57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B",
            "oXIKit/QtdG64J/CB+Gi8dOvnwRvqrto1AdQoRkAN15FP3iZ7suB7gvTBmXzCjL7XUgQVcoHkdhyCuzp8W9qJHgRUSwKKkczSyuL64nhgjuDEML8l9wlWVsl7PR2VnZduM9bLyBhaaPmRKX/Fm+v6ccF2EGNLRiY08kdkz+XHHo=",
        ),
        (
            "ai.example",
            RecordType::HINFO,
            2,
            "\"KLH-10\" \"ITS\"",
            "Iq/RGCbBdKzcYzlGE4ovbr5YcB+ezxbZ9W0le/7WqyvhOO9J16HxhhL7VY/IKmTUY0GGdcfhZEOCkf4lEykZF9NPok1/R/fWrtzNp8jobuY7AZEcZadp1WdDF3jc2/ndCa5XZhLKD3JzOsBwFvL8sqlS5QS6FY/ijFEDnI4RkZA=",
        ),
        // Appendix B.6: from `*.w.example.`.
        (
            "a.z.w.example",
            RecordType::MX,
            2,
            "1 ai.example.",
            "OMK8rAZlepfzLWW75Dxd63jy2wswESzxDKG2f9AMN1CytCd10cYISAxfAdvXSZ7xujKAtPbctvOQ2ofO7AZJ+d01EeeQTVBPq4/6KCWhqe2XTjnkVLNvvhnc0u28aoSsG0+4InvkkOHknKxw4kX18MMR34i8lC36SR5xBni8vHI=",
        ),
    ];
    for (owner, rtype, labels, rdata, signature) in cases {
        let rrsig = format!("{rtype} 5 {labels} 3600 20040509183619 20040409183619 38519 example. {signature}");
        let verified = check(owner, rtype, rdata, &rrsig, &[KSK, ZSK]);
        let wildcard = (owner == "a.z.w.example").then(|| "w.example".parse().unwrap());
        assert_eq!(verified, Verified { ttl: Ttl::from_secs(3600), wildcard, signer: "example".parse().unwrap() });
    }
}

#[test]
fn a_zone_in_mixed_case_signed_by_other_software() {
    // RFC 4034 §6.2: each type that has names, in the zone file's case; and types whose names are opaque.
    let records = read_zone(include_str!("signed.zone"), &Name::root(), Ttl::ZERO).unwrap();
    let of_type = |owner: &Name, rtype| -> Vec<Vec<u8>> {
        let wanted = |record: &&Record| record.owner == *owner && record.rtype == rtype;
        records.iter().filter(wanted).map(|record| record.rdata.to_vec()).collect()
    };
    let apex: Name = "example.test".parse().unwrap();
    let keys =
        ZoneKeys::believed(apex.clone(), &of(".", RecordType::DNSKEY, &of_type(&apex, RecordType::DNSKEY)).rdatas);
    let mut verified = 0;
    for rrsig in records.iter().filter(|record| record.rtype == RecordType::RRSIG) {
        let covered = Rrsig::parse(&rrsig.rdata).unwrap().covered;
        let signatures = of(".", RecordType::RRSIG, &[rrsig.rdata.to_vec()]).rdatas;
        let mut rdatas = of_type(&rrsig.owner, covered);
        rdatas.reverse();
        let set = RrSet { signatures, ..of(&rrsig.owner.to_string(), covered, &rdatas) };
        let result = verify(&set, &keys, 1_800_000_000, &work());
        assert_eq!(result.map(|verified| verified.wildcard), Ok(None), "{} {covered}", rrsig.owner);
        // Servers may change the case of what is in canonical form, and repeat themselves in doing so.
        let louder: Vec<_> = rdatas.iter().map(|rdata| rdata.to_ascii_uppercase()).collect();
        if [RecordType::NS, RecordType::CNAME, RecordType::PTR, RecordType::DNAME, RecordType::MB].contains(&covered) {
            let all: Vec<_> = rdatas.iter().chain(&louder).cloned().collect();
            let owner = rrsig.owner.to_string().to_uppercase();
            let set = RrSet { signatures: set.signatures, ..of(&owner, covered, &all) };
            assert_eq!(verify(&set, &keys, 1_800_000_000, &work()).map(|verified| verified.wildcard), Ok(None));
        }
        verified += 1;
    }
    assert_eq!(verified, 34);
}
