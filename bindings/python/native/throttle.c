/* throttle.c: sends less to a server that fails more, client side. */
#include "native.h"

static tidegate_status throttle_begin(tidegate_engine *engine, uint64_t id, const Key *key,
                                      uint32_t cost, uint32_t attempt, Call *call,
                                      Refusal *refusal)
{
    (void)key;
    (void)cost;
    (void)attempt;
    (void)call;
    (void)refusal;
    tidegate_throttle throttle = {id};
    return tidegate_throttle_acquire(engine, throttle);
}

static tidegate_status throttle_end(tidegate_engine *engine, uint64_t id, const Call *call,
                                    tidegate_outcome outcome, double seconds, const char *code)
{
    (void)call;
    (void)seconds;
    (void)code;
    tidegate_throttle throttle = {id};
    return tidegate_throttle_report(engine, throttle, outcome);
}

const Guarding throttle_guarding = {throttle_begin, throttle_end, NULL, false, false};

PyDoc_STRVAR(acquire_doc, "acquire(*, ignore=())\n--\n\n"
"A Permit, truthy when the call should be made. `with throttle.acquire():` raises Throttled when\n"
"not, and reports how the block ended.");

static PyMethodDef throttle_methods[] = {
    {"acquire", FAST(handle_acquire), METH_FASTCALL | METH_KEYWORDS, acquire_doc},
    {"_begin", FAST(handle_acquire), METH_FASTCALL | METH_KEYWORDS, NULL},
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

HANDLE_TYPE(throttle, "Throttle",
            "Sends less to a server that fails more, by the part of calls that fail. Also a"
            " decorator.",
            {Py_tp_call, handle_decorate}, );
