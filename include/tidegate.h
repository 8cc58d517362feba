/*
 * tidegate.h - metrics, rate limits and guardrails in one memory region that
 * all worker processes share.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What a region is. All state (names, counts, histograms, limiters) lives in
 * one block of memory of fixed size. An engine is this process's view of it.
 *
 * Who shares it. Without a path: this process and every child that it forks
 * after tidegate_engine_open(). With a path: every process that opens the same
 * path, and read-only observers. A process that dies, however it dies, loses
 * nothing that it had recorded and blocks nobody.
 *
 * Threads. Every function may be called from any thread at any time, unless
 * its comment says otherwise. Nothing is locked, and a call that records or
 * decides never allocates and never waits.
 *
 * Ownership. Engines and snapshots are yours until you give them back with
 * tidegate_engine_close() and tidegate_snapshot_free(). Ids (structs of one
 * number) are plain values: copy them, never free them; zero is never valid.
 * What you pass in is copied where it is kept, and is yours again on return.
 *
 * Errors. A call returns a tidegate_status: TIDEGATE_OK, TIDEGATE_DENIED (an
 * answer, not an error) or a negative error, after which nothing was changed
 * and no output was written, except where the comment says so.
 * tidegate_last_error() has the sentence. A wrong id is an error, never a
 * crash; a pointer must be NULL or point to what the comment says.
 */

#ifndef TIDEGATE_H
#define TIDEGATE_H

/* Made from src/ffi by `cargo xtask header --write`: edit the source. */

#include <stddef.h>
#include <stdint.h>

/** The version of this header, as text. The library's: tidegate_version(). */
#define TIDEGATE_VERSION "0.1.0"
#define TIDEGATE_VERSION_MAJOR 0
#define TIDEGATE_VERSION_MINOR 1
#define TIDEGATE_VERSION_PATCH 0

/**
 * The version of this header as major << 16 | minor << 8 | patch. Compare it
 * with tidegate_abi_version(): same major, same ABI.
 */
#define TIDEGATE_ABI_VERSION 256

/** Marks a function that the library exports. */
#if defined(__GNUC__) || defined(__clang__)
#define TIDEGATE_API __attribute__((visibility("default")))
#else
#define TIDEGATE_API
#endif

/** Marks a function whose result says whether it did anything. */
#if defined(__GNUC__) || defined(__clang__)
#define TIDEGATE_MUST_USE __attribute__((warn_unused_result))
#else
#define TIDEGATE_MUST_USE
#endif

/**
 * Done; for a guard: admitted.
 */
#define TIDEGATE_OK 0

/**
 * The guard says no. Not an error.
 */
#define TIDEGATE_DENIED 1

/**
 * An argument is NULL, not UTF-8, not a number, negative or out of range.
 */
#define TIDEGATE_E_ARGUMENT (-1)

/**
 * A document does not parse or holds an unknown, mistyped or impossible field.
 */
#define TIDEGATE_E_CONFIG (-2)

/**
 * No such name.
 */
#define TIDEGATE_E_NOT_FOUND (-3)

/**
 * The name exists with another kind or another configuration.
 */
#define TIDEGATE_E_CONFLICT (-4)

/**
 * The region has no room left.
 */
#define TIDEGATE_E_CAPACITY (-5)

/**
 * The caller's buffer is too small; the needed length was written.
 */
#define TIDEGATE_E_SPACE (-6)

/**
 * Not a region, damaged, or of a layout that this library cannot read.
 */
#define TIDEGATE_E_FORMAT (-7)

/**
 * The operating system refused; the message says why.
 */
#define TIDEGATE_E_SYSTEM (-8)

/**
 * An id that is zero, made up, of another engine or kind, or removed.
 */
#define TIDEGATE_E_STALE (-9)

/**
 * A cost that can never pass: above the burst or limit.
 */
#define TIDEGATE_E_RANGE (-10)

/**
 * Not allowed now, or not through an observer.
 */
#define TIDEGATE_E_STATE (-11)

/**
 * A bug in tidegate was caught; the engine stays usable.
 */
#define TIDEGATE_E_BUG (-99)

/**
 * The call did what it was for.
 */
#define TIDEGATE_OUTCOME_SUCCESS 0

/**
 * It did not.
 */
#define TIDEGATE_OUTCOME_FAILURE 1

/**
 * Neither: the caller's own mistake, or cancelled. In no ratio.
 */
#define TIDEGATE_OUTCOME_IGNORED 2

/**
 * A key that is on no list: its units decide.
 */
#define TIDEGATE_LIST_NONE 0

/**
 * A key that is admitted without being counted.
 */
#define TIDEGATE_LIST_ALLOW 1

/**
 * A key that is denied.
 */
#define TIDEGATE_LIST_DENY 2

/**
 * By the units that a key was admitted.
 */
#define TIDEGATE_TOP_USED 0

/**
 * By the checks in which a key was denied.
 */
#define TIDEGATE_TOP_DENIED 1

/**
 * `RateLimit-Policy` and `RateLimit`, lists of policies by name.
 */
#define TIDEGATE_HEADERS_CURRENT 0

/**
 * `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset`.
 */
#define TIDEGATE_HEADERS_DRAFT_06 1

/**
 * `X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset`.
 */
#define TIDEGATE_HEADERS_LEGACY 2

/**
 * Calls go through, and are counted.
 */
#define TIDEGATE_BREAKER_CLOSED 0

/**
 * Calls are denied until the open time is over.
 */
#define TIDEGATE_BREAKER_OPEN 1

/**
 * A few probes go through.
 */
#define TIDEGATE_BREAKER_HALF_OPEN 2

/**
 * Calls are denied until tidegate_breaker_set_mode() says otherwise.
 */
#define TIDEGATE_BREAKER_FORCED_OPEN 3

/**
 * Calls go through, and are not counted.
 */
#define TIDEGATE_BREAKER_DISABLED 4

/**
 * Calls go through and are counted, whatever the counts.
 */
#define TIDEGATE_BREAKER_FORCED_CLOSED 5

/**
 * As forced closed: to find out what a breaker would see.
 */
#define TIDEGATE_BREAKER_METRICS_ONLY 6

/**
 * Nothing opened the breaker.
 */
#define TIDEGATE_BREAKER_REASON_NONE 0

/**
 * Failures reached `failure_rate`.
 */
#define TIDEGATE_BREAKER_REASON_FAILURE_RATE 1

/**
 * Slow calls reached `slow_call_rate`.
 */
#define TIDEGATE_BREAKER_REASON_SLOW_CALL_RATE 2

/**
 * `consecutive_failures` came one after the other.
 */
#define TIDEGATE_BREAKER_REASON_CONSECUTIVE_FAILURES 3

/**
 * The probes came back bad, or not at all.
 */
#define TIDEGATE_BREAKER_REASON_PROBES 4

/**
 * tidegate_breaker_set_mode(), or `initial`.
 */
#define TIDEGATE_BREAKER_REASON_FORCED 5

/**
 * No guard refused.
 */
#define TIDEGATE_GUARD_NONE 0

/**
 * The retry: enough attempts, or its budget is spent.
 */
#define TIDEGATE_GUARD_RETRY 1

/**
 * The bulkhead is full.
 */
#define TIDEGATE_GUARD_BULKHEAD 2

/**
 * The breaker is open.
 */
#define TIDEGATE_GUARD_BREAKER 3

/**
 * The throttle sheds load.
 */
#define TIDEGATE_GUARD_THROTTLE 4

/**
 * The limiter's units are spent.
 */
#define TIDEGATE_GUARD_LIMITER 5

/**
 * Well.
 */
#define TIDEGATE_HEALTHY 0

/**
 * It works, but not as it should.
 */
#define TIDEGATE_DEGRADED 1

/**
 * It does not work.
 */
#define TIDEGATE_UNHEALTHY 2

/**
 * Nobody can tell: too few samples, or nothing reported. Never of a whole.
 */
#define TIDEGATE_HEALTH_UNKNOWN 3

/**
 * Is this process stuck for good? Depends on nothing but its heartbeats.
 */
#define TIDEGATE_PROBE_LIVENESS 0

/**
 * Should this service get work now? All checks are judged.
 */
#define TIDEGATE_PROBE_READINESS 1

/**
 * Has this process finished starting?
 */
#define TIDEGATE_PROBE_STARTUP 2

/**
 * The JSON document of schema/snapshot.schema.json.
 */
#define TIDEGATE_FORMAT_JSON 0

/**
 * Prometheus text format 0.0.4.
 */
#define TIDEGATE_FORMAT_PROMETHEUS 1

/**
 * OpenMetrics text format 1.0.
 */
#define TIDEGATE_FORMAT_OPENMETRICS 2

/**
 * Readiness as application/health+json.
 */
#define TIDEGATE_FORMAT_HEALTH_JSON 3

/**
 * Readiness as {"status","timestamp","uptime","checks"}.
 */
#define TIDEGATE_FORMAT_HEALTH_SIMPLE 4

/**
 * StatsD lines, labels as DogStatsD tags; totals as gauges.
 */
#define TIDEGATE_FORMAT_STATSD 5

/**
 * HdrHistogram's log, its histograms in the V2 encoding.
 */
#define TIDEGATE_FORMAT_HDR_LOG 6

/**
 * OTLP protobuf, bytes instead of text; TIDEGATE_E_ARGUMENT from a library
 * built without the Cargo feature otlp.
 */
#define TIDEGATE_FORMAT_OTLP 7

/**
 * Version of the layout of tidegate_shard_cells.
 */
#define TIDEGATE_SHARD_LAYOUT_VERSION 1

/**
 * Counts of a shard are unsigned 64-bit integers.
 */
#define TIDEGATE_SHARD_INTEGERS 0

/**
 * Counts of a shard are doubles holding whole numbers below 2^53.
 */
#define TIDEGATE_SHARD_DOUBLES 1

/**
 * Version of the layout and the rules of tidegate_breaker_view.
 */
#define TIDEGATE_BREAKER_VIEW_VERSION 1

/**
 * Words at tidegate_breaker_view.successes.
 */
#define TIDEGATE_BREAKER_VIEW_WORDS 4

/**
 * Version of the layout and the rules of tidegate_operation_view.
 */
#define TIDEGATE_OPERATION_VIEW_VERSION 1

/**
 * This process's view of one region. Opaque; see tidegate_engine_open().
 */
typedef struct tidegate_engine tidegate_engine;

/**
 * Everything that a region held at one time. Opaque; never changes.
 */
typedef struct tidegate_snapshot tidegate_snapshot;

/**
 * What a call says: 0 is done, above 0 is an answer, below 0 is an error.
 */
typedef int32_t tidegate_status;

/**
 * Names a counter: a count that only grows. A plain value; zero is never valid.
 */
typedef struct tidegate_counter {
  /**
   * The id.
   */
  uint64_t id;
} tidegate_counter;

/**
 * Names a gauge: a value that moves. A plain value; zero is never valid.
 */
typedef struct tidegate_gauge {
  /**
   * The id.
   */
  uint64_t id;
} tidegate_gauge;

/**
 * Names a histogram: a distribution of values. A plain value; zero is never
 * valid.
 */
typedef struct tidegate_histogram {
  /**
   * The id.
   */
  uint64_t id;
} tidegate_histogram;

/**
 * Names an operation: a query, mutation, request or job. A plain value; zero is
 * never valid.
 */
typedef struct tidegate_operation {
  /**
   * The id.
   */
  uint64_t id;
} tidegate_operation;

/**
 * How a call ended, as its caller judges it.
 */
typedef int32_t tidegate_outcome;

/**
 * What the calls of an operation were in some time. What has no number without
 * calls is NaN.
 */
typedef struct tidegate_operation_reading {
  /**
   * All calls.
   */
  uint64_t count;
  /**
   * Those that succeeded.
   */
  uint64_t successes;
  /**
   * Those that failed.
   */
  uint64_t failures;
  /**
   * Those that neither succeeded nor failed.
   */
  uint64_t ignored;
  /**
   * Those that took longer than `slow_seconds`.
   */
  uint64_t slow;
  /**
   * Calls in a second.
   */
  double rate_per_second;
  /**
   * Successes among calls that succeeded or failed.
   */
  double success_ratio;
  /**
   * Failures among calls that succeeded or failed.
   */
  double error_rate;
  /**
   * How long calls took on average, in seconds.
   */
  double average;
  /**
   * Half of all calls took at most so many seconds.
   */
  double p50;
  /**
   * 90 % of them.
   */
  double p90;
  /**
   * 95 %.
   */
  double p95;
  /**
   * 99 %.
   */
  double p99;
  /**
   * 99.9 %.
   */
  double p999;
  /**
   * The shortest call.
   */
  double min;
  /**
   * The longest call.
   */
  double max;
} tidegate_operation_reading;

/**
 * Names a ratio: hits and misses of a cache, a pool, a lookup. A plain value;
 * zero is never valid.
 */
typedef struct tidegate_ratio {
  /**
   * The id.
   */
  uint64_t id;
} tidegate_ratio;

/**
 * Names an enum: something that is in one of a few states. A plain value; zero
 * is never valid.
 */
