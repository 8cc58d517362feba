/*
 * Operations: every function, every status code, numbers on a manual clock.
 */

#include "check.h"

static tidegate_engine *engine;

static tidegate_operation open_one(const char *name, const char *options)
{
    tidegate_operation operation = {0};
    STATUS(TIDEGATE_OK, tidegate_operation_open(engine, name, options, &operation));
    return operation;
}

static tidegate_operation_reading read_one(tidegate_operation operation, double window)
{
    tidegate_operation_reading reading;
    STATUS(TIDEGATE_OK, tidegate_operation_read(engine, operation, window, &reading));
    return reading;
}

static void calls_are_counted_by_how_they_end(void)
{
    tidegate_operation query = open_one("db.query", "{\"slow_seconds\": 0.5}");
    int call;
    for (call = 0; call < 90; call++)
        STATUS(TIDEGATE_OK,
               tidegate_operation_record(engine, query, 0.01, TIDEGATE_OUTCOME_SUCCESS, NULL));
    for (call = 0; call < 10; call++)
        STATUS(TIDEGATE_OK,
               tidegate_operation_record(engine, query, 1.0, TIDEGATE_OUTCOME_FAILURE, "timeout"));
    STATUS(TIDEGATE_OK,
           tidegate_operation_record(engine, query, 0.01, TIDEGATE_OUTCOME_IGNORED, NULL));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 10000000000u));
    {
        tidegate_operation_reading all = read_one(query, 0.0);
        CHECK(all.count == 101 && all.successes == 90 && all.failures == 10 && all.ignored == 1);
        CHECK(all.slow == 10 && all.max == 1.0 && all.min == 0.01);
        CHECK(all.success_ratio == 0.9 && all.error_rate == 0.1);
        CHECK(fabs(all.rate_per_second - 10.1) < 1e-9);
        CHECK(fabs(all.p50 - 0.01) < 0.0001 && fabs(all.p95 - 1.0) < 0.008);
        CHECK(fabs(all.average - (0.91 + 10.0) / 101) < 1e-9);
        CHECK(read_one(query, 60.0).count == 101);
    }
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 60000000000u));
    {
        tidegate_operation_reading none = read_one(query, 60.0);
        CHECK(none.count == 0 && none.failures == 0 && isnan(none.p95) && isnan(none.error_rate));
        CHECK(none.rate_per_second == 0.0 && isnan(none.average) && isnan(none.max));
        CHECK(read_one(query, 0.0).count == 101);
    }
}

static void a_timer_measures_on_the_regions_clock(void)
{
    tidegate_operation job = open_one("job", NULL);
    uint64_t started = 0;
    STATUS(TIDEGATE_OK, tidegate_operation_begin(engine, job, &started));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 250000000u));
    STATUS(TIDEGATE_OK,
           tidegate_operation_end(engine, job, started, TIDEGATE_OUTCOME_SUCCESS, NULL));
    CHECK(read_one(job, 0.0).max == 0.25);
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_operation_end(engine, job, UINT64_MAX, TIDEGATE_OUTCOME_SUCCESS, NULL));
    CHECK(read_one(job, 0.0).count == 1);
}

static void every_mistake_has_its_status(void)
{
    tidegate_operation job = open_one("job", NULL), out = {0}, zero = {0};
    tidegate_counter counter = {0};
    tidegate_operation wrong = {0};
    tidegate_operation_reading reading;
    uint64_t started = 0;
    STATUS(TIDEGATE_OK, tidegate_counter_open(engine, "jobs", NULL, &counter));
    wrong.id = counter.id;
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_open(NULL, "x", NULL, &out));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_open(engine, NULL, NULL, &out));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_open(engine, "x", NULL, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_open(engine, "", NULL, &out));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_operation_open(engine, "x", "{\"labels\":{\"code\":\"1\"}}", &out));
    STATUS(TIDEGATE_E_CONFIG, tidegate_operation_open(engine, "x", "{\"slow_seconds\":-1}", &out));
    STATUS(TIDEGATE_E_CONFIG, tidegate_operation_open(engine, "x", "{\"unit\":\"bytes\"}", &out));
    STATUS(TIDEGATE_E_CONFIG, tidegate_operation_open(engine, "x", "[]", &out));
    STATUS(TIDEGATE_E_CONFLICT, tidegate_operation_open(engine, "jobs", NULL, &out));
    STATUS(TIDEGATE_E_CONFLICT,
           tidegate_operation_open(engine, "job", "{\"slow_seconds\":1}", &out));
    CHECK(out.id == 0);

    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_record(NULL, job, 1.0, 0, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_record(engine, job, -1.0, 0, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_record(engine, job, NAN, 0, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_record(engine, job, 1.0, 3, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_record(engine, job, 1.0, -1, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_record(engine, job, 1.0, 0, "code"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_record(engine, job, 1.0, 1, "\xff"));
    STATUS(TIDEGATE_E_STALE, tidegate_operation_record(engine, zero, 1.0, 0, NULL));
    STATUS(TIDEGATE_E_STALE, tidegate_operation_record(engine, wrong, 1.0, 0, NULL));

    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_begin(NULL, job, &started));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_begin(engine, job, NULL));
    STATUS(TIDEGATE_E_STALE, tidegate_operation_begin(engine, zero, &started));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_end(NULL, job, 0, 0, NULL));
    STATUS(TIDEGATE_E_STALE, tidegate_operation_end(engine, zero, 0, 0, NULL));

    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_read(NULL, job, 0.0, &reading));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_read(engine, job, 0.0, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_read(engine, job, 61.0, &reading));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_operation_read(engine, job, NAN, &reading));
    STATUS(TIDEGATE_E_STALE, tidegate_operation_read(engine, wrong, 0.0, &reading));
    CHECK(read_one(job, 0.0).count == 1);
}

int main(void)
{
    engine = check_open("{\"clock\":\"manual\"}");
    RUN(calls_are_counted_by_how_they_end);
    RUN(a_timer_measures_on_the_regions_clock);
    RUN(every_mistake_has_its_status);
    tidegate_engine_close(engine);
    return check_result();
}
