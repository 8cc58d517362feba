/* metrics.c: counter, gauge, histogram. */
#include "native.h"

/* A double from any number; a bool is no number here. */
static int number_of(PyObject *object, double *out)
{
    *out = PyFloat_AsDouble(object);
    return *out == -1.0 && PyErr_Occurred() ? -1 : 0;
}

/* Counter */

PyDoc_STRVAR(inc_doc, "inc(amount=1)\n--\n\nAdds `amount`, a whole number.");

static PyObject *counter_inc(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    Handle *self = (Handle *)object;
    uint64_t amount = 1;
    if (count > 1) {
        PyErr_SetString(PyExc_TypeError, "inc takes at most one amount");
        return NULL;
    }
    if (count == 1 && whole_number(args[0], "amount", UINT64_MAX, &amount) < 0) {
        return NULL;
    }
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        return NULL;
    }
    tidegate_counter counter = {self->id};
    return none_or_raise(self->state, tidegate_counter_add(engine, counter, amount));
}

PyDoc_STRVAR(counter_value_doc, "value()\n--\n\n"
"The total over all processes and threads.");

static PyObject *counter_value(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Handle *self = (Handle *)object;
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        return NULL;
    }
    tidegate_counter counter = {self->id};
    uint64_t total = 0;
    tidegate_status status = tidegate_counter_value(engine, counter, &total);
    if (status != TIDEGATE_OK) {
        return raise_status(self->state, status);
    }
    return PyLong_FromUnsignedLongLong(total);
}

static PyMethodDef counter_methods[] = {
    {"inc", FAST(counter_inc), METH_FASTCALL, inc_doc},
    {"value", counter_value, METH_NOARGS, counter_value_doc},
    LABELS_METHOD,
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

/* Gauge */

PyDoc_STRVAR(set_doc, "set(value)\n--\n\nSets the gauge; the last one wins.");

static PyObject *gauge_set(PyObject *object, PyObject *number)
{
    Handle *self = (Handle *)object;
    double value;
    tidegate_engine *engine;
    if (number_of(number, &value) < 0 || (engine = open_engine(self)) == NULL) {
        return NULL;
    }
    tidegate_gauge gauge = {self->id};
    return none_or_raise(self->state, tidegate_gauge_set(engine, gauge, value));
}

/* Adds sign * args[0], or sign. */
static PyObject *gauge_move(Handle *self, PyObject *const *args, Py_ssize_t count, double sign)
{
    double delta = 1.0;
    if (count > 1) {
        PyErr_SetString(PyExc_TypeError, "at most one amount");
        return NULL;
    }
    tidegate_engine *engine;
    if ((count == 1 && number_of(args[0], &delta) < 0) || (engine = open_engine(self)) == NULL) {
        return NULL;
    }
    tidegate_gauge gauge = {self->id};
    return none_or_raise(self->state, tidegate_gauge_add(engine, gauge, sign * delta));
}

PyDoc_STRVAR(gauge_inc_doc, "inc(amount=1)\n--\n\nAdds `amount`, which may be negative.");

static PyObject *gauge_inc(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    return gauge_move((Handle *)self, args, count, 1.0);
}

PyDoc_STRVAR(gauge_dec_doc, "dec(amount=1)\n--\n\nTakes `amount` away.");

static PyObject *gauge_dec(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    return gauge_move((Handle *)self, args, count, -1.0);
}

PyDoc_STRVAR(gauge_value_doc, "value()\n--\n\nThe value now.");

static PyObject *gauge_value(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Handle *self = (Handle *)object;
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        return NULL;
    }
    tidegate_gauge gauge = {self->id};
    double value = 0.0;
    tidegate_status status = tidegate_gauge_value(engine, gauge, &value);
    if (status != TIDEGATE_OK) {
        return raise_status(self->state, status);
    }
    return PyFloat_FromDouble(value);
}

