/* test_health.c: probes, thresholds from both sides, reports with a time to live, heartbeats. */
#include "check.h"

static const tidegate_health_status NOBODY_WROTE = 77;

/** What a probe says, and the HTTP status that goes with it. */
static tidegate_health_status ask(tidegate_engine *engine, tidegate_probe probe, int32_t http)
{
    tidegate_health_status status = NOBODY_WROTE;
    int32_t found = 0;
    STATUS(TIDEGATE_OK, tidegate_health(engine, probe, &status, &found));
    EQUAL(http, found);
    return status;
}

/** A snapshot taken now, in `format`, NUL-terminated; free() it. */
static char *text_of(tidegate_engine *engine, uint32_t format)
{
    tidegate_snapshot *snapshot = NULL;
    size_t length = 0;
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_take(engine, &snapshot)));
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_render(snapshot, format, NULL, 0, &length)));
    char *text = malloc(length + 1);
    NEED(text != NULL);
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_render(snapshot, format, text, length, &length)));
    text[length] = '\0';
    tidegate_snapshot_free(snapshot);
    return text;
}

static void holds(tidegate_engine *engine, uint32_t format, const char *part)
{
    char *text = text_of(engine, format);
    if (strstr(text, part) == NULL) {
        check_failed(__FILE__, __LINE__, part);
        fprintf(stderr, "    not in %s\n", text);
    }
    free(text);
}

static void nothing_to_judge_is_healthy(void)
{
    tidegate_engine *engine = check_open("{}");
    EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_READINESS, 200));
    EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_LIVENESS, 200));
    STATUS(TIDEGATE_OK, tidegate_health(engine, TIDEGATE_PROBE_READINESS, NULL, NULL));
    tidegate_engine_close(engine);
}

static void arguments_are_checked(void)
{
    tidegate_engine *engine = check_open("{}");
    tidegate_health_status status = NOBODY_WROTE;
    int32_t http = 5;
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_health(NULL, 0, &status, &http));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_health(engine, -1, &status, &http));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_health(engine, 3, &status, &http));
    EQUAL(NOBODY_WROTE, status);
    EQUAL(5, http);
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_heartbeat(NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_startup_done(NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_health_report(NULL, "db", 0, NAN, NULL, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_health_report(engine, NULL, 0, NAN, NULL, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_health_report(engine, "", 0, NAN, NULL, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_health_report(engine, "9lives", 0, NAN, NULL, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_health_report(engine, "\xff", 0, NAN, NULL, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_health_report(engine, "db", 4, NAN, NULL, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_health_report(engine, "db", -1, NAN, NULL, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_health_report(engine, "db", 0, INFINITY, NULL, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_health_report(engine, "db", 0, NAN, "\xc3(", 0));
    tidegate_engine_close(engine);
}

static void a_wrong_section_is_named(void)
{
    tidegate_engine *engine = NULL;
    char sentence[200];
    STATUS(TIDEGATE_E_CONFIG,
           tidegate_engine_open("{\"health\":{\"checks\":[{\"gauge\":\"g\",\"value\":{\"warm\":1}}]}}",
                                &engine));
    CHECK(engine == NULL);
    tidegate_last_error(sentence, sizeof sentence);
    CHECK(strstr(sentence, "health.checks[0].value.warm") == sentence);
}

static void every_threshold_has_two_sides(void)
{
    tidegate_gauge depth, free_slots;
    tidegate_engine *engine = check_open(
        "{\"health\":{\"checks\":[{\"gauge\":\"depth\",\"value\":{\"warn\":10,\"fail\":20}},"
        "{\"gauge\":\"free\",\"value\":{\"warn\":4,\"fail\":2}}]}}");
    EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_READINESS, 200));
    holds(engine, TIDEGATE_FORMAT_HEALTH_JSON, "there is no gauge \\\"depth\\\"");
    STATUS(TIDEGATE_OK, tidegate_gauge_open(engine, "depth", NULL, &depth));
    STATUS(TIDEGATE_OK, tidegate_gauge_open(engine, "free", NULL, &free_slots));
    static const struct {
        double depth, free;
        tidegate_health_status status;
        int32_t http;
    } cases[] = {
        {10.0, 4.0, TIDEGATE_HEALTHY, 200},    {10.000001, 4.0, TIDEGATE_DEGRADED, 200},
        {20.0, 4.0, TIDEGATE_DEGRADED, 200},   {20.000001, 4.0, TIDEGATE_UNHEALTHY, 503},
        {0.0, 3.999999, TIDEGATE_DEGRADED, 200}, {0.0, 2.0, TIDEGATE_DEGRADED, 200},
        {0.0, 1.999999, TIDEGATE_UNHEALTHY, 503}, {-1e300, 1e300, TIDEGATE_HEALTHY, 200},
        {INFINITY, 4.0, TIDEGATE_UNHEALTHY, 503},
    };
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        STATUS(TIDEGATE_OK, tidegate_gauge_set(engine, depth, cases[at].depth));
        STATUS(TIDEGATE_OK, tidegate_gauge_set(engine, free_slots, cases[at].free));
        EQUAL(cases[at].status, ask(engine, TIDEGATE_PROBE_READINESS, cases[at].http));
        EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_LIVENESS, 200));
    }
    tidegate_engine_close(engine);
}

static void too_few_samples_are_unknown(void)
{
    tidegate_engine *engine = check_open(
        "{\"clock\":\"manual\",\"health\":{\"http_status\":\"strict\",\"minimum_samples\":5,"
        "\"checks\":[{\"histogram\":\"wait\",\"average\":{\"warn\":1,\"fail\":2}}]}}");
    for (int sample = 0; sample < 4; sample++) {
        STATUS(TIDEGATE_OK, tidegate_record_metric(engine, "wait", 100.0));
        EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_READINESS, 200));
    }
    holds(engine, TIDEGATE_FORMAT_HEALTH_JSON, "\"status\":\"unknown\"");
    STATUS(TIDEGATE_OK, tidegate_record_metric(engine, "wait", 100.0));
    EQUAL(TIDEGATE_UNHEALTHY, ask(engine, TIDEGATE_PROBE_READINESS, 500));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 61 * SECOND));
    EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_READINESS, 200));
    for (int sample = 0; sample < 5; sample++) {
        STATUS(TIDEGATE_OK, tidegate_record_metric(engine, "wait", 1.5));
    }
    EQUAL(TIDEGATE_DEGRADED, ask(engine, TIDEGATE_PROBE_READINESS, 503));
    tidegate_engine_close(engine);
}

