/* events.c: what happened, one JSON object a line, read by cursor. */
#include "native.h"

/* Enough for a few dozen events at once; more are asked for again. */
#define CAPACITY 16384

/* _events(cursor: int) -> (str, int, int): lines, the next cursor, how many were lost. */
PyObject *engine_events(PyObject *object, PyObject *from)
{
    Engine *self = (Engine *)object;
    State *state = self->state;
    uint64_t cursor;
    if (whole_number(from, "cursor", UINT64_MAX, &cursor) < 0) {
        return NULL;
    }
    size_t capacity = CAPACITY;
    char *buffer = PyMem_Malloc(capacity);
    if (buffer == NULL) {
        return PyErr_NoMemory();
    }
    PyObject *result = NULL;
    tidegate_engine *raw = engine_enter(self);
    if (raw == NULL) {
        PyMem_Free(buffer);
        return NULL;
    }
    size_t length = 0;
    uint64_t lost = 0;
    tidegate_status status;
    Py_BEGIN_ALLOW_THREADS
    status = tidegate_events_read(raw, &cursor, buffer, capacity, &length, &lost);
    Py_END_ALLOW_THREADS
    engine_leave(self);
    if (status != TIDEGATE_OK) {
        raise_status(state, status);
    } else {
        PyObject *text = PyUnicode_DecodeUTF8(buffer, (Py_ssize_t)length, "replace");
        if (text != NULL) {
            result = Py_BuildValue("(NKK)", text, (unsigned long long)cursor,
                                   (unsigned long long)lost);
        }
    }
    PyMem_Free(buffer);
    return result;
}
