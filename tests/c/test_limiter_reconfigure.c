/*
 * New numbers for limiters that exist: what is kept, what is refused.
 */
#include "check.h"

#define BUCKET(rate, burst) \
    "{\"algorithm\":\"token_bucket\",\"rate_per_second\":" rate ",\"burst\":" burst "}"
#define KEYED_BUCKET(rate, burst)                                                          \
    "{\"algorithm\":\"token_bucket\",\"keyed\":true,\"max_keys\":100,\"rate_per_second\":" rate \
    ",\"burst\":" burst "}"
#define WINDOW(limit, seconds) \
    "{\"algorithm\":\"sliding_window\",\"limit\":" limit ",\"window_seconds\":" seconds "}"
#define FIXED(limit, seconds) \
    "{\"algorithm\":\"fixed_window\",\"limit\":" limit ",\"window_seconds\":" seconds "}"

static tidegate_engine *engine;

static tidegate_limiter opened(const char *name, const char *config)
{
    tidegate_limiter limiter = {0};
    STATUS(TIDEGATE_OK, tidegate_limiter_open(engine, name, config, &limiter));
    return limiter;
}

static tidegate_status check(tidegate_limiter limiter, uint32_t cost, tidegate_decision *decision)
{
    return tidegate_limiter_check(engine, limiter, NULL, 0, cost, decision);
}

static void says(const char *part)
{
    char sentence[500];
    tidegate_last_error(sentence, sizeof sentence);
    CHECK(strstr(sentence, part) != NULL);
}

static void a_bucket_keeps_what_was_taken(void)
{
    tidegate_decision decision;
    tidegate_limiter limiter = opened("bucket", BUCKET("1", "10"));
    STATUS(TIDEGATE_OK, check(limiter, 10, NULL));
    STATUS(TIDEGATE_OK, tidegate_limiter_reconfigure(engine, limiter, BUCKET("1", "15")));
    STATUS(TIDEGATE_OK, check(limiter, 5, &decision));
    EQUAL(15, decision.limit);
    EQUAL(0, decision.remaining);
    STATUS(TIDEGATE_OK, tidegate_limiter_reconfigure(engine, limiter, BUCKET("1000", "15")));
    STATUS(TIDEGATE_DENIED, check(limiter, 3, &decision));
    EQUAL(3 * MILLISECOND, decision.retry_after_ns);
    EQUAL(15 * MILLISECOND, decision.reset_after_ns);
    STATUS(TIDEGATE_OK, tidegate_limiter_reconfigure(engine, limiter, BUCKET("1000", "5")));
    STATUS(TIDEGATE_DENIED, check(limiter, 1, &decision));
    EQUAL(11 * MILLISECOND, decision.retry_after_ns);
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 11 * MILLISECOND));
    STATUS(TIDEGATE_OK, check(limiter, 1, NULL));
    STATUS(TIDEGATE_DENIED, check(limiter, 1, NULL));
    STATUS(TIDEGATE_E_RANGE, check(limiter, 6, NULL));
    says("more than 5 units");
}

static void opening_wants_the_new_configuration(void)
{
    tidegate_limiter limiter = opened("reopened", KEYED_BUCKET("1", "10"));
    STATUS(TIDEGATE_OK, tidegate_limiter_check(engine, limiter, "ann", 3, 10, NULL));
    STATUS(TIDEGATE_OK, tidegate_limiter_reconfigure(engine, limiter, KEYED_BUCKET("2.5", "20")));
    STATUS(TIDEGATE_OK, tidegate_limiter_reconfigure(engine, limiter, KEYED_BUCKET("2.5", "20")));
    tidegate_limiter again = opened("reopened", KEYED_BUCKET("2.5", "20"));
    EQUAL(limiter.id, again.id);
    STATUS(TIDEGATE_E_CONFLICT,
           tidegate_limiter_open(engine, "reopened", KEYED_BUCKET("1", "10"), &again));
    STATUS(TIDEGATE_OK, tidegate_limiter_check(engine, limiter, "bob", 3, 20, NULL));
    STATUS(TIDEGATE_OK, tidegate_limiter_check(engine, limiter, "ann", 3, 10, NULL));
    STATUS(TIDEGATE_DENIED, tidegate_limiter_check(engine, limiter, "ann", 3, 1, NULL));
}

