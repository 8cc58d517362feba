/*
 * call.c: one call under a guard, from its beginning to its end, and the permit that stands for it.
 *
 * A permit is given back exactly once: by report(), by the end of a `with` block, or, with nothing
 * said of how it went, when it is collected. A process forked in the middle of a call has a copy of
 * the permit but not the call: only the process that began it gives it back.
 */
#include "native.h"

extern const Guarding limiter_guarding;
extern const Guarding operation_guarding;
extern const Guarding breaker_guarding;
extern const Guarding bulkhead_guarding;
extern const Guarding guard_guarding;
extern const Guarding throttle_guarding;

const Guarding *const guardings[KINDS] = {
    [KIND_LIMITER] = &limiter_guarding,
    [KIND_OPERATION] = &operation_guarding,
    [KIND_BREAKER] = &breaker_guarding,
    [KIND_BULKHEAD] = &bulkhead_guarding,
    [KIND_GUARD] = &guard_guarding,
    [KIND_THROTTLE] = &throttle_guarding,
};

const char *kind_word(Kind kind)
{
    static const char *const words[KINDS] = {
        [KIND_LIMITER] = "limiter",
        [KIND_BREAKER] = "breaker",
        [KIND_BULKHEAD] = "bulkhead",
        [KIND_RETRY] = "retry",
        [KIND_THROTTLE] = "throttle",
    };
    return words[kind];
}

/* In place of seconds. */
#define MEASURED (-1.0)

int call_begin(Handle *self, const Key *key, uint32_t cost, uint32_t attempt, Call *call,
               Refusal *refusal, bool *admitted)
{
    const Guarding *guarding = guardings[self->kind];
    tidegate_engine *engine = open_engine(self);
    call->open = false;
    if (engine == NULL) {
        return -1;
    }
    call->manual = self->engine->manual;
    refusal->by = self->kind;
    refusal->retry_after_ns = 0;
    tidegate_status status = guarding->begin(engine, self->id, key, cost, attempt, call, refusal);
    *admitted = status == TIDEGATE_OK;
    if (status == TIDEGATE_OK) {
        call->open = guarding->end != NULL;
        call->generation = fork_generation;
        if (guarding->timed) {
            call->begun = ticks_begin(&self->state->ticks);
        }
    } else if (status != TIDEGATE_DENIED) {
        raise_status(self->state, status);
        return -1;
    }
    return 0;
}

/* True for the one who is to end it. */
static bool call_take(Call *call)
{
#ifdef Py_GIL_DISABLED
    return atomic_exchange(&call->open, false);
#else
    bool open = call->open;
    call->open = false;
    return open;
#endif
}

/* Ends it, now that it was taken. Below 0 the time since it began is measured. */
static tidegate_status end_taken(Handle *self, Call *call, double seconds, tidegate_outcome outcome,
                           const char *code)
{
    const Guarding *guarding = guardings[self->kind];
    tidegate_engine *engine = self->engine->raw;
    if (call->generation != fork_generation || engine == NULL) {
        return TIDEGATE_OK;
    }
    if (guarding->timed && seconds < 0.0 && !(guarding->but_manual && call->manual)) {
        seconds = ticks_since(&self->state->ticks, call->begun);
    }
    return guarding->end(engine, self->id, call, outcome, seconds, code);
}

/* The same, if it is still to be ended. */
static tidegate_status end(Handle *self, Call *call, double seconds, tidegate_outcome outcome,
                           const char *code)
{
    return call_take(call) ? end_taken(self, call, seconds, outcome, code) : TIDEGATE_OK;
}

/* An exception is a failure, unless it is of a class to ignore, or no Exception at all: cancelled
 * tasks, closed generators and exits say nothing of what was called. */
static tidegate_outcome outcome_of(PyObject *class, PyObject *ignore)
{
    if (!PyErr_GivenExceptionMatches(class, PyExc_Exception)
        || (ignore != NULL && PyErr_GivenExceptionMatches(class, ignore))) {
        return TIDEGATE_OUTCOME_IGNORED;
    }
    return TIDEGATE_OUTCOME_FAILURE;
}

/* Ends it as its exception, or NULL, tells; the code of an error is the name of its class. */
static tidegate_status end_with(Handle *self, Call *call, PyObject *class, PyObject *ignore)
{
    if (class == NULL) {
        return end(self, call, MEASURED, TIDEGATE_OUTCOME_SUCCESS, NULL);
    }
    PyObject *name = PyObject_GetAttrString(class, "__name__");
    const char *code = name == NULL ? NULL : PyUnicode_AsUTF8AndSize(name, NULL);
    PyErr_Clear();
    tidegate_status status = end(self, call, MEASURED, outcome_of(class, ignore), code);
    Py_XDECREF(name);
    return status;
}

