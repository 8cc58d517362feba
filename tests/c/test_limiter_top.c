/*
 * The keys that use a limiter most, and those that are denied most.
 */
#include "check.h"

static const char CONFIG[] =
    "{\"clock\":\"manual\","
    "\"limiters\":{"
    "\"ip\":{\"preset\":\"api\",\"keyed\":true,\"max_keys\":100,\"record_keys\":\"ip\"},"
    "\"mail\":{\"algorithm\":\"fixed_window\",\"limit\":2,\"window_seconds\":60,\"keyed\":true,"
    "\"shadow\":true,\"record_keys\":\"email\","
    "\"plans\":{\"pro\":{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,\"burst\":9}}},"
    "\"plain\":{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,\"burst\":3,\"keyed\":true,"
    "\"record_keys\":\"plain\",\"deny\":[\"mallory\"]},"
    "\"quiet\":{\"preset\":\"auth\",\"keyed\":true},"
    "\"all\":{\"preset\":\"auth\"}}}";

static tidegate_engine *engine;
static char text[65536];

static tidegate_limiter named(const char *name)
{
    tidegate_limiter limiter = {0};
    STATUS(TIDEGATE_OK, tidegate_limiter_open(engine, name, NULL, &limiter));
    return limiter;
}

static tidegate_status check(tidegate_limiter limiter, const char *key, uint32_t cost)
{
    return tidegate_limiter_check(engine, limiter, key, strlen(key), cost, NULL);
}

static const char *top(tidegate_limiter limiter, uint32_t by, size_t count)
{
    size_t length = 0;
    STATUS(TIDEGATE_OK,
           tidegate_limiter_top(engine, limiter, by, count, text, sizeof text - 1, &length));
    text[length] = 0;
    return text;
}

static void the_most_used_come_first(void)
{
    tidegate_limiter ip = named("ip");
    CHECK(strcmp(top(ip, TIDEGATE_TOP_USED, 10), "[]") == 0);
    STATUS(TIDEGATE_OK, check(ip, "192.0.2.7", 5));
    STATUS(TIDEGATE_OK, check(ip, "2001:db8:7:8::9", 900));
    STATUS(TIDEGATE_DENIED, check(ip, "2001:db8:7:8::9", 200));
    STATUS(TIDEGATE_OK, check(ip, "192.0.2.7", 2));
    CHECK(strcmp(top(ip, TIDEGATE_TOP_USED, 10),
                 "[{\"key\":\"2001:db8:7::/48\",\"used\":900,\"denied\":1,\"error_bound\":0},"
                 "{\"key\":\"192.0.2.0/24\",\"used\":7,\"denied\":0,\"error_bound\":0}]") == 0);
    CHECK(strcmp(top(ip, TIDEGATE_TOP_DENIED, 10),
                 "[{\"key\":\"2001:db8:7::/48\",\"used\":900,\"denied\":1,\"error_bound\":0}]") == 0);
    CHECK(strstr(top(ip, TIDEGATE_TOP_USED, 1), "192.0.2") == NULL);
}

