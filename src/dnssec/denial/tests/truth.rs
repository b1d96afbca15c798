//! Small zones of every shape: what their chains prove is what is true, and a chain with gaps proves nothing else.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

const TYPES: [RecordType; 6] =
    [RecordType::A, RecordType::MX, RecordType::CNAME, RecordType::DS, RecordType::SOA, RecordType::ANY];

/// What stands at a name; each kind with the types it has.
const KINDS: [&[u16]; 6] = [&[1], &[1, 15], &[5], &[2], &[2, 43], &[39]];

/// How a zone denies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Style {
    Nsec,
    Nsec3,
    OptOut,
}

/// What is true of a name.
#[derive(Debug, PartialEq)]
enum Truth {
    /// It belongs to another zone, or is redirected.
    Elsewhere,
    /// It exists, and has these types.
    Has(Vec<u16>),
    /// It does not, and the wildcard that stands in for it has these types.
    Wild(Name, Vec<u16>),
    /// Neither exists.
    Absent(Name),
}

/// A zone as its owner knows it.
#[derive(Debug)]
struct Known {
    apex: Name,
    owners: BTreeMap<Name, Vec<u16>>,
}

impl Known {
    /// Builds the zone; what is below cuts and DNAMEs falls away, as do cuts at wildcards.
    fn new(apex: &str, nodes: &[(Vec<Vec<u8>>, usize)]) -> Self {
        let apex = name(apex);
        let mut owners = BTreeMap::from([(apex.clone(), vec![2, 6, 48])]);
        for (labels, kind) in nodes {
            let owner = below(&apex, labels);
            let kind = if owner.is_wildcard() { kind % 3 } else { *kind };
            owners.entry(owner).or_insert_with(|| KINDS[kind].to_vec());
        }
        let all = Self { apex, owners };
        let visible = all.owners.iter().filter(|(owner, _)| !all.is_elsewhere(owner));
        Self {
            owners: visible.map(|(owner, types)| (owner.clone(), types.clone())).collect(),
            ..Self { apex: all.apex.clone(), owners: BTreeMap::new() }
        }
    }

    fn is_elsewhere(&self, name: &Name) -> bool {
        let hides = |types: &Vec<u16>| (types.contains(&2) && !types.contains(&6)) || types.contains(&39);
        name.ancestors().skip(1).any(|above| self.owners.get(&above).is_some_and(hides))
    }

    fn types(&self, name: &Name) -> Option<Vec<u16>> {
        let empty = || self.owners.keys().any(|owner| owner.is_strictly_below(name)).then(Vec::new);
        self.owners.get(name).cloned().or_else(empty)
    }

    fn truth(&self, name: &Name) -> Truth {
        if self.is_elsewhere(name) {
            return Truth::Elsewhere;
        }
        if let Some(types) = self.types(name) {
            return Truth::Has(types);
        }
        let encloser = name.ancestors().skip(1).find(|above| self.types(above).is_some()).unwrap();
        match self.types(&encloser.prepend(b"*").unwrap()) {
            Some(types) => Truth::Wild(encloser, types),
            None => Truth::Absent(encloser),
        }
    }

    fn is_unsigned_cut(types: &[u16]) -> bool {
        types == [2]
    }

    /// Whether nobody can tell this name from an unsigned delegation, or from one above it.
    fn is_opted_out(&self, name: &Name, style: Style) -> bool {
        let below = || self.owners.iter().filter(|(owner, _)| owner.is_in(name));
        let only_cuts = below().all(|(_, types)| Self::is_unsigned_cut(types)) && below().next().is_some();
        style == Style::OptOut && only_cuts
    }

    fn chain(&self, style: Style, salt: &[u8]) -> Vec<RrSet> {
        let mut names: BTreeMap<Name, Vec<u16>> = self.owners.clone();
        if style == Style::Nsec {
            let next: Vec<Name> = names.keys().skip(1).chain([&self.apex]).cloned().collect();
            return names.iter().zip(&next).map(|((owner, types), next)| nsec(owner, next, types)).collect();
        }
        let ancestors: BTreeSet<Name> = names.keys().flat_map(Name::ancestors).collect();
        for empty in ancestors.into_iter().filter(|name| name.is_in(&self.apex)) {
            names.entry(empty).or_default();
        }
        let parameters = Parameters { iterations: 1, salt };
        let hash = |name: &Name| parameters.hash(name, &work()).unwrap();
        let kept = names.iter().filter(|(name, _)| !self.is_opted_out(name, style));
        let hashed: BTreeMap<Hash, &Vec<u16>> = kept.map(|(name, types)| (hash(name), types)).collect();
        let next = hashed.keys().cycle().skip(1);
        let flags = u8::from(style == Style::OptOut);
        hashed
            .iter()
            .zip(next)
            .map(|((owner, types), next)| nsec3(&self.apex, flags, salt, (owner, next), types))
            .collect()
    }
}

