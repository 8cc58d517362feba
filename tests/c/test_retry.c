/*
 * test_retry.c: waits, when to give up, and a budget that all workers share.
 */
#include "check.h"

static tidegate_engine *engine;

static tidegate_retry open_retry(const char *name, const char *config)
{
    tidegate_retry retry = {0};
    STATUS(TIDEGATE_OK, tidegate_retry_open(engine, name, config, &retry));
    return retry;
}

static uint64_t next(tidegate_retry retry, uint32_t attempt)
{
    uint64_t delay_ns = 77;
    STATUS(TIDEGATE_OK, tidegate_retry_next(engine, retry, attempt, &delay_ns));
    return delay_ns;
}

static void give_up(tidegate_retry retry, uint32_t attempt)
{
    uint64_t delay_ns = 77;
    STATUS(TIDEGATE_DENIED, tidegate_retry_next(engine, retry, attempt, &delay_ns));
    EQUAL(77, delay_ns);
}

static void waits_double_and_end(void)
{
    tidegate_retry plain = open_retry("plain", "{\"max_attempts\":7,\"jitter\":\"none\",\"max_seconds\":1}");
    uint64_t wanted[] = {0, 100, 200, 400, 800, 1000, 1000};
    for (uint32_t attempt = 1; attempt <= 7; attempt++) {
        EQUAL(wanted[attempt - 1] * MILLISECOND, next(plain, attempt));
    }
    give_up(plain, 8);
    give_up(plain, UINT32_MAX);
    tidegate_retry defaults = open_retry("defaults", "{}");
    EQUAL(0, next(defaults, 1));
    CHECK(next(defaults, 2) <= 100 * MILLISECOND);
    CHECK(next(defaults, 3) <= 200 * MILLISECOND);
    give_up(defaults, 4);
}

static void jitter_stays_in_its_half(void)
{
    tidegate_retry equal = open_retry("equal", "{\"jitter\":\"equal\",\"backoff\":\"constant\"}");
    tidegate_retry decorrelated = open_retry("decorrelated", "{\"backoff\":\"decorrelated\"}");
    for (int i = 0; i < 1000; i++) {
        uint64_t delay_ns = next(equal, 3);
        CHECK(delay_ns >= 50 * MILLISECOND && delay_ns <= 100 * MILLISECOND);
        delay_ns = next(decorrelated, 3);
        CHECK(delay_ns >= 100 * MILLISECOND && delay_ns <= 900 * MILLISECOND);
    }
}

static void a_seed_makes_waits_repeat(void)
{
    tidegate_retry one = open_retry("seed.one", "{\"seed\":42}");
    tidegate_retry same = open_retry("seed.same", "{\"seed\":42}");
    tidegate_retry other = open_retry("seed.other", "{\"seed\":43}");
    int differ = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t delay_ns = next(one, 2);
        EQUAL(delay_ns, next(same, 2));
        differ += delay_ns != next(other, 2);
    }
    CHECK(differ > 90);
}

static void deadlines_and_servers_are_heeded(void)
{
    tidegate_retry retry = open_retry(
        "deadline", "{\"max_attempts\":9,\"jitter\":\"none\",\"deadline_seconds\":1}");
    uint64_t delay_ns = 77;
    STATUS(TIDEGATE_OK,
           tidegate_retry_next_after(engine, retry, 2, 900 * MILLISECOND, 0, &delay_ns));
    EQUAL(100 * MILLISECOND, delay_ns);
    STATUS(TIDEGATE_DENIED,
           tidegate_retry_next_after(engine, retry, 2, 900 * MILLISECOND + 1, 0, &delay_ns));
    STATUS(TIDEGATE_DENIED,
           tidegate_retry_next_after(engine, retry, 2, UINT64_MAX, 0, &delay_ns));
    STATUS(TIDEGATE_OK,
           tidegate_retry_next_after(engine, retry, 2, 0, 300 * MILLISECOND, &delay_ns));
    EQUAL(300 * MILLISECOND, delay_ns);
    STATUS(TIDEGATE_OK, tidegate_retry_next_after(engine, retry, 4, 0, MILLISECOND, &delay_ns));
    EQUAL(400 * MILLISECOND, delay_ns);
    STATUS(TIDEGATE_DENIED, tidegate_retry_next_after(engine, retry, 2, 0, 2 * SECOND, &delay_ns));
    EQUAL(400 * MILLISECOND, delay_ns);
    tidegate_retry patient = open_retry("patient", "{\"jitter\":\"none\"}");
    STATUS(TIDEGATE_OK,
           tidegate_retry_next_after(engine, patient, 2, UINT64_MAX, 99 * SECOND, &delay_ns));
    EQUAL(99 * SECOND, delay_ns);
}

