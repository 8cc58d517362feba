/* limits.c: the rest of what a limiter does, and the HTTP fields of a decision. */
#include "native.h"

#include <string.h>

int keywords_of(PyObject *const *args, Py_ssize_t count, PyObject *given, Keyword *known)
{
    Py_ssize_t named = given == NULL ? 0 : PyTuple_Size(given);
    for (Py_ssize_t i = 0; i < named; i++) {
        PyObject *name = PyTuple_GetItem(given, i);
        Keyword *keyword = known;
        while (keyword->name != NULL && !keyword_is(name, keyword->name)) {
            keyword++;
        }
        if (keyword->name == NULL) {
            PyErr_Format(PyExc_TypeError, "there is no keyword %U here", name);
            return -1;
        }
        keyword->value = args[count + i];
    }
    return 0;
}

static int cost_from(PyObject *value, uint32_t *cost)
{
    uint64_t number = 1;
    if (value != NULL && whole_number(value, "cost", UINT32_MAX, &number) < 0) {
        return -1;
    }
    *cost = (uint32_t)number;
    return 0;
}

PyObject *limiter_peek(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *given)
{
    Handle *self = (Handle *)object;
    Keyword known[] = {{"cost", NULL}, {NULL, NULL}};
    uint32_t cost;
    Key key;
    if (keywords_of(args, count, given, known) < 0 || cost_from(known[0].value, &cost) < 0
        || key_join(&key, args, count) < 0) {
        return NULL;
    }
    tidegate_engine *engine = open_engine(self);
    Decision *decision = engine == NULL ? NULL : decision_of(self);
    PyObject *result = NULL;
    if (decision != NULL) {
        tidegate_limiter limiter = {self->id};
        tidegate_status status =
            tidegate_limiter_peek(engine, limiter, key.bytes, key.length, cost, &decision->said);
        result = decision_with(decision, status);
    }
    key_free(&key);
    return result;
}

PyObject *limiter_reserve(PyObject *object, PyObject *const *args, Py_ssize_t count,
                          PyObject *given)
{
    Handle *self = (Handle *)object;
    Keyword known[] = {{"cost", NULL}, {"max_wait", NULL}, {NULL, NULL}};
    uint32_t cost;
    uint64_t most_ns = UINT64_MAX;
    Key key;
    if (keywords_of(args, count, given, known) < 0 || cost_from(known[0].value, &cost) < 0
        || (known[1].value != NULL && known[1].value != Py_None
            && nanoseconds_of(known[1].value, "max_wait", &most_ns) < 0)
        || key_join(&key, args, count) < 0) {
        return NULL;
    }
    tidegate_engine *engine = open_engine(self);
    PyObject *result = NULL;
    if (engine != NULL) {
        tidegate_limiter limiter = {self->id};
        uint64_t wait_ns = 0;
        tidegate_status status = tidegate_limiter_reserve(engine, limiter, key.bytes, key.length,
                                                          cost, most_ns, &wait_ns);
        if (status == TIDEGATE_DENIED) {
            result = copy_self(Py_None, NULL);
        } else {
            result = status < 0 ? raise_status(self->state, status) : seconds_from(wait_ns);
        }
    }
    key_free(&key);
    return result;
}

typedef tidegate_status (*Change)(tidegate_engine *engine, tidegate_limiter limiter,
                                  const char *key, size_t key_length, uint32_t cost);

static PyObject *change(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *given,
                        Change function)
{
    Handle *self = (Handle *)object;
    Keyword known[] = {{"cost", NULL}, {NULL, NULL}};
    uint32_t cost;
    Key key;
    if (keywords_of(args, count, given, known) < 0 || cost_from(known[0].value, &cost) < 0
        || key_join(&key, args, count) < 0) {
        return NULL;
    }
    tidegate_engine *engine = open_engine(self);
    PyObject *result = NULL;
    if (engine != NULL) {
        tidegate_limiter limiter = {self->id};
        result = none_or_raise(self->state,
                               function(engine, limiter, key.bytes, key.length, cost));
    }
    key_free(&key);
    return result;
}

PyObject *limiter_refund(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *given)
{
    return change(self, args, count, given, tidegate_limiter_refund);
}

