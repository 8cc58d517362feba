/*
 * test_breaker.c: circuit breakers on the manual clock, as api.md has them: when they open, what a
 * half-open one lets through, what becomes of permits.
 */
#include "check.h"

static tidegate_engine *engine;

static tidegate_breaker open_breaker(const char *name, const char *config)
{
    tidegate_breaker breaker = {0};
    NEED(STATUS(TIDEGATE_OK, tidegate_breaker_open(engine, name, config, &breaker)));
    return breaker;
}

static void advance(uint64_t by_ns)
{
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, by_ns));
}

static uint64_t acquire(tidegate_breaker breaker)
{
    uint64_t permit = 0;
    NEED(STATUS(TIDEGATE_OK, tidegate_breaker_acquire(engine, breaker, &permit)));
    NEED(permit != 0);
    return permit;
}

static void denied(tidegate_breaker breaker)
{
    uint64_t permit = 77;
    STATUS(TIDEGATE_DENIED, tidegate_breaker_acquire(engine, breaker, &permit));
    EQUAL(77, permit);
}

static void report(tidegate_breaker breaker, uint64_t permit, tidegate_outcome outcome,
                   double seconds)
{
    STATUS(TIDEGATE_OK, tidegate_breaker_report(engine, breaker, permit, outcome, seconds));
}

/** `count` calls that end so. */
static void calls(tidegate_breaker breaker, int count, tidegate_outcome outcome, double seconds)
{
    while (count-- > 0) {
        report(breaker, acquire(breaker), outcome, seconds);
    }
}

static void succeed(tidegate_breaker breaker, int count)
{
    calls(breaker, count, TIDEGATE_OUTCOME_SUCCESS, 0.01);
}

static void fail(tidegate_breaker breaker, int count)
{
    calls(breaker, count, TIDEGATE_OUTCOME_FAILURE, 0.01);
}

static tidegate_breaker_phase phase(tidegate_breaker breaker)
{
    tidegate_breaker_phase found = -1;
    STATUS(TIDEGATE_OK, tidegate_breaker_state(engine, breaker, &found));
    return found;
}

static tidegate_breaker_reading reading(tidegate_breaker breaker)
{
    tidegate_breaker_reading found;
    memset(&found, 0xee, sizeof found);
    STATUS(TIDEGATE_OK, tidegate_breaker_read(engine, breaker, &found));
    return found;
}

#define PAYMENTS                                                                                   \
    "{\"failure_rate\":0.5,\"slow_call_seconds\":2.0,\"slow_call_rate\":0.8,\"minimum_calls\":20," \
    "\"window\":{\"seconds\":30},\"open_seconds\":10,\"half_open_calls\":5}"

static void it_opens_when_failures_reach_their_rate(void)
{
    tidegate_breaker breaker = open_breaker("rate", PAYMENTS);
    EQUAL(breaker.id, open_breaker("rate", NULL).id);
    succeed(breaker, 10);
    fail(breaker, 9);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
    CHECK(isnan(reading(breaker).failure_rate));
    fail(breaker, 1);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    tidegate_breaker_reading found = reading(breaker);
    EQUAL(TIDEGATE_BREAKER_REASON_FAILURE_RATE, found.reason);
    EQUAL(20, found.tripped_calls);
    EQUAL(10, found.tripped_failures);
    EQUAL(0, found.tripped_slow_calls);
    EQUAL(2, found.generation);
    EQUAL(1, found.opened_count);
    EQUAL(10 * SECOND, found.retry_after_ns);
    denied(breaker);
    advance(10 * SECOND - 1);
    denied(breaker);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    EQUAL(10 * SECOND - 1, reading(breaker).tripped_age_ns);
    advance(1);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    uint64_t probes[5];
    for (int probe = 0; probe < 5; probe++) {
        probes[probe] = acquire(breaker);
        EQUAL(TIDEGATE_BREAKER_HALF_OPEN, phase(breaker));
    }
    denied(breaker);
    EQUAL(5, reading(breaker).permits_out);
    for (int probe = 0; probe < 5; probe++) {
        EQUAL(TIDEGATE_BREAKER_HALF_OPEN, phase(breaker));
        report(breaker, probes[probe], TIDEGATE_OUTCOME_SUCCESS, 0.1);
    }
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
    EQUAL(0, reading(breaker).calls);
    fail(breaker, 19);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
    fail(breaker, 1);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
}

