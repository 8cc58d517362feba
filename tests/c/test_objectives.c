/* test_objectives.c: objectives from the configuration to the alert, as C sees them. */
#include "check.h"

#define OBJECTIVE                                                                                  \
    "\"objectives\":[{\"name\":\"availability\",\"operation\":\"http.request\","                   \
    "\"success_ratio\":0.99,\"hold_seconds\":60,\"keep_seconds\":300},"                            \
    "{\"name\":\"latency\",\"operation\":\"http.request\",\"latency_seconds\":0.2,"                \
    "\"ratio\":0.95}]"

static tidegate_operation operation_of(tidegate_engine *engine)
{
    tidegate_operation operation = {0};
    NEED(STATUS(TIDEGATE_OK, tidegate_operation_open(engine, "http.request", NULL, &operation)));
    return operation;
}

static void calls(tidegate_engine *engine, tidegate_operation operation, int good, int bad)
{
    for (int call = 0; call < good + bad; call++) {
        STATUS(TIDEGATE_OK, tidegate_operation_record(
            engine, operation, 0.01,
            call < good ? TIDEGATE_OUTCOME_SUCCESS : TIDEGATE_OUTCOME_FAILURE, NULL));
    }
}

static bool has(tidegate_engine *engine, const char *part)
{
    char *text = check_json(engine);
    bool found = strstr(text, part) != NULL;
    free(text);
    return found;
}

static const char *const AVAILABILITY = "{\"name\":\"availability\"";
static const char *const LATENCY = "{\"name\":\"latency\"";

static void a_budget_is_spent_by_failures(void)
{
    tidegate_engine *engine = check_open("{\"clock\":\"manual\"," OBJECTIVE "}");
    tidegate_operation operation = operation_of(engine);
    CHECK(check_number(engine, AVAILABILITY, "budget_left") == 1.0);
    calls(engine, operation, 995, 5);
    CHECK(fabs(check_number(engine, AVAILABILITY, "budget_left") - 0.5) < 1e-9);
    CHECK(fabs(check_number(engine, AVAILABILITY, "1h") - 0.5) < 1e-9);
    EQUAL(995, check_number(engine, AVAILABILITY, "good"));
    EQUAL(1000, check_number(engine, AVAILABILITY, "total"));
    tidegate_engine_close(engine);
}

static void a_latency_is_exact_at_its_edge(void)
{
    tidegate_engine *engine = check_open("{\"clock\":\"manual\"," OBJECTIVE "}");
    tidegate_operation operation = operation_of(engine);
    const double seconds[] = {0.2, nextafter(0.2, 0), nextafter(0.2, 1), 0.2001};
    for (int call = 0; call < 4; call++) {
        STATUS(TIDEGATE_OK,
               tidegate_operation_record(engine, operation, seconds[call], 0, NULL));
    }
    EQUAL(2, check_number(engine, LATENCY, "good"));
    EQUAL(4, check_number(engine, LATENCY, "total"));
    tidegate_engine_close(engine);
}

static void an_alert_fires_and_is_resolved(void)
{
    tidegate_engine *engine = check_open("{\"clock\":\"manual\"," OBJECTIVE "}");
    tidegate_operation operation = operation_of(engine);
    CHECK(!has(engine, "\"state\":\"pending\"") && !has(engine, "\"state\":\"firing\""));
    calls(engine, operation, 10, 10);
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 30 * SECOND));
    STATUS(TIDEGATE_OK, tidegate_tick(engine));
    CHECK(has(engine, "\"state\":\"pending\"") && !has(engine, "\"state\":\"firing\""));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 60 * SECOND));
    STATUS(TIDEGATE_OK, tidegate_tick(engine));
    CHECK(has(engine, "\"state\":\"firing\""));
    for (int minute = 0; minute < 12; minute++) {
        calls(engine, operation, 100, 0);
        STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 60 * SECOND));
        STATUS(TIDEGATE_OK, tidegate_tick(engine));
    }
    CHECK(has(engine, "\"state\":\"resolved\""));
    tidegate_engine_close(engine);
}

static void what_can_never_fire_is_refused(void)
{
    tidegate_engine *engine = NULL;
    char sentence[300];
    STATUS(TIDEGATE_E_CONFIG,
           tidegate_engine_open("{\"objectives\":[{\"name\":\"a\",\"operation\":\"o\","
                                "\"success_ratio\":0.9}]}",
                                &engine));
    tidegate_last_error(sentence, sizeof sentence);
    CHECK(strstr(sentence, "objectives[0]: with a target of 0.9") == sentence);
    CHECK(strstr(sentence, "its alert can never fire") != NULL);
    CHECK(engine == NULL);
    STATUS(TIDEGATE_E_CONFIG, tidegate_config_check("{\"objectives\":[{}]}"));
    STATUS(TIDEGATE_OK, tidegate_config_check("{" OBJECTIVE "}"));
}

static void too_many_are_refused(void)
{
    tidegate_engine *engine = NULL;
    char config[8000] = "{\"objectives\":[";
    for (int number = 0; number < 65; number++) {
        sprintf(config + strlen(config),
                "%s{\"name\":\"o%d\",\"operation\":\"x\",\"success_ratio\":0.99}",
                number > 0 ? "," : "", number);
    }
    strcat(config, "]}");
    STATUS(TIDEGATE_E_CAPACITY, tidegate_engine_open(config, &engine));
}

static void state_outlives_its_workers(void)
{
    const char *path = "objectives.tidegate";
    tidegate_engine *observer = NULL;
    unlink(path);
    pid_t child = check_fork();
    if (child == 0) {
        tidegate_engine *engine = check_open_path(path, ",\"clock\":\"manual\"," OBJECTIVE);
        calls(engine, operation_of(engine), 10, 10);
        STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 30 * SECOND));
        STATUS(TIDEGATE_OK, tidegate_tick(engine));
        raise(SIGKILL);
    }
    int status = 0;
    NEED(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    NEED(STATUS(TIDEGATE_OK, tidegate_engine_attach(path, &observer)));
    EQUAL(20, check_number(observer, AVAILABILITY, "total"));
    CHECK(has(observer, "\"state\":\"pending\""));
    tidegate_engine_close(observer);
    unlink(path);
}

int main(void)
{
    RUN(a_budget_is_spent_by_failures);
    RUN(a_latency_is_exact_at_its_edge);
    RUN(an_alert_fires_and_is_resolved);
    RUN(what_can_never_fire_is_refused);
    RUN(too_many_are_refused);
    RUN(state_outlives_its_workers);
    return check_result();
}
