/*
 * test_guard.c: a chain asks its guards in the fixed order, names the one that refuses, and gives
 * back what those before it gave.
 */
#include "check.h"

static tidegate_engine *engine;

static tidegate_guard chain;

static tidegate_guard_answer answer;

static tidegate_status ask_for(tidegate_guard guard, const char *key, uint32_t attempt,
                               tidegate_guard_permit *permit)
{
    memset(&answer, 0xee, sizeof answer);
    return tidegate_guard_acquire(engine, guard, key, key == NULL ? 0 : strlen(key), 1, attempt,
                                  permit, &answer);
}

static tidegate_guard_permit go(uint32_t attempt)
{
    tidegate_guard_permit permit = {0, 0};
    STATUS(TIDEGATE_OK, ask_for(chain, "alice", attempt, &permit));
    CHECK(permit.bulkhead != 0 && permit.breaker != 0);
    EQUAL(TIDEGATE_GUARD_NONE, answer.refused_by);
    EQUAL(0, answer.retry_after_ns);
    return permit;
}

static void refused_by(uint32_t by, uint64_t retry_after_ns, uint32_t attempt)
{
    tidegate_guard_permit permit = {77, 77};
    STATUS(TIDEGATE_DENIED, ask_for(chain, "alice", attempt, &permit));
    EQUAL(by, answer.refused_by);
    EQUAL(0, answer.reserved);
    EQUAL(retry_after_ns, answer.retry_after_ns);
    EQUAL(77, permit.bulkhead);
    EQUAL(77, permit.breaker);
}

static void report(tidegate_guard_permit permit, tidegate_outcome outcome)
{
    STATUS(TIDEGATE_OK, tidegate_guard_report(engine, chain, permit, outcome, 0.01));
}

static uint64_t inside(void)
{
    tidegate_bulkhead bulkhead;
    tidegate_bulkhead_reading reading = {0};
    STATUS(TIDEGATE_OK, tidegate_bulkhead_open(engine, "db", NULL, &bulkhead));
    STATUS(TIDEGATE_OK, tidegate_bulkhead_read(engine, bulkhead, &reading));
    return reading.in_use;
}

/** Closed as at the beginning, and a full bucket for everybody. */
static void start_again(void)
{
    tidegate_breaker breaker;
    STATUS(TIDEGATE_OK, tidegate_breaker_open(engine, "payments", NULL, &breaker));
    STATUS(TIDEGATE_OK, tidegate_breaker_set_mode(engine, breaker, TIDEGATE_BREAKER_CLOSED));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 100 * SECOND));
}

static void the_bulkhead_refuses_and_nothing_else_changes(void)
{
    start_again();
    tidegate_guard_permit one = go(1), two = go(1);
    for (int i = 0; i < 20; i++) {
        refused_by(TIDEGATE_GUARD_BULKHEAD, 0, 1);
        refused_by(TIDEGATE_GUARD_BULKHEAD, 0, 2);
    }
    report(one, TIDEGATE_OUTCOME_SUCCESS);
    report(two, TIDEGATE_OUTCOME_SUCCESS);
    EQUAL(0, inside());
    /* The limiter still has its other eight units, and the budget its three retries. */
    for (int i = 0; i < 3; i++) {
        report(go(2), TIDEGATE_OUTCOME_SUCCESS);
    }
    refused_by(TIDEGATE_GUARD_RETRY, 0, 2);
    refused_by(TIDEGATE_GUARD_RETRY, 0, 4);
    for (int i = 0; i < 5; i++) {
        report(go(1), TIDEGATE_OUTCOME_SUCCESS);
    }
    refused_by(TIDEGATE_GUARD_LIMITER, SECOND, 1);
    EQUAL(0, inside());
}

static void the_limiter_refuses_and_all_comes_back(void)
{
    start_again();
    for (int i = 0; i < 10; i++) {
        report(go(1), TIDEGATE_OUTCOME_SUCCESS);
    }
    for (int i = 0; i < 20; i++) {
        refused_by(TIDEGATE_GUARD_LIMITER, SECOND, 2);
    }
    EQUAL(0, inside());
    tidegate_breaker breaker;
    tidegate_breaker_reading reading;
    STATUS(TIDEGATE_OK, tidegate_breaker_open(engine, "payments", NULL, &breaker));
    STATUS(TIDEGATE_OK, tidegate_breaker_read(engine, breaker, &reading));
    EQUAL(10, reading.calls);
    EQUAL(0, reading.permits_out);
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 3 * SECOND));
    for (int i = 0; i < 3; i++) {
        report(go(2), TIDEGATE_OUTCOME_SUCCESS);
    }
}

