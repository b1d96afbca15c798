//! The names of the synthetic Internet, `h7.d42.t10.`, as the load asks for them and the authorities know them.

/// Top-level domains: `t0` to `t15`.
pub const TLDS: u64 = 16;

/// A host: `<letter><host>.d<domain>.t<domain mod 16>.`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which family of names; authorities count `z` apart.
    pub letter: u8,
    pub host: u64,
    pub domain: u64,
}

impl Target {
    pub const fn new(host: u64, domain: u64) -> Self {
        Self { letter: b'h', host, domain }
    }

    /// Appends the name in wire form.
    pub fn write(&self, out: &mut Vec<u8>) {
        label(out, self.letter, self.host);
        label(out, b'd', self.domain);
        label(out, b't', self.domain % TLDS);
        out.push(0);
    }

    /// The address of the host.
    pub const fn address(&self) -> [u8; 4] {
        let mixed = (self.host.wrapping_mul(0x9e37_79b9) ^ self.domain.wrapping_mul(0x85eb_ca6b)).to_be_bytes();
        [10, mixed[5], mixed[6], mixed[7]]
    }
}

fn label(out: &mut Vec<u8>, letter: u8, number: u64) {
    let start = out.len();
    out.extend_from_slice(&[0, letter]);
    let mut digits = [0; 20];
    let (mut at, mut rest) = (digits.len(), number);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
    out[start] = (out.len() - start - 1) as u8;
}

/// The number in a label like `d42`, in any case; `None` for any other label.
pub fn number(label: &[u8], letter: u8) -> Option<u64> {
    let (first, digits) = label.split_first()?;
    let digit = |value: Option<u64>, byte: &u8| match byte {
        b'0'..=b'9' => value?.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    };
    let plain = first.eq_ignore_ascii_case(&letter) && !digits.is_empty();
    if plain { digits.iter().fold(Some(0), digit) } else { None }
}

/// A small generator of even numbers for loads; of no use against enemies.
pub struct Rng(pub u64);

impl Rng {
    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// In `[0, 1)`.
    pub const fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub const fn below(&mut self, bound: u64) -> u64 {
        ((self.next() as u128 * bound as u128) >> 64) as u64
    }
}

/// Ranks drawn by Zipf's law with exponent 1: rank `k` (from 0) as often as `1 / (k + 1)`.
pub struct Zipf {
    sums: Vec<f64>,
}

impl Zipf {
    pub fn new(ranks: u64) -> Self {
        let weights = (1..=ranks).map(|rank| 1.0 / rank as f64);
        let sums: Vec<f64> = weights
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        Self { sums }
    }

    pub fn draw(&self, rng: &mut Rng) -> u64 {
        let point = rng.fraction() * self.sums.last().copied().unwrap_or(0.0);
        self.sums.partition_point(|sum| *sum < point) as u64
    }
}