/** The success that makes up the minimum opens it, if the failures are there. */
static void the_minimum_is_reached_by_any_call(void)
{
    tidegate_breaker breaker = open_breaker("minimum", PAYMENTS);
    fail(breaker, 15);
    succeed(breaker, 4);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
    succeed(breaker, 1);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    EQUAL(20, reading(breaker).tripped_calls);
    EQUAL(15, reading(breaker).tripped_failures);
}

static void slow_calls_open_it_too(void)
{
    tidegate_breaker breaker = open_breaker("slow", PAYMENTS);
    succeed(breaker, 4);
    calls(breaker, 15, TIDEGATE_OUTCOME_SUCCESS, 2.5);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
    calls(breaker, 1, TIDEGATE_OUTCOME_SUCCESS, 2.5);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    EQUAL(TIDEGATE_BREAKER_REASON_SLOW_CALL_RATE, reading(breaker).reason);
    EQUAL(16, reading(breaker).tripped_slow_calls);
}

static void old_calls_leave_the_window(void)
{
    tidegate_breaker breaker = open_breaker("window", PAYMENTS);
    advance(30 * SECOND);
    fail(breaker, 19);
    advance(27 * SECOND);
    EQUAL(19, reading(breaker).calls);
    advance(3 * SECOND);
    EQUAL(0, reading(breaker).calls);
    fail(breaker, 19);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
    succeed(breaker, 1);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
}

/** When old successes leave the window, what is left may be bad enough: the next call tells. */
static void a_window_that_moves_on_is_judged_by_the_next_call(void)
{
    tidegate_breaker breaker = open_breaker("moves", PAYMENTS);
    advance(30 * SECOND);
    succeed(breaker, 100);
    advance(3 * SECOND);
    fail(breaker, 30);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
    advance(27 * SECOND);
    EQUAL(30, reading(breaker).calls);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
    succeed(breaker, 1);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
}

static void a_window_of_calls_holds_the_last_ones(void)
{
    tidegate_breaker breaker = open_breaker(
        "calls", "{\"window\":{\"calls\":10},\"minimum_calls\":5,\"open_seconds\":1}");
    fail(breaker, 4);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
    advance(1000 * SECOND);
    EQUAL(4, reading(breaker).calls);
    succeed(breaker, 1);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    STATUS(TIDEGATE_OK, tidegate_breaker_set_mode(engine, breaker, TIDEGATE_BREAKER_CLOSED));
    succeed(breaker, 10);
    fail(breaker, 4);
    EQUAL(10, reading(breaker).calls);
    EQUAL(4, reading(breaker).failures);
    succeed(breaker, 6);
    EQUAL(4, reading(breaker).failures);
    succeed(breaker, 4);
    EQUAL(0, reading(breaker).failures);
    fail(breaker, 5);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    EQUAL(10, reading(breaker).tripped_calls);
}

static void failures_in_a_row_open_it(void)
{
    tidegate_breaker breaker = open_breaker("row", "{\"consecutive_failures\":3}");
    for (int round = 0; round < 20; round++) {
        fail(breaker, 2);
        calls(breaker, 1, TIDEGATE_OUTCOME_IGNORED, 0);
        succeed(breaker, 1);
    }
    fail(breaker, 2);
    calls(breaker, 5, TIDEGATE_OUTCOME_IGNORED, 0);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
    fail(breaker, 1);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    EQUAL(TIDEGATE_BREAKER_REASON_CONSECUTIVE_FAILURES, reading(breaker).reason);
}