static void windows_change_as_far_as_their_state_can(void)
{
    tidegate_decision decision;
    tidegate_limiter window = opened("window", WINDOW("10", "60"));
    STATUS(TIDEGATE_OK, check(window, 4, NULL));
    STATUS(TIDEGATE_OK, tidegate_limiter_reconfigure(engine, window, WINDOW("5", "60")));
    STATUS(TIDEGATE_OK, check(window, 1, &decision));
    EQUAL(5, decision.limit);
    EQUAL(0, decision.remaining);
    STATUS(TIDEGATE_DENIED, check(window, 1, NULL));
    STATUS(TIDEGATE_OK, tidegate_limiter_reconfigure(engine, window, WINDOW("10", "30")));
    STATUS(TIDEGATE_OK, check(window, 5, NULL));
    STATUS(TIDEGATE_DENIED, check(window, 1, &decision));
    EQUAL(30 * SECOND, decision.retry_after_ns);
    STATUS(TIDEGATE_E_STATE, tidegate_limiter_reconfigure(engine, window, WINDOW("11", "60")));
    says("the times of the 10 units");
    tidegate_limiter large = opened("large", WINDOW("1000", "60"));
    STATUS(TIDEGATE_OK, tidegate_limiter_reconfigure(engine, large, WINDOW("300", "60")));
    STATUS(TIDEGATE_E_STATE, tidegate_limiter_reconfigure(engine, large, WINDOW("100", "60")));
    says("too coarse");
    tidegate_limiter keyed = opened("keyed", "{\"preset\":\"auth\",\"keyed\":true}");
    STATUS(TIDEGATE_E_STATE,
           tidegate_limiter_reconfigure(engine, keyed, "{\"keyed\":true,\"algorithm\":"
                                        "\"sliding_window\",\"limit\":5,\"window_seconds\":901}"));
    says("window_seconds cannot grow");

    tidegate_limiter fixed = opened("fixed", FIXED("10", "60"));
    STATUS(TIDEGATE_OK, check(fixed, 10, NULL));
    STATUS(TIDEGATE_OK, tidegate_limiter_reconfigure(engine, fixed, FIXED("1000", "60")));
    STATUS(TIDEGATE_OK, check(fixed, 990, NULL));
    STATUS(TIDEGATE_OK, tidegate_limiter_reconfigure(engine, fixed, FIXED("20", "60")));
    STATUS(TIDEGATE_DENIED, check(fixed, 1, NULL));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 60 * SECOND));
    STATUS(TIDEGATE_OK, check(fixed, 20, NULL));
    STATUS(TIDEGATE_E_STATE, tidegate_limiter_reconfigure(engine, fixed, FIXED("20", "61")));
    says("window_seconds cannot become 61");
    STATUS(TIDEGATE_E_STATE, tidegate_limiter_reconfigure(engine, fixed, FIXED("1e8", "60")));
    says("24 bits");
}

static void plans_change_with_their_limiter(void)
{
    static const char before[] =
        "{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,\"burst\":1,\"keyed\":true,"
        "\"plans\":{\"pro\":{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,\"burst\":5}}}";
    static const char after[] =
        "{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,\"burst\":1,\"keyed\":true,"
        "\"plans\":{\"pro\":{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,\"burst\":9}}}";
    tidegate_limiter limiter = opened("planned", before);
    STATUS(TIDEGATE_OK, tidegate_limiter_set_plan(engine, limiter, "ann", 3, "pro"));
    STATUS(TIDEGATE_OK, tidegate_limiter_check(engine, limiter, "ann", 3, 5, NULL));
    STATUS(TIDEGATE_OK, tidegate_limiter_reconfigure(engine, limiter, after));
    STATUS(TIDEGATE_OK, tidegate_limiter_check(engine, limiter, "ann", 3, 4, NULL));
    STATUS(TIDEGATE_DENIED, tidegate_limiter_check(engine, limiter, "ann", 3, 1, NULL));
    opened("planned", after);
}

