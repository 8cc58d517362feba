/*
 * labels.c: the series of a metric with these labels, found again without opening it.
 *
 * Each metric keeps the series that it was asked for in a table of its own: a power of two of
 * places, each series in one of the few that follow its hash. The table grows as long as that
 * helps, up to LARGEST; from then on a series that finds no place takes the first of them, and
 * whoever was there is opened again when somebody asks. So the memory has a bound whatever labels
 * there are, and the names of a call site are mostly one and the same tuple, compared as a pointer.
 */
#include "native.h"

#include <string.h>

#define SMALLEST 8
#define LARGEST 4096
/* Places that a hash may be in. */
#define NEAR 4
#define MOST_LABELS 16

typedef struct {
    uint64_t hash;
    /* A tuple, and as many texts; NULL where there is none. */
    PyObject *names;
    PyObject **values;
    PyObject *series;
    Py_ssize_t count;
} Place;

struct Series {
    size_t mask;
    Place places[];
};

/* With a lock in place of the interpreter's, where it has none. */
#ifdef Py_GIL_DISABLED
#define LOCKED(object) Py_BEGIN_CRITICAL_SECTION(object)
#define UNLOCKED() Py_END_CRITICAL_SECTION()
#else
#define LOCKED(object) {
#define UNLOCKED() }
#endif

static bool same_text(PyObject *a, PyObject *b)
{
    return a == b || (PyUnicode_Check(a) && PyUnicode_Check(b) && PyUnicode_Compare(a, b) == 0);
}

static bool is_of(const Place *place, uint64_t hash, PyObject *names, PyObject *const *values,
                  Py_ssize_t count)
{
    if (place->names == NULL || place->hash != hash || place->count != count) {
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!same_text(place->values[i], values[i])
            || (place->names != names
                && !same_text(PyTuple_GetItem(place->names, i), PyTuple_GetItem(names, i)))) {
            return false;
        }
    }
    return true;
}

/* The series, as a borrowed reference, or NULL. */
static PyObject *find(const Series *table, uint64_t hash, PyObject *names,
                      PyObject *const *values, Py_ssize_t count)
{
    for (size_t i = 0; table != NULL && i < NEAR; i++) {
        const Place *place = &table->places[(hash + i) & table->mask];
        if (is_of(place, hash, names, values, count)) {
            return place->series;
        }
    }
    return NULL;
}

static Series *table_new(size_t places)
{
    size_t bytes = sizeof(Series) + places * sizeof(Place);
    Series *table = PyMem_Malloc(bytes);
    if (table != NULL) {
        memset(table, 0, bytes);
        table->mask = places - 1;
    }
    return table;
}

/* An empty place for the hash, or NULL. */
static Place *room_for(Series *table, uint64_t hash)
{
    for (size_t i = 0; i < NEAR; i++) {
        Place *place = &table->places[(hash + i) & table->mask];
        if (place->names == NULL) {
            return place;
        }
    }
    return NULL;
}

/* A larger table in which all that the old one has finds a place, or NULL. */
static Series *grown(const Series *old)
{
    for (size_t places = (old->mask + 1) * 2; places <= LARGEST; places *= 2) {
        Series *table = table_new(places);
        size_t i = 0;
        for (; table != NULL && i <= old->mask; i++) {
            const Place *from = &old->places[i];
            Place *to = from->names == NULL ? NULL : room_for(table, from->hash);
            if (to != NULL) {
                *to = *from;
            } else if (from->names != NULL) {
                break;
            }
        }
        if (table == NULL || i > old->mask) {
            return table;
        }
        PyMem_Free(table);
    }
    return NULL;
}

/* Puts a series into the table, and takes the references that `filled` has. What had to make room
 * is left in `filled`. */
static void put(Handle *self, Place *filled)
{
    if (self->series == NULL) {
        self->series = table_new(SMALLEST);
    }
    Place *place = self->series == NULL ? NULL : room_for(self->series, filled->hash);
    while (self->series != NULL && place == NULL) {
        Series *larger = grown(self->series);
        if (larger == NULL) {
            place = &self->series->places[filled->hash & self->series->mask];
            break;
        }
        PyMem_Free(self->series);
        self->series = larger;
        place = room_for(larger, filled->hash);
    }
    if (place != NULL) {
        Place before = *place;
        *place = *filled;
        *filled = before;
    }
}