#define QUICK                                                                                      \
    "{\"minimum_calls\":2,\"open_seconds\":10,\"half_open_calls\":3,\"half_open_successes\":2,"    \
    "\"permit_timeout_seconds\":60"

/** A breaker that is half-open, without a probe taken. */
static tidegate_breaker half_open(const char *name, const char *config)
{
    tidegate_breaker breaker = open_breaker(name, config);
    STATUS(TIDEGATE_OK, tidegate_breaker_set_mode(engine, breaker, TIDEGATE_BREAKER_HALF_OPEN));
    EQUAL(TIDEGATE_BREAKER_HALF_OPEN, phase(breaker));
    return breaker;
}

static void it_opens_again_as_soon_as_probes_cannot_succeed(void)
{
    tidegate_breaker breaker = half_open("cannot", QUICK "}");
    uint64_t one = acquire(breaker), other = acquire(breaker), third = acquire(breaker);
    report(breaker, one, TIDEGATE_OUTCOME_FAILURE, 0);
    EQUAL(TIDEGATE_BREAKER_HALF_OPEN, phase(breaker));
    report(breaker, other, TIDEGATE_OUTCOME_FAILURE, 0);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    EQUAL(TIDEGATE_BREAKER_REASON_PROBES, reading(breaker).reason);
    report(breaker, third, TIDEGATE_OUTCOME_SUCCESS, 0);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    STATUS(TIDEGATE_E_STATE,
           tidegate_breaker_report(engine, breaker, third, TIDEGATE_OUTCOME_SUCCESS, 0));
    advance(10 * SECOND);
    one = acquire(breaker);
    other = acquire(breaker);
    report(breaker, one, TIDEGATE_OUTCOME_SUCCESS, 0);
    report(breaker, other, TIDEGATE_OUTCOME_SUCCESS, 0);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
}

static void an_ignored_probe_is_given_out_again(void)
{
    tidegate_breaker breaker = half_open("ignored", QUICK "}");
    for (int round = 0; round < 20; round++) {
        uint64_t one = acquire(breaker);
        report(breaker, one, TIDEGATE_OUTCOME_IGNORED, 0);
        STATUS(TIDEGATE_E_STATE,
               tidegate_breaker_report(engine, breaker, one, TIDEGATE_OUTCOME_SUCCESS, 0));
    }
    succeed(breaker, 2);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
}

static void a_permit_that_does_not_come_back_has_failed(void)
{
    tidegate_breaker breaker = half_open("lost", QUICK "}");
    uint64_t one = acquire(breaker);
    advance(SECOND);
    uint64_t other = acquire(breaker);
    advance(59 * SECOND - 1);
    EQUAL(2, reading(breaker).permits_out);
    advance(1);
    EQUAL(1, reading(breaker).permits_out);
    EQUAL(TIDEGATE_BREAKER_HALF_OPEN, phase(breaker));
    report(breaker, one, TIDEGATE_OUTCOME_SUCCESS, 60);
    STATUS(TIDEGATE_E_STATE,
           tidegate_breaker_report(engine, breaker, one, TIDEGATE_OUTCOME_SUCCESS, 60));
    advance(SECOND - 1);
    EQUAL(TIDEGATE_BREAKER_HALF_OPEN, phase(breaker));
    advance(1);
    denied(breaker);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    report(breaker, other, TIDEGATE_OUTCOME_SUCCESS, 60);
    advance(10 * SECOND);
    succeed(breaker, 2);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
}