static void what_cannot_be_is_refused(void)
{
    tidegate_limiter limiter = opened("refusing", BUCKET("1", "10"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_reconfigure(NULL, limiter, BUCKET("1", "1")));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_reconfigure(engine, limiter, NULL));
    STATUS(TIDEGATE_E_CONFIG, tidegate_limiter_reconfigure(engine, limiter, BUCKET("0", "1")));
    says("rate_per_second");
    STATUS(TIDEGATE_E_CONFIG, tidegate_limiter_reconfigure(engine, limiter, "[]"));
    STATUS(TIDEGATE_E_CONFLICT, tidegate_limiter_reconfigure(engine, limiter, WINDOW("1", "1")));
    STATUS(TIDEGATE_E_CONFLICT,
           tidegate_limiter_reconfigure(engine, limiter, KEYED_BUCKET("1", "10")));
    STATUS(TIDEGATE_E_STATE,
           tidegate_limiter_reconfigure(engine, limiter, BUCKET("1000000000", "10")));
    says("too far from it");
    STATUS(TIDEGATE_E_STALE,
           tidegate_limiter_reconfigure(engine, (tidegate_limiter){0}, BUCKET("1", "1")));
    STATUS(TIDEGATE_OK, check(limiter, 10, NULL));
    opened("refusing", BUCKET("1", "10"));
}

static void a_change_is_an_event(void)
{
    static char events[16384];
    size_t length = 0;
    uint64_t cursor = 0;
    tidegate_limiter limiter = opened("told", BUCKET("1", "10"));
    while (tidegate_events_read(engine, &cursor, events, sizeof events, &length, NULL) ==
               TIDEGATE_OK &&
           length > 0) {
    }
    STATUS(TIDEGATE_OK, tidegate_limiter_reconfigure(engine, limiter, BUCKET("1", "37")));
    STATUS(TIDEGATE_OK,
           tidegate_events_read(engine, &cursor, events, sizeof events - 1, &length, NULL));
    events[length] = 0;
    CHECK(strstr(events, "\"limit\"") != NULL);
    CHECK(strstr(events, "37") != NULL);
}

static void a_full_region_says_so(void)
{
    tidegate_limiter limiter = opened("often", BUCKET("1", "10"));
    tidegate_status status = TIDEGATE_OK;
    for (int i = 0; i < 10 * 1000 * 1000 && status == TIDEGATE_OK; i++) {
        status = tidegate_limiter_reconfigure(engine, limiter,
                                              i % 2 == 0 ? BUCKET("2", "10") : BUCKET("1", "10"));
    }
    STATUS(TIDEGATE_E_CAPACITY, status);
    STATUS(TIDEGATE_OK, check(limiter, 10, NULL));
}

int main(void)
{
    NEED(STATUS(TIDEGATE_OK,
                tidegate_engine_open("{\"clock\":\"manual\",\"region\":{\"size_bytes\":8388608},"
                                     "\"metrics\":{\"max_series\":64}}",
                                     &engine)));
    RUN(a_bucket_keeps_what_was_taken);
    RUN(opening_wants_the_new_configuration);
    RUN(windows_change_as_far_as_their_state_can);
    RUN(plans_change_with_their_limiter);
    RUN(what_cannot_be_is_refused);
    RUN(a_change_is_an_event);
    RUN(a_full_region_says_so);
    tidegate_engine_close(engine);
    return check_result();
}
