/* described.c: what is recorded with words: ratios, states, information, details, errors. */
#include "native.h"

/* Ratio */

PyDoc_STRVAR(ratio_record_doc, "record(hits=0, misses=0)\n--\n\nAdds hits and misses.");

static PyObject *ratio_record(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"hits", "misses", NULL};
    Handle *self = (Handle *)object;
    PyObject *hits = NULL;
    PyObject *misses = NULL;
    uint64_t hit_count = 0;
    uint64_t miss_count = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|OO:record", names, &hits, &misses)
        || (hits != NULL && whole_number(hits, "hits", UINT64_MAX, &hit_count) < 0)
        || (misses != NULL && whole_number(misses, "misses", UINT64_MAX, &miss_count) < 0)) {
        return NULL;
    }
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        return NULL;
    }
    tidegate_ratio ratio = {self->id};
    return none_or_raise(self->state, tidegate_ratio_record(engine, ratio, hit_count, miss_count));
}

/* Adds one of either. */
static PyObject *ratio_one(PyObject *object, uint64_t hits, uint64_t misses)
{
    Handle *self = (Handle *)object;
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        return NULL;
    }
    tidegate_ratio ratio = {self->id};
    return none_or_raise(self->state, tidegate_ratio_record(engine, ratio, hits, misses));
}

PyDoc_STRVAR(hit_doc, "hit()\n--\n\nAdds a hit.");

static PyObject *ratio_hit(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    return ratio_one(self, 1, 0);
}

PyDoc_STRVAR(miss_doc, "miss()\n--\n\nAdds a miss.");

static PyObject *ratio_miss(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    return ratio_one(self, 0, 1);
}

PyDoc_STRVAR(ratio_read_doc, "read(window=0.0)\n--\n\n"
"Hits, misses and their ratio over the last `window` seconds, or since the ratio was made.");

static PyObject *ratio_read(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"window", NULL};
    Handle *self = (Handle *)object;
    double window = 0.0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|d:read", names, &window)) {
        return NULL;
    }
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        return NULL;
    }
    tidegate_ratio ratio = {self->id};
    uint64_t hits = 0;
    uint64_t misses = 0;
    double share = 0.0;
    tidegate_status status = tidegate_ratio_read(engine, ratio, window, &hits, &misses, &share);
    if (status != TIDEGATE_OK) {
        return raise_status(self->state, status);
    }
    return Py_BuildValue("{s:K,s:K,s:d}", "hits", (unsigned long long)hits, "misses",
                         (unsigned long long)misses, "ratio", share);
}

static PyMethodDef ratio_methods[] = {
    {"record", FAST(ratio_record), METH_VARARGS | METH_KEYWORDS, ratio_record_doc},
    {"hit", ratio_hit, METH_NOARGS, hit_doc},
    {"miss", ratio_miss, METH_NOARGS, miss_doc},
    {"read", FAST(ratio_read), METH_VARARGS | METH_KEYWORDS, ratio_read_doc},
    LABELS_METHOD,
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

HANDLE_TYPE(ratio, "Ratio", "Hits and misses, such as those of a cache.");

/* Enum */

PyDoc_STRVAR(enum_set_doc, "set(state)\n--\n\nPuts it into one of its states.");

static PyObject *enum_set(PyObject *object, PyObject *state)
{
    Handle *self = (Handle *)object;
    if (!PyUnicode_Check(state)) {
        PyErr_SetString(PyExc_TypeError, "a state is a str");
        return NULL;
    }
    const char *text = PyUnicode_AsUTF8AndSize(state, NULL);
    tidegate_engine *engine = text == NULL ? NULL : open_engine(self);
    if (engine == NULL) {
        return NULL;
    }
    tidegate_enum enumeration = {self->id};
    return none_or_raise(self->state, tidegate_enum_set(engine, enumeration, text));
}

static PyMethodDef enum_methods[] = {
    {"set", enum_set, METH_O, enum_set_doc},
    LABELS_METHOD,
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

HANDLE_TYPE(enum, "Enum", "One of several states.");

/* Engine */

/* _set_info(name: str, labels: str) */
PyObject *engine_set_info(PyObject *object, PyObject *args)
{
    Engine *self = (Engine *)object;
    const char *name;
    const char *labels;
    if (!PyArg_ParseTuple(args, "ss:set_info", &name, &labels)) {
        return NULL;
    }
    tidegate_engine *raw = engine_or_raise(self);
    if (raw == NULL) {
        return NULL;
    }
    return none_or_raise(self->state, tidegate_info_set(raw, name, labels));
}

/* report_error(code, text) */
PyObject *engine_report_error(PyObject *object, PyObject *args)
{
    Engine *self = (Engine *)object;
    const char *code;
    const char *text;
    if (!PyArg_ParseTuple(args, "ss:report_error", &code, &text)) {
        return NULL;
    }
    tidegate_engine *raw = engine_or_raise(self);
    if (raw == NULL) {
        return NULL;
    }
    return none_or_raise(self->state, tidegate_error_report(raw, code, text));
}

/* Histogram.record_exemplar(value, trace_id) */
PyObject *histogram_record_exemplar(PyObject *object, PyObject *args)
{
    Handle *self = (Handle *)object;
    double value;
    const char *trace_id;
    tidegate_engine *engine;
    if (!PyArg_ParseTuple(args, "ds:record_exemplar", &value, &trace_id)
        || (engine = open_engine(self)) == NULL) {
        return NULL;
    }
    tidegate_histogram histogram = {self->id};
    return none_or_raise(self->state, tidegate_histogram_record_exemplar(engine, histogram, value,
                                                                         trace_id));
}

/* Histogram.import_hdr(data, scale=1.0) */
PyObject *histogram_import_hdr(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"data", "scale", NULL};
    Handle *self = (Handle *)object;
    const char *data;
    Py_ssize_t length;
    double scale = 1.0;
    tidegate_engine *engine;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "s#|d:import_hdr", names, &data, &length,
                                     &scale)
        || (engine = open_engine(self)) == NULL) {
        return NULL;
    }
    tidegate_histogram histogram = {self->id};
    uint64_t count = 0;
    tidegate_status status =
        tidegate_histogram_import(engine, histogram, data, (size_t)length, scale, &count);
    if (status != TIDEGATE_OK) {
        return raise_status(self->state, status);
    }
    return PyLong_FromUnsignedLongLong(count);
}

/* Operation.record_detail(seconds, outcome=0, error=None, message=None, detail=None,
 * trace_id=None) */
PyObject *operation_record_detail(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"seconds", "outcome", "error", "message", "detail", "trace_id", NULL};
    Handle *self = (Handle *)object;
    double seconds;
    int outcome = TIDEGATE_OUTCOME_SUCCESS;
    const char *code = NULL;
    const char *message = NULL;
    const char *detail = NULL;
    const char *trace_id = NULL;
    tidegate_engine *engine;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "d|izzzz:record_detail", names, &seconds,
                                     &outcome, &code, &message, &detail, &trace_id)
        || (engine = open_engine(self)) == NULL) {
        return NULL;
    }
    tidegate_operation operation = {self->id};
    return none_or_raise(self->state,
                         tidegate_operation_record_detail(engine, operation, seconds, outcome, code,
                                                          message, detail, trace_id));
}