static void permits_of_before_a_change_do_not_count(void)
{
    tidegate_breaker breaker = open_breaker("late", QUICK "}");
    uint64_t late[4];
    for (int at = 0; at < 4; at++) {
        late[at] = acquire(breaker);
    }
    fail(breaker, 2);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    report(breaker, late[0], TIDEGATE_OUTCOME_SUCCESS, 0);
    advance(10 * SECOND);
    uint64_t one = acquire(breaker);
    report(breaker, late[1], TIDEGATE_OUTCOME_FAILURE, 0);
    EQUAL(TIDEGATE_BREAKER_HALF_OPEN, phase(breaker));
    report(breaker, one, TIDEGATE_OUTCOME_SUCCESS, 0);
    succeed(breaker, 1);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
    report(breaker, late[2], TIDEGATE_OUTCOME_FAILURE, 0);
    report(breaker, late[3], TIDEGATE_OUTCOME_FAILURE, 0);
    EQUAL(0, reading(breaker).calls);
    STATUS(TIDEGATE_E_STATE,
           tidegate_breaker_report(engine, breaker, late[2], TIDEGATE_OUTCOME_FAILURE, 0));
}

static void a_permit_is_given_back_once(void)
{
    tidegate_breaker breaker = open_breaker("once", QUICK "}");
    tidegate_breaker other = open_breaker("once_other", QUICK "}");
    uint64_t permit = acquire(breaker), next = acquire(breaker);
    static const double wrong[] = {-1, -0.001, INFINITY, NAN};
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_report(engine, breaker, permit,
                                                            TIDEGATE_OUTCOME_SUCCESS, wrong[at]));
    }
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_report(engine, breaker, permit, 3, 0));
    STATUS(TIDEGATE_E_STALE,
           tidegate_breaker_report(engine, other, permit, TIDEGATE_OUTCOME_SUCCESS, 0));
    report(breaker, permit, TIDEGATE_OUTCOME_SUCCESS, 0);
    STATUS(TIDEGATE_E_STATE,
           tidegate_breaker_report(engine, breaker, permit, TIDEGATE_OUTCOME_SUCCESS, 0));
    report(breaker, next, TIDEGATE_OUTCOME_SUCCESS, 0);
    STATUS(TIDEGATE_E_STATE,
           tidegate_breaker_report(engine, breaker, permit, TIDEGATE_OUTCOME_FAILURE, 0));
    EQUAL(2, reading(breaker).calls);
    const uint64_t made_up[] = {0,
                                1,
                                42,
                                UINT64_MAX,
                                next + 1,
                                next + 1000,
                                next ^ (UINT64_C(1) << 34),
                                next ^ (UINT64_C(1) << 60),
                                next | UINT64_C(0x7ff) << 23};
    for (size_t at = 0; at < sizeof made_up / sizeof *made_up; at++) {
        STATUS(TIDEGATE_E_STALE, tidegate_breaker_report(engine, breaker, made_up[at],
                                                         TIDEGATE_OUTCOME_SUCCESS, 0));
    }
}

static void modes_do_as_they_say(void)
{
    tidegate_breaker breaker = open_breaker("modes", QUICK "}");
    static const struct {
        tidegate_breaker_phase mode;
        bool admits, counts;
    } modes[] = {
        {TIDEGATE_BREAKER_OPEN, false, false},       {TIDEGATE_BREAKER_FORCED_OPEN, false, false},
        {TIDEGATE_BREAKER_DISABLED, true, false},    {TIDEGATE_BREAKER_FORCED_CLOSED, true, true},
        {TIDEGATE_BREAKER_METRICS_ONLY, true, true},
    };
    for (size_t at = 0; at < sizeof modes / sizeof *modes; at++) {
        STATUS(TIDEGATE_OK, tidegate_breaker_set_mode(engine, breaker, modes[at].mode));
        EQUAL(modes[at].mode, phase(breaker));
        EQUAL(TIDEGATE_BREAKER_REASON_FORCED, reading(breaker).reason);
        if (modes[at].admits) {
            fail(breaker, 100);
            succeed(breaker, 50);
            EQUAL(modes[at].mode, phase(breaker));
            EQUAL(modes[at].counts ? 150 : 0, reading(breaker).calls);
            EQUAL(modes[at].counts ? 100 : 0, reading(breaker).failures);
        } else {
            denied(breaker);
        }
    }
    STATUS(TIDEGATE_OK, tidegate_breaker_set_mode(engine, breaker, TIDEGATE_BREAKER_FORCED_OPEN));
    advance(100000 * SECOND);
    denied(breaker);
    STATUS(TIDEGATE_OK, tidegate_breaker_set_mode(engine, breaker, TIDEGATE_BREAKER_CLOSED));
    EQUAL(0, reading(breaker).calls);
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_set_mode(engine, breaker, 7));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_set_mode(engine, breaker, -1));
}

