/*
 * engine.c: opening and closing, handles by name, the clock.
 *
 * The class in Python, tidegate.Engine, is a subclass that turns its arguments into the JSON that
 * the header wants. Here JSON is text or None.
 */
#include "native.h"

tidegate_engine *engine_enter(Engine *self)
{
    tidegate_engine *raw = engine_or_raise(self);
#ifndef Py_GIL_DISABLED
    self->busy += raw != NULL;
#endif
    return raw;
}

/* Without the interpreter's lock other threads may be inside any call: then a closed engine is not
 * used any more, and goes when nobody can reach it, since every handle keeps its Engine. */
static void engine_release(Engine *self, bool collected)
{
#ifdef Py_GIL_DISABLED
    tidegate_engine *raw = atomic_exchange(&self->raw, NULL);
    if (raw != NULL) {
        self->closed = raw;
    }
    raw = collected ? self->closed : NULL;
#else
    (void)collected;
    tidegate_engine *raw = self->raw;
    self->raw = NULL;
#endif
    tidegate_engine_close(raw);
}

void engine_leave(Engine *self)
{
#ifdef Py_GIL_DISABLED
    (void)self;
#else
    self->busy--;
    if (self->closing && self->busy == 0) {
        self->closing = false;
        engine_release(self, false);
    }
#endif
}

int text_or_none(PyObject *object, const char *what, const char **out)
{
    *out = NULL;
    if (object == Py_None) {
        return 0;
    }
    if (!PyUnicode_Check(object)) {
        PyErr_Format(PyExc_TypeError, "%s is a str or None", what);
        return -1;
    }
    Py_ssize_t length = 0;
    *out = PyUnicode_AsUTF8AndSize(object, &length);
    if (*out == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < length; i++) {
        if ((*out)[i] == '\0') {
            PyErr_Format(PyExc_ValueError, "%s holds a NUL character", what);
            return -1;
        }
    }
    return 0;
}

/* The state of the module that made the native class below `type`. */
static State *state_of_base(PyTypeObject *type)
{
    while (type != NULL) {
        State *state = PyType_GetModuleState(type);
        if (state != NULL) {
            return state;
        }
        PyErr_Clear();
        type = (PyTypeObject *)PyType_GetSlot(type, Py_tp_base);
    }
    PyErr_SetString(PyExc_TypeError, "not a class of tidegate");
    return NULL;
}

/* Engine.__new__(cls, config: str | None, path: str | None): with a path, an observer. */
static PyObject *engine_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"config", "path", NULL};
    PyObject *config = Py_None;
    PyObject *path = Py_None;
    const char *config_json;
    const char *path_text;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|OO:Engine", names, &config, &path)
        || text_or_none(config, "config", &config_json) < 0
        || text_or_none(path, "path", &path_text) < 0) {
        return NULL;
    }
    State *state = state_of_base(type);
    if (state == NULL) {
        return NULL;
    }
    tidegate_engine *raw = NULL;
    tidegate_status status;
    Py_BEGIN_ALLOW_THREADS
    status = path_text == NULL ? tidegate_engine_open(config_json, &raw)
                               : tidegate_engine_attach(path_text, &raw);
    Py_END_ALLOW_THREADS
    if (status != TIDEGATE_OK) {
        return raise_status(state, status);
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Engine *self = (Engine *)allocate(type, 0);
    if (self == NULL) {
        tidegate_engine_close(raw);
        return NULL;
    }
    self->state = state;
    self->raw = raw;
#ifdef Py_GIL_DISABLED
    self->closed = NULL;
#endif
    /* Only a manual clock lets itself be moved, if only by nothing. */
    self->manual = tidegate_clock_advance(raw, 0) == TIDEGATE_OK;
    self->busy = 0;
    self->closing = false;
    return (PyObject *)self;
}

static int engine_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void engine_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    engine_release((Engine *)object, true);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

PyDoc_STRVAR(close_doc, "close()\n--\n\n"
"Closes this process's view of the region; what it holds lives on in other processes and in its\n"
"file. Closing twice is fine. Whatever uses the engine afterwards raises ClosedError.");

static PyObject *engine_close(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Engine *self = (Engine *)object;
    if (self->raw != NULL) {
        if (self->busy > 0) {
            self->closing = true;
        } else {
            engine_release(self, false);
        }
    }
    Py_RETURN_NONE;
}

static PyObject *engine_closed(PyObject *object, void *ignored)
{
    (void)ignored;
    Engine *self = (Engine *)object;
    return PyBool_FromLong(self->raw == NULL || self->closing);
}

static PyObject *engine_enter_with(PyObject *object, PyObject *ignored)
{
    Engine *self = (Engine *)object;
    return engine_or_raise(self) == NULL ? NULL : copy_self(object, ignored);
}

static PyObject *engine_exit(PyObject *object, PyObject *args)
{
    (void)args;
    return engine_close(object, NULL);
}