static PyMethodDef gauge_methods[] = {
    {"set", gauge_set, METH_O, set_doc},
    {"inc", FAST(gauge_inc), METH_FASTCALL, gauge_inc_doc},
    {"dec", FAST(gauge_dec), METH_FASTCALL, gauge_dec_doc},
    {"value", gauge_value, METH_NOARGS, gauge_value_doc},
    LABELS_METHOD,
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

/* Histogram */

PyDoc_STRVAR(histogram_record_doc, "record(value)\n--\n\n"
"Records a value, finite and at least 0; seconds for a duration.");

static PyObject *histogram_record(PyObject *object, PyObject *number)
{
    Handle *self = (Handle *)object;
    double value;
    tidegate_engine *engine;
    if (number_of(number, &value) < 0 || (engine = open_engine(self)) == NULL) {
        return NULL;
    }
    tidegate_histogram histogram = {self->id};
    return none_or_raise(self->state, tidegate_histogram_record(engine, histogram, value));
}

/* The numbers of a sequence in memory to give back with PyMem_Free(). */
static double *numbers_of(PyObject *values, const char *what, Py_ssize_t *count)
{
    PyObject *list = PySequence_List(values);
    if (list == NULL) {
        return NULL;
    }
    *count = PyList_Size(list);
    double *numbers = PyMem_Malloc((size_t)*count * sizeof(double) + 1);
    if (numbers == NULL) {
        PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; numbers != NULL && i < *count; i++) {
        if (number_of(PyList_GetItem(list, i), &numbers[i]) < 0) {
            PyErr_Format(PyExc_TypeError, "%s: number %zd is no number", what, i);
            PyMem_Free(numbers);
            numbers = NULL;
        }
    }
    Py_DECREF(list);
    return numbers;
}

PyDoc_STRVAR(record_many_doc, "record_many(values)\n--\n\n"
"Records several values with one look at the clock: all of them, or none when one is refused.");

static PyObject *histogram_record_many(PyObject *object, PyObject *values)
{
    Handle *self = (Handle *)object;
    Py_ssize_t count = 0;
    double *numbers = numbers_of(values, "values", &count);
    if (numbers == NULL) {
        return NULL;
    }
    PyObject *result = NULL;
    tidegate_engine *engine = open_engine(self);
    if (engine != NULL) {
        tidegate_histogram histogram = {self->id};
        result = none_or_raise(self->state, tidegate_histogram_record_many(
                                                engine, histogram, numbers, (size_t)count));
    }
    PyMem_Free(numbers);
    return result;
}

PyDoc_STRVAR(quantiles_doc, "quantiles(quantiles, window=0.0)\n--\n\n"
"The values at some quantiles, each from 0 to 1, over the last `window` seconds; 0 for all since\n"
"the histogram was made. NaN where there is no data.");

static PyObject *histogram_quantiles(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"quantiles", "window", NULL};
    Handle *self = (Handle *)object;
    PyObject *wanted;
    double window = 0.0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|d:quantiles", names, &wanted, &window)) {
        return NULL;
    }
    Py_ssize_t count = 0;
    double *numbers = numbers_of(wanted, "quantiles", &count);
    if (numbers == NULL) {
        return NULL;
    }
    PyObject *list = NULL;
    double *values = PyMem_Malloc((size_t)count * sizeof(double) + 1);
    if (values == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        goto done;
    }
    tidegate_histogram histogram = {self->id};
    tidegate_status status =
        tidegate_histogram_quantiles(engine, histogram, window, numbers, (size_t)count, values);
    if (status != TIDEGATE_OK) {
        raise_status(self->state, status);
        goto done;
    }
    list = PyList_New(count);
    for (Py_ssize_t i = 0; list != NULL && i < count; i++) {
        PyObject *value = PyFloat_FromDouble(values[i]);
        if (value == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SetItem(list, i, value);
        }
    }
done:
    PyMem_Free(numbers);
    PyMem_Free(values);
    return list;
}

PyDoc_STRVAR(time_doc, "time()\n--\n\n"
"A context manager that records how long its block took, in seconds, also when the block raises.");

static PyObject *histogram_time(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    return timer_new((Handle *)object);
}

PyDoc_STRVAR(exemplar_doc, "record_exemplar(value, trace_id)\n--\n\n"
"Records a value, and keeps the trace as an example of values like it.");

PyDoc_STRVAR(import_doc, "import_hdr(data, scale=1.0)\n--\n\n"
"Records what an HdrHistogram counted: one in the V2 encoding, or a whole log, as bytes or base64.\n"
"`scale` of its units make one of ours: 1e9 for nanoseconds into seconds. Gives how many values.");

static PyMethodDef histogram_methods[] = {
    {"record", histogram_record, METH_O, histogram_record_doc},
    {"record_many", histogram_record_many, METH_O, record_many_doc},
    {"record_exemplar", histogram_record_exemplar, METH_VARARGS, exemplar_doc},
    {"import_hdr", FAST(histogram_import_hdr), METH_VARARGS | METH_KEYWORDS, import_doc},
    {"quantiles", FAST(histogram_quantiles), METH_VARARGS | METH_KEYWORDS, quantiles_doc},
    {"time", histogram_time, METH_NOARGS, time_doc},
    LABELS_METHOD,
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

HANDLE_TYPE(counter, "Counter", "A count that only grows.");
HANDLE_TYPE(gauge, "Gauge", "A value that moves.");
HANDLE_TYPE(histogram, "Histogram", "A distribution of values, with quantiles.");
