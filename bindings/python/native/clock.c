/* clock.c: time of this machine, seconds as Python has them, and which fork this is. */
#define _POSIX_C_SOURCE 200809L
#include "native.h"

#include <pthread.h>
#include <time.h>

uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Written in a child while it has one thread, right after fork(). */
static uint32_t generation;

static void forked(void)
{
    generation++;
}

uint32_t fork_generation(void)
{
    return generation;
}

int watch_forks(void)
{
    static bool watched;
    if (!watched && pthread_atfork(NULL, NULL, forked) != 0) {
        PyErr_SetString(PyExc_OSError, "pthread_atfork was refused");
        return -1;
    }
    watched = true;
    return 0;
}

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
