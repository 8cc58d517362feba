/* module.c: the module, its types and constants. */
#include "native.h"

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
        {"FORMAT_JSON", TIDEGATE_FORMAT_JSON},
        {"FORMAT_PROMETHEUS", TIDEGATE_FORMAT_PROMETHEUS},
    };
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        if (PyModule_AddIntConstant(module, constants[i].name, constants[i].value) < 0) {
            return -1;
        }
    }
    return PyModule_AddStringConstant(module, "version", tidegate_version());
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
    PyObject *errors = PyImport_ImportModule("tidegate.errors");
    if (errors == NULL) {
        return -1;
    }
    state->from_status = PyObject_GetAttrString(errors, "from_status");
    state->closed_error = PyObject_GetAttrString(errors, "ClosedError");
    Py_DECREF(errors);
    if (state->from_status == NULL || state->closed_error == NULL) {
        return -1;
    }
    if (add_type(module, &engine_spec, &state->engine) < 0
        || add_type(module, &snapshot_spec, &state->snapshot) < 0
        || add_type(module, &counter_spec, &state->handle[KIND_COUNTER]) < 0
        || add_type(module, &gauge_spec, &state->handle[KIND_GAUGE]) < 0
        || add_type(module, &histogram_spec, &state->handle[KIND_HISTOGRAM]) < 0
        || add_type(module, &limiter_spec, &state->handle[KIND_LIMITER]) < 0
        || add_type(module, &decision_spec, &state->decision) < 0
        || add_type(module, &timer_spec, &state->timer) < 0) {
        return -1;
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

static PyMethodDef module_methods[] = {
    {"config_check", config_check, METH_O, config_check_doc},
    {"key_bytes", FAST(key_bytes), METH_FASTCALL, key_bytes_doc},
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
    Py_CLEAR(state->from_status);
    Py_CLEAR(state->closed_error);
    return 0;
}

static void module_free(void *module)
{
    State *state = PyModule_GetState((PyObject *)module);
    module_clear(module);
    decisions_clear(state);
    timers_clear(state);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
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
    return PyModuleDef_Init(&module_def);
}