static void a_breaker_can_begin_elsewhere(void)
{
    static const struct {
        const char *name;
        tidegate_breaker_phase phase;
    } initial[] = {
        {"closed", TIDEGATE_BREAKER_CLOSED},
        {"open", TIDEGATE_BREAKER_OPEN},
        {"disabled", TIDEGATE_BREAKER_DISABLED},
        {"forced_open", TIDEGATE_BREAKER_FORCED_OPEN},
        {"forced_closed", TIDEGATE_BREAKER_FORCED_CLOSED},
        {"metrics_only", TIDEGATE_BREAKER_METRICS_ONLY},
    };
    for (size_t at = 0; at < sizeof initial / sizeof *initial; at++) {
        char name[40], config[80];
        snprintf(name, sizeof name, "initial_%s", initial[at].name);
        snprintf(config, sizeof config, "{\"initial\":\"%s\",\"open_seconds\":5}",
                 initial[at].name);
        tidegate_breaker breaker = open_breaker(name, config);
        EQUAL(initial[at].phase, phase(breaker));
        EQUAL(initial[at].phase == TIDEGATE_BREAKER_OPEN ? 5 * SECOND : 0,
              reading(breaker).retry_after_ns);
    }
}

/** Fails the probes of a half-open breaker and tells how long it is open then. */
static uint64_t fail_again(tidegate_breaker breaker)
{
    uint64_t wait = reading(breaker).retry_after_ns;
    advance(wait - 1);
    denied(breaker);
    advance(1);
    fail(breaker, 1);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    return reading(breaker).retry_after_ns;
}

static void the_open_time_grows_and_shrinks(void)
{
    tidegate_breaker breaker = open_breaker(
        "grows", "{\"minimum_calls\":1,\"open_seconds\":1,\"half_open_calls\":1,"
                 "\"open_growth\":2,\"open_max_seconds\":5}");
    fail(breaker, 1);
    EQUAL(SECOND, reading(breaker).retry_after_ns);
    EQUAL(2 * SECOND, fail_again(breaker));
    EQUAL(4 * SECOND, fail_again(breaker));
    EQUAL(5 * SECOND, fail_again(breaker));
    EQUAL(5 * SECOND, fail_again(breaker));
    advance(5 * SECOND);
    succeed(breaker, 1);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
    fail(breaker, 1);
    EQUAL(5 * SECOND, reading(breaker).retry_after_ns);
    advance(5 * SECOND);
    succeed(breaker, 1);
    advance(1000 * SECOND);
    fail(breaker, 1);
    EQUAL(SECOND, reading(breaker).retry_after_ns);
    tidegate_breaker plain =
        open_breaker("plain", "{\"minimum_calls\":1,\"open_seconds\":1,\"half_open_calls\":1}");
    fail(plain, 1);
    EQUAL(SECOND, fail_again(plain));
    EQUAL(SECOND, fail_again(plain));
}

