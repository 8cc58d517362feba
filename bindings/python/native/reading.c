/* reading.c: structs of numbers as dicts. */
#include "native.h"

#include <string.h>

PyObject *dict_of(const void *reading, const Field *fields)
{
    PyObject *found = PyDict_New();
    for (; found != NULL && fields->name != NULL; fields++) {
        const char *at = (const char *)reading + fields->offset;
        uint64_t whole;
        double real;
        memcpy(&whole, at, sizeof whole);
        memcpy(&real, at, sizeof real);
        PyObject *value = fields->as == AS_WHOLE  ? PyLong_FromUnsignedLongLong(whole)
                          : fields->as == AS_REAL ? PyFloat_FromDouble(real)
                                                  : seconds_from(whole);
        if (value == NULL || PyDict_SetItemString(found, fields->name, value) < 0) {
            Py_CLEAR(found);
        }
        Py_XDECREF(value);
    }
    return found;
}