/* Opens the `kind` of this name; every open function of the header has the same shape. */
static tidegate_status open_kind(tidegate_engine *engine, Kind kind, const char *name,
                                 const char *options, uint64_t *out)
{
    tidegate_status status = TIDEGATE_E_ARGUMENT;
#define OPEN(kind, type, function)                                                                \
    case kind: {                                                                                  \
        type id = {0};                                                                            \
        status = function(engine, name, options, &id);                                            \
        *out = id.id;                                                                             \
        break;                                                                                    \
    }
    switch (kind) {
        OPEN(KIND_COUNTER, tidegate_counter, tidegate_counter_open)
        OPEN(KIND_GAUGE, tidegate_gauge, tidegate_gauge_open)
        OPEN(KIND_HISTOGRAM, tidegate_histogram, tidegate_histogram_open)
        OPEN(KIND_LIMITER, tidegate_limiter, tidegate_limiter_open)
        OPEN(KIND_OPERATION, tidegate_operation, tidegate_operation_open)
        OPEN(KIND_BREAKER, tidegate_breaker, tidegate_breaker_open)
        OPEN(KIND_BULKHEAD, tidegate_bulkhead, tidegate_bulkhead_open)
        OPEN(KIND_THROTTLE, tidegate_throttle, tidegate_throttle_open)
        OPEN(KIND_GUARD, tidegate_guard, tidegate_guard_open)
        OPEN(KIND_RATIO, tidegate_ratio, tidegate_ratio_open)
        OPEN(KIND_ENUM, tidegate_enum, tidegate_enum_open)
        OPEN(KIND_RETRY, tidegate_retry, tidegate_retry_open)
    case KINDS:
        break;
    }
#undef OPEN
    return status;
}

PyObject *handle_open(Engine *self, Kind kind, PyObject *name_text, PyObject *options_text)
{
    const char *name;
    const char *options;
    if (!PyUnicode_Check(name_text)) {
        PyErr_SetString(PyExc_TypeError, "a name is a str");
        return NULL;
    }
    if (text_or_none(name_text, "a name", &name) < 0
        || text_or_none(options_text, "options", &options) < 0) {
        return NULL;
    }
    tidegate_engine *raw = engine_enter(self);
    if (raw == NULL) {
        return NULL;
    }
    uint64_t id = 0;
    tidegate_status status;
    Py_BEGIN_ALLOW_THREADS
    status = open_kind(raw, kind, name, options, &id);
    Py_END_ALLOW_THREADS
    engine_leave(self);
    if (status != TIDEGATE_OK) {
        return raise_status(self->state, status);
    }
    return handle_new(self->state, self, kind, name_text, options_text, id);
}

/* _open(kind: int, name: str, options: str | None) */
static PyObject *engine_open(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    uint64_t kind;
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "_open takes a kind, a name and options");
        return NULL;
    }
    if (whole_number(args[0], "kind", KINDS - 1, &kind) < 0) {
        return NULL;
    }
    return handle_open((Engine *)object, (Kind)kind, args[1], args[2]);
}

PyDoc_STRVAR(advance_doc, "advance(seconds)\n--\n\n"
"Moves the clock on, of an engine with {\"clock\": \"manual\"}, in every process of its region.");

static PyObject *engine_advance(PyObject *object, PyObject *seconds)
{
    Engine *self = (Engine *)object;
    double wanted = PyFloat_AsDouble(seconds);
    if (wanted == -1.0 && PyErr_Occurred()) {
        return NULL;
    }
    if (!(wanted >= 0.0) || wanted > 9e9) {
        PyErr_SetString(PyExc_ValueError, "seconds is at least 0 and at most 9e9");
        return NULL;
    }
    tidegate_engine *raw = engine_or_raise(self);
    if (raw == NULL) {
        return NULL;
    }
    uint64_t by_ns = (uint64_t)(wanted * 1e9 + 0.5);
    return none_or_raise(self->state, tidegate_clock_advance(raw, by_ns));
}

/* _advance_ns(by_ns: int): to the nanosecond. */
static PyObject *engine_advance_ns(PyObject *object, PyObject *by)
{
    Engine *self = (Engine *)object;
    uint64_t by_ns;
    if (whole_number(by, "by_ns", UINT64_MAX, &by_ns) < 0) {
        return NULL;
    }
    tidegate_engine *raw = engine_or_raise(self);
    if (raw == NULL) {
        return NULL;
    }
    return none_or_raise(self->state, tidegate_clock_advance(raw, by_ns));
}

PyDoc_STRVAR(tick_doc, "tick()\n--\n\n"
"Takes the checkpoints of windows that are due, and says that this process is alive. Recording\n"
"does this by itself.");

static PyObject *engine_tick(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Engine *self = (Engine *)object;
    tidegate_engine *raw = engine_or_raise(self);
    if (raw == NULL) {
        return NULL;
    }
    return none_or_raise(self->state, tidegate_tick(raw));
}

