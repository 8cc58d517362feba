/* test_throttle.c: the adaptive throttle against its formula, on the manual clock. */
#include "check.h"

static tidegate_engine *engine;

static tidegate_throttle open_throttle(const char *name, const char *config)
{
    tidegate_throttle throttle = {0};
    NEED(STATUS(TIDEGATE_OK, tidegate_throttle_open(engine, name, config, &throttle)));
    return throttle;
}

static void report(tidegate_throttle throttle, int count, tidegate_outcome outcome)
{
    while (count-- > 0) {
        STATUS(TIDEGATE_OK, tidegate_throttle_report(engine, throttle, outcome));
    }
}

static int admitted_of(tidegate_throttle throttle, int tries)
{
    int admitted = 0;
    for (int at = 0; at < tries; at++) {
        tidegate_status status = tidegate_throttle_acquire(engine, throttle);
        CHECK(status == TIDEGATE_OK || status == TIDEGATE_DENIED);
        admitted += status == TIDEGATE_OK;
    }
    return admitted;
}

static bool near(double expected, double found, double within)
{
    if (fabs(expected - found) <= within) {
        return true;
    }
    fprintf(stderr, "    expected about %g, found %g\n", expected, found);
    return false;
}

static void it_rejects_as_its_formula_says(void)
{
    tidegate_throttle throttle =
        open_throttle("formula", "{\"success_threshold\":0.5,\"max_rejection\":1,\"seed\":7}");
    EQUAL(1000, admitted_of(throttle, 1000));
    report(throttle, 100, TIDEGATE_OUTCOME_SUCCESS);
    report(throttle, 100, TIDEGATE_OUTCOME_FAILURE);
    report(throttle, 100, TIDEGATE_OUTCOME_IGNORED);
    EQUAL(1000, admitted_of(throttle, 1000));
    report(throttle, 200, TIDEGATE_OUTCOME_FAILURE);
    int tries = check_is_slow() ? 5000 : 100000;
    CHECK(near(1 - 200.0 / 401, admitted_of(throttle, tries) / (double)tries,
               check_is_slow() ? 0.03 : 0.01));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 30 * SECOND));
    EQUAL(1000, admitted_of(throttle, 1000));
}

static void some_calls_always_find_out(void)
{
    tidegate_throttle throttle = open_throttle("most", "{\"seed\":1}");
    report(throttle, 1000, TIDEGATE_OUTCOME_FAILURE);
    CHECK(near(0.2, admitted_of(throttle, 10000) / 10000.0, 0.02));
}

static void few_calls_are_never_rejected(void)
{
    tidegate_throttle throttle =
        open_throttle("few", "{\"minimum_rps\":2,\"window_seconds\":10,\"max_rejection\":1}");
    report(throttle, 19, TIDEGATE_OUTCOME_FAILURE);
    EQUAL(1000, admitted_of(throttle, 1000));
    report(throttle, 1, TIDEGATE_OUTCOME_FAILURE);
    CHECK(admitted_of(throttle, 1000) < 200);
}

static void aggression_rejects_more(void)
{
    tidegate_throttle throttle = open_throttle(
        "aggression", "{\"success_threshold\":1,\"aggression\":2,\"max_rejection\":1,\"seed\":3}");
    report(throttle, 30, TIDEGATE_OUTCOME_SUCCESS);
    report(throttle, 10, TIDEGATE_OUTCOME_FAILURE);
    CHECK(near(1 - sqrt(10.0 / 41), admitted_of(throttle, 10000) / 10000.0, 0.02));
}

static void a_seed_repeats(void)
{
    tidegate_throttle one = open_throttle("seed_a", "{\"seed\":5}");
    tidegate_throttle same = open_throttle("seed_b", "{\"seed\":5}");
    report(one, 50, TIDEGATE_OUTCOME_FAILURE);
    report(same, 50, TIDEGATE_OUTCOME_FAILURE);
    for (int at = 0; at < 1000; at++) {
        EQUAL(tidegate_throttle_acquire(engine, one), tidegate_throttle_acquire(engine, same));
    }
}

