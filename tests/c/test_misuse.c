/* test_misuse.c: NULL everywhere, ids of anything, texts of anything: errors, never a crash. */
#include "check.h"

static tidegate_engine *engine;
static tidegate_counter counter;
static tidegate_gauge gauge;
static tidegate_histogram histogram;
static tidegate_limiter limiter;
static tidegate_shard shard;

#define REFUSED(call) STATUS(TIDEGATE_E_ARGUMENT, call)

static void every_function_refuses_a_null_engine(void)
{
    uint64_t total, *word;
    double value = 0.5;
    tidegate_snapshot *snapshot;
    tidegate_shard_cells cells;
    tidegate_decision decision;
    REFUSED(tidegate_clock_advance(NULL, 1));
    REFUSED(tidegate_counter_open(NULL, "n", NULL, &counter));
    REFUSED(tidegate_counter_add(NULL, counter, 1));
    REFUSED(tidegate_counter_value(NULL, counter, &total));
    REFUSED(tidegate_counter_cell(NULL, counter, &word));
    REFUSED(tidegate_gauge_open(NULL, "n", NULL, &gauge));
    REFUSED(tidegate_gauge_set(NULL, gauge, 1));
    REFUSED(tidegate_gauge_add(NULL, gauge, 1));
    REFUSED(tidegate_gauge_value(NULL, gauge, &value));
    REFUSED(tidegate_histogram_open(NULL, "n", NULL, &histogram));
    REFUSED(tidegate_histogram_record(NULL, histogram, 1));
    REFUSED(tidegate_histogram_record_many(NULL, histogram, &value, 1));
    REFUSED(tidegate_histogram_quantiles(NULL, histogram, 0, &value, 1, &value));
    REFUSED(tidegate_record_metric(NULL, "n", 1));
    REFUSED(tidegate_limiter_open(NULL, "n", NULL, &limiter));
    REFUSED(tidegate_limiter_check(NULL, limiter, NULL, 0, 1, &decision));
    REFUSED(tidegate_allow_request(NULL, "api", NULL, 0));
    REFUSED(tidegate_snapshot_take(NULL, &snapshot));
    REFUSED(tidegate_shard_open(NULL, 0, &shard));
    REFUSED(tidegate_shard_close(NULL, shard));
    REFUSED(tidegate_shard_counter(NULL, shard, counter, &word));
    REFUSED(tidegate_shard_histogram(NULL, shard, histogram, &cells));
    REFUSED(tidegate_tick(NULL));
}

static void every_function_refuses_a_null_text(void)
{
    tidegate_engine *other;
    REFUSED(tidegate_engine_attach(NULL, &other));
    REFUSED(tidegate_config_check(NULL));
    REFUSED(tidegate_counter_open(engine, NULL, NULL, &counter));
    REFUSED(tidegate_gauge_open(engine, NULL, NULL, &gauge));
    REFUSED(tidegate_histogram_open(engine, NULL, NULL, &histogram));
    REFUSED(tidegate_record_metric(engine, NULL, 1));
    REFUSED(tidegate_limiter_open(engine, NULL, "{\"preset\":\"api\"}", &limiter));
    REFUSED(tidegate_allow_request(engine, NULL, NULL, 0));
    REFUSED(tidegate_allow_request(engine, "api", NULL, 1));
    REFUSED(tidegate_limiter_check(engine, limiter, NULL, 1, 1, NULL));
}

