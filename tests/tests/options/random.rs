//! Any option with any other, other ones in every run.

use fastssim_tests::suite::Suite;
use proptest::prelude::*;

use crate::each::Cpu;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 150,
        // The seed's neighbours are no simpler than it.
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_combination(seed: u64) {
        Suite::new(Cpu).combination(seed);
    }
}