static void a_report_counts_while_it_lives(void)
{
    tidegate_engine *engine = check_open(
        "{\"clock\":\"manual\",\"service\":\"shop\",\"health\":{\"checks\":["
        "{\"reported\":\"cache\",\"when_stale\":\"degraded\"}]}}");
    EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_READINESS, 200));
    STATUS(TIDEGATE_OK, tidegate_health_report(engine, "db", TIDEGATE_HEALTHY, 0.012, "12 ms",
                                               30 * SECOND));
    STATUS(TIDEGATE_OK, tidegate_health_report(engine, "cache", TIDEGATE_UNHEALTHY, NAN,
                                               "Redis is \"down\"", 10 * SECOND));
    EQUAL(TIDEGATE_UNHEALTHY, ask(engine, TIDEGATE_PROBE_READINESS, 503));
    EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_LIVENESS, 200));
    holds(engine, TIDEGATE_FORMAT_HEALTH_JSON, "{\"status\":\"fail\",\"serviceId\":\"shop\"");
    holds(engine, TIDEGATE_FORMAT_HEALTH_JSON, "\"db:reported\":[{\"componentType\":\"component\","
                                               "\"observedValue\":0.012,\"status\":\"pass\"");
    holds(engine, TIDEGATE_FORMAT_HEALTH_JSON, "\"output\":\"Redis is \\\"down\\\"\"");
    holds(engine, TIDEGATE_FORMAT_HEALTH_SIMPLE, "{\"status\":\"unhealthy\",\"timestamp\":\"");
    holds(engine, TIDEGATE_FORMAT_HEALTH_SIMPLE,
          "\"uptime\":0.0,\"checks\":{\"cache\":\"unhealthy\",\"db\":\"ok\"}}");
    holds(engine, TIDEGATE_FORMAT_JSON, "\"health\":{\"status\":\"unhealthy\",\"http_status\":503");
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 10 * SECOND));
    EQUAL(TIDEGATE_UNHEALTHY, ask(engine, TIDEGATE_PROBE_READINESS, 503));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 1));
    EQUAL(TIDEGATE_DEGRADED, ask(engine, TIDEGATE_PROBE_READINESS, 200));
    STATUS(TIDEGATE_OK, tidegate_health_report(engine, "cache", TIDEGATE_HEALTH_UNKNOWN, NAN, NULL,
                                               0));
    EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_READINESS, 200));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 1000000 * SECOND));
    holds(engine, TIDEGATE_FORMAT_HEALTH_SIMPLE, "{\"cache\":\"unknown\",\"db\":\"unknown\"}");
    EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_READINESS, 200));
    tidegate_engine_close(engine);
}

static void names_beyond_the_table_are_refused(void)
{
    tidegate_engine *engine = check_open("{}");
    char name[20];
    for (int number = 0; number < 128; number++) {
        snprintf(name, sizeof name, "check_%d", number);
        STATUS(TIDEGATE_OK, tidegate_health_report(engine, name, 0, NAN, NULL, 0));
    }
    STATUS(TIDEGATE_E_CAPACITY, tidegate_health_report(engine, "one_more", 2, NAN, NULL, 0));
    STATUS(TIDEGATE_OK, tidegate_health_report(engine, "check_127", 1, NAN, NULL, 0));
    EQUAL(TIDEGATE_DEGRADED, ask(engine, TIDEGATE_PROBE_READINESS, 200));
    tidegate_engine_close(engine);
}