PyObject *limiter_penalize(PyObject *self, PyObject *const *args, Py_ssize_t count,
                           PyObject *given)
{
    return change(self, args, count, given, tidegate_limiter_penalize);
}

PyObject *limiter_block(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *given)
{
    Handle *self = (Handle *)object;
    Keyword known[] = {{"seconds", NULL}, {NULL, NULL}};
    uint64_t for_ns = 0;
    Key key;
    if (keywords_of(args, count, given, known) < 0) {
        return NULL;
    }
    if (known[0].value == NULL) {
        PyErr_SetString(PyExc_TypeError, "block takes the parts of a key, and seconds; 0 unblocks");
        return NULL;
    }
    if (nanoseconds_of(known[0].value, "seconds", &for_ns) < 0 || key_join(&key, args, count) < 0) {
        return NULL;
    }
    tidegate_engine *engine = open_engine(self);
    PyObject *result = NULL;
    if (engine != NULL) {
        tidegate_limiter limiter = {self->id};
        result = none_or_raise(self->state, tidegate_limiter_block(engine, limiter, key.bytes,
                                                                   key.length, for_ns));
    }
    key_free(&key);
    return result;
}

PyObject *limiter_set_list(PyObject *object, PyObject *const *args, Py_ssize_t count,
                           PyObject *given)
{
    static const char *const words[] = {"none", "allow", "deny"};
    Handle *self = (Handle *)object;
    Keyword known[] = {{"to", NULL}, {NULL, NULL}};
    Key key;
    if (keywords_of(args, count, given, known) < 0) {
        return NULL;
    }
    int32_t list = 0;
    bool word = known[0].value != NULL && PyUnicode_Check(known[0].value);
    while (word && list < 3 && !keyword_is(known[0].value, words[list])) {
        list++;
    }
    if (!word || list == 3) {
        PyErr_SetString(PyExc_ValueError, "set_list takes the parts of a key, and to=\"none\","
                                          " \"allow\" or \"deny\"");
        return NULL;
    }
    if (key_join(&key, args, count) < 0) {
        return NULL;
    }
    tidegate_engine *engine = open_engine(self);
    PyObject *result = NULL;
    if (engine != NULL) {
        tidegate_limiter limiter = {self->id};
        result = none_or_raise(self->state, tidegate_limiter_allow(engine, limiter, key.bytes,
                                                                   key.length, list));
    }
    key_free(&key);
    return result;
}

#define MOST_REQUESTS 16

/* _check_all(requests): each a tuple of a limiter, a cost and the parts of a key. Gives the
 * decision and the place of the one that refused, or None. */
PyObject *engine_check_all(PyObject *object, PyObject *requests)
{
    Engine *self = (Engine *)object;
    tidegate_limiter_request wanted[MOST_REQUESTS];
    Key keys[MOST_REQUESTS];
    Py_ssize_t joined = 0;
    PyObject *result = NULL;
    PyObject *list = PySequence_List(requests);
    if (list == NULL) {
        return NULL;
    }
    Py_ssize_t count = PyList_Size(list);
    Handle *first = NULL;
    if (count < 1 || count > MOST_REQUESTS) {
        PyErr_Format(PyExc_ValueError, "from 1 to %d requests", MOST_REQUESTS);
        goto done;
    }
    for (; joined < count; joined++) {
        PyObject *request = PyList_GetItem(list, joined);
        PyObject *parts[8];
        Py_ssize_t size = PyTuple_Check(request) ? PyTuple_Size(request) : 0;
        uint64_t cost;
        if (size < 2 || size > 10
            || Py_TYPE(PyTuple_GetItem(request, 0)) != self->state->handle[KIND_LIMITER]) {
            PyErr_SetString(PyExc_TypeError, "a request is a limiter, a cost and at most 8 parts");
            goto done;
        }
        Handle *limiter = (Handle *)PyTuple_GetItem(request, 0);
        if (whole_number(PyTuple_GetItem(request, 1), "cost", UINT32_MAX, &cost) < 0) {
            goto done;
        }
        if (limiter->engine != self) {
            raise_sentence(self->state, TIDEGATE_E_STALE, "the limiter is one of another engine");
            goto done;
        }
        first = first == NULL ? limiter : first;
        for (Py_ssize_t i = 2; i < size; i++) {
            parts[i - 2] = PyTuple_GetItem(request, i);
        }
        if (key_join(&keys[joined], parts, size - 2) < 0) {
            goto done;
        }
        /* A short key of several parts lies in `keys` itself, which does not move. */
        wanted[joined] = (tidegate_limiter_request){
            {limiter->id}, keys[joined].bytes, keys[joined].length, (uint32_t)cost};
    }
    tidegate_engine *raw = engine_or_raise(self);
    if (raw == NULL) {
        goto done;
    }
    size_t refused = 0;
    tidegate_decision said;
    tidegate_status status =
        tidegate_limiter_check_all(raw, wanted, (size_t)count, &refused, &said);
    if (status < 0) {
        raise_status(self->state, status);
    } else {
        if (status == TIDEGATE_DENIED) {
            first = (Handle *)PyTuple_GetItem(PyList_GetItem(list, (Py_ssize_t)refused), 0);
        }
        Decision *decision = decision_of(first);
        if (decision != NULL) {
            decision->said = said;
            result = decision_with(decision, status);
        }
    }
done:
    for (Py_ssize_t i = 0; i < joined; i++) {
        key_free(&keys[i]);
    }
    Py_DECREF(list);
    return result;
}

