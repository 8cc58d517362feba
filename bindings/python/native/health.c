/* health.c: what the probes say, and what the application says of itself. */
#include "native.h"

const char *const health_words[] = {"healthy", "degraded", "unhealthy", "unknown"};
static const char *const probe_words[] = {"liveness", "readiness", "startup"};

#define WORDS(array) (sizeof(array) / sizeof((array)[0]))

/* The number of a word, or -1 with an exception that lists the words. */
static int word_number(PyObject *word, const char *what, const char *const *words, size_t count)
{
    if (!PyUnicode_Check(word)) {
        PyErr_Format(PyExc_TypeError, "%s is a str", what);
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (keyword_is(word, words[i])) {
            return (int)i;
        }
    }
    PyErr_Format(PyExc_ValueError, "%s is one of %s, %s, %s%s%s, not %R", what, words[0], words[1],
                 words[2], count > 3 ? ", " : "", count > 3 ? words[3] : "", word);
    return -1;
}

/* _health(probe: str) -> (str, int) */
PyObject *engine_health(PyObject *object, PyObject *probe)
{
    Engine *self = (Engine *)object;
    State *state = self->state;
    int number = word_number(probe, "probe", probe_words, WORDS(probe_words));
    tidegate_engine *raw = number < 0 ? NULL : engine_enter(self);
    if (raw == NULL) {
        return NULL;
    }
    tidegate_health_status found = TIDEGATE_HEALTH_UNKNOWN;
    int32_t http = 0;
    tidegate_status status;
    Py_BEGIN_ALLOW_THREADS
    status = tidegate_health(raw, number, &found, &http);
    Py_END_ALLOW_THREADS
    engine_leave(self);
    if (status != TIDEGATE_OK) {
        return raise_status(state, status);
    }
    if (found < 0 || (size_t)found >= WORDS(health_words)) {
        found = TIDEGATE_HEALTH_UNKNOWN;
    }
    return Py_BuildValue("(si)", health_words[found], (int)http);
}

/* report_health(check, status, observed=None, message=None, ttl=0.0) */
PyObject *engine_report_health(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"check", "status", "observed", "message", "ttl", NULL};
    Engine *self = (Engine *)object;
    const char *check;
    PyObject *word;
    PyObject *observed = Py_None;
    const char *message = NULL;
    PyObject *ttl = NULL;
    double value = Py_NAN;
    uint64_t ttl_ns = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "sO|OzO:report_health", names, &check, &word,
                                     &observed, &message, &ttl)) {
        return NULL;
    }
    int status = word_number(word, "status", health_words, WORDS(health_words));
    if (status < 0 || (ttl != NULL && nanoseconds_of(ttl, "ttl", &ttl_ns) < 0)) {
        return NULL;
    }
    if (observed != Py_None) {
        value = PyFloat_AsDouble(observed);
        if (value == -1.0 && PyErr_Occurred()) {
            return NULL;
        }
    }
    tidegate_engine *raw = engine_or_raise(self);
    if (raw == NULL) {
        return NULL;
    }
    return none_or_raise(self->state, tidegate_health_report(raw, check, status, value, message,
                                                             ttl_ns));
}

PyObject *engine_heartbeat(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Engine *self = (Engine *)object;
    tidegate_engine *raw = engine_or_raise(self);
    return raw == NULL ? NULL : none_or_raise(self->state, tidegate_heartbeat(raw));
}

PyObject *engine_startup_done(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Engine *self = (Engine *)object;
    tidegate_engine *raw = engine_or_raise(self);
    return raw == NULL ? NULL : none_or_raise(self->state, tidegate_startup_done(raw));
}