static void every_function_refuses_a_null_output_and_makes_nothing(void)
{
    double value = 0.5;
    size_t length = 0;
    char letter = '#';
    tidegate_snapshot *snapshot = NULL;
    REFUSED(tidegate_engine_open("{\"region\":{\"path\":\"never.tidegate\"}}", NULL));
    CHECK(access("never.tidegate", F_OK) != 0);
    REFUSED(tidegate_engine_attach("never.tidegate", NULL));
    REFUSED(tidegate_counter_open(engine, "never_c", NULL, NULL));
    REFUSED(tidegate_gauge_open(engine, "never_g", NULL, NULL));
    REFUSED(tidegate_histogram_open(engine, "never_h", NULL, NULL));
    REFUSED(tidegate_limiter_open(engine, "never_l", "{\"preset\":\"api\"}", NULL));
    REFUSED(tidegate_counter_value(engine, counter, NULL));
    REFUSED(tidegate_counter_cell(engine, counter, NULL));
    REFUSED(tidegate_gauge_value(engine, gauge, NULL));
    REFUSED(tidegate_histogram_quantiles(engine, histogram, 0, NULL, 1, &value));
    REFUSED(tidegate_histogram_quantiles(engine, histogram, 0, &value, 1, NULL));
    REFUSED(tidegate_histogram_record_many(engine, histogram, NULL, 1));
    REFUSED(tidegate_histogram_record_many(engine, histogram, &value, SIZE_MAX));
    REFUSED(tidegate_snapshot_take(engine, NULL));
    REFUSED(tidegate_shard_open(engine, 0, NULL));
    REFUSED(tidegate_shard_counter(engine, shard, counter, NULL));
    REFUSED(tidegate_shard_histogram(engine, shard, histogram, NULL));
    REFUSED(tidegate_snapshot_render(NULL, 0, &letter, 1, &length));
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_take(engine, &snapshot)));
    REFUSED(tidegate_snapshot_render(snapshot, 0, &letter, 1, NULL));
    REFUSED(tidegate_snapshot_render(snapshot, 0, NULL, 1, &length));
    tidegate_snapshot_free(snapshot);
    char *json = check_json(engine);
    CHECK(strstr(json, "never_") == NULL && letter == '#');
    free(json);
}

/** No function takes `id`, of whatever kind it is said to be, but the kinds of `but`. */
static void nobody_takes(uint64_t id, const char *but)
{
    const tidegate_shard_cells no_cells = {0};
    tidegate_shard_cells cells = no_cells;
    tidegate_decision decision = {7, 7, 7, 7};
    uint64_t total = 7, *word = NULL;
    double value = 0.5;
    if (strchr(but, 'c') == NULL) {
        STATUS(TIDEGATE_E_STALE, tidegate_counter_add(engine, (tidegate_counter){id}, 1));
        STATUS(TIDEGATE_E_STALE, tidegate_counter_value(engine, (tidegate_counter){id}, &total));
        STATUS(TIDEGATE_E_STALE, tidegate_counter_cell(engine, (tidegate_counter){id}, &word));
        STATUS(TIDEGATE_E_STALE,
               tidegate_shard_counter(engine, shard, (tidegate_counter){id}, &word));
    }
    if (strchr(but, 'g') == NULL) {
        STATUS(TIDEGATE_E_STALE, tidegate_gauge_set(engine, (tidegate_gauge){id}, 1));
        STATUS(TIDEGATE_E_STALE, tidegate_gauge_add(engine, (tidegate_gauge){id}, 1));
        STATUS(TIDEGATE_E_STALE, tidegate_gauge_value(engine, (tidegate_gauge){id}, &value));
    }
    if (strchr(but, 'h') == NULL) {
        tidegate_histogram wrong = {id};
        STATUS(TIDEGATE_E_STALE, tidegate_histogram_record(engine, wrong, 1));
        STATUS(TIDEGATE_E_STALE, tidegate_histogram_record_many(engine, wrong, &value, 1));
        STATUS(TIDEGATE_E_STALE,
               tidegate_histogram_quantiles(engine, wrong, 0, &value, 1, &value));
        STATUS(TIDEGATE_E_STALE, tidegate_shard_histogram(engine, shard, wrong, &cells));
    }
    if (strchr(but, 'l') == NULL) {
        STATUS(TIDEGATE_E_STALE,
               tidegate_limiter_check(engine, (tidegate_limiter){id}, NULL, 0, 1, &decision));
    }
    if (strchr(but, 's') == NULL) {
        STATUS(TIDEGATE_E_STALE, tidegate_shard_close(engine, (tidegate_shard){id}));
        STATUS(TIDEGATE_E_STALE,
               tidegate_shard_counter(engine, (tidegate_shard){id}, counter, &word));
        STATUS(TIDEGATE_E_STALE,
               tidegate_shard_histogram(engine, (tidegate_shard){id}, histogram, &cells));
    }
    CHECK(total == 7 && word == NULL && value == 0.5 && decision.remaining == 7);
    CHECK(memcmp(&cells, &no_cells, sizeof cells) == 0);
}

