/* test_keys.c: limits for each key: isolation, what a key is, and a table that is full. */
#include "check.h"

static tidegate_engine *engine;

static tidegate_status ask(tidegate_limiter limiter, const char *key, size_t length)
{
    return tidegate_limiter_check(engine, limiter, key, length, 1, NULL);
}

/** Admitted checks for `key`, of `attempts`. */
static int admitted(tidegate_limiter limiter, const char *key, size_t length, int attempts)
{
    int count = 0;
    for (int attempt = 0; attempt < attempts; attempt++) {
        count += ask(limiter, key, length) == TIDEGATE_OK;
    }
    return count;
}

static tidegate_limiter keyed(const char *name, const char *more)
{
    char config[200];
    snprintf(config, sizeof config,
             "{\"algorithm\":\"sliding_window\",\"limit\":3,\"window_seconds\":10,"
             "\"keyed\":true%s}", more);
    return check_limiter(engine, name, config);
}

static void each_key_has_a_limit_of_its_own(void)
{
    char key[20];
    tidegate_limiter limiters[] = {
        keyed("own_w", ""),
        check_limiter(engine, "own_b", "{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,"
                                       "\"burst\":3,\"keyed\":true}"),
    };
    for (int at = 0; at < 2; at++) {
        for (int round = 0; round < 2; round++) {
            for (int user = 0; user < 1000; user++) {
                int length = snprintf(key, sizeof key, "user %d", user);
                EQUAL(round == 0 ? 3 : 0, admitted(limiters[at], key, (size_t)length, 4));
            }
        }
    }
}

static void a_key_is_any_bytes(void)
{
    const struct {
        const char *bytes;
        size_t length;
    } keys[] = {{"", 0},        {"\0", 1},      {"\0\0", 2},       {"a", 1},   {"a\0", 2},
                {"a\0b", 3},    {"a\0c", 3},    {"\xff\xfe", 2},   {"A", 1},   {"a ", 2},
                {"abcdefgh", 8}, {"abcdefghi", 9}, {"abcdefgh\0", 9}};
    tidegate_limiter limiter = keyed("bytes", "");
    for (size_t at = 0; at < sizeof keys / sizeof *keys; at++) {
        EQUAL(3, admitted(limiter, keys[at].bytes, keys[at].length, 5));
    }
}

static void a_key_has_at_most_64_kibibytes(void)
{
    static char key[64 * 1024 + 1];
    memset(key, 'k', sizeof key);
    tidegate_limiter limiter = keyed("long", "");
    EQUAL(3, admitted(limiter, key, sizeof key - 1, 5));
    EQUAL(3, admitted(limiter, key, sizeof key - 2, 5));
    STATUS(TIDEGATE_E_ARGUMENT, ask(limiter, key, sizeof key));
    STATUS(TIDEGATE_E_ARGUMENT, ask(limiter, key, SIZE_MAX));
}

static void a_key_stands_where_it_belongs(void)
{
    tidegate_limiter with = keyed("with", "");
    tidegate_limiter without = check_limiter(
        engine, "without", "{\"algorithm\":\"sliding_window\",\"limit\":3,\"window_seconds\":10}");
    STATUS(TIDEGATE_E_ARGUMENT, ask(with, NULL, 0));
    STATUS(TIDEGATE_E_ARGUMENT, ask(with, NULL, 3));
    STATUS(TIDEGATE_E_ARGUMENT, ask(without, "key", 3));
    STATUS(TIDEGATE_E_ARGUMENT, ask(without, "", 0));
    EQUAL(3, admitted(with, "key", 3, 5));
    EQUAL(3, admitted(without, NULL, 0, 5));
}

static void a_keys_numbers_are_exact(void)
{
    tidegate_decision decision;
    tidegate_limiter limiter = keyed("numbers", "");
    STATUS(TIDEGATE_OK, tidegate_limiter_check(engine, limiter, "a", 1, 2, &decision));
    EQUAL(1, decision.remaining);
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, SECOND));
    STATUS(TIDEGATE_DENIED, tidegate_limiter_check(engine, limiter, "a", 1, 2, &decision));
    EQUAL(3, decision.limit);
    EQUAL(1, decision.remaining);
    EQUAL(9 * SECOND, decision.retry_after_ns);
    EQUAL(9 * SECOND, decision.reset_after_ns);
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 9 * SECOND - 1));
    STATUS(TIDEGATE_DENIED, tidegate_limiter_check(engine, limiter, "a", 1, 2, NULL));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 1));
    STATUS(TIDEGATE_OK, tidegate_limiter_check(engine, limiter, "a", 1, 2, NULL));
    STATUS(TIDEGATE_E_RANGE, tidegate_limiter_check(engine, limiter, "a", 1, 4, NULL));
    STATUS(TIDEGATE_E_RANGE, tidegate_limiter_check(engine, limiter, "new", 3, UINT32_MAX, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_limiter_check(engine, limiter, "new", 3, 0, NULL));
}

