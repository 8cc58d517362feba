/* module.c: the module, its types and constants. */
#include "native.h"

#include <stdio.h>

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **out)
{
    *out = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *out == NULL ? -1 : PyModule_AddType(module, *out);
}

static int add_constants(PyObject *module)
{
    static const struct {
        const char *name;
        long value;
    } constants[] = {
        {"KIND_COUNTER", KIND_COUNTER},
        {"KIND_GAUGE", KIND_GAUGE},
        {"KIND_HISTOGRAM", KIND_HISTOGRAM},
        {"KIND_LIMITER", KIND_LIMITER},
        {"KIND_OPERATION", KIND_OPERATION},
        {"KIND_BREAKER", KIND_BREAKER},
        {"KIND_BULKHEAD", KIND_BULKHEAD},
        {"KIND_RETRY", KIND_RETRY},
        {"KIND_ENUM", KIND_ENUM},
        {"KIND_RATIO", KIND_RATIO},
        {"KIND_GUARD", KIND_GUARD},
        {"KIND_THROTTLE", KIND_THROTTLE},
        {"OUTCOME_SUCCESS", TIDEGATE_OUTCOME_SUCCESS},
        {"OUTCOME_FAILURE", TIDEGATE_OUTCOME_FAILURE},
        {"OUTCOME_IGNORED", TIDEGATE_OUTCOME_IGNORED},
        {"FORMAT_JSON", TIDEGATE_FORMAT_JSON},
        {"FORMAT_PROMETHEUS", TIDEGATE_FORMAT_PROMETHEUS},
        {"FORMAT_OPENMETRICS", TIDEGATE_FORMAT_OPENMETRICS},
        {"FORMAT_HEALTH_JSON", TIDEGATE_FORMAT_HEALTH_JSON},
        {"FORMAT_HEALTH_SIMPLE", TIDEGATE_FORMAT_HEALTH_SIMPLE},
        {"FORMAT_STATSD", TIDEGATE_FORMAT_STATSD},
        {"FORMAT_HDR_LOG", TIDEGATE_FORMAT_HDR_LOG},
        {"FORMAT_OTLP", TIDEGATE_FORMAT_OTLP},
    };
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        if (PyModule_AddIntConstant(module, constants[i].name, constants[i].value) < 0) {
            return -1;
        }
    }
    return PyModule_AddStringConstant(module, "version", tidegate_version());
}

/* An object of a module of Python. */
static int take(PyObject **out, const char *module, const char *name)
{
    PyObject *from = PyImport_ImportModule(module);
    *out = from == NULL ? NULL : PyObject_GetAttrString(from, name);
    Py_XDECREF(from);
    return *out == NULL ? -1 : 0;
}

static int module_exec(PyObject *module)
{
    State *state = PyModule_GetState(module);
    if (tidegate_abi_version() >> 16 != TIDEGATE_ABI_VERSION >> 16) {
        PyErr_Format(PyExc_ImportError,
                     "tidegate was built for version %s of its library and found %s: install it"
                     " again",
                     TIDEGATE_VERSION, tidegate_version());
        return -1;
    }
    ticks_init(&state->ticks);
    if (watch_forks() < 0 || take(&state->from_status, "tidegate.errors", "from_status") < 0
        || take(&state->closed_error, "tidegate.errors", "ClosedError") < 0
        || take(&state->denied, "tidegate.errors", "denied") < 0
        || take(&state->decorate, "tidegate.decorate", "decorate") < 0
        || take(&state->sleep, "tidegate.decorate", "sleep") < 0
        || take(&state->method, "types", "MethodType") < 0
        || take(&state->guard_of, "tidegate.documents", "guard_of") < 0
        || take(&state->with_labels, "tidegate.documents", "with_labels") < 0
        || take(&state->loads, "json", "loads") < 0
        || add_type(module, &engine_spec, &state->engine) < 0
        || add_type(module, &snapshot_spec, &state->snapshot) < 0
        || add_type(module, &decision_spec, &state->decision) < 0
        || add_type(module, &timer_spec, &state->timer) < 0
        || add_type(module, &permit_spec, &state->permit) < 0) {
        return -1;
    }
    state->guarded = guarded_type(module);
    if (state->guarded == NULL || PyModule_AddType(module, state->guarded) < 0) {
        return -1;
    }
    PyType_Spec *const handles[KINDS] = {
        [KIND_COUNTER] = &counter_spec,     [KIND_GAUGE] = &gauge_spec,
        [KIND_HISTOGRAM] = &histogram_spec, [KIND_LIMITER] = &limiter_spec,
        [KIND_OPERATION] = &operation_spec, [KIND_BREAKER] = &breaker_spec,
        [KIND_BULKHEAD] = &bulkhead_spec,   [KIND_RETRY] = &retry_spec,
        [KIND_ENUM] = &enum_spec,
        [KIND_RATIO] = &ratio_spec,
        [KIND_GUARD] = &guard_spec,
        [KIND_THROTTLE] = &throttle_spec,
    };
    for (int kind = 0; kind < KINDS; kind++) {
        if (add_type(module, handles[kind], &state->handle[kind]) < 0) {
            return -1;
        }
    }
    return add_constants(module);
}