static void ids_of_nothing_and_of_another_kind_are_stale(void)
{
    nobody_takes(0, "");
    nobody_takes(1, "");
    nobody_takes(UINT64_MAX, "");
    nobody_takes(counter.id, "c");
    nobody_takes(gauge.id, "g");
    nobody_takes(histogram.id, "h");
    nobody_takes(limiter.id, "l");
    nobody_takes(shard.id, "s");
}

static void forged_ids_are_stale(void)
{
    const uint64_t ids[] = {counter.id, gauge.id, histogram.id, limiter.id, shard.id};
    const char *const kinds[] = {"c", "g", "h", "l", "s"};
    for (int at = 0; at < 5; at++) {
        for (int bit = 0; bit < 64; bit++) {
            uint64_t forged = ids[at] ^ (uint64_t)1 << bit;
            const char *but = "";
            for (int other = 0; other < 5; other++) {
                but = forged == ids[other] ? kinds[other] : but;
            }
            nobody_takes(forged, but);
        }
    }
}

static void ids_of_another_engine_are_stale(void)
{
    tidegate_gauge its_gauge;
    tidegate_shard its_shard;
    tidegate_engine *other = check_open(NULL);
    nobody_takes(check_counter(other, "counter").id, "");
    STATUS(TIDEGATE_OK, tidegate_gauge_open(other, "gauge", NULL, &its_gauge));
    nobody_takes(its_gauge.id, "");
    nobody_takes(check_histogram(other, "histogram").id, "");
    nobody_takes(check_limiter(other, "api", "{\"preset\":\"api\"}").id, "");
    STATUS(TIDEGATE_OK, tidegate_shard_open(other, 0, &its_shard));
    nobody_takes(its_shard.id, "");
    tidegate_engine_close(other);
}

static void texts_that_are_not_utf8_are_refused(void)
{
    static const char *const texts[] = {"\xff",         "a\x80",    "\xc0\xaf",
                                        "\xed\xa0\x80", "\xf5\x80", "\xe2"};
    tidegate_engine *other = NULL;
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++) {
        REFUSED(tidegate_engine_open(texts[at], &other));
        REFUSED(tidegate_engine_attach(texts[at], &other));
        REFUSED(tidegate_config_check(texts[at]));
        REFUSED(tidegate_counter_open(engine, texts[at], NULL, &counter));
        REFUSED(tidegate_gauge_open(engine, "n", texts[at], &gauge));
        REFUSED(tidegate_histogram_open(engine, texts[at], NULL, &histogram));
        REFUSED(tidegate_record_metric(engine, texts[at], 1));
        REFUSED(tidegate_limiter_open(engine, texts[at], NULL, &limiter));
        REFUSED(tidegate_limiter_open(engine, "n", texts[at], &limiter));
        STATUS(TIDEGATE_E_NOT_FOUND, tidegate_allow_request(engine, texts[at], NULL, 0));
    }
    CHECK(other == NULL);
}

int main(void)
{
    engine = check_open(NULL);
    counter = check_counter(engine, "counter");
    NEED(STATUS(TIDEGATE_OK, tidegate_gauge_open(engine, "gauge", NULL, &gauge)));
    histogram = check_histogram(engine, "histogram");
    limiter = check_limiter(engine, "api", "{\"preset\":\"api\"}");
    NEED(STATUS(TIDEGATE_OK, tidegate_shard_open(engine, 0, &shard)));
    RUN(every_function_refuses_a_null_engine);
    RUN(every_function_refuses_a_null_text);
    RUN(every_function_refuses_a_null_output_and_makes_nothing);
    RUN(ids_of_nothing_and_of_another_kind_are_stale);
    RUN(forged_ids_are_stale);
    RUN(ids_of_another_engine_are_stale);
    RUN(texts_that_are_not_utf8_are_refused);
    EQUAL(0, check_total(engine, counter));
    tidegate_engine_close(engine);
    return check_result();
}
