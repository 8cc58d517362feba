/*
 * test_limiter.c: token bucket and sliding window without keys, to the nanosecond of the manual
 * clock. Against models: test_limiter_model.c; with keys: test_keys.c.
 */
#include "check.h"

static tidegate_engine *engine;

static tidegate_decision decision;

/** Asks for `cost`; the answer's numbers are in `decision`. */
static tidegate_status ask(tidegate_limiter limiter, uint32_t cost)
{
    memset(&decision, 0xee, sizeof decision);
    return tidegate_limiter_check(engine, limiter, NULL, 0, cost, &decision);
}

static void advance(uint64_t by_ns)
{
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, by_ns));
}

static tidegate_limiter bucket(const char *name, const char *rate, unsigned long long burst)
{
    char config[200];
    snprintf(config, sizeof config,
             "{\"algorithm\":\"token_bucket\",\"rate_per_second\":%s,\"burst\":%llu}", rate, burst);
    return check_limiter(engine, name, config);
}

static tidegate_limiter window(const char *name, unsigned long long limit, const char *seconds)
{
    char config[200];
    snprintf(config, sizeof config,
             "{\"algorithm\":\"sliding_window\",\"limit\":%llu,\"window_seconds\":%s}", limit,
             seconds);
    return check_limiter(engine, name, config);
}

/** The call is denied; after the wait it names it would pass, and 1 ns earlier it would not. */
static void deny_exactly(tidegate_limiter limiter, uint32_t cost, uint64_t wait_ns)
{
    STATUS(TIDEGATE_DENIED, ask(limiter, cost));
    EQUAL(wait_ns, decision.retry_after_ns);
    advance(wait_ns - 1);
    STATUS(TIDEGATE_DENIED, ask(limiter, cost));
    EQUAL(1, decision.retry_after_ns);
    advance(1);
    STATUS(TIDEGATE_OK, ask(limiter, cost));
    EQUAL(0, decision.retry_after_ns);
}

static void a_full_bucket_admits_its_burst_at_once(void)
{
    tidegate_limiter five = bucket("five", "10", 5);
    for (uint64_t left = 5; left-- > 0;) {
        STATUS(TIDEGATE_OK, ask(five, 1));
        EQUAL(5, decision.limit);
        EQUAL(left, decision.remaining);
        EQUAL((5 - left) * 100 * MILLISECOND, decision.reset_after_ns);
    }
    deny_exactly(five, 1, 100 * MILLISECOND);
    deny_exactly(five, 3, 300 * MILLISECOND);
    EQUAL(0, decision.remaining);
    EQUAL(500 * MILLISECOND, decision.reset_after_ns);
    advance(10 * SECOND);
    STATUS(TIDEGATE_OK, ask(five, 5));
    STATUS(TIDEGATE_DENIED, ask(five, 1));
}

static void the_nth_unit_comes_back_exactly_when_it_should(void)
{
    tidegate_limiter third = bucket("third", "3", 2);
    STATUS(TIDEGATE_OK, ask(third, 2));
    uint64_t gone = 0;
    for (uint64_t unit = 1; unit <= 60; unit++) {
        uint64_t due = (unit * SECOND + 2) / 3;
        deny_exactly(third, 1, due - gone);
        gone = due;
    }
}

static void a_denied_check_changes_nothing(void)
{
    tidegate_limiter limiters[] = {bucket("quiet_b", "1", 4), window("quiet_w", 4, "4")};
    for (int at = 0; at < 2; at++) {
        STATUS(TIDEGATE_OK, ask(limiters[at], 3));
        tidegate_decision before = decision;
        for (int attempt = 0; attempt < 100; attempt++) {
            STATUS(TIDEGATE_DENIED, ask(limiters[at], 2));
            EQUAL(before.remaining, decision.remaining);
            EQUAL(before.reset_after_ns, decision.reset_after_ns);
        }
        STATUS(TIDEGATE_OK, ask(limiters[at], 1));
    }
}

static void a_window_gives_back_what_is_a_window_old(void)
{
    tidegate_limiter three = window("three", 3, "1");
    for (uint64_t left = 3; left-- > 0;) {
        STATUS(TIDEGATE_OK, ask(three, 1));
        EQUAL(3, decision.limit);
        EQUAL(left, decision.remaining);
        EQUAL(SECOND, decision.reset_after_ns);
        advance(100 * MILLISECOND);
    }
    deny_exactly(three, 1, 700 * MILLISECOND);
    deny_exactly(three, 2, 200 * MILLISECOND);
    EQUAL(0, decision.remaining);
    EQUAL(SECOND, decision.reset_after_ns);
    deny_exactly(three, 3, SECOND);
    advance(SECOND);
    STATUS(TIDEGATE_OK, ask(three, 3));
}

/** How many are admitted until one is not; gives up above `most`. */
static uint64_t drain(tidegate_limiter limiter, uint64_t most)
{
    uint64_t admitted = 0;
    while (admitted <= most && ask(limiter, 1) == TIDEGATE_OK) {
        admitted++;
    }
    return admitted;
}

