/* test_limiter_config.c: which limiters can be made, and when a name is taken. */
#include "check.h"

static tidegate_engine *engine;

static void configurations_that_are_wrong_are_refused(void)
{
    static const char *const wrong[] = {
        "", "[]", "{", "{}", "{\"preset\":\"lax\"}", "{\"preset\":7}",
        "{\"preset\":\"api\",\"limit\":7}", "{\"algorithm\":\"leaky\"}",
        "{\"algorithm\":\"token_bucket\"}", "{\"preset\":\"api\",\"colour\":1}",
        "{\"preset\":\"api\",\"keyed\":1}", "{\"preset\":\"api\",\"max_keys\":9}",
        "{\"preset\":\"api\",\"keyed\":true,\"max_keys\":0}",
        "{\"preset\":\"api\",\"keyed\":true,\"max_keys\":9223372036854775808}",
        "{\"preset\":\"api\",\"keyed\":true,\"when_full\":\"panic\"}",
    };
    static const char *const numbers[] = {"0",   "-1",   "0.5",  "9223372036854775808",
                                          "1e30", "null", "\"5\"", "18446744073709551616"};
    char config[200];
    tidegate_limiter limiter = {7};
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        if (!STATUS(TIDEGATE_E_CONFIG, tidegate_limiter_open(engine, "no", wrong[at], &limiter))) {
            fprintf(stderr, "    for %s\n", wrong[at]);
        }
    }
    static const char *const forms[] = {
        "{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,\"burst\":%s}",
        "{\"algorithm\":\"sliding_window\",\"window_seconds\":1,\"limit\":%s}",
    };
    for (size_t at = 0; at < 2 * sizeof numbers / sizeof *numbers; at++) {
        snprintf(config, sizeof config, forms[at % 2], numbers[at / 2]);
        if (!STATUS(TIDEGATE_E_CONFIG, tidegate_limiter_open(engine, "no", config, &limiter))) {
            fprintf(stderr, "    for %s\n", config);
        }
    }
    EQUAL(7, limiter.id);
    STATUS(TIDEGATE_E_NOT_FOUND, tidegate_limiter_open(engine, "no", NULL, &limiter));
}

static tidegate_limiter open_one(const char *rate)
{
    char config[200];
    snprintf(config, sizeof config,
             "{\"algorithm\":\"token_bucket\",\"rate_per_second\":%s,\"burst\":3}", rate);
    return check_limiter(engine, "one", config);
}

static void a_name_has_one_configuration(void)
{
    tidegate_limiter first = open_one("2"), other = {7};
    EQUAL(first.id, open_one("2.0").id);
    EQUAL(first.id, check_limiter(engine, "one", NULL).id);
    static const char *const different[] = {
        "{\"algorithm\":\"token_bucket\",\"rate_per_second\":2,\"burst\":4}",
        "{\"algorithm\":\"token_bucket\",\"rate_per_second\":3,\"burst\":3}",
        "{\"algorithm\":\"token_bucket\",\"rate_per_second\":2,\"burst\":3,"
        "\"keyed\":true}",
        "{\"algorithm\":\"sliding_window\",\"limit\":3,\"window_seconds\":2}",
        "{\"preset\":\"api\"}",
    };
    for (size_t at = 0; at < sizeof different / sizeof *different; at++) {
        STATUS(TIDEGATE_E_CONFLICT, tidegate_limiter_open(engine, "one", different[at], &other));
    }
    EQUAL(7, other.id);
}

static void a_field_given_twice_is_named(void)
{
    static const char *const documents[][2] = {
        {"{\"service\":\"a\",\"service\":\"a\"}", "service"},
        {"{\"limiters\":{\"api\":{\"preset\":\"auth\",\"keyed\":true,\"keyed\":false}}}",
         "limiters.api.keyed"},
        {"{\"limiters\":{\"api\":{\"preset\":\"auth\"},\"api\":{\"preset\":\"api\"}}}",
         "limiters.api is given twice"},
    };
    char sentence[400];
    tidegate_limiter limiter;
    tidegate_counter counter;
    for (size_t at = 0; at < sizeof documents / sizeof *documents; at++) {
        tidegate_engine *none = NULL;
        STATUS(TIDEGATE_E_CONFIG, tidegate_engine_open(documents[at][0], &none));
        tidegate_last_error(sentence, sizeof sentence);
        CHECK(strstr(sentence, documents[at][1]) != NULL);
    }
    STATUS(TIDEGATE_E_CONFIG,
           tidegate_limiter_open(engine, "twice",
                                 "{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,"
                                 "\"burst\":1,\"burst\":1000}",
                                 &limiter));
    tidegate_last_error(sentence, sizeof sentence);
    CHECK(strstr(sentence, "burst") != NULL);
    STATUS(TIDEGATE_E_CONFIG,
           tidegate_counter_open(engine, "twice", "{\"labels\":{\"a\":\"1\",\"a\":\"2\"}}",
                                 &counter));
    tidegate_last_error(sentence, sizeof sentence);
    CHECK(strstr(sentence, "labels.a") != NULL);
}

static void limiters_end(void)
{
    char name[40];
    tidegate_limiter limiter;
    tidegate_engine *full = check_open(NULL);
    for (int number = 0; number < 256; number++) {
        snprintf(name, sizeof name, "limiter_%d", number);
        check_limiter(full, name, "{\"preset\":\"auth\"}");
    }
    STATUS(TIDEGATE_E_CAPACITY,
           tidegate_limiter_open(full, "one_more", "{\"preset\":\"auth\"}", &limiter));
    STATUS(TIDEGATE_E_NOT_FOUND, tidegate_allow_request(full, "one_more", NULL, 0));
    STATUS(TIDEGATE_OK, tidegate_allow_request(full, "limiter_255", NULL, 0));
    tidegate_engine_close(full);
}

int main(void)
{
    engine = check_open("{\"clock\":\"manual\"}");
    RUN(configurations_that_are_wrong_are_refused);
    RUN(a_name_has_one_configuration);
    RUN(a_field_given_twice_is_named);
    RUN(limiters_end);
    tidegate_engine_close(engine);
    return check_result();
}
