/*
 * key.c: the key of a guard from its parts.
 *
 * One part is its own bytes: text as UTF-8, a whole number in decimal. Several parts are joined by
 * the byte FF, and within them FE becomes FE 00 and FF becomes FE 01, so that different parts
 * never give the same key. Neither byte occurs in UTF-8. All bindings join in this way.
 */
#include "native.h"

#include <stdio.h>
#include <string.h>

#define SEPARATOR '\xFF'
#define ESCAPE '\xFE'
/* Decimal digits of a 64-bit number, its sign and a NUL. */
#define DIGITS 24

typedef struct {
    const char *bytes;
    Py_ssize_t length;
    bool text;
    PyObject *held;
    char digits[DIGITS];
} Part;

static int part_of(Part *part, PyObject *object)
{
    part->held = NULL;
    part->text = true;
    if (PyUnicode_Check(object)) {
        part->bytes = PyUnicode_AsUTF8AndSize(object, &part->length);
        return part->bytes == NULL ? -1 : 0;
    }
    if (PyBytes_Check(object)) {
        part->text = false;
        return PyBytes_AsStringAndSize(object, (char **)&part->bytes, &part->length);
    }
    if (PyLong_Check(object) && !PyBool_Check(object)) {
        int overflow = 0;
        long long number = PyLong_AsLongLongAndOverflow(object, &overflow);
        if (overflow == 0) {
            if (number == -1 && PyErr_Occurred()) {
                return -1;
            }
            part->length = snprintf(part->digits, DIGITS, "%lld", number);
            part->bytes = part->digits;
            return 0;
        }
        part->held = PyObject_Str(object);
        if (part->held == NULL) {
            return -1;
        }
        part->bytes = PyUnicode_AsUTF8AndSize(part->held, &part->length);
        return part->bytes == NULL ? -1 : 0;
    }
    PyObject *name = PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__name__");
    if (name != NULL) {
        PyErr_Format(PyExc_TypeError, "a part of a key is str, bytes or int, not %U", name);
        Py_DECREF(name);
    }
    return -1;
}

/* Room for `more` bytes after the first `used`. */
static int key_grow(Key *key, size_t used, size_t *capacity, size_t more)
{
    if (more <= *capacity - used) {
        return 0;
    }
    size_t wanted = (used + more) * 2;
    char *grown = PyMem_Malloc(wanted);
    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(grown, key->heap == NULL ? key->local : key->heap, used);
    PyMem_Free(key->heap);
    key->heap = grown;
    *capacity = wanted;
    return 0;
}

static int key_add(Key *key, size_t *capacity, const Part *part, bool first)
{
    size_t used = key->length;
    if (key_grow(key, used, capacity, (size_t)part->length * 2 + 1) < 0) {
        return -1;
    }
    char *end = (key->heap == NULL ? key->local : key->heap) + used;
    char *start = end;
    if (!first) {
        *end++ = SEPARATOR;
    }
    if (part->text) {
        memcpy(end, part->bytes, (size_t)part->length);
        end += part->length;
    } else {
        for (Py_ssize_t i = 0; i < part->length; i++) {
            char byte = part->bytes[i];
            if (byte == SEPARATOR || byte == ESCAPE) {
                *end++ = ESCAPE;
                byte = byte == SEPARATOR;
            }
            *end++ = byte;
        }
    }
    key->length = used + (size_t)(end - start);
    return 0;
}

int key_join_parts(Key *key, PyObject *const *parts, Py_ssize_t count)
{
    key->bytes = NULL;
    key->length = 0;
    key->heap = NULL;
    Part part;
    if (count == 1) {
        if (part_of(&part, parts[0]) < 0) {
            return -1;
        }
        key->bytes = part.bytes;
        key->length = (size_t)part.length;
        if (part.bytes == part.digits) {
            memcpy(key->local, part.digits, (size_t)part.length);
            key->bytes = key->local;
        } else if (part.held != NULL) {
            size_t capacity = KEY_LOCAL;
            key->length = 0;
            int added = key_add(key, &capacity, &part, true);
            Py_DECREF(part.held);
            key->bytes = key->heap == NULL ? key->local : key->heap;
            return added;
        }
        return 0;
    }
    size_t capacity = KEY_LOCAL;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (part_of(&part, parts[i]) < 0 || key_add(key, &capacity, &part, i == 0) < 0) {
            Py_XDECREF(part.held);
            key_free(key);
            return -1;
        }
        Py_XDECREF(part.held);
    }
    key->bytes = key->heap == NULL ? key->local : key->heap;
    return 0;
}