static void presets_are_what_they_promise(void)
{
    const struct {
        const char *name;
        uint64_t limit, seconds;
    } presets[] = {
        {"strict", 10, 60}, {"standard", 60, 60}, {"relaxed", 300, 60},
        {"api", 1000, 3600}, {"auth", 5, 900},
    };
    for (size_t at = 0; at < sizeof presets / sizeof *presets; at++) {
        char config[80];
        snprintf(config, sizeof config, "{\"preset\":\"%s\"}", presets[at].name);
        tidegate_limiter limiter = check_limiter(engine, presets[at].name, config);
        for (int round = 0; round < 3; round++) {
            uint64_t admitted = drain(limiter, presets[at].limit);
            CHECK(admitted <= presets[at].limit);
            CHECK(admitted >= presets[at].limit * (presets[at].limit > 64 ? 95 : 100) / 100);
            EQUAL(presets[at].limit, decision.limit);
            deny_exactly(limiter, 1, presets[at].seconds * SECOND);
            advance(presets[at].seconds * SECOND);
        }
    }
}

static void costs_that_can_never_pass_are_refused(void)
{
    tidegate_limiter limiters[] = {bucket("costs_b", "1", 10), window("costs_w", 10, "1"),
                                   window("costs_w100", 100, "1")};
    const uint32_t limits[] = {10, 10, 100};
    for (int at = 0; at < 3; at++) {
        const tidegate_decision untouched = {1, 2, 3, 4};
        tidegate_decision found = untouched;
        const uint32_t costs[] = {limits[at] + 1, 1u << 31, UINT32_MAX};
        for (int cost = 0; cost < 3; cost++) {
            STATUS(TIDEGATE_E_RANGE,
                   tidegate_limiter_check(engine, limiters[at], NULL, 0, costs[cost], &found));
        }
        STATUS(TIDEGATE_E_ARGUMENT,
               tidegate_limiter_check(engine, limiters[at], NULL, 0, 0, &found));
        CHECK(memcmp(&found, &untouched, sizeof found) == 0);
        STATUS(TIDEGATE_OK, ask(limiters[at], limits[at]));
        STATUS(TIDEGATE_DENIED, ask(limiters[at], 1));
    }
}

static void the_largest_limits_do_not_overflow(void)
{
    const unsigned long long most = 1ull << 53;
    tidegate_limiter limiters[] = {
        bucket("huge_b", "1e9", most), window("huge_w", most, "31622400"),
        bucket("slow_b", "1e-6", 1), window("short_w", 64, "1e-6"),
    };
    for (int at = 0; at < 2; at++) {
        for (int step = 0; step < 100; step++) {
            STATUS(TIDEGATE_OK, ask(limiters[at], UINT32_MAX));
            EQUAL(most, decision.limit);
            CHECK(decision.remaining < most);
        }
    }
    STATUS(TIDEGATE_OK, ask(limiters[2], 1));
    deny_exactly(limiters[2], 1, 1000000 * SECOND);
    EQUAL(64, drain(limiters[3], 64));
    deny_exactly(limiters[3], 64, 1000);
}

/* The coarse clock is behind the precise one: a region younger than that must know it. */
static void a_limit_holds_from_the_first_moment_of_a_region(void)
{
    for (int round = 0; round < 20; round++) {
        tidegate_engine *young = check_open(
            "{\"limiters\":{\"w\":{\"preset\":\"auth\"},\"b\":{\"algorithm\":\"token_bucket\","
            "\"rate_per_second\":0.001,\"burst\":5}}}");
        int admitted[2] = {0, 0};
        for (int attempt = 0; attempt < 20; attempt++) {
            admitted[0] += tidegate_allow_request(young, "w", NULL, 0) == TIDEGATE_OK;
            admitted[1] += tidegate_allow_request(young, "b", NULL, 0) == TIDEGATE_OK;
        }
        /* By a coarse clock that lags too much, units that are there are denied; never more given. */
        int least = check_is_emulated() ? 1 : 5;
        CHECK(least <= admitted[0] && admitted[0] <= 5);
        CHECK(least <= admitted[1] && admitted[1] <= 5);
        tidegate_engine_close(young);
    }
}

int main(void)
{
    engine = check_open("{\"clock\":\"manual\"}");
    RUN(a_full_bucket_admits_its_burst_at_once);
    RUN(the_nth_unit_comes_back_exactly_when_it_should);
    RUN(a_denied_check_changes_nothing);
    RUN(a_window_gives_back_what_is_a_window_old);
    RUN(presets_are_what_they_promise);
    RUN(costs_that_can_never_pass_are_refused);
    RUN(the_largest_limits_do_not_overflow);
    RUN(a_limit_holds_from_the_first_moment_of_a_region);
    tidegate_engine_close(engine);
    return check_result();
}