typedef struct tidegate_enum {
  /**
   * The id.
   */
  uint64_t id;
} tidegate_enum;

/**
 * Names a limiter. A plain value; zero is never valid.
 */
typedef struct tidegate_limiter {
  /**
   * The id.
   */
  uint64_t id;
} tidegate_limiter;

/**
 * What a limiter says beside yes or no. Written for TIDEGATE_OK and
 * TIDEGATE_DENIED.
 */
typedef struct tidegate_decision {
  /**
   * The burst or limit of the policy that decided, in units.
   */
  uint64_t limit;
  /**
   * Whole units left now.
   */
  uint64_t remaining;
  /**
   * 0 when admitted; else the shortest wait after which the same call could
   * pass.
   */
  uint64_t retry_after_ns;
  /**
   * Until the limiter is full again if nobody calls.
   */
  uint64_t reset_after_ns;
} tidegate_decision;

/**
 * One limit of several that are asked together.
 */
typedef struct tidegate_limiter_request {
  /**
   * From tidegate_limiter_open() on the same region.
   */
  tidegate_limiter limiter;
  /**
   * Who is asking: any bytes. NULL for a limiter without keys.
   */
  const char *key;
  /**
   * Bytes in `key`; 0 when it is NULL.
   */
  size_t key_length;
  /**
   * Units to take; at least 1.
   */
  uint32_t cost;
} tidegate_limiter_request;

/**
 * Names a circuit breaker. A plain value; zero is never valid.
 */
typedef struct tidegate_breaker {
  /**
   * The id.
   */
  uint64_t id;
} tidegate_breaker;

/**
 * Where a breaker is.
 */
typedef int32_t tidegate_breaker_phase;

/**
 * What a breaker is, what it sees, and why it last opened.
 */
typedef struct tidegate_breaker_reading {
  /**
   * Where it is.
   */
  tidegate_breaker_phase phase;
  /**
   * Why it is open, or was put where it is: TIDEGATE_BREAKER_REASON_.
   */
  uint32_t reason;
  /**
   * Number of the change of state that led here, from 1 on.
   */
  uint64_t generation;
  /**
   * Calls in the window that succeeded or failed.
   */
  uint64_t calls;
  /**
   * Of those, the failed.
   */
  uint64_t failures;
  /**
   * Of those, the slow.
   */
  uint64_t slow_calls;
  /**
   * Failed part of the window's calls; NaN below `minimum_calls`.
   */
  double failure_rate;
  /**
   * Slow part of the window's calls; NaN below `minimum_calls`.
   */
  double slow_call_rate;
  /**
   * Until it lets a call through; 0 unless open.
   */
  uint64_t retry_after_ns;
  /**
   * How often it opened.
   */
  uint64_t opened_count;
  /**
   * Probes that are out; 0 unless half-open.
   */
  uint64_t permits_out;
  /**
   * Calls in the window when it last opened.
   */
  uint64_t tripped_calls;
  /**
   * Of those, the failed.
   */
  uint64_t tripped_failures;
  /**
   * Of those, the slow.
   */
  uint64_t tripped_slow_calls;
  /**
   * How long ago that was; 0 when it never opened.
   */
  uint64_t tripped_age_ns;
} tidegate_breaker_reading;

/**
 * Names an adaptive throttle. A plain value; zero is never valid.
 */
typedef struct tidegate_throttle {
  /**
   * The id.
   */
  uint64_t id;
} tidegate_throttle;

/**
 * Names a bulkhead. A plain value; zero is never valid.
 */
typedef struct tidegate_bulkhead {
  /**
   * The id.
   */
  uint64_t id;
} tidegate_bulkhead;

/**
 * A bulkhead's numbers at one moment.
 */
typedef struct tidegate_bulkhead_reading {
  /**
   * Most calls inside; of one key, if it has keys.
   */
  uint64_t limit;
  /**
   * Calls inside now, those of all keys together.
   */
  uint64_t in_use;
  /**
   * Permits that came back from processes that had ended.
   */
  uint64_t returned_from_dead;
} tidegate_bulkhead_reading;

/**
 * Names a retry. A plain value; zero is never valid.
 */
typedef struct tidegate_retry {
  /**
   * The id.
   */
  uint64_t id;
} tidegate_retry;

/**
 * Names a chain of guards. A plain value; zero is never valid.
 */
typedef struct tidegate_guard {
  /**
   * The id.
   */
  uint64_t id;
} tidegate_guard;

/**
 * What an admitted call holds until tidegate_guard_report().
 */
typedef struct tidegate_guard_permit {
  /**
   * The bulkhead's permit; 0 without one.
   */
  uint64_t bulkhead;
  /**
   * The breaker's permit; 0 without one.
   */
  uint64_t breaker;
} tidegate_guard_permit;

/**
 * Which guard refused. Written for TIDEGATE_OK and TIDEGATE_DENIED.
 */
typedef struct tidegate_guard_answer {
  /**
   * TIDEGATE_GUARD_NONE when all admitted; else the one that refused, or, when
   * the chain is in shadow mode, would have.
   */
  uint32_t refused_by;
  /**
   * 0.
   */
  uint32_t reserved;
  /**
   * When it might not refuse any more; 0 when nobody knows.
   */
  uint64_t retry_after_ns;
} tidegate_guard_answer;

/**
 * Which question is asked, as Kubernetes asks them.
 */
typedef int32_t tidegate_probe;

/**
 * How a service or a part of it is: one of the four values below.
 */
typedef int32_t tidegate_health_status;

/**
 * Names a shard: cells that one thread outside the library writes alone, with
 * plain stores and without a call, and that are part of every total.
 *
 * Layout version 1. A counter is one word. A histogram is a sum, two extremes
 * and a row of bucket counts; see tidegate_shard_cells. Sums and extremes are
 * doubles; counts are what the shard was opened for. A shard that is closed, or
 * whose process dies, is handed to the next thread that opens one, with its
 * numbers: add to what is there, never set.
 */
typedef struct tidegate_shard {
  /**
   * The id.
   */
  uint64_t id;
} tidegate_shard;

/**
 * Where a shard's owner counts one histogram.
 *
 * To record a value v, at least 0: let b be the 64 bits of the double v, and
 * i = (b >> (52 - fraction_bits)) - (first_octave << fraction_bits). If i, as
 * an unsigned number, is below octaves << fraction_bits: add 1 to counts[i],
 * add v to *sum, lower extremes[0] and raise extremes[1] to v. Else call
 * tidegate_histogram_record(). Write counts first.
 */
typedef struct tidegate_shard_cells {
  /**
   * Bucket counts, `octaves << fraction_bits` of them.
   */
  uint64_t *counts;
  /**
   * The sum, a double.
   */
  uint64_t *sum;
  /**
   * The smallest and the largest value, two doubles; +infinity and 0 at first.
   */
  uint64_t *extremes;
  /**
   * Biased exponent of the first bucket.
   */
  uint32_t first_octave;
  /**
   * How many powers of two there are.
   */
  uint32_t octaves;
  /**
   * Bits of the fraction that tell buckets apart.
   */
  uint32_t fraction_bits;
  /**
   * 0.
   */
  uint32_t reserved;
} tidegate_shard_cells;

/**
 * How a shard's owner lets calls through a breaker without a call into the
 * library.
 *
 * Before: read *state and *pass. If they are equal, and the low 32 bits of
 * *failing are 0, the call goes on, without a permit; keep what *state was, as
 * `passed`. Else ask tidegate_breaker_acquire(), as without a view.
 *
 * After a call that passed: if it succeeded, took no more than slow_ns (when
 * that is not 0), *state and *pass are both still `passed`, and the low half of
 * *failing is still 0: add 1 to successes[(passed >> 16) & 3], in the numbers
 * that the shard was opened for. Else tidegate_breaker_report_passed(), once.
 *
 * Read each word at once, as an atomic of 64 bits or in two halves, and read
 * them anew each time. Two that are compared in halves are equal if both halves
 * are. No order among the reads is needed.
 *
 * The words are equal as long as the breaker is closed and a further success
 * needs no judgement: then at least `minimum_calls` are in the window, and their
 * rates are below the thresholds. They are never equal for a breaker whose
 * window is one of calls, whose `slow_call_seconds` is below a nanosecond, or
 * before a new breaker has its minimum of calls. Whatever changes the breaker's
 * state changes *state in the same step.
 *
 * Successes that were added belong to the window. Which time slot they belong to
 * is seen when somebody reports through a call or ticks: call tidegate_tick() at
 * least every slot_ns, or they may leave the window later than they should, by
 * as long as nobody looked.
 */
typedef struct tidegate_breaker_view {
  /**
   * The breaker's state.
   */
  const uint64_t *state;
  /**
   * The state in which calls pass without asking, or 0.
   */
  const uint64_t *pass;
  /**
   * The low 32 bits are not 0 while a success must be reported.
   */
  const uint64_t *failing;
  /**
   * TIDEGATE_BREAKER_VIEW_WORDS counts of the shard's owner, who alone adds to them.
   */
  uint64_t *successes;
  /**
   * A call that took more nanoseconds must be reported; 0: none is slow.
   */
  uint64_t slow_ns;
  /**
   * Length of a time slot of the window, in nanoseconds.
   */
  uint64_t slot_ns;
} tidegate_breaker_view;

/**
 * Where a shard's owner counts the successful calls of one operation.
 *
 * To record a success of v seconds, about which no more is to be said: let b and
 * i be as for tidegate_shard_cells. If i, as an unsigned number, is below
 * octaves << fraction_bits, v is at most slow_seconds, b is at most *floor, and
 * bit (i & 63) of *split is 0: record v in the cells, then add 1 to *successes,
 * in the numbers that the shard was opened for. Else, and for every call that
 * failed, was ignored, or has a detail or a trace: tidegate_operation_record()
 * or its like.
 *
 * Read *floor and *split each time. The floor is the shortest of the slowest
 * calls of the present time slot; when a slot begins, tidegate_tick() lowers it.
 * Calls between the beginning of a slot and the next tick may be missing among
 * the slowest, and count in a later slot than they belong to; no call is missing
 * elsewhere.
 */
typedef struct tidegate_operation_view {
  /**
   * How long calls took.
   */
  tidegate_shard_cells cells;
  /**
   * A count of the shard's owner, who alone adds to it.
   */
  uint64_t *successes;
  /**
   * Bits of a double, in seconds: a longer call must be reported.
   */
  const uint64_t *floor;
  /**
   * A set of 64 bits: a call in one of these buckets must be reported.
   */
  const uint64_t *split;
  /**
   * A longer call must be reported; +infinity: none is slow.
   */
  double slow_seconds;
} tidegate_operation_view;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Tells which ABI the loaded library has: `major << 16 | minor << 8 | patch`.
 *
 * Compare it with TIDEGATE_ABI_VERSION, the header's: the same major is the
 * same ABI.
 *
 * @return The library's version number.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API uint32_t tidegate_abi_version(void);

/**
 * Tells the loaded library's version as text, such as "0.1.0".
 *
 * @return A NUL-terminated text that lives as long as the library.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API const char *tidegate_version(void);

/**
 * Tells the name of a status, such as "TIDEGATE_E_STALE".
 *
 * @param status  Any number.
 *
 * @return A NUL-terminated text that lives as long as the library.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API const char *tidegate_status_name(tidegate_status status);

/**
 * Copies the sentence of this thread's last error.
 *
 * It stays until the next error of the thread; calls that succeed leave it.
 *
 * @param buffer    Receives as much as fits, and a NUL. May be NULL.
 * @param capacity  Bytes that `buffer` can hold, the NUL included.
 *
 * @return The sentence's length in bytes without the NUL; 0 when there was no
 *         error yet.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API size_t tidegate_last_error(char *buffer, size_t capacity);

/**
 * Opens an engine as `config_json` says.
 *
 * With a region path, every process that opens the same path sees the same
 * numbers, and the first one makes the region. Without one the region has no
 * name: only children forked afterwards share it. A child uses its parent's
 * engine as it is; nothing needs to be opened again.
 *
 * Opening never resets anything: limiters, counts and clock of a region that
 * exists stay as they are.
 *
 * @param config_json  A JSON object, or NULL for the defaults. Copied; yours
 *                     again on return.
 * @param out_engine   Receives the engine. You own it: give it back with
 *                     tidegate_engine_close().
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  out_engine is NULL, or the text is not UTF-8;
 *         TIDEGATE_E_CONFIG    a field is unknown, mistyped or impossible;
 *         TIDEGATE_E_CONFLICT  the region was made with other limits, or a
 *                              limiter exists with another configuration;
 *         TIDEGATE_E_CAPACITY  the limiters do not fit in the region;
 *         TIDEGATE_E_SYSTEM    the file could not be made, opened, reserved
 *                              or mapped, is a symbolic link, or belongs to
 *                              another user;
 *         TIDEGATE_E_FORMAT    the file is not a region, is damaged, or has a
 *                              layout that this library cannot read.
 *
 * Threads: any. Blocks: on file I/O. Since 0.1.
 */
