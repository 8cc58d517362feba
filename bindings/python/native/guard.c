/* guard.c: a chain of guards, asked together. */
#include "native.h"

static Kind kind_of(uint32_t refused_by)
{
    switch (refused_by) {
    case TIDEGATE_GUARD_RETRY: return KIND_RETRY;
    case TIDEGATE_GUARD_BULKHEAD: return KIND_BULKHEAD;
    case TIDEGATE_GUARD_BREAKER: return KIND_BREAKER;
    case TIDEGATE_GUARD_THROTTLE: return KIND_THROTTLE;
    case TIDEGATE_GUARD_LIMITER: return KIND_LIMITER;
    default: return KIND_GUARD;
    }
}

static tidegate_status guard_begin(tidegate_engine *engine, uint64_t id, const Key *key,
                                   uint32_t cost, uint32_t attempt, Call *call, Refusal *refusal)
{
    tidegate_guard guard = {id};
    tidegate_guard_permit permit = {0, 0};
    tidegate_guard_answer answer = {0, 0, 0};
    tidegate_status status = tidegate_guard_acquire(engine, guard, key->bytes, key->length, cost,
                                                    attempt, &permit, &answer);
    if (status == TIDEGATE_DENIED) {
        refusal->by = kind_of(answer.refused_by);
        refusal->retry_after_ns = answer.retry_after_ns;
    }
    call->first = permit.bulkhead;
    call->second = permit.breaker;
    return status;
}

static tidegate_status guard_end(tidegate_engine *engine, uint64_t id, const Call *call,
                                 tidegate_outcome outcome, double seconds, const char *code)
{
    (void)code;
    tidegate_guard guard = {id};
    tidegate_guard_permit permit = {call->first, call->second};
    return tidegate_guard_report(engine, guard, permit, outcome, seconds);
}

const Guarding guard_guarding = {guard_begin, guard_end, NULL, true, false};

PyDoc_STRVAR(acquire_doc, "acquire(*key_parts, cost=1, attempt=1, ignore=())\n--\n\n"
"A Permit, truthy when every guard of the chain admits; `refused_by` names the one that did not.\n"
"`with guard.acquire(user):` raises its subclass of Denied, and reports how the block ended.");

static PyMethodDef guard_methods[] = {
    {"acquire", FAST(handle_acquire), METH_FASTCALL | METH_KEYWORDS, acquire_doc},
    {"_begin", FAST(handle_acquire), METH_FASTCALL | METH_KEYWORDS, NULL},
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

HANDLE_TYPE(guard, "Guard", "A chain of guards, asked together. Also a decorator.",
            {Py_tp_call, handle_decorate}, );