static void jitter_adds_and_never_takes_away(void)
{
    tidegate_breaker breaker = open_breaker(
        "jitter", "{\"minimum_calls\":1,\"open_seconds\":1,\"half_open_calls\":1,"
                  "\"open_jitter\":0.1}");
    uint64_t least = UINT64_MAX, most = 0;
    for (int round = 0; round < 200; round++) {
        STATUS(TIDEGATE_OK, tidegate_breaker_set_mode(engine, breaker, TIDEGATE_BREAKER_OPEN));
        uint64_t wait = reading(breaker).retry_after_ns;
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    CHECK(least >= SECOND && least < SECOND + SECOND / 50);
    CHECK(most <= SECOND + SECOND / 10 && most > SECOND + SECOND / 12);
}

static int admitted_of(tidegate_breaker breaker, int tries)
{
    int admitted = 0;
    for (int at = 0; at < tries; at++) {
        uint64_t permit;
        if (tidegate_breaker_acquire(engine, breaker, &permit) == TIDEGATE_OK) {
            report(breaker, permit, TIDEGATE_OUTCOME_SUCCESS, 0);
            admitted++;
        }
    }
    return admitted;
}

static void calls_come_back_over_the_ramp(void)
{
    tidegate_breaker breaker = open_breaker(
        "ramp", "{\"minimum_calls\":1,\"open_seconds\":1,\"half_open_calls\":1,"
                "\"ramp_seconds\":100}");
    EQUAL(1000, admitted_of(breaker, 1000));
    STATUS(TIDEGATE_OK, tidegate_breaker_set_mode(engine, breaker, TIDEGATE_BREAKER_HALF_OPEN));
    succeed(breaker, 1);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
    int at_first = admitted_of(breaker, 2000);
    CHECK(at_first > 100 && at_first < 320);
    advance(50 * SECOND);
    int halfway = admitted_of(breaker, 2000);
    CHECK(halfway > 900 && halfway < 1300);
    advance(50 * SECOND);
    EQUAL(2000, admitted_of(breaker, 2000));
}

static void a_shadow_denies_nothing(void)
{
    tidegate_breaker breaker = open_breaker("shadow", QUICK ",\"shadow\":true}");
    fail(breaker, 2);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    fail(breaker, 10);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    advance(10 * SECOND);
    succeed(breaker, 1);
    EQUAL(TIDEGATE_BREAKER_HALF_OPEN, phase(breaker));
    succeed(breaker, 1);
    EQUAL(TIDEGATE_BREAKER_CLOSED, phase(breaker));
}

static void configurations_that_are_wrong_are_refused(void)
{
    static const struct {
        const char *config, *field;
    } wrong[] = {
        {"", "JSON"},
        {"[]", "breakers.no"},
        {"{\"colour\":1}", "breakers.no.colour"},
        {"{\"failure_rate\":0}", "breakers.no.failure_rate"},
        {"{\"failure_rate\":1.1}", "breakers.no.failure_rate"},
        {"{\"failure_rate\":\"0.5\"}", "breakers.no.failure_rate"},
        {"{\"slow_call_rate\":0.5}", "breakers.no.slow_call_seconds"},
        {"{\"slow_call_seconds\":-1}", "breakers.no.slow_call_seconds"},
        {"{\"consecutive_failures\":0}", "breakers.no.consecutive_failures"},
        {"{\"minimum_calls\":0}", "breakers.no.minimum_calls"},
        {"{\"minimum_calls\":2.5}", "breakers.no.minimum_calls"},
        {"{\"minimum_calls\":11,\"window\":{\"calls\":10}}", "breakers.no.minimum_calls"},
        {"{\"window\":30}", "breakers.no.window"},
        {"{\"window\":{}}", "breakers.no.window"},
        {"{\"window\":{\"seconds\":1,\"calls\":1}}", "breakers.no.window"},
        {"{\"window\":{\"seconds\":0}}", "breakers.no.window.seconds"},
        {"{\"window\":{\"calls\":0}}", "breakers.no.window.calls"},
        {"{\"window\":{\"minutes\":1}}", "breakers.no.window.minutes"},
        {"{\"open_seconds\":0}", "breakers.no.open_seconds"},
        {"{\"open_growth\":0.5}", "breakers.no.open_growth"},
        {"{\"open_max_seconds\":1,\"open_seconds\":2}", "breakers.no.open_max_seconds"},
        {"{\"open_jitter\":2}", "breakers.no.open_jitter"},
        {"{\"half_open_calls\":0}", "breakers.no.half_open_calls"},
        {"{\"half_open_successes\":4}", "breakers.no.half_open_successes"},
        {"{\"permit_timeout_seconds\":0}", "breakers.no.permit_timeout_seconds"},
        {"{\"ramp_seconds\":-1}", "breakers.no.ramp_seconds"},
        {"{\"initial\":\"half_open\"}", "breakers.no.initial"},
        {"{\"initial\":\"ajar\"}", "breakers.no.initial"},
        {"{\"shadow\":1}", "breakers.no.shadow"},
    };
    tidegate_breaker breaker = {7};
    char sentence[400], document[300];
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        STATUS(TIDEGATE_E_CONFIG,
               tidegate_breaker_open(engine, "no", wrong[at].config, &breaker));
        tidegate_last_error(sentence, sizeof sentence);
        if (strstr(sentence, wrong[at].field) == NULL) {
            CHECK(!"the error names the field");
            fprintf(stderr, "    %s: %s\n", wrong[at].config, sentence);
        }
        if (at > 0) {
            tidegate_engine *none = NULL;
            snprintf(document, sizeof document, "{\"breakers\":{\"no\":%s}}", wrong[at].config);
            STATUS(TIDEGATE_E_CONFIG, tidegate_engine_open(document, &none));
        }
    }
    EQUAL(7, breaker.id);
    STATUS(TIDEGATE_E_NOT_FOUND, tidegate_breaker_open(engine, "no", NULL, &breaker));
}

