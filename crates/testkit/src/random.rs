//! Randomness that repeats.

use rand::SeedableRng;
use rand::rngs::StdRng;

/// A generator that gives the same bytes for the same seed. Name the seed in the assertion, and the failure repeats.
pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}
