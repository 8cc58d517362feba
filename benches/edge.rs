//! What does the C edge add? The same call in Rust, and through the C function, which the compiler
//! is kept from looking into.

mod common;

use common::{HALF, LATENCIES};
use std::ffi::c_char;
use std::hint::black_box;
use std::ptr::{null, null_mut};
use tidegate::ffi::engine::{tidegate_engine_close, tidegate_engine_open};
use tidegate::ffi::limiter::{
    tidegate_decision, tidegate_limiter, tidegate_limiter_check, tidegate_limiter_open,
};
use tidegate::ffi::metric::{
    tidegate_counter, tidegate_counter_add, tidegate_counter_open, tidegate_histogram,
    tidegate_histogram_open, tidegate_histogram_record, tidegate_record_metric,
};
use tidegate::ffi::opaque::tidegate_engine;
use tidegate::ffi::version::tidegate_abi_version;

// As C sees them.
type Empty = extern "C" fn() -> u32;
type Add = unsafe extern "C" fn(*mut tidegate_engine, tidegate_counter, u64) -> i32;
type Record = unsafe extern "C" fn(*mut tidegate_engine, tidegate_histogram, f64) -> i32;
type ByName = unsafe extern "C" fn(*mut tidegate_engine, *const c_char, f64) -> i32;
type Check = unsafe extern "C" fn(
    *mut tidegate_engine,
    tidegate_limiter,
    *const c_char,
    usize,
    u32,
    *mut tidegate_decision,
) -> i32;

fn main() {
    common::pin(0);
    let engine = common::engine();
    let mut handle: *mut tidegate_engine = null_mut();
    let mut counter = tidegate_counter { id: 0 };
    let mut histogram = tidegate_histogram { id: 0 };
    let mut half = tidegate_limiter { id: 0 };
    let bucket = std::ffi::CString::new(common::BUCKET).expect("no NUL");
    // SAFETY: all texts are NUL-terminated and all outputs are variables.
    let opened = unsafe {
        [
            tidegate_engine_open(null(), &mut handle),
            tidegate_counter_open(handle, c"calls".as_ptr(), null(), &mut counter),
            tidegate_histogram_open(handle, c"seconds".as_ptr(), null(), &mut histogram),
            tidegate_limiter_open(handle, c"half".as_ptr(), bucket.as_ptr(), &mut half),
            tidegate_limiter_check(handle, half, null(), 0, HALF, null_mut()),
        ]
    };
    assert_eq!(opened, [0; 5]);

    let latencies = common::latencies();
    let mut at = 0;
    let mut latency = move || {
        at = (at + 1) % LATENCIES;
        latencies[at]
    };
    let mut criterion = common::criterion();

    let mut group = criterion.benchmark_group("edge");
    let nothing = black_box(tidegate_abi_version as Empty);
    group.bench_function("floor: an empty call", |bench| bench.iter(|| nothing()));

    let ours = common::counter(&engine, "calls");
    group.bench_function("counter add, Rust", |bench| {
        bench.iter(|| engine.add(black_box(ours), 1).is_ok());
    });
    let add = black_box(tidegate_counter_add as Add);
    group.bench_function("counter add, C", |bench| {
        // SAFETY: the engine is open.
        bench.iter(|| unsafe { add(handle, counter, 1) });
    });
    let ours = common::histogram(&engine, "seconds");
    group.bench_function("histogram record, Rust", |bench| {
        bench.iter(|| engine.record(black_box(ours), latency()).is_ok());
    });
    let record = black_box(tidegate_histogram_record as Record);
    group.bench_function("histogram record, C", |bench| {
        // SAFETY: as above.
        bench.iter(|| unsafe { record(handle, histogram, latency()) });
    });
    group.bench_function("record by name, Rust", |bench| {
        bench.iter(|| {
            engine
                .record_metric(black_box(b"seconds"), latency())
                .is_ok()
        });
    });
    let by_name = black_box(tidegate_record_metric as ByName);
    group.bench_function("record by name, C", |bench| {
        // SAFETY: as above; the name is NUL-terminated.
        bench.iter(|| unsafe { by_name(handle, c"seconds".as_ptr(), latency()) });
    });
    let ours = common::limiter(&engine, "half", common::BUCKET);
    engine.check(ours, None, HALF, None).expect("a check");
    group.bench_function("token bucket, Rust", |bench| {
        bench.iter(|| engine.check(black_box(ours), None, 1, None).is_ok());
    });
    let check = black_box(tidegate_limiter_check as Check);
    group.bench_function("token bucket, C", |bench| {
        // SAFETY: as above; there is no key.
        bench.iter(|| unsafe { check(handle, half, null(), 0, 1, null_mut()) });
    });
    group.finish();
    criterion.final_summary();
    // SAFETY: opened above, and not used any more.
    unsafe { tidegate_engine_close(handle) };
}