/* A call that took longer than its permit was good for ends well. */
static bool only_late(tidegate_status status)
{
    return status == TIDEGATE_E_STATE || status == TIDEGATE_E_STALE;
}

int call_end(Handle *self, Call *call, PyObject *ignore, bool failed)
{
    if (!failed) {
        tidegate_status status = end(self, call, MEASURED, TIDEGATE_OUTCOME_SUCCESS, NULL);
        if (status < 0 && !only_late(status)) {
            raise_status(self->state, status);
            return -1;
        }
        return 0;
    }
    PyObject *class, *value, *traceback;
    PyErr_Fetch(&class, &value, &traceback);
    (void)end_with(self, call, class, ignore);
    PyErr_Restore(class, value, traceback);
    return -1;
}

void call_drop(Handle *self, Call *call)
{
    (void)end(self, call, MEASURED, TIDEGATE_OUTCOME_IGNORED, NULL);
}

/* Nanoseconds that a refused call should wait; 0 where nobody knows. */
static uint64_t wait_of(Handle *self, const Refusal *refusal)
{
    const Guarding *guarding = guardings[self->kind];
    tidegate_engine *engine = self->engine->raw;
    if (refusal->retry_after_ns == 0 && guarding->wait != NULL && engine != NULL) {
        return guarding->wait(engine, self->id);
    }
    return refusal->retry_after_ns;
}

PyObject *raise_denied(Handle *self, const Refusal *refusal)
{
    PyObject *error =
        PyObject_CallFunction(self->state->denied, "zOd", kind_word(refusal->by), self->name,
                              (double)wait_of(self, refusal) * 1e-9);
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

PyObject *ignored_classes(PyObject *object)
{
    if (object == NULL || object == Py_None) {
        Py_RETURN_NONE;
    }
    Py_ssize_t count = PyTuple_Check(object) ? PyTuple_Size(object) : 1;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *class = PyTuple_Check(object) ? PyTuple_GetItem(object, i) : object;
        if (!PyExceptionClass_Check(class)) {
            PyErr_SetString(PyExc_TypeError,
                            "ignore is a class of exceptions or a tuple of them");
            return NULL;
        }
    }
    Py_INCREF(object);
    return object;
}

/* Permit */

typedef struct {
    PyObject_HEAD
    State *state;
    Handle *guard;
    PyObject *ignore;
    Call call;
    Refusal refusal;
    bool admitted;
} Permit;

static int permit_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((Permit *)object)->ignore);
    return 0;
}

static int permit_clear(PyObject *object)
{
    Py_CLEAR(((Permit *)object)->ignore);
    return 0;
}