TIDEGATE_API
TIDEGATE_MUST_USE
tidegate_status tidegate_engine_open(const char *config_json,
                                     tidegate_engine **out_engine);

/**
 * Opens the region at `path` to look at it, and changes nothing of it.
 *
 * An observer can read and take snapshots while others write, and after they
 * were all killed. Whatever would write returns TIDEGATE_E_STATE.
 *
 * @param path        The region's file.
 * @param out_engine  Receives the engine. You own it: give it back with
 *                    tidegate_engine_close().
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT   a pointer is NULL, or path is not UTF-8;
 *         TIDEGATE_E_NOT_FOUND  there is no file;
 *         TIDEGATE_E_SYSTEM     it could not be opened or mapped, is a symbolic
 *                               link, or belongs to another user;
 *         TIDEGATE_E_FORMAT     it is not a region, is damaged, or has a layout
 *                               that this library cannot read.
 *
 * Threads: any. Blocks: on file I/O. Since 0.1.
 */
TIDEGATE_API
TIDEGATE_MUST_USE
tidegate_status tidegate_engine_attach(const char *path,
                                       tidegate_engine **out_engine);

/**
 * Closes an engine; the region lives on in other processes and in its file.
 *
 * In a forked child it closes the child's view only. Ids from this engine must
 * not be used with it any more, and no other thread may be inside a call.
 *
 * @param engine  Yours to give back. NULL does nothing.
 *
 * Threads: one, after all others are done with it. Blocks: never. Since 0.1.
 */
TIDEGATE_API
void tidegate_engine_close(tidegate_engine *engine);