static void every_error_has_its_code(void)
{
    tidegate_breaker breaker = open_breaker("codes", "{}"), other = {7};
    uint64_t permit = 77;
    tidegate_breaker_phase found = 77;
    tidegate_breaker_reading read;
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_open(NULL, "x", "{}", &other));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_open(engine, NULL, "{}", &other));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_open(engine, "x", "{}", NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_open(engine, "", "{}", &other));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_open(engine, "9x", "{}", &other));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_open(engine, "x", "\xff", &other));
    STATUS(TIDEGATE_E_CONFLICT,
           tidegate_breaker_open(engine, "codes", "{\"open_seconds\":31}", &other));
    STATUS(TIDEGATE_OK, tidegate_breaker_open(engine, "codes", "{\"open_seconds\":30}", &other));
    EQUAL(breaker.id, other.id);
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_acquire(NULL, breaker, &permit));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_acquire(engine, breaker, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_report(NULL, breaker, 1, 0, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_state(NULL, breaker, &found));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_state(engine, breaker, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_set_mode(NULL, breaker, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_read(NULL, breaker, &read));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_read(engine, breaker, NULL));
    tidegate_engine *elsewhere = check_open(NULL);
    tidegate_limiter limiter = check_limiter(engine, "limiter", "{\"preset\":\"api\"}");
    const tidegate_breaker stale[] = {
        {0}, {1}, {UINT64_MAX}, {breaker.id + 1}, {breaker.id ^ UINT64_C(1) << 45}, {limiter.id}};
    for (size_t at = 0; at < sizeof stale / sizeof *stale; at++) {
        STATUS(TIDEGATE_E_STALE, tidegate_breaker_acquire(engine, stale[at], &permit));
        STATUS(TIDEGATE_E_STALE, tidegate_breaker_report(engine, stale[at], 1, 0, 0));
        STATUS(TIDEGATE_E_STALE, tidegate_breaker_state(engine, stale[at], &found));
        STATUS(TIDEGATE_E_STALE, tidegate_breaker_set_mode(engine, stale[at], 0));
        STATUS(TIDEGATE_E_STALE, tidegate_breaker_read(engine, stale[at], &read));
    }
    STATUS(TIDEGATE_E_STALE, tidegate_breaker_acquire(elsewhere, breaker, &permit));
    tidegate_engine_close(elsewhere);
    EQUAL(77, permit);
    EQUAL(77, found);
}

