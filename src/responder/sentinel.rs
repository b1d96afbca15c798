//! Names that ask which of the root's keys are trusted here (RFC 8509): the answer is that there is one, or SERVFAIL.
//!
//! The names are resolved like all others, and what they have is checked; only then is it decided whether it is told.

use crate::dns::{Ede, EdeCode, Name, Question, RecordType, Security};
use crate::dnssec::Settings;
use crate::job::Checking;
use crate::resolver::Resolution;

/// What a name claims about a key of the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Claim {
    tag: u16,
    trusted: bool,
}

/// Why `resolution` must not be told: the name that was asked for claims something about keys which is not so.
pub(super) fn refusal(
    question: &Question,
    resolution: &Resolution,
    checking: Checking,
    anchored: &Settings,
) -> Option<Ede> {
    let addresses = matches!(question.rtype, RecordType::A | RecordType::AAAA);
    if !anchored.root_key_sentinel || !addresses || checking == Checking::Disabled {
        return None;
    }
    let claim = claim(&question.name)?;
    // RFC 8509 §3.1: only what was validated and is secure.
    if resolution.security() != Security::Secure {
        return None;
    }
    let root = anchored.anchors.at(&Name::root())?;
    let trusted = root.records.iter().any(|record| record.tag() == claim.tag);
    let is = if trusted { "is" } else { "is not" };
    (trusted != claim.trusted)
        .then(|| Ede::new(EdeCode::DNSSEC_BOGUS, format!("{} {is} a trust anchor of the root here [SENT]", claim.tag)))
}

/// What the leftmost label claims: a tag has five digits (RFC 8509 §2).
fn claim(name: &Name) -> Option<Claim> {
    let label = name.labels().next()?.to_ascii_lowercase();
    let rest = label.strip_prefix(b"root-key-sentinel-")?;
    let (digits, trusted) = match rest.strip_prefix(b"is-ta-") {
        Some(digits) => (digits, true),
        None => (rest.strip_prefix(b"not-ta-")?, false),
    };
    let number = digits.len() == 5 && digits.iter().all(u8::is_ascii_digit);
    let tag = std::str::from_utf8(digits).ok().filter(|_| number)?.parse().ok()?;
    Some(Claim { tag, trusted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_five_digits_behind_a_fixed_label() {
        let read = |text: &str| claim(&text.parse().unwrap()).map(|claim| (claim.tag, claim.trusted));
        assert_eq!(read("root-key-sentinel-is-ta-20326.example"), Some((20_326, true)));
        assert_eq!(read("ROOT-key-sentinel-NOT-ta-00007.example"), Some((7, false)));
        for other in
            ["root-key-sentinel-is-ta-7.x", "root-key-sentinel-is-ta-99999.x", "root-key-sentinel-is-ta-+0007.x"]
        {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(read("x.root-key-sentinel-is-ta-20326"), None);
        assert_eq!(read("."), None);
    }
}
