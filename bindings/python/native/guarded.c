/*
 * guarded.c: a function under a guard, as decorators give it.
 *
 * Only for plain functions: what is asynchronous or a generator is wrapped by tidegate.decorate,
 * with the permits of call.c. Arguments are passed on as they came, without a tuple, where the
 * interpreter has PyObject_Vectorcall (3.12; earlier ones that export it too).
 */
#define _GNU_SOURCE
#include "native.h"

#include <stddef.h>
#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

/* Of the stable ABI from 3.12 on, but the same since 3.8: a type with this flag has a function
 * pointer at its __vectorcalloffset__. */
#define HAVE_VECTORCALL (1UL << 11)
#define METHOD_DESCRIPTOR (1UL << 17)
#define ARGUMENTS_OFFSET ((size_t)1 << (8 * sizeof(size_t) - 1))

typedef PyObject *(*Vectorcall)(PyObject *callable, PyObject *const *args, size_t flagged,
                                PyObject *keywords);

static Vectorcall vectorcall;

/* PyObject_Vectorcall(), or NULL where it is out of our reach. */
static Vectorcall find_vectorcall(void)
{
    Vectorcall found = NULL;
#ifdef _WIN32
    /* What it forwards is the stable ABI, of which that is a part from 3.12 on. */
    FARPROC address = GetProcAddress(GetModuleHandleA("python3.dll"), "PyObject_Vectorcall");
    memcpy(&found, &address, sizeof found);
#else
    *(void **)&found = dlsym(RTLD_DEFAULT, "PyObject_Vectorcall");
#endif
    return found;
}

typedef struct {
    PyObject_HEAD
    Vectorcall call;
    State *state;
    PyObject *function;
    Handle *guard;
    /* Called with the function's arguments for the parts of the key; or None. */
    PyObject *key;
    PyObject *ignore;
    PyObject *attributes;
    PyObject *weak;
    uint32_t cost;
} Guarded;

/* Arguments in whichever form they came. */
typedef struct {
    PyObject *const *args;
    size_t flagged;
    PyObject *keywords;
    PyObject *tuple;
} Arguments;

static PyObject *pass_on(PyObject *function, const Arguments *given)
{
    if (given->tuple != NULL) {
        return PyObject_Call(function, given->tuple, given->keywords);
    }
    return vectorcall(function, given->args, given->flagged, given->keywords);
}

/* The key that the key function makes of the arguments. */
static int key_of(Guarded *self, const Arguments *given, Key *key, PyObject **held)
{
    *held = NULL;
    if (self->key == Py_None) {
        return key_join(key, NULL, 0);
    }
    PyObject *parts = pass_on(self->key, given);
    if (parts == NULL) {
        return -1;
    }
    /* The key points into the parts: they live until the guard has looked at it. */
    *held = parts;
    if (!PyTuple_Check(parts)) {
        return key_join(key, &parts, 1);
    }
    PyObject *several[8];
    Py_ssize_t count = PyTuple_Size(parts);
    if (count > (Py_ssize_t)(sizeof several / sizeof several[0])) {
        PyErr_SetString(PyExc_ValueError, "a key has at most 8 parts");
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        several[i] = PyTuple_GetItem(parts, i);
    }
    return key_join(key, several, count);
}

/* Seconds that the exception asks to wait: its attribute retry_after, if it is such a number. */
static uint64_t asked_to_wait(PyObject *error)
{
    uint64_t ns = 0;
    PyObject *seconds = error == NULL ? NULL : PyObject_GetAttrString(error, "retry_after");
    if (seconds == NULL || !(PyFloat_Check(seconds) || PyLong_Check(seconds))
        || nanoseconds_of(seconds, "retry_after", &ns) < 0) {
        PyErr_Clear();
        ns = 0;
    }
    Py_XDECREF(seconds);
    return ns;
}

/* Waits as Python does, so that signals and whoever replaces time.sleep() have their say. */
static int wait_for(State *state, uint64_t ns)
{
    if (ns == 0) {
        return 0;
    }
    PyObject *slept = PyObject_CallFunction(state->sleep, "d", (double)ns * 1e-9);
    Py_XDECREF(slept);
    return slept == NULL ? -1 : 0;
}

