/* errors.c: a status becomes the exception of tidegate.errors, with the engine's own sentence. */
#include "native.h"

PyObject *raise_status(State *state, tidegate_status status)
{
    char local[512];
    char *sentence = local;
    size_t length = tidegate_last_error(local, sizeof local);
    if (length >= sizeof local) {
        char *longer = PyMem_Malloc(length + 1);
        if (longer == NULL) {
            return PyErr_NoMemory();
        }
        length = tidegate_last_error(longer, length + 1);
        sentence = longer;
    }
    if (state->from_status == NULL) {
        PyErr_SetString(PyExc_RuntimeError, sentence);
        return NULL;
    }
    if (length == 0) {
        sentence = (char *)tidegate_status_name(status);
    }
    PyObject *error = PyObject_CallFunction(state->from_status, "is", (int)status, sentence);
    if (sentence != local && length != 0) {
        PyMem_Free(sentence);
    }
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

PyObject *raise_sentence(State *state, tidegate_status status, const char *sentence)
{
    PyObject *error = PyObject_CallFunction(state->from_status, "is", (int)status, sentence);
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

PyObject *raise_unloaded(void)
{
    PyErr_SetString(PyExc_RuntimeError,
                    "tidegate was unloaded: the interpreter is shutting down");
    return NULL;
}

PyObject *raise_closed(State *state)
{
    PyErr_SetString(state->closed_error == NULL ? PyExc_RuntimeError : state->closed_error, "the engine is closed");
    return NULL;
}

PyObject *refuse_pickling(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    PyObject *name = PyObject_GetAttrString((PyObject *)Py_TYPE(self), "__name__");
    if (name != NULL) {
        PyErr_Format(PyExc_TypeError,
                     "a %U cannot be pickled: a forked worker uses its parent's as it is, any other"
                     " process opens an Engine on the same region path and asks for the same name",
                     name);
        Py_DECREF(name);
    }
    return NULL;
}

PyObject *copy_self(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    Py_INCREF(self);
    return self;
}