static void permit_dealloc(PyObject *object)
{
    Permit *self = (Permit *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    call_drop(self->guard, &self->call);
    permit_clear(object);
    Py_DECREF(self->guard);
    PyObject_GC_Del(object);
    Py_DECREF(type);
}

static int arguments(PyObject *const *args, Py_ssize_t count, PyObject *keywords, uint32_t *cost,
                     uint32_t *attempt, PyObject **ignore)
{
    Py_ssize_t named = keywords == NULL ? 0 : PyTuple_Size(keywords);
    for (Py_ssize_t i = 0; i < named; i++) {
        PyObject *name = PyTuple_GetItem(keywords, i);
        PyObject *value = args[count + i];
        uint64_t number;
        if (keyword_is(name, "ignore")) {
            *ignore = value;
        } else if (keyword_is(name, "cost")) {
            if (whole_number(value, "cost", UINT32_MAX, &number) < 0) {
                return -1;
            }
            *cost = (uint32_t)number;
        } else if (keyword_is(name, "attempt")) {
            if (whole_number(value, "attempt", UINT32_MAX, &number) < 0) {
                return -1;
            }
            *attempt = (uint32_t)number;
        } else {
            PyErr_Format(PyExc_TypeError,
                         "the keywords are cost, attempt and ignore; there is no %U", name);
            return -1;
        }
    }
    return 0;
}

PyObject *handle_acquire(PyObject *object, PyObject *const *args, Py_ssize_t count,
                         PyObject *keywords)
{
    Handle *guard = (Handle *)object;
    State *state = guard->state;
    uint32_t cost = 1;
    uint32_t attempt = 1;
    PyObject *ignore = NULL;
    Key key;
    if (type_is_gone(state->permit)
        || arguments(args, count, keywords, &cost, &attempt, &ignore) < 0
        || key_join(&key, args, count) < 0) {
        return NULL;
    }
    ignore = ignored_classes(ignore);
    Permit *self = ignore == NULL ? NULL : (Permit *)PyType_GenericAlloc(state->permit, 0);
    if (self == NULL) {
        Py_XDECREF(ignore);
        key_free(&key);
        return NULL;
    }
    self->state = state;
    self->guard = guard;
    Py_INCREF(guard);
    self->ignore = ignore;
    int begun = call_begin(guard, &key, cost, attempt, &self->call, &self->refusal,
                           &self->admitted);
    key_free(&key);
    if (begun < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int permit_bool(PyObject *self)
{
    return ((Permit *)self)->admitted;
}

static PyObject *permit_enter(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Permit *self = (Permit *)object;
    if (!self->admitted) {
        return raise_denied(self->guard, &self->refusal);
    }
    Py_INCREF(object);
    return object;
}

static PyObject *permit_exit(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    Permit *self = (Permit *)object;
    PyObject *class = count > 0 && args[0] != Py_None ? args[0] : NULL;
    PyObject *ignore = self->ignore == Py_None ? NULL : self->ignore;
    tidegate_status status = end_with(self->guard, &self->call, class, ignore);
    if (status < 0 && class == NULL && !only_late(status)) {
        return raise_status(self->state, status);
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(report_doc, "report(outcome, seconds=None, error=None)\n--\n\n"
"Gives the permit back, once, with what happened: an Outcome, how long it took if not since the\n"
"permit was given, and for an operation the code of its error.");

static PyObject *permit_report(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"outcome", "seconds", "error", NULL};
    Permit *self = (Permit *)object;
    int outcome;
    PyObject *seconds = Py_None;
    const char *code = NULL;
    uint64_t took_ns = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "i|Oz:report", names, &outcome, &seconds,
                                     &code)
        || (seconds != Py_None && nanoseconds_of(seconds, "seconds", &took_ns) < 0)) {
        return NULL;
    }
    if (open_engine(self->guard) == NULL) {
        return NULL;
    }
    if (!call_take(&self->call)) {
        return raise_sentence(self->state, TIDEGATE_E_STATE,
                              self->admitted
                                  ? "the permit was given back already, or needs no report"
                                  : "the permit was refused: there is nothing to report");
    }
    double took = seconds == Py_None ? MEASURED : (double)took_ns * 1e-9;
    tidegate_status status = end_taken(self->guard, &self->call, took, outcome, code);
    if (status == TIDEGATE_E_ARGUMENT) {
        /* Nothing happened: it is still ours to give back. */
        self->call.open = true;
    }
    return none_or_raise(self->state, status);
}

static PyObject *permit_retry_after(PyObject *object, void *ignored)
{
    (void)ignored;
    Permit *self = (Permit *)object;
    return seconds_from(self->admitted ? 0 : wait_of(self->guard, &self->refusal));
}

static PyObject *permit_admitted(PyObject *self, void *ignored)
{
    (void)ignored;
    return PyBool_FromLong(((Permit *)self)->admitted);
}

static PyObject *permit_open(PyObject *self, void *ignored)
{
    (void)ignored;
    return PyBool_FromLong(((Permit *)self)->call.open);
}

static PyObject *permit_guard(PyObject *object, void *ignored)
{
    (void)ignored;
    return copy_self((PyObject *)((Permit *)object)->guard, NULL);
}

static PyObject *permit_refused_by(PyObject *object, void *ignored)
{
    (void)ignored;
    Permit *self = (Permit *)object;
    const char *word = self->admitted ? NULL : kind_word(self->refusal.by);
    if (word == NULL) {
        Py_RETURN_NONE;
    }
    return PyUnicode_FromString(word);
}

static PyGetSetDef permit_getset[] = {
    {"admitted", permit_admitted, NULL, "Whether the call may go on; so is the truth value.",
     NULL},
    {"open", permit_open, NULL, "Whether it is still to be given back.", NULL},
    {"retry_after", permit_retry_after, NULL,
     "When refused, the seconds after which it may be worth trying again; 0 where not known.",
     NULL},
    {"refused_by", permit_refused_by, NULL,
     "None when admitted, else limiter, breaker, bulkhead, retry or throttle.", NULL},
    {"guard", permit_guard, NULL, "What gave it.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef permit_methods[] = {
    {"report", FAST(permit_report), METH_VARARGS | METH_KEYWORDS, report_doc},
    {"__enter__", permit_enter, METH_NOARGS, NULL},
    {"__exit__", FAST(permit_exit), METH_FASTCALL, NULL},
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyType_Slot permit_slots[] = {
    {Py_tp_doc, "One call that a guard lets through, or does not; truthy when it does."},
    {Py_tp_dealloc, permit_dealloc},
    {Py_tp_traverse, permit_traverse},
    {Py_tp_clear, permit_clear},
    {Py_nb_bool, permit_bool},
    {Py_tp_getset, permit_getset},
    {Py_tp_methods, permit_methods},
    {0, NULL},
};

PyType_Spec permit_spec = {
    .name = "tidegate._native.Permit",
    .basicsize = sizeof(Permit),
    .flags = FINAL_FLAGS | Py_TPFLAGS_HAVE_GC,
    .slots = permit_slots,
};
