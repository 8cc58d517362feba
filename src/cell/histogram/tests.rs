use super::*;
use crate::region::layout::Limits;
use proptest::prelude::*;

const SLOT: u64 = 10_000_000_000;

fn region() -> Region {
    Region::anonymous(
        Limits {
            total_words: 1 << 21,
            max_series: 64,
            max_series_per_name: 64,
            max_limiters: 1,
            max_guards: 4,
            max_operations: 4,
            max_events: 64,
            max_workers: 4,
            max_shards: 4,
            stripes: 8,
            slot_ns: SLOT,
            manual_clock: 1,
        },
        "",
        true,
    )
    .unwrap()
}

struct Setup {
    region: Region,
    planes: Planes,
    block: usize,
}

impl Setup {
    fn new(bits: u32) -> Self {
        let region = region();
        let planes = Planes::of(&region);
        let block = create(&region, bits).unwrap();
        Setup {
            region,
            planes,
            block,
        }
    }

    fn histogram(&self) -> Histogram<'_> {
        Histogram::new(&self.region, &self.planes, self.block, 0)
    }

    fn now(&self) -> u64 {
        self.region.clock().coarse()
    }

    fn window(&self, slots: usize) -> Distribution {
        self.histogram().window(self.now(), slots)
    }
}

fn nearest_rank(sorted: &[f64], quantile: f64) -> f64 {
    let rank = ((quantile * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
    sorted[rank - 1]
}

fn check_against_sorted(found: &Distribution, mut values: Vec<f64>, bits: u32) {
    values.sort_by(f64::total_cmp);
    assert_eq!(found.count, values.len() as u64);
    let quantiles = [0.0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0];
    let mut out = [0.0; 10];
    found.quantiles(&quantiles, &mut out);
    let Some(last) = values.last() else {
        assert!(out.iter().all(|value| value.is_nan()));
        return;
    };
    assert_eq!(
        (out[0], out[9]),
        (values[0], *last),
        "the extremes are exact"
    );
    for (quantile, value) in quantiles.iter().zip(out) {
        let exact = nearest_rank(&values, *quantile);
        assert!(
            (value - exact).abs() <= exact * buckets::error_of(bits) * (1.0 + 1e-9),
            "quantile {quantile}: {value} is not near {exact}"
        );
    }
    let sum: f64 = values.iter().sum();
    assert!((found.sum - sum).abs() <= sum.abs() * 1e-12);
}

proptest! {
    #[test]
    fn quantiles_are_within_the_bound_of_a_sorted_list(
        values in prop::collection::vec(
            prop_oneof![1e-9..1e9f64, Just(0.0), 1e-300..1e-290f64, 1e290..1e300f64], 0..400),
        bits in buckets::BITS,
    ) {
        let setup = Setup::new(bits);
        for value in &values {
            setup.histogram().record(*value).unwrap();
        }
        check_against_sorted(&setup.histogram().lifetime(), values.clone(), bits);
        check_against_sorted(&setup.window(WINDOW_SLOTS), values, bits);
    }

    #[test]
    fn a_window_holds_what_was_recorded_in_its_slots(
        steps in prop::collection::vec((0..3 * SLOT, 1e-3..1e3f64, 1..40usize), 1..60),
        slots in 1..=WINDOW_SLOTS,
    ) {
        let setup = Setup::new(6);
        let mut log: Vec<(u64, f64)> = Vec::new();
        for (advance, value, times) in steps {
            setup.region.clock().advance(advance);
            let slot = setup.now() / SLOT;
            for _ in 0..times {
                setup.histogram().record(value).unwrap();
                log.push((slot, value));
            }
            let expected: Vec<f64> = log
                .iter()
                .filter(|(recorded, _)| recorded + slots as u64 > slot)
                .map(|(_, value)| *value)
                .collect();
            let found = setup.window(slots);
            let sum: f64 = expected.iter().sum();
            prop_assert_eq!(found.count, expected.len() as u64);
            prop_assert!((found.sum - sum).abs() <= sum * 1e-9);
            let largest = expected.iter().copied().fold(f64::NAN, f64::max);
            prop_assert_eq!(found.max, largest);
        }
    }
}

#[test]
fn the_hdrhistogram_crate_agrees() {
    let setup = Setup::new(6);
    let mut oracle = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 1 << 40, 4).unwrap();
    let mut state = 1u64;
    for _ in 0..100_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let value = 1 + (state >> 34) % (1 << (state % 29));
        oracle.record(value).unwrap();
        setup.histogram().record(value as f64).unwrap();
    }
    let found = setup.histogram().lifetime();
    let quantiles = [0.5, 0.9, 0.95, 0.99, 0.999];
    let mut out = [0.0; 5];
    found.quantiles(&quantiles, &mut out);
    for (quantile, value) in quantiles.iter().zip(out) {
        let exact = oracle.value_at_quantile(*quantile) as f64;
        assert!(
            (value - exact).abs() <= exact * 0.008 + 1.0,
            "{quantile}: {value} {exact}"
        );
    }
}

