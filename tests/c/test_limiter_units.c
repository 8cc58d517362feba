/*
 * test_limiter_units.c: several limits as one decision, peek, reserve, refund, penalize, block,
 * lists, HTTP fields; each status of each function. Against models: tests/limiter_units.rs.
 */
#include "check.h"

static tidegate_engine *engine;
static tidegate_limiter bucket, keyed, fixed;
static tidegate_decision decision;
static const tidegate_limiter none = {0};

static void answers_and_their_numbers(void)
{
    uint64_t wait = 99;
    STATUS(TIDEGATE_OK, tidegate_limiter_peek(engine, bucket, NULL, 0, 5, &decision));
    EQUAL(5, decision.remaining);
    STATUS(TIDEGATE_OK, tidegate_limiter_reserve(engine, bucket, NULL, 0, 5, 0, &wait));
    EQUAL(0, wait);
    STATUS(TIDEGATE_DENIED, tidegate_limiter_reserve(engine, bucket, NULL, 0, 2, 1, &wait));
    EQUAL(200 * MILLISECOND, wait);
    STATUS(TIDEGATE_OK, tidegate_limiter_reserve(engine, bucket, NULL, 0, 2, SECOND, &wait));
    EQUAL(200 * MILLISECOND, wait);
    STATUS(TIDEGATE_DENIED, tidegate_limiter_peek(engine, bucket, NULL, 0, 1, &decision));
    EQUAL(300 * MILLISECOND, decision.retry_after_ns);
    STATUS(TIDEGATE_OK, tidegate_limiter_refund(engine, bucket, NULL, 0, 2));
    STATUS(TIDEGATE_DENIED, tidegate_limiter_peek(engine, bucket, NULL, 0, 1, &decision));
    EQUAL(100 * MILLISECOND, decision.retry_after_ns);
    STATUS(TIDEGATE_OK, tidegate_limiter_refund(engine, bucket, NULL, 0, 100));
    STATUS(TIDEGATE_OK, tidegate_limiter_penalize(engine, bucket, NULL, 0, 4));
    STATUS(TIDEGATE_OK, tidegate_limiter_peek(engine, bucket, NULL, 0, 1, &decision));
    EQUAL(1, decision.remaining);
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, SECOND));
}

static void all_or_nothing(void)
{
    tidegate_limiter_request requests[3] = {
        {bucket, NULL, 0, 1}, {keyed, "ann", 3, 2}, {fixed, NULL, 0, 1}};
    size_t refused = 99;
    STATUS(TIDEGATE_OK,
           tidegate_limiter_check_all(engine, requests, 3, &refused, &decision));
    EQUAL(3, refused);
    EQUAL(0, decision.remaining);
    EQUAL(2, decision.limit);
    STATUS(TIDEGATE_DENIED,
           tidegate_limiter_check_all(engine, requests, 3, &refused, &decision));
    EQUAL(1, refused);
    STATUS(TIDEGATE_DENIED, tidegate_limiter_check_all(engine, requests, 3, NULL, NULL));
    STATUS(TIDEGATE_OK, tidegate_limiter_peek(engine, bucket, NULL, 0, 1, &decision));
    EQUAL(4, decision.remaining);
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_check_all(engine, requests, 0, NULL, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_check_all(engine, NULL, 3, NULL, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_check_all(NULL, requests, 3, NULL, NULL));
    requests[2].cost = 0;
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_check_all(engine, requests, 3, NULL, NULL));
    requests[2].cost = 1000;
    STATUS(TIDEGATE_E_RANGE, tidegate_limiter_check_all(engine, requests, 3, NULL, NULL));
    requests[2].limiter = none;
    STATUS(TIDEGATE_E_STALE, tidegate_limiter_check_all(engine, requests, 3, NULL, NULL));
    STATUS(TIDEGATE_OK, tidegate_limiter_peek(engine, bucket, NULL, 0, 1, &decision));
    EQUAL(4, decision.remaining);
}

static void processes_never_admit_one_too_many(void)
{
    enum { CHILDREN = 4, CALLS = 5000, LIMIT = 3000 };
    tidegate_limiter wide = check_limiter(
        engine, "wide", "{\"algorithm\":\"sliding_window\",\"limit\":5000,\"window_seconds\":60}");
    tidegate_limiter tight = check_limiter(
        engine, "tight", "{\"algorithm\":\"token_bucket\",\"rate_per_second\":0.001,\"burst\":3000}");
    atomic_int *admitted = check_shared(sizeof *admitted);
    pid_t children[CHILDREN];
    for (int child = 0; child < CHILDREN; child++) {
        children[child] = check_fork();
        if (children[child] == 0) {
            tidegate_limiter_request requests[2] = {{wide, NULL, 0, 1}, {tight, NULL, 0, 1}};
            for (int call = 0; call < CALLS; call++) {
                if (tidegate_limiter_check_all(engine, requests, 2, NULL, NULL) == TIDEGATE_OK) {
                    atomic_fetch_add(admitted, 1);
                }
            }
            check_leave();
        }
    }
    for (int child = 0; child < CHILDREN; child++) {
        check_reap(children[child]);
    }
    EQUAL(LIMIT, atomic_load(admitted));
    STATUS(TIDEGATE_OK, tidegate_limiter_peek(engine, wide, NULL, 0, 1, &decision));
    EQUAL(5000 - LIMIT, decision.remaining);
}