PyDoc_STRVAR(record_doc, "record(name, value)\n--\n\n"
"Records a value by name; the histogram is made on first use. A Histogram kept from\n"
"Engine.histogram() costs less.");

static PyObject *engine_record(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    Engine *self = (Engine *)object;
    const char *name;
    if (count != 2 || !PyUnicode_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "record takes a name and a value");
        return NULL;
    }
    if (text_or_none(args[0], "a name", &name) < 0) {
        return NULL;
    }
    double value = PyFloat_AsDouble(args[1]);
    if (value == -1.0 && PyErr_Occurred()) {
        return NULL;
    }
    tidegate_engine *raw = engine_or_raise(self);
    if (raw == NULL) {
        return NULL;
    }
    return none_or_raise(self->state, tidegate_record_metric(raw, name, value));
}

PyDoc_STRVAR(allow_doc, "allow(limiter, *key_parts)\n--\n\n"
"Takes one unit of the limiter of this name, or none; True when it did. A Limiter kept from\n"
"Engine.limiter() costs less and says more.");

static PyObject *engine_allow(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    Engine *self = (Engine *)object;
    const char *limiter;
    if (count < 1 || !PyUnicode_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "allow takes the name of a limiter and the parts of a key");
        return NULL;
    }
    Key key;
    if (text_or_none(args[0], "a name", &limiter) < 0
        || key_join(&key, args + 1, count - 1) < 0) {
        return NULL;
    }
    tidegate_engine *raw = engine_or_raise(self);
    if (raw == NULL) {
        key_free(&key);
        return NULL;
    }
    tidegate_status status = tidegate_allow_request(raw, limiter, key.bytes, key.length);
    key_free(&key);
    if (status < 0) {
        return raise_status(self->state, status);
    }
    return PyBool_FromLong(status == TIDEGATE_OK);
}

PyDoc_STRVAR(report_health_doc,
"report_health(check, status, observed=None, message=None, ttl=0.0)\n--\n\n"
"Tells what the application found out about a check itself: healthy, degraded, unhealthy or unknown,\n"
"with a measured value and a message for people. The latest report of a name stands, for `ttl`\n"
"seconds; 0 for ever.");

PyDoc_STRVAR(report_error_doc, "report_error(code, text)\n--\n\n"
"Keeps an error in the log of distinct errors: how often it came, when first and last, from whom.");

PyDoc_STRVAR(heartbeat_doc, "heartbeat()\n--\n\n"
"Says that this process is at work. Once it has, its liveness depends on doing so again.");

PyDoc_STRVAR(startup_done_doc, "startup_done()\n--\n\n"
"Says that this process, and whatever it forks afterwards, has started.");

static PyMethodDef engine_methods[] = {
    {"close", engine_close, METH_NOARGS, close_doc},
    {"__enter__", engine_enter_with, METH_NOARGS, NULL},
    {"__exit__", engine_exit, METH_VARARGS, NULL},
    {"_open", FAST(engine_open), METH_FASTCALL, NULL},
    {"advance", engine_advance, METH_O, advance_doc},
    {"_advance_ns", engine_advance_ns, METH_O, NULL},
    {"tick", engine_tick, METH_NOARGS, tick_doc},
    {"record", FAST(engine_record), METH_FASTCALL, record_doc},
    {"allow", FAST(engine_allow), METH_FASTCALL, allow_doc},
    {"_set_info", engine_set_info, METH_VARARGS, NULL},
    {"report_error", engine_report_error, METH_VARARGS, report_error_doc},
    {"_check_all", engine_check_all, METH_O, NULL},
    {"_events", engine_events, METH_O, NULL},
    {"_health", engine_health, METH_O, NULL},
    {"report_health", FAST(engine_report_health), METH_VARARGS | METH_KEYWORDS, report_health_doc},
    {"heartbeat", engine_heartbeat, METH_NOARGS, heartbeat_doc},
    {"startup_done", engine_startup_done, METH_NOARGS, startup_done_doc},
    {"_snapshot", engine_snapshot, METH_NOARGS, NULL},
    {"__reduce__", refuse_pickling, METH_NOARGS, NULL},
    {"__reduce_ex__", refuse_pickling, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef engine_getset[] = {
    {"closed", engine_closed, NULL, "Whether close() was called.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot engine_slots[] = {
    {Py_tp_doc, "This process's view of a region; see tidegate.Engine."},
    {Py_tp_new, engine_new},
    {Py_tp_dealloc, engine_dealloc},
    {Py_tp_traverse, engine_traverse},
    {Py_tp_methods, engine_methods},
    {Py_tp_getset, engine_getset},
    {0, NULL},
};

PyType_Spec engine_spec = {
    .name = "tidegate._native.Engine",
    .basicsize = sizeof(Engine),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = engine_slots,
};