fn below(apex: &Name, labels: &[Vec<u8>]) -> Name {
    labels.iter().fold(apex.clone(), |name, label| name.prepend(label).unwrap())
}

fn bitmap(types: &[u16]) -> Vec<u8> {
    let mut octets = [0u8; 32];
    for code in types {
        octets[usize::from(code / 8)] |= 0x80 >> (code % 8);
    }
    let length = octets.iter().rposition(|&octet| octet != 0).map_or(0, |last| last + 1);
    if length == 0 { Vec::new() } else { [&[0, length as u8][..], &octets[..length]].concat() }
}

fn nsec(owner: &Name, next: &Name, types: &[u16]) -> RrSet {
    set(owner, RecordType::NSEC, &[next.wire(), &bitmap(&[types, &[46, 47]].concat())].concat())
}

fn nsec3(apex: &Name, flags: u8, salt: &[u8], (owner, next): (&Hash, &Hash), types: &[u16]) -> RrSet {
    let label = data_encoding::BASE32HEX_NOPAD.encode(owner).to_lowercase();
    let fixed = [1, flags, 0, 1, salt.len() as u8];
    let rdata = [&fixed[..], salt, &[20], next, &bitmap(types)].concat();
    set(&apex.prepend(label.as_bytes()).unwrap(), RecordType::NSEC3, &rdata)
}

/// One question to one zone: what is proven is true, and if nothing is missing, what is true is proven.
struct Trial<'a> {
    known: &'a Known,
    style: Style,
    sets: &'a [RrSet],
    whole: bool,
    name: &'a Name,
}

