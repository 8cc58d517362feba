/* plans.c: what an operator does with a limiter: plans, top keys, new numbers. */
#include "native.h"

PyObject *limiter_set_plan(PyObject *object, PyObject *const *args, Py_ssize_t count,
                           PyObject *given)
{
    Handle *self = (Handle *)object;
    Keyword known[] = {{"plan", NULL}, {NULL, NULL}};
    const char *plan = NULL;
    Key key;
    if (keywords_of(args, count, given, known) < 0) {
        return NULL;
    }
    if (known[0].value == NULL) {
        PyErr_SetString(PyExc_TypeError,
                        "set_plan takes the parts of a key, and plan; None for no plan");
        return NULL;
    }
    if (text_or_none(known[0].value, "plan", &plan) < 0 || key_join(&key, args, count) < 0) {
        return NULL;
    }
    tidegate_engine *engine = open_engine(self);
    PyObject *result = NULL;
    if (engine != NULL) {
        tidegate_limiter limiter = {self->id};
        result = none_or_raise(self->state, tidegate_limiter_set_plan(engine, limiter, key.bytes,
                                                                      key.length, plan));
    }
    key_free(&key);
    return result;
}

typedef struct {
    tidegate_limiter limiter;
    uint32_t by;
    size_t count;
} Top;

static tidegate_status render_top(const void *object, const void *more, char *buffer,
                                  size_t capacity, size_t *out_length)
{
    const Top *top = more;
    return tidegate_limiter_top((tidegate_engine *)object, top->limiter, top->by, top->count,
                                buffer, capacity, out_length);
}

PyObject *limiter_top(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"count", "by", NULL};
    Handle *self = (Handle *)object;
    PyObject *wanted = NULL;
    PyObject *by = NULL;
    uint64_t count = 10;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|OO:top", names, &wanted, &by)
        || (wanted != NULL && whole_number(wanted, "count", UINT32_MAX, &count) < 0)) {
        return NULL;
    }
    Top top = {{self->id}, TIDEGATE_TOP_USED, (size_t)count};
    if (by != NULL && PyUnicode_Check(by) && keyword_is(by, "denied")) {
        top.by = TIDEGATE_TOP_DENIED;
    } else if (by != NULL && !(PyUnicode_Check(by) && keyword_is(by, "used"))) {
        PyErr_SetString(PyExc_ValueError, "by is \"used\" or \"denied\"");
        return NULL;
    }
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        return NULL;
    }
    size_t guess = 4096;
    PyObject *text = text_from(self->state, render_top, engine, &top, &guess, false);
    if (text == NULL || self->state->loads == NULL) {
        return text == NULL ? NULL : raise_unloaded();
    }
    PyObject *list = PyObject_CallFunctionObjArgs(self->state->loads, text, NULL);
    Py_DECREF(text);
    return list;
}

PyObject *limiter_reconfigure(PyObject *object, PyObject *args, PyObject *keywords)
{
    Handle *self = (Handle *)object;
    PyObject *document = Py_None;
    const char *config;
    if (!PyArg_ParseTuple(args, "|O:reconfigure", &document)) {
        return NULL;
    }
    if (self->state->guard_of == NULL) {
        return raise_unloaded();
    }
    PyObject *fields = keywords == NULL ? PyDict_New() : keywords;
    if (fields == NULL) {
        return NULL;
    }
    PyObject *text =
        PyObject_CallFunctionObjArgs(self->state->guard_of, document, fields, NULL);
    if (fields != keywords) {
        Py_DECREF(fields);
    }
    if (text == NULL || text_or_none(text, "a configuration", &config) < 0) {
        Py_XDECREF(text);
        return NULL;
    }
    PyObject *result = NULL;
    tidegate_engine *engine = open_engine(self);
    if (engine != NULL && config == NULL) {
        PyErr_SetString(PyExc_TypeError,
                        "reconfigure takes the whole new configuration, as a document or fields");
    } else if (engine != NULL) {
        tidegate_limiter limiter = {self->id};
        result = none_or_raise(self->state, tidegate_limiter_reconfigure(engine, limiter, config));
    }
    Py_DECREF(text);
    return result;
}
