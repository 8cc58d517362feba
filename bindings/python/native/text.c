/* text.c: texts that the library writes into a buffer of ours, as str or bytes. */
#include "native.h"

/* How often a text may have grown between telling its length and being written. */
#define TRIES 8
/* What a text may be longer by than the last one, before it is written twice. */
#define SPARE(length) ((length) + (length) / 8 + 64)

static PyObject *as_str(const char *buffer, size_t length)
{
    return PyUnicode_DecodeUTF8(buffer, (Py_ssize_t)length, "strict");
}

static PyObject *as_bytes(const char *buffer, size_t length)
{
    return PyBytes_FromStringAndSize(buffer, (Py_ssize_t)length);
}

typedef PyObject *(*Make)(const char *buffer, size_t length);

static PyObject *made_from(State *state, Make make, Render render, const void *object,
                           const void *more, size_t *guess, bool without_lock)
{
    size_t capacity = SPARE(*guess);
    tidegate_status status = TIDEGATE_OK;
    for (int i = 0; i < TRIES; i++) {
        size_t length = 0;
        char *buffer = PyMem_Malloc(capacity);
        if (buffer == NULL) {
            return PyErr_NoMemory();
        }
        if (without_lock) {
            Py_BEGIN_ALLOW_THREADS
            status = render(object, more, buffer, capacity, &length);
            Py_END_ALLOW_THREADS
        } else {
            status = render(object, more, buffer, capacity, &length);
        }
        if (status == TIDEGATE_OK && length <= capacity) {
            PyObject *text = make(buffer, length);
            PyMem_Free(buffer);
            *guess = length;
            return text;
        }
        PyMem_Free(buffer);
        if (status != TIDEGATE_OK && status != TIDEGATE_E_SPACE) {
            break;
        }
        capacity = SPARE(length);
    }
    return raise_status(state, status);
}

PyObject *text_from(State *state, Render render, const void *object, const void *more,
                    size_t *guess, bool without_lock)
{
    return made_from(state, as_str, render, object, more, guess, without_lock);
}

PyObject *bytes_from(State *state, Render render, const void *object, const void *more,
                     size_t *guess, bool without_lock)
{
    return made_from(state, as_bytes, render, object, more, guess, without_lock);
}
