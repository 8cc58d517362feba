/* clock.c: seconds as Python has them, and which fork this is. */
#include "native.h"

#include <stdatomic.h>
#ifndef _WIN32
#include <pthread.h>
#endif

/* Written in a child while it has one thread, right after fork(). */
uint32_t fork_generation;

#ifdef _WIN32
int watch_forks(void)
{
    return 0;
}
#else
static void forked(void)
{
    fork_generation++;
}

int watch_forks(void)
{
    /* Interpreters of one process may load their modules at the same time. */
    static atomic_flag watched = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&watched) && pthread_atfork(NULL, NULL, forked) != 0) {
        atomic_flag_clear(&watched);
        PyErr_SetString(PyExc_OSError, "pthread_atfork was refused");
        return -1;
    }
    return 0;
}
#endif

int nanoseconds_of(PyObject *seconds, const char *what, uint64_t *out)
{
    double value = PyFloat_AsDouble(seconds);
    if (value == -1.0 && PyErr_Occurred()) {
        return -1;
    }
    /* Beyond 292 years the sum of two would not fit. */
    if (!(value >= 0.0) || value > 9.2e9) {
        PyErr_Format(PyExc_ValueError, "%s is a number of seconds from 0 to 9.2e9, not %R", what,
                     seconds);
        return -1;
    }
    *out = (uint64_t)(value * 1e9 + 0.5);
    return 0;
}

PyObject *seconds_from(uint64_t ns)
{
    return PyFloat_FromDouble((double)ns * 1e-9);
}