static void the_breaker_refuses_until_its_time_is_over(void)
{
    start_again();
    for (int i = 0; i < 4; i++) {
        report(go(1), TIDEGATE_OUTCOME_FAILURE);
    }
    refused_by(TIDEGATE_GUARD_BREAKER, 10 * SECOND, 1);
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 4 * SECOND));
    refused_by(TIDEGATE_GUARD_BREAKER, 6 * SECOND, 1);
    EQUAL(0, inside());
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 6 * SECOND));
    tidegate_guard_permit probe = go(1);
    refused_by(TIDEGATE_GUARD_BREAKER, 0, 1);
    report(probe, TIDEGATE_OUTCOME_SUCCESS);
    report(go(1), TIDEGATE_OUTCOME_SUCCESS);
}

static void a_probe_that_the_limiter_refuses_is_not_spent(void)
{
    start_again();
    for (int i = 0; i < 4; i++) {
        report(go(1), TIDEGATE_OUTCOME_FAILURE);
    }
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 10 * SECOND));
    tidegate_limiter limiter;
    STATUS(TIDEGATE_OK, tidegate_limiter_open(engine, "api", NULL, &limiter));
    STATUS(TIDEGATE_OK, tidegate_limiter_check(engine, limiter, "alice", 5, 10, NULL));
    for (int i = 0; i < 5; i++) {
        refused_by(TIDEGATE_GUARD_LIMITER, SECOND, 1);
    }
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, SECOND));
    report(go(1), TIDEGATE_OUTCOME_SUCCESS);
}

static void a_permit_is_reported_once(void)
{
    start_again();
    tidegate_guard_permit permit = go(1);
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_guard_report(engine, chain, permit, 7, 0.1));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_guard_report(engine, chain, permit, TIDEGATE_OUTCOME_SUCCESS, (double)NAN));
    EQUAL(1, inside());
    report(permit, TIDEGATE_OUTCOME_SUCCESS);
    STATUS(TIDEGATE_E_STATE,
           tidegate_guard_report(engine, chain, permit, TIDEGATE_OUTCOME_SUCCESS, 0.1));
    tidegate_guard_permit none = {0, 0};
    STATUS(TIDEGATE_E_STALE,
           tidegate_guard_report(engine, chain, none, TIDEGATE_OUTCOME_SUCCESS, 0.1));
}

static void what_cannot_be_asked_takes_nothing(void)
{
    start_again();
    tidegate_guard_permit permit = {0, 0};
    STATUS(TIDEGATE_E_ARGUMENT, ask_for(chain, NULL, 1, &permit));
    STATUS(TIDEGATE_E_ARGUMENT, ask_for(chain, "alice", 0, &permit));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_guard_acquire(engine, chain, "alice", 5, 0, 1, &permit, NULL));
    STATUS(TIDEGATE_E_RANGE,
           tidegate_guard_acquire(engine, chain, "alice", 5, 11, 1, &permit, NULL));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_guard_acquire(engine, chain, "alice", 5, 1, 1, NULL, &answer));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_guard_acquire(NULL, chain, "alice", 5, 1, 1, &permit, &answer));
    tidegate_guard none = {0};
    STATUS(TIDEGATE_E_STALE, ask_for(none, "alice", 1, &permit));
    STATUS(TIDEGATE_E_STALE,
           tidegate_guard_report(engine, none, permit, TIDEGATE_OUTCOME_SUCCESS, 0.1));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_guard_report(NULL, chain, permit, TIDEGATE_OUTCOME_SUCCESS, 0.1));
    EQUAL(0, inside());
    EQUAL(0, permit.bulkhead);
    STATUS(TIDEGATE_OK, tidegate_guard_acquire(engine, chain, "alice", 5, 10, 1, &permit, NULL));
    report(permit, TIDEGATE_OUTCOME_SUCCESS);
}

static void a_chain_may_have_one_guard(void)
{
    tidegate_guard guard;
    tidegate_guard_permit permit = {77, 77};
    STATUS(TIDEGATE_OK, tidegate_guard_open(engine, "one", "{\"breaker\":\"payments\"}", &guard));
    STATUS(TIDEGATE_OK, ask_for(guard, NULL, 1, &permit));
    EQUAL(0, permit.bulkhead);
    STATUS(TIDEGATE_OK, tidegate_guard_report(engine, guard, permit, TIDEGATE_OUTCOME_IGNORED, 0));
}

