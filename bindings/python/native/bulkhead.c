/* bulkhead.c: so many calls inside at once. */
#include "native.h"

static tidegate_status bulkhead_begin(tidegate_engine *engine, uint64_t id, const Key *key,
                                      uint32_t cost, uint32_t attempt, Call *call,
                                      Refusal *refusal)
{
    (void)key;
    (void)cost;
    (void)attempt;
    (void)refusal;
    tidegate_bulkhead bulkhead = {id};
    return tidegate_bulkhead_enter(engine, bulkhead, &call->first);
}

static tidegate_status bulkhead_end(tidegate_engine *engine, uint64_t id, const Call *call,
                                    tidegate_outcome outcome, double seconds, const char *code)
{
    (void)outcome;
    (void)seconds;
    (void)code;
    tidegate_bulkhead bulkhead = {id};
    return tidegate_bulkhead_leave(engine, bulkhead, call->first);
}

const Guarding bulkhead_guarding = {bulkhead_begin, bulkhead_end, false};

PyDoc_STRVAR(enter_doc, "enter(*, ignore=())\n--\n\n"
"A Permit, truthy when there was room; never waits. `with bulkhead.enter():` raises BulkheadFull\n"
"when there is none, and leaves at the end of the block.");

static PyMethodDef bulkhead_methods[] = {
    {"enter", FAST(handle_acquire), METH_FASTCALL | METH_KEYWORDS, enter_doc},
    {"_begin", FAST(handle_acquire), METH_FASTCALL | METH_KEYWORDS, NULL},
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

HANDLE_TYPE(bulkhead, "Bulkhead",
            "So many calls inside at once, those of all processes together. Also a decorator.",
            {Py_tp_call, handle_decorate}, );
