/*
 * hot.h: the calls that services make all the time.
 *
 * Each takes one record, on the stack of the goroutine that calls, and answers in it. Each goes through
 * the engine's gate (gate.h), so it may come at any time. None of them ever blocks, which is what lets
 * Go call them without giving its scheduler slot away (package direct).
 */
#ifndef TIDEGATE_GO_HOT_H
#define TIDEGATE_GO_HOT_H

#include "shim.h"

/** A call: to what, with what, and what came of it. The fields that a function does not name are 0. */
typedef struct capi_call {
    uintptr_t gate;
    uint64_t id;
    const char *key; /* or a short text with a NUL */
    size_t length;
    uint64_t number; /* units, a permit, an amount, an attempt; the answer's number */
    uint64_t other;  /* an outcome, a second number */
    double seconds;  /* or a value */
    char *message;   /* answer: NULL, or an error's sentence to free */
} capi_call;

/** A call that a limiter answers with a decision. */
typedef struct capi_check {
    capi_call call;
    tidegate_decision decision;
} capi_check;

/** A call to a chain of guards: `number` are the units, `other` is the attempt. */
typedef struct capi_chain {
    capi_call call;
    tidegate_guard_permit permit;
    tidegate_guard_answer answer;
} capi_chain;

/* limiter_take and limiter_check: key or NULL; number: units */
int32_t capi_limiter_take(capi_call *call);
int32_t capi_limiter_check(capi_check *check);

/* acquire, state: number answers; report: number: permit, other: outcome, seconds */
int32_t capi_breaker_acquire(capi_call *call);
int32_t capi_breaker_report(capi_call *call);
int32_t capi_breaker_report_passed(capi_call *call);
int32_t capi_breaker_state(capi_call *call);

/* enter: key or NULL, number answers; leave: number: permit, other: outcome, seconds */
int32_t capi_bulkhead_enter(capi_call *call);
int32_t capi_bulkhead_enter_key(capi_call *call);
int32_t capi_bulkhead_leave(capi_call *call);
int32_t capi_bulkhead_leave_with(capi_call *call);

int32_t capi_throttle_acquire(capi_call *call);
int32_t capi_throttle_report(capi_call *call); /* other: outcome */

/* number: attempt, answers the delay; other: elapsed; length: what the server asked for */
int32_t capi_retry_next(capi_call *call);

int32_t capi_guard_acquire(capi_chain *chain);
int32_t capi_guard_report(capi_chain *chain); /* call.other: outcome, call.seconds */

int32_t capi_counter_add(capi_call *call);      /* number: amount */
int32_t capi_gauge_set(capi_call *call);        /* seconds: value */
int32_t capi_gauge_add(capi_call *call);        /* seconds: delta */
int32_t capi_histogram_record(capi_call *call); /* seconds: value */
int32_t capi_ratio_record(capi_call *call);     /* number: hits, other: misses */

/* record: seconds, other: outcome, key: code or NULL; begin: number answers; end: number: started */
int32_t capi_operation_record(capi_call *call);
int32_t capi_operation_begin(capi_call *call);
int32_t capi_operation_end(capi_call *call);

#endif
