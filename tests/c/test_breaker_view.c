/*
 * test_breaker_view.c: calls pass a closed breaker by comparing words, as the header's comment on
 * tidegate_breaker_view says and with nothing else known.
 */
#include "check.h"

static tidegate_engine *engine;
static tidegate_shard shard;
static uint32_t numbers;

static tidegate_breaker open_breaker(const char *name, const char *config)
{
    tidegate_breaker breaker = {0};
    NEED(STATUS(TIDEGATE_OK, tidegate_breaker_open(engine, name, config, &breaker)));
    return breaker;
}

static tidegate_breaker_view view_of(tidegate_breaker breaker)
{
    tidegate_breaker_view view;
    memset(&view, 0xee, sizeof view);
    NEED(STATUS(TIDEGATE_OK, tidegate_shard_breaker(engine, shard, breaker, &view)));
    return view;
}

static uint64_t read_word(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/** Whether a call passes; its state in `passed`. */
static bool passes(const tidegate_breaker_view *view, uint64_t *passed)
{
    *passed = read_word(view->state);
    return *passed == read_word(view->pass) && (uint32_t)read_word(view->failing) == 0;
}

static void count(uint64_t *word)
{
    double number;
    if (numbers == TIDEGATE_SHARD_INTEGERS) {
        *word += 1;
        return;
    }
    memcpy(&number, word, sizeof number);
    number += 1.0;
    memcpy(word, &number, sizeof number);
}

/** What came back; false where the header says to report it. */
static bool came_back(const tidegate_breaker_view *view, uint64_t passed, uint64_t took_ns)
{
    uint64_t now;
    if ((view->slow_ns != 0 && took_ns > view->slow_ns) || !passes(view, &now) || now != passed) {
        return false;
    }
    count(&view->successes[(passed >> 16) & (TIDEGATE_BREAKER_VIEW_WORDS - 1)]);
    return true;
}

static void through_library(tidegate_breaker breaker, int times, tidegate_outcome outcome)
{
    while (times-- > 0) {
        uint64_t permit = 0;
        STATUS(TIDEGATE_OK, tidegate_breaker_acquire(engine, breaker, &permit));
        STATUS(TIDEGATE_OK, tidegate_breaker_report(engine, breaker, permit, outcome, 0.0));
    }
}

/** `times` successes by the view; false when one of them did not pass. */
static bool by_view(const tidegate_breaker_view *view, int times)
{
    while (times-- > 0) {
        uint64_t passed;
        if (!passes(view, &passed) || !came_back(view, passed, 1000)) {
            return false;
        }
    }
    return true;
}

static tidegate_breaker_reading reading(tidegate_breaker breaker)
{
    tidegate_breaker_reading found;
    NEED(STATUS(TIDEGATE_OK, tidegate_breaker_read(engine, breaker, &found)));
    return found;
}

static void tick_after(uint64_t by_ns)
{
    STATUS(TIDEGATE_OK, tidegate_tick(engine));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, by_ns));
    STATUS(TIDEGATE_OK, tidegate_tick(engine));
}

static void calls_pass_once_there_are_enough_of_them(void)
{
    tidegate_breaker breaker = open_breaker("enough", "{\"minimum_calls\":5}");
    tidegate_breaker_view view = view_of(breaker);
    uint64_t passed;
    EQUAL(0, view.slow_ns);
    through_library(breaker, 4, TIDEGATE_OUTCOME_SUCCESS);
    CHECK(!passes(&view, &passed));
    through_library(breaker, 1, TIDEGATE_OUTCOME_SUCCESS);
    CHECK(by_view(&view, 95));
    tidegate_breaker_reading found = reading(breaker);
    EQUAL(100, found.calls);
    EQUAL(0, found.failures);
    /* Opened again, it is the same view, and its numbers are there. */
    tidegate_breaker_view again = view_of(breaker);
    CHECK(memcmp(&view, &again, sizeof view) == 0);
    EQUAL(100, reading(breaker).calls);
}