#[test]
fn threads_lose_nothing_while_octaves_become_hot_and_slots_pass() {
    let setup = Setup::new(6);
    const THREADS: usize = 4;
    const EACH: usize = 200_000;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let setup = &setup;
            scope.spawn(move || {
                for at in 0..EACH {
                    setup.histogram().record((thread + 1) as f64 * 1.5).unwrap();
                    if thread == 0 && at % 20_000 == 0 {
                        setup.region.clock().advance(SLOT / 2);
                    }
                }
            });
        }
    });
    let found = setup.histogram().lifetime();
    assert_eq!(found.count, (THREADS * EACH) as u64);
    assert_eq!(
        found.sum,
        (1..=THREADS)
            .map(|t| t as f64 * 1.5 * EACH as f64)
            .sum::<f64>()
    );
    assert_eq!((found.min, found.max), (1.5, 6.0));
    let window = setup.window(WINDOW_SLOTS);
    assert!(window.count <= found.count);
}

#[test]
fn values_many_octaves_apart_share_a_directory_entry() {
    let setup = Setup::new(6);
    let values: Vec<f64> = (0..30).map(|at| f64::powi(2.0, at * 64 - 960)).collect();
    for value in &values {
        setup.histogram().record(*value).unwrap();
    }
    check_against_sorted(&setup.histogram().lifetime(), values, 6);
}

#[test]
fn a_full_heap_counts_values_in_the_nearest_octave() {
    let setup = Setup::new(6);
    setup.histogram().record(1.0).unwrap();
    let left = setup.region.words().len() as u64;
    setup.region.words().store(header::HEAP_NEXT, left);
    setup.histogram().record(1e9).unwrap();
    setup.histogram().record(1e-9).unwrap();
    assert_eq!(setup.histogram().lifetime().count, 3);
    assert_eq!(setup.region.words().load(header::CLAMPED_VALUES), 2);
}

#[test]
fn an_abandoned_checkpoint_is_taken_over() {
    let setup = Setup::new(6);
    setup.histogram().record(1.0).unwrap();
    setup.region.clock().advance(SLOT);
    // A recorder claimed the checkpoint of the new slot and was killed.
    let words = setup.region.words();
    let now = setup.now();
    assert!(Claim::take(words.get(setup.block + CLAIM).unwrap(), now / SLOT, now).is_some());
    setup.histogram().record(2.0).unwrap();
    assert_eq!(
        words.load(setup.block + SLOT_END),
        SLOT,
        "still claimed: nobody waits"
    );
    setup
        .region
        .clock()
        .advance(crate::cell::claim::STEAL_MS * 1_000_000);
    setup.histogram().record(4.0).unwrap();
    assert_eq!(words.load(setup.block + SLOT_END), 2 * SLOT);
    assert_eq!(setup.histogram().lifetime().count, 3);
    assert_eq!(
        setup.window(1).count,
        1,
        "what came before the checkpoint is in the old slot"
    );
}

