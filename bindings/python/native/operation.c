/* operation.c: latency, outcome and error code of calls, recorded together. */
#include "native.h"

#include <stddef.h>

/* A manual clock decides how long a call took; otherwise it is measured here, as of other guards. */
static tidegate_status operation_begin(tidegate_engine *engine, uint64_t id, const Key *key,
                                       uint32_t cost, uint32_t attempt, Call *call,
                                       Refusal *refusal)
{
    (void)key;
    (void)cost;
    (void)attempt;
    (void)refusal;
    if (!call->manual) {
        return TIDEGATE_OK;
    }
    tidegate_operation operation = {id};
    return tidegate_operation_begin(engine, operation, &call->first);
}

static tidegate_status operation_end(tidegate_engine *engine, uint64_t id, const Call *call,
                                     tidegate_outcome outcome, double seconds, const char *code)
{
    tidegate_operation operation = {id};
    if (seconds >= 0.0) {
        return tidegate_operation_record(engine, operation, seconds, outcome, code);
    }
    return tidegate_operation_end(engine, operation, call->first, outcome, code);
}

const Guarding operation_guarding = {operation_begin, operation_end, NULL, true, true};

PyDoc_STRVAR(record_doc, "record(seconds, outcome=Outcome.SUCCESS, error=None)\n--\n\n"
"Records one call: how long it took, how it ended, and why.");

static PyObject *operation_record(PyObject *object, PyObject *const *args, Py_ssize_t count,
                                  PyObject *keywords)
{
    Handle *self = (Handle *)object;
    PyObject *given[3] = {NULL, NULL, NULL};
    Py_ssize_t named = keywords == NULL ? 0 : PyTuple_Size(keywords);
    for (Py_ssize_t i = 0; i < count && i < 3; i++) {
        given[i] = args[i];
    }
    for (Py_ssize_t i = 0; i < named; i++) {
        PyObject *name = PyTuple_GetItem(keywords, i);
        int place = keyword_is(name, "seconds")   ? 0
                    : keyword_is(name, "outcome") ? 1
                    : keyword_is(name, "error")   ? 2
                                                  : -1;
        if (place < 0 || given[place] != NULL) {
            PyErr_Format(PyExc_TypeError, "record takes seconds, outcome and error; not %U", name);
            return NULL;
        }
        given[place] = args[count + i];
    }
    if (count > 3 || given[0] == NULL) {
        PyErr_SetString(PyExc_TypeError, "record takes seconds, outcome and error");
        return NULL;
    }
    double seconds = PyFloat_AsDouble(given[0]);
    if (seconds == -1.0 && PyErr_Occurred()) {
        return NULL;
    }
    uint64_t outcome = TIDEGATE_OUTCOME_SUCCESS;
    if (given[1] != NULL && whole_number(given[1], "outcome", INT32_MAX, &outcome) < 0) {
        return NULL;
    }
    const char *code = NULL;
    if (given[2] != NULL && given[2] != Py_None) {
        if (!PyUnicode_Check(given[2])) {
            PyErr_SetString(PyExc_TypeError, "error is a str or None");
            return NULL;
        }
        code = PyUnicode_AsUTF8AndSize(given[2], NULL);
        if (code == NULL) {
            return NULL;
        }
    }
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        return NULL;
    }
    tidegate_operation operation = {self->id};
    return none_or_raise(self->state, tidegate_operation_record(engine, operation, seconds,
                                                                (tidegate_outcome)outcome, code));
}

PyDoc_STRVAR(read_doc, "read(window=0.0)\n--\n\n"
"What the calls of the last `window` seconds were, or all since the operation was made.");

static PyObject *operation_read(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"window", NULL};
    static const Field fields[] = {
#define WHOLE(field) {#field, offsetof(tidegate_operation_reading, field), AS_WHOLE}
#define REAL(field) {#field, offsetof(tidegate_operation_reading, field), AS_REAL}
        WHOLE(count),          WHOLE(successes),    WHOLE(failures),
        WHOLE(ignored),        WHOLE(slow),         REAL(rate_per_second),
        REAL(success_ratio),   REAL(error_rate),    REAL(average),
        REAL(p50),             REAL(p90),           REAL(p95),
        REAL(p99),             REAL(p999),          REAL(min),
        REAL(max),             {NULL, 0, AS_WHOLE},
#undef WHOLE
#undef REAL
    };
    Handle *self = (Handle *)object;
    double window = 0.0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|d:read", names, &window)) {
        return NULL;
    }
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        return NULL;
    }
    tidegate_operation operation = {self->id};
    tidegate_operation_reading reading;
    tidegate_status status = tidegate_operation_read(engine, operation, window, &reading);
    if (status != TIDEGATE_OK) {
        return raise_status(self->state, status);
    }
    return dict_of(&reading, fields);
}

PyDoc_STRVAR(operation_time_doc, "time(*, ignore=())\n--\n\n"
"`with operation.time():` records the block: how long it took, whether it raised, and the name of\n"
"the exception's class as the error code.");

PyDoc_STRVAR(detail_doc,
"record_detail(seconds, outcome=Outcome.SUCCESS, error=None, message=None, detail=None,"
" trace_id=None)\n--\n\n"
"record(), with what a person wants to see of a failure or of one of the slowest calls.");

static PyMethodDef operation_methods[] = {
    {"record", FAST(operation_record), METH_FASTCALL | METH_KEYWORDS, record_doc},
    {"record_detail", FAST(operation_record_detail), METH_VARARGS | METH_KEYWORDS, detail_doc},
    {"time", FAST(handle_acquire), METH_FASTCALL | METH_KEYWORDS, operation_time_doc},
    {"read", FAST(operation_read), METH_VARARGS | METH_KEYWORDS, read_doc},
    {"_begin", FAST(handle_acquire), METH_FASTCALL | METH_KEYWORDS, NULL},
    LABELS_METHOD,
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

HANDLE_TYPE(operation, "Operation",
            "What a query, request or job is: latency, outcome and error code. Also a decorator.",
            {Py_tp_call, handle_decorate}, );