/** Tries `count` keys once each; how many are admitted. */
static int crowd(tidegate_limiter limiter, int first, int count)
{
    int sum = 0;
    for (int user = first; user < first + count; user++) {
        sum += ask(limiter, (const char *)&user, sizeof user) == TIDEGATE_OK;
    }
    return sum;
}

static double tally(const char *name, const char *field)
{
    char place[80];
    snprintf(place, sizeof place, "\"name\":\"%s\"", name);
    return check_number(engine, place, field);
}

static void a_full_table_denies_new_keys_and_keeps_the_old(void)
{
    tidegate_decision decision;
    tidegate_limiter limiter = keyed("deny", ",\"max_keys\":100,\"when_full\":\"deny\"");
    EQUAL(100, crowd(limiter, 0, 100));
    int sum = crowd(limiter, 100, 2000);
    CHECK(sum < 2000);
    CHECK(tally("deny", "denied_full") == 2000 - sum);
    CHECK(tally("deny", "keys_used") == 100 + sum);
    EQUAL(100, crowd(limiter, 0, 100));
    int last = 2099;
    STATUS(TIDEGATE_DENIED, tidegate_limiter_check(engine, limiter, (const char *)&last,
                                                   sizeof last, 1, &decision));
    EQUAL(0, decision.remaining);
    EQUAL(10 * SECOND, decision.retry_after_ns);
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, decision.retry_after_ns));
    STATUS(TIDEGATE_OK, ask(limiter, (const char *)&last, sizeof last));
}

static void a_full_table_reuses_idle_keys_without_loss(void)
{
    tidegate_limiter limiter = keyed("reuse", ",\"max_keys\":100");
    for (int round = 0; round < 20; round++) {
        EQUAL(100, crowd(limiter, round * 100, 100));
        STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 10 * SECOND));
    }
    CHECK(tally("reuse", "reused") > 0);
    CHECK(tally("reuse", "evicted") == 0);
    CHECK(tally("reuse", "denied") == 0);
}

static void a_full_table_can_allow_new_keys(void)
{
    tidegate_limiter limiter = keyed("allow", ",\"max_keys\":10,\"when_full\":\"allow\"");
    EQUAL(2000, crowd(limiter, 0, 2000));
    CHECK(tally("allow", "allowed_full") > 0);
    CHECK(tally("allow", "allowed_full") + tally("allow", "keys_used") == 2000);
    EQUAL(2, admitted(limiter, (const char *)&(int){0}, sizeof(int), 5));
}

static void a_full_table_can_forget_the_idlest_key(void)
{
    tidegate_limiter limiter = keyed("evict", ",\"max_keys\":10,\"when_full\":\"evict\"");
    EQUAL(2000, crowd(limiter, 0, 2000));
    CHECK(tally("evict", "evicted") + tally("evict", "keys_used") == 2000);
    int newest = 1999;
    EQUAL(2, admitted(limiter, (const char *)&newest, sizeof newest, 5));
}

static void keys_that_do_not_fit_in_the_region_are_refused(void)
{
    tidegate_limiter limiter = {7};
    STATUS(TIDEGATE_E_CAPACITY, tidegate_limiter_open(engine, "giant",
        "{\"preset\":\"api\",\"keyed\":true,\"max_keys\":4294967296}", &limiter));
    EQUAL(7, limiter.id);
    STATUS(TIDEGATE_E_NOT_FOUND, tidegate_limiter_open(engine, "giant", NULL, &limiter));
}

int main(void)
{
    engine = check_open("{\"clock\":\"manual\"}");
    RUN(each_key_has_a_limit_of_its_own);
    RUN(a_key_is_any_bytes);
    RUN(a_key_has_at_most_64_kibibytes);
    RUN(a_key_stands_where_it_belongs);
    RUN(a_keys_numbers_are_exact);
    RUN(a_full_table_denies_new_keys_and_keeps_the_old);
    RUN(a_full_table_reuses_idle_keys_without_loss);
    RUN(a_full_table_can_allow_new_keys);
    RUN(a_full_table_can_forget_the_idlest_key);
    RUN(keys_that_do_not_fit_in_the_region_are_refused);
    tidegate_engine_close(engine);
    return check_result();
}
