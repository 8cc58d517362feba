/* snapshot.c: one picture of everything, and its texts. Taken and rendered without the
 * interpreter's lock. */
#include "native.h"

typedef struct {
    PyObject_HEAD
    State *state;
    tidegate_snapshot *raw;
} Snapshot;

/* The object of a snapshot that is ours from now on. */
static PyObject *snapshot_of(State *state, tidegate_snapshot *taken)
{
    Snapshot *self = type_is_gone(state->snapshot) ? NULL : PyObject_New(Snapshot, state->snapshot);
    if (self == NULL) {
        tidegate_snapshot_free(taken);
        return NULL;
    }
    self->state = state;
    self->raw = taken;
    return (PyObject *)self;
}

PyObject *engine_snapshot(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Engine *engine = (Engine *)object;
    State *state = engine->state;
    tidegate_engine *raw = engine_enter(engine);
    if (raw == NULL) {
        return NULL;
    }
    tidegate_snapshot *taken = NULL;
    tidegate_status status;
    Py_BEGIN_ALLOW_THREADS
    status = tidegate_snapshot_take(raw, &taken);
    Py_END_ALLOW_THREADS
    engine_leave(engine);
    if (status != TIDEGATE_OK) {
        return raise_status(state, status);
    }
    return snapshot_of(state, taken);
}

PyObject *snapshot_parse(PyObject *module, PyObject *document)
{
    State *state = PyModule_GetState(module);
    Py_ssize_t length = 0;
    const char *text = NULL;
    if (PyBytes_Check(document)) {
        char *bytes = NULL;
        if (PyBytes_AsStringAndSize(document, &bytes, &length) == 0) {
            text = bytes;
        }
    } else if (PyUnicode_Check(document)) {
        text = PyUnicode_AsUTF8AndSize(document, &length);
    } else {
        PyErr_SetString(PyExc_TypeError, "a document is str or bytes");
    }
    if (text == NULL) {
        return NULL;
    }
    tidegate_snapshot *read = NULL;
    tidegate_status status;
    Py_BEGIN_ALLOW_THREADS
    status = tidegate_snapshot_parse(text, (size_t)length, &read);
    Py_END_ALLOW_THREADS
    return status == TIDEGATE_OK ? snapshot_of(state, read) : raise_status(state, status);
}

typedef tidegate_status (*Combine)(const tidegate_snapshot *one, const tidegate_snapshot *other,
                                   tidegate_snapshot **out_snapshot);

static PyObject *combined(State *state, PyObject *one, PyObject *other, Combine combine)
{
    if (Py_TYPE(one) != state->snapshot || Py_TYPE(other) != state->snapshot) {
        PyErr_SetString(PyExc_TypeError, "a Snapshot is wanted");
        return NULL;
    }
    tidegate_snapshot *made = NULL;
    tidegate_status status;
    Py_BEGIN_ALLOW_THREADS
    status = combine(((Snapshot *)one)->raw, ((Snapshot *)other)->raw, &made);
    Py_END_ALLOW_THREADS
    return status == TIDEGATE_OK ? snapshot_of(state, made) : raise_status(state, status);
}

PyDoc_STRVAR(since_doc, "since(earlier)\n--\n\nWhat was counted between the two.");

static PyObject *snapshot_since(PyObject *self, PyObject *earlier)
{
    return combined(((Snapshot *)self)->state, earlier, self, tidegate_snapshot_delta);
}

PyDoc_STRVAR(merge_doc, "merge(other)\n--\n\nThe two as one, such as of two hosts.");

static PyObject *snapshot_merge(PyObject *self, PyObject *other)
{
    return combined(((Snapshot *)self)->state, self, other, tidegate_snapshot_merge);
}

static void snapshot_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    tidegate_snapshot_free(((Snapshot *)object)->raw);
    PyObject_Free(object);
    Py_DECREF(type);
}

typedef struct {
    uint32_t format;
    const char *options;
} Wanted;

static tidegate_status render_wanted(const void *object, const void *more, char *buffer,
                                     size_t capacity, size_t *out_length)
{
    const Wanted *wanted = more;
    if (wanted->options == NULL) {
        return tidegate_snapshot_render(object, wanted->format, buffer, capacity, out_length);
    }
    return tidegate_snapshot_render_with(object, wanted->format, wanted->options, buffer, capacity,
                                         out_length);
}

PyDoc_STRVAR(render_doc, "render(format, options=None)\n--\n\n"
"The snapshot in one of the FORMAT_ numbers of this module: str, bytes for OTLP; options are JSON.");

static PyObject *snapshot_render(PyObject *object, PyObject *args)
{
    Snapshot *self = (Snapshot *)object;
    PyObject *format;
    Wanted wanted = {0, NULL};
    uint64_t number;
    if (!PyArg_ParseTuple(args, "O|z:render", &format, &wanted.options)
        || whole_number(format, "format", UINT32_MAX, &number) < 0) {
        return NULL;
    }
    wanted.format = (uint32_t)number;
    SHARED(size_t) *length = &self->state->lengths[number < FORMATS ? number : FORMATS - 1];
    size_t guess = *length;
    PyObject *text =
        (number == TIDEGATE_FORMAT_OTLP ? bytes_from : text_from)(self->state, render_wanted,
                                                                  self->raw, &wanted, &guess, true);
    *length = guess;
    return text;
}

static PyMethodDef snapshot_methods[] = {
    {"render", snapshot_render, METH_VARARGS, render_doc},
    {"since", snapshot_since, METH_O, since_doc},
    {"merge", snapshot_merge, METH_O, merge_doc},
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyType_Slot snapshot_slots[] = {
    {Py_tp_doc, "Everything that a region held at one time; see tidegate.Snapshot."},
    {Py_tp_dealloc, snapshot_dealloc},
    {Py_tp_methods, snapshot_methods},
    {0, NULL},
};

PyType_Spec snapshot_spec = {
    .name = "tidegate._native.Snapshot",
    .basicsize = sizeof(Snapshot),
    .flags = FINAL_FLAGS,
    .slots = snapshot_slots,
};