#[test]
fn shards_are_part_of_totals_and_windows() {
    let setup = Setup::new(6);
    let words = setup.region.words();
    for numbers in [shard::Numbers::Integers, shard::Numbers::Doubles] {
        let id = shard::open(&setup.region, numbers).unwrap();
        let dense = shard::histogram(&setup.region, id, 0, 6).unwrap();
        let (octave, bucket) = buckets::locate(8.0f64.to_bits(), 6);
        let at = dense + shard::DENSE_HEADER + (octave - shard::FIRST_OCTAVE) * 64 + bucket;
        let three = if numbers == shard::Numbers::Integers {
            3
        } else {
            3.0f64.to_bits()
        };
        words.store(at, three);
        words.store(dense + shard::DENSE_MIN, 8.0f64.to_bits());
        words.store(dense + shard::DENSE_MAX, 8.0f64.to_bits());
        words.store(
            shard::cell(&setup.region, id, 0).unwrap(),
            24.0f64.to_bits(),
        );
        shard::close(&setup.region, id).unwrap();
    }
    let found = setup.histogram().lifetime();
    assert_eq!(
        (found.count, found.sum, found.min, found.max),
        (6, 48.0, 8.0, 8.0)
    );
    assert_eq!(setup.window(6).count, 6);
    setup.region.clock().advance(SLOT);
    setup.histogram().roll_if_due(setup.now());
    assert_eq!((setup.window(1).count, setup.window(2).count), (0, 6));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn many_times_is_as_often_once(values in prop::collection::vec((0u32..5000, 0u64..40), 0..20)) {
        let setup = Setup::new(6);
        let once = create(&setup.region, 6).unwrap();
        let once = Histogram::new(&setup.region, &setup.planes, once, 1);
        let many = Histogram::new(&setup.region, &setup.planes, setup.block, 2);
        for found in [&once, &many] {
            found.declare_edge(1000.0).unwrap();
        }
        for (value, times) in &values {
            let value = f64::from(*value);
            many.record_times(1, value, *times).unwrap();
            for _ in 0..*times {
                once.record_at(1, value).unwrap();
            }
        }
        let (many, once) = (many.lifetime(), once.lifetime());
        prop_assert!(many.indices().eq(once.indices()));
        prop_assert_eq!(many.edges(), once.edges());
        prop_assert_eq!((many.count, many.sum), (once.count, once.sum));
        prop_assert!(many.count == 0 || (many.min, many.max) == (once.min, once.max));
    }
}

#[test]
fn a_checkpoint_is_taken_away_whichever_planes_it_has() {
    let mixed = |at: u64| (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let counts: Vec<u64> = (0..64).map(mixed).collect();
    let then: Vec<u32> = (64..128).map(|at| (mixed(at) >> 32) as u32).collect();
    let plane = |byte: usize| -> Vec<AtomicU64> {
        let word = |some: &[u32]| {
            let bytes = std::array::from_fn(|at| some[at].to_le_bytes()[byte]);
            AtomicU64::new(u64::from_le_bytes(bytes))
        };
        then.chunks_exact(GROUP).map(word).collect()
    };
    let [one, two, three, four] = [plane(0), plane(1), plane(2), plane(3)];
    let difference = |planes: u32| -> Vec<u64> {
        let kept = u64::from(u32::MAX) & !(u64::MAX << (8 * planes));
        let less = |(count, then): (&u64, &u32)| {
            u64::from((*count as u32).wrapping_sub(then & kept as u32))
        };
        counts.iter().zip(&then).map(less).collect()
    };
    let found = |take: &dyn Fn(&mut [u64])| {
        let mut counts = counts.clone();
        take(&mut counts);
        counts
    };
    assert_eq!(found(&|counts| subtract([], counts)), difference(0));
    assert_eq!(found(&|counts| subtract([&one], counts)), difference(1));
    assert_eq!(
        found(&|counts| subtract([&one, &two], counts)),
        difference(2)
    );
    assert_eq!(
        found(&|counts| subtract([&one, &two, &three], counts)),
        difference(3)
    );
    assert_eq!(
        found(&|counts| subtract([&one, &two, &three, &four], counts)),
        difference(4)
    );
}
