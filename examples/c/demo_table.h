/*
 * demo_table.h: what the parent shows, all of it read from the region.
 */
#ifndef TIDEGATE_DEMO_TABLE_H
#define TIDEGATE_DEMO_TABLE_H

#include "demo_work.h"

enum { DEMO_QUANTILES = 4 }; /* 0.5, 0.95, 0.99 and the longest */

typedef struct demo_row {
    uint64_t answers[DEMO_ANSWERS];
    uint64_t admitted_alone;
    double latencies_seconds[DEMO_QUANTILES]; /* NaN where nothing was recorded */
} demo_row;

typedef struct demo_reading {
    double in_flight;
    demo_row together;
    demo_row workers[DEMO_WORKERS_MAX]; /* worker N is at N - 1 */
} demo_reading;

/* The ids that a reading needs. */
typedef struct demo_reader {
    tidegate_engine *engine;
    unsigned workers;
    demo_shared shared;
    demo_series series[DEMO_WORKERS_MAX];
} demo_reader;

void demo_reading_take(demo_reading *reading, const demo_reader *reader);

/* One row for each worker and one for all: drawn over the last table if `over_the_last`. */
void demo_table_draw(const demo_reading *reading, unsigned workers, double seconds,
                     double admitted_per_second, bool over_the_last);

/* The same in one line, for a log that cannot be drawn over. */
void demo_table_print_line(const demo_reading *reading, double seconds, double admitted_per_second);

/* 1234567 as "1,234,567". */
const char *demo_grouped(uint64_t number, char text[32]);

#endif
