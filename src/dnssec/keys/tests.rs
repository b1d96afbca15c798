//! The standards' examples.

use super::*;
use crate::dns::RecordType;
use crate::dnssec::signer::rrset;

#[test]
fn rfc_4034_key_tags_and_digests() {
    let cases: [(&str, &str, u16, &[&str]); 4] = [
        // RFC 4034 §5.4, RFC 4509 §2.3.
        (
            "dskey.example.com",
            "256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvx\
             egXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==",
            60485,
            &[
                "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
                "60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A",
            ],
        ),
        // RFC 6605 §6.
        (
            "Example.NET",
            "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
            55648,
            &["55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17"],
        ),
        (
            "example.net",
            "257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8\
             /uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
            10771,
            &[
                "10771 14 4 72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6",
            ],
        ),
        // RFC 8080 §6.
        (
            "example.com",
            "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
            3613,
            &["3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b"],
        ),
    ];
    for (owner, dnskey, tag, digests) in cases {
        let set = rrset(owner, RecordType::DNSKEY, &[dnskey]);
        let key = Dnskey::parse(set.rdatas.iter().next().unwrap()).unwrap();
        assert_eq!(key.tag(), tag);
        for ds in rrset(owner, RecordType::DS, digests).rdatas.iter() {
            let ds = Ds::parse(ds).unwrap();
            assert_eq!((ds.tag, ds.algorithm, ds.is_of(&set.owner, &key)), (tag, key.algorithm, true));
            assert!(!ds.is_of(&Name::root(), &key));
        }
    }
    // RFC 4034 Appendix B.1: of RSA/MD5, the last octets but one.
    assert_eq!(Dnskey::parse(&[1, 0, 3, 1, 9, 9, 0x12, 0x34, 0x56]).unwrap().tag(), 0x1234);
    assert_eq!(Dnskey::parse(&[1, 0, 3, 1, 9]).unwrap().tag(), 0);
}
