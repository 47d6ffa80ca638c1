//! [`Random`]: choices that follow from a seed.

/// A row of numbers that follows from its seed (xorshift with a multiplication, 64 bits).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The same seed gives the same row.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        // seeds that are near each other shall not begin alike, and zero would stay zero
        let mixed = (seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xff51_afd7_ed55_8ccd);
        Self(if mixed == 0 { 1 } else { mixed ^ (mixed >> 33) })
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below the bound, which is not zero.
    pub const fn below(&mut self, bound: u64) -> u64 {
        // the high bits are the better ones
        (self.next() >> 11) % bound
    }

    /// One of several.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let at = self.below(all.len() as u64) as usize;
        all.get(at).expect("something to choose from")
    }
}

/// The seed of a run: the one in the environment variable, or else this one. It is printed, so
/// that a failure can be repeated.
#[must_use]
pub fn seed(variable: &str, otherwise: u64) -> u64 {
    let given = std::env::var(variable).ok();
    let seed = given.map_or(otherwise, |text| {
        let read = text.parse();
        read.unwrap_or_else(|_| panic!("{variable} is no number: {text}"))
    });
    eprintln!("{variable}={seed}");
    seed
}
