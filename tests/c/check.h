/*
 * check.h: what the C tests share. Include it first: it asks for the system's whole interface.
 *
 * A test is a function whose name is its claim. What it finds wrong is printed and counted, and it
 * goes on; NEED gives up where going on makes no sense.
 */
#ifndef TIDEGATE_TESTS_CHECK_H
#define TIDEGATE_TESTS_CHECK_H

#define _GNU_SOURCE

#include "tidegate.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef _WIN32
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#endif
#include <unistd.h>

static const uint64_t SECOND = 1000000000u;
static const uint64_t MILLISECOND = 1000000u;

static atomic_int check_failures;

static inline void check_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    atomic_fetch_add(&check_failures, 1);
}

static inline void check_equal(const char *file, int line, const char *what, uint64_t expected,
                               uint64_t found)
{
    if (expected != found) {
        check_failed(file, line, what);
        fprintf(stderr, "    expected %llu, found %llu\n", (unsigned long long)expected,
                (unsigned long long)found);
    }
}

static inline bool check_status(const char *file, int line, const char *call,
                                tidegate_status expected, tidegate_status found)
{
    if (expected == found) {
        return true;
    }
    char sentence[400];
    tidegate_last_error(sentence, sizeof sentence);
    check_failed(file, line, call);
    fprintf(stderr, "    expected %s, found %s (last error: %s)\n", tidegate_status_name(expected),
            tidegate_status_name(found), sentence);
    return false;
}

/** The condition holds. */
#define CHECK(condition)                                                                           \
    ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))
/** Both are the same whole number. */
#define EQUAL(expected, found)                                                                     \
    check_equal(__FILE__, __LINE__, #found, (uint64_t)(expected), (uint64_t)(found))
/** The call returns this status. */
#define STATUS(expected, call) check_status(__FILE__, __LINE__, #call, (expected), (call))
/** The condition holds, or nothing after it makes sense. */
#define NEED(condition)                                                                            \
    ((condition) ? (void)0 : (check_failed(__FILE__, __LINE__, #condition), exit(1)))
/** Runs a test. */
#define RUN(test) (fprintf(stderr, "%s\n", #test), test())

/** What main returns. */
static inline int check_result(void)
{
    return atomic_load(&check_failures) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/** True when valgrind runs this: count by the thousand, not by the million. */
static inline bool check_is_slow(void)
{
    return getenv("TIDEGATE_MEMCHECK") != NULL;
}

/** True on a machine that says that it is slow: its coarse clock may lag by more than is trusted. */
static inline bool check_is_emulated(void)
{
    return getenv("TIDEGATE_PATIENCE") != NULL;
}

/** An engine, or the end of the program. */
static inline tidegate_engine *check_open(const char *config)
{
    tidegate_engine *engine = NULL;
    NEED(STATUS(TIDEGATE_OK, tidegate_engine_open(config, &engine)) && engine != NULL);
    return engine;
}

/** An engine over the region file at `path`, 8 MiB for 128 series; `more` is further fields. */
static inline tidegate_engine *check_open_path(const char *path, const char *more)
{
    char config[600];
    snprintf(config, sizeof config,
             "{\"region\":{\"path\":\"%s\",\"size_bytes\":8388608},"
             "\"metrics\":{\"max_series\":128}%s}",
             path, more);
    return check_open(config);
}

static inline tidegate_counter check_counter(tidegate_engine *engine, const char *name)
{
    tidegate_counter counter = {0};
    NEED(STATUS(TIDEGATE_OK, tidegate_counter_open(engine, name, NULL, &counter)));
    return counter;
}

static inline tidegate_histogram check_histogram(tidegate_engine *engine, const char *name)
{
    tidegate_histogram histogram = {0};
    NEED(STATUS(TIDEGATE_OK, tidegate_histogram_open(engine, name, NULL, &histogram)));
    return histogram;
}

static inline tidegate_limiter check_limiter(tidegate_engine *engine, const char *name,
                                             const char *config)
{
    tidegate_limiter limiter = {0};
    NEED(STATUS(TIDEGATE_OK, tidegate_limiter_open(engine, name, config, &limiter)));
    return limiter;
}

static inline uint64_t check_total(tidegate_engine *engine, tidegate_counter counter)
{
    uint64_t total = UINT64_MAX;
    NEED(STATUS(TIDEGATE_OK, tidegate_counter_value(engine, counter, &total)));
    return total;
}

/** The JSON of a snapshot taken now, NUL-terminated; free() it. */
static inline char *check_json(tidegate_engine *engine)
{
    tidegate_snapshot *snapshot = NULL;
    size_t length = 0;
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_take(engine, &snapshot)));
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_render(snapshot, 0, NULL, 0, &length)));
    char *text = malloc(length + 1);
    NEED(text != NULL);
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_render(snapshot, 0, text, length, &length)));
    text[length] = '\0';
    tidegate_snapshot_free(snapshot);
    return text;
}

/** The number of the first `field` behind the first `place` in a snapshot taken now. */
static inline double check_number(tidegate_engine *engine, const char *place, const char *field)
{
    char key[80];
    char *text = check_json(engine);
    double number = NAN;
    snprintf(key, sizeof key, "\"%s\":", field);
    const char *found = strstr(text, place);
    found = found == NULL ? NULL : strstr(found, key);
    if (found != NULL) {
        number = strtod(found + strlen(key), NULL);
    }
    free(text);
    return number;
}

#ifndef _WIN32
/** Forks; 0 in the child, which dies with its parent and ends in check_leave(). */
static inline pid_t check_fork(void)
{
    fflush(NULL);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        atomic_store(&check_failures, 0);
    }
    return child;
}

/** Ends a child; its parent hears whether it found anything. */
static inline void check_leave(void)
{
    _exit(check_result());
}

/** Waits for a child that is to end by itself with nothing found. */
static inline void check_reap(pid_t child)
{
    int status = 0;
    NEED(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/** Kills a child with a signal that it cannot see, and waits for its end. */
static inline void check_kill(pid_t child)
{
    int status = 0;
    NEED(kill(child, SIGKILL) == 0);
    NEED(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/** A pipe that processes wait at until another one opens it. */
typedef struct check_gate {
    int ends[2];
} check_gate;

static inline check_gate check_gate_make(void)
{
    check_gate gate;
    NEED(pipe(gate.ends) == 0);
    return gate;
}

static inline void check_gate_wait(check_gate gate)
{
    char byte = 0;
    NEED(read(gate.ends[0], &byte, 1) == 1);
}

static inline void check_gate_pass(check_gate gate, int waiters)
{
    for (int waiter = 0; waiter < waiters; waiter++) {
        NEED(write(gate.ends[1], "", 1) == 1);
    }
}

static inline void check_gate_close(check_gate gate)
{
    close(gate.ends[0]);
    close(gate.ends[1]);
}

/** Zeroed memory that forked children share; for numbers that tidegate must agree with. */
static inline void *check_shared(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(memory != MAP_FAILED);
    return memory;
}

#endif

#endif