static void keys_apart(void)
{
    STATUS(TIDEGATE_OK, tidegate_limiter_block(engine, keyed, "eve", 3, SECOND));
    STATUS(TIDEGATE_DENIED, tidegate_limiter_check(engine, keyed, "eve", 3, 1, &decision));
    CHECK(decision.retry_after_ns >= SECOND && decision.retry_after_ns < SECOND + 64);
    STATUS(TIDEGATE_OK, tidegate_limiter_block(engine, keyed, "eve", 3, 0));
    STATUS(TIDEGATE_OK, tidegate_limiter_check(engine, keyed, "eve", 3, 1, NULL));
    STATUS(TIDEGATE_OK, tidegate_limiter_allow(engine, keyed, "vip", 3, TIDEGATE_LIST_ALLOW));
    for (int call = 0; call < 9; call++) {
        STATUS(TIDEGATE_OK, tidegate_limiter_check(engine, keyed, "vip", 3, 2, NULL));
    }
    STATUS(TIDEGATE_OK, tidegate_limiter_allow(engine, keyed, "vip", 3, TIDEGATE_LIST_DENY));
    STATUS(TIDEGATE_DENIED, tidegate_limiter_check(engine, keyed, "vip", 3, 1, NULL));
    STATUS(TIDEGATE_OK, tidegate_limiter_allow(engine, keyed, "vip", 3, TIDEGATE_LIST_NONE));
    STATUS(TIDEGATE_OK, tidegate_limiter_check(engine, keyed, "vip", 3, 1, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_allow(engine, keyed, "vip", 3, 9));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_allow(engine, keyed, NULL, 0, 1));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_block(engine, bucket, "eve", 3, 1));
    STATUS(TIDEGATE_E_STALE, tidegate_limiter_block(engine, none, "eve", 3, 1));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_block(NULL, keyed, "eve", 3, 1));
    tidegate_limiter few = check_limiter(
        engine, "few",
        "{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,\"burst\":1,\"keyed\":true,"
        "\"max_keys\":4}");
    tidegate_status last = TIDEGATE_OK;
    for (int key = 0; key < 1000 && last == TIDEGATE_OK; key++) {
        last = tidegate_limiter_block(engine, few, (const char *)&key, sizeof key, SECOND);
    }
    STATUS(TIDEGATE_E_CAPACITY, last);
}

static void wrong_arguments(void)
{
    uint64_t wait = 0;
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_peek(engine, bucket, NULL, 0, 1, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_peek(engine, bucket, NULL, 0, 0, &decision));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_peek(engine, keyed, NULL, 0, 1, &decision));
    STATUS(TIDEGATE_E_RANGE, tidegate_limiter_peek(engine, bucket, NULL, 0, 6, &decision));
    STATUS(TIDEGATE_E_STALE, tidegate_limiter_peek(engine, none, NULL, 0, 1, &decision));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_reserve(engine, bucket, NULL, 0, 1, 0, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_reserve(engine, bucket, NULL, 0, 0, 0, &wait));
    STATUS(TIDEGATE_E_RANGE, tidegate_limiter_reserve(engine, bucket, NULL, 0, 6, SECOND, &wait));
    STATUS(TIDEGATE_E_STALE, tidegate_limiter_reserve(engine, none, NULL, 0, 1, 0, &wait));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_refund(engine, bucket, "x", 1, 1));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_refund(engine, bucket, NULL, 0, 0));
    STATUS(TIDEGATE_E_STALE, tidegate_limiter_refund(engine, none, NULL, 0, 1));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_penalize(NULL, bucket, NULL, 0, 1));
    STATUS(TIDEGATE_E_STALE, tidegate_limiter_penalize(engine, none, NULL, 0, 1));
}

static void fields_say(tidegate_limiter limiter, tidegate_status verdict, uint32_t style,
                       const char *expected)
{
    char text[400];
    size_t length = 0, again = 0;
    STATUS(TIDEGATE_OK, tidegate_limiter_headers(engine, limiter, &decision, verdict, style, NULL,
                                                 0, &length));
    STATUS(TIDEGATE_OK, tidegate_limiter_headers(engine, limiter, &decision, verdict, style, text,
                                                 sizeof text, &again));
    EQUAL(length, again);
    text[length] = '\0';
    if (strcmp(expected, text) != 0) {
        check_failed(__FILE__, __LINE__, text);
    }
    STATUS(TIDEGATE_E_SPACE, tidegate_limiter_headers(engine, limiter, &decision, verdict, style,
                                                      text, length - 1, &again));
}

