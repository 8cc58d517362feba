/* bulkhead.c: so many calls inside at once. */
#include "native.h"

#include <stddef.h>

static tidegate_status bulkhead_begin(tidegate_engine *engine, uint64_t id, const Key *key,
                                      uint32_t cost, uint32_t attempt, Call *call,
                                      Refusal *refusal)
{
    (void)cost;
    (void)attempt;
    (void)refusal;
    tidegate_bulkhead bulkhead = {id};
    if (key->bytes == NULL) {
        return tidegate_bulkhead_enter(engine, bulkhead, &call->first);
    }
    return tidegate_bulkhead_enter_key(engine, bulkhead, key->bytes, key->length, &call->first);
}

static tidegate_status bulkhead_end(tidegate_engine *engine, uint64_t id, const Call *call,
                                    tidegate_outcome outcome, double seconds, const char *code)
{
    (void)code;
    tidegate_bulkhead bulkhead = {id};
    return tidegate_bulkhead_leave_with(engine, bulkhead, call->first, outcome, seconds);
}

const Guarding bulkhead_guarding = {bulkhead_begin, bulkhead_end, NULL, true, false};

PyDoc_STRVAR(bulkhead_read_doc, "read()\n--\n\n"
"The limit now, how many calls are inside, and how many permits came back from the dead.");

static PyObject *bulkhead_read(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    static const Field fields[] = {
        {"limit", offsetof(tidegate_bulkhead_reading, limit), AS_WHOLE},
        {"in_use", offsetof(tidegate_bulkhead_reading, in_use), AS_WHOLE},
        {"returned_from_dead", offsetof(tidegate_bulkhead_reading, returned_from_dead), AS_WHOLE},
        {NULL, 0, AS_WHOLE},
    };
    Handle *self = (Handle *)object;
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        return NULL;
    }
    tidegate_bulkhead bulkhead = {self->id};
    tidegate_bulkhead_reading reading;
    tidegate_status status = tidegate_bulkhead_read(engine, bulkhead, &reading);
    if (status != TIDEGATE_OK) {
        return raise_status(self->state, status);
    }
    return dict_of(&reading, fields);
}

PyDoc_STRVAR(enter_doc, "enter(*key_parts, ignore=())\n--\n\n"
"A Permit, truthy when there was room; never waits. `with bulkhead.enter():` raises BulkheadFull\n"
"when there is none, and leaves at the end of the block.");

static PyMethodDef bulkhead_methods[] = {
    {"enter", FAST(handle_acquire), METH_FASTCALL | METH_KEYWORDS, enter_doc},
    {"read", bulkhead_read, METH_NOARGS, bulkhead_read_doc},
    {"_begin", FAST(handle_acquire), METH_FASTCALL | METH_KEYWORDS, NULL},
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

HANDLE_TYPE(bulkhead, "Bulkhead",
            "So many calls inside at once, those of all processes together. Also a decorator.",
            {Py_tp_call, handle_decorate}, );