static void a_shadow_rejects_nothing(void)
{
    tidegate_throttle throttle = open_throttle("shadow", "{\"shadow\":true,\"seed\":1}");
    report(throttle, 1000, TIDEGATE_OUTCOME_FAILURE);
    EQUAL(1000, admitted_of(throttle, 1000));
    char *json = check_json(engine);
    char *found = strstr(json, "\"name\":\"shadow\"");
    NEED(found != NULL);
    char *shadowed = strstr(found, "\"shadowed\":");
    NEED(shadowed != NULL);
    CHECK(near(800, atof(shadowed + strlen("\"shadowed\":")), 60));
    free(json);
}

static void every_error_has_its_code(void)
{
    static const char *const wrong[] = {
        "",
        "7",
        "{\"colour\":1}",
        "{\"window_seconds\":0}",
        "{\"success_threshold\":0}",
        "{\"success_threshold\":1.5}",
        "{\"aggression\":0.5}",
        "{\"minimum_rps\":-1}",
        "{\"max_rejection\":2}",
        "{\"seed\":-1}",
        "{\"seed\":1.5}",
        "{\"shadow\":0}",
    };
    tidegate_throttle throttle = {7};
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        if (!STATUS(TIDEGATE_E_CONFIG,
                    tidegate_throttle_open(engine, "no", wrong[at], &throttle))) {
            fprintf(stderr, "    for %s\n", wrong[at]);
        }
    }
    STATUS(TIDEGATE_E_NOT_FOUND, tidegate_throttle_open(engine, "no", NULL, &throttle));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_throttle_open(NULL, "x", "{}", &throttle));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_throttle_open(engine, NULL, "{}", &throttle));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_throttle_open(engine, "x", "{}", NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_throttle_open(engine, "7x", "{}", &throttle));
    EQUAL(7, throttle.id);
    throttle = open_throttle("codes", "{}");
    EQUAL(throttle.id, open_throttle("codes", "{\"window_seconds\":30}").id);
    EQUAL(throttle.id, open_throttle("codes", NULL).id);
    tidegate_throttle other = {7};
    STATUS(TIDEGATE_E_CONFLICT,
           tidegate_throttle_open(engine, "codes", "{\"window_seconds\":31}", &other));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_throttle_acquire(NULL, throttle));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_throttle_report(NULL, throttle, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_throttle_report(engine, throttle, 3));
    STATUS(TIDEGATE_E_STALE, tidegate_throttle_acquire(engine, (tidegate_throttle){0}));
    STATUS(TIDEGATE_E_STALE, tidegate_throttle_report(engine, (tidegate_throttle){9}, 0));
    tidegate_engine *elsewhere = check_open("{\"throttles\":{\"codes\":{\"seed\":1}}}");
    STATUS(TIDEGATE_E_STALE, tidegate_throttle_acquire(elsewhere, throttle));
    STATUS(TIDEGATE_OK, tidegate_throttle_open(elsewhere, "codes", NULL, &throttle));
    STATUS(TIDEGATE_OK, tidegate_throttle_acquire(elsewhere, throttle));
    tidegate_engine_close(elsewhere);
}

static void an_observer_cannot_ask(void)
{
    tidegate_engine *writer = check_open_path("throttle.tidegate", ""), *observer = NULL;
    tidegate_throttle throttle;
    STATUS(TIDEGATE_OK, tidegate_throttle_open(writer, "seen", "{}", &throttle));
    NEED(STATUS(TIDEGATE_OK, tidegate_engine_attach("throttle.tidegate", &observer)));
    STATUS(TIDEGATE_E_STATE, tidegate_throttle_acquire(observer, throttle));
    STATUS(TIDEGATE_E_STATE, tidegate_throttle_report(observer, throttle, 0));
    tidegate_engine_close(observer);
    tidegate_engine_close(writer);
    unlink("throttle.tidegate");
}

int main(void)
{
    engine = check_open("{\"clock\":\"manual\"}");
    RUN(it_rejects_as_its_formula_says);
    RUN(some_calls_always_find_out);
    RUN(few_calls_are_never_rejected);
    RUN(aggression_rejects_more);
    RUN(a_seed_repeats);
    RUN(a_shadow_rejects_nothing);
    RUN(every_error_has_its_code);
    RUN(an_observer_cannot_ask);
    tidegate_engine_close(engine);
    return check_result();
}