static void http_fields(void)
{
    char text[400];
    size_t length = 0;
    decision = (tidegate_decision){5, 2, 0, 300 * MILLISECOND};
    fields_say(bucket, TIDEGATE_OK, TIDEGATE_HEADERS_CURRENT,
               "RateLimit-Policy: \"bucket\";q=5;w=1\r\nRateLimit: \"bucket\";r=2;t=1\r\n");
    decision = (tidegate_decision){5, 0, 1, 500 * MILLISECOND};
    fields_say(bucket, TIDEGATE_DENIED, TIDEGATE_HEADERS_CURRENT,
               "RateLimit-Policy: \"bucket\";q=5;w=1\r\nRateLimit: \"bucket\";r=0;t=1\r\n"
               "Retry-After: 1\r\n");
    decision = (tidegate_decision){3, 0, 59 * SECOND + 1, 60 * SECOND};
    fields_say(fixed, TIDEGATE_DENIED, TIDEGATE_HEADERS_DRAFT_06,
               "RateLimit-Policy: 3;w=60\r\nRateLimit-Limit: 3\r\nRateLimit-Remaining: 0\r\n"
               "RateLimit-Reset: 60\r\nRetry-After: 60\r\n");
    fields_say(fixed, TIDEGATE_OK, TIDEGATE_HEADERS_LEGACY,
               "X-RateLimit-Limit: 3\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 60\r\n");
    STATUS(TIDEGATE_OK, tidegate_limiter_problem(engine, fixed, &decision, text, sizeof text - 1, &length));
    text[length] = '\0';
    CHECK(strstr(text, "\"violated-policies\":[\"fixed\"]") != NULL);
    CHECK(strstr(text, "http-problem-types#quota-exceeded") != NULL);
    STATUS(TIDEGATE_E_SPACE, tidegate_limiter_problem(engine, fixed, &decision, text, 3, &length));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_problem(engine, fixed, NULL, NULL, 0, &length));
    STATUS(TIDEGATE_E_STALE, tidegate_limiter_problem(engine, none, &decision, NULL, 0, &length));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_limiter_headers(engine, fixed, &decision, -1, 0, NULL, 0, &length));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_limiter_headers(engine, fixed, &decision, 0, 3, NULL, 0, &length));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_limiter_headers(engine, fixed, &decision, 0, 0, NULL, 0, NULL));
    STATUS(TIDEGATE_E_STALE,
           tidegate_limiter_headers(engine, none, &decision, 0, 0, NULL, 0, &length));
}

static void observers_only_look(void)
{
    char path[80];
    snprintf(path, sizeof path, "/dev/shm/tidegate-units-%ld", (long)getpid());
    tidegate_engine *writer = check_open_path(path, "");
    tidegate_limiter one = check_limiter(writer, "one", "{\"preset\":\"auth\"}");
    tidegate_engine *observer = NULL;
    uint64_t wait = 0;
    NEED(STATUS(TIDEGATE_OK, tidegate_engine_attach(path, &observer)));
    tidegate_limiter_request request = {one, NULL, 0, 1};
    STATUS(TIDEGATE_OK, tidegate_limiter_peek(observer, one, NULL, 0, 1, &decision));
    STATUS(TIDEGATE_E_STATE, tidegate_limiter_check_all(observer, &request, 1, NULL, NULL));
    STATUS(TIDEGATE_E_STATE, tidegate_limiter_reserve(observer, one, NULL, 0, 1, 0, &wait));
    STATUS(TIDEGATE_E_STATE, tidegate_limiter_refund(observer, one, NULL, 0, 1));
    STATUS(TIDEGATE_E_STATE, tidegate_limiter_penalize(observer, one, NULL, 0, 1));
    STATUS(TIDEGATE_E_STATE, tidegate_limiter_block(observer, one, NULL, 0, 1));
    STATUS(TIDEGATE_E_STATE, tidegate_limiter_allow(observer, one, NULL, 0, 1));
    tidegate_engine_close(observer);
    tidegate_engine_close(writer);
    unlink(path);
}

int main(void)
{
    engine = check_open("{\"clock\":\"manual\"}");
    bucket = check_limiter(engine, "bucket",
                           "{\"algorithm\":\"token_bucket\",\"rate_per_second\":10,\"burst\":5}");
    keyed = check_limiter(
        engine, "keyed",
        "{\"algorithm\":\"sliding_window\",\"limit\":2,\"window_seconds\":60,\"keyed\":true}");
    fixed = check_limiter(engine, "fixed",
                          "{\"algorithm\":\"fixed_window\",\"limit\":3,\"window_seconds\":60}");
    RUN(answers_and_their_numbers);
    RUN(all_or_nothing);
    RUN(processes_never_admit_one_too_many);
    RUN(keys_apart);
    RUN(wrong_arguments);
    RUN(http_fields);
    RUN(observers_only_look);
    tidegate_engine_close(engine);
    return check_result();
}