/* Calls until it succeeds or the retry says that it is enough. */
static PyObject *call_again(Guarded *self, const Arguments *given)
{
    tidegate_engine *engine = open_engine(self->guard);
    if (engine == NULL) {
        return NULL;
    }
    tidegate_retry retry = {self->guard->id};
    uint64_t delay_ns = 0;
    uint64_t begun = ticks_begin(&self->state->ticks);
    tidegate_status status = tidegate_retry_next(engine, retry, 1, &delay_ns);
    if (status < 0) {
        return raise_status(self->state, status);
    }
    for (uint32_t attempt = 2;; attempt++) {
        PyObject *result = pass_on(self->function, given);
        if (result != NULL) {
            return result;
        }
        PyObject *class, *value, *traceback;
        PyErr_Fetch(&class, &value, &traceback);
        PyErr_NormalizeException(&class, &value, &traceback);
        bool again = PyErr_GivenExceptionMatches(class, PyExc_Exception)
                     && !(self->ignore != Py_None
                          && PyErr_GivenExceptionMatches(class, self->ignore));
        engine = self->guard->engine->raw;
        if (again && engine != NULL) {
            uint64_t elapsed_ns = (uint64_t)(ticks_since(&self->state->ticks, begun) * 1e9);
            status = tidegate_retry_next_after(engine, retry, attempt, elapsed_ns,
                                               asked_to_wait(value), &delay_ns);
        }
        if (!again || engine == NULL || status != TIDEGATE_OK) {
            PyErr_Restore(class, value, traceback);
            return NULL;
        }
        Py_XDECREF(class);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        if (wait_for(self->state, delay_ns) < 0) {
            return NULL;
        }
    }
}

static PyObject *call_through(Guarded *self, const Arguments *given)
{
    Call call;
    Refusal refusal;
    bool admitted;
    Key key;
    PyObject *held;
    if (key_of(self, given, &key, &held) < 0) {
        Py_XDECREF(held);
        return NULL;
    }
    int begun = call_begin(self->guard, &key, self->cost, 1, &call, &refusal, &admitted);
    key_free(&key);
    Py_XDECREF(held);
    if (begun < 0) {
        return NULL;
    }
    if (!admitted) {
        return raise_denied(self->guard, &refusal);
    }
    PyObject *result = pass_on(self->function, given);
    PyObject *ignore = self->ignore == Py_None ? NULL : self->ignore;
    if (call.open && call_end(self->guard, &call, ignore, result == NULL) < 0) {
        Py_CLEAR(result);
    }
    return result;
}

static PyObject *call_any(Guarded *self, const Arguments *given)
{
    if (self->function == NULL || self->key == NULL || self->ignore == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the function was collected");
        return NULL;
    }
    /* The function may drop the last reference to its own decorator. */
    Py_INCREF(self);
    PyObject *result =
        self->guard->kind == KIND_RETRY ? call_again(self, given) : call_through(self, given);
    Py_DECREF(self);
    return result;
}

static PyObject *guarded_vectorcall(PyObject *object, PyObject *const *args, size_t flagged,
                                    PyObject *keywords)
{
    /* Without ARGUMENTS_OFFSET: the arguments are passed on more than once. */
    Arguments given = {args, flagged & ~ARGUMENTS_OFFSET, keywords, NULL};
    return call_any((Guarded *)object, &given);
}

static PyObject *guarded_call(PyObject *object, PyObject *args, PyObject *keywords)
{
    Arguments given = {NULL, 0, keywords, args};
    return call_any((Guarded *)object, &given);
}

/* Guarded(function, guard, key, ignore, cost) */
static PyObject *guarded_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    State *state = PyType_GetModuleState(type);
    PyObject *function, *guard, *key, *ignore;
    unsigned int cost;
    if (state == NULL
        || !PyArg_ParseTuple(args, "OOOOI:Guarded", &function, &guard, &key, &ignore, &cost)) {
        return NULL;
    }
    (void)keywords;
    bool known = false;
    for (int kind = 0; kind < KINDS; kind++) {
        known |= Py_TYPE(guard) == state->handle[kind]
                 && (guardings[kind] != NULL || kind == KIND_RETRY);
    }
    if (!known || !PyCallable_Check(function)) {
        PyErr_SetString(PyExc_TypeError, "a function and a guard are wanted");
        return NULL;
    }
    ignore = ignored_classes(ignore);
    Guarded *self = ignore == NULL ? NULL : (Guarded *)PyType_GenericAlloc(type, 0);
    if (self == NULL) {
        Py_XDECREF(ignore);
        return NULL;
    }
    self->call = guarded_vectorcall;
    self->state = state;
    self->function = function;
    self->guard = (Handle *)guard;
    self->key = key;
    self->ignore = ignore;
    self->cost = cost;
    Py_INCREF(function);
    Py_INCREF(guard);
    Py_INCREF(key);
    return (PyObject *)self;
}

