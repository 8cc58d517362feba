/* snapshot.c: one picture of everything, and its texts. Taken and rendered without the
 * interpreter's lock. */
#include "native.h"

typedef struct {
    PyObject_HEAD
    State *state;
    tidegate_snapshot *raw;
} Snapshot;

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
    Snapshot *self = type_is_gone(state->snapshot) ? NULL : PyObject_New(Snapshot, state->snapshot);
    if (self == NULL) {
        tidegate_snapshot_free(taken);
        return NULL;
    }
    self->state = state;
    self->raw = taken;
    return (PyObject *)self;
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
"The snapshot as text in one of the FORMAT_ numbers of this module; options are JSON.");

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
    size_t *length = &self->state->lengths[number < FORMATS ? number : FORMATS - 1];
    size_t guess = *length;
    PyObject *text = text_from(self->state, render_wanted, self->raw, &wanted, &guess, true);
    *length = guess;
    return text;
}

static PyMethodDef snapshot_methods[] = {
    {"render", snapshot_render, METH_VARARGS, render_doc},
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
