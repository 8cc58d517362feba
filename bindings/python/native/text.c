/* text.c: texts that the library writes into a buffer of ours, as str. */
#include "native.h"

/* How often a text may have grown between asking for its length and for itself. */
#define TRIES 8

PyObject *text_from(State *state, Render render, const void *object, const void *more,
                    bool without_lock)
{
    size_t capacity = 0;
    char *buffer = NULL;
    tidegate_status status = TIDEGATE_OK;
    for (int i = 0; i < TRIES; i++) {
        size_t length = 0;
        if (without_lock) {
            Py_BEGIN_ALLOW_THREADS
            status = render(object, more, buffer, capacity, &length);
            Py_END_ALLOW_THREADS
        } else {
            status = render(object, more, buffer, capacity, &length);
        }
        if (status == TIDEGATE_OK && length <= capacity) {
            PyObject *text = PyUnicode_DecodeUTF8(buffer, (Py_ssize_t)length, "strict");
            PyMem_Free(buffer);
            return text;
        }
        if (status != TIDEGATE_OK && status != TIDEGATE_E_SPACE) {
            break;
        }
        PyMem_Free(buffer);
        capacity = i == 0 ? length : length + length / 4;
        buffer = PyMem_Malloc(capacity + 1);
        if (buffer == NULL) {
            return PyErr_NoMemory();
        }
    }
    PyMem_Free(buffer);
    return raise_status(state, status);
}