static void the_throttle_sheds_load_and_sees_the_outcomes(void)
{
    start_again();
    tidegate_guard guard;
    STATUS(TIDEGATE_OK, tidegate_guard_open(engine, "shed",
                                            "{\"bulkhead\":\"db\",\"throttle\":\"shed\"}", &guard));
    int shed = 0;
    for (int i = 0; i < 1000; i++) {
        tidegate_guard_permit permit = {0, 0};
        if (ask_for(guard, NULL, 1, &permit) == TIDEGATE_OK) {
            STATUS(TIDEGATE_OK, tidegate_guard_report(engine, guard, permit,
                                                      TIDEGATE_OUTCOME_FAILURE, 0.1));
        } else {
            EQUAL(TIDEGATE_GUARD_THROTTLE, answer.refused_by);
            shed++;
        }
    }
    CHECK(shed > 600 && shed < 900);
    EQUAL(0, inside());
}

static void opening(void)
{
    tidegate_guard guard = {0};
    STATUS(TIDEGATE_OK,
           tidegate_guard_open(engine, "pay",
                               "{\"limiter\":\"api\",\"breaker\":\"payments\",\"bulkhead\":\"db\","
                               "\"retry\":\"payments\"}",
                               &guard));
    EQUAL(chain.id, guard.id);
    STATUS(TIDEGATE_E_CONFLICT,
           tidegate_guard_open(engine, "pay", "{\"limiter\":\"api\"}", &guard));
    STATUS(TIDEGATE_E_NOT_FOUND,
           tidegate_guard_open(engine, "new", "{\"bulkhead\":\"api\"}", &guard));
    STATUS(TIDEGATE_E_NOT_FOUND, tidegate_guard_open(engine, "new", NULL, &guard));
    STATUS(TIDEGATE_E_CONFIG, tidegate_guard_open(engine, "new", "{}", &guard));
    STATUS(TIDEGATE_E_CONFIG, tidegate_guard_open(engine, "new", "{\"retry\":3}", &guard));
    STATUS(TIDEGATE_E_CONFIG, tidegate_guard_open(engine, "new", "{\"cache\":\"x\"}", &guard));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_guard_open(engine, "1st", NULL, &guard));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_guard_open(engine, "pay", NULL, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_guard_open(NULL, "pay", NULL, &guard));
    tidegate_engine *none = NULL;
    STATUS(TIDEGATE_E_NOT_FOUND,
           tidegate_engine_open("{\"guards\":{\"g\":{\"limiter\":\"missing\"}}}", &none));
    char sentence[200];
    tidegate_last_error(sentence, sizeof sentence);
    CHECK(strcmp(sentence, "guards.g.limiter: there is no limiter \"missing\"") == 0);
}

static void a_fixed_window_with_keys_is_asked_for_the_key(void)
{
    tidegate_limiter limiter;
    tidegate_guard guard;
    tidegate_guard_permit permit;
    STATUS(TIDEGATE_OK,
           tidegate_limiter_open(engine, "fixed",
                                 "{\"algorithm\":\"fixed_window\",\"limit\":1,"
                                 "\"window_seconds\":60,\"keyed\":true,\"max_keys\":100}",
                                 &limiter));
    STATUS(TIDEGATE_OK, tidegate_guard_open(engine, "fixed", "{\"limiter\":\"fixed\"}", &guard));
    STATUS(TIDEGATE_OK, ask_for(guard, "ann", 1, &permit));
    STATUS(TIDEGATE_DENIED, ask_for(guard, "ann", 1, &permit));
    EQUAL(TIDEGATE_GUARD_LIMITER, answer.refused_by);
    STATUS(TIDEGATE_OK, ask_for(guard, "bob", 1, &permit));
}