/**
 * Checks a configuration document without opening anything.
 *
 * @param config_json  A JSON object.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  config_json is NULL or not UTF-8;
 *         TIDEGATE_E_CONFIG    a field is unknown, mistyped or impossible;
 *                              tidegate_last_error() names it.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API tidegate_status tidegate_config_check(const char *config_json);

/**
 * Moves the clock of an engine with `{"clock":"manual"}` on, for every process
 * that shares the region.
 *
 * @param engine  An open engine.
 * @param by_ns   Nanoseconds; time stops at the end of its range.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STATE     the clock is real, or the engine an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_clock_advance(tidegate_engine *engine,
                                       uint64_t by_ns);

/**
 * Opens the counter with this name and these labels, and makes it if need be.
 *
 * The same name and labels give the same counter in every process. Beyond
 * `metrics.max_series` or `metrics.max_series_per_name` it is the name's
 * overflow series, labelled otel_metric_overflow="true", so totals stay right.
 *
 * Options of every metric, all optional:
 * `{"labels":{"k":"v"},"help":"...","unit":"seconds"}`. A name is a letter or
 * `_`, then letters, digits or one of `_.:/-`, at most 255 bytes; Prometheus
 * shows `.`, `-` and `/` as `_`.
 *
 * @param engine        An open engine.
 * @param name          The name.
 * @param options_json  A JSON object, or NULL. Copied.
 * @param out_counter   Receives the id. Nothing to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, a text is not UTF-8, or the
 *                              name or a label is not legal;
 *         TIDEGATE_E_CONFIG    an option is unknown or impossible;
 *         TIDEGATE_E_CONFLICT  the name exists with another kind or unit, or
 *                              another name looks the same in Prometheus;
 *         TIDEGATE_E_CAPACITY  the region has no room for another name;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_counter_open(tidegate_engine *engine,
                                      const char *name,
                                      const char *options_json,
                                      tidegate_counter *out_counter);

/**
 * Adds `amount` to a counter.
 *
 * @param engine   An open engine.
 * @param counter  From tidegate_counter_open() on the same region.
 * @param amount   How many; the total wraps after 2^64.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STALE     the counter is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_counter_add(tidegate_engine *engine,
                                     tidegate_counter counter,
                                     uint64_t amount);

/**
 * Reads a counter's total over all processes, threads and shards.
 *
 * @param engine     An open engine, also an observer.
 * @param counter    From tidegate_counter_open() on the same region.
 * @param out_total  Receives the total.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the counter is not one of this engine.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_counter_value(tidegate_engine *engine,
                                       tidegate_counter counter,
                                       uint64_t *out_total);

/**
 * Opens the gauge with this name and these labels, and makes it if need be.
 *
 * The further option `"workers"` says what the gauge is when several processes
 * set it: `"last"` (the default) is one value for all; `"sum"`, `"min"` and
 * `"max"` are of what each living process said last; `"each"` shows every
 * living process with its pid. What a process said goes away with it.
 * Everything else is as for tidegate_counter_open().
 *
 * @param engine        An open engine.
 * @param name          The name.
 * @param options_json  A JSON object, or NULL. Copied.
 * @param out_gauge     Receives the id. Nothing to free.
 *
 * @return As tidegate_counter_open(); TIDEGATE_E_CONFLICT also when the name
 *         exists with other `workers`.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_gauge_open(tidegate_engine *engine,
                                    const char *name,
                                    const char *options_json,
                                    tidegate_gauge *out_gauge);

/**
 * Sets a gauge.
 *
 * @param engine  An open engine.
 * @param gauge   From tidegate_gauge_open() on the same region.
 * @param value   Anything but NaN.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or value is NaN (counted as
 *                              dropped);
 *         TIDEGATE_E_STALE     the gauge is not one of this engine;
 *         TIDEGATE_E_CAPACITY  each process has its own value, and the table of
 *                              processes has no place for this one;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes; the last one wins. Blocks: never.
 * Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_gauge_set(tidegate_engine *engine,
                                   tidegate_gauge gauge,
                                   double value);

/**
 * Adds `delta`, which may be negative, to a gauge.
 *
 * @param engine  An open engine.
 * @param gauge   From tidegate_gauge_open() on the same region.
 * @param delta   A finite number.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or delta is NaN or infinite
 *                              (counted as dropped);
 *         TIDEGATE_E_STALE     the gauge is not one of this engine;
 *         TIDEGATE_E_CAPACITY  as for tidegate_gauge_set();
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_gauge_add(tidegate_engine *engine,
                                   tidegate_gauge gauge,
                                   double delta);

/**
 * Reads a gauge: the value of all living processes together, their sum for
 * `"each"`; NaN for the smallest or largest of none.
 *
 * @param engine     An open engine, also an observer.
 * @param gauge      From tidegate_gauge_open() on the same region.
 * @param out_value  Receives the value.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the gauge is not one of this engine.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_gauge_value(tidegate_engine *engine,
                                     tidegate_gauge gauge,
                                     double *out_value);

/**
 * Opens the histogram with this name and these labels, and makes it if need be.
 *
 * Buckets are log-linear over all positive doubles: 64 to each power of two,
 * so a quantile is within 0.8 % of the recorded value. The further option
 * `"relative_error"`, 0.002 to 0.03, asks for more or fewer. Everything else
 * is as for tidegate_counter_open().
 *
 * @param engine         An open engine.
 * @param name           The name.
 * @param options_json   A JSON object, or NULL. Copied.
 * @param out_histogram  Receives the id. Nothing to free.
 *
 * @return As tidegate_counter_open(); TIDEGATE_E_CONFLICT also when the name
 *         exists with another relative error.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_histogram_open(tidegate_engine *engine,
                                        const char *name,
                                        const char *options_json,
                                        tidegate_histogram *out_histogram);

/**
 * Records a value.
 *
 * @param engine     An open engine.
 * @param histogram  From tidegate_histogram_open() on the same region.
 * @param value      Finite, at least 0. Seconds for a duration.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or value is NaN, infinite or
 *                              negative (counted as dropped);
 *         TIDEGATE_E_STALE     the histogram is not one of this engine;
 *         TIDEGATE_E_CAPACITY  the region had no room for its very first value;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_histogram_record(tidegate_engine *engine,
                                          tidegate_histogram histogram,
                                          double value);

/**
 * Records several values with one look at the clock: all of them, or none when
 * one is refused.
 *
 * @param engine     An open engine.
 * @param histogram  From tidegate_histogram_open() on the same region.
 * @param values     Each finite, at least 0. May be NULL only if `count` is 0.
 * @param count      How many.
 *
 * @return As tidegate_histogram_record().
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_histogram_record_many(tidegate_engine *engine,
                                               tidegate_histogram histogram,
                                               const double *values,
                                               size_t count);

/**
 * Records what an HdrHistogram counted: no count is lost, and each value is
 * taken at the middle of those that it could not tell apart.
 *
 * @param engine     An open engine.
 * @param histogram  From tidegate_histogram_open() on the same region.
 * @param bytes      A histogram in the V2 encoding, plain or compressed, as
 *                   bytes or in base64; or a whole log, of which all
 *                   histograms are recorded.
 * @param length     Its length, at most 64 MiB, also when unpacked.
 * @param scale      How many units of the log make one of the histogram: 1e9
 *                   for nanoseconds into seconds. Finite, above 0.
 * @param out_count  Receives how many values were recorded; may be NULL.
 *                   Values beyond the largest double once scaled are not, and
 *                   are counted as dropped.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or scale is out of range;
 *         TIDEGATE_E_FORMAT    it is neither, or damaged; nothing is recorded;
 *         TIDEGATE_E_STALE     no such histogram;
 *         TIDEGATE_E_STATE     the engine is a read-only observer.
 *
 * Threads: any, also other processes. Blocks: never; allocates. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_histogram_import(tidegate_engine *engine,
                                          tidegate_histogram histogram,
                                          const char *bytes,
                                          size_t length,
                                          double scale,
                                          uint64_t *out_count);

/**
 * Records a value, and keeps it as an example: the newest of each power of two
 * is shown with its trace.
 *
 * @param engine     An open engine.
 * @param histogram  From tidegate_histogram_open() on the same region.
 * @param value      Finite, at least 0.
 * @param trace_id   The trace that it belongs to, cut to 64 bytes; empty for
 *                   none.
 *
 * @return As tidegate_histogram_record(); TIDEGATE_E_ARGUMENT also when
 *         `trace_id` is NULL or not UTF-8.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_histogram_record_exemplar(tidegate_engine *engine,
                                                   tidegate_histogram histogram,
                                                   double value,
                                                   const char *trace_id);

/**
 * Reads the values at some quantiles, by nearest rank.
 *
 * Within 0.8 % of the recorded value unless the histogram was opened with
 * another relative error; the smallest and the largest value are exact. A
 * window is right to one time slot, a sixth of the configured window.
 *
 * @param engine          An open engine, also an observer.
 * @param histogram       From tidegate_histogram_open() on the same region.
 * @param window_seconds  The last so many seconds, at most the configured
 *                        `window_seconds`; 0 for all since it was made.
 * @param quantiles       Each 0 to 1; cheapest in ascending order.
 * @param count           How many.
 * @param out_values      Receives `count` values; NaN when there is no data.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, a quantile is outside 0..1,
 *                              or the window is longer than is kept;
 *         TIDEGATE_E_STALE     the histogram is not one of this engine.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_histogram_quantiles(tidegate_engine *engine,
                                             tidegate_histogram histogram,
                                             double window_seconds,
                                             const double *quantiles,
                                             size_t count,
                                             double *out_values);

/**
 * Records a value by name, for callers who keep no ids; the histogram is made
 * on first use.
 *
 * Costs a look-up of the name more than tidegate_histogram_record().
 *
 * @param engine  An open engine.
 * @param name    The histogram's name.
 * @param value   Finite, at least 0.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, the name is not legal, or
 *                              value is NaN, infinite or negative (counted as
 *                              dropped);
 *         TIDEGATE_E_CONFLICT  the name exists and is no histogram;
 *         TIDEGATE_E_CAPACITY  no room for another name (counted as dropped);
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_record_metric(tidegate_engine *engine,
                                       const char *name,
                                       double value);

/**
 * Gives the word that threads outside the library may add to atomically, to
 * count without a call.
 *
 * Add with a relaxed atomic 64-bit add and nothing else: the word is shared by
 * all threads and processes. It is one part of the total, not the total.
 *
 * @param engine    An open engine.
 * @param counter   From tidegate_counter_open() on the same region.
 * @param out_word  Receives the word's address, valid until the engine is
 *                  closed. Not yours to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the counter is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_counter_cell(tidegate_engine *engine,
                                      tidegate_counter counter,
                                      uint64_t **out_word);

/**
 * Opens the operation with this name and these labels, and makes it if need be.
 *
 * An operation counts calls with how long they took, how they ended and with
 * which error code: one call of tidegate_operation_record() for each. From that
 * come rate, success ratio, error rate, quantiles, a breakdown by error code,
 * and the slowest calls.
 *
 * Options are those of tidegate_histogram_open(), and `"slow_seconds"`: calls
 * that take longer are counted as slow. Its unit is seconds; `outcome` and
 * `code` are labels of its own. In Prometheus, `db.query` is the histogram
 * db_query_seconds and the counters db_query_outcomes_total,
 * db_query_errors_total and db_query_slow_calls_total.
 *
 * @param engine         An open engine.
 * @param name           The name.
 * @param options_json   A JSON object, or NULL. Copied.
 * @param out_operation  Receives the id. Nothing to free.
 *
 * @return As tidegate_histogram_open(); TIDEGATE_E_CONFLICT also when the name
 *         exists with another `slow_seconds`.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_operation_open(tidegate_engine *engine,
                                        const char *name,
                                        const char *options_json,
                                        tidegate_operation *out_operation);

/**
 * Records one call of an operation: how long it took, how it ended, and why.
 *
 * Sixteen distinct error codes are told apart for each operation; further ones
 * are counted together, as the code `other`. What is longer than 64 bytes is
 * cut.
 *
 * @param engine      An open engine.
 * @param operation   From tidegate_operation_open() on the same region.
 * @param seconds     How long it took. Finite, at least 0.
 * @param outcome     How it ended.
 * @param error_code  Why it failed or was ignored: few different ones, such as
 *                    "timeout" or "E1234". NULL or empty for none, as it must
 *                    be for a success.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, seconds is NaN, infinite or
 *                              negative (counted as dropped), outcome is none,
 *                              a success has an error code, or that is not
 *                              UTF-8;
 *         TIDEGATE_E_STALE     the operation is not one of this engine;
 *         TIDEGATE_E_CAPACITY  the region had no room for its very first call;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_operation_record(tidegate_engine *engine,
                                          tidegate_operation operation,
                                          double seconds,
                                          tidegate_outcome outcome,
                                          const char *error_code);

/**
 * Records one call of an operation, with what else is known of it.
 *
 * Each text may be NULL or empty for none, and is cut between characters when
 * it is too long.
 *
 * @param engine      An open engine.
 * @param operation   From tidegate_operation_open() on the same region.
 * @param seconds     How long it took. Finite, at least 0.
 * @param outcome     How it ended.
 * @param error_code  As for tidegate_operation_record().
 * @param message     Why it failed or was ignored: the last one is kept with
 *                    its error code. 192 bytes.
 * @param detail      What it was about: kept while it is among the slowest
 *                    calls of the window, or ever. 128 bytes.
 * @param trace_id    Its trace: kept with the detail, and as an example of the
 *                    operation's latency. 64 bytes.
 *
 * @return As tidegate_operation_record().
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_operation_record_detail(tidegate_engine *engine,
                                                 tidegate_operation operation,
                                                 double seconds,
                                                 tidegate_outcome outcome,
                                                 const char *error_code,
                                                 const char *message,
                                                 const char *detail,
                                                 const char *trace_id);

/**
 * Says when a call of an operation begins, for tidegate_operation_end().
 *
 * Nothing is kept: a call that never ends leaves nothing behind.
 *
 * @param engine          An open engine.
 * @param operation       From tidegate_operation_open() on the same region.
 * @param out_started_ns  Receives the time, in nanoseconds of the region's
 *                        clock.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the operation is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_operation_begin(tidegate_engine *engine,
                                         tidegate_operation operation,
                                         uint64_t *out_started_ns);

/**
 * Records a call that began when tidegate_operation_begin() said, and ends now.
 *
 * @param engine      An open engine.
 * @param operation   From tidegate_operation_open() on the same region.
 * @param started_ns  From tidegate_operation_begin() on the same region.
 * @param outcome     How it ended.
 * @param error_code  As for tidegate_operation_record().
 *
 * @return As tidegate_operation_record(); TIDEGATE_E_ARGUMENT also when
 *         `started_ns` is later than now.
 *
 * Threads: any, also another one than began it. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_operation_end(tidegate_engine *engine,
                                       tidegate_operation operation,
                                       uint64_t started_ns,
                                       tidegate_outcome outcome,
                                       const char *error_code);

/**
 * Reads what the calls of an operation were.
 *
 * A window is right to one time slot, a sixth of the configured window; its
 * counts and its quantiles are of the same time.
 *
 * @param engine          An open engine, also an observer.
 * @param operation       From tidegate_operation_open() on the same region.
 * @param window_seconds  The last so many seconds, at most the configured
 *                        `window_seconds`; 0 for all since it was made.
 * @param out_reading     Receives the reading.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or the window is longer than
 *                              is kept;
 *         TIDEGATE_E_STALE     the operation is not one of this engine.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_operation_read(tidegate_engine *engine,
                                        tidegate_operation operation,
                                        double window_seconds,
                                        tidegate_operation_reading *out_reading);

/**
 * Opens the ratio with this name and these labels, and makes it if need be.
 *
 * Options are those of tidegate_counter_open(); `result` is a label of its own.
 * In Prometheus, `cache` is the counter cache_total with result="hit" and
 * result="miss".
 *
 * @param engine        An open engine.
 * @param name          The name.
 * @param options_json  A JSON object, or NULL. Copied.
 * @param out_ratio     Receives the id. Nothing to free.
 *
 * @return As tidegate_counter_open().
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_ratio_open(tidegate_engine *engine,
                                    const char *name,
                                    const char *options_json,
                                    tidegate_ratio *out_ratio);

/**
 * Counts hits and misses.
 *
 * @param engine  An open engine.
 * @param ratio   From tidegate_ratio_open() on the same region.
 * @param hits    How often it was there.
 * @param misses  How often it was not.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STALE     the ratio is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_ratio_record(tidegate_engine *engine,
                                      tidegate_ratio ratio,
                                      uint64_t hits,
                                      uint64_t misses);

/**
 * Reads a ratio.
 *
 * @param engine          An open engine, also an observer.
 * @param ratio           From tidegate_ratio_open() on the same region.
 * @param window_seconds  The last so many seconds, at most the configured
 *                        `window_seconds`; 0 for all since it was made.
 * @param out_hits        Receives the hits, or NULL.
 * @param out_misses      Receives the misses, or NULL.
 * @param out_ratio       Receives hits among all, NaN without any; or NULL.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or the window is longer than is
 *                              kept;
 *         TIDEGATE_E_STALE     the ratio is not one of this engine.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_ratio_read(tidegate_engine *engine,
                                    tidegate_ratio ratio,
                                    double window_seconds,
                                    uint64_t *out_hits,
                                    uint64_t *out_misses,
                                    double *out_ratio);

/**
 * Sets the labels of the info metric `name`, such as a version or a build, and
 * makes it if need be. What it said before is replaced; the last one wins.
 *
 * In Prometheus, `build` is the gauge build_info, which is always 1.
 *
 * @param engine       An open engine.
 * @param name         The name.
 * @param labels_json  A JSON object of strings, such as `{"version":"1.2"}`, at
 *                     most 2,048 bytes. Copied.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, a text is not UTF-8, the name
 *                              or a label is not legal, or all of them are too
 *                              long;
 *         TIDEGATE_E_CONFIG    the labels are no JSON object of strings;
 *         TIDEGATE_E_CONFLICT  the name exists with another kind;
 *         TIDEGATE_E_CAPACITY  the region has no room for another name;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_info_set(tidegate_engine *engine,
                                  const char *name,
                                  const char *labels_json);

/**
 * Opens the enum with this name and these labels, and makes it if need be. It
 * begins in its first state.
 *
 * Options are those of tidegate_counter_open(), and `"states"`, a list of 1 to
 * 64 different texts of at most 128 bytes, which must be given. In Prometheus
 * each state is a sample, 1 for the current one and 0 for the others, with a
 * label named as the metric.
 *
 * @param engine        An open engine.
 * @param name          The name.
 * @param options_json  A JSON object. Copied.
 * @param out_enum      Receives the id. Nothing to free.
 *
 * @return As tidegate_counter_open(); TIDEGATE_E_CONFLICT also when the name
 *         exists with other states.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_enum_open(tidegate_engine *engine,
                                   const char *name,
                                   const char *options_json,
                                   tidegate_enum *out_enum);

/**
 * Says which state an enum is in now.
 *
 * @param engine       An open engine.
 * @param enumeration  From tidegate_enum_open() on the same region.
 * @param state        One of its states.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or state is none of its
 *                              states;
 *         TIDEGATE_E_STALE     the enum is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes; the last one wins. Blocks: never.
 * Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_enum_set(tidegate_engine *engine,
                                  tidegate_enum enumeration,
                                  const char *state);

/**
 * Counts an error in the region's log of distinct errors: what happened, how
 * often, when first and last, and which process said so last.
 *
 * 128 distinct ones are told apart, by code and text together; further ones are
 * only counted. So the text is what errors of one cause have in common, without
 * ids or times.
 *
 * @param engine  An open engine.
 * @param code    What went wrong, in a word; not empty. Cut to 64 bytes.
 * @param text    The same in a sentence, or NULL. Cut to 192 bytes.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine or code is NULL, code is empty, or a text
 *                              is not UTF-8;
 *         TIDEGATE_E_CAPACITY  the region has no room for the log;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_error_report(tidegate_engine *engine,
                                      const char *code,
                                      const char *text);

/**
 * Opens the limiter `name`, and makes it if need be.
 *
 * One limiter is shared by every process of the region. A limiter that exists
 * keeps its state. A configuration is one of:
 *
 * `{"algorithm":"token_bucket","rate_per_second":100,"burst":200}`: at most
 * burst + rate * t units in any interval of length t. With
 * `"warm_up_seconds":10` (0 to 3600) a bucket that was at rest begins slowly: its
 * heat rises from 0 to 1 in that time while it lacks anything, and falls as fast
 * while it is full. A call passes when it would without a warm-up, but takes
 * 3 - 2 * heat times its units, and those after it wait for that: a cold bucket
 * gives a third of its rate, and calls for one unit a third of its burst at once.
 * Its time is counted in steps of a 1,024th of a unit's, down to a 16th where the
 * units of a warm-up and four bursts are many: 2,097,151 at most.
 *
 * `{"algorithm":"sliding_window","limit":60,"window_seconds":60}`: never more
 * than limit units in any interval of that length.
 *
 * `{"algorithm":"fixed_window","limit":60,"window_seconds":60}`: at most limit
 * units in each window; windows begin at multiples of their length in region
 * time, so twice the limit can come around the edge of two.
 *
 * `{"preset":"standard"}`: a sliding window: strict 10 in 60 s, standard 60 in
 * 60 s, relaxed 300 in 60 s, api 1000 in 3600 s, auth 5 in 900 s.
 *
 * With each of them: `"keyed":true` for a limit per key, `"max_keys"` that are
 * active within a window, and `"when_full"`: `"deny"` (the default), `"allow"`
 * or `"evict"`. A key's memory is reused without loss as soon as its limit is
 * full again. With `"shadow":true` denials are counted, and everything passes.
 *
 * A limiter with keys also takes `"allow"` and `"deny"`, lists of keys that are
 * always admitted or never: they count when the limiter is made, and later
 * openings leave what tidegate_limiter_allow() has changed since. And `"plans"`;
 * see tidegate_limiter_set_plan(). With
 * `"record_keys"` it counts what its keys do; see tidegate_limiter_top().
 *
 * @param engine       An open engine.
 * @param name         The name; the rules are those of metrics.
 * @param config_json  A JSON object; NULL for a limiter that must exist.
 * @param out_limiter  Receives the id. Nothing to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT   a pointer is NULL, or the name is not legal;
 *         TIDEGATE_E_CONFIG     a field is unknown, mistyped or impossible;
 *         TIDEGATE_E_NOT_FOUND  config_json is NULL, and there is none of this
 *                               name;
 *         TIDEGATE_E_CONFLICT   it exists with another configuration;
 *         TIDEGATE_E_CAPACITY   the region has no room for it;
 *         TIDEGATE_E_STATE      the engine is an observer.
 *
 * Threads: any. Blocks: briefly, while another process makes a limiter.
 * Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_limiter_open(tidegate_engine *engine,
                                      const char *name,
                                      const char *config_json,
                                      tidegate_limiter *out_limiter);

/**
 * Takes `cost` units for `key` now, or takes none.
 *
 * Never waits: when the answer is no, the caller decides whether to wait. A
 * denied check changes nothing.
 *
 * @param engine        An open engine.
 * @param limiter       From tidegate_limiter_open() on the same region.
 * @param key           Who is asking: any bytes. NULL for a limiter without
 *                      keys. Only a keyed hash of it is kept.
 * @param key_length    Bytes in `key`; 0 when it is NULL.
 * @param cost          Units to take; at least 1.
 * @param out_decision  Receives what is left and how long to wait. May be NULL.
 *
 * @return TIDEGATE_OK when admitted, TIDEGATE_DENIED when not, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, cost is 0, or there is a key
 *                              where none belongs or none where one does;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_RANGE     cost exceeds the burst or limit: it can never
 *                              pass;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_limiter_check(tidegate_engine *engine,
                                       tidegate_limiter limiter,
                                       const char *key,
                                       size_t key_length,
                                       uint32_t cost,
                                       tidegate_decision *out_decision);

/**
 * Takes one unit of the limiter `limiter` for `key` now, or none; by name, for
 * callers who keep no ids.
 *
 * @param engine      An open engine.
 * @param limiter     The name of a limiter that exists.
 * @param key         Who is asking: any bytes. NULL for a limiter without keys.
 * @param key_length  Bytes in `key`; 0 when it is NULL.
 *
 * @return TIDEGATE_OK when admitted, TIDEGATE_DENIED when not, or
 *         TIDEGATE_E_ARGUMENT   engine or limiter is NULL, or there is a key
 *                               where none belongs or none where one does;
 *         TIDEGATE_E_NOT_FOUND  there is no such limiter;
 *         TIDEGATE_E_STATE      the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_allow_request(tidegate_engine *engine,
                                       const char *limiter,
                                       const char *key,
                                       size_t key_length);

/**
 * Takes the units of several limits as one decision: all, or none.
 *
 * For limits per user, tenant and address: when one of them denies, the others
 * have lost nothing, also when several threads and processes ask at once. A
 * process that is killed in the middle leaves at most the units of this one
 * call taken, as if it had been admitted.
 *
 * @param engine        An open engine.
 * @param requests      The limits; one limiter may come twice.
 * @param count         How many; 1 to 16.
 * @param out_refused   Receives the number of the request that denied, from 0;
 *                      `count` when all admitted. May be NULL.
 * @param out_decision  Receives the numbers of the limit that denied, or of the
 *                      one with the smallest part left. May be NULL.
 *
 * @return TIDEGATE_OK when all admitted, TIDEGATE_DENIED when one did not, or
 *         TIDEGATE_E_ARGUMENT  engine or requests is NULL, count or a cost is
 *                              out of range, or there is a key where none
 *                              belongs or none where one does;
 *         TIDEGATE_E_STALE     a limiter is not one of this engine;
 *         TIDEGATE_E_RANGE     a cost exceeds its burst or limit;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *         After an error nothing is taken.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_limiter_check_all(tidegate_engine *engine,
                                           const tidegate_limiter_request *requests,
                                           size_t count,
                                           size_t *out_refused,
                                           tidegate_decision *out_decision);

/**
 * Says what a check would be answered now, and changes nothing.
 *
 * A key that the limiter does not know has its whole limit.
 *
 * @param engine        An open engine, also an observer.
 * @param limiter       From tidegate_limiter_open() on the same region.
 * @param key           Who would be asking. NULL for a limiter without keys.
 * @param key_length    Bytes in `key`; 0 when it is NULL.
 * @param cost          Units that would be taken; at least 1.
 * @param out_decision  Receives what is left, before anything is taken.
 *
 * @return TIDEGATE_OK when it would be admitted, TIDEGATE_DENIED when not, or
 *         TIDEGATE_E_ARGUMENT  engine or out_decision is NULL, cost is 0, or
 *                              there is a key where none belongs or none where
 *                              one does;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_RANGE     cost exceeds the burst or limit.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_limiter_peek(tidegate_engine *engine,
                                      tidegate_limiter limiter,
                                      const char *key,
                                      size_t key_length,
                                      uint32_t cost,
                                      tidegate_decision *out_decision);

/**
 * Takes `cost` units for `key` as soon as they are there, and says when.
 *
 * The units are yours after the wait, whatever others do; give them back with
 * tidegate_limiter_refund() if you do not use them. To pace calls, reserve each
 * one and sleep for as long as it says.
 *
 * @param engine       An open engine.
 * @param limiter      From tidegate_limiter_open() on the same region.
 * @param key          Who is asking: any bytes. NULL for a limiter without
 *                     keys.
 * @param key_length   Bytes in `key`; 0 when it is NULL.
 * @param cost         Units to take; at least 1.
 * @param max_wait_ns  The longest wait that is worth it; 0 for none.
 * @param out_wait_ns  Receives the wait; when denied, the one that would have
 *                     been necessary.
 *
 * @return TIDEGATE_OK when they are taken, TIDEGATE_DENIED when the wait were
 *         longer (then nothing is taken), or
 *         TIDEGATE_E_ARGUMENT  engine or out_wait_ns is NULL, cost is 0, or
 *                              there is a key where none belongs or none where
 *                              one does;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_RANGE     cost exceeds the burst or limit: no wait is long
 *                              enough;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_limiter_reserve(tidegate_engine *engine,
                                         tidegate_limiter limiter,
                                         const char *key,
                                         size_t key_length,
                                         uint32_t cost,
                                         uint64_t max_wait_ns,
                                         uint64_t *out_wait_ns);

/**
 * Gives `cost` units back to `key`: a call that was not made, or a reservation
 * that is not used.
 *
 * At most what was taken comes back. A token bucket, and a fixed window while
 * it lasts, are then as if the units had never been taken. A sliding window up
 * to 64 gives back those that would have come back first, so it never exceeds
 * its limit; above 64 those that were taken last: if others took units between
 * the check and its refund, a window can hold as many too many as were refunded
 * in it.
 *
 * @param engine      An open engine.
 * @param limiter     From tidegate_limiter_open() on the same region.
 * @param key         Whose units. NULL for a limiter without keys.
 * @param key_length  Bytes in `key`; 0 when it is NULL.
 * @param cost        Units; at least 1.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, cost is 0, or there is a key
 *                              where none belongs or none where one does;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_limiter_refund(tidegate_engine *engine,
                                        tidegate_limiter limiter,
                                        const char *key,
                                        size_t key_length,
                                        uint32_t cost);

/**
 * Takes `cost` units away from `key`, as far as it has any.
 *
 * For calls that turn out to cost more, and for those who misbehave. Nobody
 * gets below nothing; to deny for longer, use tidegate_limiter_block().
 *
 * @param engine      An open engine.
 * @param limiter     From tidegate_limiter_open() on the same region.
 * @param key         Whose units. NULL for a limiter without keys.
 * @param key_length  Bytes in `key`; 0 when it is NULL.
 * @param cost        Units; at least 1.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, cost is 0, or there is a key
 *                              where none belongs or none where one does;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_limiter_penalize(tidegate_engine *engine,
                                          tidegate_limiter limiter,
                                          const char *key,
                                          size_t key_length,
                                          uint32_t cost);

/**
 * Denies everything to `key` for a while, whatever units it has.
 *
 * Every process sees it at once. The end is rounded up to 64 ns.
 *
 * @param engine      An open engine.
 * @param limiter     From tidegate_limiter_open() on the same region.
 * @param key         Which key. NULL for a limiter without keys: everybody.
 * @param key_length  Bytes in `key`; 0 when it is NULL.
 * @param for_ns      How long from now; 0 ends a block, UINT64_MAX never ends.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or there is a key
 *                              where none belongs or none where one does;
 *         TIDEGATE_E_CAPACITY  there is no room for rules of another key: 4096
 *                              keys, or max_keys if that is less;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_limiter_block(tidegate_engine *engine,
                                       tidegate_limiter limiter,
                                       const char *key,
                                       size_t key_length,
                                       uint64_t for_ns);

/**
 * Puts `key` on the list of those who are always admitted, or always denied,
 * or takes it off.
 *
 * A key that is always admitted is not counted against its limit. A key that is
 * always denied is told to wait for UINT64_MAX nanoseconds.
 *
 * @param engine      An open engine.
 * @param limiter     From tidegate_limiter_open() on the same region.
 * @param key         Which key. NULL for a limiter without keys: everybody.
 * @param key_length  Bytes in `key`; 0 when it is NULL.
 * @param list        One of the TIDEGATE_LIST_ values.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, the list is unknown, or there is a key
 *                              where none belongs or none where one does;
 *         TIDEGATE_E_CAPACITY  there is no room for rules of another key: 4096
 *                              keys, or max_keys if that is less;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_limiter_allow(tidegate_engine *engine,
                                       tidegate_limiter limiter,
                                       const char *key,
                                       size_t key_length,
                                       int32_t list);

/**
 * Puts `key` on a plan: another limit of the same limiter.
 *
 * Plans stand in the limiter's configuration, each with the fields of an
 * algorithm: `"plans":{"pro":{"algorithm":"token_bucket","rate_per_second":100,
 * "burst":500}}`. A key that is put on a plan begins with its whole limit, and
 * decisions have the plan's numbers. In snapshots a plan is a limiter of its
 * own, called `limiter/plan`; its checks are counted for the limiter.
 *
 * @param engine      An open engine.
 * @param limiter     From tidegate_limiter_open(): a limiter with keys.
 * @param key         Which key.
 * @param key_length  Bytes in `key`.
 * @param plan        Name of the plan; NULL for the limiter's own limit again.
 *
 * @return TIDEGATE_OK, TIDEGATE_E_NOT_FOUND when the limiter has no such plan, or
 *         an error of tidegate_limiter_allow().
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_limiter_set_plan(tidegate_engine *engine,
                                          tidegate_limiter limiter,
                                          const char *key,
                                          size_t key_length,
                                          const char *plan);

/**
 * Writes the keys that use a limiter most, or are denied most, as a JSON array:
 * `[{"key":"192.0.2.0/24","used":120,"denied":3,"error_bound":0}]`.
 *
 * Only of limiters with `"record_keys"`, which says what is written down of a
 * key: `"hash"`, a fingerprint that is the same for one key of one region;
 * `"ip"`, the network of 24 bits (IPv4) or 48 (IPv6); `"email"`, the first
 * letter and the domain; `"token"`, four characters of at least eight;
 * `"plain"`, the key, cut at 64 bytes, in hex if it is not UTF-8. A key that is
 * not what it should be is written as its fingerprint. Keys are counted whole,
 * so two may look the same.
 *
 * 64 keys are counted at once for each of the two orders. The number that the
 * list is ordered by is never below the truth since the limiter was made, and
 * above it by at most `"error_bound"`; the other number is an estimate too, 0 if
 * the key is not among the 64 of that order. What was refunded stays counted.
 * In shadow mode, what would have been denied is.
 *
 * @param engine      An open engine, also an observer.
 * @param limiter     From tidegate_limiter_open(): one that records keys.
 * @param by          One of the TIDEGATE_TOP_ values.
 * @param count       Most keys to write; at least 1. There are at most 64.
 * @param buffer      Receives the text, UTF-8, without a final NUL. May be NULL
 *                    only if `capacity` is 0.
 * @param capacity    Bytes that `buffer` can hold; 0 only asks for the length,
 *                    which may be another at the next call. 65536 always do.
 * @param out_length  Receives the bytes needed, also when they did not fit.
 *
 * @return TIDEGATE_OK, also for capacity 0, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, the order is unknown, count is
 *                              0, or the limiter records no keys;
 *         TIDEGATE_E_SPACE     capacity is too small; buffer is untouched;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine.
 *
 * Threads: any. Blocks: never; allocates. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_limiter_top(tidegate_engine *engine,
                                     tidegate_limiter limiter,
                                     uint32_t by,
                                     size_t count,
                                     char *buffer,
                                     size_t capacity,
                                     size_t *out_length);

/**
 * Gives a limiter that exists new numbers; its state is kept.
 *
 * Every process sees all of the change at once. Units that were taken stay
 * taken: a larger burst or limit gives the difference at once, a smaller one
 * takes it away, and what a key has taken beyond it must come back first. While
 * it happens nobody gets more than the larger of both policies allows; calls
 * that are under way decide by one of the two. Opening the limiter from then on
 * takes the new configuration. The same configuration again changes nothing.
 *
 * Of a token bucket, rate and burst change; a rate as much as some ten thousand
 * times the first one may be refused. A warm-up changes where there was one from
 * the beginning, if of 0 seconds; its heat is kept in units, so at twice the rate
 * a bucket is half as hot. Of a sliding window, the limit changes up
 * to that which it was made with, and down to 1; where that is above 64, down to
 * a quarter of it, and not to 64; the window changes, with keys only to a
 * shorter one. Of a fixed window, the limit changes: up to 16,777,213, or as
 * many bits as it was made with. Plans in the configuration are made, or change
 * in the same way, each at one moment of its own before the limiter does; lists
 * are added to. What else a limiter was made with stays: max_keys, when_full,
 * shadow, record_keys. A limiter that was changed takes the way of checks that
 * are not plain, some tens of nanoseconds longer. Each change is an event.
 *
 * @param engine       An open engine.
 * @param limiter      From tidegate_limiter_open() on the same region.
 * @param config_json  The whole new configuration, as tidegate_limiter_open()
 *                     takes it.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine or config_json is NULL;
 *         TIDEGATE_E_CONFIG    a field is unknown, mistyped or impossible;
 *         TIDEGATE_E_CONFLICT  it is of another algorithm, or keyed and the
 *                              other not;
 *         TIDEGATE_E_STATE     the state cannot be kept under the new numbers:
 *                              the sentence says why; or the engine is an
 *                              observer;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_CAPACITY  the region has no room: each change takes 72
 *                              bytes, the first one 144.
 *         After any but the last nothing is changed. A process that is killed
 *         here leaves each of limiter and plans as it was, or as it should be.
 *
 * Threads: any, also other processes. Blocks: never; allocates. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_limiter_reconfigure(tidegate_engine *engine,
                                             tidegate_limiter limiter,
                                             const char *config_json);

/**
 * Writes the HTTP fields of a decision, each as a line `Name: value` that ends
 * with CR LF.
 *
 * The current draft of the IETF: `RateLimit-Policy: "api";q=200;w=2` and
 * `RateLimit: "api";r=12;t=1`, with the limiter's name. Seconds are rounded up.
 * `Retry-After`, at least 1, comes with every denial.
 *
 * @param engine      An open engine, also an observer.
 * @param limiter     The limiter that decided.
 * @param decision    What it said.
 * @param verdict     TIDEGATE_OK or TIDEGATE_DENIED, as the check returned.
 * @param style       One of the TIDEGATE_HEADERS_ values.
 * @param buffer      Receives the text, without a final NUL. May be NULL only
 *                    if `capacity` is 0.
 * @param capacity    Bytes that `buffer` can hold; 0 only asks for the length.
 * @param out_length  Receives the bytes needed, also when they did not fit.
 *
 * @return TIDEGATE_OK, also for capacity 0, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or the verdict or the style
 *                              is none;
 *         TIDEGATE_E_SPACE     capacity is too small; buffer is untouched;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine.
 *
 * Threads: any. Blocks: never; allocates. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_limiter_headers(tidegate_engine *engine,
                                         tidegate_limiter limiter,
                                         const tidegate_decision *decision,
                                         tidegate_status verdict,
                                         uint32_t style,
                                         char *buffer,
                                         size_t capacity,
                                         size_t *out_length);

/**
 * Writes the body of a response with status 429, application/problem+json: a
 * registered type, a sentence, and the limiter's name in `violated-policies`.
 *
 * @param engine      An open engine, also an observer.
 * @param limiter     The limiter that denied.
 * @param decision    What it said.
 * @param buffer      Receives the text, UTF-8, without a final NUL. May be NULL
 *                    only if `capacity` is 0.
 * @param capacity    Bytes that `buffer` can hold; 0 only asks for the length.
 * @param out_length  Receives the bytes needed, also when they did not fit.
 *
 * @return TIDEGATE_OK, also for capacity 0, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_SPACE     capacity is too small; buffer is untouched;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine.
 *
 * Threads: any. Blocks: never; allocates. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_limiter_problem(tidegate_engine *engine,
                                         tidegate_limiter limiter,
                                         const tidegate_decision *decision,
                                         char *buffer,
                                         size_t capacity,
                                         size_t *out_length);

/**
 * Opens the breaker `name`, and makes it if need be.
 *
 * One breaker is shared by every process of the region. A breaker that exists
 * keeps its state. It is closed until, over the window and with at least
 * `minimum_calls` reports, failures reach `failure_rate` or slow calls
 * `slow_call_rate`; then open for `open_seconds`, then half-open: exactly
 * `half_open_calls` probes go through, and if `half_open_successes` of them come
 * back good it closes with an empty window. It opens again as soon as they no
 * longer can. A slow probe is not good.
 *
 * The configuration is a JSON object; every field may be left out:
 *
 * `"failure_rate":0.5`, above 0 and up to 1; without a rate if only
 * `"consecutive_failures"` is given. `"slow_call_seconds"`: a call that takes
 * longer is slow; `"slow_call_rate":1`. `"minimum_calls":20`.
 * `"window":{"seconds":10}`, right to a tenth, or `{"calls":100}`.
 *
 * `"open_seconds":30`, times `"open_growth":1` for each time that it opens again,
 * up to `"open_max_seconds":300`; it takes one step back for each time that it
 * stays closed as long as it last was open. `"open_jitter":0` is the part of
 * that time which may be added by chance.
 *
 * `"half_open_calls":3`, `"half_open_successes"` (all of them),
 * `"permit_timeout_seconds":60`: a probe that is not back by then has failed; one
 * whose process died is given out again. `"ramp_seconds":0`: after closing, calls
 * come back over this time, from a tenth of them to all.
 *
 * `"initial":"closed"`, `"open"`, `"disabled"`, `"forced_open"`,
 * `"forced_closed"` or `"metrics_only"`. `"shadow":true` counts what it would
 * deny, and lets it pass.
 *
 * @param engine       An open engine.
 * @param name         The name; the rules are those of metrics.
 * @param config_json  A JSON object; NULL for a breaker that must exist.
 * @param out_breaker  Receives the id. Nothing to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT   a pointer is NULL, or the name is not legal;
 *         TIDEGATE_E_CONFIG     a field is unknown, mistyped or impossible;
 *         TIDEGATE_E_NOT_FOUND  config_json is NULL, and there is none of this
 *                               name;
 *         TIDEGATE_E_CONFLICT   it exists with another configuration;
 *         TIDEGATE_E_CAPACITY   the region has no room for it;
 *         TIDEGATE_E_STATE      the engine is an observer.
 *
 * Threads: any. Blocks: briefly, while another process makes a guard.
 * Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_breaker_open(tidegate_engine *engine,
                                      const char *name,
                                      const char *config_json,
                                      tidegate_breaker *out_breaker);

/**
 * Asks whether a call may go on.
 *
 * @param engine      An open engine.
 * @param breaker     From tidegate_breaker_open() on the same region.
 * @param out_permit  Receives the permit, which is given back exactly once with
 *                    tidegate_breaker_report(), from any thread or process.
 *                    Not written when denied.
 *
 * @return TIDEGATE_OK when the call may go on, TIDEGATE_DENIED when not, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the breaker is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_breaker_acquire(tidegate_engine *engine,
                                         tidegate_breaker breaker,
                                         uint64_t *out_permit);

/**
 * Gives a permit back, with what happened.
 *
 * A permit from before a change of state is taken, and does not count. A second
 * report of a permit is refused as long as its CPU has not seen 64 others since;
 * that of a probe, always, as long as the breaker is half-open.
 *
 * @param engine   An open engine.
 * @param breaker  From tidegate_breaker_open() on the same region.
 * @param permit   From tidegate_breaker_acquire() of the same breaker.
 * @param outcome  How the call ended. TIDEGATE_OUTCOME_IGNORED counts as neither
 *                 success nor failure; a probe that is ignored may be given out
 *                 again.
 * @param seconds  How long the call took: finite, at least 0.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or outcome or seconds is none;
 *         TIDEGATE_E_STALE     the breaker is not one of this engine, or did not
 *                              give out this permit;
 *         TIDEGATE_E_STATE     the permit was already reported, or the engine is
 *                              an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_breaker_report(tidegate_engine *engine,
                                        tidegate_breaker breaker,
                                        uint64_t permit,
                                        tidegate_outcome outcome,
                                        double seconds);

/**
 * Tells where a breaker is.
 *
 * An open breaker whose time is over stays open until somebody asks for a
 * permit. Probes that are not back in time are given up now.
 *
 * @param engine     An open engine; an observer will do.
 * @param breaker    From tidegate_breaker_open() on the same region.
 * @param out_phase  Receives one of TIDEGATE_BREAKER_.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the breaker is not one of this engine.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_breaker_state(tidegate_engine *engine,
                                       tidegate_breaker breaker,
                                       tidegate_breaker_phase *out_phase);

/**
 * Puts a breaker where somebody wants it.
 *
 * @param engine   An open engine.
 * @param breaker  From tidegate_breaker_open() on the same region.
 * @param mode     TIDEGATE_BREAKER_CLOSED: as new, and by its rules again. _OPEN:
 *                 as if it had tripped now. _HALF_OPEN: probes now. _FORCED_OPEN,
 *                 _DISABLED, _FORCED_CLOSED, _METRICS_ONLY: so until it is put
 *                 elsewhere. Permits that are out do not count any more.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or there is no such mode;
 *         TIDEGATE_E_STALE     the breaker is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_breaker_set_mode(tidegate_engine *engine,
                                          tidegate_breaker breaker,
                                          tidegate_breaker_phase mode);

/**
 * Tells what a breaker is, what it sees, and why it last opened.
 *
 * @param engine       An open engine; an observer will do.
 * @param breaker      From tidegate_breaker_open() on the same region.
 * @param out_reading  Receives it.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the breaker is not one of this engine.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_breaker_read(tidegate_engine *engine,
                                      tidegate_breaker breaker,
                                      tidegate_breaker_reading *out_reading);

/**
 * Opens the throttle `name`, and makes it if need be.
 *
 * A throttle rejects calls at the client, the more of them the more of the last
 * ones failed. With n calls in the window, s of which succeeded, the next one is
 * rejected with the probability
 * max(0, (n - s / success_threshold) / (n + 1)) ^ (1 / aggression). Rejected calls
 * are not in n. It is shared by every process of the region.
 *
 * The configuration is a JSON object; every field may be left out:
 * `"window_seconds":30`, right to a tenth, `"success_threshold":0.95`,
 * `"aggression":1`, `"minimum_rps":0` (with fewer calls a second none is
 * rejected), `"max_rejection":0.8`, `"seed"` (a whole number, for tests that
 * repeat), `"shadow":true` (counts what it would reject, and lets it pass).
 *
 * @param engine        An open engine.
 * @param name          The name; the rules are those of metrics.
 * @param config_json   A JSON object; NULL for a throttle that must exist.
 * @param out_throttle  Receives the id. Nothing to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT   a pointer is NULL, or the name is not legal;
 *         TIDEGATE_E_CONFIG     a field is unknown, mistyped or impossible;
 *         TIDEGATE_E_NOT_FOUND  config_json is NULL, and there is none of this
 *                               name;
 *         TIDEGATE_E_CONFLICT   it exists with another configuration;
 *         TIDEGATE_E_CAPACITY   the region has no room for it;
 *         TIDEGATE_E_STATE      the engine is an observer.
 *
 * Threads: any. Blocks: briefly, while another process makes a guard.
 * Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_throttle_open(tidegate_engine *engine,
                                       const char *name,
                                       const char *config_json,
                                       tidegate_throttle *out_throttle);

/**
 * Asks whether a call may go on. There is nothing to give back; tell how the call
 * ended with tidegate_throttle_report().
 *
 * @param engine    An open engine.
 * @param throttle  From tidegate_throttle_open() on the same region.
 *
 * @return TIDEGATE_OK when the call may go on, TIDEGATE_DENIED when not, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STALE     the throttle is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_throttle_acquire(tidegate_engine *engine,
                                          tidegate_throttle throttle);

/**
 * Tells how a call ended that a throttle let go on.
 *
 * @param engine    An open engine.
 * @param throttle  From tidegate_throttle_open() on the same region.
 * @param outcome   How the call ended; TIDEGATE_OUTCOME_IGNORED counts as nothing.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or outcome is none;
 *         TIDEGATE_E_STALE     the throttle is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_throttle_report(tidegate_engine *engine,
                                         tidegate_throttle throttle,
                                         tidegate_outcome outcome);

/**
 * Opens the bulkhead `name`, and makes it if need be: so many calls may be
 * inside at once, those of all processes of the region together.
 *
 * `{"max_concurrent":20}`: so many. With `"keyed":true` so many of each key; room
 * is made for `"max_keys"` (1000) that have all their calls inside.
 *
 * `{"adaptive":{"algorithm":"gradient"}}`: as many as measurements say is good,
 * from `"initial"` (20), between `"min"` and `"max"`. `"aimd"` (20 to 200) adds
 * one while calls succeed and takes a tenth away when one fails or is slower
 * than `"timeout_seconds"` (5); its `"backoff_ratio"` is 0.9. `"gradient"` (20
 * to 200) compares latency with its long-term mean: `"smoothing"` (0.2),
 * `"queue_size"` (4), `"long_window"` (600), `"rtt_tolerance"` (1.5). `"vegas"`
 * (1 to 1000) compares it with latency without load: `"smoothing"` (1),
 * `"probe_multiplier"` (30). The latter two judge windows of
 * `"window_seconds"` (1) and at least `"window_samples"` (10). Calls are told
 * to tidegate_bulkhead_leave_with().
 *
 * With each: `"permit_timeout_seconds"`, after which a permit is taken from its
 * holder when somebody else wants to enter; and `"shadow":true` to count what
 * would be denied, and let it pass.
 *
 * @param engine        An open engine.
 * @param name          The name; the rules are those of metrics.
 * @param config_json   A JSON object; NULL for a bulkhead that must exist.
 * @param out_bulkhead  Receives the id. Nothing to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT   a pointer is NULL, or the name is not legal;
 *         TIDEGATE_E_CONFIG     a field is unknown, mistyped or impossible;
 *         TIDEGATE_E_NOT_FOUND  config_json is NULL, and there is none of this
 *                               name;
 *         TIDEGATE_E_CONFLICT   it exists with another configuration;
 *         TIDEGATE_E_CAPACITY   the region has no room for it;
 *         TIDEGATE_E_STATE      the engine is an observer.
 *
 * Threads: any. Blocks: briefly, while another process makes a guard.
 * Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_bulkhead_open(tidegate_engine *engine,
                                       const char *name,
                                       const char *config_json,
                                       tidegate_bulkhead *out_bulkhead);

/**
 * Goes in, if there is room.
 *
 * Never waits: whoever is denied decides whether to try again. The permit is
 * the caller's process' until tidegate_bulkhead_leave(), which any thread and
 * any process may call. The permits of a process that ended come back by
 * themselves to the next caller who finds the bulkhead full.
 *
 * @param engine      An open engine.
 * @param bulkhead    From tidegate_bulkhead_open() on the same region.
 * @param out_permit  Receives the permit, which is never 0. Untouched when
 *                    denied.
 *
 * @return TIDEGATE_OK when inside, TIDEGATE_DENIED when there is no room, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the bulkhead is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_bulkhead_enter(tidegate_engine *engine,
                                        tidegate_bulkhead bulkhead,
                                        uint64_t *out_permit);

/**
 * tidegate_bulkhead_enter() for a bulkhead with keys: goes in, if there is room
 * for another call of `key`.
 *
 * @param engine      An open engine.
 * @param bulkhead    From tidegate_bulkhead_open() on the same region.
 * @param key         Who is calling: any bytes. Only a keyed hash of it is kept.
 * @param key_length  Bytes in `key`.
 * @param out_permit  Receives the permit, which is never 0. Untouched when
 *                    denied.
 *
 * @return TIDEGATE_OK when inside, TIDEGATE_DENIED when there is no room, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or the bulkhead has no keys;
 *         TIDEGATE_E_STALE     the bulkhead is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_bulkhead_enter_key(tidegate_engine *engine,
                                            tidegate_bulkhead bulkhead,
                                            const char *key,
                                            size_t key_length,
                                            uint64_t *out_permit);

/**
 * Leaves with the permit that tidegate_bulkhead_enter() gave.
 *
 * @param engine    An open engine.
 * @param bulkhead  The bulkhead that gave the permit.
 * @param permit    The permit; it is good for nothing afterwards.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STALE     the bulkhead is not one of this engine, or the
 *                              permit is none that it gave;
 *         TIDEGATE_E_STATE     the permit was left already, or was taken back
 *                              because it timed out; or the engine is an
 *                              observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_bulkhead_leave(tidegate_engine *engine,
                                        tidegate_bulkhead bulkhead,
                                        uint64_t permit);

/**
 * tidegate_bulkhead_leave() that tells how the call went, which an adaptive
 * limit learns from.
 *
 * @param engine    An open engine.
 * @param bulkhead  The bulkhead that gave the permit.
 * @param permit    The permit; it is good for nothing afterwards.
 * @param outcome   How it ended. A failure is a sign of too much load; an
 *                  ignored call is no sign of anything.
 * @param seconds   How long it took.
 *
 * @return As tidegate_bulkhead_leave(), or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, the outcome is none, or seconds
 *                              is negative, infinite or not a number; the
 *                              permit is then still good.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_bulkhead_leave_with(tidegate_engine *engine,
                                             tidegate_bulkhead bulkhead,
                                             uint64_t permit,
                                             tidegate_outcome outcome,
                                             double seconds);

/**
 * Reads a bulkhead's numbers.
 *
 * @param engine       An open engine, or an observer.
 * @param bulkhead     From tidegate_bulkhead_open() on the same region.
 * @param out_reading  Receives the numbers.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the bulkhead is not one of this engine.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_bulkhead_read(tidegate_engine *engine,
                                       tidegate_bulkhead bulkhead,
                                       tidegate_bulkhead_reading *out_reading);

/**
 * Opens the retry `name`, and makes it if need be: how long to wait before
 * each further attempt, and when to give up.
 *
 * `{}` is three attempts, with up to 0.1 s and then up to 0.2 s between them.
 * The fields are `"max_attempts"` (3), `"backoff"` (`"exponential"`;
 * `"constant"`, `"decorrelated"`), `"base_seconds"` (0.1), `"multiplier"` (2),
 * `"max_seconds"` (10), `"jitter"` (`"full"`, `"equal"` or `"none"`),
 * `"deadline_seconds"` (none), and `"shadow"` (false).
 *
 * `"budget_ratio":0.2` bounds the retries of all processes together: over the
 * last 10 s at most that many for each first attempt, though always
 * `"budget_minimum"` (3). `"seed"` makes the waits of a test repeat.
 *
 * @param engine       An open engine.
 * @param name         The name; the rules are those of metrics.
 * @param config_json  A JSON object; NULL for a retry that must exist.
 * @param out_retry    Receives the id. Nothing to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT   a pointer is NULL, or the name is not legal;
 *         TIDEGATE_E_CONFIG     a field is unknown, mistyped or impossible;
 *         TIDEGATE_E_NOT_FOUND  config_json is NULL, and there is none of this
 *                               name;
 *         TIDEGATE_E_CONFLICT   it exists with another configuration;
 *         TIDEGATE_E_CAPACITY   the region has no room for it;
 *         TIDEGATE_E_STATE      the engine is an observer.
 *
 * Threads: any. Blocks: briefly, while another process makes a guard.
 * Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_retry_open(tidegate_engine *engine,
                                    const char *name,
                                    const char *config_json,
                                    tidegate_retry *out_retry);

/**
 * How long to wait before `attempt`, or that there should be none.
 *
 * Attempts count from 1. Call it before each, the first included: the first
 * waits for nothing, and is what the budget is measured by. The caller sleeps.
 *
 * @param engine        An open engine.
 * @param retry         From tidegate_retry_open() on the same region.
 * @param attempt       Which attempt is next; the first try is attempt 1.
 * @param out_delay_ns  Receives the wait in nanoseconds. Untouched when denied.
 *
 * @return TIDEGATE_OK when there may be such an attempt, TIDEGATE_DENIED when
 *         the caller should give up: enough attempts, budget spent, or a wait
 *         beyond the deadline; or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or attempt is 0;
 *         TIDEGATE_E_STALE     the retry is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_retry_next(tidegate_engine *engine,
                                    tidegate_retry retry,
                                    uint32_t attempt,
                                    uint64_t *out_delay_ns);

/**
 * tidegate_retry_next() for a caller who knows more.
 *
 * @param engine                 An open engine.
 * @param retry                  From tidegate_retry_open() on the same region.
 * @param attempt                Which attempt is next; the first try is 1.
 * @param elapsed_ns             Time since the first attempt began: an attempt
 *                               that would begin after "deadline_seconds" is
 *                               denied.
 * @param server_retry_after_ns  The wait that the server asked for, which the
 *                               answer is never shorter than; 0 when it asked
 *                               for none.
 * @param out_delay_ns           Receives the wait in nanoseconds. Untouched
 *                               when denied.
 *
 * @return As tidegate_retry_next().
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_retry_next_after(tidegate_engine *engine,
                                          tidegate_retry retry,
                                          uint32_t attempt,
                                          uint64_t elapsed_ns,
                                          uint64_t server_retry_after_ns,
                                          uint64_t *out_delay_ns);

/**
 * Opens the chain `name`, and makes it if need be: guards that exist, asked
 * together.
 *
 * `{"retry":"payments","bulkhead":"db","breaker":"payments","throttle":"x",
 * "limiter":"api"}`, any of them. They are asked in this order, whatever the
 * order in the document, and the first that refuses ends it: what costs least
 * and comes back without a trace is first, and the limiter, whose units cannot
 * be given back for nothing, is last.
 *
 * With `"shadow":true` all are asked, and every call goes on with what it got;
 * those that would have been refused are counted.
 *
 * @param engine       An open engine.
 * @param name         The name; the rules are those of metrics.
 * @param config_json  A JSON object; NULL for a chain that must exist.
 * @param out_guard    Receives the id. Nothing to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT   a pointer is NULL, or the name is not legal;
 *         TIDEGATE_E_CONFIG     a field is unknown or mistyped, or there is none;
 *         TIDEGATE_E_NOT_FOUND  a guard that it names does not exist; or
 *                               config_json is NULL, and there is none of this
 *                               name;
 *         TIDEGATE_E_CONFLICT   it exists with another configuration;
 *         TIDEGATE_E_CAPACITY   the region has no room for it;
 *         TIDEGATE_E_STATE      the engine is an observer.
 *
 * Threads: any. Blocks: briefly, while another process makes a guard.
 * Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_guard_open(tidegate_engine *engine,
                                    const char *name,
                                    const char *config_json,
                                    tidegate_guard *out_guard);

/**
 * May this call go on? Asks every guard of the chain.
 *
 * When one refuses, what those before it gave is given back: the retry to the
 * budget, the place to the bulkhead, the permit to the breaker, which does not
 * count it.
 *
 * @param engine      An open engine.
 * @param guard       From tidegate_guard_open() on the same region.
 * @param key         Who is asking, for guards that are keyed: any bytes. Others
 *                    do not look at it. NULL when none is keyed.
 * @param key_length  Bytes in `key`; 0 when it is NULL.
 * @param cost        Units of the limiter; at least 1.
 * @param attempt     Which attempt it is, for the retry; the first try is 1.
 * @param out_permit  Receives what the call holds. Untouched when refused.
 * @param out_answer  Receives which guard refused, or in shadow mode would have.
 *                    May be NULL.
 *
 * @return TIDEGATE_OK when admitted, TIDEGATE_DENIED when refused, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, cost or attempt is 0, or
 *                              there is no key where one belongs;
 *         TIDEGATE_E_STALE     the guard is not one of this engine;
 *         TIDEGATE_E_RANGE     cost exceeds the limiter's burst or limit;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_guard_acquire(tidegate_engine *engine,
                                       tidegate_guard guard,
                                       const char *key,
                                       size_t key_length,
                                       uint32_t cost,
                                       uint32_t attempt,
                                       tidegate_guard_permit *out_permit,
                                       tidegate_guard_answer *out_answer);

/**
 * Tells the guards of a chain how an admitted call went, once.
 *
 * @param engine   An open engine.
 * @param guard    The chain that gave the permit.
 * @param permit   What the call held; it is good for nothing afterwards. In
 *                 shadow mode, a 0 for a guard that gave nothing.
 * @param outcome  How it ended.
 * @param seconds  How long it took.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, the outcome is none, or seconds
 *                              is negative, infinite or not a number; the
 *                              permit is then still good;
 *         TIDEGATE_E_STALE     the guard is not one of this engine, or the
 *                              permit is none that it gave;
 *         TIDEGATE_E_STATE     the permit was reported already, or taken back
 *                              because it timed out; or the engine is an
 *                              observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_guard_report(tidegate_engine *engine,
                                      tidegate_guard guard,
                                      tidegate_guard_permit permit,
                                      tidegate_outcome outcome,
                                      double seconds);

/**
 * Reads what happened since `*cursor`, one JSON object a line: transitions of
 * breakers, samples of denials, evictions, blocks, changes by hand, permits
 * that came back, limits that changed.
 *
 * The region keeps the latest few thousand; a reader who comes too late is told
 * how many it lost. Each reader has a cursor of its own, and takes nothing from
 * others. As many whole lines are written as fit; call again for the rest.
 *
 * Each line has "number", "at", "age_seconds", "event", "cause", "kind" and
 * "name" of the guard, "pid", and what the event's numbers mean: "from" and
 * "to", "denied" and "limit", "evicted", "for_seconds", or "returned" and
 * "in_all". Denials of a limiter are told at most once a second, when somebody
 * who may write reads events or takes a snapshot: "denied" since the last such
 * event, and "in_all".
 *
 * @param engine      An open engine, or an observer.
 * @param cursor      Where to go on; 0 is the oldest event that is kept. Moved
 *                    behind the last line that was written; untouched when
 *                    capacity is 0.
 * @param buffer      Receives the lines, without a NUL. May be NULL when
 *                    capacity is 0.
 * @param capacity    Bytes in `buffer`; 0 to learn how many are needed now.
 * @param out_length  Receives the bytes written; or needed, when capacity is 0
 *                    or too small for the first line.
 * @param out_lost    Receives how many events this reader lost before the last
 *                    line, or before now if there is none. May be NULL.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_SPACE     the first line does not fit.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_events_read(tidegate_engine *engine,
                                     uint64_t *cursor,
                                     char *buffer,
                                     size_t capacity,
                                     size_t *out_length,
                                     uint64_t *out_lost);

/**
 * Answers a probe.
 *
 * Liveness is healthy unless this process has ever called
 * tidegate_heartbeat() and has not for "heartbeat_seconds" (60): another
 * thread can then tell that the main loop hangs. Startup is unhealthy until
 * tidegate_startup_done(). Readiness judges the section "health" of the
 * configuration document:
 *
 * `{"health":{"checks":[{"operation":"db.query","p95_seconds":{"warn":0.1,
 * "fail":0.5},"error_rate":{"warn":0.01,"fail":0.05}}]}}`
 *
 * Beyond a warn threshold is degraded, beyond a fail threshold unhealthy, and
 * the whole is as the worst of it. A share is beyond a threshold of 1, or of 0
 * from below, when it is just that: `"saturation":{"fail":1}` means full. A
 * bulkhead with keys is as full as its fullest key. What
 * is not known (no such metric, or less than "minimum_samples", 10, in the
 * window) makes nothing worse. A check
 * looks at one of operation, histogram, gauge, ratio, limiter, breaker,
 * bulkhead, objective, workers, region, process, host, reported.
 *
 * Without a section of its own a process judges by that of the first process
 * that brought one to the region. An observer's liveness is unhealthy when no
 * worker lives or all living ones are stuck, and its startup is healthy when
 * any living worker has started. TIDEGATE_FORMAT_HEALTH_JSON has the details.
 *
 * @param engine           An open engine, also an observer.
 * @param probe            One of the TIDEGATE_PROBE_ values.
 * @param out_status       Receives healthy, degraded or unhealthy. May be NULL.
 * @param out_http_status  Receives the HTTP status to answer with: 200, 200,
 *                         503 unless "http_status" says otherwise. May be NULL.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or there is no such probe.
 *
 * Threads: any. Blocks: never; readiness takes a snapshot. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_health(tidegate_engine *engine,
                                tidegate_probe probe,
                                tidegate_health_status *out_status,
                                int32_t *out_http_status);

/**
 * Tells what the application found out about a check itself: the database
 * answers in 12 ms, Redis is down.
 *
 * The latest report of a name stands, whichever process made it. Every name
 * counts for readiness; a check `{"reported":"redis","when_stale":"degraded"}`
 * says what becomes of it when it is too old. At most 128 names.
 *
 * @param engine    An open engine.
 * @param check     The name; the rules are those of metrics.
 * @param status    One of TIDEGATE_HEALTHY to TIDEGATE_HEALTH_UNKNOWN.
 * @param observed  A measured value, or NaN for none.
 * @param message   What a person should know; the first 256 bytes are kept.
 *                  NULL for nothing.
 * @param ttl_ns    How long the report counts; it is unknown afterwards. 0: for
 *                  ever.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, a text is not UTF-8, the name
 *                              is not legal, there is no such status, or
 *                              observed is infinite;
 *         TIDEGATE_E_CAPACITY  there is no room for another name;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_health_report(tidegate_engine *engine,
                                       const char *check,
                                       tidegate_health_status status,
                                       double observed,
                                       const char *message,
                                       uint64_t ttl_ns);

/**
 * Says that this process is at work. Call it from the loop that must not hang,
 * a few times within "heartbeat_seconds".
 *
 * A process that has ever called it is judged by it from then on: by its own
 * liveness, by an observer's, and by `{"workers":true,"heartbeat_age_seconds":
 * {"warn":5,"fail":30}}`. One that never calls it is not.
 *
 * @param engine  An open engine.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_heartbeat(tidegate_engine *engine);

/**
 * Says that this process has started: TIDEGATE_PROBE_STARTUP is healthy from
 * now on, also in children that it forks afterwards.
 *
 * @param engine  An open engine.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_startup_done(tidegate_engine *engine);

/**
 * Takes a picture of everything, while writers go on.
 *
 * Each histogram agrees with itself, and no count is less than in an earlier
 * snapshot; different series may be a few microseconds apart.
 *
 * @param engine        An open engine, also an observer.
 * @param out_snapshot  Receives the snapshot. You own it: give it back with
 *                      tidegate_snapshot_free(). It outlives the engine.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL.
 *
 * Threads: any. Blocks: never; allocates. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_snapshot_take(tidegate_engine *engine,
                                       tidegate_snapshot **out_snapshot);

/**
 * Writes a snapshot as text into a buffer of yours.
 *
 * Call it first with `capacity` 0 to learn the length. One snapshot always
 * renders to the same bytes, so the second call cannot come up short.
 *
 * @param snapshot    From tidegate_snapshot_take().
 * @param format      One of the TIDEGATE_FORMAT_ values.
 * @param buffer      Receives the text, UTF-8, without a final NUL. May be
 *                    NULL only if `capacity` is 0.
 * @param capacity    Bytes that `buffer` can hold.
 * @param out_length  Receives the bytes needed, also when they did not fit.
 *
 * @return TIDEGATE_OK, also for capacity 0, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL or the format is unknown;
 *         TIDEGATE_E_SPACE     capacity is too small; buffer is untouched.
 *
 * Threads: any, while nobody frees the snapshot. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_snapshot_render(const tidegate_snapshot *snapshot,
                                         uint32_t format,
                                         char *buffer,
                                         size_t capacity,
                                         size_t *out_length);

/**
 * Writes a part of a snapshot as text into a buffer of yours.
 *
 * The options, each of which may be missing:
 *
 * - `"names":["http.*","queue.depth"]` keeps metrics and guards with these
 *   names; `*` stands for anything. Health is always that of the whole.
 * - `"created":true` lets OpenMetrics say since when each counter and
 *   histogram counts.
 * - `"buckets":true` writes the buckets into JSON, so that
 *   tidegate_snapshot_parse() can read the document.
 * - `"since":{…}` is such a document, rendered earlier: only what was counted
 *   since then is written, as tidegate_snapshot_delta() has it.
 *
 * As tidegate_snapshot_render() otherwise, but renders in each call.
 *
 * @param snapshot      From tidegate_snapshot_take().
 * @param format        One of the TIDEGATE_FORMAT_ values.
 * @param options_json  A JSON object; NULL for everything.
 * @param buffer        Receives the text, UTF-8, without a final NUL. May be
 *                      NULL only if `capacity` is 0.
 * @param capacity      Bytes that `buffer` can hold.
 * @param out_length    Receives the bytes needed, also when they did not fit.
 *
 * @return TIDEGATE_OK, also for capacity 0, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, the options are not UTF-8, or
 *                              the format is unknown;
 *         TIDEGATE_E_CONFIG    an option is unknown or mistyped;
 *         TIDEGATE_E_CONFLICT  "since" is of something else, as
 *                              tidegate_snapshot_delta() says;
 *         TIDEGATE_E_SPACE     capacity is too small; buffer is untouched.
 *
 * Threads: any, while nobody frees the snapshot. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_snapshot_render_with(const tidegate_snapshot *snapshot,
                                              uint32_t format,
                                              const char *options_json,
                                              char *buffer,
                                              size_t capacity,
                                              size_t *out_length);

/**
 * Reads a snapshot back from its JSON document.
 *
 * The document must have been rendered with `{"buckets":true}`, here or on
 * another host. The snapshot holds its metrics, slowest calls and reported
 * errors; nothing of guards, workers, the host and health.
 *
 * @param text          The document, UTF-8; need not end with a NUL.
 * @param length        Its length in bytes, at most 64 MiB.
 * @param out_snapshot  Receives the snapshot. You own it: give it back with
 *                      tidegate_snapshot_free().
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_FORMAT    it is no such document; the message names the
 *                              field.
 *
 * Threads: any. Blocks: never; allocates. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_snapshot_parse(const char *text,
                                        size_t length,
                                        tidegate_snapshot **out_snapshot);

/**
 * What was counted between two snapshots of one region.
 *
 * The earlier snapshot is the cursor: one that you kept, or that
 * tidegate_snapshot_parse() read, of whichever process. Totals are later minus
 * earlier, buckets one by one; a series that is new counts from zero; gauges,
 * infos, enums and windows are those of the later snapshot. When the region was
 * made anew in between, which its id tells, the difference is all it holds.
 *
 * The result renders as JSON (`"since"`, and `"interval"` for `"lifetime"`),
 * OTLP with delta temporality, StatsD with counters, and HdrHistogram's log,
 * not as Prometheus text, which wants totals, and not as health.
 *
 * @param earlier       A snapshot.
 * @param later         A later one of the same region.
 * @param out_snapshot  Receives the difference. You own it: give it back with
 *                      tidegate_snapshot_free().
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or the earlier snapshot is the
 *                              later one;
 *         TIDEGATE_E_CONFLICT  one of them is a difference, they are merged of
 *                              different regions, or limited to different
 *                              names.
 *
 * Threads: any, while nobody frees the snapshots. Blocks: never; allocates.
 * Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_snapshot_delta(const tidegate_snapshot *earlier,
                                        const tidegate_snapshot *later,
                                        tidegate_snapshot **out_snapshot);

/**
 * Two snapshots of different regions as one, such as of two hosts.
 *
 * Counters, histograms, operations, ratios and errors with the same name and
 * labels are added up, histograms bucket by bucket: counts stay exact, and
 * quantiles within the larger relative error of the two. Gauges, infos and
 * enums stay beside each other, with the label `tidegate_source`. The order of
 * merging does not matter. Two differences merge too. The result has what
 * tidegate_snapshot_parse() gives.
 *
 * @param one           A snapshot.
 * @param other         A snapshot of another region.
 * @param out_snapshot  Receives the merged one. You own it: give it back with
 *                      tidegate_snapshot_free().
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_CONFLICT  they share a region, a name has two kinds or
 *                              units, their windows differ in length, or one
 *                              is a difference; the message says which.
 *
 * Threads: any, while nobody frees the snapshots. Blocks: never; allocates.
 * Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_snapshot_merge(const tidegate_snapshot *one,
                                        const tidegate_snapshot *other,
                                        tidegate_snapshot **out_snapshot);

/**
 * Frees a snapshot.
 *
 * @param snapshot  Yours to give back. NULL does nothing.
 *
 * Threads: one, after all others are done with it. Blocks: never. Since 0.1.
 */
