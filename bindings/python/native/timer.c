/* timer.c: `with histogram.time():`. */
#include "native.h"

typedef struct {
    PyObject_HEAD
    State *state;
    Handle *histogram;
    /* From ticks_begin(); 0 before the block. */
    SHARED(uint64_t) begun;
} Timer;

PyObject *timer_new(Handle *histogram)
{
    State *state = histogram->state;
    Timer *self;
    if (type_is_gone(state->timer)) {
        return NULL;
    }
    if (state->spare_timer_count > 0) {
        self = (Timer *)state->spare_timers[--state->spare_timer_count];
        PyObject_Init((PyObject *)self, state->timer);
    } else {
        self = PyObject_New(Timer, state->timer);
        if (self == NULL) {
            return NULL;
        }
    }
    self->state = state;
    self->histogram = histogram;
    Py_INCREF(histogram);
    self->begun = 0;
    return (PyObject *)self;
}

static void timer_dealloc(PyObject *object)
{
    Timer *self = (Timer *)object;
    State *state = self->state;
    PyTypeObject *type = Py_TYPE(object);
    Py_DECREF(self->histogram);
    if (KEEP_SPARES && state->spare_timer_count < SPARE_TIMERS) {
        state->spare_timers[state->spare_timer_count++] = object;
    } else {
        PyObject_Free(object);
    }
    Py_DECREF(type);
}

void timers_clear(State *state)
{
    while (state->spare_timer_count > 0) {
        PyObject_Free(state->spare_timers[--state->spare_timer_count]);
    }
}

static PyObject *timer_enter(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Timer *self = (Timer *)object;
    Py_INCREF(object);
    self->begun = ticks_begin(&self->state->ticks);
    return object;
}

static PyObject *timer_exit(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    Timer *self = (Timer *)object;
    uint64_t begun = self->begun;
    if (begun == 0) {
        PyErr_SetString(PyExc_RuntimeError, "the timer was not started");
        return NULL;
    }
    double seconds = ticks_since(&self->state->ticks, begun);
    /* An exception of the block must come out unchanged. */
    bool raised = count > 0 && args[0] != Py_None;
    tidegate_engine *engine = self->histogram->engine->raw;
    if (engine == NULL) {
        return raised ? copy_self(Py_None, NULL) : raise_closed(self->state);
    }
    tidegate_histogram histogram = {self->histogram->id};
    tidegate_status status = tidegate_histogram_record(engine, histogram, seconds);
    if (status != TIDEGATE_OK && !raised) {
        return raise_status(self->state, status);
    }
    Py_RETURN_NONE;
}

static PyMethodDef timer_methods[] = {
    {"__enter__", timer_enter, METH_NOARGS, NULL},
    {"__exit__", FAST(timer_exit), METH_FASTCALL, NULL},
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyType_Slot timer_slots[] = {
    {Py_tp_doc, "Records how long a block took; from Histogram.time()."},
    {Py_tp_dealloc, timer_dealloc},
    {Py_tp_methods, timer_methods},
    {0, NULL},
};

PyType_Spec timer_spec = {
    .name = "tidegate._native.Timer",
    .basicsize = sizeof(Timer),
    .flags = FINAL_FLAGS,
    .slots = timer_slots,
};