/** The part that would have refused is named and counted, and the call goes on with what it got. */
static void a_chain_in_shadow_refuses_nothing(void)
{
    start_again();
    tidegate_guard shadow;
    STATUS(TIDEGATE_OK,
           tidegate_guard_open(engine, "shadow",
                               "{\"bulkhead\":\"db\",\"breaker\":\"payments\",\"throttle\":\"shed\","
                               "\"limiter\":\"api\",\"shadow\":true}",
                               &shadow));
    tidegate_guard_permit permits[5] = {{0}};
    for (int i = 0; i < 5; i++) {
        STATUS(TIDEGATE_OK, ask_for(shadow, "zoe", 1, &permits[i]));
        EQUAL(i < 2 ? TIDEGATE_GUARD_NONE : TIDEGATE_GUARD_BULKHEAD, answer.refused_by);
        CHECK((permits[i].bulkhead != 0) == (i < 2));
        CHECK(permits[i].breaker != 0);
    }
    EQUAL(2, inside());
    for (int i = 0; i < 5; i++) {
        STATUS(TIDEGATE_OK, tidegate_guard_report(engine, shadow, permits[i],
                                                  TIDEGATE_OUTCOME_FAILURE, 0.1));
    }
    EQUAL(0, inside());
    /* The breaker has seen them all: it is open, and calls go on without a permit of it. */
    tidegate_guard_permit permit = {77, 77};
    STATUS(TIDEGATE_OK, ask_for(shadow, "zoe", 1, &permit));
    EQUAL(TIDEGATE_GUARD_BREAKER, answer.refused_by);
    CHECK(answer.retry_after_ns == 10 * SECOND);
    CHECK(permit.bulkhead != 0);
    EQUAL(0, permit.breaker);
    STATUS(TIDEGATE_OK,
           tidegate_guard_report(engine, shadow, permit, TIDEGATE_OUTCOME_SUCCESS, 0.1));
    EQUAL(0, inside());
    /* All were asked, so the limiter's ten units go too. */
    for (int i = 6; i < 10; i++) {
        STATUS(TIDEGATE_OK, ask_for(shadow, "zoe", 1, &permit));
        STATUS(TIDEGATE_OK,
               tidegate_guard_report(engine, shadow, permit, TIDEGATE_OUTCOME_SUCCESS, 0.1));
    }
    STATUS(TIDEGATE_DENIED, tidegate_allow_request(engine, "api", "zoe", 3));
    start_again();
    STATUS(TIDEGATE_OK, ask_for(shadow, "zoe", 1, &permit));
    STATUS(TIDEGATE_OK, tidegate_guard_report(engine, shadow, permit, TIDEGATE_OUTCOME_SUCCESS, 0));
    char *text = check_json(engine);
    CHECK(strstr(text, "\"admitted\":11,\"refused\":{\"retry\":0,\"bulkhead\":0,\"breaker\":0,"
                       "\"throttle\":0,\"limiter\":0},\"shadowed\":{\"retry\":0,\"bulkhead\":3,"
                       "\"breaker\":5,\"throttle\":0,\"limiter\":0}}") != NULL);
    free(text);
    STATUS(TIDEGATE_E_STALE, tidegate_guard_report(engine, chain, (tidegate_guard_permit){0, 0},
                                                   TIDEGATE_OUTCOME_SUCCESS, 0.1));
    STATUS(TIDEGATE_E_CONFIG,
           tidegate_guard_open(engine, "new", "{\"retry\":\"payments\",\"shadow\":1}", &shadow));
}

int main(void)
{
    engine = check_open(
        "{\"clock\":\"manual\",\"guards\":{\"pay\":{\"retry\":\"payments\",\"bulkhead\":\"db\","
        "\"breaker\":\"payments\",\"limiter\":\"api\"}},"
        "\"retries\":{\"payments\":{\"budget_ratio\":0.1}},"
        "\"throttles\":{\"shed\":{\"seed\":1}},\"bulkheads\":{\"db\":{\"max_concurrent\":2}},"
        "\"breakers\":{\"payments\":{\"failure_rate\":0.5,\"minimum_calls\":4,"
        "\"window\":{\"seconds\":30},\"open_seconds\":10,\"half_open_calls\":1}},"
        "\"limiters\":{\"api\":{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,\"burst\":10,"
        "\"keyed\":true}}}");
    STATUS(TIDEGATE_OK, tidegate_guard_open(engine, "pay", NULL, &chain));
    RUN(the_bulkhead_refuses_and_nothing_else_changes);
    RUN(the_limiter_refuses_and_all_comes_back);
    RUN(the_breaker_refuses_until_its_time_is_over);
    RUN(a_probe_that_the_limiter_refuses_is_not_spent);
    RUN(a_permit_is_reported_once);
    RUN(what_cannot_be_asked_takes_nothing);
    RUN(a_chain_may_have_one_guard);
    RUN(the_throttle_sheds_load_and_sees_the_outcomes);
    RUN(a_chain_in_shadow_refuses_nothing);
    RUN(opening);
    RUN(a_fixed_window_with_keys_is_asked_for_the_key);
    tidegate_engine_close(engine);
    return check_result();
}