static int guarded_traverse(PyObject *object, visitproc visit, void *arg)
{
    Guarded *self = (Guarded *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->function);
    Py_VISIT(self->guard);
    Py_VISIT(self->key);
    Py_VISIT(self->ignore);
    Py_VISIT(self->attributes);
    return 0;
}

/* Keeps the guard: guards take part in no cycle. */
static int guarded_clear(PyObject *object)
{
    Guarded *self = (Guarded *)object;
    Py_CLEAR(self->attributes);
    Py_CLEAR(self->function);
    Py_CLEAR(self->key);
    Py_CLEAR(self->ignore);
    return 0;
}

static void guarded_dealloc(PyObject *object)
{
    Guarded *self = (Guarded *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->weak != NULL) {
        PyObject_ClearWeakRefs(object);
    }
    Py_XDECREF(self->function);
    Py_XDECREF(self->guard);
    Py_XDECREF(self->key);
    Py_XDECREF(self->ignore);
    Py_XDECREF(self->attributes);
    PyObject_GC_Del(object);
    Py_DECREF(type);
}

/* Its own attributes first, then those of the function. */
static PyObject *guarded_getattr(PyObject *object, PyObject *name)
{
    PyObject *found = PyObject_GenericGetAttr(object, name);
    if (found == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        PyObject *function = ((Guarded *)object)->function;
        if (function != NULL) {
            return PyObject_GetAttr(function, name);
        }
        PyErr_SetObject(PyExc_AttributeError, name);
    }
    return found;
}

static PyObject *guarded_get(PyObject *object, PyObject *instance, PyObject *owner)
{
    (void)owner;
    if (instance == NULL || instance == Py_None) {
        return copy_self(object, NULL);
    }
    PyObject *method = ((Guarded *)object)->state->method;
    return PyObject_CallFunctionObjArgs(method, object, instance, NULL);
}

static PyObject *guarded_repr(PyObject *object)
{
    Guarded *self = (Guarded *)object;
    return PyUnicode_FromFormat("<%R under %R>", self->function, self->guard);
}

static PyMemberDef guarded_members[] = {
    {"guard", T_OBJECT, offsetof(Guarded, guard), READONLY, "What it runs under."},
    {"__dictoffset__", T_PYSSIZET, offsetof(Guarded, attributes), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Guarded, weak), READONLY, NULL},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Guarded, call), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef guarded_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* Pickled as functions are: by where it is found. */
static PyObject *guarded_reduce(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    return PyObject_GetAttrString(self, "__qualname__");
}

static PyMethodDef guarded_methods[] = {
    {"__reduce__", guarded_reduce, METH_NOARGS, NULL},
    {"__reduce_ex__", guarded_reduce, METH_O, NULL},
    {"__copy__", copy_self, METH_NOARGS, NULL},
    {"__deepcopy__", copy_self, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot guarded_slots[] = {
    {Py_tp_doc, "A function under a guard."},
    {Py_tp_new, guarded_new},
    {Py_tp_dealloc, guarded_dealloc},
    {Py_tp_traverse, guarded_traverse},
    {Py_tp_clear, guarded_clear},
    {Py_tp_call, guarded_call},
    {Py_tp_getattro, guarded_getattr},
    {Py_tp_descr_get, guarded_get},
    {Py_tp_repr, guarded_repr},
    {Py_tp_members, guarded_members},
    {Py_tp_getset, guarded_getset},
    {Py_tp_methods, guarded_methods},
    {0, NULL},
};

static const PyType_Spec guarded_spec = {
    .name = "tidegate._native.Guarded",
    .basicsize = sizeof(Guarded),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC | METHOD_DESCRIPTOR,
    .slots = guarded_slots,
};

PyTypeObject *guarded_type(PyObject *module)
{
    if (vectorcall == NULL) {
        vectorcall = find_vectorcall();
    }
    PyType_Spec spec = guarded_spec;
    if (vectorcall != NULL) {
        spec.flags |= HAVE_VECTORCALL;
    }
    return (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
}

PyObject *handle_decorate(PyObject *self, PyObject *args, PyObject *keywords)
{
    State *state = ((Handle *)self)->state;
    Py_ssize_t count = PyTuple_Size(args);
    PyObject *with_self = PyTuple_New(count + 1);
    if (with_self == NULL) {
        return NULL;
    }
    Py_INCREF(self);
    PyTuple_SetItem(with_self, 0, self);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *argument = PyTuple_GetItem(args, i);
        Py_INCREF(argument);
        PyTuple_SetItem(with_self, i + 1, argument);
    }
    PyObject *decorated = PyObject_Call(state->decorate, with_self, keywords);
    Py_DECREF(with_self);
    return decorated;
}
