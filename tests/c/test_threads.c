/* test_threads.c: whatever says "Threads: any", from four of them at once: totals are exact. */
#include "check.h"

#include <time.h>

enum { THREADS = 4 };

static tidegate_engine *engine;
static int rounds;
static pthread_barrier_t barrier;

/** Runs `work` in every thread at once; each is told its number. */
static void in_threads(void *(*work)(void *))
{
    pthread_t threads[THREADS];
    NEED(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    for (intptr_t at = 0; at < THREADS; at++) {
        NEED(pthread_create(&threads[at], NULL, work, (void *)at) == 0);
    }
    for (int at = 0; at < THREADS; at++) {
        pthread_join(threads[at], NULL);
    }
    pthread_barrier_destroy(&barrier);
}

static void *record_everything(void *number)
{
    const double many[] = {1.0, 2.0, 3.0};
    uint64_t *word = NULL;
    tidegate_gauge gauge;
    pthread_barrier_wait(&barrier);
    tidegate_counter counter = check_counter(engine, "counter");
    tidegate_histogram histogram = check_histogram(engine, "histogram");
    STATUS(TIDEGATE_OK, tidegate_gauge_open(engine, "gauge", NULL, &gauge));
    NEED(STATUS(TIDEGATE_OK, tidegate_counter_cell(engine, counter, &word)));
    for (int round = 0; round < rounds; round++) {
        STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, 2));
        __atomic_fetch_add(word, 1, __ATOMIC_RELAXED);
        STATUS(TIDEGATE_OK, tidegate_gauge_add(engine, gauge, 0.5));
        STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, histogram, 4.0));
        STATUS(TIDEGATE_OK, tidegate_histogram_record_many(engine, histogram, many, 3));
        STATUS(TIDEGATE_OK, tidegate_record_metric(engine, "by.name", (double)round));
        STATUS(TIDEGATE_OK, tidegate_record_metric(engine, "one.octave", 1024 + round % 1024));
        STATUS(TIDEGATE_E_ARGUMENT, tidegate_histogram_record(engine, histogram, -1.0));
    }
    return number;
}

static void totals_are_exact(void)
{
    engine = check_open("{\"window_seconds\":0.6}");
    in_threads(record_everything);
    const uint64_t calls = (uint64_t)THREADS * (uint64_t)rounds;
    EQUAL(3 * calls, check_total(engine, check_counter(engine, "counter")));
    CHECK(check_number(engine, "\"name\":\"gauge\"", "value") == 0.5 * (double)calls);
    CHECK(check_number(engine, "\"name\":\"histogram\"", "count") == 4.0 * (double)calls);
    CHECK(check_number(engine, "\"name\":\"histogram\"", "sum") == 10.0 * (double)calls);
    CHECK(check_number(engine, "\"name\":\"by.name\"", "count") == (double)calls);
    CHECK(check_number(engine, "\"name\":\"one.octave\"", "count") == (double)calls);
    CHECK(check_number(engine, "\"name\":\"by.name\"", "max") == rounds - 1);
    CHECK(check_number(engine, "\"engine\"", "dropped_values") == (double)calls);
    tidegate_engine_close(engine);
}

static void *open_everything(void *number)
{
    char name[40];
    uint64_t sum = 0;
    pthread_barrier_wait(&barrier);
    for (int at = 0; at < 200; at++) {
        tidegate_limiter limiter;
        snprintf(name, sizeof name, "name_%d", at);
        tidegate_counter counter = check_counter(engine, name);
        STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, 1));
        STATUS(TIDEGATE_OK,
               tidegate_limiter_open(engine, name, "{\"preset\":\"strict\"}", &limiter));
        sum += counter.id + limiter.id;
        STATUS(TIDEGATE_OK, tidegate_config_check("{}"));
        STATUS(TIDEGATE_E_CONFIG, tidegate_config_check("{"));
        CHECK(tidegate_last_error(name, sizeof name) > 0);
    }
    static _Atomic uint64_t wanted;
    uint64_t none = 0;
    atomic_compare_exchange_strong(&wanted, &none, sum);
    EQUAL(atomic_load(&wanted), sum);
    return number;
}

static void a_name_that_all_open_at_once_is_one(void)
{
    char name[40];
    engine = check_open(NULL);
    in_threads(open_everything);
    for (int at = 0; at < 200; at++) {
        snprintf(name, sizeof name, "name_%d", at);
        EQUAL(THREADS, check_total(engine, check_counter(engine, name)));
    }
    CHECK(check_number(engine, "\"engine\"", "series_used") == 200);
    tidegate_engine_close(engine);
}

static atomic_int admitted[4];

static void *ask_everything(void *number)
{
    static const char *const names[] = {"bucket", "window", "keyed_bucket", "keyed_window"};
    pthread_barrier_wait(&barrier);
    for (int round = 0; round < rounds; round++) {
        char key = (char)(round % 20);
        for (int at = 0; at < 4; at++) {
            tidegate_decision decision;
            tidegate_limiter limiter = check_limiter(engine, names[at], NULL);
            tidegate_status found = tidegate_limiter_check(
                engine, limiter, at < 2 ? NULL : &key, at < 2 ? 0 : 1, 1, &decision);
            CHECK(found == TIDEGATE_OK || found == TIDEGATE_DENIED);
            atomic_fetch_add(&admitted[at], found == TIDEGATE_OK);
        }
    }
    return number;
}

