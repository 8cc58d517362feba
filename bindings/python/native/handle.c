/* handle.c: what all handles have in common: an engine, a name, an id. */
#include "native.h"

#include <stddef.h>

PyObject *handle_new(State *state, Engine *engine, Kind kind, PyObject *name, PyObject *options,
                     uint64_t id)
{
    if (type_is_gone(state->handle[kind])) {
        return NULL;
    }
    Handle *self = PyObject_New(Handle, state->handle[kind]);
    if (self == NULL) {
        return NULL;
    }
    self->state = state;
    self->engine = engine;
    Py_INCREF(engine);
    self->name = name;
    Py_INCREF(name);
    self->id = id;
    self->kind = kind;
    self->options = options == Py_None ? NULL : options;
    Py_XINCREF(self->options);
    self->series = NULL;
    self->decision = NULL;
    return (PyObject *)self;
}

void handle_dealloc(PyObject *object)
{
    Handle *self = (Handle *)object;
    PyTypeObject *type = Py_TYPE(object);
    decision_let_go(self);
    Py_XDECREF(self->engine);
    Py_XDECREF(self->name);
    Py_XDECREF(self->options);
    series_free(self->series);
    PyObject_Free(object);
    Py_DECREF(type);
}

PyObject *handle_repr(PyObject *object)
{
    Handle *self = (Handle *)object;
    PyObject *type = PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__name__");
    if (type == NULL) {
        return NULL;
    }
    PyObject *text = PyUnicode_FromFormat("<tidegate.%U %R>", type, self->name);
    Py_DECREF(type);
    return text;
}

bool keyword_is(PyObject *found, const char *name)
{
    return PyUnicode_CompareWithASCIIString(found, name) == 0;
}

int whole_number(PyObject *object, const char *what, uint64_t most, uint64_t *out)
{
    if (!PyLong_Check(object) || PyBool_Check(object)) {
        PyObject *name = PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__name__");
        if (name != NULL) {
            PyErr_Format(PyExc_TypeError, "%s is a whole number, not %U", what, name);
            Py_DECREF(name);
        }
        return -1;
    }
    int overflow = 0;
    long long number = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (number == -1 && overflow == 0 && PyErr_Occurred()) {
        return -1;
    }
    uint64_t value = (uint64_t)number;
    if (overflow > 0) {
        value = PyLong_AsUnsignedLongLong(object);
        if (value == UINT64_MAX && PyErr_Occurred()) {
            PyErr_Clear();
            overflow = 2;
        }
    }
    if (overflow < 0 || overflow == 2 || (overflow == 0 && number < 0) || value > most) {
        PyErr_Format(PyExc_ValueError, "%s is from 0 to %llu, not %R", what,
                     (unsigned long long)most, object);
        return -1;
    }
    *out = value;
    return 0;
}

PyMemberDef handle_members[] = {
    {"name", T_OBJECT, offsetof(Handle, name), READONLY, "The name."},
    {"engine", T_OBJECT, offsetof(Handle, engine), READONLY, "The engine it belongs to."},
    {"_id", T_ULONGLONG, offsetof(Handle, id), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