static void failures_are_judged_by_what_was_counted(void)
{
    tidegate_breaker breaker =
        open_breaker("judged", "{\"minimum_calls\":5,\"failure_rate\":0.5,\"open_seconds\":1}");
    tidegate_breaker_view view = view_of(breaker);
    uint64_t passed, other;
    through_library(breaker, 5, TIDEGATE_OUTCOME_SUCCESS);
    CHECK(by_view(&view, 45));
    for (int failures = 0; failures < 49; failures++) {
        NEED(passes(&view, &passed));
        STATUS(TIDEGATE_OK, tidegate_breaker_report_passed(engine, breaker, passed,
                                                           TIDEGATE_OUTCOME_FAILURE, 0.001));
    }
    NEED(passes(&view, &passed)); /* 49 of 99 */
    NEED(passes(&view, &other));
    STATUS(TIDEGATE_OK, tidegate_breaker_report_passed(engine, breaker, passed,
                                                       TIDEGATE_OUTCOME_FAILURE, 0.001));
    tidegate_breaker_reading found = reading(breaker);
    EQUAL(TIDEGATE_BREAKER_OPEN, found.phase);
    EQUAL(100, found.tripped_calls);
    EQUAL(50, found.tripped_failures);
    /* What comes back now is late. */
    CHECK(!passes(&view, &passed) && !came_back(&view, other, 1000));
    STATUS(TIDEGATE_OK, tidegate_breaker_report_passed(engine, breaker, other,
                                                       TIDEGATE_OUTCOME_SUCCESS, 0.001));
    EQUAL(0, reading(breaker).calls);

    /* Closed again, the window begins empty, and calls do not pass before it has its minimum. */
    tick_after(2 * SECOND);
    through_library(breaker, 3, TIDEGATE_OUTCOME_SUCCESS);
    EQUAL(TIDEGATE_BREAKER_CLOSED, reading(breaker).phase);
    EQUAL(0, reading(breaker).calls);
    CHECK(!passes(&view, &passed));
    through_library(breaker, 5, TIDEGATE_OUTCOME_SUCCESS);
    CHECK(by_view(&view, 1));
    EQUAL(6, reading(breaker).calls);
}

static void slow_calls_and_runs_of_failures_are_reported(void)
{
    tidegate_breaker breaker = open_breaker(
        "slow", "{\"minimum_calls\":2,\"slow_call_seconds\":0.5,\"slow_call_rate\":0.9,"
                "\"failure_rate\":0.9,\"consecutive_failures\":3}");
    tidegate_breaker_view view = view_of(breaker);
    uint64_t passed;
    EQUAL(SECOND / 2, view.slow_ns);
    through_library(breaker, 2, TIDEGATE_OUTCOME_SUCCESS);
    NEED(passes(&view, &passed));
    CHECK(came_back(&view, passed, SECOND / 2));
    CHECK(!came_back(&view, passed, SECOND / 2 + 1));
    STATUS(TIDEGATE_OK, tidegate_breaker_report_passed(engine, breaker, passed,
                                                       TIDEGATE_OUTCOME_SUCCESS, 0.6));
    EQUAL(1, reading(breaker).slow_calls);
    /* Two in a row; a success that began before ends the run, by a report. */
    NEED(passes(&view, &passed));
    for (int failure = 0; failure < 2; failure++) {
        STATUS(TIDEGATE_OK, tidegate_breaker_report_passed(engine, breaker, passed,
                                                           TIDEGATE_OUTCOME_FAILURE, 0.1));
    }
    CHECK(!came_back(&view, passed, 1000));
    STATUS(TIDEGATE_OK, tidegate_breaker_report_passed(engine, breaker, passed,
                                                       TIDEGATE_OUTCOME_SUCCESS, 0.1));
    CHECK(by_view(&view, 1));
    NEED(passes(&view, &passed));
    for (int failure = 0; failure < 3; failure++) {
        EQUAL(TIDEGATE_BREAKER_CLOSED, reading(breaker).phase);
        STATUS(TIDEGATE_OK, tidegate_breaker_report_passed(engine, breaker, passed,
                                                           TIDEGATE_OUTCOME_FAILURE, 0.1));
    }
    EQUAL(TIDEGATE_BREAKER_REASON_CONSECUTIVE_FAILURES, reading(breaker).reason);
}

static void counted_calls_leave_the_window(void)
{
    tidegate_breaker breaker =
        open_breaker("leaves", "{\"minimum_calls\":2,\"window\":{\"seconds\":10}}");
    tidegate_breaker_view view = view_of(breaker);
    EQUAL(SECOND, view.slot_ns);
    through_library(breaker, 2, TIDEGATE_OUTCOME_SUCCESS);
    for (int slot = 0; slot < 20; slot++) {
        CHECK(by_view(&view, 10));
        EQUAL(slot < 10 ? 10 * slot + 12 : 100, reading(breaker).calls);
        tick_after(SECOND);
    }
    /* Nobody calls any more. */
    for (int slot = 8; slot >= 0; slot--) {
        tick_after(SECOND);
        EQUAL(10 * slot, reading(breaker).calls);
    }
    uint64_t passed;
    CHECK(!passes(&view, &passed));
}

static void what_nobody_looked_at_counts_as_of_now(void)
{
    tidegate_breaker breaker =
        open_breaker("unseen", "{\"minimum_calls\":2,\"window\":{\"seconds\":10}}");
    tidegate_breaker_view view = view_of(breaker);
    through_library(breaker, 2, TIDEGATE_OUTCOME_SUCCESS);
    CHECK(by_view(&view, 10));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 60 * SECOND));
    CHECK(by_view(&view, 30));
    /* The library's two are gone; of the others nobody knows when they were. */
    EQUAL(40, reading(breaker).calls);
    through_library(breaker, 1, TIDEGATE_OUTCOME_FAILURE);
    EQUAL(41, reading(breaker).calls);
    tick_after(9 * SECOND);
    EQUAL(41, reading(breaker).calls);
    tick_after(SECOND);
    EQUAL(0, reading(breaker).calls);
}

