/*
 * guards: what breakers, bulkheads, chains and operations cost a C program,
 * through the shared library. How it is measured: table.h.
 */
#include "table.h"

enum { LATENCIES = 1 << 12 };

static tidegate_breaker closed, tripped;
static tidegate_bulkhead bulkhead;
static tidegate_limiter limiter;
static tidegate_guard guard;
static tidegate_operation operation;
static tidegate_histogram histogram;
static double latencies[LATENCIES];

static void store(void)
{
    atomic_store_explicit(&shared->word, coarse_clock(), memory_order_release);
}

static void take_and_give(void)
{
    /* Threads are told apart by their stacks. */
    atomic_ulong *mine = &shared->words[(uintptr_t)__builtin_frame_address(0) / 65536 % 8 * 16];
    swap(mine, 1);
    swap(mine, 1);
}

static void through_breaker(void)
{
    uint64_t permit;
    if (tidegate_breaker_acquire(engine, closed, &permit) == TIDEGATE_OK) {
        (void)!tidegate_breaker_report(engine, closed, permit, TIDEGATE_OUTCOME_SUCCESS, 0.001);
    }
}

static void acquire(tidegate_breaker breaker)
{
    uint64_t permit;
    (void)!tidegate_breaker_acquire(engine, breaker, &permit);
}

static void through_bulkhead(void)
{
    uint64_t permit;
    if (tidegate_bulkhead_enter(engine, bulkhead, &permit) == TIDEGATE_OK) {
        (void)!tidegate_bulkhead_leave(engine, bulkhead, permit);
    }
}

static void through_guard(void)
{
    tidegate_guard_permit permit;
    if (tidegate_guard_acquire(engine, guard, NULL, 0, 1, 1, &permit, NULL) == TIDEGATE_OK) {
        (void)!tidegate_guard_report(engine, guard, permit, TIDEGATE_OUTCOME_SUCCESS, 0.001);
    }
}

ROW(empty_call, tidegate_abi_version())
ROW(bare_add, atomic_fetch_add_explicit(&shared->word, 1, memory_order_relaxed))
ROW(two_swaps, take_and_give())
ROW(clock_alone, (void)coarse_clock())
ROW(clock_and_store, store())
ROW(record, (void)!tidegate_histogram_record(engine, histogram, latencies[at % LATENCIES]))
ROW(breaker_both, through_breaker())
ROW(breaker_acquire, acquire(closed))
ROW(breaker_denied, acquire(tripped))
ROW(bulkhead_both, through_bulkhead())
ROW(limiter_check, (void)!tidegate_limiter_check(engine, limiter, NULL, 0, 1, NULL))
ROW(guard_both, through_guard())
ROW(operation_record, (void)!tidegate_operation_record(engine, operation, latencies[at % LATENCIES],
                                                       TIDEGATE_OUTCOME_SUCCESS, NULL))

static const struct row rows[] = {
    {"floor: empty call (tidegate_abi_version)", empty_call, -1, 0, 0, 0},
    {"floor: locked add", bare_add, -1, 0, 0, 0},
    {"floor: two compares and swaps", two_swaps, -1, 0, 0, 0},
    {"floor: coarse clock", clock_alone, -1, 0, 0, 0},
    {"floor: coarse clock, store", clock_and_store, -1, 0, 0, 0},
    {"floor: histogram_record", record, -1, 0, 0, 0},
    {"breaker_acquire and _report, closed", breaker_both, 4, 16, 20, 0},
    {"breaker_acquire alone, closed", breaker_acquire, 0, 0, 0, 0},
    {"breaker_acquire, denied", breaker_denied, 3, 12, 0, 0},
    {"bulkhead_enter and _leave", bulkhead_both, 2, 25, 0, 0},
    {"limiter_check, admitted", limiter_check, 4, 0, 0, 0},
    {"guard: bulkhead, breaker, limiter", guard_both, 4, 60, 0, 0},
    {"operation_record, success", operation_record, 5, 0, 0, 0},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static void prepare(void)
{
    for (int at = 0; at < LATENCIES; at++) {
        latencies[at] = 0.001 + (double)((unsigned)at * 2654435761u) * 1e-12;
    }
    must(tidegate_engine_open(NULL, &engine));
    must(tidegate_histogram_open(engine, "seconds", NULL, &histogram));
    must(tidegate_operation_open(engine, "call", NULL, &operation));
    must(tidegate_breaker_open(engine, "closed", "{}", &closed));
    must(tidegate_breaker_open(engine, "open", "{\"open_seconds\": 86400, \"open_max_seconds\": 86400}",
                               &tripped));
    must(tidegate_breaker_set_mode(engine, tripped, TIDEGATE_BREAKER_OPEN));
    must(tidegate_bulkhead_open(engine, "bulkhead", "{\"max_concurrent\": 20}", &bulkhead));
    must(tidegate_limiter_open(
        engine, "limiter",
        "{\"algorithm\": \"token_bucket\", \"rate_per_second\": 1000, \"burst\": 1000000000}",
        &limiter));
    /* Half full, as a bucket in use is: a full one has to look at the precise clock. */
    must(tidegate_limiter_check(engine, limiter, NULL, 0, 500000000, NULL));
    must(tidegate_guard_open(
        engine, "guard",
        "{\"bulkhead\": \"bulkhead\", \"breaker\": \"closed\", \"limiter\": \"limiter\"}", &guard));
}

int main(int count, char **arguments)
{
    return table(rows, ROWS, count, arguments, prepare);
}
