/*
 * Ratios, shares of gauges, infos, enums, exemplars: every function, every status code.
 */
#include "check.h"

static tidegate_engine *engine;

static void a_ratio_counts_hits_and_misses(void)
{
    tidegate_ratio cache = {0}, zero = {0};
    uint64_t hits = 0, misses = 0;
    double ratio = 0.0;
    STATUS(TIDEGATE_OK, tidegate_ratio_open(engine, "cache", NULL, &cache));
    STATUS(TIDEGATE_OK, tidegate_ratio_read(engine, cache, 0.0, NULL, NULL, &ratio));
    CHECK(isnan(ratio));
    STATUS(TIDEGATE_OK, tidegate_ratio_record(engine, cache, 3, 0));
    STATUS(TIDEGATE_OK, tidegate_ratio_record(engine, cache, 0, 1));
    STATUS(TIDEGATE_OK, tidegate_ratio_read(engine, cache, 60.0, &hits, &misses, &ratio));
    CHECK(hits == 3 && misses == 1 && ratio == 0.75);
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 70 * SECOND));
    STATUS(TIDEGATE_OK, tidegate_ratio_read(engine, cache, 60.0, &hits, &misses, NULL));
    CHECK(hits == 0 && misses == 0);
    STATUS(TIDEGATE_OK, tidegate_ratio_read(engine, cache, 0.0, &hits, NULL, NULL));
    EQUAL(3, hits);

    STATUS(TIDEGATE_E_ARGUMENT, tidegate_ratio_open(NULL, "cache", NULL, &cache));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_ratio_open(engine, NULL, NULL, &cache));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_ratio_open(engine, "cache", NULL, NULL));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_ratio_open(engine, "r", "{\"labels\":{\"result\":\"x\"}}", &zero));
    STATUS(TIDEGATE_E_CONFIG, tidegate_ratio_open(engine, "r", "{\"workers\":\"sum\"}", &zero));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_ratio_record(NULL, cache, 1, 0));
    STATUS(TIDEGATE_E_STALE, tidegate_ratio_record(engine, zero, 1, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_ratio_read(NULL, cache, 0.0, NULL, NULL, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_ratio_read(engine, cache, -1.0, NULL, NULL, NULL));
    STATUS(TIDEGATE_E_STALE, tidegate_ratio_read(engine, zero, 0.0, NULL, NULL, NULL));
}

static void a_gauge_can_be_of_each_process(void)
{
    tidegate_gauge live = {0}, other = {0};
    double value = 0.0;
    STATUS(TIDEGATE_OK, tidegate_gauge_open(engine, "live", "{\"workers\":\"max\"}", &live));
    STATUS(TIDEGATE_OK, tidegate_gauge_set(engine, live, 2.0));
    STATUS(TIDEGATE_OK, tidegate_gauge_add(engine, live, 0.5));
    STATUS(TIDEGATE_OK, tidegate_gauge_value(engine, live, &value));
    CHECK(value == 2.5);
    STATUS(TIDEGATE_E_CONFLICT,
           tidegate_gauge_open(engine, "live", "{\"workers\":\"min\"}", &other));
    STATUS(TIDEGATE_E_CONFIG, tidegate_gauge_open(engine, "x", "{\"workers\":\"all\"}", &other));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_gauge_open(engine, "x", "{\"workers\":\"each\",\"labels\":{\"pid\":\"1\"}}",
                               &other));
    CHECK(other.id == 0);
}

static void an_info_is_replaced(void)
{
    STATUS(TIDEGATE_OK, tidegate_info_set(engine, "build", "{\"version\":\"1\"}"));
    STATUS(TIDEGATE_OK, tidegate_info_set(engine, "build", "{\"version\":\"2\"}"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_info_set(NULL, "build", "{}"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_info_set(engine, NULL, "{}"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_info_set(engine, "build", NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_info_set(engine, "build", "{\"le\":\"1\"}"));
    STATUS(TIDEGATE_E_CONFIG, tidegate_info_set(engine, "build", "{\"a\":1}"));
    STATUS(TIDEGATE_E_CONFIG, tidegate_info_set(engine, "build", "no"));
    STATUS(TIDEGATE_E_CONFLICT, tidegate_info_set(engine, "live", "{}"));
}

static void an_enum_has_one_of_its_states(void)
{
    const char *states = "{\"states\":[\"off\",\"on\"]}";
    tidegate_enum mode = {0}, zero = {0};
    STATUS(TIDEGATE_OK, tidegate_enum_open(engine, "mode", states, &mode));
    STATUS(TIDEGATE_OK, tidegate_enum_set(engine, mode, "on"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_enum_set(engine, mode, "ON"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_enum_set(engine, mode, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_enum_set(NULL, mode, "on"));
    STATUS(TIDEGATE_E_STALE, tidegate_enum_set(engine, zero, "on"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_enum_open(engine, "mode", NULL, &zero));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_enum_open(NULL, "mode", states, &zero));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_enum_open(engine, "mode", states, NULL));
    STATUS(TIDEGATE_E_CONFIG, tidegate_enum_open(engine, "mode", "{}", &zero));
    STATUS(TIDEGATE_E_CONFLICT, tidegate_enum_open(engine, "mode", "{\"states\":[\"on\"]}", &zero));
    CHECK(zero.id == 0);
}

static void an_exemplar_is_a_recorded_value(void)
{
    tidegate_histogram wait = {0}, zero = {0};
    double quantile = 1.0, largest = 0.0;
    STATUS(TIDEGATE_OK, tidegate_histogram_open(engine, "wait", NULL, &wait));
    STATUS(TIDEGATE_OK, tidegate_histogram_record_exemplar(engine, wait, 0.25, "trace"));
    STATUS(TIDEGATE_OK, tidegate_histogram_record_exemplar(engine, wait, 0.5, ""));
    STATUS(TIDEGATE_OK, tidegate_histogram_quantiles(engine, wait, 0.0, &quantile, 1, &largest));
    CHECK(largest == 0.5);
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_histogram_record_exemplar(NULL, wait, 1.0, "trace"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_histogram_record_exemplar(engine, wait, -1.0, "trace"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_histogram_record_exemplar(engine, wait, 1.0, NULL));
    STATUS(TIDEGATE_E_STALE, tidegate_histogram_record_exemplar(engine, zero, 1.0, "trace"));
}

int main(void)
{
    engine = check_open("{\"clock\":\"manual\"}");
    RUN(a_ratio_counts_hits_and_misses);
    RUN(a_gauge_can_be_of_each_process);
    RUN(an_info_is_replaced);
    RUN(an_enum_has_one_of_its_states);
    RUN(an_exemplar_is_a_recorded_value);
    tidegate_engine_close(engine);
    return check_result();
}
