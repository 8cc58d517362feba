/* breaker.c: lets calls through until too many fail, then none for a while. */
#include "native.h"

#include <stddef.h>

static const char *const phases[] = {
    [TIDEGATE_BREAKER_CLOSED] = "closed",
    [TIDEGATE_BREAKER_OPEN] = "open",
    [TIDEGATE_BREAKER_HALF_OPEN] = "half_open",
    [TIDEGATE_BREAKER_FORCED_OPEN] = "forced_open",
    [TIDEGATE_BREAKER_DISABLED] = "disabled",
    [TIDEGATE_BREAKER_FORCED_CLOSED] = "forced_closed",
    [TIDEGATE_BREAKER_METRICS_ONLY] = "metrics_only",
};

static const char *const reasons[] = {
    [TIDEGATE_BREAKER_REASON_NONE] = "none",
    [TIDEGATE_BREAKER_REASON_FAILURE_RATE] = "failure_rate",
    [TIDEGATE_BREAKER_REASON_SLOW_CALL_RATE] = "slow_call_rate",
    [TIDEGATE_BREAKER_REASON_CONSECUTIVE_FAILURES] = "consecutive_failures",
    [TIDEGATE_BREAKER_REASON_PROBES] = "probes",
    [TIDEGATE_BREAKER_REASON_FORCED] = "forced",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static tidegate_status breaker_begin(tidegate_engine *engine, uint64_t id, const Key *key,
                                     uint32_t cost, uint32_t attempt, Call *call,
                                     Refusal *refusal)
{
    (void)key;
    (void)cost;
    (void)attempt;
    (void)refusal;
    tidegate_breaker breaker = {id};
    return tidegate_breaker_acquire(engine, breaker, &call->first);
}

static tidegate_status breaker_end(tidegate_engine *engine, uint64_t id, const Call *call,
                                   tidegate_outcome outcome, double seconds, const char *code)
{
    (void)code;
    tidegate_breaker breaker = {id};
    return tidegate_breaker_report(engine, breaker, call->first, outcome, seconds);
}

/* Looked up only when somebody asks: a refusal must stay cheap. */
static uint64_t breaker_wait(tidegate_engine *engine, uint64_t id)
{
    tidegate_breaker breaker = {id};
    tidegate_breaker_reading reading;
    if (tidegate_breaker_read(engine, breaker, &reading) != TIDEGATE_OK) {
        return 0;
    }
    return reading.retry_after_ns;
}

const Guarding breaker_guarding = {breaker_begin, breaker_end, breaker_wait, true, false};

static PyObject *word(const char *const *words, size_t count, int64_t number)
{
    bool known = number >= 0 && (size_t)number < count;
    return PyUnicode_FromString(known ? words[number] : "unknown");
}

static PyObject *breaker_state(PyObject *object, void *ignored)
{
    (void)ignored;
    Handle *self = (Handle *)object;
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        return NULL;
    }
    tidegate_breaker breaker = {self->id};
    tidegate_breaker_phase phase = TIDEGATE_BREAKER_CLOSED;
    tidegate_status status = tidegate_breaker_state(engine, breaker, &phase);
    if (status != TIDEGATE_OK) {
        return raise_status(self->state, status);
    }
    return word(phases, COUNT(phases), phase);
}

PyDoc_STRVAR(set_mode_doc, "set_mode(mode)\n--\n\n"
"Puts the breaker, for all processes: closed (as new, and by its rules again), open (as if it had\n"
"tripped now), half_open, or until it is put elsewhere forced_open, disabled, forced_closed,\n"
"metrics_only.");

static PyObject *breaker_set_mode(PyObject *object, PyObject *mode)
{
    Handle *self = (Handle *)object;
    if (!PyUnicode_Check(mode)) {
        PyErr_SetString(PyExc_TypeError, "mode is a str");
        return NULL;
    }
    size_t number = 0;
    while (number < COUNT(phases) && !keyword_is(mode, phases[number])) {
        number++;
    }
    if (number == COUNT(phases)) {
        PyErr_Format(PyExc_ValueError,
                     "mode is closed, open, half_open, forced_open, disabled, forced_closed or"
                     " metrics_only, not %R",
                     mode);
        return NULL;
    }
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        return NULL;
    }
    tidegate_breaker breaker = {self->id};
    return none_or_raise(self->state, tidegate_breaker_set_mode(engine, breaker,
                                                                (tidegate_breaker_phase)number));
}

static const Field fields[] = {
#define FIELD(field, as) {#field, offsetof(tidegate_breaker_reading, field), as}
    FIELD(generation, AS_WHOLE),
    FIELD(calls, AS_WHOLE),
    FIELD(failures, AS_WHOLE),
    FIELD(slow_calls, AS_WHOLE),
    FIELD(failure_rate, AS_REAL),
    FIELD(slow_call_rate, AS_REAL),
    {"retry_after", offsetof(tidegate_breaker_reading, retry_after_ns), AS_SECONDS},
    FIELD(opened_count, AS_WHOLE),
    FIELD(permits_out, AS_WHOLE),
    FIELD(tripped_calls, AS_WHOLE),
    FIELD(tripped_failures, AS_WHOLE),
    FIELD(tripped_slow_calls, AS_WHOLE),
    {"tripped_age", offsetof(tidegate_breaker_reading, tripped_age_ns), AS_SECONDS},
    {NULL, 0, AS_WHOLE},
#undef FIELD
};

PyDoc_STRVAR(breaker_read_doc, "read()\n--\n\n"
"What the breaker is, what it sees, and why it last opened. Rates are NaN below minimum_calls.");

static PyObject *breaker_read(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Handle *self = (Handle *)object;
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        return NULL;
    }
    tidegate_breaker breaker = {self->id};
    tidegate_breaker_reading reading;
    tidegate_status status = tidegate_breaker_read(engine, breaker, &reading);
    if (status != TIDEGATE_OK) {
        return raise_status(self->state, status);
    }
    PyObject *found = dict_of(&reading, fields);
    PyObject *phase = word(phases, COUNT(phases), reading.phase);
    PyObject *reason = word(reasons, COUNT(reasons), reading.reason);
    if (found == NULL || phase == NULL || reason == NULL
        || PyDict_SetItemString(found, "phase", phase) < 0
        || PyDict_SetItemString(found, "reason", reason) < 0) {
        Py_CLEAR(found);
    }
    Py_XDECREF(phase);
    Py_XDECREF(reason);
    return found;
}

PyDoc_STRVAR(acquire_doc, "acquire(*, ignore=())\n--\n\n"
"A Permit, truthy when the call may go on. Give it back with report(), or use it as a block:\n"
"`with breaker.acquire():` raises CircuitOpen when it may not, and reports how the block ended.\n"
"Exceptions are failures, but for classes in `ignore`.");

static PyGetSetDef breaker_getset[] = {
    {"state", breaker_state, NULL,
     "closed, open, half_open, forced_open, disabled, forced_closed or metrics_only.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef breaker_methods[] = {
    {"acquire", FAST(handle_acquire), METH_FASTCALL | METH_KEYWORDS, acquire_doc},
    {"set_mode", breaker_set_mode, METH_O, set_mode_doc},
    {"read", breaker_read, METH_NOARGS, breaker_read_doc},
    {"_begin", FAST(handle_acquire), METH_FASTCALL | METH_KEYWORDS, NULL},
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

HANDLE_TYPE(breaker, "Breaker",
            "A circuit breaker, one for all processes of the region. Also a decorator.",
            {Py_tp_call, handle_decorate}, {Py_tp_getset, breaker_getset}, );