static void startup_is_done_when_somebody_says_so(void)
{
    tidegate_engine *engine = check_open("{}");
    EQUAL(TIDEGATE_UNHEALTHY, ask(engine, TIDEGATE_PROBE_STARTUP, 503));
    EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_READINESS, 200));
    STATUS(TIDEGATE_OK, tidegate_startup_done(engine));
    EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_STARTUP, 200));
    pid_t child = check_fork();
    if (child == 0) {
        EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_STARTUP, 200));
        check_leave();
    }
    check_reap(child);
    tidegate_engine_close(engine);
}

static void a_stuck_process_is_not_alive(void)
{
    tidegate_engine *engine =
        check_open("{\"clock\":\"manual\",\"health\":{\"heartbeat_seconds\":30,\"checks\":["
                   "{\"workers\":true,\"heartbeat_age_seconds\":{\"warn\":10,\"fail\":20}}]}}");
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 1000 * SECOND));
    EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_LIVENESS, 200));
    EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_READINESS, 200));
    STATUS(TIDEGATE_OK, tidegate_heartbeat(engine));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 10 * SECOND));
    EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_READINESS, 200));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 1));
    EQUAL(TIDEGATE_DEGRADED, ask(engine, TIDEGATE_PROBE_READINESS, 200));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 20 * SECOND - 1));
    EQUAL(TIDEGATE_UNHEALTHY, ask(engine, TIDEGATE_PROBE_READINESS, 503));
    EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_LIVENESS, 200));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 1));
    EQUAL(TIDEGATE_UNHEALTHY, ask(engine, TIDEGATE_PROBE_LIVENESS, 503));
    STATUS(TIDEGATE_OK, tidegate_heartbeat(engine));
    EQUAL(TIDEGATE_HEALTHY, ask(engine, TIDEGATE_PROBE_LIVENESS, 200));
    tidegate_engine_close(engine);
}

static void an_observer_judges_as_the_first_worker_asked(void)
{
    const char *path = "health.tidegate";
    tidegate_gauge depth;
    tidegate_engine *observer = NULL;
    unlink(path);
    tidegate_engine *engine = check_open_path(
        path, ",\"clock\":\"manual\",\"health\":{\"http_status\":\"strict\",\"checks\":["
              "{\"gauge\":\"depth\",\"value\":{\"warn\":10,\"fail\":20}}]}");
    tidegate_engine *other = check_open_path(path, ",\"health\":{\"checks\":[]}");
    tidegate_engine *silent = check_open_path(path, "");
    STATUS(TIDEGATE_OK, tidegate_engine_attach(path, &observer));
    STATUS(TIDEGATE_OK, tidegate_gauge_open(engine, "depth", NULL, &depth));
    STATUS(TIDEGATE_OK, tidegate_gauge_set(engine, depth, 15));
    EQUAL(TIDEGATE_DEGRADED, ask(engine, TIDEGATE_PROBE_READINESS, 503));
    EQUAL(TIDEGATE_DEGRADED, ask(silent, TIDEGATE_PROBE_READINESS, 503));
    EQUAL(TIDEGATE_DEGRADED, ask(observer, TIDEGATE_PROBE_READINESS, 503));
    EQUAL(TIDEGATE_HEALTHY, ask(other, TIDEGATE_PROBE_READINESS, 200));

    EQUAL(TIDEGATE_HEALTHY, ask(observer, TIDEGATE_PROBE_LIVENESS, 200));
    EQUAL(TIDEGATE_UNHEALTHY, ask(observer, TIDEGATE_PROBE_STARTUP, 500));
    STATUS(TIDEGATE_OK, tidegate_startup_done(engine));
    EQUAL(TIDEGATE_HEALTHY, ask(observer, TIDEGATE_PROBE_STARTUP, 200));
    STATUS(TIDEGATE_OK, tidegate_heartbeat(engine));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 61 * SECOND));
    EQUAL(TIDEGATE_DEGRADED, ask(observer, TIDEGATE_PROBE_LIVENESS, 503));
    EQUAL(TIDEGATE_HEALTHY, ask(silent, TIDEGATE_PROBE_LIVENESS, 200));
    tidegate_engine_close(other);
    tidegate_engine_close(silent);
    EQUAL(TIDEGATE_UNHEALTHY, ask(observer, TIDEGATE_PROBE_LIVENESS, 500));
    tidegate_engine_close(engine);
    EQUAL(TIDEGATE_UNHEALTHY, ask(observer, TIDEGATE_PROBE_LIVENESS, 500));

    STATUS(TIDEGATE_E_STATE, tidegate_heartbeat(observer));
    STATUS(TIDEGATE_E_STATE, tidegate_startup_done(observer));
    STATUS(TIDEGATE_E_STATE, tidegate_health_report(observer, "db", 0, NAN, NULL, 0));
    tidegate_engine_close(observer);
    unlink(path);
}

int main(void)
{
    RUN(nothing_to_judge_is_healthy);
    RUN(arguments_are_checked);
    RUN(a_wrong_section_is_named);
    RUN(every_threshold_has_two_sides);
    RUN(too_few_samples_are_unknown);
    RUN(a_report_counts_while_it_lives);
    RUN(names_beyond_the_table_are_refused);
    RUN(startup_is_done_when_somebody_says_so);
    RUN(a_stuck_process_is_not_alive);
    RUN(an_observer_judges_as_the_first_worker_asked);
    return check_result();
}
