/* test_metrics.c: counters, gauges, names, labels and options. */
#include "check.h"

static tidegate_engine *engine;

static void a_counter_adds_up_and_wraps(void)
{
    tidegate_counter counter = check_counter(engine, "adds_up");
    const uint64_t amounts[] = {0, 1, 41, UINT64_MAX, 1, (uint64_t)1 << 63, (uint64_t)1 << 63};
    uint64_t wanted = 0;
    for (size_t at = 0; at < sizeof amounts / sizeof *amounts; at++) {
        STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, amounts[at]));
        wanted += amounts[at];
        EQUAL(wanted, check_total(engine, counter));
    }
}

static void a_counters_word_is_a_part_of_its_total(void)
{
    uint64_t *word = NULL;
    tidegate_counter counter = check_counter(engine, "by_word");
    STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, 5));
    NEED(STATUS(TIDEGATE_OK, tidegate_counter_cell(engine, counter, &word)) && word != NULL);
    __atomic_fetch_add(word, 7, __ATOMIC_RELAXED);
    STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, 5));
    EQUAL(17, check_total(engine, counter));
}

static double gauge_value(tidegate_gauge gauge)
{
    double value = -1.0;
    STATUS(TIDEGATE_OK, tidegate_gauge_value(engine, gauge, &value));
    return value;
}

static void a_gauge_is_set_and_moved(void)
{
    tidegate_gauge gauge;
    NEED(STATUS(TIDEGATE_OK, tidegate_gauge_open(engine, "moves", NULL, &gauge)));
    CHECK(gauge_value(gauge) == 0.0);
    const double values[] = {1.5, -2.25, 5e-324, 1.7e308, -0.0, INFINITY, -INFINITY};
    for (size_t at = 0; at < sizeof values / sizeof *values; at++) {
        STATUS(TIDEGATE_OK, tidegate_gauge_set(engine, gauge, values[at]));
        CHECK(gauge_value(gauge) == values[at]);
    }
    STATUS(TIDEGATE_OK, tidegate_gauge_set(engine, gauge, 10.0));
    STATUS(TIDEGATE_OK, tidegate_gauge_add(engine, gauge, 0.5));
    STATUS(TIDEGATE_OK, tidegate_gauge_add(engine, gauge, -3.0));
    CHECK(gauge_value(gauge) == 7.5);
}

static void what_is_no_number_is_refused_and_counted_as_dropped(void)
{
    tidegate_gauge gauge;
    NEED(STATUS(TIDEGATE_OK, tidegate_gauge_open(engine, "picky", NULL, &gauge)));
    STATUS(TIDEGATE_OK, tidegate_gauge_set(engine, gauge, 3.0));
    double before = check_number(engine, "\"engine\"", "dropped_values");
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_gauge_set(engine, gauge, NAN));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_gauge_add(engine, gauge, NAN));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_gauge_add(engine, gauge, INFINITY));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_gauge_add(engine, gauge, -INFINITY));
    CHECK(gauge_value(gauge) == 3.0);
    CHECK(check_number(engine, "\"engine\"", "dropped_values") == before + 4);
}

static uint64_t counter_id(const char *name, const char *options)
{
    tidegate_counter counter = {0};
    NEED(STATUS(TIDEGATE_OK, tidegate_counter_open(engine, name, options, &counter)));
    return counter.id;
}

static void the_same_name_and_labels_are_the_same_counter(void)
{
    uint64_t bare = counter_id("same", NULL);
    uint64_t labelled = counter_id("same", "{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}");
    EQUAL(bare, counter_id("same", "{}"));
    EQUAL(bare, counter_id("same", "{\"labels\":{}}"));
    EQUAL(bare, counter_id("same", "{\"help\":\"Said later\"}"));
    EQUAL(labelled, counter_id("same", "{\"labels\":{\"b\":\"2\",\"a\":\"1\"}}"));
    EQUAL(labelled, counter_id("same", "{\"labels\":{\"\\u0061\":\"\\u0031\",\"b\":\"2\"}}"));
    CHECK(labelled != bare);
    CHECK(labelled != counter_id("same", "{\"labels\":{\"a\":\"1\",\"b\":\"3\"}}"));
    CHECK(labelled != counter_id("same", "{\"labels\":{\"a\":\"1\"}}"));
    CHECK(bare != counter_id("other", NULL));
}

static void labels_hold_any_text(void)
{
    tidegate_counter counter;
    NEED(STATUS(TIDEGATE_OK, tidegate_counter_open(
        engine, "texts", "{\"labels\":{\"q\":\"\\\"\\\\\\n\\u0000 größe \xf0\x9f\x8c\x8a\"}}",
        &counter)));
    STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, 1));
    char *json = check_json(engine);
    CHECK(strstr(json, "größe \xf0\x9f\x8c\x8a") != NULL);
    free(json);
}