static void a_budget_bounds_retries(void)
{
    tidegate_retry budget = open_retry("budget", "{\"budget_ratio\":0.2}");
    for (int i = 0; i < 3; i++) {
        next(budget, 2);
    }
    give_up(budget, 2);
    for (int i = 0; i < 50; i++) {
        next(budget, 1);
    }
    for (int i = 0; i < 7; i++) {
        next(budget, 2 + (uint32_t)i % 2);
    }
    give_up(budget, 2);
    give_up(budget, 3);
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 9 * SECOND));
    give_up(budget, 2);
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 1 * SECOND));
    for (int i = 0; i < 3; i++) {
        next(budget, 2);
    }
    give_up(budget, 2);
    tidegate_retry shadow = open_retry("shadow", "{\"budget_ratio\":0,\"budget_minimum\":0,\"shadow\":true}");
    next(shadow, 2);
    next(shadow, 99);
}

static void opening(void)
{
    tidegate_retry retry = {0};
    STATUS(TIDEGATE_OK, tidegate_retry_open(engine, "some", "{\"max_attempts\":5}", &retry));
    uint64_t id = retry.id;
    STATUS(TIDEGATE_OK, tidegate_retry_open(engine, "some", "{\"max_attempts\":5.0}", &retry));
    EQUAL(id, retry.id);
    STATUS(TIDEGATE_OK, tidegate_retry_open(engine, "some", NULL, &retry));
    EQUAL(id, retry.id);
    STATUS(TIDEGATE_E_CONFLICT, tidegate_retry_open(engine, "some", "{}", &retry));
    STATUS(TIDEGATE_E_NOT_FOUND, tidegate_retry_open(engine, "none", NULL, &retry));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_retry_open(engine, "", "{}", &retry));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_retry_open(engine, "some", "{}", NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_retry_open(NULL, "some", "{}", &retry));
    const char *wrong[] = {
        "null",
        "{\"max_attempts\":0}",
        "{\"backoff\":\"linear\"}",
        "{\"jitter\":true}",
        "{\"base_seconds\":-1}",
        "{\"multiplier\":0.5}",
        "{\"max_seconds\":1e9}",
        "{\"deadline_seconds\":0}",
        "{\"budget_ratio\":-0.1}",
        "{\"budget_minimum\":3}",
        "{\"seed\":-1}",
        "{\"attempts\":3}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        STATUS(TIDEGATE_E_CONFIG, tidegate_retry_open(engine, "wrong", wrong[i], &retry));
    }
}

static void misuse(void)
{
    tidegate_retry retry = open_retry("misused", "{}");
    uint64_t delay_ns = 0;
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_retry_next(engine, retry, 0, &delay_ns));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_retry_next(engine, retry, 1, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_retry_next(NULL, retry, 1, &delay_ns));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_retry_next_after(engine, retry, 0, 0, 0, &delay_ns));
    tidegate_retry none = {0};
    STATUS(TIDEGATE_E_STALE, tidegate_retry_next(engine, none, 1, &delay_ns));
    tidegate_retry strange = {retry.id ^ 1u << 30};
    STATUS(TIDEGATE_E_STALE, tidegate_retry_next_after(engine, strange, 1, 0, 0, &delay_ns));
}

int main(void)
{
    STATUS(TIDEGATE_OK,
           tidegate_engine_open("{\"clock\":\"manual\",\"retries\":{\"payments\":{\"max_attempts\":4,"
                                "\"budget_ratio\":0.2}}}",
                                &engine));
    EQUAL(0, next(open_retry("payments", NULL), 1));
    RUN(waits_double_and_end);
    RUN(jitter_stays_in_its_half);
    RUN(a_seed_makes_waits_repeat);
    RUN(deadlines_and_servers_are_heeded);
    RUN(a_budget_bounds_retries);
    RUN(opening);
    RUN(misuse);
    tidegate_engine_close(engine);
    return check_result();
}
