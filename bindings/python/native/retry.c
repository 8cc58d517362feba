/* retry.c: how long to wait before each further attempt, and when to give up. */
#include "native.h"

PyDoc_STRVAR(next_doc, "next(attempt, *, elapsed=0.0, server_retry_after=0.0)\n--\n\n"
"Seconds to wait before this attempt, counted from 1, or None: give up. Ask before the first one\n"
"too: it waits for nothing, and is what the budget is measured by. `elapsed` is the time since the\n"
"first began, `server_retry_after` what the server asked for.");

static PyObject *retry_next(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"attempt", "elapsed", "server_retry_after", NULL};
    Handle *self = (Handle *)object;
    PyObject *wanted;
    PyObject *elapsed = NULL;
    PyObject *asked = NULL;
    uint64_t attempt;
    uint64_t elapsed_ns = 0;
    uint64_t asked_ns = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$OO:next", names, &wanted, &elapsed, &asked)
        || whole_number(wanted, "attempt", UINT32_MAX, &attempt) < 0
        || (elapsed != NULL && nanoseconds_of(elapsed, "elapsed", &elapsed_ns) < 0)
        || (asked != NULL && nanoseconds_of(asked, "server_retry_after", &asked_ns) < 0)) {
        return NULL;
    }
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        return NULL;
    }
    tidegate_retry retry = {self->id};
    uint64_t delay_ns = 0;
    tidegate_status status = tidegate_retry_next_after(engine, retry, (uint32_t)attempt, elapsed_ns,
                                                       asked_ns, &delay_ns);
    if (status < 0) {
        return raise_status(self->state, status);
    }
    if (status == TIDEGATE_DENIED) {
        Py_RETURN_NONE;
    }
    return seconds_from(delay_ns);
}

static PyMethodDef retry_methods[] = {
    {"next", FAST(retry_next), METH_VARARGS | METH_KEYWORDS, next_doc},
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

HANDLE_TYPE(retry, "Retry",
            "When to try again, with a budget that all processes share. Also a decorator.",
            {Py_tp_call, handle_decorate}, );