static void options_that_are_wrong_are_refused(void)
{
    static const char *const documents[] = {
        "", "7", "[]", "{", "{} {}", "{\"colour\":1}", "{\"labels\":7}", "{\"labels\":[\"a\"]}",
        "{\"labels\":{\"a\":1}}", "{\"labels\":{\"a\":null}}", "{\"help\":1}", "{\"unit\":true}",
        "{\"unit\":\"per second\"}", "{\"relative_error\":0.01}",
    };
    tidegate_counter counter = {7};
    for (size_t at = 0; at < sizeof documents / sizeof *documents; at++) {
        if (!STATUS(TIDEGATE_E_CONFIG,
                    tidegate_counter_open(engine, "wrong", documents[at], &counter))) {
            fprintf(stderr, "    for %s\n", documents[at]);
        }
    }
    static const char *const illegal[] = {
        "{\"labels\":{\"\":\"x\"}}", "{\"labels\":{\"1a\":\"x\"}}", "{\"labels\":{\"a-b\":\"x\"}}",
        "{\"labels\":{\"le\":\"x\"}}", "{\"labels\":{\"quantile\":\"x\"}}",
        "{\"labels\":{\"__x\":\"x\"}}", "{\"labels\":{\"größe\":\"x\"}}", "{\"help\":\"\xff\"}",
    };
    for (size_t at = 0; at < sizeof illegal / sizeof *illegal; at++) {
        if (!STATUS(TIDEGATE_E_ARGUMENT,
                    tidegate_counter_open(engine, "wrong", illegal[at], &counter))) {
            fprintf(stderr, "    for %s\n", illegal[at]);
        }
    }
    EQUAL(7, counter.id);
}

static void names_that_are_wrong_are_refused(void)
{
    char longest[257];
    memset(longest, 'n', sizeof longest);
    longest[256] = '\0';
    const char *names[] = {"", " ", "1a", "a b", "a\n", "größe", "a\xff", "a{b}", "-a", longest};
    tidegate_counter counter = {7};
    for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
        if (!STATUS(TIDEGATE_E_ARGUMENT,
                    tidegate_counter_open(engine, names[at], NULL, &counter))) {
            fprintf(stderr, "    for %s\n", names[at]);
        }
    }
    EQUAL(7, counter.id);
    longest[255] = '\0';
    STATUS(TIDEGATE_OK, tidegate_counter_open(engine, longest, NULL, &counter));
    STATUS(TIDEGATE_OK, tidegate_counter_open(engine, "_a.b:c/d-9", NULL, &counter));
}

static void a_name_has_one_kind_and_one_unit(void)
{
    tidegate_gauge gauge;
    tidegate_histogram histogram;
    tidegate_counter counter;
    NEED(STATUS(TIDEGATE_OK, tidegate_histogram_open(
        engine, "db.seconds", "{\"unit\":\"seconds\",\"relative_error\":0.01}", &histogram)));
    STATUS(TIDEGATE_E_CONFLICT, tidegate_counter_open(engine, "db.seconds", NULL, &counter));
    STATUS(TIDEGATE_E_CONFLICT, tidegate_gauge_open(engine, "db.seconds", NULL, &gauge));
    STATUS(TIDEGATE_E_CONFLICT, tidegate_counter_open(engine, "db_seconds", NULL, &counter));
    STATUS(TIDEGATE_E_CONFLICT, tidegate_histogram_open(engine, "db/seconds", NULL, &histogram));
    STATUS(TIDEGATE_E_CONFLICT, tidegate_histogram_open(
        engine, "db.seconds", "{\"unit\":\"bytes\"}", &histogram));
    STATUS(TIDEGATE_E_CONFLICT, tidegate_histogram_open(
        engine, "db.seconds", "{\"relative_error\":0.002}", &histogram));
    STATUS(TIDEGATE_OK, tidegate_histogram_open(engine, "db.seconds", NULL, &histogram));
}

static void beyond_the_limit_labels_share_an_overflow_series(void)
{
    char options[80];
    tidegate_counter counter;
    tidegate_engine *small = check_open("{\"metrics\":{\"max_series_per_name\":3}}");
    for (int value = 0; value < 1000; value++) {
        snprintf(options, sizeof options, "{\"labels\":{\"user\":\"%d\"}}", value);
        NEED(STATUS(TIDEGATE_OK, tidegate_counter_open(small, "users", options, &counter)));
        STATUS(TIDEGATE_OK, tidegate_counter_add(small, counter, 1));
    }
    EQUAL(997, check_total(small, counter));
    CHECK(check_number(small, "\"engine\"", "overflowed_opens") == 997);
    CHECK(check_number(small, "\"engine\"", "series_used") == 4);
    CHECK(check_number(small, "otel_metric_overflow", "value") == 997);
    tidegate_engine_close(small);
}

static void thousands_of_names_fill_the_region_and_break_nothing(void)
{
    char name[40];
    tidegate_counter counter, first = {0};
    tidegate_engine *small = check_open("{\"metrics\":{\"max_series\":500}}");
    int opened = 0;
    for (int number = 0; number < 3000; number++) {
        snprintf(name, sizeof name, "name_%d", number);
        if (tidegate_counter_open(small, name, NULL, &counter) == TIDEGATE_OK) {
            opened++;
            first = first.id == 0 ? counter : first;
            STATUS(TIDEGATE_OK, tidegate_counter_add(small, counter, 1));
        } else {
            STATUS(TIDEGATE_E_CAPACITY, tidegate_counter_open(small, name, NULL, &counter));
        }
    }
    EQUAL(500, opened);
    EQUAL(1, check_total(small, first));
    CHECK(check_number(small, "\"engine\"", "series_used") == 500);
    tidegate_engine_close(small);
}

int main(void)
{
    engine = check_open(NULL);
    RUN(a_counter_adds_up_and_wraps);
    RUN(a_counters_word_is_a_part_of_its_total);
    RUN(a_gauge_is_set_and_moved);
    RUN(what_is_no_number_is_refused_and_counted_as_dropped);
    RUN(the_same_name_and_labels_are_the_same_counter);
    RUN(labels_hold_any_text);
    RUN(options_that_are_wrong_are_refused);
    RUN(names_that_are_wrong_are_refused);
    RUN(a_name_has_one_kind_and_one_unit);
    RUN(beyond_the_limit_labels_share_an_overflow_series);
    RUN(thousands_of_names_fill_the_region_and_break_nothing);
    tidegate_engine_close(engine);
    return check_result();
}
