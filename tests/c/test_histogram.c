/* test_histogram.c: which values are taken, and what quantiles over life and window say. */
#include "check.h"

#include <float.h>

static tidegate_engine *engine;

static double quantile(tidegate_histogram histogram, double window_seconds, double at)
{
    double value = -1.0;
    STATUS(TIDEGATE_OK,
           tidegate_histogram_quantiles(engine, histogram, window_seconds, &at, 1, &value));
    return value;
}

static bool is_near(double wanted, double found)
{
    return fabs(found - wanted) <= 0.008 * wanted;
}

static void without_data_quantiles_are_nan(void)
{
    const double at[] = {0.0, 0.5, 1.0};
    double values[] = {1.0, 2.0, 3.0};
    tidegate_histogram histogram = check_histogram(engine, "empty");
    for (int window = 0; window <= 60; window += 60) {
        STATUS(TIDEGATE_OK,
               tidegate_histogram_quantiles(engine, histogram, window, at, 3, values));
        CHECK(isnan(values[0]) && isnan(values[1]) && isnan(values[2]));
    }
}

static void quantiles_are_near_and_extremes_exact(void)
{
    tidegate_histogram histogram = check_histogram(engine, "thousand");
    for (int value = 1; value <= 1000; value++) {
        STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, histogram, value * 0.00137));
    }
    for (int percent = 1; percent <= 99; percent++) {
        double found = quantile(histogram, 0, percent / 100.0);
        CHECK(is_near(percent * 10 * 0.00137, found));
    }
    CHECK(quantile(histogram, 0, 0.0) == 0.00137);
    CHECK(quantile(histogram, 0, 1.0) == 1000 * 0.00137);
}

static void quantiles_may_come_in_any_order(void)
{
    const double at[] = {1.0, 0.0, 0.5, 0.5};
    double values[4];
    tidegate_histogram histogram = check_histogram(engine, "thousand");
    STATUS(TIDEGATE_OK, tidegate_histogram_quantiles(engine, histogram, 0, at, 4, values));
    CHECK(values[0] == 1000 * 0.00137 && values[1] == 0.00137 && values[2] == values[3]);
    STATUS(TIDEGATE_OK, tidegate_histogram_quantiles(engine, histogram, 0, NULL, 0, NULL));
}

static void a_smaller_error_can_be_asked_for(void)
{
    tidegate_histogram fine;
    NEED(STATUS(TIDEGATE_OK, tidegate_histogram_open(
        engine, "fine", "{\"relative_error\":0.002}", &fine)));
    for (int value = 1; value <= 1024; value++) {
        STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, fine, value));
    }
    for (int value = 1; value <= 1024; value++) {
        CHECK(fabs(quantile(fine, 0, value / 1024.0) - value) <= 0.002 * value);
    }
    const char *wrong[] = {"0", "0.001", "0.5", "-1", "\"0.01\"", "null", "1e999"};
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        char options[80];
        snprintf(options, sizeof options, "{\"relative_error\":%s}", wrong[at]);
        STATUS(TIDEGATE_E_CONFIG, tidegate_histogram_open(engine, "wrong", options, &fine));
    }
}

static void every_finite_value_from_zero_on_is_taken(void)
{
    const double values[] = {0.0, -0.0, 5e-324, DBL_MIN / 2, DBL_MIN, 1e-300, 1e-9,
                             1.0, 1e9,  1e300,  DBL_MAX};
    for (size_t at = 0; at < sizeof values / sizeof *values; at++) {
        char name[40];
        snprintf(name, sizeof name, "edge_%zu", at);
        tidegate_histogram histogram = check_histogram(engine, name);
        STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, histogram, values[at]));
        CHECK(quantile(histogram, 0, 0.0) == values[at]);
        CHECK(quantile(histogram, 0, 0.5) == values[at]);
        CHECK(quantile(histogram, 0, 1.0) == values[at]);
    }
}

static void values_that_are_no_amounts_are_dropped_and_counted(void)
{
    const double values[] = {NAN, -NAN, INFINITY, -INFINITY, -1.0, -5e-324, -DBL_MAX};
    const size_t count = sizeof values / sizeof *values;
    tidegate_histogram histogram = check_histogram(engine, "dropped");
    double before = check_number(engine, "\"engine\"", "dropped_values");
    for (size_t at = 0; at < count; at++) {
        STATUS(TIDEGATE_E_ARGUMENT, tidegate_histogram_record(engine, histogram, values[at]));
        STATUS(TIDEGATE_E_ARGUMENT, tidegate_record_metric(engine, "dropped", values[at]));
    }
    CHECK(isnan(quantile(histogram, 0, 0.5)));
    CHECK(check_number(engine, "\"engine\"", "dropped_values") == before + 2.0 * (double)count);
}