PyDoc_STRVAR(config_check_doc, "config_check(text)\n--\n\n"
"Checks a configuration document without opening anything; raises ConfigError.");

static PyObject *config_check(PyObject *module, PyObject *text)
{
    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "a configuration is a str of JSON");
        return NULL;
    }
    const char *json = PyUnicode_AsUTF8AndSize(text, NULL);
    if (json == NULL) {
        return NULL;
    }
    return none_or_raise(PyModule_GetState(module), tidegate_config_check(json));
}

PyDoc_STRVAR(key_bytes_doc, "key_bytes(*key_parts)\n--\n\n"
"The bytes of the key that the parts make, as every binding joins them.");

static PyObject *key_bytes(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    Key key;
    if (key_join(&key, args, count) < 0) {
        return NULL;
    }
    PyObject *bytes = PyBytes_FromStringAndSize(key.bytes, (Py_ssize_t)key.length);
    key_free(&key);
    return bytes;
}

PyDoc_STRVAR(ticks_doc, "_ticks_per_second()\n--\n\n"
"How fast the counter runs that durations are taken from; 0.0 where that is the kernel's clock.");

static PyObject *ticks_per_second(PyObject *module, PyObject *ignored)
{
    (void)ignored;
    const Ticks *ticks = &((State *)PyModule_GetState(module))->ticks;
    return PyFloat_FromDouble(ticks->limit == 0 ? 0.0 : 1.0 / ticks->seconds_per_tick);
}

PyDoc_STRVAR(parse_doc, "snapshot_parse(document)\n--\n\n"
"The Snapshot that a JSON document with buckets was rendered from.");

static PyMethodDef module_methods[] = {
    {"_ticks_per_second", ticks_per_second, METH_NOARGS, ticks_doc},
    {"config_check", config_check, METH_O, config_check_doc},
    {"key_bytes", FAST(key_bytes), METH_FASTCALL, key_bytes_doc},
    {"snapshot_parse", snapshot_parse, METH_O, parse_doc},
    {NULL, NULL, 0, NULL},
};

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(module);
    Py_VISIT(state->engine);
    Py_VISIT(state->snapshot);
    for (int i = 0; i < KINDS; i++) {
        Py_VISIT(state->handle[i]);
    }
    Py_VISIT(state->decision);
    Py_VISIT(state->timer);
    Py_VISIT(state->permit);
    Py_VISIT(state->guarded);
    Py_VISIT(state->decorate);
    Py_VISIT(state->denied);
    Py_VISIT(state->sleep);
    Py_VISIT(state->method);
    Py_VISIT(state->guard_of);
    Py_VISIT(state->with_labels);
    Py_VISIT(state->loads);
    Py_VISIT(state->from_status);
    Py_VISIT(state->closed_error);
    return 0;
}

static int module_clear(PyObject *module)
{
    State *state = PyModule_GetState(module);
    Py_CLEAR(state->engine);
    Py_CLEAR(state->snapshot);
    for (int i = 0; i < KINDS; i++) {
        Py_CLEAR(state->handle[i]);
    }
    Py_CLEAR(state->decision);
    Py_CLEAR(state->timer);
    Py_CLEAR(state->permit);
    Py_CLEAR(state->guarded);
    Py_CLEAR(state->decorate);
    Py_CLEAR(state->denied);
    Py_CLEAR(state->sleep);
    Py_CLEAR(state->method);
    Py_CLEAR(state->guard_of);
    Py_CLEAR(state->with_labels);
    Py_CLEAR(state->loads);
    Py_CLEAR(state->from_status);
    Py_CLEAR(state->closed_error);
    return 0;
}

static void module_free(void *module)
{
    State *state = PyModule_GetState((PyObject *)module);
    module_clear(module);
    timers_clear(state);
}

/* Slots that an interpreter does not know are errors, and one binary serves them all: the numbers
 * of the later ones are written out, and added when the interpreter is new enough. */
#define MULTIPLE_INTERPRETERS 3
#define PER_INTERPRETER_LOCK ((void *)2)

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "tidegate._native",
    .m_doc = "The engine behind include/tidegate.h. Use the names of the package tidegate.",
    .m_size = sizeof(State),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__native(void)
{
    int minor = 0;
    if (sscanf(Py_GetVersion(), "3.%d", &minor) == 1 && minor >= 12) {
        PyModuleDef_Slot *end = module_slots;
        while (end->slot != 0 && end->slot != MULTIPLE_INTERPRETERS) {
            end++;
        }
        *end = (PyModuleDef_Slot){MULTIPLE_INTERPRETERS, PER_INTERPRETER_LOCK};
    }
    return PyModuleDef_Init(&module_def);
}