/* Decision */

typedef struct {
    const Decision *decision;
    uint32_t style;
} Fields;

static tidegate_status render_fields(const void *object, const void *more, char *buffer,
                                     size_t capacity, size_t *out_length)
{
    const Fields *fields = more;
    const Decision *decision = fields->decision;
    tidegate_limiter limiter = {decision->limiter};
    tidegate_status verdict = decision->admitted ? TIDEGATE_OK : TIDEGATE_DENIED;
    return tidegate_limiter_headers((tidegate_engine *)object, limiter, &decision->said, verdict,
                                    fields->style, buffer, capacity, out_length);
}

static tidegate_status render_problem(const void *object, const void *more, char *buffer,
                                      size_t capacity, size_t *out_length)
{
    const Decision *decision = more;
    tidegate_limiter limiter = {decision->limiter};
    return tidegate_limiter_problem((tidegate_engine *)object, limiter, &decision->said, buffer,
                                    capacity, out_length);
}

PyObject *decision_headers(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"style", NULL};
    static const char *const styles[] = {"current", "draft_06", "legacy"};
    Decision *self = (Decision *)object;
    const char *style = styles[0];
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|s:headers", names, &style)) {
        return NULL;
    }
    Fields fields = {self, 0};
    while (fields.style < 3 && strcmp(style, styles[fields.style]) != 0) {
        fields.style++;
    }
    if (fields.style == 3) {
        PyErr_SetString(PyExc_ValueError, "style is current, draft_06 or legacy");
        return NULL;
    }
    tidegate_engine *engine = engine_or_raise(self->engine);
    size_t guess = 256;
    PyObject *text = engine == NULL
                         ? NULL
                         : text_from(self->engine->state, render_fields, engine, &fields, &guess, false);
    PyObject *lines = text == NULL ? NULL : PyUnicode_Splitlines(text, 0);
    Py_XDECREF(text);
    if (lines == NULL) {
        return NULL;
    }
    PyObject *colon = PyUnicode_FromString(": ");
    PyObject *list = colon == NULL ? NULL : PyList_New(0);
    for (Py_ssize_t i = 0; list != NULL && i < PyList_Size(lines); i++) {
        PyObject *pair = PyUnicode_Partition(PyList_GetItem(lines, i), colon);
        PyObject *field = pair == NULL ? NULL
                                       : PyTuple_Pack(2, PyTuple_GetItem(pair, 0),
                                                      PyTuple_GetItem(pair, 2));
        if (field == NULL || PyList_Append(list, field) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(field);
        Py_XDECREF(pair);
    }
    Py_XDECREF(colon);
    Py_DECREF(lines);
    return list;
}

PyObject *decision_problem(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Decision *self = (Decision *)object;
    tidegate_engine *engine = engine_or_raise(self->engine);
    size_t guess = 512;
    return engine == NULL ? NULL
                          : text_from(self->engine->state, render_problem, engine, self, &guess, false);
}