static void some_breakers_are_always_asked(void)
{
    static const char *const configs[] = {
        "{\"minimum_calls\":1,\"window\":{\"calls\":10}}",
        "{\"minimum_calls\":1,\"slow_call_seconds\":0}",
        "{\"minimum_calls\":1,\"initial\":\"forced_closed\"}",
        "{\"minimum_calls\":1,\"initial\":\"metrics_only\"}",
        "{\"minimum_calls\":1,\"initial\":\"disabled\"}",
    };
    for (size_t at = 0; at < sizeof configs / sizeof configs[0]; at++) {
        char name[16];
        uint64_t passed;
        snprintf(name, sizeof name, "asked%zu", at);
        tidegate_breaker breaker = open_breaker(name, configs[at]);
        tidegate_breaker_view view = view_of(breaker);
        through_library(breaker, 20, TIDEGATE_OUTCOME_SUCCESS);
        STATUS(TIDEGATE_OK, tidegate_tick(engine));
        CHECK(!passes(&view, &passed));
    }
}

static void misuse_is_refused(void)
{
    tidegate_breaker breaker = open_breaker("misuse", "{\"minimum_calls\":1}");
    tidegate_breaker_view view = view_of(breaker), untouched = view;
    uint64_t passed;
    through_library(breaker, 1, TIDEGATE_OUTCOME_SUCCESS);
    NEED(passes(&view, &passed));
    const tidegate_outcome success = TIDEGATE_OUTCOME_SUCCESS;
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_shard_breaker(NULL, shard, breaker, &view));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_shard_breaker(engine, shard, breaker, NULL));
    STATUS(TIDEGATE_E_STALE,
           tidegate_shard_breaker(engine, shard, (tidegate_breaker){shard.id}, &view));
    STATUS(TIDEGATE_E_STALE,
           tidegate_shard_breaker(engine, (tidegate_shard){breaker.id}, breaker, &view));
    CHECK(memcmp(&view, &untouched, sizeof view) == 0);
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_report_passed(NULL, breaker, passed, success, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_breaker_report_passed(engine, breaker, passed, 3, 0));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_breaker_report_passed(engine, breaker, passed, success, NAN));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_breaker_report_passed(engine, breaker, passed, success, -1));
    STATUS(TIDEGATE_E_STALE,
           tidegate_breaker_report_passed(engine, (tidegate_breaker){0}, passed, success, 0));
    /* No state, one that was not closed, one of the future. */
    STATUS(TIDEGATE_E_STALE, tidegate_breaker_report_passed(engine, breaker, 0, success, 0));
    STATUS(TIDEGATE_E_STALE,
           tidegate_breaker_report_passed(engine, breaker, passed | 1, success, 0));
    STATUS(TIDEGATE_E_STALE,
           tidegate_breaker_report_passed(engine, breaker, passed + (1 << 16), success, 0));
    EQUAL(1, reading(breaker).calls);
}

/** A process that is killed leaves its calls, and its shard to the next one, who goes on. */
static void the_dead_leave_their_counts(void)
{
    tidegate_breaker breaker = open_breaker("dead", "{\"minimum_calls\":5}");
    through_library(breaker, 5, TIDEGATE_OUTCOME_SUCCESS);
    for (int round = 0; round < 3; round++) {
        pid_t child = fork();
        if (child == 0) {
            tidegate_shard its;
            tidegate_breaker_view view;
            if (tidegate_shard_open(engine, numbers, &its) != TIDEGATE_OK ||
                tidegate_shard_breaker(engine, its, breaker, &view) != TIDEGATE_OK ||
                !by_view(&view, 100)) {
                _exit(1);
            }
            kill(getpid(), SIGKILL);
        }
        int how = 0;
        waitpid(child, &how, 0);
        CHECK(WIFSIGNALED(how));
        EQUAL(105 + 100 * round, reading(breaker).calls);
    }
}

int main(void)
{
    for (numbers = TIDEGATE_SHARD_INTEGERS; numbers <= TIDEGATE_SHARD_DOUBLES; numbers++) {
        NEED(STATUS(TIDEGATE_OK, tidegate_engine_open("{\"clock\":\"manual\"}", &engine)));
        NEED(STATUS(TIDEGATE_OK, tidegate_shard_open(engine, numbers, &shard)));
        RUN(calls_pass_once_there_are_enough_of_them);
        RUN(failures_are_judged_by_what_was_counted);
        RUN(slow_calls_and_runs_of_failures_are_reported);
        RUN(counted_calls_leave_the_window);
        RUN(what_nobody_looked_at_counts_as_of_now);
        RUN(some_breakers_are_always_asked);
        RUN(misuse_is_refused);
        RUN(the_dead_leave_their_counts);
        STATUS(TIDEGATE_OK, tidegate_shard_close(engine, shard));
        tidegate_engine_close(engine);
    }
    return check_result();
}