static void shadows_plans_and_lists_are_counted(void)
{
    tidegate_limiter mail = named("mail"), plain = named("plain");
    STATUS(TIDEGATE_OK, check(mail, "sue@example.com", 2));
    STATUS(TIDEGATE_OK, check(mail, "sue@example.com", 1));
    STATUS(TIDEGATE_OK, tidegate_limiter_set_plan(engine, mail, "sue@example.com", 15, "pro"));
    STATUS(TIDEGATE_OK, check(mail, "sue@example.com", 9));
    CHECK(strcmp(top(mail, TIDEGATE_TOP_USED, 10),
                 "[{\"key\":\"s***@example.com\",\"used\":11,\"denied\":1,\"error_bound\":0}]") == 0);

    uint64_t wait = 0;
    STATUS(TIDEGATE_DENIED, check(plain, "mallory", 1));
    STATUS(TIDEGATE_OK, tidegate_limiter_reserve(engine, plain, "bob", 3, 3, SECOND, &wait));
    STATUS(TIDEGATE_DENIED, tidegate_limiter_reserve(engine, plain, "bob", 3, 3, SECOND, &wait));
    tidegate_limiter_request both[] = {{plain, "eve", 3, 1}, {mail, "eve", 3, 1}};
    STATUS(TIDEGATE_OK, tidegate_limiter_check_all(engine, both, 2, NULL, NULL));
    CHECK(strcmp(top(plain, TIDEGATE_TOP_USED, 10),
                 "[{\"key\":\"bob\",\"used\":3,\"denied\":1,\"error_bound\":0},"
                 "{\"key\":\"eve\",\"used\":1,\"denied\":0,\"error_bound\":0}]") == 0);
    CHECK(strcmp(top(plain, TIDEGATE_TOP_DENIED, 10),
                 "[{\"key\":\"bob\",\"used\":3,\"denied\":1,\"error_bound\":0},"
                 "{\"key\":\"mallory\",\"used\":0,\"denied\":1,\"error_bound\":0}]") == 0);
}

static void every_status(void)
{
    tidegate_limiter ip = named("ip"), none = {0};
    size_t length = 0, needed = 0;
    STATUS(TIDEGATE_OK, tidegate_limiter_top(engine, ip, 0, 10, NULL, 0, &needed));
    memset(text, 'x', sizeof text);
    STATUS(TIDEGATE_E_SPACE, tidegate_limiter_top(engine, ip, 0, 10, text, needed - 1, &length));
    EQUAL(needed, length);
    CHECK(text[0] == 'x');
    STATUS(TIDEGATE_OK, tidegate_limiter_top(engine, ip, 0, 10, text, needed, &length));
    EQUAL(needed, length);
    CHECK(text[0] == '[' && text[needed] == 'x');
    STATUS(TIDEGATE_OK, tidegate_limiter_top(engine, ip, 0, SIZE_MAX, text, sizeof text, &length));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_top(NULL, ip, 0, 1, text, sizeof text, &length));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_top(engine, ip, 0, 1, NULL, 9, &length));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_top(engine, ip, 0, 1, text, sizeof text, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_top(engine, ip, 0, 0, text, sizeof text, &length));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_top(engine, ip, 2, 1, text, sizeof text, &length));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_limiter_top(engine, named("quiet"), 0, 1, text, sizeof text, &length));
    STATUS(TIDEGATE_E_STALE,
           tidegate_limiter_top(engine, none, 0, 1, text, sizeof text, &length));
}

static void wrong_fields_are_named(void)
{
    const char *wrong[] = {
        "{\"preset\":\"auth\",\"record_keys\":\"ip\"}",
        "{\"preset\":\"auth\",\"keyed\":true,\"record_keys\":\"mac\"}",
        "{\"preset\":\"auth\",\"keyed\":true,\"record_keys\":true}",
    };
    tidegate_limiter limiter;
    char sentence[400];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        STATUS(TIDEGATE_E_CONFIG, tidegate_limiter_open(engine, "wrong", wrong[i], &limiter));
        tidegate_last_error(sentence, sizeof sentence);
        CHECK(strstr(sentence, "record_keys") != NULL);
    }
    STATUS(TIDEGATE_E_CONFLICT,
           tidegate_limiter_open(engine, "quiet",
                                 "{\"preset\":\"auth\",\"keyed\":true,\"record_keys\":\"hash\"}",
                                 &limiter));
    tidegate_last_error(sentence, sizeof sentence);
    CHECK(strstr(sentence, "record_keys none, not hash") != NULL);
}

int main(void)
{
    NEED(STATUS(TIDEGATE_OK, tidegate_engine_open(CONFIG, &engine)));
    RUN(the_most_used_come_first);
    RUN(shadows_plans_and_lists_are_counted);
    RUN(every_status);
    RUN(wrong_fields_are_named);
    tidegate_engine_close(engine);
    return check_result();
}
