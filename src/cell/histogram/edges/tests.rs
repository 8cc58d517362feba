use super::*;
use crate::cell::histogram;
use crate::cell::planes::Planes;
use crate::region::layout::Limits;
use proptest::prelude::*;

fn region() -> Region {
    Region::heap(Limits {
        total_words: 1 << 20,
        max_series: 16,
        max_series_per_name: 4,
        max_limiters: 1,
        max_guards: 1,
        max_operations: 1,
        max_events: 64,
        max_workers: 4,
        max_shards: 1,
        stripes: 1,
        slot_ns: 10_000_000_000,
        manual_clock: 1,
    })
    .unwrap()
}

proptest! {
    #[test]
    fn a_declared_edge_is_exact(
        edge in 0.19..0.21,
        values in prop::collection::vec(0.19..0.21, 0..200),
    ) {
        let region = region();
        let planes = Planes::of(&region);
        let block = histogram::create(&region, 6).unwrap();
        let cells = Histogram::new(&region, &planes, block, 0);
        cells.declare_edge(edge).unwrap();
        cells.declare_edge(edge).unwrap();
        for value in &values {
            cells.record(*value).unwrap();
        }
        cells.record(edge).unwrap();
        let exact = values.iter().filter(|value| **value <= edge).count() as u64 + 1;
        prop_assert_eq!(cells.lifetime().count_at_most(edge), exact);
        prop_assert_eq!(cells.lifetime().edges().len(), 1);
    }

    #[test]
    fn merged_edges_stay_exact(
        edge in 0.19..0.21,
        one in prop::collection::vec(0.19..0.21, 0..50),
        other in prop::collection::vec(0.19..0.21, 0..50),
    ) {
        let region = region();
        let planes = Planes::of(&region);
        let made = [&one, &other].map(|values| {
            let block = histogram::create(&region, 6).unwrap();
            let cells = Histogram::new(&region, &planes, block, 0);
            cells.declare_edge(edge).unwrap();
            for value in values {
                cells.record(*value).unwrap();
            }
            cells.lifetime()
        });
        let exact = one.iter().chain(&other).filter(|value| **value <= edge).count() as u64;
        prop_assert_eq!(made[0].merge(&made[1]).count_at_most(edge), exact);
    }
}

#[test]
fn what_came_before_the_edge_is_judged_by_the_middle() {
    let region = region();
    let planes = Planes::of(&region);
    let block = histogram::create(&region, 6).unwrap();
    let cells = Histogram::new(&region, &planes, block, 0);
    cells.record(1.001).unwrap();
    cells.declare_edge(1.0).unwrap();
    assert_eq!(cells.lifetime().count_at_most(1.0), 0);
    cells.record(1.0).unwrap();
    cells.record(1.002).unwrap();
    assert_eq!(cells.lifetime().count_at_most(1.0), 1);
    assert_eq!(cells.lifetime().count_at_most(1.015), 3);
    assert_eq!(cells.lifetime().count_at_most(0.0), 0);
    assert_eq!(cells.lifetime().count_at_most(f64::MAX), 3);
}

#[test]
fn edges_are_bounded_and_checked() {
    let region = region();
    let planes = Planes::of(&region);
    let block = histogram::create(&region, 6).unwrap();
    let cells = Histogram::new(&region, &planes, block, 0);
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(cells.declare_edge(wrong).is_err());
    }
    for edge in 0..MAX_EDGES {
        cells.declare_edge(1.0 + edge as f64).unwrap();
    }
    let full = cells.declare_edge(0.5).unwrap_err();
    assert_eq!(full.kind(), crate::base::error::Kind::Capacity);
}