static void place_clear(Place *place)
{
    for (Py_ssize_t i = 0; i < place->count; i++) {
        Py_XDECREF(place->values[i]);
    }
    PyMem_Free(place->values);
    Py_XDECREF(place->names);
    Py_XDECREF(place->series);
}

void series_free(Series *table)
{
    for (size_t i = 0; table != NULL && i <= table->mask; i++) {
        place_clear(&table->places[i]);
    }
    PyMem_Free(table);
}

/* Opens the series, and keeps it. */
static PyObject *open_series(Handle *self, uint64_t hash, PyObject *names, PyObject *const *values,
                             Py_ssize_t count)
{
    if (self->state->with_labels == NULL) {
        return raise_unloaded();
    }
    Place filled = {hash, names, PyMem_Calloc((size_t)count, sizeof(PyObject *)), NULL, 0};
    Py_INCREF(names);
    PyObject *labels = filled.values == NULL ? PyErr_NoMemory() : PyDict_New();
    for (Py_ssize_t i = 0; labels != NULL && i < count; i++) {
        Py_INCREF(values[i]);
        filled.values[filled.count++] = values[i];
        if (PyDict_SetItem(labels, PyTuple_GetItem(names, i), values[i]) < 0) {
            Py_CLEAR(labels);
        }
    }
    PyObject *options = labels == NULL
                            ? NULL
                            : PyObject_CallFunctionObjArgs(
                                  self->state->with_labels,
                                  self->options == NULL ? Py_None : self->options, labels, NULL);
    Py_XDECREF(labels);
    PyObject *series =
        options == NULL ? NULL : handle_open(self->engine, self->kind, self->name, options);
    Py_XDECREF(options);
    if (series != NULL) {
        filled.series = series;
        Py_INCREF(series);
        LOCKED(self);
        put(self, &filled);
        UNLOCKED();
    }
    place_clear(&filled);
    return series;
}

static void refuse_value(PyObject *name, PyObject *value)
{
    PyObject *type = PyObject_GetAttrString((PyObject *)Py_TYPE(value), "__name__");
    if (type != NULL) {
        PyErr_Format(PyExc_TypeError, "the label %U is a str or int, not %U", name, type);
        Py_DECREF(type);
    }
}

PyObject *handle_labels(PyObject *object, PyObject *const *args, Py_ssize_t count,
                        PyObject *names)
{
    Handle *self = (Handle *)object;
    PyObject *texts[MOST_LABELS];
    /* Texts that were made here, of whole numbers. */
    PyObject *made[MOST_LABELS];
    Py_ssize_t made_count = 0;
    Py_ssize_t named = names == NULL ? 0 : PyTuple_Size(names);
    if (count != 0 || named == 0 || named > MOST_LABELS) {
        PyErr_Format(PyExc_TypeError, "labels takes from 1 to %d keywords, such as method=\"GET\"",
                     MOST_LABELS);
        return NULL;
    }
    uint64_t hash = 0;
    PyObject *series = NULL;
    for (Py_ssize_t i = 0; i < named; i++) {
        PyObject *value = args[i];
        if (!PyUnicode_Check(value)) {
            if (!PyLong_Check(value) || PyBool_Check(value)) {
                refuse_value(PyTuple_GetItem(names, i), value);
                goto done;
            }
            value = PyObject_Str(value);
            if (value == NULL) {
                goto done;
            }
            made[made_count++] = value;
        }
        Py_hash_t of = PyObject_Hash(value);
        if (of == -1) {
            goto done;
        }
        texts[i] = value;
        hash = (hash ^ (uint64_t)of) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 32;
    }
    if (open_engine(self) == NULL) {
        goto done;
    }
    LOCKED(self);
    series = find(self->series, hash, names, texts, named);
    Py_XINCREF(series);
    UNLOCKED();
    if (series == NULL) {
        series = open_series(self, hash, names, texts, named);
    }
done:
    while (made_count > 0) {
        Py_DECREF(made[--made_count]);
    }
    return series;
}