impl Trial<'_> {
    fn ask<T>(&self, judge: impl Fn(&mut Proofs<'_>) -> Result<T, Reason>) -> Result<T, Reason> {
        let work = work();
        let mut proofs = Proofs::new(&self.known.apex, self.sets.iter(), &work)?;
        judge(&mut proofs)
    }

    fn run(&self) {
        let truth = self.known.truth(self.name);
        self.name_error(&truth);
        for rtype in TYPES {
            self.no_data(&truth, rtype);
        }
        self.delegation(&truth);
        self.expansion(&truth);
    }

    /// Whether what is true has to be proven.
    fn is_sure(&self) -> bool {
        self.whole && self.style != Style::OptOut
    }

    fn name_error(&self, truth: &Truth) {
        let result = self.ask(|proofs| proofs.name_error(self.name));
        match result {
            Ok(NameError::Absent(Denied::Proven)) => assert!(matches!(truth, Truth::Absent(_)), "{truth:?}"),
            Ok(NameError::Absent(Denied::OptOut)) => assert!(self.may_be_absent(truth), "{truth:?}"),
            Ok(NameError::Empty) => assert_eq!(*truth, Truth::Has(vec![])),
            Ok(NameError::Absent(Denied::Iterations)) => unreachable!(),
            Err(reason) => {
                assert_eq!(reason, MISSING);
                let provable = matches!(truth, Truth::Absent(_)) || *truth == Truth::Has(vec![]);
                assert!(!(provable && self.is_sure()), "{truth:?}");
                // Nobody knows of an encloser that the zone opts out of naming; a wildcard above it seems to apply.
                let known = matches!(truth, Truth::Absent(encloser) if !self.known.is_opted_out(encloser, self.style));
                assert!(!(known && self.whole), "{truth:?}");
            }
        }
    }

    /// Whether the zone opts out of saying whether the name, one above it, or the wildcard in its place exists.
    fn may_be_absent(&self, truth: &Truth) -> bool {
        let opted = |name: &Name| self.known.is_opted_out(name, self.style);
        match truth {
            Truth::Absent(_) => self.style == Style::OptOut,
            Truth::Wild(encloser, _) => opted(&encloser.prepend(b"*").unwrap()),
            Truth::Has(_) | Truth::Elsewhere => self.name.ancestors().any(|above| opted(&above)),
        }
    }

    fn no_data(&self, truth: &Truth, rtype: RecordType) {
        let lacks = |types: &[u16]| match rtype {
            RecordType::ANY => types.is_empty(),
            RecordType::DS => {
                !types.contains(&43) && !types.contains(&5) && (self.name.is_root() || !types.contains(&6))
            }
            _ => !types.contains(&rtype.0) && !types.contains(&5) && (!types.contains(&2) || types.contains(&6)),
        };
        let is_true = match truth {
            Truth::Has(types) | Truth::Wild(_, types) => lacks(types),
            Truth::Elsewhere | Truth::Absent(_) => false,
        };
        match self.ask(|proofs| proofs.no_data(self.name, rtype)) {
            Ok(Denied::Proven) => assert!(is_true, "{rtype}: {truth:?}"),
            // That there is no DS record is as true of what is not there.
            Ok(Denied::OptOut) => {
                let wild = matches!(truth, Truth::Wild(..)) && (is_true || rtype == RecordType::DS || !self.whole);
                assert!(self.style == Style::OptOut && (wild || self.may_be_absent(truth)), "{rtype}: {truth:?}");
            }
            Ok(Denied::Iterations) => unreachable!(),
            Err(reason) => assert!(reason == MISSING && !(is_true && self.is_sure()), "{rtype}: {truth:?} {reason:?}"),
        }
    }

    fn delegation(&self, truth: &Truth) {
        let cut = match truth {
            Truth::Has(types) if !types.contains(&6) => Some(types.contains(&2)),
            Truth::Wild(..) | Truth::Absent(_) => Some(false),
            _ => None,
        };
        let signed = matches!(truth, Truth::Has(types) if types.contains(&43));
        match self.ask(|proofs| proofs.unsigned_delegation(self.name)) {
            Ok(Delegation::Unsigned) => assert!(cut == Some(true) && !signed, "{truth:?}"),
            Ok(Delegation::NotACut) => assert_eq!(cut, Some(false), "{truth:?}"),
            Ok(Delegation::OptOut) => {
                assert!(self.may_be_absent(truth) || matches!(truth, Truth::Wild(..)), "{truth:?}");
                assert_eq!(self.style, Style::OptOut);
            }
            Ok(Delegation::Iterations) => unreachable!(),
            Err(reason) => assert!(reason == MISSING && (signed || cut.is_none() || !self.whole), "{truth:?}"),
        }
    }

    fn expansion(&self, truth: &Truth) {
        // A verified signature says which wildcard the records came from: it exists.
        let is_source = |above: &Name| self.known.types(&above.prepend(b"*").unwrap()).is_some();
        let in_zone = self.name.ancestors().skip(1).filter(|above| above.is_in(&self.known.apex));
        for encloser in in_zone.filter(is_source) {
            let is_true = matches!(truth, Truth::Wild(of, _) if *of == encloser);
            match self.ask(|proofs| proofs.wildcard_expansion(self.name, &encloser)) {
                Ok(Denied::Proven) => assert!(is_true, "{encloser}: {truth:?}"),
                Ok(Denied::OptOut) => assert!(self.style == Style::OptOut && (is_true || self.may_be_absent(truth))),
                Ok(Denied::Iterations) => unreachable!(),
                Err(reason) => assert!(reason == MISSING && !(is_true && self.whole), "{encloser}: {truth:?}"),
            }
        }
    }
}

fn label() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => select(vec![&b"a"[..], b"b", b"*", b"c", b"aa"]).prop_map(<[u8]>::to_vec),
        1 => select(vec![&b"\0"[..], b"\xff", b".", b"A", b"!"]).prop_map(<[u8]>::to_vec),
    ]
}

proptest! {
    #[test]
    fn what_is_proven_is_true(
        apex in select(vec!["z", "b.a", "."]),
        nodes in vec((vec(label(), 1..4), 0..KINDS.len()), 0..4),
        style in select(vec![Style::Nsec, Style::Nsec3, Style::OptOut]),
        salt in vec(any::<u8>(), 0..9),
        asked in vec(vec(label(), 0..5), 1..8),
        removed in vec(any::<Index>(), 1..3),
    ) {
        let known = Known::new(apex, &nodes);
        let chain = known.chain(style, &salt);
        let names = asked.iter().map(|labels| below(&known.apex, labels)).chain(known.owners.keys().cloned());
        let names: BTreeSet<Name> = names.collect();
        for name in &names {
            let mut sets = chain.clone();
            // Of the whole chain nothing is missing only if it is not more than is looked at.
            let most = work().scope().proofs as usize;
            let whole = sets.len() <= most;
            sets.truncate(most);
            Trial { known: &known, style, sets: &sets, whole, name }.run();
            for index in &removed {
                if !sets.is_empty() {
                    sets.remove(index.index(sets.len()));
                }
                Trial { known: &known, style, sets: &sets, whole: false, name }.run();
            }
        }
    }
}