static void many_values_are_all_taken_or_none(void)
{
    double values[100];
    tidegate_histogram histogram = check_histogram(engine, "many");
    for (int at = 0; at < 100; at++) {
        values[at] = at + 1;
    }
    values[99] = -1.0;
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_histogram_record_many(engine, histogram, values, 100));
    CHECK(isnan(quantile(histogram, 0, 1.0)));
    STATUS(TIDEGATE_OK, tidegate_histogram_record_many(engine, histogram, values, 99));
    STATUS(TIDEGATE_OK, tidegate_histogram_record_many(engine, histogram, NULL, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_histogram_record_many(engine, histogram, NULL, 1));
    CHECK(quantile(histogram, 0, 1.0) == 99.0);
    CHECK(check_number(engine, "\"name\":\"many\"", "count") == 99);
    CHECK(check_number(engine, "\"name\":\"many\"", "sum") == 99 * 100 / 2);
}

static void quantiles_and_windows_that_are_none_are_refused(void)
{
    double values[2] = {7.0, 7.0};
    tidegate_histogram histogram = check_histogram(engine, "thousand");
    const double quantiles[] = {-0.01, 1.01, NAN, INFINITY, -INFINITY};
    for (size_t at = 0; at < sizeof quantiles / sizeof *quantiles; at++) {
        const double pair[] = {0.5, quantiles[at]};
        STATUS(TIDEGATE_E_ARGUMENT,
               tidegate_histogram_quantiles(engine, histogram, 0, pair, 2, values));
    }
    const double windows[] = {-1.0, 60.1, NAN, INFINITY, -INFINITY, 1e300};
    const double half = 0.5;
    for (size_t at = 0; at < sizeof windows / sizeof *windows; at++) {
        STATUS(TIDEGATE_E_ARGUMENT,
               tidegate_histogram_quantiles(engine, histogram, windows[at], &half, 1, values));
    }
    CHECK(values[0] == 7.0 && values[1] == 7.0);
}

/* Slots of 10 s: one value in each, 1 in the first, 2 in the second and so on. */
static void a_window_forgets_slot_by_slot(void)
{
    tidegate_histogram histogram = check_histogram(engine, "slots");
    for (int slot = 1; slot <= 12; slot++) {
        STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, histogram, slot));
        CHECK(quantile(histogram, 60, 0.0) == (slot <= 6 ? 1 : slot - 5));
        CHECK(quantile(histogram, 10, 0.0) == slot);
        CHECK(quantile(histogram, 20, 0.0) == (slot == 1 ? 1 : slot - 1));
        CHECK(quantile(histogram, 60, 1.0) == slot);
        CHECK(quantile(histogram, 0, 0.0) == 1.0);
        STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 10 * SECOND));
    }
}

static void a_window_that_saw_nothing_is_empty(void)
{
    tidegate_histogram histogram = check_histogram(engine, "silence");
    STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, histogram, 5.0));
    CHECK(quantile(histogram, 60, 0.5) == 5.0);
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 70 * SECOND));
    CHECK(isnan(quantile(histogram, 60, 0.5)));
    CHECK(quantile(histogram, 0, 0.5) == 5.0);
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 1000000 * SECOND));
    STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, histogram, 6.0));
    CHECK(quantile(histogram, 60, 0.0) == 6.0);
    CHECK(quantile(histogram, 0, 0.0) == 5.0);
}

static void a_window_ranks_by_what_happened_in_it(void)
{
    tidegate_histogram histogram = check_histogram(engine, "ranks");
    for (int old = 0; old < 5000; old++) {
        STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, histogram, 0.001));
    }
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 70 * SECOND));
    for (int value = 1; value <= 1000; value++) {
        STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, histogram, value));
    }
    CHECK(is_near(500, quantile(histogram, 60, 0.5)));
    CHECK(is_near(990, quantile(histogram, 60, 0.99)));
    CHECK(is_near(0.001, quantile(histogram, 0, 0.5)));
}

int main(void)
{
    engine = check_open("{\"clock\":\"manual\"}");
    RUN(without_data_quantiles_are_nan);
    RUN(quantiles_are_near_and_extremes_exact);
    RUN(quantiles_may_come_in_any_order);
    RUN(a_smaller_error_can_be_asked_for);
    RUN(every_finite_value_from_zero_on_is_taken);
    RUN(values_that_are_no_amounts_are_dropped_and_counted);
    RUN(many_values_are_all_taken_or_none);
    RUN(quantiles_and_windows_that_are_none_are_refused);
    RUN(a_window_forgets_slot_by_slot);
    RUN(a_window_that_saw_nothing_is_empty);
    RUN(a_window_ranks_by_what_happened_in_it);
    tidegate_engine_close(engine);
    return check_result();
}
