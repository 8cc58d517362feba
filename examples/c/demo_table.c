/*
 * demo_table.c: from the region to a table.
 *
 * Counters and gauges are read from one rendered snapshot, quantiles from the histograms
 * themselves. No worker sends anything to the parent for this.
 */
#include "demo_table.h"

#include "exposition.h"

#include <inttypes.h>
#include <math.h>

static void read_latencies(demo_row *row, tidegate_engine *engine, tidegate_histogram histogram)
{
    static const double QUANTILES[DEMO_QUANTILES] = {0.5, 0.95, 0.99, 1.0};
    must(tidegate_histogram_quantiles(engine, histogram, 0.0, QUANTILES, DEMO_QUANTILES,
                                      row->latencies_seconds),
         "read the quantiles");
}

static void read_counts(demo_row *row, const char *text, const char *worker_label)
{
    for (int answer = 0; answer < DEMO_ANSWERS; answer++) {
        char label[64];
        snprintf(label, sizeof label, "answer=\"%s\"", DEMO_ANSWER_NAMES[answer]);
        row->answers[answer] = (uint64_t)exposition_sum(text, "queries_total", worker_label, label);
    }
    row->admitted_alone =
        (uint64_t)exposition_sum(text, "queries_admitted_alone_total", worker_label, NULL);
}

void demo_reading_take(demo_reading *reading, const demo_reader *reader)
{
    char *text = exposition_render(reader->engine, TIDEGATE_FORMAT_PROMETHEUS, NULL);
    reading->in_flight = exposition_sum(text, "queries_in_flight", NULL, NULL);
    read_counts(&reading->together, text, NULL);
    read_latencies(&reading->together, reader->engine, reader->shared.query_seconds);
    for (unsigned worker = 1; worker <= reader->workers; worker++) {
        demo_row *row = &reading->workers[worker - 1];
        char label[32];
        snprintf(label, sizeof label, "worker=\"%u\"", worker);
        read_counts(row, text, label);
        read_latencies(row, reader->engine, reader->series[worker - 1].query_seconds);
    }
    free(text);
}

const char *demo_grouped(uint64_t number, char text[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, number);
    char *to = text;
    for (int at = 0; at < length; at++) {
        if (at > 0 && (length - at) % 3 == 0) {
            *to++ = ',';
        }
        *to++ = digits[at];
    }
    *to = '\0';
    return text;
}

static void print_count(uint64_t count, int width)
{
    char text[32];
    printf("%*s", width, demo_grouped(count, text));
}

static void print_milliseconds(double seconds, int width)
{
    if (isnan(seconds)) {
        printf("%*s", width, "-");
    } else {
        printf("%*.3f", width, seconds * 1e3);
    }
}

/* 79 columns in all: a line that wraps could not be drawn over. */
static void print_row(const char *name, const demo_row *row, const char *line_end)
{
    printf("%-8s", name);
    print_count(row->answers[DEMO_ADMITTED], 10);
    print_count(row->answers[DEMO_DENIED_BY_API], 12);
    print_count(row->answers[DEMO_DENIED_BY_USER], 13);
    for (int quantile = 0; quantile < DEMO_QUANTILES; quantile++) {
        print_milliseconds(row->latencies_seconds[quantile], 9);
    }
    fputs(line_end, stdout);
}

void demo_table_draw(const demo_reading *reading, unsigned workers, double seconds,
                     double admitted_per_second, bool over_the_last)
{
    /* A terminal's own words: go up by so many lines; and clear the rest of this one. */
    const char *line_end = over_the_last ? "\033[K\n" : "\n";
    if (over_the_last) {
        printf("\033[%uA", workers + 3);
    }
    printf("%.1f s, %.0f admitted a second, %.0f in flight%s", seconds, admitted_per_second,
           reading->in_flight, line_end);
    printf("%-8s%10s%12s%13s%9s%9s%9s%9s%s", "worker", "admitted", "denied: api",
           "denied: user", "p50 ms", "p95 ms", "p99 ms", "max ms", line_end);
    for (unsigned worker = 1; worker <= workers; worker++) {
        char name[16];
        snprintf(name, sizeof name, "%u", worker);
        print_row(name, &reading->workers[worker - 1], line_end);
    }
    print_row("together", &reading->together, line_end);
    fflush(stdout);
}

void demo_table_print_line(const demo_reading *reading, double seconds, double admitted_per_second)
{
    const demo_row *row = &reading->together;
    char admitted[32], by_api[32], by_user[32];
    printf("%5.1f s  %5.0f/s admitted, in all %s; denied %s by api, %s by user; p50 ", seconds,
           admitted_per_second, demo_grouped(row->answers[DEMO_ADMITTED], admitted),
           demo_grouped(row->answers[DEMO_DENIED_BY_API], by_api),
           demo_grouped(row->answers[DEMO_DENIED_BY_USER], by_user));
    print_milliseconds(row->latencies_seconds[0], 0);
    fputs(", p99 ", stdout);
    print_milliseconds(row->latencies_seconds[2], 0);
    fputs(" ms\n", stdout);
    fflush(stdout);
}