TIDEGATE_API void tidegate_snapshot_free(tidegate_snapshot *snapshot);

/**
 * Takes a shard for the calling thread.
 *
 * @param engine     An open engine.
 * @param numbers    One of the TIDEGATE_SHARD_ values.
 * @param out_shard  Receives the id. Give it back with tidegate_shard_close().
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or numbers is unknown;
 *         TIDEGATE_E_CAPACITY  all shards are taken, or the region is full;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_shard_open(tidegate_engine *engine,
                                    uint32_t numbers,
                                    tidegate_shard *out_shard);

/**
 * Gives a shard back. Its numbers stay in the totals; its addresses must not be
 * written to any more.
 *
 * @param engine  An open engine.
 * @param shard   From tidegate_shard_open().
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STALE     the shard is not one of this engine, or closed;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_shard_close(tidegate_engine *engine,
                                     tidegate_shard shard);

/**
 * Gives the word where a shard's owner counts one counter.
 *
 * @param engine    An open engine.
 * @param shard     From tidegate_shard_open().
 * @param counter   From tidegate_counter_open().
 * @param out_word  Receives the word's address, valid until the shard or the
 *                  engine is closed. Not yours to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the shard or counter is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_shard_counter(tidegate_engine *engine,
                                       tidegate_shard shard,
                                       tidegate_counter counter,
                                       uint64_t **out_word);

/**
 * Gives the cells where a shard's owner counts one histogram; they are made on
 * first use.
 *
 * @param engine     An open engine.
 * @param shard      From tidegate_shard_open().
 * @param histogram  From tidegate_histogram_open().
 * @param out_cells  Receives the addresses, valid until the shard or the engine
 *                   is closed. Not yours to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the shard or histogram is not this engine's;
 *         TIDEGATE_E_CAPACITY  the region is full;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_shard_histogram(tidegate_engine *engine,
                                         tidegate_shard shard,
                                         tidegate_histogram histogram,
                                         tidegate_shard_cells *out_cells);

/**
 * Takes the checkpoints of windows that are due, and says that this process is
 * alive.
 *
 * Recording through calls does this by itself. Owners of shards call it at
 * least once in a time slot (a sixth of `window_seconds`), or their values
 * count in a later slot than they belong to.
 *
 * @param engine  An open engine.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_tick(tidegate_engine *engine);

/**
 * Gives the words by which a shard's owner lets calls through a breaker; they are
 * made on first use.
 *
 * @param engine    An open engine.
 * @param shard     From tidegate_shard_open().
 * @param breaker   From tidegate_breaker_open().
 * @param out_view  Receives the addresses, valid until the shard or the engine is
 *                  closed. Not yours to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the shard or breaker is not one of this engine;
 *         TIDEGATE_E_CAPACITY  the region is full;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_shard_breaker(tidegate_engine *engine,
                                       tidegate_shard shard,
                                       tidegate_breaker breaker,
                                       tidegate_breaker_view *out_view);

/**
 * Tells how a call ended that passed a breaker by a tidegate_breaker_view, where
 * the view says so. It counts as a report through tidegate_breaker_report() does,
 * with one difference: nobody can notice a second one.
 *
 * @param engine   An open engine.
 * @param breaker  From tidegate_breaker_open() on the same region.
 * @param passed   What the state was when the call passed.
 * @param outcome  How the call ended.
 * @param seconds  How long the call took: finite, at least 0.
 *
 * @return TIDEGATE_OK, also when the breaker has changed its state since and the
 *         call does not count; or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or outcome or seconds is none;
 *         TIDEGATE_E_STALE     the breaker is not one of this engine, or never
 *                              let calls pass in this state;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_breaker_report_passed(tidegate_engine *engine,
                                               tidegate_breaker breaker,
                                               uint64_t passed,
                                               tidegate_outcome outcome,
                                               double seconds);

/**
 * Gives the words where a shard's owner counts the successful calls of one
 * operation; they are made on first use.
 *
 * @param engine     An open engine.
 * @param shard      From tidegate_shard_open().
 * @param operation  From tidegate_operation_open().
 * @param out_view   Receives the addresses, valid until the shard or the engine is
 *                   closed. Not yours to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the shard or operation is not one of this engine;
 *         TIDEGATE_E_CAPACITY  the region is full;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
TIDEGATE_API
tidegate_status tidegate_shard_operation(tidegate_engine *engine,
                                         tidegate_shard shard,
                                         tidegate_operation operation,
                                         tidegate_operation_view *out_view);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TIDEGATE_H */
