/*
 * Keys that a limiter treats apart: plans, and the lists of its configuration.
 */
#include "check.h"

static const char CONFIG[] =
    "{\"clock\":\"manual\",\"limiters\":{"
    "\"user\":{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,\"burst\":4,\"keyed\":true,"
    "\"allow\":[\"probe\"],\"deny\":[\"mallory\"],"
    "\"plans\":{\"pro\":{\"algorithm\":\"token_bucket\",\"rate_per_second\":10,\"burst\":40},"
    "\"slow\":{\"algorithm\":\"sliding_window\",\"limit\":2,\"window_seconds\":60}}},"
    "\"all\":{\"algorithm\":\"token_bucket\",\"rate_per_second\":100,\"burst\":100}}}";

static tidegate_engine *engine;
static tidegate_limiter user;

static tidegate_status check(const char *key, uint32_t cost, tidegate_decision *decision)
{
    return tidegate_limiter_check(engine, user, key, strlen(key), cost, decision);
}

static tidegate_status put(const char *key, const char *plan)
{
    return tidegate_limiter_set_plan(engine, user, key, strlen(key), plan);
}

static void configured_lists_hold(void)
{
    for (int i = 0; i < 50; i++) {
        STATUS(TIDEGATE_OK, check("probe", 1, NULL));
        STATUS(TIDEGATE_DENIED, check("mallory", 1, NULL));
    }
    STATUS(TIDEGATE_OK, tidegate_limiter_allow(engine, user, "mallory", 7, TIDEGATE_LIST_NONE));
    STATUS(TIDEGATE_OK, check("mallory", 4, NULL));
    STATUS(TIDEGATE_DENIED, check("mallory", 1, NULL));
}

static void a_plan_is_another_limit_of_the_same_key(void)
{
    tidegate_decision decision;
    STATUS(TIDEGATE_OK, check("sue", 4, NULL));
    STATUS(TIDEGATE_DENIED, check("sue", 1, NULL));
    STATUS(TIDEGATE_OK, put("sue", "pro"));
    STATUS(TIDEGATE_OK, check("sue", 40, &decision));
    EQUAL(40, decision.limit);
    STATUS(TIDEGATE_DENIED, check("sue", 1, &decision));
    EQUAL(100 * MILLISECOND, decision.retry_after_ns);
    STATUS(TIDEGATE_OK, tidegate_limiter_refund(engine, user, "sue", 3, 1));
    STATUS(TIDEGATE_OK, check("sue", 1, NULL));
    STATUS(TIDEGATE_OK, put("sue", "slow"));
    STATUS(TIDEGATE_OK, check("sue", 2, &decision));
    EQUAL(2, decision.limit);
    STATUS(TIDEGATE_DENIED, check("sue", 1, &decision));
    EQUAL(60 * SECOND, decision.retry_after_ns);
    STATUS(TIDEGATE_OK, put("sue", NULL));
    STATUS(TIDEGATE_DENIED, check("sue", 1, &decision));
    EQUAL(4, decision.limit);
    STATUS(TIDEGATE_OK, check("bob", 1, &decision));
    EQUAL(4, decision.limit);
}

static void wrong_plans_are_refused(void)
{
    tidegate_limiter all;
    NEED(STATUS(TIDEGATE_OK, tidegate_limiter_open(engine, "all", NULL, &all)));
    STATUS(TIDEGATE_E_NOT_FOUND, put("sue", "gold"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_set_plan(engine, user, NULL, 0, "pro"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_set_plan(NULL, user, "sue", 3, "pro"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_set_plan(engine, user, "sue", 3, "\xff"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_set_plan(engine, all, "sue", 3, NULL));
    STATUS(TIDEGATE_E_STALE,
           tidegate_limiter_set_plan(engine, (tidegate_limiter){0}, "sue", 3, "pro"));
}

static void wrong_exceptions_are_named(void)
{
    tidegate_limiter limiter;
    const char *wrong[] = {
        "{\"preset\":\"auth\",\"allow\":[\"x\"]}",
        "{\"preset\":\"auth\",\"keyed\":true,\"deny\":\"x\"}",
        "{\"preset\":\"auth\",\"keyed\":true,\"plans\":[]}",
        "{\"preset\":\"auth\",\"keyed\":true,\"plans\":{\"a\":{\"preset\":\"b\"}}}",
        "{\"preset\":\"auth\",\"keyed\":true,\"plans\":{\"a\":{\"preset\":\"api\",\"keyed\":true}}}",
    };
    const char *named[] = {"allow", "deny", "plans", "plans.a.preset", "plans.a.keyed"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char sentence[400];
        STATUS(TIDEGATE_E_CONFIG, tidegate_limiter_open(engine, "wrong", wrong[i], &limiter));
        tidegate_last_error(sentence, sizeof sentence);
        CHECK(strstr(sentence, named[i]) != NULL);
    }
}

int main(void)
{
    NEED(STATUS(TIDEGATE_OK, tidegate_engine_open(CONFIG, &engine)));
    NEED(STATUS(TIDEGATE_OK, tidegate_limiter_open(engine, "user", NULL, &user)));
    RUN(configured_lists_hold);
    RUN(a_plan_is_another_limit_of_the_same_key);
    RUN(wrong_plans_are_refused);
    RUN(wrong_exceptions_are_named);
    tidegate_engine_close(engine);
    return check_result();
}
