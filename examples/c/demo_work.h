/*
 * demo_work.h: one worker, and the series it writes to.
 */
#ifndef TIDEGATE_DEMO_WORK_H
#define TIDEGATE_DEMO_WORK_H

#include "demo_config.h"

#include <signal.h>
#include <stdint.h>
#include <tidegate.h>

/* How a request for a query can end. */
typedef enum demo_answer {
    DEMO_ADMITTED,
    DEMO_DENIED_BY_API,  /* the limit of all workers together was used up */
    DEMO_DENIED_BY_USER, /* this user asked too often; the shared limit was not even asked */
    DEMO_ANSWERS
} demo_answer;

extern const char *const DEMO_ANSWER_NAMES[DEMO_ANSWERS];

/* What all workers share: opened once, before the fork. */
typedef struct demo_shared {
    tidegate_limiter api;
    tidegate_limiter per_user;
    tidegate_histogram query_seconds;
    tidegate_gauge in_flight;
} demo_shared;

/* What belongs to one worker, told apart by the label worker="N". */
typedef struct demo_series {
    tidegate_counter answers[DEMO_ANSWERS];
    tidegate_histogram query_seconds;

    /* The limiter this worker would have if limits were not shared. It is asked whenever the
       shared one is, its answer is counted, and nobody obeys it. */
    tidegate_limiter alone;
    tidegate_counter admitted_alone;
} demo_series;

/* A worker's own tally, kept in its private memory, to hold against what the region says. */
typedef struct demo_report {
    uint32_t worker;
    uint32_t reserved;
    uint64_t answers[DEMO_ANSWERS];
    uint64_t admitted_alone;
} demo_report;

void demo_shared_open(demo_shared *shared, tidegate_engine *engine, const demo_config *config);

/* Opening is by name: parent and worker both call this, and get the same series. */
void demo_series_open(demo_series *series, tidegate_engine *engine, const demo_config *config,
                      unsigned worker);

/* Works until the deadline, or until a signal handler sets `stop`. */
demo_report demo_work(tidegate_engine *engine, const demo_config *config, const char *database_path,
                      unsigned worker, uint64_t deadline_ns, const volatile sig_atomic_t *stop);

/* CLOCK_MONOTONIC. */
uint64_t demo_now_ns(void);

#endif
