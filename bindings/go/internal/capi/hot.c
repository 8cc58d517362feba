#include "hot.h"

/* What came of `status`, given inside the gate; out of it. */
static inline int32_t left(capi_call *call, tidegate_status status)
{
    if (__builtin_expect(status < 0, 0)) {
        call->message = capi_last_error();
    }
    capi_leave();
    return (int32_t)status;
}

/* Goes in as `engine`, makes the call in `made`, and goes out. */
#define INSIDE(call, made)                                  \
    do {                                                    \
        tidegate_engine *engine = capi_enter((call)->gate); \
        if (__builtin_expect(engine == NULL, 0)) {          \
            return CAPI_CLOSED;                             \
        }                                                   \
        return left((call), (made));                        \
    } while (0)

int32_t capi_limiter_take(capi_call *c)
{
    INSIDE(c, tidegate_limiter_check(engine, (tidegate_limiter){c->id}, c->key, c->length, (uint32_t)c->number, NULL));
}

int32_t capi_limiter_check(capi_check *check)
{
    capi_call *c = &check->call;
    INSIDE(c, tidegate_limiter_check(engine, (tidegate_limiter){c->id}, c->key, c->length, (uint32_t)c->number,
                                     &check->decision));
}

int32_t capi_breaker_acquire(capi_call *c)
{
    INSIDE(c, tidegate_breaker_acquire(engine, (tidegate_breaker){c->id}, &c->number));
}

int32_t capi_breaker_report(capi_call *c)
{
    INSIDE(c, tidegate_breaker_report(engine, (tidegate_breaker){c->id}, c->number, (int32_t)c->other, c->seconds));
}

int32_t capi_breaker_report_passed(capi_call *c)
{
    INSIDE(c, tidegate_breaker_report_passed(engine, (tidegate_breaker){c->id}, c->number, (int32_t)c->other,
                                             c->seconds));
}

int32_t capi_breaker_state(capi_call *c)
{
    tidegate_breaker_phase phase = TIDEGATE_BREAKER_CLOSED;
    tidegate_engine *engine = capi_enter(c->gate);
    if (engine == NULL) {
        return CAPI_CLOSED;
    }
    int32_t status = left(c, tidegate_breaker_state(engine, (tidegate_breaker){c->id}, &phase));
    c->number = (uint64_t)phase;
    return status;
}

int32_t capi_bulkhead_enter(capi_call *c)
{
    INSIDE(c, tidegate_bulkhead_enter(engine, (tidegate_bulkhead){c->id}, &c->number));
}

int32_t capi_bulkhead_enter_key(capi_call *c)
{
    INSIDE(c, tidegate_bulkhead_enter_key(engine, (tidegate_bulkhead){c->id}, c->key, c->length, &c->number));
}

int32_t capi_bulkhead_leave(capi_call *c)
{
    INSIDE(c, tidegate_bulkhead_leave(engine, (tidegate_bulkhead){c->id}, c->number));
}

int32_t capi_bulkhead_leave_with(capi_call *c)
{
    INSIDE(c, tidegate_bulkhead_leave_with(engine, (tidegate_bulkhead){c->id}, c->number, (int32_t)c->other,
                                           c->seconds));
}

int32_t capi_throttle_acquire(capi_call *c)
{
    INSIDE(c, tidegate_throttle_acquire(engine, (tidegate_throttle){c->id}));
}

int32_t capi_throttle_report(capi_call *c)
{
    INSIDE(c, tidegate_throttle_report(engine, (tidegate_throttle){c->id}, (int32_t)c->other));
}

int32_t capi_retry_next(capi_call *c)
{
    uint32_t attempt = (uint32_t)c->number;
    tidegate_retry retry = {c->id};
    INSIDE(c, c->other == 0 && c->length == 0
                  ? tidegate_retry_next(engine, retry, attempt, &c->number)
                  : tidegate_retry_next_after(engine, retry, attempt, c->other, c->length, &c->number));
}

int32_t capi_guard_acquire(capi_chain *chain)
{
    capi_call *c = &chain->call;
    INSIDE(c, tidegate_guard_acquire(engine, (tidegate_guard){c->id}, c->key, c->length, (uint32_t)c->number,
                                     (uint32_t)c->other, &chain->permit, &chain->answer));
}

int32_t capi_guard_report(capi_chain *chain)
{
    capi_call *c = &chain->call;
    INSIDE(c, tidegate_guard_report(engine, (tidegate_guard){c->id}, chain->permit, (int32_t)c->other, c->seconds));
}

int32_t capi_counter_add(capi_call *c)
{
    INSIDE(c, tidegate_counter_add(engine, (tidegate_counter){c->id}, c->number));
}

int32_t capi_gauge_set(capi_call *c)
{
    INSIDE(c, tidegate_gauge_set(engine, (tidegate_gauge){c->id}, c->seconds));
}

int32_t capi_gauge_add(capi_call *c)
{
    INSIDE(c, tidegate_gauge_add(engine, (tidegate_gauge){c->id}, c->seconds));
}

int32_t capi_histogram_record(capi_call *c)
{
    INSIDE(c, tidegate_histogram_record(engine, (tidegate_histogram){c->id}, c->seconds));
}

int32_t capi_ratio_record(capi_call *c)
{
    INSIDE(c, tidegate_ratio_record(engine, (tidegate_ratio){c->id}, c->number, c->other));
}

int32_t capi_operation_record(capi_call *c)
{
    INSIDE(c, tidegate_operation_record(engine, (tidegate_operation){c->id}, c->seconds, (int32_t)c->other, c->key));
}

int32_t capi_operation_begin(capi_call *c)
{
    INSIDE(c, tidegate_operation_begin(engine, (tidegate_operation){c->id}, &c->number));
}

int32_t capi_operation_end(capi_call *c)
{
    INSIDE(c, tidegate_operation_end(engine, (tidegate_operation){c->id}, c->number, (int32_t)c->other, c->key));
}