static void limits_never_admit_one_too_many(void)
{
    engine = check_open(
        "{\"clock\":\"manual\",\"limiters\":{"
        "\"bucket\":{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,\"burst\":997},"
        "\"window\":{\"algorithm\":\"sliding_window\",\"limit\":61,\"window_seconds\":60},"
        "\"keyed_bucket\":{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,\"burst\":13,"
        "\"keyed\":true},\"keyed_window\":{\"preset\":\"auth\",\"keyed\":true}}}");
    in_threads(ask_everything);
    EQUAL(997, admitted[0]);
    EQUAL(61, admitted[1]);
    EQUAL(20 * 13, admitted[2]);
    EQUAL(20 * 5, admitted[3]);
    tidegate_engine_close(engine);
}

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static atomic_long passed[2];

static void *ask_in_real_time(void *number)
{
    pthread_barrier_wait(&barrier);
    for (int round = 0; round < 10 * rounds; round++) {
        atomic_fetch_add(&passed[0], tidegate_allow_request(engine, "b", NULL, 0) == TIDEGATE_OK);
        atomic_fetch_add(&passed[1], tidegate_allow_request(engine, "w", NULL, 0) == TIDEGATE_OK);
    }
    return number;
}

static void limits_hold_in_real_time(void)
{
    double began = now_seconds();
    engine = check_open(
        "{\"limiters\":{"
        "\"b\":{\"algorithm\":\"token_bucket\",\"rate_per_second\":5000,\"burst\":50},"
        "\"w\":{\"algorithm\":\"sliding_window\",\"limit\":50,\"window_seconds\":0.01}}}");
    in_threads(ask_in_real_time);
    double took = now_seconds() - began;
    CHECK((double)passed[0] >= 50 && (double)passed[0] <= 50 + 5000 * took);
    CHECK((double)passed[1] >= 50 && (double)passed[1] <= 50 * (floor(took / 0.01) + 1));
    tidegate_engine_close(engine);
}

static void *churn_shards(void *number)
{
    tidegate_counter counter = check_counter(engine, "counter");
    pthread_barrier_wait(&barrier);
    for (int round = 0; round < rounds / 10; round++) {
        tidegate_shard shard;
        uint64_t *word = NULL;
        NEED(STATUS(TIDEGATE_OK, tidegate_shard_open(engine, 0, &shard)));
        NEED(STATUS(TIDEGATE_OK, tidegate_shard_counter(engine, shard, counter, &word)));
        for (int add = 0; add < 10; add++) {
            /* Plain loads and stores, that the compiler may not merge. */
            __atomic_store_n(word, __atomic_load_n(word, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
        }
        STATUS(TIDEGATE_OK, tidegate_shard_close(engine, shard));
    }
    return number;
}

static void a_shard_has_one_owner_at_a_time(void)
{
    engine = check_open("{\"metrics\":{\"max_series\":16}}");
    in_threads(churn_shards);
    EQUAL(THREADS * (rounds / 10) * 10, check_total(engine, check_counter(engine, "counter")));
    tidegate_engine_close(engine);
}

static void *write_and_look(void *number)
{
    uint64_t total = 0;
    tidegate_counter counter = check_counter(engine, "counter");
    tidegate_histogram histogram = check_histogram(engine, "histogram");
    pthread_barrier_wait(&barrier);
    for (int round = 0; round < rounds / 50; round++) {
        const double quantiles[] = {0.5, 1.0};
        double values[2];
        uint64_t before = total;
        STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, 1));
        STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, histogram, 1.0));
        STATUS(TIDEGATE_OK, tidegate_counter_value(engine, counter, &total));
        CHECK(total > before);
        STATUS(TIDEGATE_OK, tidegate_histogram_quantiles(engine, histogram, round % 2 * 0.6,
                                                         quantiles, 2, values));
        STATUS(TIDEGATE_OK, tidegate_tick(engine));
        CHECK(check_number(engine, "\"histogram\"", "count") > 0);
        tidegate_engine_close(check_open("{\"region\":{\"private\":true}}"));
    }
    return number;
}

static void readers_see_totals_grow_while_others_write(void)
{
    engine = check_open("{\"window_seconds\":0.6}");
    in_threads(write_and_look);
    EQUAL(THREADS * (rounds / 50), check_total(engine, check_counter(engine, "counter")));
    tidegate_engine_close(engine);
}

int main(void)
{
    rounds = check_is_slow() ? 1000 : 20000;
    RUN(totals_are_exact);
    RUN(a_name_that_all_open_at_once_is_one);
    RUN(limits_never_admit_one_too_many);
    RUN(limits_hold_in_real_time);
    RUN(a_shard_has_one_owner_at_a_time);
    RUN(readers_see_totals_grow_while_others_write);
    return check_result();
}
