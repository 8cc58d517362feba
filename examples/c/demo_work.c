/*
 * demo_work.c: a worker asks the limits for every query, runs it, and records how long it took.
 */
#include "demo_work.h"

#include "demo_database.h"
#include "must.h"

#include <time.h>

/* Short enough that the workers together ask for several times what the limit lets through. */
static const uint64_t THINK_MOST_NS = 1200000;

static const uint64_t SEED = 20260101;

const char *const DEMO_ANSWER_NAMES[DEMO_ANSWERS] = {
    [DEMO_ADMITTED] = "admitted",
    [DEMO_DENIED_BY_API] = "denied_by_api",
    [DEMO_DENIED_BY_USER] = "denied_by_user",
};

uint64_t demo_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void demo_shared_open(demo_shared *shared, tidegate_engine *engine, const demo_config *config)
{
    must(tidegate_limiter_open(engine, "api", config->limit_document, &shared->api),
         "open the limiter api");
    must(tidegate_limiter_open(engine, "per_user", NULL, &shared->per_user),
         "open the limiter per_user");
    must(tidegate_histogram_open(engine, "query_seconds",
                                 "{\"help\":\"Time of admitted queries\",\"unit\":\"seconds\"}",
                                 &shared->query_seconds),
         "open query_seconds");
    must(tidegate_gauge_open(engine, "queries_in_flight",
                             "{\"help\":\"Queries running now\"}", &shared->in_flight),
         "open queries_in_flight");
}

void demo_series_open(demo_series *series, tidegate_engine *engine, const demo_config *config,
                      unsigned worker)
{
    char text[160];
    for (int answer = 0; answer < DEMO_ANSWERS; answer++) {
        snprintf(text, sizeof text,
                 "{\"labels\":{\"worker\":\"%u\",\"answer\":\"%s\"},"
                 "\"help\":\"Queries asked for, by answer\"}",
                 worker, DEMO_ANSWER_NAMES[answer]);
        must(tidegate_counter_open(engine, "queries_total", text, &series->answers[answer]),
             "open queries_total");
    }
    snprintf(text, sizeof text,
             "{\"labels\":{\"worker\":\"%u\"},"
             "\"help\":\"Queries that a limiter in each worker would have admitted\"}",
             worker);
    must(tidegate_counter_open(engine, "queries_admitted_alone_total", text,
                               &series->admitted_alone),
         "open queries_admitted_alone_total");
    snprintf(text, sizeof text,
             "{\"labels\":{\"worker\":\"%u\"},\"help\":\"Time of admitted queries, by worker\","
             "\"unit\":\"seconds\"}",
             worker);
    must(tidegate_histogram_open(engine, "worker_query_seconds", text, &series->query_seconds),
         "open worker_query_seconds");
    snprintf(text, sizeof text, "api_worker_%u", worker);
    must(tidegate_limiter_open(engine, text, config->limit_document, &series->alone),
         "open a limiter of the worker's own");
}

/* SplitMix64: one multiplication away from good enough, and the same on every machine. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t mixed = *state += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return mixed ^ (mixed >> 31);
}

static double next_fraction(uint64_t *state)
{
    return (double)(next_random(state) >> 11) * 0x1p-53;
}

/* Fills in the chance that a request comes from one of the users 1..=i+1: Zipf's law, 1/rank. */
static void zipf_fill(double *cumulative)
{
    double sum = 0.0;
    for (unsigned i = 0; i < DEMO_USERS; i++) {
        sum += 1.0 / (i + 1);
        cumulative[i] = sum;
    }
    for (unsigned i = 0; i < DEMO_USERS; i++) {
        cumulative[i] /= sum;
    }
}

static unsigned zipf_draw(const double *cumulative, uint64_t *random)
{
    double chance = next_fraction(random);
    unsigned low = 0, high = DEMO_USERS - 1;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (cumulative[middle] > chance) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low + 1;
}

/* Most queries are cheap, some scan, few join: what gives a real service its long tail. */
static demo_query draw_query(uint64_t *random)
{
    double chance = next_fraction(random);
    return chance < 0.75 ? DEMO_QUERY_PROFILE
         : chance < 0.97 ? DEMO_QUERY_ORDERS
                         : DEMO_QUERY_LIKE_MINDED;
}

/* The user's own limit first: a user who floods us shall not use up what the others share. */
static demo_answer ask_limits(tidegate_engine *engine, const demo_shared *shared,
                              const demo_series *series, unsigned user, demo_report *report)
{
    char key[32];
    int key_length = snprintf(key, sizeof key, "user-%u", user);
    if (must(tidegate_limiter_check(engine, shared->per_user, key, (size_t)key_length, 1, NULL),
             "ask the limiter per_user") == TIDEGATE_DENIED) {
        return DEMO_DENIED_BY_USER;
    }
    if (must(tidegate_limiter_check(engine, series->alone, NULL, 0, 1, NULL),
             "ask the worker's own limiter") == TIDEGATE_OK) {
        must(tidegate_counter_add(engine, series->admitted_alone, 1), "count a shadow admission");
        report->admitted_alone++;
    }
    return must(tidegate_limiter_check(engine, shared->api, NULL, 0, 1, NULL),
                "ask the limiter api") == TIDEGATE_OK
               ? DEMO_ADMITTED
               : DEMO_DENIED_BY_API;
}

static void run_query(tidegate_engine *engine, const demo_shared *shared, const demo_series *series,
                      demo_database *database, unsigned user, uint64_t *random)
{
    must(tidegate_gauge_add(engine, shared->in_flight, 1.0), "count a query in flight");
    uint64_t started_ns = demo_now_ns();
    demo_database_ask(database, draw_query(random), user);
    double seconds = (double)(demo_now_ns() - started_ns) / 1e9;
    must(tidegate_gauge_add(engine, shared->in_flight, -1.0), "count a query done");
    must(tidegate_histogram_record(engine, shared->query_seconds, seconds), "record a latency");
    must(tidegate_histogram_record(engine, series->query_seconds, seconds), "record a latency");
}

static void think(uint64_t *random)
{
    struct timespec pause = {.tv_nsec = (long)(next_fraction(random) * (double)THINK_MOST_NS)};
    nanosleep(&pause, NULL);
}

demo_report demo_work(tidegate_engine *engine, const demo_config *config, const char *database_path,
                      unsigned worker, uint64_t deadline_ns, const volatile sig_atomic_t *stop)
{
    static double cumulative[DEMO_USERS];
    zipf_fill(cumulative);
    uint64_t random = SEED + worker;

    demo_shared shared;
    demo_series series;
    demo_database database;
    demo_shared_open(&shared, engine, config);
    demo_series_open(&series, engine, config, worker);
    demo_database_open(&database, database_path);

    demo_report report = {.worker = worker};
    while (!*stop && demo_now_ns() < deadline_ns) {
        unsigned user = zipf_draw(cumulative, &random);
        demo_answer answer = ask_limits(engine, &shared, &series, user, &report);
        must(tidegate_counter_add(engine, series.answers[answer], 1), "count an answer");
        report.answers[answer]++;
        if (answer == DEMO_ADMITTED) {
            run_query(engine, &shared, &series, &database, user, &random);
        }
        think(&random);
    }
    demo_database_close(&database);
    return report;
}