static void an_observer_sees_and_changes_nothing(void)
{
    tidegate_engine *writer = check_open_path("breaker.tidegate", ",\"clock\":\"manual\"");
    tidegate_engine *outer = engine;
    engine = writer;
    tidegate_breaker breaker = half_open("seen", QUICK "}");
    uint64_t one = acquire(breaker), other = acquire(breaker);
    (void)one, (void)other;
    tidegate_engine *observer = NULL;
    NEED(STATUS(TIDEGATE_OK, tidegate_engine_attach("breaker.tidegate", &observer)));
    engine = observer;
    EQUAL(TIDEGATE_BREAKER_HALF_OPEN, phase(breaker));
    EQUAL(2, reading(breaker).permits_out);
    engine = writer;
    advance(61 * SECOND);
    engine = observer;
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    uint64_t permit = 0;
    STATUS(TIDEGATE_E_STATE, tidegate_breaker_acquire(observer, breaker, &permit));
    STATUS(TIDEGATE_E_STATE, tidegate_breaker_report(observer, breaker, one, 0, 0));
    STATUS(TIDEGATE_E_STATE, tidegate_breaker_set_mode(observer, breaker, 0));
    STATUS(TIDEGATE_E_STATE, tidegate_breaker_open(observer, "more", "{}", &breaker));
    STATUS(TIDEGATE_OK, tidegate_breaker_open(observer, "seen", NULL, &breaker));
    tidegate_engine_close(observer);
    engine = writer;
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    tidegate_engine_close(writer);
    unlink("breaker.tidegate");
    engine = outer;
}

static void breakers_end(void)
{
    tidegate_engine *full = check_open(NULL);
    tidegate_breaker breaker;
    tidegate_status status = TIDEGATE_OK;
    int made = 0;
    while (status == TIDEGATE_OK && made < 2000) {
        char name[40];
        snprintf(name, sizeof name, "breaker_%d", made);
        status = tidegate_breaker_open(full, name, "{}", &breaker);
        made += status == TIDEGATE_OK;
    }
    STATUS(TIDEGATE_E_CAPACITY, status);
    CHECK(made >= 256);
    tidegate_engine_close(full);
}

static void a_document_opens_breakers(void)
{
    tidegate_engine *outer = engine;
    engine = check_open("{\"clock\":\"manual\",\"breakers\":{\"payments\":" PAYMENTS "}}");
    tidegate_breaker breaker = open_breaker("payments", NULL);
    fail(breaker, 20);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    EQUAL(breaker.id, open_breaker("payments", PAYMENTS).id);
    EQUAL(TIDEGATE_BREAKER_OPEN, phase(breaker));
    tidegate_engine_close(engine);
    engine = outer;
}

int main(void)
{
    engine = check_open("{\"clock\":\"manual\"}");
    RUN(it_opens_when_failures_reach_their_rate);
    RUN(the_minimum_is_reached_by_any_call);
    RUN(slow_calls_open_it_too);
    RUN(old_calls_leave_the_window);
    RUN(a_window_that_moves_on_is_judged_by_the_next_call);
    RUN(a_window_of_calls_holds_the_last_ones);
    RUN(failures_in_a_row_open_it);
    RUN(it_opens_again_as_soon_as_probes_cannot_succeed);
    RUN(an_ignored_probe_is_given_out_again);
    RUN(a_permit_that_does_not_come_back_has_failed);
    RUN(permits_of_before_a_change_do_not_count);
    RUN(a_permit_is_given_back_once);
    RUN(modes_do_as_they_say);
    RUN(a_breaker_can_begin_elsewhere);
    RUN(the_open_time_grows_and_shrinks);
    RUN(jitter_adds_and_never_takes_away);
    RUN(calls_come_back_over_the_ramp);
    RUN(a_shadow_denies_nothing);
    RUN(configurations_that_are_wrong_are_refused);
    RUN(every_error_has_its_code);
    RUN(an_observer_sees_and_changes_nothing);
    RUN(breakers_end);
    RUN(a_document_opens_breakers);
    tidegate_engine_close(engine);
    return check_result();
}
